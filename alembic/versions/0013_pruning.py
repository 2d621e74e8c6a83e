"""Erasure and retention of the log: holds on entries, who waits for erasure, and the one way in which entries go.

No role may delete from the log, the eraser neither. It may call ``flow_log_prune``, which runs as the owner and keeps,
whoever asks, what is young, unsigned, held by ``legal_hold``, or still named by a delivery, a hand-over or a look-up.
Holds on persons and Aufträge it cannot see: ``flowlog.keeping.retention`` looks at these.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ERASER = "proaktiv_eraser"
OUTWARD = ("deliveries", "handovers", "lookups")

# One year is the shortest that any statute about such logs allows (§ 13 WRegG, § 21a BZRG): younger rows never go.
PRUNE = r"""
CREATE FUNCTION flow_log_prune(below bigint, gone uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    young timestamptz := now() + make_interval(secs => (SELECT offset_seconds FROM demo_clock)) - interval '365 days';
    n bigint;
BEGIN
    IF below % 256 <> 0 OR below > (SELECT coalesce(max(size), 0) FROM checkpoint) THEN
        RAISE EXCEPTION 'the log is pruned in steps of 256, and where it is signed';
    END IF;
    IF EXISTS (SELECT FROM unnest(gone) AS f (fid) LEFT JOIN flow_leaf l USING (fid) WHERE coalesce(l.idx, below) >= below)
    THEN
        RAISE EXCEPTION 'an entry has no place before %', below;
    END IF;
    IF EXISTS (SELECT FROM flow_log WHERE fid = ANY (gone) AND t > young) THEN
        RAISE EXCEPTION 'an entry is younger than a year';
    END IF;
    -- What accounts for others stays as long as the log: erasures, key events, successions, retention itself.
    IF EXISTS (SELECT FROM flow_log WHERE fid = ANY (gone) AND (kind IN (3, 5, 7) OR kind = 6 AND purpose = 'protokoll'))
    THEN
        RAISE EXCEPTION 'an entry accounts for others';
    END IF;
    IF EXISTS (
        SELECT FROM flow_log g JOIN legal_hold h ON h.released_at IS NULL
            AND (h.fid = g.fid
                 OR g.t >= h.from_at AND g.t < h.until_at AND (h.purpose = '' OR h.purpose = g.purpose))
        WHERE g.fid = ANY (gone)
    ) THEN
        RAISE EXCEPTION 'an entry is held';
    END IF;
    UPDATE subject_heads h SET pruned = h.pruned + s.n FROM (
        SELECT subj, count(*) AS n FROM flow_secret JOIN flow_log g USING (fid)
        WHERE fid = ANY (gone) AND subj IS NOT NULL
          AND position('"restrict"\:true' IN encode(g.f_bytes, 'escape')) = 0
        GROUP BY subj ORDER BY subj
    ) s WHERE h.subj = s.subj;
    DELETE FROM flow_secret WHERE fid = ANY (gone);
    DELETE FROM flow_log WHERE fid = ANY (gone);
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$
"""

READS = {
    "flow_log": "fid, kind, t, purpose, outcome, f_bytes",
    "checkpoint": "size",
    "log_head": "size",
    "deliveries": "flow_id",
    "handovers": "flow_id",
    "lookups": "flow_id",
    "legal_hold": "id, fid, from_at, until_at, purpose, released_at",
}


def upgrade() -> None:
    """Make the tables and the function; let each look-up name an entry that exists, as deliveries and hand-overs do."""
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("fid", sa.Uuid(), nullable=True),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("purpose", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("placed_by", sa.String(64), nullable=False),
        sa.Column("placed_and", sa.String(64), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(64), nullable=False),
        sa.Column("released_and", sa.String(64), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
        sa.CheckConstraint(
            "(fid is null) = (from_at is not null and until_at is not null)", name=op.f("ck_legal_hold_what")
        ),
        sa.CheckConstraint("lower(placed_by) <> lower(placed_and)", name=op.f("ck_legal_hold_four_eyes")),
        sa.CheckConstraint(
            "released_at is null or lower(released_by) <> lower(released_and)", name=op.f("ck_legal_hold_released")
        ),
    )
    op.create_index("ix_legal_hold_standing", "legal_hold", ["fid"], postgresql_where=sa.text("released_at is null"))
    op.execute("GRANT SELECT, INSERT, UPDATE (released_by, released_and, released_at) ON legal_hold TO proaktiv_app")
    op.execute("GRANT SELECT ON legal_hold TO proaktiv_reader")
    op.create_table(
        "erasures",
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_and", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_erasures")),
    )
    op.execute(f"GRANT SELECT, INSERT, DELETE ON erasures TO {ERASER}")
    op.add_column("subject_heads", sa.Column("pruned", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index("ix_flow_secret_erased", "flow_secret", ["fid"], postgresql_where=sa.text("s_blob is null"))
    for table in OUTWARD:  # without them each entry that goes would read these tables from end to end
        op.create_index(f"ix_{table}_flow", table, ["flow_id"])
    op.create_foreign_key(op.f("fk_lookups_flow_id"), "lookups", "flow_log", ["flow_id"], ["fid"])
    op.execute(PRUNE)
    op.execute("REVOKE ALL ON FUNCTION flow_log_prune FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION flow_log_prune TO {ERASER}")
    for table, columns in READS.items():
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO {ERASER}")
    # How many numbers retention took is said by the function alone: whoever could raise it could hide a theft.
    op.execute(f"REVOKE INSERT, UPDATE ON subject_heads FROM proaktiv_app, {ERASER}")
    op.execute(f"GRANT INSERT (subj, seq), UPDATE (seq) ON subject_heads TO proaktiv_app, {ERASER}")


def downgrade() -> None:
    """Take it away again; refuse where somebody would be forgotten or an entry that went would look like a theft."""
    bind = op.get_bind()
    for query, left in (
        ("SELECT count(*) FROM legal_hold WHERE released_at IS NULL", "holds on entries stand"),
        ("SELECT count(*) FROM erasures", "persons wait to be erased"),
        ("SELECT count(*) FROM subject_heads WHERE pruned > 0", "persons lost entries to retention"),
    ):
        n = bind.execute(sa.text(query)).scalar_one()
        if n:
            raise RuntimeError(f"{n} {left}: no way back")
    op.execute(f"REVOKE INSERT (subj, seq), UPDATE (seq) ON subject_heads FROM proaktiv_app, {ERASER}")
    op.execute("GRANT INSERT, UPDATE ON subject_heads TO proaktiv_app")
    op.execute(f"GRANT INSERT, UPDATE (seq) ON subject_heads TO {ERASER}")
    op.execute("DROP FUNCTION flow_log_prune")
    op.drop_constraint("fk_lookups_flow_id", "lookups", type_="foreignkey")
    for table in OUTWARD:
        op.drop_index(f"ix_{table}_flow", table_name=table)
        op.execute(f"REVOKE SELECT (flow_id) ON {table} FROM {ERASER}")
    op.drop_index("ix_flow_secret_erased", table_name="flow_secret")
    op.drop_column("subject_heads", "pruned")
    op.drop_table("erasures")
    op.drop_table("legal_hold")
    for table in ("flow_log", "checkpoint", "log_head"):
        op.execute(f"REVOKE SELECT ({READS[table]}) ON {table} FROM {ERASER}")
