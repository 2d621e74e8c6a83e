"""Builders: each states only what matters to the test that calls it. All persons and offices are invented."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection

from consent.decide import PHASES
from consent.ledger import give, withdraw
from consent.model import (
    Activity,
    Ask,
    Basis,
    ConsentState,
    Head,
    Operation,
    Phase,
    Question,
    ReleasedActivity,
    Subject,
    SubjectStatus,
)
from consent.naming import standing
from consent.notices import put_notice
from consent.store import release

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_ROOT = UUID("00000000-0000-4000-8000-000000000000")
TYPES = {phase: marker for marker, phase in PHASES.items()}


def an_id(name: object) -> UUID:
    return uuid5(_ROOT, str(name))


ANNA = an_id("Anna Beispiel-Probst")


def an_activity(name: str = "geburt/transmit/KITA-PLATZ", **changes: Any) -> Activity:
    ready = Activity(
        name=name,
        version=1,
        phase=Phase(name.split("/")[1]),
        purpose="erfundener Zweck",
        controller="musterstadt",
        source="urn:proaktiv:demo:standesamt",
        recipient="jugendamt-musterstadt",
        fields=frozenset({"kind.geburtsdatum", "kind.vornamen"}),
        basis=Basis.CONSENT,
        norm="Satzung Musterstadt (erfunden)",
        norm_from=date(2026, 1, 1),
        norm_to=None,
        consent_required=True,
        dsb_approved_at=NOON - timedelta(days=90),
    )
    return replace(ready, **changes)


def a_subject(person: UUID | None = ANNA, **changes: Any) -> Subject:
    return replace(Subject(person=person, status=SubjectStatus.ALIVE), **changes)


def a_head(**changes: Any) -> Head:
    ready = Head(
        person=ANNA,
        activity="geburt/transmit/KITA-PLATZ",
        recipient="jugendamt-musterstadt",
        scope="",
        state=ConsentState.GIVEN,
        record=an_id("record"),
        version=1,
        fields=frozenset({"kind.geburtsdatum", "kind.vornamen"}),
        given_at=NOON - timedelta(days=1),
        valid_until=None,
    )
    return replace(ready, **changes)


def an_ask(**changes: Any) -> Ask:
    ready = Ask(
        caller="musterstadt",
        recipient="jugendamt-musterstadt",
        operation=Operation.TRANSMIT,
        fields=frozenset({"kind.vornamen"}),
        at=NOON,
    )
    return replace(ready, **changes)


@dataclass(frozen=True)
class Situation:
    """Everything that ``decide`` looks at; as it stands, it is permitted."""

    activity: Activity | None
    subject: Subject
    head: Head | None
    ask: Ask

    def having(self, **changes: Mapping[str, Any] | None) -> "Situation":
        """Return this with parts changed: a part that becomes None, or the fields of a part."""
        parts = {
            name: None if change is None else replace(getattr(self, name), **change)
            for name, change in changes.items()
            if change is None or getattr(self, name) is not None
        }
        return replace(self, **parts)


def a_permitted_situation() -> Situation:
    return Situation(an_activity(), a_subject(), a_head(), an_ask())


def a_question(person: UUID = ANNA, activity: str = "geburt/transmit/KITA-PLATZ", **changes: Any) -> Question:
    return replace(Question(activity, a_subject(person), an_ask()), **changes)


def released(activity: Activity, **changes: Any) -> ReleasedActivity:
    ready = ReleasedActivity(activity, content_hash="ab" * 32, demo=True, signature=b"signed", released_at=NOON)
    return replace(ready, **changes)


def release_all(connection: Connection, *activities: Activity) -> None:
    release(connection, [released(activity) for activity in activities])


def shown(connection: Connection, activity: Activity) -> bytes:
    return put_notice(connection, activity, locale="de", media_type="text/plain", body=b"Darf die Stadt das?")


def says_yes(connection: Connection, person: UUID, activity: Activity, **changes: Any) -> Head:
    parts: dict[str, Any] = {"record": an_id((person, activity.id)), "at": NOON - timedelta(hours=1)}
    return give(
        connection,
        **{
            **parts,
            "person": person,
            "activity": activity,
            "flow_id": an_id("flow"),
            "notice": shown(connection, activity),
            "channel": "PULL",
            "trust": 1,
            **changes,
        },
    )


def takes_back(connection: Connection, *, flow_id: UUID, scope: str = "", **how: Any) -> Head:
    """Withdraw whatever stands; one entry of the log tells of all of it."""
    heads = standing(connection, how["person"], how["activity"].name, scope)
    return withdraw(connection, flow_ids={head.record: flow_id for head in heads}, scope=scope, **how)
