"""Whoever lets entries go waits for a hold that is being placed, and lets none be placed until the commit.

``flowlog.keeping.retention`` takes this turn before it looks; now ``flow_log_prune`` takes it as well, so that it holds whoever
calls: between its look at the holds and its end nobody places one. It looks at what is committed, so it is refused where
the transaction sees an older state.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# The first eight bytes of ``HOLDS_LOCK``, as ``proaktiv.locks`` numbers them.
TURN = """
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an older state would not show every hold: entries go in READ COMMITTED alone';
    END IF;
    PERFORM pg_advisory_xact_lock(('x' || encode('holds.pl'::bytea, 'hex'))::bit(64)::bigint);
"""

PRUNE = r"""
CREATE OR REPLACE FUNCTION flow_log_prune(below bigint, gone uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    young timestamptz := now() + make_interval(secs => (SELECT offset_seconds FROM demo_clock)) - interval '365 days';
    n bigint;
BEGIN{turn}
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


def upgrade() -> None:
    """Let the function take its turn; who may call it stays."""
    op.execute(PRUNE.format(turn=TURN))


def downgrade() -> None:
    """Leave the turn to the caller again."""
    op.execute(PRUNE.format(turn=""))
