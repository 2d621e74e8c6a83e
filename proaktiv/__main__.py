"""The command line.

proaktiv demo      a simulated city, unattended: register → rules → letter → citizen → Behörde, and the log verified
proaktiv serve     one HTTP surface: intake, citizen or office
proaktiv work      a worker; with --sign the one signing worker
proaktiv city      one part of the simulated city (started by demo)
proaktiv rules …   new, check, test, explain, simulate, diff, picture and release the rules; schema for editors
proaktiv tasks …   what waits for a human, and how it ended
proaktiv staff …   who works in the house, as clerk or as DSB
proaktiv incidents what the DSB must see
proaktiv mail …    failure reports of mails: which addresses are none
proaktiv events …  check a register's file before it is sent, write the pages for its vendor
proaktiv sources … what of a source waits for a human: list, release, reject
proaktiv keys …    rotate, back up and bring back the vault's keys; destroy a person for ever
proaktiv log …     the flow log: state, export, proofs, verification; rotation, memory, succession; erase, hold, retain
proaktiv witness … the DSB's own memory of the log, on a machine of their own
proaktiv doctor    name every broken dependency, and what to do about it
proaktiv retention … what is kept how long: delete what is over, preview it, hold and release
proaktiv migrate   bring the database to the present tables
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import structlog
import typer
import uvicorn
from sqlmodel import Session

from proaktiv import __version__, desk, logapp, logkeeping, mailing, retention, staffing
from proaktiv import app as building_app
from proaktiv.arenas import limit_arenas
from proaktiv.channels import mail_ids
from proaktiv.clock import wall_clock
from proaktiv.core.errors import ProaktivError
from proaktiv.demo import commands as city_commands
from proaktiv.doctor.examination import Examination
from proaktiv.doctor.findings import healthy, lines
from proaktiv.flowlog import commands as log_commands
from proaktiv.flowlog.ceremonies.commands import add_ceremonies
from proaktiv.flowlog.verifying.checks import Opener
from proaktiv.flowlog.vouching import commands
from proaktiv.keys import commands as key_commands
from proaktiv.keys.erasing import Eraser
from proaktiv.keys.keeping import Keeper
from proaktiv.needs import WrongSettings, pace_of, read_settings, readable_settings, terms_of
from proaktiv.pipeline import Pipeline
from proaktiv.rulebook import commands as rules_commands
from proaktiv.schedule import tick_until_stopped
from proaktiv.schema import migrate as run_migrations
from proaktiv.sources import commands as source_commands

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="proaktiv: register events become pre-filled Aufträge that citizens confirm; every flow of data is logged.",
)


def _owner() -> AbstractContextManager[Session]:
    return building_app.owner_session(read_settings())


def _reader() -> AbstractContextManager[Session]:
    return building_app.reader_session(read_settings())


def _office() -> AbstractContextManager[Pipeline]:
    return building_app.building(read_settings(), "office")


def _open_proof(flow: UUID, by: str, reason: str) -> str:
    with _office() as pipeline:
        return pipeline.prove_flow(flow, by, reason)


@contextmanager
def _open_sealed(by: str, reason: str, *, staff: bool, subjects: bool) -> Iterator[tuple[Session, Opener]]:
    with _office() as pipeline, pipeline.opened_log(by, reason, staff=staff, subjects=subjects) as opened:
        yield opened


def _keeper() -> AbstractContextManager[Keeper]:
    return building_app.keeping(read_settings())


def _eraser() -> AbstractContextManager[Eraser]:
    return building_app.erasing(read_settings())


_ERASING_TICKS = 60
"""What is due once a day need not be looked for each second."""
_ENV = os.environ.get("PROAKTIV_ENV") or "production"  # noqa: TID251 - the entry point
app.add_typer(rules_commands.make_app(_owner, _ENV, wall_clock), name="rules")
app.add_typer(desk.make_app(_office), name="tasks")
app.add_typer(staffing.make_app(lambda: building_app.staffing(read_settings())), name="staff")
app.add_typer(mailing.make_app(_office, lambda: mail_ids(read_settings())), name="mail")
app.add_typer(retention.make_app(_office, lambda: terms_of(read_settings())), name="retention")
app.add_typer(source_commands.make_sources_app(_office), name="sources")
app.add_typer(source_commands.make_events_app(wall_clock), name="events")
_log = log_commands.make_app(
    _reader,
    lambda: read_settings().log_vkey,
    lambda: logapp.signers_vkeys(read_settings()),
    _open_proof,
    wall_clock,
    lambda: pace_of(read_settings()),
    lambda: logapp.keys_to_note(read_settings()),
    _open_sealed,
)
add_ceremonies(
    _log,
    lambda vkey, by: logapp.announce(read_settings(), vkey, by),
    lambda: logapp.succession(read_settings()),
    lambda state, told: logapp.remembering(read_settings(), state, told),
    lambda: read_settings().log_vkey,
)
logkeeping.add_commands(_log, _office, lambda: logapp.retaining(read_settings()), _eraser)
desk.add_disclosure(_log, _office)
app.add_typer(_log, name="log")
app.add_typer(commands.make_app(wall_clock), name="witness")
app.add_typer(key_commands.make_app(_keeper, _eraser), name="keys")
app.command("demo")(city_commands.demo)
app.command("city", hidden=True)(city_commands.city)


@app.command()
def work(
    sign: Annotated[bool, typer.Option("--sign", help="Be the one process that signs the flow log.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="With --sign: folder of the signer's memory, outside the database and its backups."),
    ] = None,
    erase: Annotated[
        bool,
        typer.Option(
            "--erase", help="Be the one process that erases who waits for it, daily, and prunes the log, monthly."
        ),
    ] = False,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="With --sign, without witnesses: start with an empty memory although checkpoints exist."
        ),
    ] = False,
) -> None:
    """Run a worker until SIGTERM. Start as many as you like; exactly one more with --sign, and one with --erase."""
    settings = read_settings()
    building_app.configure_logging(settings)
    limit_arenas()
    if sign:
        if state is None:
            raise WrongSettings("--sign needs --state DIR, a folder that is not backed up with the database")
        with logapp.signing(settings, state, adopt=adopt) as worker:
            tick_until_stopped(worker.parts(), seconds=settings.tick_seconds)
        return
    if erase:
        with logapp.erasing_daily(settings) as parts:
            tick_until_stopped(parts, seconds=settings.tick_seconds * _ERASING_TICKS)
        return
    with building_app.building(settings, "work") as pipeline:
        tick_until_stopped(
            {
                "silence": pipeline.keep_silence,
                "revisit": pipeline.revisit,
                "collect": pipeline.collect,
                "evaluate": pipeline.evaluate,
                "look_up": pipeline.look_up,
                "notify": pipeline.notify,
                "dispatch": pipeline.dispatch,
                "retain": pipeline.retain,
                "exports": pipeline.end_exports,
                **(
                    {"bounces": mailing.watching(pipeline, settings.mail_bounces_dir)}
                    if settings.mail_bounces_dir
                    else {}
                ),
            },
            seconds=settings.tick_seconds,
        )


@app.command()
def serve(
    surface: Annotated[str, typer.Option(help="intake, citizen or office. Each holds its own keys only.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; put a TLS proxy in front.")] = "127.0.0.1",
) -> None:
    """Serve one HTTP surface."""
    if surface not in ("intake", "citizen", "office"):
        raise WrongSettings(f"--surface {surface}: there are intake, citizen and office")
    settings = read_settings()
    building_app.configure_logging(settings)
    limit_arenas()
    building_app.require_way_in(settings, surface)
    with building_app.building(settings, surface) as pipeline:
        structlog.get_logger().info("surface.started", surface=surface, port=port)
        # No access log: a path with an id and an address beside it is a trace of a person.
        uvicorn.run(
            building_app.make_surface(settings, surface, pipeline),
            host=host,
            port=port,
            access_log=False,
            log_level="warning",
            server_header=False,
            forwarded_allow_ips=list(settings.proxies),
            timeout_graceful_shutdown=5,
        )


@app.command()
def migrate() -> None:
    """Bring the database of PROAKTIV_OWNER_URL to the present tables."""
    settings = read_settings()
    if settings.owner_url is None:
        raise WrongSettings("migrate needs PROAKTIV_OWNER_URL")
    run_migrations(settings.owner_url.get_secret_value())
    typer.echo("The database is current.")


@app.command()
def doctor(
    part: Annotated[str, typer.Option(help="work, sign, intake, citizen, office, or all of them.")] = "all",
    state: Annotated[
        Path | None, typer.Option(help="On the signer's machine: the folder of its memory, as in work --sign.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Name every broken dependency of an installation within five seconds, and what to do. Exit 1 if there is one."""
    settings, wrong = readable_settings()
    examination = Examination(settings, wrong, wall=wall_clock, monotonic=time.monotonic, state=state)
    found = examination.of(part)
    if as_json:
        typer.echo(
            json.dumps({"ok": healthy(found), "findings": [each.to_json() for each in found]}, ensure_ascii=False)
        )
    else:
        for line in lines(found, plain="utf" not in (sys.stdout.encoding or "").lower()):
            typer.echo(line)
    if not healthy(found):
        raise typer.Exit(1)


@app.command()
def incidents(as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False) -> None:
    """List what the DSB must see, newest first: ids and names of incidents, nothing personal."""
    desk.incidents(_office, as_json=as_json)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run a command; an error of ours is one line on stderr, exit code 2."""
    try:
        app()
    except ProaktivError as error:
        typer.echo(f"proaktiv: {' '.join(str(error).split())}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
