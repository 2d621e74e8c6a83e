"""Which checks an installation needs, from the settings of its processes.

One environment may hold the settings of one process (``--part work``) or of all; a part is judged by what it would be
given. A part whose settings are not whole is told so and asked no further.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv import vouching, ways_out
from proaktiv.app import make_vault
from proaktiv.channels import letterhead, relay
from proaktiv.core.calendar import berlin_date
from proaktiv.core.dsn import apart
from proaktiv.core.ids import Ids
from proaktiv.database import Database
from proaktiv.doctor import databases, hosts, keys, log, outward, rules, work
from proaktiv.doctor.databases import Connection
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.doctor.running import examine
from proaktiv.egress import Deadline
from proaktiv.entrances import account_client, provider_of, staff_client
from proaktiv.flowlog.vouching.attesting import far_witnesses
from proaktiv.identity.model import Client
from proaktiv.identity.provider import Provider
from proaktiv.needs import WrongSettings, missing, office_keys, pace_of, refusals
from proaktiv.registers.http import asked_at
from proaktiv.settings import Env, Settings
from proaktiv.tables import DemoClockRow, core_table

PARTS = ("work", "sign", "intake", "citizen", "office")
DEADLINE_SECONDS = 3.0
"""For all checks together: with the start of the program they end within five seconds."""
FAR_SECONDS = 2.0
"""For one far side, so that it can say what was wrong before the whole is over."""

_OFFSETS = core_table(DemoClockRow)
_ROLES = {"sign": ("SEQUENCER_URL", "sequencer")}
_OTHERS = (
    ("OWNER_URL", "owner"),
    ("READER_URL", "reader"),
    ("ERASER_URL", "eraser"),
    ("KEEPER_URL", "keeper"),
)
_POOL = 4


class Examination:
    """One look at one installation."""

    def __init__(
        self,
        settings: Settings,
        wrong: Iterable[str],
        *,
        wall: Callable[[], datetime],
        monotonic: Callable[[], float],
        state: Path | None = None,
    ) -> None:
        """``wrong`` is what is wrong with settings that could not be read; ``state`` is the signer's folder."""
        self._settings = settings
        self._wrong = tuple(wrong)
        self._wall = wall
        self._monotonic = monotonic
        self._state = state
        self._production = settings.env is Env.PRODUCTION
        self._leading: dict[tuple[str, ...], str] = {}

    def of(self, part: str, seconds: float = DEADLINE_SECONDS) -> tuple[Finding, ...]:
        """Return what is found about one part, or about all. Raises ``WrongSettings`` for a part that is none."""
        if part not in (*PARTS, "all"):
            raise WrongSettings(f"--part {part}: there are {', '.join(PARTS)} and all")
        parts = PARTS if part == "all" else (part,)
        with_others = part == "all"
        unread = tuple(broken("settings", wrong, "correct it and start again") for wrong in self._wrong)
        return unread + examine(self._checks(parts, with_others=with_others), seconds, self._monotonic)

    def _checks(self, parts: tuple[str, ...], *, with_others: bool) -> Iterator[Check]:
        for part in parts:
            yield Check(f"settings {part}", partial(self._settings_of, part), "correct the settings")
        seen: dict[Connection, list[str]] = {}
        for part in parts:
            setting, role = _ROLES.get(part, ("DATABASE_URL", "app"))
            if url := self._url(setting):
                seen.setdefault(Connection(setting, role, url), []).append(part)
        for place, (to, asking) in enumerate(seen.items()):
            yield self._connection(to, asking, first=place == 0, alone=len(seen) == 1)
            if place == 0 and (each := hosts.each(to, self._monotonic)) is not None:
                yield each
        if with_others:
            for setting, role in _OTHERS:
                if url := self._url(setting):
                    yield self._connection(Connection(setting, role, url), [], first=False, alone=False)
        if "work" in parts:
            yield from self._ways_out()
        yield from self._vouchers(parts)
        for part, name, client_of in (
            ("office", "log-in of staff", staff_client),
            ("citizen", "log-in of citizens", account_client),
        ):
            if part in parts and getattr(self._settings, "oidc_issuer" if part == "office" else "account_issuer"):
                yield outward.provider(name, partial(self._provider, client_of), self._deadline)

    def _settings_of(self, part: str) -> Iterator[Finding]:
        name = f"settings {part}"
        said = tuple(refusals(self._settings, part))
        for refusal in said:
            yield broken(name, refusal, "set it for this process, then start it")
        if not said:
            yield fine(name, "complete")
        if part == "office" and self._production and not self._settings.oidc_issuer:
            yield look("log-in", "nobody can log in at the office", "set PROAKTIV_OIDC_ISSUER and what belongs to it")
        if part == "office":
            yield from keys.wishes_erasures(self._settings.erasure_key, wrong=self._wrong)
        if part == "sign" and self._state is None:
            yield look("signer's memory", "was not looked at", "on the signer's machine, add --state DIR")

    # what asks the database ------------------------------------------------------------------------------------------

    def _connection(self, to: Connection, parts: list[str], *, first: bool, alone: bool) -> Check:
        to = replace(to, url=self._without_dark_hosts(to.url))
        database = Database(to.url, "proaktiv-doctor", pool_size=_POOL, pool_wait_seconds=DEADLINE_SECONDS)
        server = []
        if first:
            server = [
                databases.clock(database, self._wall),
                databases.durable(database),
                databases.replicated(database, production=self._production),
                databases.room(database),
            ]
            if self._production:
                server.append(databases.own_server(database))
        then = [databases.role(to, database), *self._of_the_house(parts, database, alone=alone)]
        return databases.reached(to, server, then, database)

    def _without_dark_hosts(self, url: str) -> str:
        """Return the URL of the primary alone, of several hosts; each connection would wait for a dark one anew."""
        try:
            alone = apart(url)
        except ValueError:
            return url
        named = tuple(alone)
        if named not in self._leading:
            self._leading[named] = hosts.leading(url, self._monotonic)
        return alone.get(self._leading[named], url)

    def _of_the_house(self, parts: list[str], database: Database, *, alone: bool) -> Iterator[Check]:
        """Yield what can be asked of the tables once the schema is current."""
        settings = self._settings
        whole = [part for part in parts if not missing(settings, part)]
        yield from self._keys_of_the_log(whole, database)
        if "work" in parts:
            yield log.signed(database, self._law_clock, timedelta(hours=settings.log_limit_hours))
            yield log.fits(database, self._law_clock, pace_of(settings))
        elif "sign" in parts and alone:
            limit = timedelta(hours=settings.log_limit_hours)
            yield log.signed(
                database, _real_clock, limit
            )  # its role does not see how far the demonstration's clock is moved
        if "sign" in parts and self._state is not None:
            yield log.remembers(self._state, settings.log_origin, database)
        if "sign" in whole and (settings.witnesses or settings.tsa_url) and not any(refusals(settings, "sign")):
            names = [witness.key.name for witness in far_witnesses(settings.witnesses)]
            every = timedelta(seconds=settings.tsa_every_seconds) if settings.tsa_url else None
            yield log.vouched(database, names, stamps_every=every)
        if set(parts) & {"work", "intake", "citizen", "office"}:
            yield rules.released_rules(
                database,
                trusted=settings.release_public_key,
                allow_demo=not self._production,
                registers=settings.registers if "work" in parts else None,
                today=berlin_date(self._wall()),
            )
        for part in whole:
            if part != "sign":
                vault = make_vault(settings, part, Ids(secrets.token_bytes))
                for compartment in sorted(vault.holds):
                    yield keys.opens(part, compartment, vault, database)
        if settings.destroyed_list is not None and set(whole) - {"sign"}:
            vault = make_vault(settings, "erase", Ids(secrets.token_bytes))
            yield keys.destroyed(settings.destroyed_list, settings.controller, vault, database)
        if "work" in parts:
            yield work.done(database, self._law_clock)
            yield work.ways_out(database, self._law_clock)
            if self._can_prove_itself():
                yield outward.behoerden(database, ways_out.to_behoerden(self._settings), self._deadline)

    def _keys_of_the_log(self, whole: list[str], database: Database) -> Iterator[Check]:
        settings = self._settings
        if "sign" in whole:
            yield keys.signs(settings.signing_key or b"", settings.log_origin, database)
        if "citizen" in whole and settings.log_vkey and not any(refusals(settings, "citizen")):
            yield keys.believes(settings.log_vkey, database)
        if "office" in whole and (private := office_keys(settings)):
            yield keys.opens_staff_parts(private, database)

    def _law_clock(self, session: Session) -> datetime:
        """Return the time that rows are due by: in the demonstration it runs ahead of the real one."""
        now = _real_clock(session)
        if not self._settings.demo_clock:
            return now
        offset = session.connection().execute(select(_OFFSETS.c.offset_seconds)).scalar_one()
        return now + timedelta(seconds=offset)

    # what leaves the house -------------------------------------------------------------------------------------------

    def _ways_out(self) -> Iterator[Check]:
        if self._settings.letters_dir is not None:
            yield outward.letters(self._settings.letters_dir)
            if self._settings.letters_format != "text":
                yield outward.specimen(partial(letterhead, self._settings), self._wall())
        for client, folder in self._settings.folders.items():
            yield outward.watched(client, folder)
        if self._settings.mail_host:
            yield outward.mail_relay(partial(relay, self._settings), self._deadline)
        if self._settings.registers and self._can_prove_itself():
            to_registers = ways_out.to_registers(self._settings)
            for name, url in self._settings.registers.items():
                yield outward.answers(f"register {name}", asked_at(url), to_registers, self._deadline, ways_out.NAMED)
            if self._production or self._settings.client_certificate is not None:
                yield outward.known_by(self._settings.client_certificate, self._settings.client_key, self._wall)

    def _vouchers(self, parts: tuple[str, ...]) -> Iterator[Check]:
        if "sign" not in parts or any(refusals(self._settings, "sign")):
            return
        judge = vouching.judging(self._settings)
        for far in vouching.asked(self._settings):
            yield outward.leads(f"address of {far.place}", far.url, judge, self._deadline)

    def _provider(self, client_of: Callable[[Settings], Client | None]) -> Provider | None:
        client = client_of(self._settings)
        return None if client is None else provider_of(client, self._settings, self._monotonic)

    def _can_prove_itself(self) -> bool:
        """Return whether the ways out can be made at all; what stands against it the settings' own line says."""
        return not any(ways_out.contradictions(self._settings))

    def _deadline(self) -> Deadline:
        return Deadline(FAR_SECONDS, self._monotonic)

    def _url(self, setting: str) -> str:
        url = getattr(self._settings, setting.lower())
        return url.get_secret_value() if url else ""


def _real_clock(session: Session) -> datetime:
    now: datetime = session.connection().execute(select(func.clock_timestamp())).scalar_one()
    return now
