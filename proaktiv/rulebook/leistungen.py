"""One file of ``leistungen/`` → one Plan, typed by the catalogue.

Nothing raises: what is wrong is in the reader's ``problems``, and a Plan with problems is not used.
Left to others: condition trees (``trees``), the rest of a Lebenslage's folder (``compile``), whether its parts fit
together (``check``). Source: rules.md §§ 0, 4; data-path.md § 5 (two parents, mode of sending).
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from proaktiv.core.conditions import Eine
from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import DATELESS, Frist, FristTyp, Massgeblich
from proaktiv.core.plans import ART, Annahme, Gilt, Leika, Plan, Vorbelegung
from proaktiv.core.trust import Trust
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.facts import FaktTyp, Quelle, read_value
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Scalar, Sequence
from proaktiv.rulebook.parameters import named_in
from proaktiv.rulebook.reading import FAR_AWAY, Place, Reader
from proaktiv.rulebook.trees import Trees

ROLES = ("elternteil", "person")
"""Who a decision can be for: the role whose facts a row holds (``core.binding``)."""

SIGNERS = ("elternteil", "zweiter_elternteil", "person")
"""Who can sign: the addressee by their role, and the other parent of the same birth."""

OHNE_ZWEITE = ("einreichen_und_nachreichen", "warten")
STATUS = ("in_kraft", "entwurf")
VERSAND = ("behoerde", "selbst", "hinweis")
FORMS = ("formlos", "unterschrift_beide", "nutzerkonto_substantiell", "unterschrift")
TRUST = tuple(level.name for level in Trust)
NEVER = Eine(())
"""Stands for a condition that could not be read: never yes. A folder with problems is not used anyway."""

_LEISTUNG = re.compile(r"[A-Z][A-Z0-9-]{1,47}")
_ALWAYS = ("leistung", "name", "version", "status", "geprueft_bis", "je", "gilt", "voraussetzungen", "vorschlag")
_OPTIONAL = ("art", "leika", "indikator", "annahmen", "nach", "schliesst_aus", "fassungen")
_SENT = ("stelle", "versand", "form", "min_vertrauen", "fristen", "vorbelegung")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "auftrag": (*_ALWAYS, *_SENT),
    "termin": (*_ALWAYS, "stelle", "fristen"),
    "hinweis": _ALWAYS,
    "wiedervorlage": _ALWAYS,
    "manuell": _ALWAYS,
}
"""What a file must say, by what the Leistung yields: only an Auftrag is sent."""

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "auftrag": (*_OPTIONAL, "unterzeichner", "zweite_entfaellt", "ohne_zweite"),
    "termin": (*_OPTIONAL, "vorbelegung", "min_vertrauen"),
    "hinweis": (*_OPTIONAL, "stelle", "fristen"),
    "wiedervorlage": (*_OPTIONAL, "fristen"),
    "manuell": (*_OPTIONAL, "stelle", "fristen"),
}


NOTHING_SHOWN: Mapping[str, frozenset[str]] = {}


class Leistungen:
    """Reads the files of one Lebenslage's Leistungen; ``places`` remembers where each part is written.

    ``shown`` is what the texts of each Leistung show. ``entwuerfe`` are Fassungen of laws that are not adopted.
    """

    def __init__(
        self,
        reader: Reader,
        catalogue: Catalogue,
        lebenslage: str,
        places: dict[str, Place],
        shown: Mapping[str, frozenset[str]] = NOTHING_SHOWN,
    ) -> None:
        self.reader = reader
        self.catalogue = catalogue
        self.lebenslage = lebenslage
        self.places = places
        self.shown = shown
        self.entwuerfe: list[Plan] = []
        self.trees = Trees(reader, catalogue, lebenslage)

    def plan(self, node: Node) -> Plan:
        """Return the Plan that a file describes, with its Fassungen."""
        base = self.one(node)
        found: list[Plan] = []
        for item in self.reader.items(node.entries.get("fassungen") if isinstance(node, NodeMapping) else None):
            if isinstance(item, NodeMapping) and isinstance(node, NodeMapping):
                self.fassung(base, node, item, found)
            else:
                self.reader.wrong(item, "here must stand named values (name: value)")
        return replace(base, fassungen=tuple(found))

    def fassung(self, base: Plan, node: NodeMapping, item: NodeMapping, found: list[Plan]) -> None:
        """Read one Fassung: what it does not say is as in the file above it."""
        reader = self.reader
        allowed = {*NEEDED["auftrag"], *ALLOWED["auftrag"]} - {"leistung", "gilt", "je", "fassungen"}
        parts = reader.fields(item, ("ab",), (*sorted(allowed), "schluessel", "entwurf", "grund"))
        ab = reader.day(parts.get("ab"))
        if "schluessel" in parts:
            reader.word(parts["schluessel"], (base.gilt.schluessel,))
        if base.gilt.bis is not None:
            reader.wrong(item, "a Leistung with 'gilt: bis' has no Fassungen: the last one lasts")
        latest = found[-1].gilt.ab if found else base.gilt.ab
        if ab <= latest and ab != FAR_AWAY:
            reader.wrong(item, f"a Fassung begins after the one before it ({latest.isoformat()}), not {ab.isoformat()}")
        own = {name: part for name, part in parts.items() if name in allowed}
        kept = {name: part for name, part in node.entries.items() if name not in {*own, "fassungen"}}
        art = parts.get("art")
        if isinstance(art, Scalar) and art.text in ART:
            kept = {name: part for name, part in kept.items() if name in (*NEEDED[art.text], *ALLOWED[art.text])}
        said = {**kept, **own}
        keys = {name: item.keys[name] if name in own else node.keys[name] for name in said}
        whole = NodeMapping(item.line, item.column, said, keys)
        plan = replace(self.one(whole, again=True), gilt=Gilt(base.gilt.schluessel, ab))
        if reader.yes(parts.get("entwurf")):
            self.entwuerfe.append(replace(plan, status="entwurf"))
        else:
            found.append(plan)

    def one(self, node: Node, *, again: bool = False) -> Plan:
        """Return the Plan of one Fassung."""
        reader, trees = self.reader, self.trees
        art = self.art(node)
        parts = reader.fields(node, NEEDED[art], ALLOWED[art])
        leistung = reader.text(parts.get("leistung"))
        if leistung and not _LEISTUNG.fullmatch(leistung):
            reader.wrong(parts["leistung"], f"'{leistung}' is no id of a Leistung; write capitals, like KITA-PLATZ")
        if leistung in self.places and not again:
            reader.wrong(node, f"the Leistung '{leistung}' stands in another file too")
        self.places.setdefault(leistung, reader.place(node))
        vorschlag = reader.fields(parts["vorschlag"], ("schluessel",), ("gruppe",)) if "vorschlag" in parts else {}
        stelle = reader.fields(parts["stelle"], ("art", "nach"), ("fest",)) if "stelle" in parts else {}
        min_vertrauen = TRUST.index(reader.word(parts.get("min_vertrauen"), TRUST, "V1"))
        versand, versand_ab = self.ways(parts.get("versand"), min_vertrauen)
        if art != "auftrag":
            versand = "hinweis"
        plan = Plan(
            lebenslage=self.lebenslage,
            leistung=leistung,
            name=reader.text(parts.get("name")),
            je=reader.word(parts.get("je"), ROLES, ROLES[0]),
            bedingung=trees.tree(parts.get("voraussetzungen")) or NEVER,
            gilt=self.gilt(parts.get("gilt")),
            stelle_art=reader.word(stelle.get("art"), sorted(self.catalogue.stellen)),
            stelle_nach=self.name(stelle.get("nach")),
            schluessel=self.names(vorschlag.get("schluessel")),
            version=reader.whole(parts.get("version"), 1, 10_000),
            leika=self.leika(parts.get("leika")),
            indikator=trees.tree(parts.get("indikator")),
            fristen=tuple(self.frist(item) for item in reader.items(parts.get("fristen"))),
            gruppe=self.names(vorschlag.get("gruppe")),
            unterzeichner=self.signers(parts),
            zweite_entfaellt=trees.tree(parts.get("zweite_entfaellt")),
            ohne_zweite=reader.word(parts.get("ohne_zweite"), OHNE_ZWEITE),
            versand=versand,
            versand_ab=versand_ab,
            form=self.forms(parts.get("form")),
            min_vertrauen=min_vertrauen,
            vorbelegung=self.prefill(leistung, parts.get("vorbelegung")),
            status=reader.word(parts.get("status"), STATUS, "entwurf"),
            geprueft_bis=reader.day_or_none(parts.get("geprueft_bis")),
            art=art,
            parameter=self.catalogue.parameter.by_name,
            annahmen=tuple(each for item in reader.items(parts.get("annahmen")) if (each := self.annahme(item))),
            nach=reader.texts(parts.get("nach")),
            schliesst_aus=reader.texts(parts.get("schliesst_aus")),
            stelle_fest=reader.word(stelle.get("fest"), ("erster_auftrag",)) != "",
        )
        shown = self.shown.get(leistung, frozenset())
        amounts = {name.removeprefix("parameter.") for name in shown if name.startswith("parameter.")}
        named = {name: one for name, one in plan.parameter.items() if name in named_in(plan) | amounts}
        derived = tuple(sorted(shown & REGISTRY.keys()))
        return self.with_sources(replace(plan, parameter=named, abgeleitet=derived))

    def annahme(self, node: Node) -> Annahme | None:
        """Return what the person declares in the Auftrag instead of being asked before it."""
        reader = self.reader
        parts = reader.fields(node, ("das", "wert", "grund"), ("wenn",))
        fakt = self.trees.fact(parts.get("das")) if "das" in parts else None
        grund = reader.text(parts.get("grund"))
        wenn = self.trees.tree(parts.get("wenn"))
        if fakt is None or "wert" not in parts:
            return None
        if fakt.quelle not in (Quelle.PERSON, Quelle.REGISTER):
            reader.wrong(
                parts["das"], "only what the person or a register says can be declared (quelle: person or register)"
            )
        elif fakt.quelle is Quelle.REGISTER and "wenn" not in parts:
            reader.wrong(
                node, f"{fakt.name} is the register's to say; 'wenn' must name what speaks for it where that is silent"
            )
        return Annahme(fakt.name, read_value(reader, fakt, parts["wert"]), grund, wenn)

    def art(self, node: Node) -> str:
        """Return what the Leistung yields."""
        written = node.entries.get("art") if isinstance(node, NodeMapping) else None
        return self.reader.word(written, ART, ART[0]) if isinstance(written, Scalar) else ART[0]

    def with_sources(self, plan: Plan) -> Plan:
        """Return the Plan with the registers and questions that the catalogue names for its facts."""
        used = [self.catalogue.fakten[name] for name in sorted(plan.benoetigt) if name in self.catalogue.fakten]
        return replace(
            plan,
            register={fakt.name: fakt.register for fakt in used if fakt.quelle is Quelle.REGISTER},
            fragen=tuple(fakt.frage for fakt in used if fakt.frage is not None),
        )

    # who signs, how it is sent ---------------------------------------------------------------------------------------

    def signers(self, parts: dict[str, Node]) -> tuple[str, ...]:
        """Return the roles that sign; one signs alone unless the file says otherwise."""
        reader = self.reader
        written = parts.get("unterzeichner")
        signers = tuple(reader.word(item, SIGNERS) for item in reader.items(written))
        je = reader.text(parts.get("je"))
        if written is not None and all(signers):
            if signers not in {(je,), ("elternteil", "zweiter_elternteil")} or signers[:1] != (je,):
                hint = " or [elternteil, zweiter_elternteil]" if je == "elternteil" else ""
                reader.wrong(written, f"with 'je: {je}' the signers are [{je}]{hint}")
            elif len(signers) > 1 and "ohne_zweite" not in parts:
                reader.wrong(
                    written, f"two signers need 'ohne_zweite', what happens without the second: {_words(OHNE_ZWEITE)}"
                )
        if len(signers) < 2:
            for name in ("ohne_zweite", "zweite_entfaellt"):
                if name in parts:
                    reader.wrong(parts[name], f"'{name}' belongs to two signers: unterzeichner has one")
        return signers

    def ways(self, node: Node | None, min_vertrauen: int) -> tuple[str, dict[int, str]]:
        """Return the way of sending at the lowest trust level, and the other ways by the level that opens them."""
        reader = self.reader
        if not isinstance(node, NodeMapping):
            return reader.word(node, VERSAND, VERSAND[0]), {}
        ways = {
            TRUST.index(level): reader.word(way, VERSAND, VERSAND[0])
            for level, way in reader.fields(node, (), TRUST).items()
        }
        lowest = TRUST[min_vertrauen]
        if min(ways, default=-1) != min_vertrauen:
            reader.wrong(node, f"'versand' by trust begins with {lowest}, the 'min_vertrauen'")
            return VERSAND[0], {}
        levels = sorted(ways)
        for level, below in zip(levels[1:], levels, strict=False):
            if ways[level] == ways[below]:
                reader.wrong(node.keys[TRUST[level]], f"'{ways[level]}' holds from {TRUST[below]} on already")
        return ways.pop(min_vertrauen), dict(sorted(ways.items()))

    def forms(self, node: Node | None) -> tuple[str, ...]:
        """Return the forms of which one must be kept."""
        reader = self.reader
        if not isinstance(node, Sequence):
            return (reader.word(node, FORMS, FORMS[0]),)
        forms = tuple(reader.word(item, FORMS, FORMS[0]) for item in node.items)
        if len(set(forms)) < len(forms) or not forms or ("formlos" in forms and len(forms) > 1):
            reader.wrong(node, "'form' is one form or a list of different ones; 'formlos' stands alone")
        return forms

    # the other parts -------------------------------------------------------------------------------------------------

    def gilt(self, node: Node | None) -> Gilt:
        """Return the rule's own time."""
        reader = self.reader
        parts = reader.fields(node, ("schluessel", "ab"), ("bis",)) if node is not None else {}
        key = self.trees.reckoning(parts.get("schluessel"))
        if key is not None and key.schritte:
            reader.wrong(
                parts["schluessel"], "'gilt' goes by a fact as it is, not by a reckoned day; derive a fact for it"
            )
        return Gilt(key.von if key else "", reader.day(parts.get("ab")), reader.day_or_none(parts.get("bis")))

    def leika(self, node: Node | None) -> Leika | None:
        """Return the LeiKa key with its source."""
        if node is None:
            return None
        reader = self.reader
        parts = reader.fields(node, ("schluessel", "quelle", "geprueft_am"))
        key = reader.leika(parts.get("schluessel"))
        return Leika(key, reader.text(parts.get("quelle")), reader.day(parts.get("geprueft_am")))

    def frist(self, node: Node) -> Frist:
        """Return one Frist."""
        reader = self.reader
        parts = reader.fields(node, ("name", "typ", "massgeblich"), ("ende", "verschiebung", "norm", "quelle", "folge"))
        typ = FristTyp(reader.word(parts.get("typ"), [each.value for each in FristTyp], FristTyp.KEINE.value))
        if (typ in DATELESS) == ("ende" in parts):
            without = "has no date, so no 'ende'" if typ in DATELESS else "needs 'ende', how it is reckoned"
            reader.wrong(node, f"a Frist of typ {typ.value} {without}")
        if "ende" in parts and not ({"norm", "quelle"} & parts.keys()):
            reader.wrong(node, "a Frist needs its 'norm' or its 'quelle'")
        return Frist(
            name=reader.text(parts.get("name")),
            typ=typ,
            massgeblich=Massgeblich(
                reader.word(parts.get("massgeblich"), [each.value for each in Massgeblich], Massgeblich.ABGABE.value)
            ),
            ende=self.trees.reckoning(parts.get("ende")),
            verschiebung=reader.text(parts.get("verschiebung")),
            norm=reader.text(parts.get("norm")),
            quelle=reader.text(parts.get("quelle")),
            folge=reader.text(parts.get("folge")),
        )

    def prefill(self, leistung: str, node: Node | None) -> tuple[Vorbelegung, ...]:
        """Return the fields that facts fill."""
        reader = self.reader
        found: dict[str, Vorbelegung] = {}
        for item in reader.items(node):
            parts = reader.fields(item, ("ziel", "aus", "aenderbar"))
            ziel = reader.text(parts.get("ziel"))
            if ziel in found:
                reader.wrong(item, f"the field '{ziel}' is filled twice")
            self.places[f"{leistung}.{ziel}"] = reader.place(item)
            fakt = self.trees.fact(parts["aus"]) if parts.get("aus") is not None else None
            changes = reader.yes(parts.get("aenderbar"))
            if fakt is None:
                continue
            typ = fakt.typ.value if fakt.typ is FaktTyp.BETRAG else ""
            found[ziel] = Vorbelegung(ziel, fakt.name, changes, dict(fakt.beschriftung), typ)
        return tuple(found.values())

    def name(self, node: Node | None) -> str:
        """Return the name of a fact."""
        fakt = self.trees.fact(node) if node is not None else None
        return fakt.name if fakt else ""

    def names(self, node: Node | None) -> tuple[str, ...]:
        """Return the names of facts."""
        for item in self.reader.items(node):
            if isinstance(item, Scalar):
                self.trees.fact(item)
        return self.reader.texts(node)


def _words(allowed: tuple[str, ...]) -> str:
    return " or ".join(allowed)
