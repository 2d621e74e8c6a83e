"""Sequencer and eraser lose what they never needed, and what they may still write of the log goes one way alone.

The sequencer could delete signed checkpoints and move entries to other places; the eraser could wipe who looked, and
file an entry under somebody else. Now tiles and head only grow, parts of entries are only taken away, numbers of
persons only count on or end. The owner is not held: the succession ceremony writes the tree anew, and whoever owns the
tables can take a trigger down anyway, which is why the owner's URL is for migrations and ceremonies.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SEQUENCER = "proaktiv_sequencer"
ERASER = "proaktiv_eraser"

# Without a schema, a temporary table of that name would be found first, and anybody can make one.
REFUSES = """
CREATE FUNCTION refuses_all_but_the_owner() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_has_role(current_user, (SELECT relowner FROM pg_catalog.pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', TG_ARGV[0];
END $$
"""

NO_MORE = -(2**62)
FULL = 256 * 32

# (name, table, when, condition, what is said). What is refused stands in the condition: a row that is as it must be
# calls no function, so the log pays for a comparison and no more.
TRIGGERS = (
    (
        "only_grows",
        "tile",
        "UPDATE",
        "substr(NEW.data, 1, length(OLD.data)) <> OLD.data"
        f" OR length(NEW.data) > {FULL} AND length(NEW.data) > length(OLD.data)"
        " OR OLD.halfway IS NOT NULL AND NEW.halfway IS DISTINCT FROM OLD.halfway",
        "a tile of the log only grows, at its end and until it is full",
    ),
    (
        "only_grows",
        "log_head",
        "UPDATE",
        "NEW.size < OLD.size OR NEW.size = OLD.size AND NEW.root <> OLD.root",
        "the head of the log only grows",
    ),
    (
        "only_erased",
        "flow_secret",
        "UPDATE",
        "NEW.subj IS NOT NULL OR NEW.s_blob IS NOT NULL OR OLD.subj IS NULL AND OLD.s_blob IS NOT NULL",
        "the part of an entry that is about a person is only taken away, whole",
    ),
    (
        "only_counts_on",
        "subject_heads",
        "UPDATE OF seq",
        # One more than NO_MORE is refused by ck_subject_heads_open, as whoever comes too late expects it.
        f"NEW.seq <> {NO_MORE} AND (OLD.seq > 0 AND NEW.seq <= OLD.seq OR OLD.seq < 0 AND NEW.seq > 0"
        f" OR current_user = '{ERASER}')",
        "numbers of a person only count on, and the eraser only ends them",
    ),
    (
        "begins_at_its_end",
        "subject_heads",
        "INSERT",
        f"current_user = '{ERASER}' AND NEW.seq <> {NO_MORE}",
        "numbers of a person only count on, and the eraser only ends them",
    ),
)


def upgrade() -> None:
    """Take the rights away and make the triggers. Takes no time: no row is looked at."""
    op.execute(f"REVOKE UPDATE, DELETE ON flow_leaf, checkpoint, tile, log_head FROM {SEQUENCER}")
    op.execute(f"REVOKE INSERT ON log_head FROM {SEQUENCER}")
    op.execute(f"GRANT UPDATE (data, halfway) ON tile TO {SEQUENCER}")
    op.execute(f"GRANT UPDATE (size, root) ON log_head TO {SEQUENCER}")
    op.execute(f"REVOKE UPDATE (a_blob) ON flow_secret FROM {ERASER}")
    op.execute(REFUSES)
    for name, table, when, condition, said in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH ROW WHEN ({condition})"
            f" EXECUTE FUNCTION refuses_all_but_the_owner('{said}')"
        )


def downgrade() -> None:
    """Give it all back."""
    for name, table, *_ in TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute("DROP FUNCTION refuses_all_but_the_owner()")
    op.execute(f"GRANT UPDATE (a_blob) ON flow_secret TO {ERASER}")
    op.execute(f"REVOKE UPDATE (data, halfway) ON tile FROM {SEQUENCER}")
    op.execute(f"REVOKE UPDATE (size, root) ON log_head FROM {SEQUENCER}")
    op.execute(f"GRANT INSERT ON log_head TO {SEQUENCER}")
    op.execute(f"GRANT UPDATE, DELETE ON flow_leaf, checkpoint, tile, log_head TO {SEQUENCER}")
