"""The rules and the partners they need: released, trusted, with all texts; and a Behörde for every Leistung."""

from collections.abc import Collection, Iterator
from datetime import date

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.lebenslagen import Lebenslage, Rulebook
from proaktiv.database import Database
from proaktiv.doctor.databases import looking
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.rulebook import released
from proaktiv.tables import BehoerdeRow, ClientRow, CompetenceRow, core_table

LANGUAGES = ("de", "en", "ls")

_CLIENTS = core_table(ClientRow)
_BEHOERDEN = core_table(BehoerdeRow)
_COMPETENCES = core_table(CompetenceRow)

_RELEASE = "release them: proaktiv rules release"


def released_rules(
    database: Database,
    *,
    trusted: bytes | None,
    allow_demo: bool,
    registers: Collection[str] | None,
    today: date,
) -> Check:
    """Ask whether rules are released, trusted and whole, and whether their partners are known.

    ``registers`` are the names that this process can ask; None where it asks none.
    """

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            rules = released.load(session, trusted=[trusted] if trusted else None, allow_demo=allow_demo)
            yield from _whole(rules, today)
            yield from _partners(session, rules)
        if registers is not None:
            yield from _registers(rules, registers)

    return Check("rules", act, "release them anew with the key of PROAKTIV_RELEASE_PUBLIC_KEY: proaktiv rules release")


def _whole(rules: Rulebook, today: date) -> Iterator[Finding]:
    if not rules.lebenslagen:
        yield broken("rules", "none are released", _RELEASE)
        return
    yield fine("rules", ", ".join(f"{each.name}@{each.version}" for each in rules.lebenslagen.values()))
    missing = [gap for each in rules.lebenslagen.values() for gap in _gaps(each)]
    if missing:
        yield broken("texts", "; ".join(missing), "write them, then " + _RELEASE)
    else:
        yield fine("texts", f"complete in {', '.join(LANGUAGES)}")
    old = sorted(
        f"{each.name}/{plan.leistung}"
        for each in rules.lebenslagen.values()
        for plan in each.plans
        if plan.geprueft_bis is not None and plan.geprueft_bis < today
    )
    if old:
        yield look(
            "rules", f"not checked in time: {', '.join(old)}", "let a rule author read the norm and release anew"
        )


def _gaps(lebenslage: Lebenslage) -> Iterator[str]:
    texts = lebenslage.texte.by_language
    wanted = {name for language in texts.values() for name in language}
    for language in LANGUAGES:
        has = {name for name, said in texts.get(language, {}).items() if said.strip()}
        if lacking := sorted(wanted - has):
            more = f" and {len(lacking) - 1} more" if lacking[1:] else ""
            yield f"{lebenslage.name}/{language} lacks {lacking[0]}{more}"


def _partners(session: Session, rules: Rulebook) -> Iterator[Finding]:
    connection = session.connection()
    wanted = {plan.stelle_art for each in rules.lebenslagen.values() for plan in each.plans}
    known = set(
        connection.execute(
            select(_COMPETENCES.c.art).join(_BEHOERDEN, _BEHOERDEN.c.id == _COMPETENCES.c.behoerde).distinct()
        ).scalars()
    )
    if lacking := sorted(wanted - known):
        yield broken("competences", f"no Behörde for {', '.join(lacking)}", "register Behörde and competence")
    else:
        yield fine("competences", f"a Behörde for each of {len(wanted)} kinds of office")
    clients = connection.execute(select(func.count()).where(_CLIENTS.c.active)).scalar_one()
    if clients:
        yield fine("clients", f"{clients} registers may report")
    else:
        yield broken("clients", "no register may report", "register a client for each register")


def _registers(rules: Rulebook, registers: Collection[str]) -> Iterator[Finding]:
    wanted = {name for each in rules.lebenslagen.values() for plan in each.plans for name in plan.register.values()}
    if lacking := sorted(wanted - set(registers)):
        yield broken("registers", f"the rules ask {', '.join(lacking)}", "add the address to PROAKTIV_REGISTERS")
    else:
        yield fine("registers", "every register that the rules ask has an address")
