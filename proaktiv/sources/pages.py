"""The pages for whoever builds a register's side: JSON Schema and example of each kind of event, and an index.

Written by ``proaktiv events docs``; a test holds ``docs/events`` against them. Everybody in the examples is invented.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from proaktiv.core.cloudevents import MAX_BATCH
from proaktiv.core.events import ONLY_STOPS, EventKind
from proaktiv.core.schemas import LIMITS, event_schema

_ARS = "990010000000"
_ADDRESS = {"strasse": "Erfundene Gasse 3", "plz": "00001", "ort": "Musterstadt", "ars": _ARS}
_SOURCE = "urn:proaktiv:demo:standesamt"

MEANS: Mapping[str, str] = {
    "adoption": "true: the child is adopted or in adoption care. Stops everything about this entry.",
    "anschrift": "Where the parent is registered; leave it out where that is nowhere in this country.",
    "anschrift_alt": "The registered address before the move.",
    "anschrift_neu": "The registered address after the move.",
    "ars": "Amtlicher Regionalschlüssel, twelve digits.",
    "art": "Which note: 51 or 52 (BMG), 64 (PStG), adoption, or sorge (custody taken).",
    "eintrag": "Your number of the register entry. It means something within your register and kind.",
    "eltern": "One or two parents; none is named in a stillbirth or a vertrauliche Geburt if you leave them out.",
    "ereignis_am": "The day on which it happened, YYYY-MM-DD.",
    "familienname": "Family name as registered.",
    "fassung": "Version of the entry, from 1. Each correction has a higher number than the one before.",
    "geburtsdatum": "Birth date, YYYY-MM-DD. Leave out one of a parent, or of who moves, that is not known in full.",
    "geburtsort": "Place of birth.",
    "kennung": "The Melderegister's key of the person. By it alone we find people.",
    "kind": "The child; in a Storno the kind of event that is cancelled.",
    "lebt": "false: the child does not live. Stops everything about this entry.",
    "mehrlingsgruppe": "One value for all children of one birth; leave it out for a single child.",
    "meldeweg": "How the move was reported: persoenlich or elektronisch.",
    "ort": "Town.",
    "person": "Whom it concerns, by kennung alone.",
    "personen": "Everybody who moves.",
    "plz": "Postleitzahl, five digits as text.",
    "rolle": "mutter or zweiter_elternteil.",
    "schutz": "Blocks and notes that stand on this entry. Report them with every version.",
    "sorge": "Custody: allein, gemeinsam or keine.",
    "sperre_51": "kennungen of people with an Auskunftssperre (§ 51 BMG).",
    "sperre_52": "kennungen of people with a bedingter Sperrvermerk (§ 52 BMG).",
    "sperrvermerk_64": "true: Sperrvermerk (§ 64 PStG) on this entry.",
    "storniert": "The entry that is cancelled, whatever its version.",
    "strasse": "Street and number.",
    "totgeboren": "true: stillbirth. kind and eltern may be left out.",
    "vertraulich": "true: vertrauliche Geburt. Leave out kind and eltern: nobody in it is looked for.",
    "vornamen": "Given names as registered.",
    "wohnungsart": "hauptwohnung or nebenwohnung.",
}
"""What each field of ``data`` means."""

_SAYS: Mapping[EventKind, str] = {
    EventKind.GEBURT: "A birth was registered, or its entry corrected.",
    EventKind.UMZUG: "People moved.",
    EventKind.STERBEFALL: "Somebody died.",
    EventKind.STORNO: "An entry was made in error and is cancelled.",
    EventKind.SCHUTZVERMERK: "A block or note was entered for a person.",
}

_DATA: Mapping[EventKind, dict[str, Any]] = {
    EventKind.GEBURT: {
        "eintrag": "G 17/2026",
        "kind": {
            "kennung": "MR-3",
            "vornamen": "Mia",
            "familienname": "Musterkind",
            "geburtsdatum": "2026-02-26",
            "geburtsort": "Musterstadt",
            "lebt": True,
        },
        "eltern": [
            {
                "kennung": "MR-1",
                "vornamen": "Anna",
                "familienname": "Beispiel-Probst",
                "geburtsdatum": "1994-03-08",
                "rolle": "mutter",
                "sorge": "allein",
                "anschrift": _ADDRESS,
            }
        ],
    },
    EventKind.UMZUG: {
        "eintrag": "U 230/2026",
        "personen": [
            {
                "kennung": "MR-1",
                "vornamen": "Anna",
                "familienname": "Beispiel-Probst",
                "geburtsdatum": "1994-03-08",
            }
        ],
        "anschrift_neu": _ADDRESS | {"strasse": "Neuer Weg 9"},
        "anschrift_alt": _ADDRESS,
        "wohnungsart": "hauptwohnung",
        "meldeweg": "elektronisch",
    },
    EventKind.STERBEFALL: {"eintrag": "S 5/2026", "person": {"kennung": "MR-2"}},
    EventKind.STORNO: {"eintrag": "X 1/2026", "storniert": {"eintrag": "G 17/2026", "kind": "geburt"}},
    EventKind.SCHUTZVERMERK: {"eintrag": "N 8/2026", "person": {"kennung": "MR-1"}, "art": "51"},
}


def example(kind: EventKind) -> dict[str, Any]:
    """Return an event of one kind that the intake takes. It is the caller's own: changing it changes no other."""
    common = {"fassung": 1, "ars": _ARS, "ereignis_am": "2026-02-26"}
    return {
        "specversion": "1.0",
        "id": f"2026-03-02-{kind.value}-1",
        "source": _SOURCE,
        "type": kind.type,
        "time": "2026-03-02T08:00:00Z",
        "datacontenttype": "application/json",
        "data": {"eintrag": _DATA[kind]["eintrag"], **common, **deepcopy(_DATA[kind])},
    }


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and content of every page."""
    for kind in EventKind:
        yield f"{kind.value}.schema.json", _json(event_schema(kind))
        yield f"{kind.value}.example.json", _json(example(kind))
    yield "README.md", _index()


def write_pages(folder: Path) -> Iterator[Path]:
    """Write every page; yield what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages():
        (folder / name).write_text(content)
        yield folder / name


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _index() -> str:
    lines = [
        "# Events: what a register sends",
        "",
        "Written by `make events-docs`; do not edit. For whoever builds the register's side.",
        "",
        "| event | says | schema | example |",
        "|---|---|---|---|",
    ]
    for kind in EventKind:
        schema, shown = f"{kind.value}.schema.json", f"{kind.value}.example.json"
        says = _SAYS[kind] + (" It only takes back; nothing of it is kept." if kind in ONLY_STOPS else "")
        lines.append(f"| `{kind.type}` | {says} | [{schema}]({schema}) | [{shown}]({shown}) |")
    lines += [
        "",
        "Check a file before you send it: `proaktiv events check FILE`.",
        "",
        "## By HTTP",
        "",
        "1. `POST /token` with a signed assertion (RFC 7523, Ed25519). The token is good for five minutes.",
        "2. `POST /events` with the token as Bearer: one event as `application/cloudevents+json`, or up to",
        f"   {MAX_BATCH} as a JSON list, `application/cloudevents-batch+json`.",
        "",
        "| answer | means | do |",
        "|---|---|---|",
        "| 202 | kept, all of it; a batch has one verdict for each event, in order | nothing |",
        "| 207 | some events of the batch are not kept; each verdict has a status of its own | mend and send those |",
        "| 409 | id, or entry and version, are known with other content | give the correction a higher `fassung` |",
        "| 422 | not as it must be; `field` says where, `detail` what would be right | mend and send |",
        "| 429 | your day is full; `Retry-After` says when there is room (not for what only stops) | send then |",
        "| 503 | nothing was kept, or nobody knows | send the same again: what was kept counts once |",
        "",
        "## By folder",
        "",
        f"Write `X.json.part`, rename it to `X.json`: one event, or a list of up to {MAX_BATCH}.",
        "What is kept is deleted; a receipt with our ids lies in `done/`. What cannot be kept lies in `refused/` as",
        "you wrote it, with place and remedy in a `.problem.json` beside it: mend it, and put it back under any name.",
        "",
        "## In which order",
        "",
        "In any. The highest `fassung` of an entry counts, whichever comes first. A Storno counts also before what it",
        "cancels. The same event again is a duplicate and changes nothing. A correction replaces the whole entry; but",
        "blocks (adoption, 51, 52, 64, custody) that a correction leaves out stay: they end by a Storno alone.",
        "",
        "A source that reports far more than on its usual days is held: answers stay 202, stops count at once, and the",
        "rest waits until a clerk has asked you.",
        "",
        "## What a schema cannot say",
        "",
        *(f"* {limit}" for limit in LIMITS),
        "",
        "Never send religion, health, origin or other special categories (Art. 9 DSGVO): the schemas have no place for",
        "them, and the intake drops them unread.",
        "",
        "## Fields of `data`",
        "",
        "| field | means |",
        "|---|---|",
        *(f"| `{name}` | {means} |" for name, means in MEANS.items()),
    ]
    return "\n".join(lines) + "\n"
