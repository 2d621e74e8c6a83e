"""What no rule of ``core.retention`` ends, and why: columns that are sealed, hashed or name a person.

Source: security-and-faults.md; decisions/0015-retention.md.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """What no rule above ends, and why. ``columns`` are those that are sealed, hashed or name a person."""

    table: str
    columns: tuple[str, ...]
    because: str


_UNTIL_DESTROYED = "solange die Person hier bekannt ist; endet mit ihrer Vernichtung (Art. 17 DSGVO)"
_FLOW = "Zweckfrist des Datenflussprotokolls (730 Tage): `proaktiv log retain`; Kacheln bleiben (flowlog.md § 4)"
_PROOF = "Nachweis der Einwilligung (Art. 7 Abs. 1 DSGVO); endet mit der Vernichtung der Person"

KEPT: tuple[Kept, ...] = (
    Kept("persons", ("person",), f"beendet angemeldet oder Kind: {_UNTIL_DESTROYED}"),
    Kept("person_identifiers", ("lookup_hash", "person"), _UNTIL_DESTROYED),
    Kept("contacts", ("person", "values"), _UNTIL_DESTROYED),
    Kept("address_doubts", ("person",), "bis geklärt ist, wohin Briefe gehen; sonst ginge einer an die alte Anschrift"),
    Kept("mail_addresses", ("person", "inbox", "address", "address_hash", "domain_hash"), _UNTIL_DESTROYED),
    Kept(
        "outages",
        ("target",),
        "Prüfwert einer Domain, bis sie wieder Mails nimmt; Name eines Registers, einer Behörde, bis sie wieder da ist",
    ),
    Kept("paces", ("target",), "Prüfwert einer Domain oder eines Netzes; nach einer Stunde räumt der nächste ihn weg"),
    Kept("relations", ("from_person", "to_person"), f"geltende Beziehung: {_UNTIL_DESTROYED}"),
    Kept(
        "vault_keys", ("person", "wrapped"), "ein Schlüssel öffnet nichts, wenn sein Inhalt weg ist; Vernichtung bleibt"
    ),
    Kept("stops", ("target",), "ein geltender Schutz gilt, bis er aufgehoben wird"),
    Kept(
        "register_events",
        ("payload",),
        "wartet oder ist in Quarantäne: ein Mensch oder der nächste Lauf entscheidet",
    ),
    Kept("releases", ("signature",), "Regeln, nicht personenbezogen"),
    Kept("erasures", ("person",), "wartet auf die gemeinsame Löschung des Tages; geht mit der Person"),
    Kept("flow_log", ("f_salt", "f_bytes", "entry"), _FLOW),
    Kept("flow_secret", ("subj", "s_blob", "a_blob"), _FLOW),
    Kept("flow_queue", ("leaf",), "Prüfwert, bis er im Baum steht (Sekunden)"),
    Kept("subject_heads", ("subj",), _FLOW),
    Kept("staff_keys", ("wrapped",), _FLOW),
    Kept("staff", ("subject_hash",), "wer hier arbeitet oder gearbeitet hat: ohne ihn sagt das Protokoll nicht, wer"),
    Kept("staff_links", ("token_hash",), "gilt eine Stunde und einmal, nur in der Vorführung"),
    Kept("staff_sessions", ("token_hash",), "endet mit der Sitzung; die nächste Anmeldung räumt sie weg"),
    Kept("exports", ("digest",), "Prüfwert einer Datei ohne Person: sagt später, welche es war"),
    Kept("logins", ("once",), "gilt zehn Minuten; die nächste Anmeldung räumt sie weg"),
    Kept("tile", ("data", "halfway"), "Prüfwerte des Baums: ohne sie wäre kein alter Stand mehr zu prüfen"),
    Kept("time_stamp", ("token",), "Zeitstempel über einen Prüfwert; nicht personenbezogen"),
    Kept("former_checkpoint", ("token",), "Zeitstempel eines Protokolls, das endete; nicht personenbezogen"),
    Kept("log_head", ("root",), "Prüfwert des Baums"),
    Kept("consent_activities", ("signature",), "Regeln, nicht personenbezogen"),
    Kept("consent_notices", ("digest", "body"), "Text, wie er gezeigt wurde; nicht personenbezogen"),
    Kept("consent_ledger", ("person", "notice"), _PROOF),
    Kept("consent_heads", ("person",), _PROOF),
    Kept("consent_subjects", ("person",), _PROOF),
)
