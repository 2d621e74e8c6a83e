"""Each look-up names an entry from the start, and whatever goes out names one that authorised it.

While nothing has left, a look-up names the entry by which it is wanted; of the ones that stand here already, the entry
by which their event or their enrolment was received. That what goes out was authorised is looked at by a trigger: a
foreign key cannot ask after the kind but by an index over every entry of the log for these few rows. It looks once, and
that is enough: no role changes an entry, and the foreign key keeps it there.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OUTWARD = {
    "deliveries": "INSERT OR UPDATE OF flow_id ON deliveries FOR EACH ROW",
    "handovers": "INSERT OR UPDATE OF flow_id ON handovers FOR EACH ROW",
    "lookups": "INSERT OR UPDATE OF state, flow_id ON lookups FOR EACH ROW WHEN (NEW.state IN ('announced', 'answered'))",
}

# As whoever writes: each role that may write these tables may read the log's ids and kinds.
AUTHORISED = """
CREATE FUNCTION names_authorised() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT FROM public.flow_log WHERE fid = NEW.flow_id AND kind = 1) THEN
        RAISE EXCEPTION 'what goes out names an authorised entry: % does not', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Name the entries; refuse where one cannot be found: a look-up without any would be one about nothing."""
    for table, column in (("register_events", "event"), ("enrolments", "enrolment")):
        op.execute(
            f"UPDATE lookups q SET flow_id = o.flow_id FROM {table} o WHERE q.flow_id IS NULL AND o.id = q.{column}"
            " AND EXISTS (SELECT FROM flow_log g WHERE g.fid = o.flow_id)"
        )
    left = op.get_bind().execute(sa.text("SELECT count(*) FROM lookups WHERE flow_id IS NULL")).scalar_one()
    if left:
        raise RuntimeError(f"{left} look-ups were never asked and no entry tells why they were wanted: delete them first")
    op.alter_column("lookups", "flow_id", nullable=False)
    op.drop_constraint("ck_lookups_flow", "lookups", type_="check")
    op.execute(AUTHORISED)
    for table, when in OUTWARD.items():
        op.execute(f"CREATE TRIGGER names_authorised AFTER {when} EXECUTE FUNCTION names_authorised()")


def downgrade() -> None:
    """Ask again only that something is named, and that of what went out; what is named stays."""
    for table in OUTWARD:
        op.execute(f"DROP TRIGGER names_authorised ON {table}")
    op.execute("DROP FUNCTION names_authorised")
    op.alter_column("lookups", "flow_id", nullable=True)
    op.execute(
        "ALTER TABLE lookups ADD CONSTRAINT ck_lookups_flow"
        " CHECK (state NOT IN ('announced', 'answered') OR flow_id IS NOT NULL)"
    )
