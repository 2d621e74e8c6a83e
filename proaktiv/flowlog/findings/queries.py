"""The questions of ``flowlog.findings`` in SQL: a city's month is a million entries, so each reads them once at most.

What is cast was compared before: bytes that somebody changed must become a finding, not an error. JCS has one spelling,
and in a string its quotes would be escaped: a search for a key's bytes finds that key and nothing else. What odd rows a
question finds is MATERIALIZED before they get their place: PostgreSQL expects many, finds none, and would otherwise
walk the log in order, alone and slowly, to be quick about the first thousand.
Left to others: what the answers mean, how long one may take. Source: flowlog.md §§ 3, 5, 8.
"""

from sqlalchemy import text

from proaktiv.core.flows import Kind

# As bytes: 226f66223a22 is "of":", and the 36 characters behind it an id; of bytes without it some others, which are
# none. 7072…0a46 is what goes before facts that are hashed: proaktiv/commit/v1, a new line, F. 7072…0a is how the 115
# bytes of an entry begin: proaktiv/flow/v1, a new line.
NO_OUTCOME = text(
    r"""
    WITH ended AS MATERIALIZED (
        SELECT encode(substring(f_bytes FROM position('\x226f66223a22'::bytea IN f_bytes) + 6 FOR 36), 'escape') AS of
        FROM flow_log WHERE kind = :outcome AND fid >= :since
    ), odd AS MATERIALIZED (
        SELECT fid FROM flow_log g WHERE kind = :authorised AND fid >= :since AND fid < :until
            AND NOT EXISTS (SELECT FROM ended WHERE ended.of = g.fid::text)
    )
    SELECT fid, g.t AS at, l.idx FROM odd JOIN flow_log g USING (fid) LEFT JOIN flow_leaf l USING (fid)
    WHERE l.idx IS NULL OR l.idx >= :minimum ORDER BY fid LIMIT :most
    """
)
NO_AUTHORISATION = text(
    r"""
    WITH odd AS MATERIALIZED (
        SELECT fid, t, of FROM (
            SELECT fid, t,
                encode(substring(f_bytes FROM position('\x226f66223a22'::bytea IN f_bytes) + 6 FOR 36), 'escape') AS of
            FROM flow_log WHERE kind = :outcome AND fid >= :since OFFSET 0
        ) ended
        WHERE NOT EXISTS (SELECT FROM flow_log a WHERE a.kind = :authorised AND a.fid::text = ended.of)
    )
    SELECT fid, t AS at, l.idx FROM odd LEFT JOIN flow_leaf l USING (fid)
    WHERE NOT EXISTS (SELECT FROM flow_leaf p WHERE p.fid::text = odd.of AND p.idx < :minimum)
    ORDER BY fid LIMIT :most
    """
)
QUEUED = text("SELECT fid, ts AS at FROM flow_queue WHERE ts < :late ORDER BY qid LIMIT :most")
CONTRADICTED = text(
    "SELECT witness, size, at, settled_at FROM contradiction WHERE settled_at IS NULL OR settled_at >= :from"
    " ORDER BY at LIMIT :most"
)
# Two questions in one reading. Most rows say in their columns what their bytes say, letter by letter and in the order
# of JCS; only what does not, or has a quote in it, is read as JSON to be sure.
CHANGED = text(
    r"""
    WITH odd AS MATERIALIZED (
        SELECT fid, t, facts FROM (
            SELECT fid, t, CASE
                WHEN sha256('\x70726f616b7469762f636f6d6d69742f76310a46'::bytea || f_salt || f_bytes)
                    <> substring(entry FROM 20 FOR 32) THEN true
                WHEN octet_length(entry) <> 115 OR entry < '\x70726f616b7469762f666c6f772f76310a'::bytea
                    OR entry >= '\x70726f616b7469762f666c6f772f76310b'::bytea THEN true
                WHEN label IS NOT NULL AND position('"' IN concat(sender, receiver, purpose, basis, scope, outcome)) = 0
                    AND position(convert_to('"basis":"' || basis || '",', 'UTF8') IN f_bytes) > 0
                    AND position(
                        convert_to('"from":"' || sender || '","kind":"' || label || '",', 'UTF8') IN f_bytes
                    ) > 0
                    AND position(convert_to(CASE outcome WHEN '' THEN '' ELSE '"outcome":"' || outcome || '",' END
                        || '"purpose":"' || purpose || '",', 'UTF8') IN f_bytes) > 0
                    AND position(convert_to(CASE scope WHEN '' THEN '' ELSE '"scope":"' || scope || '",' END
                        || '"t":"' || to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                        || '","to":"' || receiver || '",', 'UTF8') IN f_bytes) > 0
                    AND (outcome <> '' OR position('\x226f7574636f6d65223a'::bytea IN f_bytes) = 0)
                    AND (scope <> '' OR position('\x2273636f7065223a'::bytea IN f_bytes) = 0)
                    THEN NULL
                WHEN label IS NULL
                    OR convert_from(f_bytes, 'UTF8')::jsonb ->> 'kind' IS DISTINCT FROM label
                    OR convert_from(f_bytes, 'UTF8')::jsonb ->> 't' IS DISTINCT FROM
                        to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                    OR convert_from(f_bytes, 'UTF8')::jsonb ->> 'from' IS DISTINCT FROM sender
                    OR convert_from(f_bytes, 'UTF8')::jsonb ->> 'to' IS DISTINCT FROM receiver
                    OR convert_from(f_bytes, 'UTF8')::jsonb ->> 'purpose' IS DISTINCT FROM purpose
                    OR convert_from(f_bytes, 'UTF8')::jsonb ->> 'basis' IS DISTINCT FROM basis
                    OR coalesce(convert_from(f_bytes, 'UTF8')::jsonb ->> 'scope', '') <> scope
                    OR coalesce(convert_from(f_bytes, 'UTF8')::jsonb ->> 'outcome', '') <> outcome
                    THEN false
                END AS facts
            FROM flow_log
                LEFT JOIN unnest(CAST(:kinds AS int[]), CAST(:labels AS text[])) AS k (kind, label) USING (kind)
            WHERE fid >= :since
        ) said WHERE facts IS NOT NULL
    ), first AS (
        SELECT *, row_number() OVER (PARTITION BY facts ORDER BY fid) AS place FROM odd
    )
    SELECT fid, t AS at, l.idx, facts FROM first LEFT JOIN flow_leaf l USING (fid)
    WHERE place <= :most ORDER BY facts DESC, fid
    """
)
# Both sides have the bounds, so that two indexes are read in order and no further.
ROW = text(
    """
    WITH odd AS MATERIALIZED (
        SELECT l.fid, l.idx FROM flow_leaf l
        WHERE l.idx >= :minimum AND l.fid >= :since AND l.fid < :before
            AND NOT EXISTS (SELECT FROM flow_log g WHERE g.fid = l.fid AND g.fid >= :since AND g.fid < :before)
    )
    SELECT fid, NULL::timestamptz AS at, idx FROM odd ORDER BY idx LIMIT :most
    """
)
GONE = text(
    "SELECT count(*) FROM flow_leaf l WHERE l.idx < :minimum"
    " AND NOT EXISTS (SELECT FROM flow_log g WHERE g.fid = l.fid)"
)
SECRET = text(
    """
    WITH odd AS MATERIALIZED (
        SELECT g.fid FROM flow_log g WHERE g.fid >= :since AND g.fid < :before
            AND NOT EXISTS (SELECT FROM flow_secret s WHERE s.fid = g.fid AND s.fid >= :since AND s.fid < :before)
        UNION ALL SELECT s.fid FROM flow_secret s WHERE s.fid >= :since AND s.fid < :before
            AND (s.a_blob IS NULL OR s.staff_key IS NULL OR s.s_blob IS NULL AND s.subj IS NOT NULL)
    )
    SELECT g.fid, g.t AS at, l.idx FROM odd JOIN flow_log g USING (fid) LEFT JOIN flow_leaf l USING (fid)
    ORDER BY g.fid LIMIT :most
    """
)
ERASED = text(
    """
    SELECT s.fid, g.t AS at, l.idx FROM flow_secret s JOIN flow_log g USING (fid) LEFT JOIN flow_leaf l USING (fid)
    WHERE s.s_blob IS NULL AND s.subj IS NULL ORDER BY s.fid
    """
)
TOMBSTONES = text(
    r"""
    SELECT coalesce(sum(substring(encode(f_bytes, 'escape') FROM '"n":([0-9]{1,9})[,}]')::bigint), 0)
    FROM flow_log WHERE kind = :erasure AND purpose = 'loeschung'
        AND sha256('\x70726f616b7469762f636f6d6d69742f76310a46'::bytea || f_salt || f_bytes)
            = substring(entry FROM 20 FOR 32)
    """
).bindparams(erasure=int(Kind.ERASURE))
# An entry that is kept from the person takes no number. Erased persons have none left (seq < 0).
GAPS = text(
    r"""
    SELECT * FROM (
        SELECT max(g.t) AS at, h.seq - h.pruned - count(*) FILTER (
            WHERE position('\x227265737472696374223a74727565'::bytea IN g.f_bytes) = 0
        ) AS lacking
        FROM subject_heads h JOIN flow_secret s USING (subj) JOIN flow_log g USING (fid)
        WHERE h.seq > 0 AND h.subj IN (SELECT subj FROM flow_secret WHERE fid >= :since AND subj IS NOT NULL)
        GROUP BY h.subj, h.seq, h.pruned
    ) counted WHERE lacking <> 0 ORDER BY at LIMIT :most
    """
)
EGRESS = text(
    """
    SELECT r.* FROM (
        SELECT 'delivery' AS what, id, flow_id, moved_at AS at FROM deliveries WHERE flow_id >= :since
        UNION ALL SELECT 'hand-over', id, flow_id, moved_at FROM handovers WHERE flow_id >= :since
        UNION ALL SELECT 'look-up', id, flow_id, due_at FROM lookups
            WHERE flow_id >= :since AND state IN ('announced', 'answered')
    ) r WHERE NOT EXISTS (SELECT FROM flow_log g WHERE g.fid = r.flow_id AND g.kind = :authorised)
    ORDER BY r.at LIMIT :most
    """
)
# Which signature covers an entry is looked up among their sizes, in an array: a join would ask each of each.
AHEAD = text(
    """
    WITH c AS MATERIALIZED (
        SELECT size, published_at FROM checkpoint
        WHERE size >= (SELECT min(size) FROM checkpoint WHERE published_at >= :from)
    ), odd AS MATERIALIZED (
        SELECT fid, at, idx, published_at FROM (
            SELECT fid, g.t AS at, l.idx, ((SELECT array_agg(published_at ORDER BY size) FROM c))[
                1 + width_bucket(l.idx, (SELECT array_agg(size ORDER BY size) FROM c))
            ] AS published_at
            FROM flow_leaf l JOIN flow_log g USING (fid)
            WHERE l.idx >= (SELECT coalesce(max(size), 0) FROM checkpoint WHERE size < (SELECT min(size) FROM c))
        ) covered WHERE published_at >= :from AND at > published_at + :skew
    )
    SELECT * FROM odd ORDER BY idx LIMIT :most
    """
)
