"""What makes the walls whole: undo, second signatures, answers, silence, wiedervorlagen, a clerk's way out of a task.

An Auftrag that was taken back stays as it is and its proposal may get another one: unique is the one that stands.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_event"), "answers", ["event"])
    op.create_index(op.f("ix_answers_person"), "answers", ["person"])
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON answers TO proaktiv_app")
    op.execute("GRANT SELECT ON answers TO proaktiv_reader")
    _auftraege()
    _signatures()
    _proposals()
    op.add_column("bundles", sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_bundles_remind",
        "bundles",
        ["remind_at"],
        postgresql_where=sa.text("state = 'open' and remind_at is not null"),
    )
    op.add_column("wiedervorlagen", sa.Column("due_on", sa.Date(), nullable=True))
    op.create_unique_constraint(
        op.f("uq_wiedervorlagen_event_person_what"), "wiedervorlagen", ["event", "person", "what"]
    )
    op.create_index("ix_wiedervorlagen_due", "wiedervorlagen", ["due_month"])
    op.add_column("tasks", sa.Column("how", sa.String(24), nullable=False, server_default=""))
    op.alter_column("tasks", "how", server_default=None)
    op.create_index("ix_tasks_matter", "tasks", ["matter"], postgresql_where=sa.text("done_at is null"))


def _auftraege() -> None:
    op.add_column("auftraege", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("auftraege", sa.Column("ohne_zweite", sa.String(32), nullable=False, server_default=""))
    op.alter_column("auftraege", "ohne_zweite", server_default=None)
    op.add_column("auftraege", sa.Column("signature_by", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("uq_auftraege_proposal"), "auftraege", type_="unique")
    op.create_index(
        "uq_auftraege_proposal",
        "auftraege",
        ["proposal"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.drop_index("ix_auftraege_due", "auftraege")
    op.create_index(
        "ix_auftraege_due",
        "auftraege",
        ["due_at"],
        postgresql_where=sa.text("state in ('held', 'ready', 'awaiting_signature')"),
    )


def _signatures() -> None:
    op.add_column("signatures", sa.Column("state", sa.String(12), nullable=False, server_default="signed"))
    op.alter_column("signatures", "state", server_default=None)
    op.add_column("signatures", sa.Column("bundle", sa.Uuid(), nullable=True))
    op.add_column("signatures", sa.Column("content", sa.LargeBinary(), nullable=True))
    for name in ("trust", "shown_mac", "at"):
        op.alter_column("signatures", name, nullable=True)
    op.create_index("ix_signatures_person", "signatures", ["person"])
    op.create_index("ix_signatures_bundle", "signatures", ["bundle"], postgresql_where=sa.text("bundle is not null"))


def _proposals() -> None:
    op.add_column("proposals", sa.Column("outcome", sa.String(12), nullable=False, server_default="auftrag"))
    op.alter_column("proposals", "outcome", server_default=None)
    op.add_column("proposals", sa.Column("closed_by", sa.Uuid(), nullable=True))
    op.create_index("ix_proposals_event", "proposals", ["event"])
    op.create_index("ix_proposals_group", "proposals", ["group_key"], postgresql_where=sa.text("group_key is not null"))
    op.create_index(
        "ix_proposals_closed_by", "proposals", ["closed_by"], postgresql_where=sa.text("closed_by is not null")
    )


def downgrade() -> None:
    """Go back. Refused where an Auftrag was taken back: the older tables cannot hold two of one proposal."""
    undone = op.get_bind().execute(sa.text("SELECT count(*) FROM auftraege WHERE undone_at IS NOT NULL")).scalar_one()
    if undone:
        raise RuntimeError(f"{undone} Aufträge were taken back; the older tables cannot hold them")
    op.drop_index("ix_tasks_matter", "tasks")
    op.drop_column("tasks", "how")
    op.drop_index("ix_wiedervorlagen_due", "wiedervorlagen")
    op.drop_constraint(op.f("uq_wiedervorlagen_event_person_what"), "wiedervorlagen", type_="unique")
    op.drop_column("wiedervorlagen", "due_on")
    op.drop_index("ix_bundles_remind", "bundles")
    op.drop_column("bundles", "remind_at")
    for index in ("ix_proposals_closed_by", "ix_proposals_group", "ix_proposals_event"):
        op.drop_index(index, "proposals")
    op.drop_column("proposals", "closed_by")
    op.drop_column("proposals", "outcome")
    op.execute("DELETE FROM signatures WHERE state <> 'signed'")
    op.drop_index("ix_signatures_bundle", "signatures")
    op.drop_index("ix_signatures_person", "signatures")
    for name in ("trust", "shown_mac", "at"):
        op.alter_column("signatures", name, nullable=False)
    for name in ("content", "bundle", "state"):
        op.drop_column("signatures", name)
    op.drop_index("ix_auftraege_due", "auftraege")
    op.create_index(
        "ix_auftraege_due", "auftraege", ["due_at"], postgresql_where=sa.text("state in ('held', 'ready')")
    )
    op.drop_index("uq_auftraege_proposal", "auftraege")
    op.create_unique_constraint(op.f("uq_auftraege_proposal"), "auftraege", ["proposal"])
    op.drop_column("auftraege", "signature_by")
    op.drop_column("auftraege", "ohne_zweite")
    op.drop_column("auftraege", "undone_at")
    op.drop_table("answers")
