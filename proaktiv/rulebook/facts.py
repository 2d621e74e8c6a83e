"""One fact of the catalogue: its type, where it comes from, and how the person is asked for it.

Left to others: the catalogue's files (``catalogue``), what rules do with a fact (``trees``, ``leistungen``).
Source: rules.md §§ 0, 4.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from proaktiv.core.derived import REGISTRY
from proaktiv.core.forms import Form
from proaktiv.core.fristen import Value
from proaktiv.core.lebenslagen import LANGUAGES
from proaktiv.core.questions import MAX_TEXT, YES_NO, Frage
from proaktiv.rulebook.load import Node
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.suggest import suggestion

_SPEAKS = re.compile(r"\b(?:Sie|Ihnen|Ihr(?:e[mnrs]?)?|[Yy]ou(?:rs?)?)\b")
"""Words by which a label speaks to its reader."""


class FaktTyp(StrEnum):
    """What kind of value a fact has."""

    TEXT = "text"
    CODE = "code"
    ARS = "ars"
    ZAHL = "zahl"
    BETRAG = "betrag"
    JANEIN = "janein"
    DATUM = "datum"


NUMERIC = frozenset({FaktTyp.ZAHL, FaktTyp.BETRAG})


class Quelle(StrEnum):
    """Where a fact comes from: event, register look-up, person, our contact data, clock, or a function of others."""

    EREIGNIS = "ereignis"
    REGISTER = "register"
    PERSON = "person"
    KONTAKT = "kontakt"
    UHR = "uhr"
    ABGELEITET = "abgeleitet"


@dataclass(frozen=True, slots=True)
class Fakt:
    """One fact of the catalogue. ``lebenslagen`` are those in which it can be known; empty means all.

    ``low`` and ``high`` bound a number, and cents of a betrag. ``zweck`` says what it is needed for.
    ``beschriftung`` is what the person reads, ``im_amt`` what those read who work on it, where that is something else.
    """

    name: str
    typ: FaktTyp
    quelle: Quelle = Quelle.EREIGNIS
    register: str = ""
    lebenslagen: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    low: int = -(10**14)
    high: int = 10**14
    einheit: str = ""
    zweck: str = ""
    beschriftung: Mapping[str, str] = field(default_factory=dict, hash=False)
    im_amt: Mapping[str, str] = field(default_factory=dict, hash=False)
    frage: Frage | None = None

    @property
    def form(self) -> Form:
        """Return what values the fact has."""
        low, high = (self.low, self.high) if self.typ in NUMERIC else (0, 0)
        return Form(self.typ.value, self.codes, low, high)

    def known_in(self, lebenslage: str) -> bool:
        """Return whether the fact can be known in a Lebenslage."""
        return not self.lebenslagen or lebenslage in self.lebenslagen


def read_fakt(reader: Reader, name: str, node: Node) -> Fakt:
    """Return one fact as the catalogue describes it; what is wrong is reported."""
    parts = reader.fields(
        node,
        ("typ", "quelle", "beschriftung"),
        (
            "register",
            "lebenslagen",
            "werte",
            "bereich",
            "laenge",
            "frage",
            "antworten",
            "sensibel",
            "im_amt",
            "einheit",
            "zweck",
        ),
    )
    typ = FaktTyp(reader.word(parts.get("typ"), [each.value for each in FaktTyp], FaktTyp.TEXT.value))
    quelle = Quelle(reader.word(parts.get("quelle"), [each.value for each in Quelle], Quelle.EREIGNIS.value))
    codes = reader.texts(parts.get("werte"))
    if (typ is FaktTyp.CODE) != bool(codes):
        reader.wrong(node, "a fact of typ code needs 'werte', the list of its codes, and no other may have it")
    register = reader.text(parts.get("register"))
    if (quelle is Quelle.REGISTER) != bool(register):
        reader.wrong(node, "a fact with quelle register names its 'register', and no other may")
    if quelle is Quelle.REGISTER and reader.yes(parts.get("sensibel")):
        reader.wrong(parts["sensibel"], "what is sensitive is never looked up; use quelle: person")
    if quelle is Quelle.ABGELEITET:
        _check_derived(reader, name, typ, node)
    low, high = -(10**14), 10**14
    if "bereich" in parts:
        if typ in NUMERIC:
            low, high = _bounds(reader, parts["bereich"], low, high, typ)
        else:
            reader.wrong(parts["bereich"], "only a fact of typ zahl or betrag has a 'bereich'")
    if "einheit" in parts and typ not in NUMERIC:
        reader.wrong(parts["einheit"], "only a fact of typ zahl or betrag has an 'einheit'")
    if typ is FaktTyp.BETRAG and "einheit" not in parts:
        reader.wrong(node, "a fact of typ betrag says its 'einheit', like EUR/Monat or EUR/Jahr")
    labels, office = _labels(reader, parts)
    fakt = Fakt(
        name=name,
        typ=typ,
        quelle=quelle,
        register=register,
        lebenslagen=reader.texts(parts.get("lebenslagen")),
        codes=codes,
        low=low,
        high=high,
        einheit=reader.text(parts.get("einheit")),
        zweck=reader.text(parts.get("zweck")),
        beschriftung=labels,
        im_amt=office,
    )
    return replace(fakt, frage=_frage(reader, fakt, node, parts))


def _labels(reader: Reader, parts: Mapping[str, Node]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the person reads and what the office reads; a clerk never reads „Ihre Anschrift“ of somebody else."""
    found: list[dict[str, str]] = []
    for part in ("beschriftung", "im_amt"):
        labels = reader.fields(parts[part], ("de", "en")) if part in parts else {}
        found.append({language: reader.text(text) for language, text in labels.items()})
    person, office = found
    if "im_amt" in parts and any(map(_SPEAKS.search, office.values())):
        reader.wrong(parts["im_amt"], "'im_amt' speaks of the person, never to them: no Sie, Ihr, you, your")
    if "im_amt" not in parts and any(map(_SPEAKS.search, person.values())):
        reader.wrong(parts["beschriftung"], "a label that speaks to the person needs 'im_amt', what a clerk reads")
    return person, office


def _check_derived(reader: Reader, name: str, typ: FaktTyp, node: Node) -> None:
    made = REGISTRY.get(name)
    if made is None:
        hint = suggestion(name, REGISTRY)
        reader.wrong(node, f"no function makes the derived fact '{name}'; a programmer adds it to core/derived{hint}")
    elif made.typ != typ.value:
        reader.wrong(node, f"the function of '{name}' makes a {made.typ}, not a {typ.value}")


def read_value(reader: Reader, fakt: Fakt, node: Node) -> Value:
    """Return a fact's value as an author writes it, typed by the catalogue; a wrong one is reported."""
    readers: Mapping[FaktTyp, Callable[[], Value]] = {
        FaktTyp.JANEIN: lambda: reader.yes(node),
        FaktTyp.ZAHL: lambda: reader.whole(node, fakt.low, fakt.high),
        FaktTyp.BETRAG: lambda: reader.cents(node, fakt.low, fakt.high),
        FaktTyp.DATUM: lambda: reader.day(node),
        FaktTyp.CODE: lambda: reader.word(node, fakt.codes, fakt.codes[0] if fakt.codes else ""),
        FaktTyp.ARS: lambda: reader.ars(node),
        FaktTyp.TEXT: lambda: reader.text(node),
    }
    return readers[fakt.typ]()


def _bounds(reader: Reader, node: Node, low: int, high: int, typ: FaktTyp = FaktTyp.ZAHL) -> tuple[int, int]:
    bounds = reader.items(node)
    if len(bounds) != 2:
        reader.wrong(node, "here must stand two numbers: [lowest, highest]")
        return low, high
    lowest, highest = (
        reader.cents(bound, low, high) if typ is FaktTyp.BETRAG else reader.whole(bound, low, high) for bound in bounds
    )
    if lowest > highest:
        reader.wrong(node, "the lowest stands first: [lowest, highest]")
    return lowest, highest


def _frage(reader: Reader, fakt: Fakt, node: Node, parts: Mapping[str, Node]) -> Frage | None:
    """Return how the person is asked for a fact, in every language; facts of other sources are never asked for."""
    typ = fakt.typ
    if fakt.quelle is not Quelle.PERSON:
        for part in ("frage", "antworten", "laenge"):
            if part in parts:
                reader.wrong(parts[part], f"only a fact with quelle person has '{part}'")
        return None
    if "frage" not in parts:
        reader.wrong(node, "a fact with quelle person needs 'frage', how it is asked: de, en, ls")
    if typ is FaktTyp.ARS:
        reader.wrong(parts["typ"], "nobody knows an ARS by heart; ask for something else")
    if typ in NUMERIC and "bereich" not in parts:
        reader.wrong(node, "a number that a person types needs its 'bereich'")
    if (typ is FaktTyp.CODE) != ("antworten" in parts):
        reader.wrong(node, "a question of typ code needs 'antworten', how each of its 'werte' reads; no other may")
    if "laenge" in parts and typ is not FaktTyp.TEXT:
        reader.wrong(parts["laenge"], "only a fact of typ text has a 'laenge'")
    low, high = (fakt.low, fakt.high) if typ in NUMERIC else (0, 0)
    if typ is FaktTyp.TEXT:
        low, high = _bounds(reader, parts["laenge"], 1, MAX_TEXT) if "laenge" in parts else (1, MAX_TEXT)
    antworten = YES_NO if typ is FaktTyp.JANEIN else {}
    if typ is FaktTyp.CODE and "antworten" in parts:
        words = reader.fields(parts["antworten"], fakt.codes)
        antworten = {word: _in_every_language(reader, inner) for word, inner in words.items()}
    text = _in_every_language(reader, parts["frage"]) if "frage" in parts else {}
    return Frage(fakt.name, typ.value, text, antworten, low, high, sensibel=reader.yes(parts.get("sensibel")))


def _in_every_language(reader: Reader, node: Node) -> dict[str, str]:
    found = {}
    for language, inner in reader.fields(node, LANGUAGES).items():
        found[language] = reader.text(inner)
        if {"{", "}"} & set(found[language]):
            reader.wrong(inner, "a question is the same for everybody: nothing fills a placeholder here")
    return found
