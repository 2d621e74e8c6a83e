"""Count rows: what happened, and what still has to happen by itself. Reads as role ``reader``, writes nothing.

Left to others: what the numbers must obey (``summing_up``).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlmodel import Session

from proaktiv.core.flows import Kind

_STATES: Mapping[str, TextClause] = {
    "events": text("SELECT state, count(*) FROM register_events GROUP BY 1"),
    "proposals": text("SELECT state, count(*) FROM proposals GROUP BY 1"),
    "auftraege": text("SELECT state, count(*) FROM auftraege GROUP BY 1"),
    "deliveries": text("SELECT state, count(*) FROM deliveries WHERE channel = 'LETTER' GROUP BY 1"),
    "mails": text("SELECT state, count(*) FROM deliveries WHERE channel = 'MAIL' GROUP BY 1"),
    "about_accounts": text("SELECT state, count(*) FROM deliveries WHERE purpose = 'account' GROUP BY 1"),
    "about_addresses": text(
        "SELECT state, count(*) FROM deliveries WHERE purpose = 'address' AND channel = 'LETTER' GROUP BY 1"
    ),
    "confirmations": text("SELECT state, count(*) FROM deliveries WHERE purpose = 'confirmation' GROUP BY 1"),
    "handovers": text("SELECT state, count(*) FROM handovers GROUP BY 1"),
    "lookups": text("SELECT state, count(*) FROM lookups GROUP BY 1"),
    "enrolments": text("SELECT state, count(*) FROM enrolments GROUP BY 1"),
    "kinds": text("SELECT kind::text, count(*) FROM flow_log GROUP BY 1"),
    # What the log says happened, and how it ended: written by other statements than the rows it is held against.
    # A hand-over stands there once more for each who signed it beside the one who confirmed it, in their own log.
    "logged": text(
        """
        WITH entry AS (SELECT convert_from(f_bytes, 'UTF8')::jsonb AS f, outcome FROM flow_log)
        SELECT concat(
            f ->> 'action', CASE WHEN f -> 'categories' = '["unterschrift"]' THEN '.signer' END, ' ', outcome
        ), count(*) FROM entry GROUP BY 1
        """
    ),
}

_NUMBERS: Mapping[str, TextClause] = {
    "flows": text("SELECT count(*) FROM flow_log"),
    "log_size": text("SELECT size FROM log_head WHERE id = 1"),
    "queued": text("SELECT count(*) FROM flow_queue"),
    "receipts": text("SELECT count(*) FROM acknowledgements"),
    "tasks": text("SELECT count(*) FROM tasks WHERE done_at IS NULL"),
    "incidents": text("SELECT count(*) FROM incidents"),
    # A withdrawal of a Lebenslage is one act and several ledger entries.
    "consents_withdrawn": text(
        "SELECT count(DISTINCT (person, at)) FROM consent_ledger WHERE event = 'withdraw' AND scope = ''"
    ),
    "auftraege_withdrawn": text("SELECT count(*) FROM consent_ledger WHERE event = 'withdraw' AND scope <> ''"),
    # Those who signed beside the one who confirmed, of each Auftrag that its Behörde has.
    "signers": text(
        """
        SELECT count(*) FROM signatures AS s JOIN auftraege AS a ON a.id = s.auftrag
        WHERE s.state = 'signed' AND s.person <> a.person
        AND a.state IN ('sent', 'acknowledged', 'question', 'decided', 'rejected')
        """
    ),
    # Authorised entries that have not exactly one outcome, and outcomes of nothing.
    "unpaired": text(
        """
        WITH outcome AS (
            SELECT (convert_from(f_bytes, 'UTF8')::jsonb ->> 'of')::uuid AS of, count(*) AS n
            FROM flow_log WHERE kind = :outcome GROUP BY 1
        )
        SELECT count(*) FROM (SELECT fid FROM flow_log WHERE kind = :authorised) AS authorised
        FULL JOIN outcome ON outcome.of = authorised.fid
        WHERE authorised.fid IS NULL OR outcome.n IS DISTINCT FROM 1
        """
    ).bindparams(outcome=int(Kind.OUTCOME), authorised=int(Kind.AUTHORISED)),
    # Whoever gave no consent to be written to got a letter about a matter.
    "letters_unasked": text(
        """
        SELECT count(*) FROM deliveries AS d JOIN bundles AS b ON b.id = d.matter
        WHERE NOT EXISTS (
            SELECT FROM consent_ledger AS l
            WHERE l.person = b.person AND l.event = 'give' AND l.activity = b.lebenslage || '/propose/' || d.channel
              AND l.at <= d.made_at
        )
        """
    ),
    # Whoever may still answer was told, will be, or a human sees to it; else the offer lies there and nobody knows.
    "untold": text(
        """
        SELECT count(*) FROM proposals AS p JOIN bundles AS b ON b.id = p.bundle
        WHERE p.state IN ('open', 'later')
        AND NOT (b.state = 'open' AND b.due_at IS NOT NULL)
        AND NOT EXISTS (SELECT FROM deliveries AS d
            WHERE d.matter = b.id AND d.channel = 'LETTER' AND d.state IN ('handed_over', 'announced'))
        AND NOT EXISTS (
            SELECT FROM tasks AS t WHERE t.done_at IS NULL AND (
                t.matter IN (b.id, p.id) OR t.matter IN (SELECT d.id FROM deliveries AS d WHERE d.matter = b.id)
            )
        )
        """
    ),
    # Decision and proposal of one Leistung of one case: neither without the other.
    "unproposed": text(
        """
        SELECT count(*) FROM matches AS m JOIN register_events AS e ON e.id = m.event
        WHERE m.outcome IN ('auftrag', 'hinweis', 'termin') AND NOT EXISTS (
            SELECT FROM proposals AS p JOIN register_events AS o ON o.id = p.event
            WHERE p.leistung = m.leistung AND o.case_key = e.case_key
        )
        """
    ),
    "unmatched": text(
        """
        SELECT count(*) FROM proposals AS p JOIN register_events AS e ON e.id = p.event
        WHERE NOT EXISTS (
            SELECT FROM matches AS m JOIN register_events AS o ON o.id = m.event
            WHERE m.leistung = p.leistung AND o.case_key = e.case_key AND m.result IN ('ja', 'offen')
        )
        """
    ),
    "open_after_stop": text(
        """
        SELECT count(*) FROM proposals AS p JOIN register_events AS e ON e.id = p.event
        WHERE p.state IN ('open', 'later') AND EXISTS (
            SELECT FROM stops AS s WHERE s.target = e.entry_hash AND s.scope = 'entry' AND s.lifted_at IS NULL
        )
        """
    ),
}

# What still has to happen by itself. :now is the demonstration's time.
_DUE: Mapping[str, TextClause] = {
    "events": text("SELECT count(*) FROM register_events WHERE state = 'waiting' AND due_at <= :now"),
    "look-ups": text("SELECT count(*) FROM lookups WHERE state = 'announced' OR (state = 'wanted' AND due_at <= :now)"),
    "enrolments": text("SELECT count(*) FROM enrolments WHERE state = 'found' AND due_at <= :now"),
    "bundles": text("SELECT count(*) FROM bundles WHERE state = 'open' AND due_at <= :now"),
    "mails": text(
        "SELECT count(*) FROM bundles WHERE state = 'open' AND mail_due_at <= :now"
        " AND mail_due_at > CAST(:now AS timestamptz) - interval '72 hours'"
        " AND extract(hour FROM CAST(:now AS timestamptz) AT TIME ZONE 'Europe/Berlin') BETWEEN 7 AND 20"
    ),
    "notices": text("SELECT count(*) FROM notices WHERE due_at <= :now OR mail_due_at <= :now"),
    "mail confirmations": text("SELECT count(*) FROM mail_confirmations WHERE due_at <= :now AND expires_at > :now"),
    "deliveries": text("SELECT count(*) FROM deliveries WHERE state = 'announced' AND due_at <= :now"),
    "Aufträge": text(
        "SELECT count(*) FROM auftraege"
        " WHERE state IN ('announced', 'sent') OR (state IN ('held', 'ready') AND due_at <= :now)"
    ),
    # What the steps of silence and of coming back find by the day alone (``steps.silence``, ``steps.revisit``).
    "reminders": text("SELECT count(*) FROM bundles WHERE state = 'open' AND remind_at <= :now"),
    "unanswered proposals": text(
        "SELECT count(*) FROM proposals WHERE state IN ('open', 'later')"
        " AND answer_by < CAST(CAST(:now AS timestamptz) AT TIME ZONE 'Europe/Berlin' AS date)"
    ),
    "second signatures": text(
        "SELECT count(*) FROM auftraege WHERE state = 'awaiting_signature' AND due_at <= :now AND undone_at IS NULL"
    ),
    "Wiedervorlagen": text(
        """
        SELECT count(*) FROM wiedervorlagen,
            CAST(CAST(:now AS timestamptz) AT TIME ZONE 'Europe/Berlin' AS date) AS today
        WHERE due_on <= today OR (due_on IS NULL AND due_month < date_trunc('month', today))
        """
    ),
    "log entries": text("SELECT count(*) FROM flow_queue"),
    "unsigned entries": text(
        "SELECT size - COALESCE((SELECT max(size) FROM checkpoint), 0) FROM log_head WHERE id = 1"
    ),
}
_NOW = text("SELECT clock_timestamp() + make_interval(secs => offset_seconds) FROM demo_clock WHERE id = 1")


@dataclass(frozen=True, slots=True)
class Counts:
    """One look at the database. ``states`` holds, for each kind of thing, how many stand in which state."""

    states: Mapping[str, Mapping[str, int]]
    numbers: Mapping[str, int]

    def total(self, what: str) -> int:
        """Return how many there are of a kind, whatever their state."""
        return sum(self.states[what].values())

    def of(self, what: str, *states: str) -> int:
        """Return how many there are of a kind in some states."""
        return sum(self.states[what].get(state, 0) for state in states)

    def logged(self, action: str, outcome: str | None = None) -> int:
        """Return how many log entries say that something happened, and that it ended so; None takes any end."""
        if outcome is not None:
            return self.of("logged", f"{action} {outcome}")
        return sum(number for said, number in self.states["logged"].items() if said.partition(" ")[0] == action)

    def flows(self, *kinds: Kind) -> int:
        """Return how many log entries there are of some kinds."""
        return self.of("kinds", *(str(int(kind)) for kind in kinds))


def due(session: Session) -> dict[str, int]:
    """Return what still has to happen at the demonstration's present time, without what is zero."""
    connection = session.connection()
    now = connection.execute(_NOW).scalar_one()
    counted = {
        name: int(connection.execute(query, {"now": now} if "now" in query.compile().params else {}).scalar_one())
        for name, query in _DUE.items()
    }
    return {name: number for name, number in counted.items() if number}


def count(session: Session) -> Counts:
    """Return everything that can be counted, in one transaction."""
    connection = session.connection()
    return Counts(
        states={what: {row[0]: int(row[1]) for row in connection.execute(query)} for what, query in _STATES.items()},
        numbers={name: int(connection.execute(query).scalar_one()) for name, query in _NUMBERS.items()},
    )
