"""``proaktiv witness …``: what the DSB types on a machine of their own. Needs no database and no settings.

Thin: each command reads, calls one thing, prints.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from proaktiv.core.errors import BadInput
from proaktiv.flowlog.ceremonies.remembering import tell
from proaktiv.flowlog.ceremonies.succession import confirm
from proaktiv.flowlog.checkpoints import Vkey
from proaktiv.flowlog.vouching.cosignatures import witness_key_of
from proaktiv.flowlog.vouching.memory import UNPROVEN, Memory, Watched
from proaktiv.flowlog.vouching.server import serve_witness
from proaktiv.flowlog.vouching.witness import Witness, distrust, trust

_TEXT_MAX = 64 * 1024
_HELP = """\
The DSB's own memory of the log: a machine that the operator does not run.

It keeps one number and one hash per log, and cosigns a checkpoint only if the log has grown since the last one and
nothing before was changed. So a restored backup, a rewritten past or a second version of the log becomes visible,
even to somebody who holds the house's database and keys. It sees no data of any person.

\b
1. proaktiv witness init FOLDER NAME --log VKEY    VKEY as `proaktiv log vkey` shows it in the house
2. proaktiv witness serve FOLDER                   behind TLS, where the house can reach it
3. give the house the witness's key, and write your policy file (docs/operating.md, Zeuge)

The folder is never restored from an older copy: a witness that forgets cosigns two stories.
"""

Folder = Annotated[Path, typer.Argument(help="The witness's folder: its key and its memory.")]
Log = Annotated[str, typer.Argument(help="A key of the log, as `proaktiv log vkey` shows it in the house.")]


def make_app(clock: Callable[[], datetime]) -> typer.Typer:
    """Return the ``witness`` commands."""
    app = typer.Typer(no_args_is_help=True, help=_HELP)
    _add_keys(app)
    _add_serve(app, clock)
    _add_status(app)
    _add_tell(app, clock)
    _add_confirm(app)
    return app


def _add_keys(app: typer.Typer) -> None:
    @app.command("init")
    def init(
        folder: Folder,
        name: Annotated[str, typer.Argument(help="Its name in every cosignature: dsb.example.org/zeuge.")],
        log: Annotated[list[str] | None, typer.Option(help="A key of the log to watch; may stand several times.")] = (
            None
        ),
    ) -> None:
        """Make a witness with a key of its own, and print what verifies its cosignatures."""
        vkeys = [str(Vkey.parse(vkey)) for vkey in log or ()]
        memory = Memory(folder)
        witness = memory.found(name)
        for vkey in vkeys:
            trust(memory, vkey)
        typer.echo(str(witness))

    @app.command("trust")
    def trust_key(folder: Folder, vkey: Log) -> None:
        """Watch one more log, or know the next key of one before it is rotated; the server may go on running."""
        trust(Memory(folder), vkey)
        typer.echo(f"{Vkey.parse(vkey).name} is watched under this key too.")

    @app.command("distrust")
    def distrust_key(folder: Folder, vkey: Log) -> None:
        """Forget a key of a log once it was rotated; another one must be left."""
        distrust(Memory(folder), vkey)
        typer.echo(f"This key of {Vkey.parse(vkey).name} counts no more.")


def _add_serve(app: typer.Typer, clock: Callable[[], datetime]) -> None:
    @app.command("serve")
    def serve(
        folder: Folder,
        port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7380,
        host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
        certificate: Annotated[Path | None, typer.Option(help="PEM file, for TLS without a proxy before it.")] = None,
        key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's key.")] = None,
    ) -> None:
        """Answer the house: POST /add-checkpoint (C2SP tlog-witness). Ends with SIGTERM."""
        if (certificate is None) != (key is None):
            raise BadInput("--certificate", "and --key belong together")
        for option, path in (("--certificate", certificate), ("--key", key)):
            if path is not None and not path.is_file():
                raise BadInput(option, f"{path} is no file")
        memory = Memory(folder)
        memory.read()  # tells at the start what is wrong, not at the first request
        serve_witness(Witness(memory), clock, host=host, port=port, certificate=certificate, key=key)


def _add_status(app: typer.Typer) -> None:
    @app.command("status")
    def status(
        folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False
    ) -> None:
        """Say which logs are watched, how far each was cosigned and when. Exit 1 where evidence lies in the folder."""
        memory = Memory(folder)
        state, evidence = memory.read(), memory.evidence()
        vkey = str(witness_key_of(state.name, memory.key()))
        if as_json:
            logs = {origin: _told(watched) for origin, watched in state.logs.items()}
            typer.echo(json.dumps({"vkey": vkey, "logs": logs, "evidence": evidence}, ensure_ascii=False))
        else:
            typer.echo(f"witness  {vkey}")
            for origin, watched in state.logs.items():
                at = watched.at.isoformat(timespec="seconds") if watched.at else "never"
                ended = f", succeeded by {watched.succeeded_by}" if watched.succeeded_by else ""
                typer.echo(f"log      {origin}: {watched.size} entries, cosigned {at}{ended}")
            for name in evidence:
                typer.echo(f"evidence {folder / name}: {_showed(name)}")
        if evidence:
            raise typer.Exit(1)


def _add_tell(app: typer.Typer, clock: Callable[[], datetime]) -> None:
    @app.command("tell")
    def tell_last(
        folder: Folder, origin: Annotated[str, typer.Argument(help="The log: flowlog.example.org/1.")]
    ) -> None:
        """Print, signed, what was cosigned last of a log, for a house whose signer lost its memory.

        The house brings its memory back with it (proaktiv log remember), or ends the log (proaktiv log succeed).
        """
        typer.echo(tell(Memory(folder), origin, clock()), nl=False)


def _add_confirm(app: typer.Typer) -> None:
    @app.command("confirm")
    def confirm_succession(
        folder: Folder,
        statement: Annotated[Path, typer.Argument(help="What `proaktiv log succeed` wrote in the house.")],
        vkey: Annotated[str, typer.Argument(help="The key of the new log.")],
    ) -> None:
        """Confirm that a log ends and another takes its place, after entries were lost. Prints the signed statement.

        Compares the statement with what was cosigned last. From then on the old log is not cosigned any more.
        """
        try:
            text = statement.read_bytes()[:_TEXT_MAX].decode()
        except (OSError, UnicodeDecodeError):
            raise BadInput(str(statement), "is no statement of a succession") from None
        typer.echo(confirm(Memory(folder), text, vkey), nl=False)


def _showed(name: str) -> str:
    if name.startswith(UNPROVEN):
        return "a smaller log was shown, or a larger one without proof that it continues the one you cosigned"
    return "the house showed another log than the one you cosigned"


def _told(watched: Watched) -> dict[str, object]:
    return {
        "vkeys": list(watched.vkeys),
        "size": watched.size,
        "cosigned_at": watched.at.isoformat() if watched.at else None,
        "succeeded_by": watched.succeeded_by or None,
    }
