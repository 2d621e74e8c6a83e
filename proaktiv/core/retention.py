"""Retention: what is kept how long, from which day on, and why. One table; ``docs/retention.md`` is made from it.

Pure. Left to others: how a period is counted (``core.terms``), what stays and why (``core.kept``), which rows that are
(``steps.retain``), the flow log's own pruning, the erasure of a person.
Sources: Art. 5 (1) (e), 17 DSGVO; data-path.md § 5 (Retention).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proaktiv.core.kept import KEPT
from proaktiv.core.terms import PER_LEBENSLAGE, Period, Term, Terms


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. Without ``columns`` the whole row goes; with them, these are emptied.

    ``purpose`` stands in the log's entry beside ``name``, which is closed and for ever once it was logged.
    """

    name: str
    table: str
    what: str
    since: str
    term: Term
    source: str
    purpose: str
    columns: tuple[str, ...] = ()

    def own(self, terms: Terms) -> Mapping[str, Period]:
        """Return its periods for the Lebenslagen that have one of their own: of proposals and Aufträge alone."""
        return terms.own(self.term) if self.purpose in _BY_LEBENSLAGE else {}

    def period(self, terms: Terms) -> str:
        """Return in words for people how long that is in one installation."""
        return "; ".join(
            (str(terms.default[self.term]), *(f"{name}: {each}" for name, each in self.own(terms).items()))
        )


_BY_LEBENSLAGE = frozenset({"vorschlag", "auftrag"})
_E = "Art. 5 Abs. 1 Buchst. e DSGVO"
_C = "Art. 5 Abs. 1 Buchst. c, e DSGVO"

RULES: tuple[Rule, ...] = (
    Rule("session", "sessions", "Sitzung im Browser", "Ende der Sitzung", Term.AT_ONCE, _E, "zugang"),
    Rule("code", "codes", "Prüfwerte eines Briefcodes", "Ende des Codes (90 Tage)", Term.AT_ONCE, _E, "zugang"),
    Rule("client_token", "client_tokens", "Zugang eines Registers", "Ende des Zugangs", Term.AT_ONCE, _E, "zugang"),
    Rule(
        "client_jti", "client_jtis", "benutzte Kennung eines Registers", "Ende", Term.AT_ONCE, "RFC 7523 § 3", "zugang"
    ),
    Rule(
        "unfinished_contact",
        "contacts",
        "Anschrift aus einer Anmeldung, die niemand beendet hat",
        "Kenntnis",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule(
        "unfinished_address_doubt",
        "address_doubts",
        "Zweifel an der Anschrift aus einer Anmeldung, die niemand beendet hat",
        "Kenntnis",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule(
        "unfinished_mail_address",
        "mail_addresses",
        "Mailadresse aus einer Anmeldung, die niemand beendet hat",
        "Kenntnis",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule(
        "unfinished_identifier",
        "person_identifiers",
        "Suchwert aus einer Anmeldung, die niemand beendet hat",
        "Kenntnis",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule(
        "unfinished_person",
        "persons",
        "Person, die ihre Anmeldung nicht beendet hat",
        "Kenntnis",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule(
        "enrolment_lookup",
        "lookups",
        "Registerfrage einer Anmeldung, mit der Anmeldung",
        "Fälligkeit",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule(
        "enrolment",
        "enrolments",
        "Anmeldung, die niemand beendet hat, mit dem Getippten",
        "Eingang",
        Term.ENROLMENT,
        "Art. 17 Abs. 1 Buchst. a DSGVO",
        "anmeldung",
    ),
    Rule("enrolment_finished", "enrolments", "beendete Anmeldung", "Eingang", Term.PROOF, _E, "anmeldung"),
    Rule(
        "payload",
        "register_events",
        "Inhalt eines Ereignisses, das beendet ist (das Tor löscht ihn schon)",
        "Eingang",
        Term.AT_ONCE,
        _C,
        "ereignis",
        ("payload",),
    ),
    Rule(
        "wiedervorlage",
        "wiedervorlagen",
        "Wiedervorlage, zu der es keine Fakten mehr gibt",
        "Monat der Wiedervorlage",
        Term.AT_ONCE,
        _C,
        "fakten",
    ),
    Rule("event_facts", "event_facts", "Fakten aus dem Ereignis", "Kenntnis", Term.ENDED, _E, "fakten"),
    Rule("fetched_facts", "fetched_facts", "Fakten aus einem Register", "Kenntnis", Term.ENDED, _E, "fakten"),
    Rule("answer", "answers", "Antworten der Person", "Antwort", Term.ENDED, _E, "fakten"),
    Rule("lookup", "lookups", "Registerfrage", "Fälligkeit", Term.ENDED, _E, "fakten"),
    Rule(
        "match_facts",
        "matches",
        "Fakten einer Entscheidung; Plan und Ergebnis bleiben",
        "Entscheidung",
        Term.ENDED,
        _E,
        "fakten",
        ("facts",),
    ),
    Rule(
        "proposal_unanswered",
        "proposals",
        "Inhalt eines Vorschlags, den niemand beantwortet hat",
        "letzter Tag der Antwort",
        Term.UNANSWERED,
        _E,
        "vorschlag",
        ("draft",),
    ),
    Rule(
        "proposal_ended",
        "proposals",
        "Inhalt eines abgelehnten, ersetzten oder zurückgenommenen Vorschlags",
        "Ende des Vorschlags",
        Term.ENDED,
        _E,
        "vorschlag",
        ("draft",),
    ),
    Rule(
        "proposal_confirmed",
        "proposals",
        "Inhalt des Vorschlags, aus dem ein Auftrag wurde",
        "Ende des Vorschlags",
        Term.AUFTRAG,
        _E,
        "auftrag",
        ("draft",),
    ),
    Rule(
        "acknowledgement",
        "acknowledgements",
        "Nachricht der Behörde",
        "letzte Bewegung des Auftrags",
        Term.AUFTRAG,
        _E,
        "auftrag",
    ),
    Rule(
        "handover", "handovers", "Übergabe an die Behörde", "letzte Bewegung des Auftrags", Term.AUFTRAG, _E, "auftrag"
    ),
    Rule(
        "signature_content",
        "signatures",
        "was die zweite Person unterschrieben hat",
        "letzte Bewegung des Auftrags",
        Term.AUFTRAG,
        _E,
        "auftrag",
        ("content",),
    ),
    Rule(
        "auftrag_content",
        "auftraege",
        "Inhalt des Auftrags; zurückgenommen: wie ein zurückgenommener Vorschlag, ab der Rücknahme",
        "letzte Bewegung des Auftrags",
        Term.AUFTRAG,
        _E,
        "auftrag",
        ("content",),
    ),
    Rule(
        "delivery_person",
        "deliveries",
        "an wen ein Brief ging",
        "letzte Bewegung des Briefs",
        Term.ENDED,
        _C,
        "brief",
        ("person",),
    ),
    Rule("delivery", "deliveries", "dass ein Brief ging", "letzte Bewegung des Briefs", Term.PROOF, _E, "brief"),
    Rule(
        "mail_confirmation",
        "mail_confirmations",
        "Mailadresse, die niemand bestätigt hat",
        "Ende des Codes (24 Stunden)",
        Term.AT_ONCE,
        "Art. 5 Abs. 1 Buchst. d, e DSGVO",
        "mail",
    ),
    Rule(
        "account_notice",
        "notices",
        "dass sich ein Konto oder eine Mailadresse geändert hat, für den Brief darüber",
        "Tag der Änderung",
        Term.PROOF,
        _E,
        "brief",
    ),
    Rule("suppression", "suppressions", "Prüfwert einer Mailadresse, die ablehnt", "Ablehnung", Term.PROOF, _E, "mail"),
    Rule("signature_trace", "signatures", "wer unterschrieben hat", "Eingang des Ereignisses", Term.TRACE, _E, "spur"),
    Rule("auftrag_trace", "auftraege", "dass es den Auftrag gab", "Eingang des Ereignisses", Term.TRACE, _E, "spur"),
    Rule(
        "proposal_trace",
        "proposals",
        "Erkennungswert: ohne ihn käme derselbe Vorschlag ein zweites Mal",
        "Eingang des Ereignisses",
        Term.TRACE,
        _E,
        "spur",
    ),
    Rule("match_trace", "matches", "Plan und Ergebnis", "Eingang des Ereignisses", Term.TRACE, _E, "spur"),
    Rule(
        "subject_trace",
        "event_subjects",
        "Suchwerte: ohne sie fände ein Todesfall den Vorgang nicht",
        "Eingang des Ereignisses",
        Term.TRACE,
        _E,
        "spur",
    ),
    Rule("bundle_trace", "bundles", "Klammer der Vorschläge", "Eingang des Ereignisses", Term.TRACE, _E, "spur"),
    Rule(
        "event_trace",
        "register_events",
        "Erkennungswert: ohne ihn gälte eine Wiederholung als neu",
        "Eingang",
        Term.TRACE,
        _E,
        "spur",
    ),
    Rule("relation", "relations", "beendete Beziehung", "Kenntnis vom Ende", Term.PROOF, _E, "beziehung"),
    Rule("stop", "stops", "aufgehobener Schutz", "Aufhebung", Term.PROOF, _E, "schutz"),
    Rule("task", "tasks", "erledigte Aufgabe", "Erledigung", Term.DESK, _E, "betrieb"),
    Rule("incident", "incidents", "Vorfall", "Tag des Vorfalls", Term.PROOF, _E, "betrieb"),
    Rule(
        "export_bundle",
        "exports",
        "Datei eines Auszugs aus dem Protokoll (das Büro löscht sie schon)",
        "Ende des Auszugs",
        Term.AT_ONCE,
        _E,
        "betrieb",
        ("bundle",),
    ),
    Rule("export", "exports", "dass es einen Auszug gab", "Ende des Auszugs", Term.PROOF, _E, "betrieb"),
    Rule(
        "person_request",
        "person_requests",
        "Wunsch, eine Person nachzuschlagen; das Protokoll behält ihn",
        "Ende des Wunsches",
        Term.AT_ONCE,
        _C,
        "betrieb",
    ),
    Rule("erasure_request", "erasure_requests", "Wunsch, zu löschen", "Ende des Wunsches", Term.AT_ONCE, _C, "betrieb"),
    Rule("hold_request", "hold_requests", "Wunsch, zu sperren", "Ende des Wunsches", Term.AT_ONCE, _E, "betrieb"),
    Rule(
        "client_day", "client_days", "Zahl der Meldungen oder Anmeldungen eines Tages", "Tag", Term.DESK, _E, "betrieb"
    ),
    Rule("hold", "holds", "aufgehobene Sperre der Löschung", "Aufhebung", Term.PROOF, _E, "betrieb"),
    Rule("run", "retention_runs", "Lauf der Löschung", "Tag", Term.PROOF, _E, "betrieb"),
)
"""In the order in which they run: what hangs on something goes before it."""


def page(terms: Terms) -> str:
    """Return the table as Markdown, with the periods of one installation; with the defaults: ``docs/retention.md``."""
    lines = [
        "# Aufbewahrung und Löschung",
        "",
        "Erzeugt von `proaktiv retention table` aus `proaktiv/core/retention.py` und `kept.py`, nie von Hand geändert.",
        "Eine Frist endet mit dem Ende eines Tages in Berlin (§ 187 Abs. 1, § 188 BGB); am Tag danach wird gelöscht.",
        "",
        "## Was gelöscht wird",
        "",
        "| Regel | Tabelle | was | ab | Frist | Quelle |",
        "|---|---|---|---|---|---|",
    ]
    for rule in RULES:
        place = f"`{rule.table}`" + "".join(f" · `{name}`" for name in rule.columns)
        lines.append(f"| `{rule.name}` | {place} | {rule.what} | {rule.since} | {rule.period(terms)} | {rule.source} |")
    lines += [
        "",
        "Fakten gehen mit dem Vorschlag, aus dem kein Auftrag wurde, oder mit dem Auftrag; spätestens nach einem Jahr",
        "(`expires_at`), aber nicht, solange etwas offen ist, auf eine Unterschrift wartet oder wiedervorgelegt wird.",
        "",
        "## Was bleibt, und warum",
        "",
        "| Tabelle | Spalten | weil |",
        "|---|---|---|",
        *(f"| `{kept.table}` | {', '.join(f'`{n}`' for n in kept.columns)} | {kept.because} |" for kept in KEPT),
        "",
        "## Je Lebenslage",
        "",
        '`PROAKTIV_RETENTION={"umzug": {"auftrag_months": 12}}` ändert eine Frist für eine Lebenslage:',
        "",
        *(
            f"* `{name}`: {shortest} bis {longest} ({'Tage' if unit == 'days' else 'Monate'});"
            f" sonst {terms.default[term]}"
            for name, (term, unit, shortest, longest) in PER_LEBENSLAGE.items()
        ),
        "",
    ]
    return "\n".join(lines)
