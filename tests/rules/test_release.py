"""Releases: signed, once, four eyes; read back only if untouched. On PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session
from typer.testing import CliRunner

from consent.store import activities
from proaktiv.core.errors import NotSafe
from proaktiv.core.lebenslagen import Lebenslage
from proaktiv.database import Database
from proaktiv.rulebook import released
from proaktiv.rulebook.check import check
from proaktiv.rulebook.commands import make_app
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.release import Release, ReleaseRefused, demo_key, release
from proaktiv.tables import ReleaseRow, core_table

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RELEASES = core_table(ReleaseRow)


@pytest.fixture
def owner(urls: dict[str, str]) -> Iterator[Database]:
    opened = Database(urls["owner"])
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(rules_folder(), tmp_path / "rules")
    return tmp_path / "rules"


def release_it(
    owner: Database,
    folder: Path,
    *,
    author: str = "A. Muster",
    reviewer: str = "B. Beispiel",
    demo: bool = True,
    key: Ed25519PrivateKey | None = None,
    now: datetime = NOW,
    only: tuple[str, ...] = (),
) -> tuple[Release, ...]:
    with owner.transaction() as session:
        return release(
            session, folder, author=author, reviewer=reviewer, demo=demo, key=key or demo_key(), now=now, only=only
        )


def replace_in(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def rows(session: Session) -> int:
    return session.connection().execute(select(func.count()).select_from(RELEASES)).scalar_one()


def test_what_was_released_is_what_the_processes_read(owner: Database, database: Database, folder: Path) -> None:
    done = release_it(owner, folder)
    assert [(one.lebenslage, one.version, one.fresh) for one in done] == [
        ("anmeldung", 1, True),
        ("erreichbarkeit", 1, True),
        ("geburt", 1, True),
        ("konto", 1, True),
        ("umzug", 1, True),
    ]
    with database.transaction() as session:
        rules = released.load(session)
    compiled = {one.name: one.lebenslage for one in check(folder)[0]}
    for name, lebenslage in rules.lebenslagen.items():
        source = compiled[name]
        assert source is not None
        assert lebenslage == replace(source, version=1)
        assert [plan.hash for plan in lebenslage.plans] == [plan.hash for plan in source.plans]


def test_every_flow_becomes_an_activity(owner: Database, database: Database, folder: Path) -> None:
    release_it(owner, folder)
    with database.transaction() as session:
        found = activities(session.connection())
        rules = released.load(session)
    flows = {fluss.name: fluss for one in rules.lebenslagen.values() for fluss in one.fluesse}
    assert set(found) == set(flows)
    for name, activity in found.items():
        fluss = flows[name]
        assert (activity.version, activity.controller, activity.dsb_approved_at) == (1, "musterstadt", NOW)
        assert (activity.fields, activity.recipient) == (fluss.felder, fluss.empfaenger)
        assert (activity.basis, activity.norm) == (fluss.grundlage, fluss.rechtsgrundlage)
        assert activity.consent_required == fluss.einwilligung


def test_the_same_again_changes_nothing(owner: Database, folder: Path) -> None:
    first = release_it(owner, folder)
    second = release_it(owner, folder, now=NOW + timedelta(days=1))
    assert second == tuple(replace(one, fresh=False) for one in first)
    with owner.transaction() as session:
        assert rows(session) == 5


def test_a_changed_flow_is_a_new_version_and_the_others_stay(owner: Database, folder: Path) -> None:
    release_it(owner, folder)
    replace_in(folder, "umzug/lebenslage.yaml", "zweck: Erfahren, dass Sie umgezogen sind", "zweck: Vom Umzug erfahren")
    done = release_it(owner, folder, now=NOW + timedelta(days=1))
    assert [(one.lebenslage, one.version) for one in done] == [
        ("anmeldung", 1),
        ("erreichbarkeit", 1),
        ("geburt", 1),
        ("konto", 1),
        ("umzug", 2),
    ]
    with owner.transaction() as session:
        versions = {name: activity.version for name, activity in activities(session.connection()).items()}
        assert released.load(session).lebenslagen["umzug"].version == 2
    assert {name for name, version in versions.items() if version == 2} == {"umzug/watch"}


def test_a_flow_that_is_gone_permits_nothing_more(owner: Database, folder: Path) -> None:
    release_it(owner, folder)
    shutil.rmtree(folder / "umzug" / "leistungen")
    shutil.rmtree(folder / "umzug" / "faelle")
    text = (folder / "umzug" / "lebenslage.yaml").read_text("utf-8")
    (folder / "umzug" / "lebenslage.yaml").write_text(text[: text.index("  - fluss: transmit")], "utf-8")
    for language in ("de", "en", "ls"):
        path = folder / "umzug" / "texte" / f"{language}.yaml"
        path.write_text(path.read_text("utf-8").partition("HUNDESTEUER:")[0], "utf-8")
    release_it(owner, folder)
    with owner.transaction() as session:
        gone = activities(session.connection())["umzug/transmit/HUNDESTEUER"]
    assert (gone.version, gone.retired) == (2, True)
    release_it(owner, folder)
    with owner.transaction() as session:
        assert activities(session.connection())["umzug/transmit/HUNDESTEUER"].version == 2


def test_only_the_named_lebenslage_is_released(owner: Database, folder: Path) -> None:
    assert [one.lebenslage for one in release_it(owner, folder, only=("umzug",))] == ["umzug"]


@pytest.mark.parametrize(
    ("author", "reviewer", "said"),
    [
        ("A. Muster", "A. Muster", "two people"),
        ("A. Muster", " a. muster ", "two people"),
        ("A. Muster", "", "needs an author and a reviewer"),
        ("  ", "B. Beispiel", "needs an author and a reviewer"),
    ],
)
def test_two_people_stand_behind_a_release(
    owner: Database, folder: Path, author: str, reviewer: str, said: str
) -> None:
    with pytest.raises(ReleaseRefused, match=said):
        release_it(owner, folder, author=author, reviewer=reviewer)


def test_rules_with_a_mistake_are_not_released(owner: Database, folder: Path) -> None:
    replace_in(folder, "umzug/leistungen/hundesteuer.yaml", "form: formlos", "form: egal")
    with pytest.raises(ReleaseRefused, match=r"umzug/leistungen/hundesteuer\.yaml:\d+:7: 'egal' is not allowed here"):
        release_it(owner, folder)
    with owner.transaction() as session:
        assert rows(session) == 0


def test_rules_with_a_failing_case_are_not_released(owner: Database, folder: Path) -> None:
    replace_in(folder, "umzug/faelle/hundesteuer.yaml", "name: Normalfall, erwartet: ja", "name: X, erwartet: nein")
    with pytest.raises(ReleaseRefused, match="X: erwartet nein, ist ja"):
        release_it(owner, folder)


def test_rules_without_a_case_are_not_released(owner: Database, folder: Path) -> None:
    shutil.rmtree(folder / "umzug" / "faelle")
    with pytest.raises(ReleaseRefused, match="HUNDESTEUER has no case"):
        release_it(owner, folder)


def test_an_unknown_lebenslage_is_not_released(owner: Database, folder: Path) -> None:
    with pytest.raises(ReleaseRefused, match="no Lebenslage heirat"):
        release_it(owner, folder, only=("heirat",))


def test_drafts_are_released_only_as_a_demonstration(owner: Database, folder: Path) -> None:
    with pytest.raises(ReleaseRefused, match="geburt/KITA-PLATZ is a draft"):
        release_it(owner, folder, demo=False)


def test_what_was_checked_long_ago_is_not_released(owner: Database, folder: Path) -> None:
    for path in folder.rglob("*.yaml"):
        path.write_text(path.read_text("utf-8").replace("status: entwurf", "status: in_kraft"), "utf-8")
    with pytest.raises(ReleaseRefused, match="umzug/HUNDESTEUER was checked only until 2027-04-30"):
        release_it(owner, folder, demo=False, now=datetime(2027, 5, 2, tzinfo=UTC))
    own = Ed25519PrivateKey.generate()
    assert len(release_it(owner, folder, demo=False, key=own)) == 5
    with owner.transaction() as session:
        released.load(session, trusted={own.public_key().public_bytes_raw()}, allow_demo=False)


def test_a_demonstration_can_become_real(owner: Database, folder: Path) -> None:
    for path in folder.rglob("*.yaml"):
        path.write_text(path.read_text("utf-8").replace("status: entwurf", "status: in_kraft"), "utf-8")
    release_it(owner, folder)
    done = release_it(owner, folder, demo=False, key=Ed25519PrivateKey.generate())
    assert {one.version for one in done} == {2}
    with owner.transaction() as session:
        released.load(session, allow_demo=False)
        assert {activity.version for activity in activities(session.connection()).values()} == {2}


def test_production_does_not_read_a_demonstrations_rules(owner: Database, folder: Path) -> None:
    release_it(owner, folder)
    with owner.transaction() as session, pytest.raises(NotSafe, match="anmeldung@1 is a demonstration's"):
        released.load(session, allow_demo=False)


def test_a_key_that_is_not_trusted_is_refused(owner: Database, folder: Path) -> None:
    release_it(owner, folder)
    with owner.transaction() as session, pytest.raises(NotSafe, match="not trusted"):
        released.load(session, trusted={b"\x00" * 32})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"body": func.replace(RELEASES.c.body, '"ist"', '"ab"')}, "does not match its hash"),
        ({"content_hash": "0" * 64}, "does not match its hash"),
        ({"reviewer": "C. Fremd"}, "signature does not verify"),
        ({"author": "C. Fremd"}, "signature does not verify"),
        ({"demo": False}, "signature does not verify"),
        ({"version": 9}, "signature does not verify"),
        ({"signature": b"\x01" * 96}, "signature does not verify"),
        ({"signature": b""}, "signature does not verify"),
        ({"lebenslage": "heirat"}, "signature does not verify"),
    ],
)
def test_a_changed_row_is_never_believed(owner: Database, folder: Path, change: dict[str, object], said: str) -> None:
    release_it(owner, folder)
    with owner.transaction() as session:
        session.connection().execute(update(RELEASES).where(RELEASES.c.lebenslage == "umzug").values(**change))
    with owner.transaction() as session, pytest.raises(NotSafe, match=said):
        released.load(session)


def test_control_the_untouched_rows_are_believed(owner: Database, folder: Path) -> None:
    release_it(owner, folder)
    with owner.transaction() as session:
        assert set(released.load(session).lebenslagen) == {"anmeldung", "erreichbarkeit", "geburt", "konto", "umzug"}


def test_a_form_that_this_program_cannot_read_is_said_so(owner: Database, folder: Path) -> None:
    from hashlib import sha256  # only here

    from proaktiv.rulebook.release import signed_bytes

    release_it(owner, folder)
    body, key = '{"alt":1}', demo_key()
    digest = sha256(body.encode()).hexdigest()
    message = signed_bytes("umzug", 1, digest, "A. Muster", "B. Beispiel", demo=True)
    values = {
        "body": body,
        "content_hash": digest,
        "signature": key.public_key().public_bytes_raw() + key.sign(message),
    }
    with owner.transaction() as session:
        session.connection().execute(update(RELEASES).where(RELEASES.c.lebenslage == "umzug").values(**values))
    with owner.transaction() as session, pytest.raises(NotSafe, match="release it anew"):
        released.load(session)


def test_without_releases_there_are_no_rules(database: Database) -> None:
    with database.transaction() as session:
        assert released.load(session).lebenslagen == {}


def test_the_application_cannot_release_or_change_rules(owner: Database, database: Database, folder: Path) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        release_it(database, folder)
    release_it(owner, folder)
    with pytest.raises(ProgrammingError, match="permission denied"), database.transaction() as session:
        session.connection().execute(delete(RELEASES))


def test_the_command_releases_with_a_key_of_ones_own(owner: Database, folder: Path, tmp_path: Path) -> None:
    @contextmanager
    def opened() -> Iterator[Session]:
        with owner.transaction() as session:
            yield session

    app = make_app(opened, "test")
    words = ["release", "--author", "A. Muster", "--reviewer", "B. Beispiel", "--folder", str(folder)]
    done = CliRunner().invoke(app, [*words, "--demo", "--only", "umzug"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("umzug@1 ")
    assert done.output.rstrip().endswith("new")
    assert CliRunner().invoke(app, [*words, "--demo", "--only", "umzug"]).output.rstrip().endswith("unchanged")
    path = tmp_path / "key.pem"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    refused = CliRunner().invoke(app, [*words, "--key", str(path)])
    assert refused.exit_code == 1
    assert "is a draft" in refused.output
    path.write_text("kein Schlüssel", "utf-8")
    assert "holds no private key" in CliRunner().invoke(app, [*words, "--key", str(path)]).output


def test_what_values_a_register_may_give_is_released_and_older_releases_name_none(
    owner: Database, folder: Path
) -> None:
    release_it(owner, folder)
    with owner.transaction() as session:
        rules = released.load(session)
    forms = rules.forms(["kind.im_haushalt", "person.hund_marke", "kind.vornamen"])
    assert {name: form.typ for name, form in forms.items()} == {
        "kind.im_haushalt": "janein",
        "person.hund_marke": "text",
    }
    before = rules.lebenslagen["geburt"].to_json()
    del before["formen"]
    assert Lebenslage.from_json(before, 1).formen == {}
    assert "formen" not in Lebenslage.from_json(before, 1).to_json(), (
        "the bytes of an older release stay what they were"
    )
