"""A new Lebenslage or Leistung to begin with: files that pass ``check`` and whose cases hold, everything a draft.

What stands in them is a sample that says what to replace; no law is invented, no LeiKa key guessed. Never overwrites a
file. Source: rules.md §§ 0, 6.
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from proaktiv.core.dates import ende_monate_ereignis
from proaktiv.core.errors import BadInput
from proaktiv.core.lebenslagen import LANGUAGES
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.compile import compile_folder
from proaktiv.rulebook.facts import Quelle

_LEBENSLAGE = re.compile(r"[a-z][a-z_]{1,30}")
_OFFICE = "jugendamt"
_SATURDAY = 5
_PERSON = ("person.kennung", "person.wohnort_ars", "person.geburtsdatum")
_LEISTUNG = re.compile(r"[A-Z][A-Z0-9-]{1,47}")


@dataclass(frozen=True, slots=True)
class _Facts:
    """The facts by which the sample is decided: the key date, who it is for, where they live, when born, what else."""

    je: str
    tag: str
    wer: str
    ort: str
    geboren: str
    gilt: str


def bring_catalogue(root: Path, shared: Path) -> tuple[Path, ...]:
    """Copy the catalogue of ``shared`` into a folder that has none yet; return the files written.

    Rules are written against the facts that registers report here, so a new folder begins with those.
    """
    if (root / "_katalog").exists() or not (shared / "_katalog").exists():
        return ()
    shutil.copytree(shared / "_katalog", root / "_katalog")
    return tuple(sorted(path for path in (root / "_katalog").rglob("*") if path.is_file()))


def scaffold(root: Path, lebenslage: str, leistung: str, today: date) -> tuple[Path, ...]:
    """Write what is missing for a Leistung of a Lebenslage below ``root`` and return the files written or lengthened.

    Without ``leistung`` the sample is called after the Lebenslage. Raises ``BadInput`` for names that are none, and for
    a Leistung that is there already.
    """
    leistung = leistung or lebenslage.upper().replace("_", "-")
    if not _LEBENSLAGE.fullmatch(lebenslage):
        raise BadInput("lebenslage", "write small letters, like umzug or erstes_kind")
    if not _LEISTUNG.fullmatch(leistung):
        raise BadInput("leistung", "write capitals, like KITA-PLATZ")
    folder = root / lebenslage
    rule = folder / "leistungen" / f"{leistung.lower()}.yaml"
    if rule.exists():
        raise BadInput("leistung", f"{rule.relative_to(root)} is there already")
    catalogue = read_catalogue(root)
    fresh = not folder.exists()
    facts = _own_facts(lebenslage) if fresh else _facts_of(root, lebenslage, catalogue)
    office = _OFFICE if _OFFICE in catalogue.stellen else min(catalogue.stellen)
    texts = {language: folder / "texte" / f"{language}.yaml" for language in LANGUAGES}
    head = folder / "lebenslage.yaml"
    case = folder / "faelle" / f"{leistung.lower()}.yaml"
    written = [rule, case, head, *texts.values()]
    shared = root / "_katalog" / "fakten.yaml"
    widened = _catalogue(shared.read_text(), lebenslage, facts) if fresh else ""
    for path in (rule, case, *texts.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
    if fresh:
        shared.write_text(widened)
        head.write_text(_head(lebenslage, facts))
        written.append(shared)
    head.write_text(head.read_text().rstrip() + "\n" + _transmit(leistung, facts))
    rule.write_text(_rule(leistung, facts, office, today))
    case.write_text(_case(leistung, facts, today))
    for language, path in texts.items():
        before = path.read_text().rstrip() + "\n" if path.exists() else _named(lebenslage, language)
        path.write_text(before + _texts(leistung, language))
    return tuple(written)


def _own_facts(lebenslage: str) -> _Facts:
    return _Facts("person", f"{lebenslage}.tag", *_PERSON, f"{lebenslage}.betrifft_person")


def _facts_of(root: Path, lebenslage: str, catalogue: Catalogue) -> _Facts:
    """Return facts that the Lebenslage's other Leistungen use already. Raises ``BadInput`` where it has none."""
    compiled = compile_folder(root / lebenslage, catalogue)
    if compiled.problems or not compiled.lebenslage or not compiled.lebenslage.plans:
        raise BadInput("lebenslage", f"{lebenslage} has no Leistung that passes check; mend that first")
    plan = compiled.lebenslage.plans[0]
    match = next(fluss for fluss in compiled.lebenslage.fluesse if fluss.name == f"{lebenslage}/match")
    sent = (catalogue.fakten[name] for name in sorted(match.felder))
    known = {fakt.name: fakt.typ.value for fakt in sent if fakt.quelle is Quelle.EREIGNIS}
    yes_or_no = [name for name, typ in known.items() if typ == "janein"]
    places = [name for name, typ in known.items() if typ == "ars"]
    keys = [name for name, typ in known.items() if typ == "text"]
    born = f"{plan.je}.geburtsdatum"
    if not places or not keys or born not in known:
        raise BadInput("lebenslage", f"the flow {lebenslage}/match names no place (ars), no key (text) or not {born}")
    key = (plan.schluessel or (keys[0],))[0]
    return _Facts(plan.je, plan.gilt.schluessel, key, places[0], born, (yes_or_no or [""])[0])


def _catalogue(catalogue: str, lebenslage: str, facts: _Facts) -> str:
    """Return the catalogue's text with what a new Lebenslage needs: two facts of its own, and those of any person."""
    for name in _PERSON:
        row = re.compile(rf"^({re.escape(name)}: {{.*lebenslagen: \[)([^]]*)(\])", re.MULTILINE)
        found = row.search(catalogue)
        if found and lebenslage not in re.split(r",\s*", found[2]):
            catalogue = row.sub(rf"\g<1>\g<2>, {lebenslage}\g<3>", catalogue)
        if not found:
            raise BadInput("lebenslage", f"_katalog/fakten.yaml has no line {name}: {{…, lebenslagen: […]}} to widen")
    lines = {
        facts.tag: ("datum", "Tag des Ereignisses", "Day of the event"),
        facts.gilt: ("janein", "Das Ereignis betrifft die Person", "The event concerns the person"),
    }
    rows = (
        f"{name}: {{typ: {typ}, quelle: ereignis, lebenslagen: [{lebenslage}], beschriftung: {{de: {de}, en: {en}}}}}\n"
        for name, (typ, de, en) in lines.items()
    )
    return (
        f"{catalogue}\n# {lebenslage}: Muster, zu ersetzen durch das, was die Meldung wirklich enthält\n{''.join(rows)}"
    )


_FLOW = """  - fluss: {fluss}
    zweck: {zweck}
    quelle: {quelle}
    empfaenger: {empfaenger}
    felder: [{felder}]
    grundlage: {grundlage}
    norm: {norm}
    norm_ab: 2018-05-25
    einwilligung: ja
    alternativer_weg: Sie können die Leistung jederzeit selbst beantragen.
    hinweis:
      de: {de}
      en: {en}
"""


def _head(lebenslage: str, facts: _Facts) -> str:
    every = ", ".join([facts.tag, *_PERSON, facts.gilt])
    whole = {"quelle": "Register (zu ersetzen)", "empfaenger": "Ihre Gemeinde", "grundlage": "public_task"}
    flows = (
        {
            **whole,
            "fluss": "watch",
            "zweck": f"Erfahren, dass {lebenslage} geschehen ist",
            "felder": facts.wer,
            "norm": "zu ersetzen",
            "de": "Ihre Gemeinde nimmt das Ereignis zum Anlass, Ihnen Leistungen vorzuschlagen.",
            "en": "Your municipality takes the event as an occasion to propose services to you.",
        },
        {
            **whole,
            "fluss": "match",
            "zweck": "Prüfen, welche Leistungen für Sie in Betracht kommen",
            "felder": every,
            "norm": "zu ersetzen",
            "de": "Ein Programm vergleicht die Angaben mit den Voraussetzungen. Entscheiden kann nur die Behörde.",
            "en": "A program compares the data with the conditions. Only the authority can decide.",
        },
        {
            "fluss": "propose/LETTER",
            "zweck": "Ihnen Vorschläge mit einem Brief schicken",
            "quelle": "Ihre Angaben bei der Anmeldung",
            "empfaenger": "Sie selbst",
            "felder": "kontakt.name, kontakt.anschrift, kontakt.sprache, kontakt.geburtsdatum",
            "grundlage": "consent",
            "norm": "Art. 6 Abs. 1 Buchst. a DSGVO",
            "de": "Ihre Gemeinde schreibt Ihnen einen Brief, wenn es Vorschläge gibt.",
            "en": "Your municipality writes a letter to you when there are proposals.",
        },
    )
    begin = f"lebenslage: {lebenslage}\nereignisse: [{lebenslage}]\nstatus: entwurf\nfluesse:\n"
    return begin + "".join(_FLOW.format(**flow) for flow in flows)


def _transmit(leistung: str, facts: _Facts) -> str:
    return _FLOW.format(
        fluss=f"transmit/{leistung}",
        zweck=f"{leistung} beantragen (zu ersetzen)",
        quelle="Ihr bestätigter Auftrag",
        empfaenger="Die zuständige Behörde",
        felder=facts.tag,
        grundlage="consent",
        norm="Art. 6 Abs. 1 Buchst. a DSGVO",
        de="Ihr Auftrag geht mit den gezeigten Angaben an die Behörde, erst nachdem Sie ihn bestätigt haben.",
        en="Your order goes to the authority with the data shown, only after you have confirmed it.",
    )


def _rule(leistung: str, facts: _Facts, office: str, today: date) -> str:
    also = f"\n    - {{das: {facts.gilt}, ist: ja, norm: zu ersetzen}}" if facts.gilt else ""
    return f"""leistung: {leistung}
name: {leistung.replace("-", " ").capitalize()}
version: 1
status: entwurf       # Muster: jede Zeile ist zu ersetzen und gegenzuzeichnen
geprueft_bis: {today.year + 1}-12-31
# Ohne LeiKa: ein Schlüssel steht erst hier, wenn er geprüft ist.
je: {facts.je}
gilt: {{schluessel: {facts.tag}, ab: {today.year}-01-01}}
voraussetzungen:
  alle:
    - {{das: heute, bis: {{monate: 3, von: {facts.tag}}}, norm: zu ersetzen}}
    - {{das: heute, ab: {{tage: 1, von: {{lebensjahr: 18, von: {facts.geboren}}}}}, norm: zu ersetzen}}{also}
vorschlag: {{schluessel: [{facts.wer}]}}
stelle: {{art: {office}, nach: {facts.ort}}}
versand: behoerde
form: formlos
min_vertrauen: V1
fristen:
  - name: {leistung.lower().replace("-", "_")}_frist
    typ: ohne_verlust
    ende: {{monate: 3, von: {facts.tag}}}
    massgeblich: eingang_zustaendige_stelle
    norm: zu ersetzen
    folge: Zu ersetzen.
vorbelegung:
  - {{ziel: anlass/tag, aus: {facts.tag}, aenderbar: nein}}
"""


def _case(leistung: str, facts: _Facts, today: date) -> str:
    year = today.year
    frist = f"{leistung.lower().replace('-', '_')}_frist"
    days = (date(year, 4, 2) + timedelta(days=n) for n in range(7))
    begun, saturday = next((day, end) for day in days if (end := ende_monate_ereignis(day, 3)).weekday() == _SATURDAY)
    also = f"\n  {facts.gilt}: ja" if facts.gilt else ""
    no = (
        f"\n  - {{name: es betrifft die Person nicht, mit: {{{facts.gilt}: nein}}, erwartet: nein}}"
        f"\n  - {{name: unbekannt ob es sie betrifft, mit: {{{facts.gilt}: unbekannt}}, erwartet: offen}}"
        if facts.gilt
        else ""
    )
    return f"""leistung: {leistung}
grundlage:
  {facts.tag}: {year}-03-31
  {facts.ort}: "990010000000"
  {facts.geboren}: {year - 40}-02-28{also}
  heute: {year}-05-04
faelle:
  - {{name: Normalfall, erwartet: ja, fristen: {{{frist}: {year}-06-30}}}}
  - {{name: letzter Tag, mit: {{heute: {year}-06-30}}, erwartet: ja, naechster_wechsel: {year}-07-01}}
  - {{name: ein Tag danach, mit: {{heute: {year}-07-01}}, erwartet: nein, wegen: zu ersetzen}}
  - name: am Ersten geschehen und am letzten Tag
    mit: {{{facts.tag}: {year}-04-01, heute: {year}-07-01}}
    erwartet: ja
    fristen: {{{frist}: {year}-07-01}}
  - {{name: Ende am Samstag, mit: {{{facts.tag}: {begun}}}, erwartet: ja, fristen: {{{frist}: {saturday}}}}}{no}
  - {{name: am Tag vor dem 18. Geburtstag, mit: {{{facts.geboren}: {year - 18}-05-05}}, erwartet: nein}}
  - {{name: am 18. Geburtstag, mit: {{{facts.geboren}: {year - 18}-05-04}}, erwartet: ja}}
  - {{name: Tag unbekannt, mit: {{{facts.tag}: unbekannt}}, erwartet: offen, fehlt: [{facts.tag}]}}
  - {{name: am ersten Tag der Geltung, mit: {{{facts.tag}: {year}-01-01, heute: {year}-01-02}}, erwartet: ja}}
  - {{name: vor der Geltung, mit: {{{facts.tag}: {year - 1}-12-31, heute: {year}-01-02}}, erwartet: gilt_nicht}}
"""


def _named(lebenslage: str, language: str) -> str:
    words = {"de": "Zu ersetzen", "en": "To be replaced", "ls": "Neu"}
    return f"lebenslage:\n  name: {lebenslage.capitalize()} ({words[language]})\n"


_TEXTS: Mapping[str, Mapping[str, str]] = {
    "de": {
        "titel": "Zu ersetzen: worum es geht",
        "grund": "Zu ersetzen: warum wir das vorschlagen.",
        "frist": "Stellen Sie den Antrag am besten bis zum {frist}.",
        "nein": "Nach den Angaben besteht kein Anspruch. Entscheiden kann nur die Behörde; Sie dürfen trotzdem "
        "einen Antrag stellen.",
    },
    "en": {
        "titel": "To be replaced: what it is about",
        "grund": "To be replaced: why we suggest this.",
        "frist": "Best apply by {frist}.",
        "nein": "According to the data there is no claim. Only the authority can decide; you may apply all the same.",
    },
    "ls": {
        "titel": "Neu",
        "grund": "Wir haben einen Vorschlag für Sie.",
        "frist": "Stellen Sie den Antrag bis zum {frist}.",
        "nein": "Wir glauben: Das passt nicht für Sie. Das Amt entscheidet das. Sie dürfen trotzdem fragen.",
    },
}


def _texts(leistung: str, language: str) -> str:
    frist = f"{{fristen.{leistung.lower().replace('-', '_')}_frist}}"
    lines = (f"  {part}: {text.format(frist=frist)!r}\n" for part, text in _TEXTS[language].items())
    return f"{leistung}:\n{''.join(lines)}"
