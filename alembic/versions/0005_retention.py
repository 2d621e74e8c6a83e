"""Retention: what may not be deleted, how far a day's deletion is, and indexes by which what is over is found."""

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


def upgrade() -> None:
    """Make the two tables, their grants and the indexes; let the application delete stops that were lifted."""
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
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, postgresql_where=None if where is None else sa.text(where))
    # A veto that stands is never taken away, whoever asks.
    op.execute(
        "CREATE FUNCTION keep_standing_stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF OLD.lifted_at IS NULL THEN RAISE EXCEPTION 'a stop that stands is lifted, never deleted'; END IF;"
        " RETURN OLD; END $$"
    )
    op.execute(
        "CREATE TRIGGER keep_standing_stop BEFORE DELETE ON stops FOR EACH ROW EXECUTE FUNCTION keep_standing_stop()"
    )
    op.execute("GRANT DELETE ON stops TO proaktiv_app")


def downgrade() -> None:
    """Take them away again; refuse while something may not be deleted: nobody would remember it."""
    standing = op.get_bind().execute(sa.text("SELECT count(*) FROM holds WHERE released_at IS NULL")).scalar_one()
    if standing:
        raise RuntimeError(f"{standing} holds stand: release them first")
    op.execute("REVOKE DELETE ON stops FROM proaktiv_app")
    op.execute("DROP TRIGGER keep_standing_stop ON stops")
    op.execute("DROP FUNCTION keep_standing_stop()")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_table("retention_runs")
    op.drop_table("holds")
