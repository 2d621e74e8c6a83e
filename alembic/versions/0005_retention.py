"""Retention: what may be neither deleted nor destroyed, how far a day's deletion is, and indexes by which it is found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_auftraege_content", "auftraege", ["moved_at"], "content is not null"),
    ("ix_proposals_draft", "proposals", ["moved_at"], "draft is not null and state not in ('open', 'later')"),
    ("ix_event_facts_known", "event_facts", ["known_at"], None),
    ("ix_fetched_facts_known", "fetched_facts", ["known_at"], None),
    ("ix_answers_answered", "answers", ["answered_at"], None),
    ("ix_matches_facts", "matches", ["decided_at"], "facts is not null"),
    ("ix_deliveries_moved", "deliveries", ["moved_at"], "state <> 'announced'"),
    ("ix_register_events_arrived", "register_events", ["arrived_at"], "state in ('admitted', 'refused', 'stopped')"),
)
STANDING = (
    ("keep_standing_stop", "stops", "lifted_at", "lifted"),
    ("keep_standing_hold", "holds", "released_at", "released"),
)


def upgrade() -> None:
    """Make the two tables, their grants and the indexes; let only stops and holds be deleted that stand no more."""
    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=True),
        sa.Column("auftrag", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("placed_by", sa.String(64), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(64), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sa.CheckConstraint("(person is null) <> (auftrag is null)", name=op.f("ck_holds_one")),
    )
    op.create_index(
        "ix_holds_standing", "holds", ["person", "auftrag"], postgresql_where=sa.text("released_at is null")
    )
    op.create_table(
        "retention_runs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_retention_runs")),
    )
    for table in ("holds", "retention_runs"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO proaktiv_app")
        op.execute(f"GRANT SELECT ON {table} TO proaktiv_reader")
    # Whether somebody may be destroyed, and that nothing of the released ones names them afterwards.
    op.execute("GRANT SELECT (id, person, auftrag, released_at), DELETE ON holds TO proaktiv_eraser")
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=None if where is None else sa.text(where))
    # A veto or a hold that stands is never taken away, whoever asks.
    for name, table, ended, word in STANDING:
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF OLD.{ended} IS NULL THEN RAISE EXCEPTION 'a {table[:-1]} that stands is {word}, never deleted'; END IF;"
            " RETURN OLD; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    op.execute("GRANT DELETE ON stops TO proaktiv_app")


def downgrade() -> None:
    """Take them away again; refuse while something may not be deleted: nobody would remember it."""
    standing = op.get_bind().execute(sa.text("SELECT count(*) FROM holds WHERE released_at IS NULL")).scalar_one()
    if standing:
        raise RuntimeError(f"{standing} holds stand: release them first")
    op.execute("REVOKE DELETE ON stops FROM proaktiv_app")
    for name, table, _, _ in STANDING:
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("retention_runs")
    op.drop_table("holds")
