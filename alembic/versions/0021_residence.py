"""Where somebody's address comes from, and what makes it doubtful; who moved before this revision is in doubt.

Until now the address of an enrolment stayed for ever. Of whom a move was reported since, nobody knows here where letters
must go: they wait, and a task says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_MOVED_SINCE = """
INSERT INTO address_doubts (person, event, since, reported_at)
SELECT contacts.person, moved.event, now(), moved.arrived_at
FROM contacts JOIN (
    SELECT facts.person, events.id AS event, events.arrived_at
    FROM event_facts facts JOIN register_events events ON events.id = facts.event
    WHERE events.kind = 'umzug' AND events.state <> 'stopped'
    UNION
    SELECT known.person, events.id, events.arrived_at
    FROM person_identifiers known
    JOIN event_subjects subjects ON subjects.lookup_hash = known.lookup_hash AND known.kind = 'register_id'
    JOIN register_events events ON events.id = subjects.event
    WHERE events.kind = 'umzug' AND events.state <> 'stopped'
) moved ON moved.person = contacts.person AND moved.arrived_at >= contacts.known_at
"""


def upgrade() -> None:
    """Add the column and the table, and doubt the address of everybody who is known to have moved since."""
    op.add_column("contacts", sa.Column("event", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_contacts_event"), "contacts", ["event"])
    op.create_table(
        "address_doubts",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "event", name=op.f("pk_address_doubts")),
    )
    op.create_index(op.f("ix_address_doubts_event"), "address_doubts", ["event"])
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON address_doubts TO proaktiv_app")
    op.execute("GRANT SELECT (person, event), DELETE ON address_doubts TO proaktiv_eraser")
    op.execute(_MOVED_SINCE)


def downgrade() -> None:
    """Take them away again; refuse while letters would go to an address that may be wrong."""
    in_doubt = op.get_bind().execute(sa.text("SELECT count(*) FROM address_doubts")).scalar_one()
    if in_doubt:
        raise RuntimeError(f"{in_doubt} addresses are in doubt: without the table letters would go there")
    op.drop_table("address_doubts")
    op.drop_index(op.f("ix_contacts_event"), table_name="contacts")
    op.drop_column("contacts", "event")
