"""Composition root: the only module that builds concrete things and reads clock and randomness.

Each process gets what its surface needs and nothing more. Left to others: reading the settings, and what is missing in
them (``needs``).
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from sqlmodel import Session

from notifiers.model import Channel
from proaktiv import channels as ways
from proaktiv import ways_out
from proaktiv.clock import wall_clock
from proaktiv.core.ids import Ids
from proaktiv.core.rates import Rate, Rates
from proaktiv.database import PATIENT, Database, Patience
from proaktiv.dispatchers.model import Dispatcher
from proaktiv.dispatchers.webhook import Webhook
from proaktiv.drift import guarded
from proaktiv.entrances import account_client, provider_of, staff_client
from proaktiv.flowlog.border import Border
from proaktiv.flowlog.record import FlowLog
from proaktiv.house import House, Probe, no_probe
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Client
from proaktiv.keys.erasing import Eraser
from proaktiv.keys.keeping import Keeper
from proaktiv.needs import WrongSettings, check_settings, office_keys, pace_of, terms_of
from proaktiv.pipeline import Pipeline
from proaktiv.registers.http import HttpRegister
from proaktiv.registers.model import Register
from proaktiv.roles import require_role
from proaktiv.rulebook import released
from proaktiv.schema import check_current, refuse_embedded
from proaktiv.settings import Env, Settings
from proaktiv.sources.folder import Folder
from proaktiv.staffing import Staffing
from proaktiv.tables import DemoClockRow, core_table
from proaktiv.vault import Compartment, Kek, Vault, VaultKeys
from proaktiv.web.intake import make_intake
from proaktiv.web.office import make_office
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from proaktiv.web.pages.visitor import AccountWay
from proaktiv.web.staff.visitor import WayIn
from proaktiv.workers import Identity

_COMPARTMENTS = {
    "work": frozenset(Compartment),
    "intake": frozenset({Compartment.FLOW}),
    "citizen": frozenset({Compartment.VIEW, Compartment.FLOW}),
    "office": frozenset({Compartment.VIEW, Compartment.FLOW, Compartment.PROOF}),
    "keys": frozenset(Compartment),
    "erase": frozenset(),
    "retain_log": frozenset(),
}


def configure_logging(settings: Settings) -> None:
    """Make log lines JSON, or readable ones where the settings ask for it. Ids only, never personal data."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    )


def url_of(value: SecretStr | None) -> str:
    """Return a database's URL, empty where none is set."""
    return value.get_secret_value() if value else ""


def make_vault(settings: Settings, part: str, ids: Ids) -> Vault:
    """Return the vault of one process, with the keys of its part alone. Its settings must be complete."""
    held = _COMPARTMENTS[part]
    worker = part == "work"
    seals = part in ("intake", "citizen", "office") or (worker and bool(settings.folders))
    return Vault(
        VaultKeys(
            index=settings.index_key or b"",
            keks={each: Kek.of(each, getattr(settings, f"kek_{each}")) for each in held},
            kek_others={each: [Kek.of(each, key) for key in getattr(settings, f"kek_{each}_others")] for each in held},
            code=settings.code_key or b"" if part in ("work", "citizen") else b"",
            intake_public=settings.intake_public_key or b"" if seals else b"",
            intake_private=settings.intake_private_key or b"" if worker else b"",
            intake_private_others=settings.intake_private_key_others if worker else (),
        ),
        ids,
    )


def clock_of(settings: Settings, database: Database) -> Callable[[], datetime]:
    """Return the process's clock. The demonstration's runs ahead of the real one by what its table says."""
    if not settings.demo_clock:
        return wall_clock
    offsets = core_table(DemoClockRow)

    def shifted() -> datetime:
        with database.transaction() as session:
            seconds = session.connection().execute(select(offsets.c.offset_seconds)).scalar_one()
        return wall_clock() + timedelta(seconds=seconds)

    return shifted


@contextmanager
def building(settings: Settings, part: str, *, probe: Probe = no_probe) -> Iterator[Pipeline]:
    """Build the pipeline of one process (``work``, ``intake``, ``citizen`` or ``office``), and end it tidily."""
    check_settings(settings, part)
    ids = Ids(secrets.token_bytes)
    with ExitStack() as ending:
        database = Database(url_of(settings.database_url), application_name=f"proaktiv-{part}")
        ending.callback(database.close)
        vault = make_vault(settings, part, ids)
        check_current(url_of(settings.database_url))
        current = released.Current(
            trusted=[settings.release_public_key] if settings.release_public_key else None,
            allow_demo=settings.env is not Env.PRODUCTION,
        )
        with database.transaction() as session:
            if settings.env is Env.PRODUCTION:
                refuse_embedded(session)
            require_role(session, "app", "PROAKTIV_DATABASE_URL")
            rules = current(session)
        house = House(
            controller=settings.controller,
            name=settings.controller_name or settings.controller,
            vault=vault,
            log=FlowLog(vault, ids, settings.staff_public_key or b""),
            ids=ids,
            rules=rules,
            probe=probe,
            log_keys=settings.log_vkey if part == "citizen" else "",
        )
        outward = part == "work"
        clock = clock_of(settings, database)
        channels: dict[str, Channel] = {}
        registers: dict[str, Register] = {}
        dispatchers: dict[str, Dispatcher] = {}
        identity: Callable[[], int] | None = None
        if outward and settings.letters_dir is not None:
            channels = ways.opened(settings, ending)
            to_registers = ways_out.to_registers(settings)
            registers = {name: HttpRegister(name, url, to_registers) for name, url in settings.registers.items()}
            dispatchers = {"webhook": Webhook(ways_out.to_behoerden(settings))}
            me = Identity(database, secrets.token_bytes)
            ending.callback(me.close)
            me.number()  # from the start, not from the first letter
            identity = me.number
        yield Pipeline(
            database=database,
            house=house,
            clock=guarded(clock, database, wall_clock) if outward else clock,
            wall=wall_clock,
            monotonic=time.monotonic,
            channels=channels,
            registers=registers,
            dispatchers=dispatchers,
            rules=current,
            token_audience=settings.token_audience,
            citizen_page=settings.citizen_page,
            mail_page=settings.mail_page,
            mail_offered=bool(settings.mail_host),
            mail_ids=ways.mail_ids(settings) if settings.index_key else None,
            mail_rates=Rates(Rate(settings.mail_per_second), Rate(settings.mail_per_second_and_domain)),
            deadline_seconds=settings.deadline_seconds,
            batch=settings.batch,
            terms=terms_of(settings),
            border=Border(timedelta(hours=settings.log_limit_hours)),
            staff_private=office_keys(settings) if part == "office" else (),
            erasure_key=settings.erasure_key or b"" if part == "office" else b"",
            pace=pace_of(settings),
            enrolments_per_day=settings.enrolments_per_day,
            identity=identity,
            event_sources=tuple(
                Folder(client, folder, time.monotonic) for client, folder in settings.folders.items() if outward
            ),
        )


def require_way_in(settings: Settings, surface: str) -> None:
    """Raise ``WrongSettings`` for a surface that nobody could enter: in production staff need their provider."""
    check_settings(settings, surface)
    if surface == "office" and settings.env is Env.PRODUCTION and not settings.oidc_issuer:
        raise WrongSettings("nobody could log in at the office: set PROAKTIV_OIDC_ISSUER and what belongs to it")


def make_surface(settings: Settings, surface: str, pipeline: Pipeline) -> FastAPI:
    """Return one surface's application."""
    if surface == "intake":
        return make_intake(pipeline)
    if surface == "citizen":
        look = Look(
            house=settings.controller_name or settings.controller,
            demonstration=settings.env is not Env.PRODUCTION,
            public_body=settings.public_body,
            address=settings.citizen_page,
            account=bool(settings.account_issuer),
        )
        way = AccountWay(_party(account_client(settings), settings, pipeline, "pending-account"), settings.account_page)
        return make_site(pipeline, look, secure_cookies=settings.env is Env.PRODUCTION, account_way=way)
    look = Look(house=settings.controller_name or settings.controller, demonstration=settings.env is not Env.PRODUCTION)
    way_in = WayIn(
        _party(staff_client(settings), settings, pipeline, "pending-login"),
        settings.office_page,
        links=settings.env is not Env.PRODUCTION,
    )
    return make_office(pipeline, look, way_in, secure_cookies=settings.env is Env.PRODUCTION)


def _party(client: Client | None, settings: Settings, pipeline: Pipeline, label: str) -> RelyingParty | None:
    """Return the house before one provider; None where it has none. ``label`` parts the keys of what browsers keep."""
    if client is None:
        return None
    provider = provider_of(client, settings, time.monotonic)
    return RelyingParty(client, provider, pipeline.house.vault.mac(label, client.issuer.encode()), secrets.token_bytes)


@contextmanager
def keeping(settings: Settings) -> Iterator[Keeper]:
    """Build what `proaktiv keys` rotates, backs up and brings back with. Raises ``WrongSettings``, ``NotSafe``."""
    with role_of(settings, "keys", "keeper") as database:
        ids = Ids(secrets.token_bytes)
        vault = make_vault(settings, "keys", ids)
        log = FlowLog(vault, ids, settings.staff_public_key or b"")
        yield Keeper(database, vault, log, settings.controller, wall_clock)


@contextmanager
def erasing(settings: Settings) -> Iterator[Eraser]:
    """Build what `proaktiv keys` destroys with: it holds no KEK. Raises ``WrongSettings``, ``NotSafe``."""
    with role_of(settings, "erase", "eraser") as database:
        ids = Ids(secrets.token_bytes)
        vault = make_vault(settings, "erase", ids)
        log = FlowLog(vault, ids, settings.staff_public_key or b"")
        clock = clock_of(settings, database)
        listed, office_key = settings.destroyed_list or Path(), settings.erasure_key or b""
        yield Eraser(database, vault, log, settings.controller, clock, listed, office_key=office_key)


@contextmanager
def role_of(settings: Settings, part: str, role: str) -> Iterator[Database]:
    """Open a small pool as one role, on present tables. Raises ``WrongSettings``, ``NotSafe``."""
    check_settings(settings, part)
    setting = f"{role}_url"
    database = Database(url_of(getattr(settings, setting)), application_name=f"proaktiv-{part}", pool_size=2)
    try:
        check_current(url_of(getattr(settings, setting)))
        with database.transaction() as session:
            if settings.env is Env.PRODUCTION:
                refuse_embedded(session)
            require_role(session, role, f"PROAKTIV_{setting.upper()}")
        yield database
    finally:
        database.close()


@contextmanager
def owner_session(settings: Settings) -> Iterator[Session]:
    """Open a transaction as owner, for commands that set things up."""
    with as_role(settings, "owner_url") as session:
        yield session


@contextmanager
def reader_session(settings: Settings) -> Iterator[Session]:
    """Open a transaction as reader, for commands that only look: whoever waits before them may end them."""
    with as_role(settings, "reader_url", Patience(statement=None)) as session:
        yield session


@contextmanager
def staffing(settings: Settings) -> Iterator[Staffing]:
    """Open the owner's hand on the table of staff. Raises ``WrongSettings``."""
    if not settings.index_key:
        raise WrongSettings("staff needs PROAKTIV_INDEX_KEY, by which a log-in finds them")
    ids = Ids(secrets.token_bytes)
    vault = make_vault(settings, "erase", ids)
    with as_role(settings, "owner_url") as session:
        links = settings.env is not Env.PRODUCTION
        yield Staffing(session, vault, ids, wall_clock(), settings.oidc_issuer, settings.office_page, links)


@contextmanager
def as_role(settings: Settings, name: str, patience: Patience = PATIENT) -> Iterator[Session]:
    """Open one transaction by the URL of a setting. Raises ``WrongSettings`` without it."""
    url = url_of(getattr(settings, name))
    if not url:
        raise WrongSettings(f"this command needs PROAKTIV_{name.upper()}")
    database = Database(url, application_name="proaktiv-command", pool_size=1, patience=patience)
    try:
        check_current(url)
        with database.transaction() as session:
            yield session
    finally:
        database.close()
