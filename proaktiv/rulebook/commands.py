"""``proaktiv rules …``: what a rule author types. Thin: each command reads, calls one thing, prints.

The entry point mounts ``make_app`` and hands in how the owner's database is opened.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proaktiv.core.calendar import berlin_date
from proaktiv.rulebook import check as checking
from proaktiv.rulebook import testing
from proaktiv.rulebook.cases import Case
from proaktiv.rulebook.catalogue import read_catalogue
from proaktiv.rulebook.explain import as_json as explained_as_json
from proaktiv.rulebook.explain import explain as explained
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.mutant_report import living_mutants
from proaktiv.rulebook.printing import fail
from proaktiv.rulebook.schema import schema_text
from proaktiv.rulebook.tools import Folder, add_tools

if TYPE_CHECKING:
    # Only a release needs them, and loading them takes longer than testing every rule.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlmodel import Session

PRODUCTION = "production"


def make_app(
    open_owner_database: Callable[[], "AbstractContextManager[Session]"] | None,
    env: str,
    clock: Callable[[], datetime] | None = None,
) -> typer.Typer:
    """Return the ``rules`` commands. ``open_owner_database`` yields a session that commits at its end.

    Without it ``release`` is listed and refuses. Without ``clock`` nobody is told that a parameter should be
    checked again, and what needs a day asks for it.
    """
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Write, check, test, try out and release the rules."
    )

    @app.command("check")
    def check(folder: Folder = None) -> None:
        """Read every rule and say what is wrong, as file:line:column."""
        say_folder(folder)
        check_rules(folder or rules_folder(), berlin_date(clock()) if clock else None)

    app.command("test")(run_cases)
    app.command("schema")(write_schema)
    app.command("explain")(explain_case)
    add_tools(app, clock)

    @app.command("release")
    def release(
        author: Annotated[str, typer.Option(help="Who wrote the rules.")],
        reviewer: Annotated[str, typer.Option(help="Who checked them; not the author.")],
        only: Annotated[list[str] | None, typer.Option("--only", help="This Lebenslage alone.")] = None,
        demo: Annotated[bool, typer.Option("--demo", help="Sign with the demonstration's key; drafts go too.")] = False,
        key: Annotated[Path | None, typer.Option(help="Your Ed25519 private key (PEM), unless --demo.")] = None,
        controller: Annotated[str, typer.Option(help="Id of the responsible authority.")] = "",
        folder: Folder = None,
    ) -> None:
        """Release the rules: checked, tested, signed, once. Running processes take them at their next start."""
        from sqlalchemy import func, select

        from proaktiv.rulebook.release import CONTROLLER, ReleaseRefused
        from proaktiv.rulebook.release import release as release_rules

        signing = _signing_key(key, demo=demo, env=env)
        if open_owner_database is None:
            fail("nothing was released: there is no database here; run it as `proaktiv rules release …`")
        with open_owner_database() as session:
            try:
                done = release_rules(
                    session,
                    folder or rules_folder(),
                    author=author,
                    reviewer=reviewer,
                    demo=demo,
                    key=signing,
                    now=session.connection().execute(select(func.now())).scalar_one(),
                    controller=controller or CONTROLLER,
                    only=only or (),
                    trial=living_mutants,
                )
            except ReleaseRefused as error:
                fail(str(error))
        say_folder(folder)
        for one in done:
            typer.echo(f"{one.lebenslage}@{one.version} {one.content_hash[:12]} {'new' if one.fresh else 'unchanged'}")

    return app


def say_folder(folder: Path | None) -> None:
    """Say whose rules are meant where nobody named any: an author easily takes the installation's for their own."""
    if folder is None:
        typer.echo(f"rules: {rules_folder()} (of this installation; for others: --folder)")


def check_rules(root: Path, today: date | None) -> None:
    """Print what is wrong below ``root``, which ends the process with 1, and what nobody has checked for ``today``."""
    compiled, problems = checking.check(root)
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        fail(f"{len(problems)} wrong")
    for late in checking.stale(root, today) if today else ():
        typer.echo(f"{late}: what is decided with it is provisional", err=True)
    plans = sum(len(one.lebenslage.plans) for one in compiled if one.lebenslage)
    typer.echo(f"{len(compiled)} Lebenslagen, {plans} Leistungen: nothing wrong")


def run_cases(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, help="Files and folders with cases, of one Leistung or whole journeys; else all."),
    ] = None,
    folder: Folder = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail also where a case waits for content.")] = False,
) -> None:
    """Run the cases, and the mutants of every rule that they try: a case must notice each.

    Ends with 1 where anything differs or lives; what waits for content is counted by name.
    """
    say_folder(folder)
    try:
        tested = testing.run_all(folder or rules_folder(), paths or ())
    except testing.UnreadableError as error:
        fail(str(error))
    for line in tested.lines:
        typer.echo(line)
    if not tested.ran:
        fail("no cases found")
    if tested.mutants:
        typer.echo(tested.mutants_line)
    typer.echo(tested.last_line)
    if tested.failed or tested.living or (strict and tested.waiting):
        raise typer.Exit(1)


def write_schema(folder: Folder = None) -> None:
    """Write _katalog/schema.json anew: what an editor offers while rules are written."""
    root = folder or rules_folder()
    path = root / "_katalog" / "schema.json"
    path.write_text(schema_text(root), "utf-8")
    typer.echo(f"{path.relative_to(root)}: {path.stat().st_size} bytes")


def explain_case(
    case: Annotated[str, typer.Argument(help="A case's name, or a part of it: geburt/KITA-PLATZ/Normalfall")],
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON, one line for each case.")] = False,
) -> None:
    """Print why a case is decided as it is: each condition with value, norm and line."""
    found = [one for one in _cases(folder or rules_folder()) if case.casefold() in one.title.casefold()]
    if not found:
        fail(f"no case is called {case}")
    for one in found:
        if as_json:
            data = {"fall": one.title, **explained_as_json(one.decide())}
            typer.echo(json.dumps(data, ensure_ascii=False, sort_keys=True))
            continue
        typer.echo(one.title)
        typer.echo(explained(one.decide()))
        typer.echo("")


def _cases(root: Path) -> Iterator[Case]:
    compiled, problems = checking.check(root)
    if problems:
        fail("\n".join(str(problem) for problem in problems))
    try:
        yield from testing.single_cases(root, compiled, read_catalogue(root), ())
    except testing.UnreadableError as error:
        fail(str(error))


def _signing_key(path: Path | None, *, demo: bool, env: str) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if demo:
        if env == PRODUCTION:
            fail("--demo is refused in production: everybody has the demonstration's key")
        from proaktiv.rulebook.release import demo_key

        return demo_key()
    if path is None:
        fail("a release needs --key FILE (or --demo outside production)")
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, TypeError, ValueError):
        fail(f"{path} holds no private key that can be read without a password")
    if not isinstance(key, Ed25519PrivateKey):
        fail(f"{path} holds another kind of key; make one with: openssl genpkey -algorithm ed25519")
    return key
