"""Guards V01–V15: vetoes that no rule author can switch off (lebenslagen.md § 4).

Evaluated before and after every rule and again immediately before hand-over. A guard's id stands only in the staff
part of the log; the facts part says ``schutz``: V01 in a log is a stillbirth to whoever has the page.
"""

from collections.abc import Iterable
from enum import StrEnum


class Guard(StrEnum):
    """What stops a case or a person's matters, whatever consent says."""

    TOTGEBURT = "V01"
    KIND_VERSTORBEN = "V02"
    VERTRAULICHE_GEBURT = "V03"
    ADOPTION = "V04"
    SPERRVERMERK = "V05"
    AUSKUNFTSSPERRE = "V06"
    BEDINGTER_SPERRVERMERK = "V07"
    VERSTORBEN = "V08"
    SORGE_ENTZOGEN = "V09"
    GETRENNT = "V10"
    MINDERJAEHRIG = "V11"
    BETREUUNG = "V12"
    RECHTSSTAND = "V13"
    STORNO = "V14"
    EINWILLIGUNG = "V15"


STOPS_EVENT = frozenset(
    {
        Guard.TOTGEBURT,
        Guard.VERTRAULICHE_GEBURT,
        Guard.ADOPTION,
        Guard.SPERRVERMERK,
        Guard.KIND_VERSTORBEN,
        Guard.STORNO,
    }
)
"""On a register entry: nothing of that event goes on, for anybody."""

STOPS_PERSON = frozenset({Guard.VERSTORBEN})
"""On a person: nothing goes to them."""

STOPS_CHILD = STOPS_PERSON | {Guard.SORGE_ENTZOGEN}
"""On the child of a birth: nothing of that birth goes on."""

STOPS_HOLDER = frozenset({Guard.SORGE_ENTZOGEN})
"""On a person: nothing about a child goes to them, or is shown; of which child it was taken, no register says. What is
their own goes on, and they may see and withdraw as before (Art. 7 (3), 15 DSGVO)."""

PROTECTS_PERSON = {Guard.AUSKUNFTSSPERRE: "51", Guard.BEDINGTER_SPERRVERMERK: "52"}
"""On a person: the gate's row 5 decides, with these paragraphs of the BMG."""

CORRECTABLE = frozenset({Guard.TOTGEBURT, Guard.VERSTORBEN, Guard.STORNO})
"""What a newer version of the same entry takes back by saying otherwise. The others protect somebody: a correction that
leaves them out proves nothing, only a cancellation by name ends them (§ 1758 BGB, §§ 51, 52 BMG)."""

LIFTED_BY_STORNO = frozenset({"sterbefall", "schutzvermerk"})
"""Kinds of events whose cancellation takes a stop away instead of bringing one."""

UNREPORTED = frozenset({Guard.BETREUUNG})
"""V12: no register reports it, so nothing here can begin with it. Whoever cares for somebody tells the office."""


CUSTODY_ELSEWHERE, PROTECTED, MOTHER_DIED = "custody.elsewhere", "event.protected", "birth.mother_died"
"""Tasks that guards bring (V09, V07, and the tone rule of lebenslagen.md § 4)."""

PROTECTED_AFTER_SENDING = "auftrag.protected_after_sending"
"""The task that V06 and V07 bring for each Auftrag that was handed over without the mark."""


def for_humans(guards: Iterable[tuple[str, frozenset[Guard]]]) -> tuple[str, ...]:
    """Return the tasks that an event brings by the guards on its persons, each with the person's role in it."""
    by_role = list(guards)
    found = {
        CUSTODY_ELSEWHERE: any(Guard.SORGE_ENTZOGEN in standing for _, standing in by_role),
        PROTECTED: any(Guard.BEDINGTER_SPERRVERMERK in standing for _, standing in by_role),
        MOTHER_DIED: any(role == "mutter" and Guard.VERSTORBEN in standing for role, standing in by_role),
    }
    return tuple(task for task, needed in found.items() if needed)


def of_child(guard: Guard) -> Guard:
    """Return a person's guard as it stands for the birth whose child they are: its death is V02, not V08."""
    return Guard.KIND_VERSTORBEN if guard is Guard.VERSTORBEN else guard


def stops_whole_event(entry: frozenset[Guard], child: frozenset[Guard]) -> bool:
    """Return whether an event may go no further, by what stands before its entry and before the child it is about."""
    return bool(entry & STOPS_EVENT or child & (STOPS_CHILD | STOPS_EVENT))


def reaches_events(scope: str, guard: Guard) -> bool:
    """Return whether a stop (scope ``entry`` or ``person``) takes back events: the entry's, or the child's."""
    return guard in STOPS_EVENT or (scope == "person" and guard in STOPS_CHILD)


def reaches_addressee(scope: str, guard: Guard) -> bool:
    """Return whether a stop takes back everything that is addressed to its person."""
    return scope == "person" and guard in STOPS_PERSON


def reaches_holder(scope: str, guard: Guard) -> bool:
    """Return whether a stop takes back what is addressed to its person about a child."""
    return scope == "person" and guard in STOPS_HOLDER
