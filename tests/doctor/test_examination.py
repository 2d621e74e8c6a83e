"""Each dependency is broken for real, and named with what to do; the control is the installation that is well."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import make_url, text

from proaktiv.database import Database
from proaktiv.doctor.findings import Level
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.checkpoints import vkey_of
from proaktiv.logapp import signers_vkeys
from proaktiv.schema import migrate
from tests.chaos.outage import Outage, wait_for
from tests.doctor.conftest import Installation, real_time
from tests.notifiers.servers import Post, real_server
from tests.outward.servers import Behave, answers, drips, hangs_up, serving, stays_silent
from tests.processes import proaktiv
from tests.settings_of import ORIGIN, b64

KEKS = ("view", "contact", "facts", "flow", "proof")
OTHER_KEY = b64(bytes(range(100, 132)))


def test_an_installation_that_is_well_has_nothing_broken_and_nothing_to_look_at(installation: Installation) -> None:
    """The control of all others."""
    found = installation.findings()
    assert [each for each in found if each.level is not Level.FINE] == []
    assert {f"KEK-{name} of work" for name in KEKS} <= {each.check for each in found}
    assert {"clock", "durability", "rules", "workers", "letters", "register MELDEREGISTER"} <= {
        each.check for each in found
    }


# settings -------------------------------------------------------------------------------------------------------------


def test_every_part_says_what_it_lacks_and_the_others_go_on(installation: Installation) -> None:
    ill = installation.is_given(CODE_KEY="", SIGNING_KEY="").ill()
    assert set(ill) == {"settings work", "settings citizen", "settings sign"}
    assert ill["settings work"].says == "work needs PROAKTIV_CODE_KEY"
    assert ill["settings sign"].says == "sign needs PROAKTIV_SIGNING_KEY"


def test_all_that_cannot_be_read_is_named_at_once(installation: Installation) -> None:
    given = installation.environment | {"PROAKTIV_BATCH": "many", "PROAKTIV_KEK_VIEW": "x", "PROAKTIV_KEK_VEIW": "y"}
    done = proaktiv("doctor", "--part", "office", "--json", settings=given)
    assert (done.returncode, done.stderr) == (1, "")
    ill = [each["says"] for each in json.loads(done.stdout)["findings"] if each["level"] == "broken"]
    assert [says.split()[0] for says in ill] == [
        "PROAKTIV_KEK_VEIW",
        "PROAKTIV_KEK_VIEW",
        "PROAKTIV_BATCH",
        "office",
    ]


def test_halves_that_do_not_belong_together_are_named(installation: Installation) -> None:
    ill = installation.is_given(INTAKE_PUBLIC_KEY=OTHER_KEY).ill()
    assert {"settings work", "settings intake", "settings citizen"} <= set(ill)
    assert "is not the public half of PROAKTIV_INTAKE_PRIVATE_KEY" in ill["settings work"].says


# the database ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "check"),
    [
        ("DATABASE_URL", "database app"),
        ("SEQUENCER_URL", "database sequencer"),
        ("OWNER_URL", "database owner"),
        ("READER_URL", "database reader"),
        ("ERASER_URL", "database eraser"),
        ("KEEPER_URL", "database keeper"),
    ],
)
def test_a_database_that_is_away_is_one_line(installation: Installation, setting: str, check: str) -> None:
    away = "postgresql://proaktiv_app:geheim@127.0.0.1:9/none"
    ill = installation.is_given(**{setting: away}).ill()
    assert set(ill) == {check}, "what asks it is left out, not named a dozen times"
    assert f"correct PROAKTIV_{setting}" in ill[check].do
    assert "geheim" not in f"{ill[check]}"


def test_a_database_that_answers_nothing_is_named_at_the_deadline(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        installation.seconds = 2.0
        ill = installation.is_given(DATABASE_URL=f"postgresql://a@127.0.0.1:{port}/x").ill("office")
    assert ill["database app"].says == "did not answer within 2 s"
    assert "start PostgreSQL or correct PROAKTIV_DATABASE_URL" in ill["database app"].do


@pytest.mark.chaos
def test_a_postgresql_that_was_stopped_is_named(installation: Installation) -> None:
    with EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        installation.is_given(DATABASE_URL=server.url("proaktiv_app"))
        assert "database app" not in installation.ill("office"), "the control: it was there"
        outage = Outage(server, signal.SIGQUIT)
        outage.begin()
        assert set(installation.ill("office")) == {"database app"}
        outage.end()


def test_a_schema_that_is_behind_is_named_and_nothing_is_asked_of_its_tables(installation: Installation) -> None:
    installation.does("UPDATE alembic_version SET version_num = '0001'")
    found = installation.ill("office")
    assert set(found) == {"schema app"}
    assert "proaktiv migrate" in found["schema app"].do


def test_a_database_that_was_never_migrated_is_named(installation: Installation, postgres: EmbeddedServer) -> None:
    found = installation.is_given(DATABASE_URL=postgres.url("proaktiv_owner", "postgres")).ill("office")
    assert set(found) == {"schema app"}
    assert "the schema is at nothing" in found["schema app"].says


@pytest.mark.parametrize(
    ("setting", "role", "of", "told"),
    [
        ("DATABASE_URL", "owner", "app", "proaktiv_owner has UPDATE on flow_log"),
        ("DATABASE_URL", "reader", "app", "proaktiv_reader lacks INSERT on flow_log"),
        ("SEQUENCER_URL", "app", "sequencer", "proaktiv_app lacks DELETE on flow_queue"),
        ("READER_URL", "app", "reader", "proaktiv_app has INSERT on flow_log"),
        ("ERASER_URL", "app", "eraser", "proaktiv_app has INSERT on vault_keys"),
        ("OWNER_URL", "app", "owner", "proaktiv_app lacks DELETE on flow_log"),
        ("READER_URL", "superuser", "reader", "postgres is a superuser"),
    ],
)
def test_a_url_with_another_role_is_named(
    installation: Installation,
    urls: dict[str, str],
    postgres: EmbeddedServer,
    setting: str,
    role: str,
    of: str,
    told: str,
) -> None:
    database = str(make_url(urls["app"]).database)
    url = postgres.url("postgres", database) if role == "superuser" else urls[role]
    ill = installation.is_given(**{setting: url}).ill()
    assert told in ill[f"role {of}"].says
    assert f"let PROAKTIV_{setting} log in as proaktiv_{of}" in ill[f"role {of}"].do


@pytest.mark.parametrize(
    ("grant", "back"),
    [
        ("GRANT UPDATE ON flow_log TO proaktiv_app", "proaktiv_app has UPDATE on flow_log"),
        ("GRANT UPDATE (entry) ON flow_log TO proaktiv_app", "proaktiv_app has UPDATE on flow_log"),
        ("GRANT DELETE ON consent_ledger TO proaktiv_app", "proaktiv_app has DELETE on consent_ledger"),
        ("REVOKE INSERT ON flow_queue FROM proaktiv_app", "proaktiv_app lacks INSERT on flow_queue"),
    ],
)
def test_a_wall_that_an_operator_opened_is_named(installation: Installation, grant: str, back: str) -> None:
    installation.does(grant)
    assert back in installation.ill("office")["role app"].says


@pytest.mark.parametrize("seconds", [-3600, -6, 6, 3600])
def test_a_clock_that_drifts_is_named_with_how_far(installation: Installation, seconds: int) -> None:
    installation.wall = lambda: real_time() + timedelta(seconds=seconds)
    ill = installation.ill("office")
    assert set(ill) == {"clock"}
    assert ("ahead of" if seconds > 0 else "behind") in ill["clock"].says
    assert "NTP" in ill["clock"].do


def test_a_demonstrations_moved_clock_is_no_drift(installation: Installation) -> None:
    installation.does("UPDATE demo_clock SET offset_seconds = 864000")
    assert installation.is_given(DEMO_CLOCK="1").ill() == {}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("synchronous_commit=off", "synchronous_commit = off"),
        ("default_transaction_read_only=on", "takes no writes"),
    ],
)
def test_a_session_that_keeps_nothing_for_sure_is_named(installation: Installation, options: str, told: str) -> None:
    url = installation.environment["PROAKTIV_DATABASE_URL"]
    ill = installation.is_given(DATABASE_URL=f"{url}&options=-c%20{options.replace('=', '%3D')}").ill("office")
    assert told in " ".join(each.says for each in ill.values())


def test_a_server_that_tears_pages_and_waits_for_a_standby_that_is_not_there_is_named(
    installation: Installation,
) -> None:
    with EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        with server._superuser() as connection:
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'b'")
            connection.execute("SELECT pg_reload_conf()")
        wait_for(lambda: shown(server, "synchronous_standby_names") == "b", "the reload")
        ill = installation.is_given(DATABASE_URL=server.url("proaktiv_app")).ill("office")
    assert ill["durability"].says == "full_page_writes = off"
    assert ill["standby"].says == "none is connected"
    assert "no COMMIT returns" in ill["standby"].do


def shown(server: EmbeddedServer, setting: str) -> str:
    with server._superuser() as connection:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return str(row[0])


def test_production_refuses_the_embedded_server_and_wants_a_standby(installation: Installation) -> None:
    own = b64(os.urandom(32))
    installation.is_given(ENV="production", RELEASE_PUBLIC_KEY=own)
    assert "embedded PostgreSQL" in installation.ill("office")["server"].says
    url = installation.environment["PROAKTIV_DATABASE_URL"]
    installation.is_given(DATABASE_URL=f"{url}&options=-c%20proaktiv.embedded%3Doff")
    assert set(installation.ill("office")) == {"rules"}, "which a demonstration's key signed"
    assert "one disk" in installation.looks("office")["standby"].says


# keys -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KEKS)
def test_a_kek_that_does_not_open_the_stored_keys_is_named(installation: Installation, name: str) -> None:
    ill = installation.is_given(**{f"KEK_{name.upper()}": OTHER_KEY}).ill("work")
    assert set(ill) == {f"KEK-{name} of work"}
    assert f"PROAKTIV_KEK_{name.upper()}" in ill[f"KEK-{name} of work"].do
    assert OTHER_KEY not in f"{ill}"


def test_a_signing_key_of_another_log_is_named(installation: Installation) -> None:
    log_something(installation)
    assert installation.ill("sign") == {}, "the control"
    assert set(installation.is_given(SIGNING_KEY=OTHER_KEY).ill("sign")) == {"signing key"}


# the log --------------------------------------------------------------------------------------------------------------


def log_something(installation: Installation, *, signed: bool = True, since: str = "0 s") -> None:
    """Write an entry, and let it be signed."""
    installation.does(
        "WITH one AS (INSERT INTO flow_log (fid, kind, t, sender, receiver, purpose, basis, scope, outcome, f_salt,"
        f" f_bytes, entry) SELECT gen_random_uuid(), 1, now() - interval '{since}', '', '', '', '', '', '', '', '', ''"
        " RETURNING fid, t) INSERT INTO flow_queue (fid, leaf, ts) SELECT fid, sha256(fid::text::bytea), t FROM one"
    )
    if signed:
        installation.signer.close()
        installation.starts_to_sign()


@pytest.mark.parametrize("part", ["all", "sign", "work"])
def test_no_signing_worker_is_named(installation: Installation, part: str) -> None:
    installation.signer.close()
    ill = installation.ill(part)
    assert set(ill) == {"signing worker"}
    assert "work --sign --state DIR" in ill["signing worker"].do


def test_entries_that_wait_for_their_place_are_named_by_age(installation: Installation) -> None:
    log_something(installation, signed=False, since="2 min")
    assert "has no place in the log since 12" in installation.looks("work")["log queue"].says
    log_something(installation, signed=False, since="10 min")
    installation.does("DELETE FROM flow_queue WHERE ts > now() - interval '5 min'")
    assert "has no place in the log since 60" in installation.ill("work")["log queue"].says
    assert "leaves" not in installation.ill("work")["log queue"].says
    log_something(installation, signed=False, since="241 min")
    installation.does("DELETE FROM flow_queue WHERE ts > now() - interval '4 h'")
    assert "no letter, Auftrag or register question leaves" in installation.ill("work")["log queue"].says
    assert "longer" not in installation.is_given(LOG_LIMIT_HOURS="5").ill("work")["log queue"].says


def test_what_does_not_fit_in_the_log_is_counted(installation: Installation) -> None:
    assert "log findings" not in installation.looks("work"), "the control"
    log_something(installation)  # bytes that commit to nothing
    assert "1 facts_changed" in installation.looks("work")["log findings"].says
    assert "proaktiv log findings" in installation.looks("work")["log findings"].do


def test_a_memory_that_does_not_fit_the_database_is_named(installation: Installation, tmp_path: Path) -> None:
    log_something(installation)
    older = tmp_path / "older"
    shutil.copytree(installation.state, older)
    log_something(installation)
    assert installation.ill("sign") == {}, "the control"

    newer, installation.state = installation.state, older
    assert "is behind: it knows 1 entries, 2 were signed" in installation.ill("sign")["signer's memory"].says
    installation.state = tmp_path / "empty"
    installation.state.mkdir()
    assert "is empty, although 2 entries were signed" in installation.ill("sign")["signer's memory"].says
    installation.state = tmp_path / "nowhere"
    assert "is no folder" in installation.ill("sign")["signer's memory"].says

    installation.state = newer
    memory = newer / "last_signed"
    kept = memory.read_text()
    memory.write_text(kept.replace(ORIGIN, "another.example/1"))
    assert "is of the log another.example/1" in installation.ill("sign")["signer's memory"].says
    memory.write_bytes(b"\xff")
    assert "is unreadable" in installation.ill("sign")["signer's memory"].says
    memory.write_text(kept)
    installation.does("DELETE FROM checkpoint WHERE size = 2")
    installation.does("UPDATE log_head SET size = 1")
    assert "2 entries were signed, the database holds 1" in installation.ill("sign")["signer's memory"].says


def test_a_memory_that_nobody_looked_at_is_said(installation: Installation) -> None:
    done = proaktiv("doctor", "--part", "sign", settings=installation.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "! signer's memory" in done.stdout
    assert "add --state DIR" in done.stdout


def test_a_surface_that_knows_no_key_of_the_log_is_named(installation: Installation) -> None:
    log_something(installation)
    (right,) = signers_vkeys(installation.settings)
    assert installation.is_given(LOG_VKEY=right).ill("citizen") == {}, "the control"
    stranger = str(vkey_of(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"x" * 32)))
    ill = installation.is_given(LOG_VKEY=stranger).ill("citizen")
    assert set(ill) == {"keys of the log"}
    assert "/echt says so" in ill["keys of the log"].says
    assert set(installation.is_given(LOG_VKEY="no key").ill("citizen")) == {"settings citizen"}


# rules and partners ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "check", "told"),
    [
        ("DELETE FROM releases", "rules", "none are released"),
        ("UPDATE releases SET body = body || ' ' WHERE lebenslage = 'umzug'", "rules", "does not match its hash"),
        ("UPDATE releases SET author = 'somebody' WHERE lebenslage = 'geburt'", "rules", "does not verify"),
        ("DELETE FROM competences WHERE art = 'jugendamt'", "competences", "no Behörde for jugendamt"),
        ("UPDATE clients SET active = false", "clients", "no register may report"),
    ],
)
def test_rules_and_partners_that_are_not_there_are_named(
    installation: Installation, act: str, check: str, told: str
) -> None:
    installation.does(act)
    ill = installation.ill("citizen")
    assert told in ill[check].says


def test_rules_of_a_key_that_is_not_trusted_are_named(installation: Installation) -> None:
    ill = installation.is_given(RELEASE_PUBLIC_KEY=OTHER_KEY).ill("citizen")
    assert "signed with a key that is not trusted" in ill["rules"].says
    assert "PROAKTIV_RELEASE_PUBLIC_KEY" in ill["rules"].do


def test_a_register_that_rules_ask_and_nobody_knows_is_named(installation: Installation) -> None:
    known = json.loads(installation.environment["PROAKTIV_REGISTERS"])
    del known["STEUERAMT"]
    ill = installation.is_given(REGISTERS=json.dumps(known)).ill("work")
    assert ill["registers"].says == "the rules ask STEUERAMT"


# the ways out ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (answers(503), "answers 503"),
        (hangs_up, "ProtocolError"),
        (drips(b"HTTP/1.1 200 OK\r\n", b"X", 0.05), "ReadTimeout"),
        (stays_silent, "ReadTimeout"),
    ],
    ids=["busy", "hangs up", "drips", "silent"],
)
def test_a_register_and_a_behoerde_that_misbehave_are_named(
    installation: Installation, behave: Behave, told: str
) -> None:
    with serving(behave) as far:
        known = json.loads(installation.environment["PROAKTIV_REGISTERS"]) | {"MELDEREGISTER": far.url}
        installation.is_given(REGISTERS=json.dumps(known), OUTBOUND=json.dumps([far.host, installation.register.host]))
        installation.does(f"UPDATE behoerden SET endpoint = '{far.url}' WHERE id LIKE 'jugendamt%'")
        ill = installation.ill("work")
    assert set(ill) == {"register MELDEREGISTER", "Behörde jugendamt-musterstadt"}
    assert all(told in each.says for each in ill.values())


def test_a_far_side_that_is_away_or_may_not_be_called_is_named(installation: Installation) -> None:
    installation.does("UPDATE behoerden SET endpoint = 'https://10.0.0.1/x' WHERE id LIKE 'jugendamt%'")
    nobody = "http://127.0.0.1:9/there"
    installation.is_given(
        REGISTERS=json.dumps({"MELDEREGISTER": nobody, "STEUERAMT": nobody}),
        OUTBOUND=json.dumps(["127.0.0.1:9", installation.register.host]),
    )
    ill = installation.ill("work")
    assert "cannot be reached" in ill["register MELDEREGISTER"].says
    behoerde = ill["Behörde jugendamt-musterstadt"]
    assert "not on the list of hosts" in behoerde.says
    assert "PROAKTIV_OUTBOUND" in behoerde.do


def test_any_answer_but_one_of_a_broken_server_will_do(installation: Installation) -> None:
    for status, broken in ((404, False), (405, False), (401, False), (500, False), (502, True)):
        with serving(answers(status)) as far:
            installation.is_given(
                REGISTERS=json.dumps({"MELDEREGISTER": far.url, "STEUERAMT": far.url}),
                OUTBOUND=json.dumps([far.host, installation.register.host]),
            )
            assert ("register STEUERAMT" in installation.ill("work")) == broken
        assert far.heard[0].startswith(b"HEAD /there/nachschlagen "), "nothing is asked of them"


def test_a_path_that_is_not_there_is_to_be_looked_at(installation: Installation) -> None:
    with serving(answers(404)) as far:
        known = json.loads(installation.environment["PROAKTIV_REGISTERS"]) | {"MELDEREGISTER": far.url}
        installation.is_given(REGISTERS=json.dumps(known), OUTBOUND=json.dumps([far.host, installation.register.host]))
        found = installation.looks("work")["register MELDEREGISTER"]
    assert (found.says, "path" in found.do) == ("answers 404", True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 KiB. Only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(folder)], check=False)
    if made.returncode != 0:
        pytest.skip("a small disk needs the right to mount one")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_room_for_letters_is_named(installation: Installation, small_disk: Path) -> None:
    installation.is_given(LETTERS_DIR=str(small_disk))
    assert "MiB are free" in installation.looks("work")["letters"].says
    (small_disk / "old").write_bytes(bytes(100 * 1024))
    ill = installation.ill("work")
    assert set(ill) == {"letters"}
    assert "make room" in ill["letters"].do
    assert list(small_disk.iterdir()) == [small_disk / "old"], "the sample is taken away again"


def test_a_watched_folder_without_room_is_named(installation: Installation, small_disk: Path) -> None:
    installation.is_given(FOLDERS=json.dumps({"standesamt": str(small_disk)}))
    assert "MiB are free" in installation.looks("work")["folder standesamt"].says
    with (small_disk / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, shutil.disk_usage(small_disk).free)
    ill = installation.ill("work")
    assert set(ill) == {"folder standesamt"}
    assert "make room" in ill["folder standesamt"].do
    assert list(small_disk.iterdir()) == [small_disk / "ballast"]


def test_a_folder_for_letters_that_is_not_there_is_named(installation: Installation, tmp_path: Path) -> None:
    ill = installation.is_given(LETTERS_DIR=str(tmp_path / "nowhere")).ill("work")
    assert set(ill) == {"letters", "settings work"}


LETTERHEAD = {
    "LETTERS_FORMAT": "pdf",
    "LETTERHEAD_ADDRESS": '["Stadt Musterstadt", "Musterplatz 1", "00001 Musterstadt"]',
    "LETTERHEAD_CONTACT": '[["Telefon", "0000 115"]]',
    "LETTERHEAD_ENTRY": "https://musterstadt.example/b",
}
MAIL = {
    "MAIL_TLS": "none",
    "MAIL_HELLO": "proaktiv.musterstadt.example",
    "MAIL_SENDER": "post@musterstadt.example",
    "MAIL_PAGE": "https://musterstadt.example/b",
}


def test_a_specimen_letter_is_set_and_kept_nowhere(installation: Installation, tmp_path: Path) -> None:
    installation.is_given(**LETTERHEAD)
    before = sorted(tmp_path.rglob("*.pdf"))
    assert {each.check: each for each in installation.findings("work")}["a specimen letter"].level is Level.FINE
    assert sorted(tmp_path.rglob("*.pdf")) == before == []


def test_a_letterhead_that_no_letter_fits_under_is_named(installation: Installation) -> None:
    installation.is_given(**LETTERHEAD)
    ill = installation.is_given(LETTERHEAD_ADDRESS=f'["Stadt", "{"lang " * 60}"]').ill("work")
    assert set(ill) == {"a specimen letter"}
    assert "window" in ill["a specimen letter"].says


def test_a_relay_that_answers_is_well_and_gets_no_mail(installation: Installation) -> None:
    with real_server(Post()) as post:
        installation.is_given(**MAIL, MAIL_HOST="127.0.0.1", MAIL_PORT=str(post.port))
        assert {each.check: each for each in installation.findings("work")}["mail relay"].level is Level.FINE
    assert post.taken == []
    assert set(installation.ill("work")) == {"mail relay"}


# the work -------------------------------------------------------------------------------------------------------------


def test_no_worker_is_named(installation: Installation) -> None:
    installation.worker.close()
    assert set(installation.ill("work")) == {"workers"}


def test_what_is_overdue_and_what_waits_for_a_human_is_counted(installation: Installation) -> None:
    installation.does(
        "INSERT INTO bundles (id, event, case_key, lebenslage, person, state, messages, due_at, made_at) SELECT"
        " gen_random_uuid(), gen_random_uuid(), 'x', 'geburt', gen_random_uuid(), 'open', 0, now() - interval '7 min',"
        " now()"
    )
    installation.does(
        "INSERT INTO tasks (id, what, behoerde, how, made_at)"
        " VALUES (gen_random_uuid(), 'register.silent', '', '', now())"
    )
    installation.does(
        "INSERT INTO incidents (id, what, at) VALUES (gen_random_uuid(), 'event.broken', now()),"
        " (gen_random_uuid(), 'event.broken', now() - interval '8 days')"
    )
    looks = installation.looks("work")
    assert looks["backlog"].says == "overdue: 1 bundles since 7 min"
    assert looks["tasks"].says == "1 open: register.silent 1"
    assert looks["incidents"].says == "1 in 7 days: event.broken 1"
    assert installation.ill("work") == {}


# the command ----------------------------------------------------------------------------------------------------------


def test_the_command_ends_with_0_where_all_is_well_and_1_where_something_is_not(installation: Installation) -> None:
    words = ("doctor", "--state", str(installation.state))
    done = proaktiv(*words, settings=installation.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("0 broken, 0 to look at, ")
    secrets = [value for name, value in installation.environment.items() if name.endswith("_KEY")]
    assert not any(secret in done.stdout for secret in secrets)

    installation.worker.close()
    done = proaktiv(*words, "--json", settings=installation.environment)
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert {"check": "workers", "level": "broken", "says": "none is alive", "do": "start proaktiv work"} in told[
        "findings"
    ]


def test_the_doctor_changes_nothing(installation: Installation, urls: dict[str, str]) -> None:
    def everything() -> list[str]:
        database = Database(urls["owner"], pool_size=1)
        with database.transaction() as session:
            connection = session.connection()
            tables = connection.execute(
                text("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables ORDER BY 1")
            ).all()
            rows = [
                f"{name} {connection.execute(text(f'SELECT count(*), max(xmin::text) FROM {name}')).one()}"
                for name, _ in tables
            ]
        database.close()
        return rows

    before = everything()
    installation.findings()
    assert len(before) > 30
    assert everything() == before
