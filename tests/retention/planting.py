"""Rows planted straight into the tables, with only what matters said."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Boolean, Connection, Date, DateTime, Integer, LargeBinary, Uuid, insert
from sqlalchemy.dialects.postgresql import JSONB

from proaktiv.core.calendar import berlin_date
from proaktiv.tables import METADATA


def plant(connection: Connection, name: str, at: datetime, **said: Any) -> dict[str, Any]:
    """Insert one row; what is not said is invented, or the instant ``at``."""
    table = METADATA.tables[name]
    row = dict(said)
    for column in table.c:
        if column.name in row or column.identity is not None:
            continue
        if column.nullable and not column.primary_key:
            row[column.name] = None
        elif isinstance(column.type, Uuid):
            row[column.name] = uuid4()
        elif isinstance(column.type, LargeBinary):
            row[column.name] = uuid4().bytes
        elif isinstance(column.type, DateTime):
            row[column.name] = at
        elif isinstance(column.type, Date):
            row[column.name] = berlin_date(at)
        elif isinstance(column.type, JSONB):
            row[column.name] = []
        elif isinstance(column.type, Integer | Boolean):
            row[column.name] = 0 if isinstance(column.type, Integer) else False
        else:  # text
            row[column.name] = uuid4().hex[:4]
    for foreign in ("flow_id",):
        if foreign in table.c and table.c[foreign].foreign_keys:
            row[foreign] = plant(connection, "flow_log", at, kind=1)["fid"]
    connection.execute(insert(table), [row])
    return row


def an_event(c: Connection, at: datetime, **said: Any) -> UUID:
    return UUID(str(plant(c, "register_events", at, **({"state": "admitted", "arrived_at": at} | said))["id"]))


def a_proposal(c: Connection, at: datetime, **said: Any) -> dict[str, Any]:
    said = {"event": said.pop("event", None) or an_event(c, at), "draft": b"sealed", "state": "lapsed"} | said
    if "bundle" not in said:
        said["bundle"] = plant(
            *(c, "bundles", at),
            event=said["event"],
            state="closed",
            lebenslage="umzug",
            person=said.get("person") or uuid4(),
        )["id"]
    return plant(c, "proposals", at, **said)


def an_auftrag(c: Connection, at: datetime, **said: Any) -> dict[str, Any]:
    proposal = said.pop("of", None) or a_proposal(c, at, state="confirmed")
    said = {"proposal": proposal["id"], "person": proposal["person"], "content": b"sealed", "state": "decided"} | said
    return plant(c, "auftraege", at, **({"lebenslage": "umzug", "reference": uuid4().hex[:12]} | said))


def _unfinished(c: Connection, at: datetime) -> None:
    person = plant(c, "persons", at, status="requested", since=at)["person"]
    plant(c, "contacts", at, person=person)
    plant(c, "address_doubts", at, person=person)
    plant(c, "mail_addresses", at, person=person)
    plant(c, "person_identifiers", at, person=person)
    enrolment = plant(c, "enrolments", at, person=person, state="letter")["id"]
    plant(c, "lookups", at, person=person, enrolment=enrolment, state="failed")


def _matter(c: Connection, at: datetime) -> None:
    """Everything that an event may leave, all of it over."""
    event = an_event(c, at)
    proposal = a_proposal(c, at, event=event, state="confirmed", answer_by=berlin_date(at))
    auftrag = an_auftrag(c, at, of=proposal)["id"]
    plant(c, "signatures", at, auftrag=auftrag, person=proposal["person"], content=b"sealed", state="signed")
    handover = plant(c, "handovers", at, auftrag=auftrag, attempt=1, state="sent")["id"]
    plant(c, "acknowledgements", at, handover=handover, signed=True)
    plant(c, "matches", at, event=event, person=proposal["person"], facts=b"sealed")
    plant(c, "event_subjects", at, event=event)


def _facts(table: str, **said: Any) -> Callable[[Connection, datetime], None]:
    def planted(c: Connection, at: datetime) -> None:
        far = {"expires_at": datetime.max.replace(year=2999, tzinfo=at.tzinfo)} if table in _EXPIRES else {}
        plant(c, table, at, event=an_event(c, at), **far, **said)

    return planted


_EXPIRES = ("event_facts", "fetched_facts", "answers")


def _at(table: str, *names: str, **said: Any) -> Callable[[Connection, datetime], None]:
    return lambda c, at: void(plant(c, table, at, **dict.fromkeys(names, at), **said))


def void(_row: object) -> None:
    """Drop what was planted."""


PLANTED: Mapping[str, Callable[[Connection, datetime], None]] = {
    "session": _at("sessions"),
    "code": _at("codes"),
    "client_token": _at("client_tokens"),
    "client_jti": _at("client_jtis"),
    "unfinished_contact": _unfinished,
    "unfinished_address_doubt": _unfinished,
    "unfinished_mail_address": _unfinished,
    "unfinished_identifier": _unfinished,
    "unfinished_person": _unfinished,
    "enrolment_lookup": _unfinished,
    "enrolment": _unfinished,
    "enrolment_finished": _at("enrolments", state="finished"),
    "event_facts": _facts("event_facts"),
    "fetched_facts": _facts("fetched_facts"),
    "answer": _facts("answers"),
    "lookup": _facts("lookups", state="answered", flow_id=uuid4()),
    "match_facts": _facts("matches", facts=b"sealed"),
    "proposal_unanswered": lambda c, at: void(a_proposal(c, at, answer_by=berlin_date(at))),
    "proposal_ended": lambda c, at: void(a_proposal(c, at, state="declined")),
    "proposal_confirmed": _matter,
    "acknowledgement": _matter,
    "handover": _matter,
    "signature_content": _matter,
    "auftrag_content": _matter,
    "delivery_person": _at("deliveries", person=uuid4(), state="handed_over"),
    "delivery": _at("deliveries", state="handed_over"),
    "mail_confirmation": _at("mail_confirmations", "expires_at"),
    "account_notice": _at("notices", "made_at", person=uuid4()),
    "suppression": _at("suppressions", "since"),
    "signature_trace": _matter,
    "auftrag_trace": _matter,
    "proposal_trace": _matter,
    "match_trace": _matter,
    "subject_trace": _matter,
    "bundle_trace": _matter,
    "event_trace": _matter,
    "relation": _at("relations", "known_to"),
    "stop": _at("stops", "lifted_at"),
    "task": _at("tasks", "done_at"),
    "incident": _at("incidents"),
    "export_bundle": _at("exports", "expires_at", bundle=b"a file"),
    "export": _at("exports", "expires_at"),
    "person_request": _at("person_requests", "expires_at"),
    "erasure_request": _at("erasure_requests", "expires_at", state="waiting"),
    "hold_request": _at("hold_requests", "expires_at", state="waiting", hold=uuid4()),
    "client_day": _at("client_days"),
    "hold": _at("holds", "released_at", person=uuid4()),
    "run": _at("retention_runs"),
}
"""One thing for each rule that goes by the day. The two that go at once have tests of their own."""
