"""Composition root: the only module that builds concrete things, reads settings, clock and randomness.

Each process gets what its surface needs and nothing more; a missing setting refuses to start with one line.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError
from sqlalchemy import select
from sqlmodel import Session

from notifiers.folder import FolderChannel
from notifiers.model import Channel
from proaktiv.core.errors import NotSafe, ProaktivError
from proaktiv.core.ids import Ids
from proaktiv.database import Database, check_current, refuse_embedded, session_lock
from proaktiv.dispatchers.model import Dispatcher
from proaktiv.dispatchers.webhook import Webhook
from proaktiv.drift import DRIFT_MAX
from proaktiv.egress import Egress
from proaktiv.flowlog.checkpoints import vkey_of
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.sequencer import integrate
from proaktiv.flowlog.signer import Signer
from proaktiv.house import House, Probe, no_probe
from proaktiv.pipeline import Pipeline
from proaktiv.registers.http import HttpRegister
from proaktiv.registers.model import Register
from proaktiv.rulebook import released
from proaktiv.settings import Env, Settings
from proaktiv.tables import DemoClockRow, core_table
from proaktiv.vault import Compartment, Kek, Vault, VaultKeys
from proaktiv.web.citizen import make_citizen
from proaktiv.web.intake import make_intake
from proaktiv.web.office import make_office
from proaktiv.workers import Identity

_NEEDS = {
    "work": (
        "database_url",
        "index_key",
        "code_key",
        "kek_view",
        "kek_contact",
        "kek_facts",
        "kek_flow",
        "kek_proof",
        "intake_private_key",
        "staff_public_key",
        "letters_dir",
    ),
    "sign": ("sequencer_url", "signing_key", "log_origin"),
    "intake": ("database_url", "index_key", "kek_flow", "intake_public_key", "staff_public_key", "token_audience"),
    "citizen": (
        "database_url",
        "index_key",
        "code_key",
        "kek_view",
        "kek_flow",
        "intake_public_key",
        "staff_public_key",
    ),
    "office": ("database_url", "index_key", "kek_view", "kek_flow", "kek_proof", "staff_public_key"),
}
"""What each process must hold (data-path.md § 2). What is not listed it is not given, whatever the environment says."""

_COMPARTMENTS = {
    "work": frozenset(Compartment),
    "intake": frozenset({Compartment.FLOW}),
    "citizen": frozenset({Compartment.VIEW, Compartment.FLOW}),
    "office": frozenset({Compartment.VIEW, Compartment.FLOW, Compartment.PROOF}),
}


class WrongSettings(ProaktivError):  # noqa: N818
    """This process cannot start with these settings; the message says which and what to do."""


def read_settings() -> Settings:
    """Return the settings of this process. Raises ``WrongSettings`` with one line and no secret."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name, *inside = map(str, first["loc"])
        place = f" ({'/'.join(inside)})" if inside else ""
        said = first["msg"].removeprefix("Value error, ")
        raise WrongSettings(f"PROAKTIV_{name.upper()}{place} {said}") from None


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


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the one place where the clock is read


def _need(settings: Settings, part: str) -> None:
    missing = [name for name in _NEEDS[part] if not getattr(settings, name)]
    if not settings.controller and part != "sign":
        missing.insert(0, "controller")
    if missing:
        raise WrongSettings(
            f"{part} needs PROAKTIV_{missing[0].upper()}"
            + (
                f" and {len(missing) - 1} more: " + ", ".join(f"PROAKTIV_{name.upper()}" for name in missing[1:])
                if missing[1:]
                else ""
            )
        )
    if settings.env is Env.PRODUCTION and part != "sign" and not settings.release_public_key:
        raise WrongSettings("production trusts no rules but those signed with PROAKTIV_RELEASE_PUBLIC_KEY")
    if settings.env is Env.PRODUCTION and settings.demo_clock:
        raise WrongSettings("PROAKTIV_DEMO_CLOCK is of the demonstration and refused in production")
    if "letters_dir" in _NEEDS[part] and settings.letters_dir is not None and not settings.letters_dir.is_dir():
        raise WrongSettings("PROAKTIV_LETTERS_DIR names no folder; make it first, for the worker's user alone")


def _url(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


def _vault(settings: Settings, part: str, ids: Ids) -> Vault:
    keks = {
        compartment: Kek(f"{compartment}-1", getattr(settings, f"kek_{compartment}"))
        for compartment in _COMPARTMENTS[part]
    }
    worker = part == "work"
    return Vault(
        VaultKeys(
            index=settings.index_key or b"",
            keks=keks,
            code=settings.code_key or b"" if part in ("work", "citizen") else b"",
            intake_public=settings.intake_public_key or b"" if part in ("intake", "citizen") else b"",
            intake_private=settings.intake_private_key or b"" if worker else b"",
        ),
        ids,
    )


def _clock(settings: Settings, database: Database) -> Callable[[], datetime]:
    """Return the process's clock. The demonstration's runs ahead of the real one by what its table says."""
    if not settings.demo_clock:
        return _now
    offsets = core_table(DemoClockRow)

    def shifted() -> datetime:
        with database.transaction() as session:
            seconds = session.connection().execute(select(offsets.c.offset_seconds)).scalar_one()
        return _now() + timedelta(seconds=seconds)

    return shifted


@contextmanager
def building(settings: Settings, part: str, *, probe: Probe = no_probe) -> Iterator[Pipeline]:
    """Build the pipeline of one process (``work``, ``intake``, ``citizen`` or ``office``), and end it tidily."""
    _need(settings, part)
    ids = Ids(secrets.token_bytes)
    with ExitStack() as ending:
        database = Database(_url(settings.database_url), application_name=f"proaktiv-{part}")
        ending.callback(database.close)
        vault = _vault(settings, part, ids)
        check_current(_url(settings.database_url))
        current = released.Current(
            trusted=[settings.release_public_key] if settings.release_public_key else None,
            allow_demo=settings.env is not Env.PRODUCTION,
        )
        with database.transaction() as session:
            if settings.env is Env.PRODUCTION:
                refuse_embedded(session)
            rules = current(session)
        house = House(
            controller=settings.controller,
            name=settings.controller_name or settings.controller,
            vault=vault,
            log=FlowLog(vault, ids, settings.staff_public_key or b""),
            ids=ids,
            rules=rules,
            probe=probe,
        )
        outward = part == "work"
        egress = Egress(frozenset(settings.outbound), loopback=settings.env is not Env.PRODUCTION)
        channels: dict[str, Channel] = {}
        registers: dict[str, Register] = {}
        dispatchers: dict[str, Dispatcher] = {}
        identity: Callable[[], int] | None = None
        if outward and settings.letters_dir is not None:
            channels["LETTER"] = FolderChannel(settings.letters_dir)
            registers = {name: HttpRegister(name, url, egress) for name, url in settings.registers.items()}
            dispatchers = {"webhook": Webhook(egress)}
            me = Identity(database, secrets.token_bytes)
            ending.callback(me.close)
            me.number()  # from the start, not from the first letter
            identity = me.number
        yield Pipeline(
            database=database,
            house=house,
            clock=_clock(settings, database),
            wall=_now,
            monotonic=time.monotonic,
            channels=channels,
            registers=registers,
            dispatchers=dispatchers,
            rules=current,
            token_audience=settings.token_audience,
            deadline_seconds=settings.deadline_seconds,
            batch=settings.batch,
            identity=identity,
            drift_max=DRIFT_MAX,
        )


def make_surface(settings: Settings, surface: str, pipeline: Pipeline) -> FastAPI:
    """Return one surface's application."""
    if surface == "intake":
        return make_intake(pipeline)
    if surface == "citizen":
        return make_citizen(pipeline, secure_cookies=settings.env is Env.PRODUCTION)
    return make_office(pipeline)


@dataclass(frozen=True, slots=True)
class SigningWorker:
    """The one process that gives entries their place in the tree and signs it."""

    database: Database
    signer: Signer

    def integrate(self) -> int:
        """Take what is queued into the tree, then sign. Returns how many entries were taken."""
        with self.database.transaction() as session:
            taken = integrate(session)
        with self.database.transaction() as session:
            self.signer.sign(session, _now())
        return taken


@contextmanager
def signing(settings: Settings, state: Path, *, adopt: bool = False) -> Iterator[SigningWorker]:
    """Build the signing worker. Raises ``NotSafe`` where another one runs: two memories are none."""
    _need(settings, "sign")
    database = Database(_url(settings.sequencer_url), application_name="proaktiv-sign")
    try:
        check_current(_url(settings.sequencer_url))
        if settings.env is Env.PRODUCTION:
            with database.transaction() as session:
                refuse_embedded(session)
        with session_lock(database, "signing-worker") as mine:
            if not mine:
                raise NotSafe("another signing worker holds the lock; exactly one may run")
            key = Ed25519PrivateKey.from_private_bytes(settings.signing_key or b"")
            try:
                signer = Signer(state, key, settings.log_origin, adopt=adopt)
            except OSError as error:
                raise WrongSettings(f"--state {state} cannot be used: {error.strerror}") from None
            yield SigningWorker(database, signer)
    finally:
        database.close()


def signers_vkey(settings: Settings) -> str:
    """Return the public key of whoever signs with these settings. Raises ``WrongSettings``, ``NoteError``."""
    if not settings.signing_key or not settings.log_origin:
        raise WrongSettings("log vkey needs PROAKTIV_SIGNING_KEY and PROAKTIV_LOG_ORIGIN, as `work --sign` has them")
    return str(vkey_of(settings.log_origin, Ed25519PrivateKey.from_private_bytes(settings.signing_key)))


@contextmanager
def owner_session(settings: Settings) -> Iterator[Session]:
    """Open a transaction as owner, for commands that set things up."""
    with _as_role(settings, "owner_url") as session:
        yield session


@contextmanager
def reader_session(settings: Settings) -> Iterator[Session]:
    """Open a transaction as reader, for commands that only look."""
    with _as_role(settings, "reader_url") as session:
        yield session


@contextmanager
def _as_role(settings: Settings, name: str) -> Iterator[Session]:
    url = _url(getattr(settings, name))
    if not url:
        raise WrongSettings(f"this command needs PROAKTIV_{name.upper()}")
    database = Database(url, application_name="proaktiv-command", pool_size=1)
    try:
        check_current(url)
        with database.transaction() as session:
            yield session
    finally:
        database.close()
