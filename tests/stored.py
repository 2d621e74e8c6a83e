"""Many events at once, stored as the intake leaves them, for races and benches."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import insert, select

from consent import tables as consent_tables
from proaktiv import tables
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.tables import core_table
from proaktiv.vault import Place
from tests.builders import a_birth, somebody
from tests.world import START, World


def store_births(city: World, count: int) -> list[UUID]:
    """Store births of mothers who are known and have consented, as the intake leaves them. Returns the mothers."""
    vault, ids = city.vault, city.ids
    now = city.now
    persons = [ids.secret() for _ in range(count)]
    identifiers, events, subjects, heads = [], [], [], []
    with city.database.transaction() as session:
        activities = {
            name: session.connection()
            .execute(select(consent_tables.ACTIVITIES).where(consent_tables.ACTIVITIES.c.name == name))
            .one()
            for name in ("geburt/watch", "geburt/match")
        }
    for person in persons:
        mother = somebody()
        birth = a_birth(mother)
        event = ids.row(now)
        mothers, child = (
            vault.lookup_hash("register_id", key) for key in (mother.kennung, birth.data["kind"]["kennung"])
        )
        entry = vault.mac("entry", f"{birth.source}\ngeburt\n{birth.data['eintrag']}".encode())
        identifiers.append({"kind": "register_id", "lookup_hash": mothers, "person": person})
        subjects += [
            {"event": event, "role": "mutter", "lookup_hash": mothers},
            {"event": event, "role": "kind", "lookup_hash": child},
        ]
        events.append(
            {
                "id": event,
                "client": "standesamt",
                "source": birth.source,
                "event_id": birth.id,
                "kind": "geburt",
                "entry_hash": entry,
                "register_version": 1,
                "case_key": vault.mac("case", f"{birth.source}\n{birth.data['eintrag']}".encode()),
                "ars": birth.data["ars"],
                "occurred_month": START.date().replace(day=1),
                "arrived_at": now,
                "state": "waiting",
                "due_at": now,
                "content_mac": entry,
                "payload": vault.seal_to_worker(Place("register_events", event, "payload"), birth.data),
                "flow_id": event,
            }
        )
        heads += [
            {
                "person": person,
                "activity": name,
                "recipient": activity.recipient,
                "scope": "",
                "state": "given",
                "record": ids.secret(),
                "version": activity.version,
                "fields": activity.fields,
                "given_at": now,
                "valid_until": None,
                "last_seq": 0,
            }
            for name, activity in activities.items()
        ]
    with city.database.transaction() as session:
        connection = session.connection()
        known = [{"person": person, "status": "active", "since": now} for person in persons]
        connection.execute(insert(core_table(tables.PersonRow)), known)
        connection.execute(insert(core_table(tables.PersonIdentifierRow)), identifiers)
        connection.execute(insert(consent_tables.SUBJECTS), [{"person": person, "epoch": 0} for person in persons])
        connection.execute(insert(consent_tables.HEADS), heads)
        vault.create(session, persons, now)
        connection.execute(insert(core_table(tables.RegisterEventRow)), events)
        connection.execute(insert(core_table(tables.EventSubjectRow)), subjects)
    return persons


def decide_from_the_event_alone(city: World, *, batch: int) -> World:
    """Let two Leistungen be decided without a look-up: what is at stake here is evaluate, not how much there is."""
    rules = city.pipeline.house.rules
    geburt = rules.lebenslage("geburt")
    own = geburt.plan("GEBURTSURKUNDE").bedingung
    plans = tuple(replace(geburt.plan(name), bedingung=own, register={}) for name in ("GEBURTSURKUNDE", "KITA-PLATZ"))
    changed = Rulebook({**rules.lebenslagen, "geburt": replace(geburt, plans=plans)})
    city.pipeline = replace(city.pipeline, house=replace(city.pipeline.house, rules=changed), batch=batch)
    return city
