"""The command line: what it teaches, what it answers, and how it refuses."""

import json
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import structlog
import typer
from sqlalchemy import make_url
from typer.testing import CliRunner

from proaktiv import __main__ as command_line
from proaktiv import __version__
from proaktiv.embedded import EmbeddedServer
from proaktiv.rulebook.folder import rules_folder
from tests.builders import a_birth, somebody
from tests.processes import PATIENCE_SECONDS, end, proaktiv, refused, start
from tests.settings_of import everything
from tests.world import World

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command as ``proaktiv`` does, in this process: exit code, stdout, stderr."""

    def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
        for name, value in settings.items():
            monkeypatch.setenv(f"PROAKTIV_{name}", value)
        monkeypatch.setattr("sys.argv", ["proaktiv", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield run
    structlog.reset_defaults()  # some commands set up logging before they refuse


# help -----------------------------------------------------------------------------------------------------------------


def commands_below(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands_below(below, (*path, name))


COMMANDS = dict(commands_below(typer.main.get_command(command_line.app)))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "proaktiv")
def test_help_of_every_command_teaches(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    shown = CliRunner().invoke(command_line.app, [*path, "--help"])
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.startswith("Usage:")
    words = " ".join(shown.stdout.split())
    assert command.help
    assert " ".join(command.help.split())[:60] in words
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):
            assert getattr(parameter, "help", None), f"{parameter.name} is not explained"
            named = parameter.opts if parameter.param_type_name == "option" else [parameter.name]
            assert all(name in words.lower() for name in named)
    for name, below in getattr(command, "commands", {}).items():
        assert below.hidden or name in words


def test_every_command_stands_in_the_table_of_contents() -> None:
    told = command_line.__doc__ or ""
    for path, command in COMMANDS.items():
        if len(path) == 1 and path != ("version",):
            assert f"proaktiv {path[0]}" in told
        if len(path) == 2 and path[0] == "rules":
            assert command.name in told


@pytest.mark.parametrize("words", [(), ("log",), ("rules",)])
def test_without_a_command_the_help_comes(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert code == 2
    assert "Usage:" in out + err


@pytest.mark.parametrize(
    "words",
    [("nirgends",), ("serve",), ("serve", "--surface"), ("demo", "--events", "0"), ("log", "verify", "--nirgends")],
)
def test_a_mistyped_command_is_told(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "Error: " in err
    assert "Traceback" not in err


def test_the_version_is_told(run: Run) -> None:
    assert run("version") == (0, f"{__version__}\n", "")


def test_the_commands_were_found_at_all() -> None:
    assert {("log", "verify"), ("rules", "release"), ("serve",), ("work",)} < set(COMMANDS)


# the log --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def city(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    """A city with a signed log."""
    world = World(urls, tmp_path).found()
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    world.check_log()
    yield world
    world.close()


@pytest.fixture
def tamper(postgres: EmbeddedServer, urls: dict[str, str]) -> Callable[[str], None]:
    """Do as somebody does who has the whole server in hand."""

    def change(statement: str) -> None:
        url = make_url(postgres.url("postgres", str(make_url(urls["owner"]).database)))
        with psycopg.connect(
            host=str(url.query["host"]), port=5432, user="postgres", dbname=url.database, autocommit=True
        ) as connection:
            connection.execute("SET session_replication_role = replica")  # no trigger stands in the way
            assert connection.execute(statement).rowcount == 1

    return change


def test_the_state_of_the_log_is_told(city: World, run: Run, urls: dict[str, str]) -> None:
    code, out, err = run("log", "status", "--json", READER_URL=urls["reader"])
    assert (code, err) == (0, "")
    told = json.loads(out)
    size = city.count("flow_leaf")
    assert (told["size"], told["signed"], told["queued"]) == (size, size, 0)
    assert sum(told["kinds"].values()) == size
    code, out, err = run("log", "status", READER_URL=urls["reader"])
    assert (code, err) == (0, "")
    assert f"size                    {size}\n" in out


def test_an_untouched_log_is_verified_and_a_touched_one_is_not(
    city: World, run: Run, urls: dict[str, str], tamper: Callable[[str], None]
) -> None:
    settings = {"READER_URL": urls["reader"], "LOG_VKEY": city.signer.vkey}
    code, out, err = run("log", "verify", **settings)
    assert (code, err) == (0, "")
    assert "Everything adds up" in out
    assert json.loads(run("log", "verify", "--json", **settings)[1])["ok"] is True

    tamper("UPDATE flow_log SET receiver = 'somebody else' WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)")
    code, out, err = run("log", "verify", **settings)
    assert (code, err) == (1, "")
    assert "receiver" in out
    code, out, err = run("log", "verify", "--json", **settings)
    assert (code, err) == (1, "")
    (finding,) = json.loads(out)["findings"]
    assert (finding["what"], finding["index"]) == ("column", 2)


def test_an_entry_that_is_gone_is_found(
    city: World, run: Run, urls: dict[str, str], tamper: Callable[[str], None]
) -> None:
    tamper("DELETE FROM flow_log WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 1)")
    assert run("log", "verify", READER_URL=urls["reader"], LOG_VKEY=city.signer.vkey)[0] == 1


def test_a_log_signed_with_another_key_is_not_believed(city: World, run: Run, urls: dict[str, str]) -> None:
    other = World(urls, city.folder, seed=bytes(32))
    code, out, _ = run("log", "verify", "--vkey", other.signer.vkey, READER_URL=urls["reader"])
    other.close()
    assert code == 1
    assert "Everything adds up" not in out
    trusted = ("--vkey", city.signer.vkey)
    assert run("log", "verify", *trusted, LOG_VKEY=other.signer.vkey)[0] == 0, "what is typed counts before a setting"


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (("log", "status"), {}, "this command needs PROAKTIV_READER_URL"),
        (("log", "verify"), {}, "verify needs --vkey or PROAKTIV_LOG_VKEY"),
        (("log", "verify"), {"LOG_VKEY": "x"}, "this command needs PROAKTIV_READER_URL"),
        (("log", "verify"), {"LOG_VKEY": "x", "READER_URL": "{reader}"}, "the key is not whole"),
        (("log", "verify", "--vkey", "x"), {}, "--vkey: the key is not whole"),
        (("log", "status"), {"READER_URL": "geheim"}, "PROAKTIV_READER_URL is no database URL"),
        (("log", "status"), {"READER_URL": "sqlite://"}, "the database must be PostgreSQL"),
        (("log", "status"), {"READER_URL": "postgresql://a:geheim@127.0.0.1:9/x"}, "PostgreSQL cannot be reached"),
        (("log", "status"), {"READER_URL": "{empty}"}, "migrate as the owner first"),
        (("migrate",), {}, "migrate needs PROAKTIV_OWNER_URL"),
        (("migrate",), {"OWNER_URL": "postgresql://a:geheim@127.0.0.1:9/x"}, "PostgreSQL cannot be reached"),
        (("work",), {"REGISTERS": "{"}, "PROAKTIV_REGISTERS is not JSON"),
        (("work", "--sign"), {}, "--sign needs --state DIR"),
        (("work", "--sign", "--state", "/x"), {}, "sign needs PROAKTIV_SEQUENCER_URL and 2 more"),
        (("serve", "--surface", "door"), {}, "--surface door: there are intake, citizen and office"),
        (("serve", "--surface", "office"), {"ENV": "somewhere"}, "PROAKTIV_ENV Input should be"),
        (
            ("city", "--part", "register", "--port", "9", "--folder", "/nirgends"),
            {},
            "/nirgends/register.json is missing",
        ),
        (("city", "--part", "door", "--port", "9", "--folder", "/nirgends"), {}, "--part door: there are"),
    ],
)
def test_what_refuses_says_why_in_one_line(
    run: Run,
    urls: dict[str, str],
    postgres: EmbeddedServer,
    words: tuple[str, ...],
    settings: dict[str, str],
    told: str,
) -> None:
    known = {"{reader}": urls["reader"], "{empty}": postgres.url("postgres", "postgres")}
    code, out, err = run(*words, **{name: known.get(value, value) for name, value in settings.items()})
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("proaktiv: ")
    assert told in line
    assert "geheim" not in line


def test_a_process_refuses_like_that_too() -> None:
    assert refused(proaktiv("migrate")) == "migrate needs PROAKTIV_OWNER_URL"


def test_a_database_is_migrated_as_often_as_one_likes(run: Run, postgres: EmbeddedServer) -> None:
    name = "commands_migrate"
    postgres.create_database(name, "template0")
    url = postgres.url("proaktiv_owner", name)
    for _ in range(2):
        assert run("migrate", OWNER_URL=url) == (0, "The database is current.\n", "")
    assert run("log", "status", READER_URL=postgres.url("proaktiv_reader", name))[0] == 0
    postgres.drop_database(name)


# the rules ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return Path(shutil.copytree(rules_folder(), tmp_path / "rules"))


def test_rules_that_are_right_exit_with_0(run: Run, rules: Path) -> None:
    for words in (("check",), ("test",), ("explain", "geburt/KITA-PLATZ/Normalfall")):
        code, out, err = run("rules", *words, "--folder", str(rules))
        assert (code, err) == (0, "")
        assert out


def test_rules_that_are_wrong_exit_with_1_and_name_the_place(run: Run, rules: Path) -> None:
    wrong = rules / "geburt" / "leistungen" / "kita-platz.yaml"
    wrong.write_text(wrong.read_text().replace("eltern/vornamen, aus: elternteil.vornamen", "a, aus: nirgends.da"))
    for words in (("check",), ("test",), ("explain", "Normalfall")):
        code, out, err = run("rules", *words, "--folder", str(rules))
        assert code == 1
        assert "kita-platz.yaml:" in out + err
        assert "Traceback" not in err


def test_a_case_that_fails_exits_with_1_and_names_the_place(run: Run, rules: Path) -> None:
    plan = rules / "geburt" / "leistungen" / "kita-platz.yaml"
    before = plan.read_text()
    plan.write_text(before.replace("das: kind.im_haushalt, ist: ja", "das: kind.im_haushalt, ist: nein"))
    assert plan.read_text() != before
    code, out, err = run("rules", "test", "--folder", str(rules))
    assert code == 1
    assert "geburt/faelle/" in out
    assert err == ""
    assert re.search(r"^[0-9]+ passed, [1-9][0-9]* failed, 0 wait for content$", out.splitlines()[-1])


@pytest.mark.parametrize("words", [("check",), ("test",), ("explain", "x")])
def test_a_folder_that_is_not_there_is_told(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, err = run("rules", *words, "--folder", str(tmp_path / "nowhere"))
    assert (code, out) == (2, "")
    assert "does not exist" in err
    assert "Traceback" not in err


def test_a_case_that_nobody_wrote_exits_with_1(run: Run) -> None:
    assert run("rules", "explain", "gibt es nicht") == (1, "", "no case is called gibt es nicht\n")


def test_a_release_is_written_once_and_told(urls: dict[str, str]) -> None:
    words = ("rules", "release", "--demo", "--author", "A. Muster", "--reviewer", "B. Beispiel")
    done = [proaktiv(*words, settings={"PROAKTIV_ENV": "demo", "PROAKTIV_OWNER_URL": urls["owner"]}) for _ in range(2)]
    assert [each.returncode for each in done] == [0, 0], done[0].stderr
    for each, became in zip(done, ("new", "unchanged"), strict=True):
        whose, *lines = each.stdout.splitlines()
        assert whose.startswith("rules: ")
        assert {line.split()[-1] for line in lines} == {became}
    alone = ("rules", "release", "--demo", "--author", "A. Muster", "--reviewer", "a. muster")
    refusing = proaktiv(*alone, settings={"PROAKTIV_ENV": "demo", "PROAKTIV_OWNER_URL": urls["owner"]})
    assert refusing.returncode == 1
    assert "author and reviewer must be two people" in refusing.stderr
    assert "Traceback" not in refusing.stderr
    nowhere = proaktiv(*words, settings={"PROAKTIV_ENV": "demo"})
    assert refused(nowhere) == "this command needs PROAKTIV_OWNER_URL"


# processes that stay --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", ["intake", "citizen", "office"])
def test_a_surface_answers_and_ends_in_order(surface: str, urls: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = everything(urls, tmp_path)
    process = start("-m", "proaktiv", "serve", "--surface", surface, "--port", str(port), settings=given)
    try:
        transport = httpx.HTTPTransport(retries=10, trust_env=False)  # each retry waits twice as long
        with httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as client:
            answer = client.get("/health")
        assert answer.json() == {"status": "ok"}
        assert "server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        end(process)
    assert err == ""
    (line,) = out.splitlines()
    assert json.loads(line).items() >= {"event": "surface.started", "surface": surface, "port": port}.items()


@pytest.mark.parametrize("sign", [False, True])
def test_a_worker_works_and_ends_in_order(sign: bool, urls: dict[str, str], tmp_path: Path) -> None:
    given = everything(urls, tmp_path)
    words = ["--sign", "--state", str(tmp_path / "own")] if sign else []
    process = start("-m", "proaktiv", "work", *words, settings=given)
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        end(process)
    assert (process.returncode, err) == (0, "")
    parts = (
        ["sign"]
        if sign
        else [*("collect", "dispatch", "evaluate", "exports", "look_up", "notify", "retain", "revisit", "silence")]
    )
    assert (first["event"], first["parts"]) == ("worker.started", parts)
    (last,) = out.splitlines()
    assert json.loads(last)["event"] == "worker.stopped"
