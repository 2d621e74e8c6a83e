"""What the rotation of keys and the destruction of persons need: two roles' grants, and what never comes back.

Keys wrapped before this revision bear the name "<compartment>-1", which tells no KEK from another: whoever holds a KEK
of that compartment tries it, and the first `proaktiv keys rotate` gives them the name of the KEK that wraps them. A
migration cannot: it holds no KEK.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEEPER = "proaktiv_keeper"
ERASER = "proaktiv_eraser"

# Deleted whole; the columns are what its WHERE asks. No sealed column among them: the eraser reads nobody's data.
ERASED = {
    "answers": "person",
    "bundles": "id, person",
    "codes": "person",
    "contacts": "person",
    "enrolments": "id, person",
    "event_facts": "event, person",
    "event_subjects": "event, role, lookup_hash",
    "fetched_facts": "person",
    "lookups": "id, person, event, state, lease_until",
    "matches": "person",
    "person_identifiers": "kind, lookup_hash, person",
    "persons": "person, status",
    "proposals": "id, person, bundle, leistung, state",
    "relations": "from_person, to_person, kind, known_to",
    "sessions": "person",
    "signatures": "auftrag, person, state, bundle",
    "wiedervorlagen": "person",
}

# What stays without its person, what is ended, and where it is told.
CHANGED = {
    "auftraege": "SELECT (id, reference, proposal, person, leistung, behoerde, state, undone_at),"
    " UPDATE (person, content, shown_mac, state, due_at, moved_at)",
    "handovers": "SELECT (id, auftrag, person, state), UPDATE (person)",
    "deliveries": "SELECT (id, person, matter, state, lease_until),"
    " UPDATE (person, state, reason, due_at, lease_until, worker, moved_at)",
    "acknowledgements": "SELECT (id, handover), UPDATE (text)",
    "signatures": "UPDATE (content)",
    "register_events": "SELECT (id, state, due_at), UPDATE (state, due_at)",
    "tasks": "SELECT (id, matter, done_at), UPDATE (done_at, how)",
    "subject_heads": "SELECT, INSERT, UPDATE (seq)",
    "flow_log": "INSERT",
    "flow_secret": "INSERT",
    "flow_queue": "INSERT",
    "flow_leaf": "SELECT",
    "staff_keys": "SELECT, INSERT",
    "consent_activities": "SELECT",
    "consent_heads": "SELECT, INSERT, UPDATE",
    "consent_ledger": "SELECT, INSERT",
    "consent_notices": "SELECT",
    "consent_subjects": "SELECT, INSERT, UPDATE (epoch)",
    "demo_clock": "SELECT",
}

KEPT = {
    "vault_keys": "SELECT, INSERT, UPDATE (kek, wrapped)",
    "persons": "SELECT (person)",
    "flow_log": "SELECT, INSERT",
    "flow_secret": "INSERT",
    "flow_queue": "INSERT",
    "staff_keys": "SELECT, INSERT",
    "alembic_version": "SELECT",
}

STAYS_DESTROYED = """
CREATE FUNCTION vault_keys_stay_destroyed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'destroyed' THEN
        RAISE EXCEPTION 'the keys of person % are destroyed, for ever', OLD.person;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(
        "ALTER TABLE vault_keys ADD CONSTRAINT ck_vault_keys_state CHECK ("
        " (state = 'active' AND wrapped IS NOT NULL AND destroyed_at IS NULL)"
        " OR (state = 'destroyed' AND wrapped IS NULL AND destroyed_at IS NOT NULL))"
    )
    op.execute(STAYS_DESTROYED)
    op.execute(
        "CREATE TRIGGER vault_keys_stay_destroyed BEFORE UPDATE OR DELETE ON vault_keys"
        " FOR EACH ROW EXECUTE FUNCTION vault_keys_stay_destroyed()"
    )
    # Whoever read a person's keys just before they were destroyed cannot write an entry about them afterwards.
    op.execute(f"ALTER TABLE subject_heads ADD CONSTRAINT ck_subject_heads_open CHECK (seq > 0 OR seq = {-(2**62)})")
    there = set(op.get_bind().execute(sa.text("SELECT rolname FROM pg_roles")).scalars())
    if KEEPER not in there:
        op.execute(f"CREATE ROLE {KEEPER} LOGIN")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {KEEPER}")
    for table, columns in ERASED.items():
        op.execute(f"GRANT SELECT ({columns}), DELETE ON {table} TO {ERASER}")
    for role, grants in ((ERASER, CHANGED), (KEEPER, KEPT)):
        for table, rights in grants.items():
            op.execute(f"GRANT {rights} ON {table} TO {role}")
    op.execute(f"GRANT USAGE ON SEQUENCE consent_ledger_seq_seq TO {ERASER}")


def downgrade() -> None:
    """Go back. Refused where somebody was destroyed or a KEK was named: the older program would not know either."""
    connection = op.get_bind()
    changed = connection.execute(
        sa.text("SELECT count(*) FROM vault_keys WHERE state = 'destroyed' OR kek <> compartment || '-1'")
    ).scalar_one()
    if changed:
        raise RuntimeError(f"{changed} keys are destroyed or under a named KEK: no way back")
    op.execute(f"REVOKE USAGE ON SEQUENCE consent_ledger_seq_seq FROM {ERASER}")
    for table in (*ERASED, *CHANGED):
        op.execute(f"REVOKE ALL ON {table} FROM {ERASER}")
    op.execute(f"GRANT SELECT, UPDATE (subj, s_blob, a_blob) ON flow_secret TO {ERASER}")
    for table in KEPT:
        op.execute(f"REVOKE ALL ON {table} FROM {KEEPER}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {KEEPER}")
    op.execute("ALTER TABLE subject_heads DROP CONSTRAINT ck_subject_heads_open")
    op.execute("DROP TRIGGER vault_keys_stay_destroyed ON vault_keys")
    op.execute("DROP FUNCTION vault_keys_stay_destroyed()")
    op.execute("ALTER TABLE vault_keys DROP CONSTRAINT ck_vault_keys_state")
