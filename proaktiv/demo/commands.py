"""The two commands of the simulated city. Left to others: mounting them (``proaktiv.__main__``)."""

import json
import secrets
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from proaktiv.core.errors import NotSafe
from proaktiv.demo.once import Wished, run_once
from proaktiv.demo.progress import show
from proaktiv.demo.serving import serve_part
from proaktiv.demo.staying import stay

Environment = Annotated[str, typer.Option(envvar="PROAKTIV_ENV", hidden=True)]


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the run instead of staying until Ctrl-C.")] = False,
    events: Annotated[int, typer.Option(min=1, max=100_000, help="How many different events registers report.")] = 40,
    seed: Annotated[int, typer.Option(help="The same seed invents the same families.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; the rest on stderr.")] = False,
    env: Environment = "demo",
) -> None:
    """Run a simulated city: register, rules, letters, citizens, Behörden; then count and verify. Exit 1 on any loss.

    After the run the city stays and says where everything is, until Ctrl-C.
    """
    _not_in_production(env)
    signal.signal(signal.SIGTERM, _end_in_order)

    def tell(result: dict[str, Any]) -> None:
        show(result, beside_json=as_json)
        if as_json:
            typer.echo(json.dumps(result, ensure_ascii=False))
        sys.stdout.flush()  # whoever reads a pipe shall not wait for the end of the stay

    result = run_once(Wished(events, seed), _now, secrets.token_bytes, tell, None if once else stay)
    if not result["ok"]:
        raise typer.Exit(1)


def city(
    part: Annotated[str, typer.Option(help="register, behoerde, mailbox or konto.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")],
    folder: Annotated[Path, typer.Option(help="Where the run wrote what this part knows.")],
    env: Environment = "demo",
) -> None:
    """Be one part of the simulated city; ``demo`` starts it."""
    _not_in_production(env)
    serve_part(part, port, folder)


def _not_in_production(env: str) -> None:
    if env == "production":
        raise NotSafe("the simulated city does not run where PROAKTIV_ENV is production; unset it or say demo")


def _end_in_order(number: int, _frame: object) -> None:
    """Unwind instead of dying at once: processes are stopped and the temporary folders go."""
    raise SystemExit(128 + number)


def _now() -> datetime:
    # The demonstration stands beside app.py, which binds the clock for the house; the city has its own.
    return datetime.fromtimestamp(time.time(), UTC)
