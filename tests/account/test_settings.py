"""The provider as an operator sets it: half a configuration refuses to start, and the doctor asks it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proaktiv.core.trust import Trust
from proaktiv.doctor.examination import Examination
from proaktiv.doctor.findings import Finding, Level
from proaktiv.entrances import account_client
from proaktiv.needs import refusals
from tests.identity.double import Double, running
from tests.settings_of import everything, settings_of

URLS = dict.fromkeys(("app", "sequencer", "owner", "reader"), "postgresql+psycopg://proaktiv_app@127.0.0.1/none")
Given = dict[str, str]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def whole(tmp_path: Path, secret: Path) -> Given:
    """Settings with which the citizens' pages start."""
    return everything(URLS, tmp_path) | {
        "PROAKTIV_ACCOUNT_PAGE": "https://stadt.example",
        "PROAKTIV_ACCOUNT_ISSUER": "https://konto.example/realm",
        "PROAKTIV_ACCOUNT_CLIENT_ID": "stadt",
        "PROAKTIV_ACCOUNT_SECRET_FILE": str(secret),
        "PROAKTIV_OUTBOUND": '["konto.example"]',
    }


def said(given: Given, **changed: str) -> list[str]:
    new = {f"PROAKTIV_{name}": value for name, value in changed.items()}
    return list(refusals(settings_of(given | new), "citizen"))


def test_a_whole_provider_starts_and_so_does_none(whole: Given) -> None:
    assert said(whole) == []
    client = account_client(settings_of(whole))
    assert client is not None
    assert (client.client_secret, client.redirect) == ("s3cret", "https://stadt.example/konto/zurueck")
    assert (client.trust, client.max_age_seconds) == (Trust.V2, 900)
    assert "s3cret" not in repr(client)
    none = dict.fromkeys(("ACCOUNT_ISSUER", "ACCOUNT_CLIENT_ID", "ACCOUNT_SECRET_FILE"), "")
    assert said(whole, **none) == []
    assert account_client(settings_of({})) is None


def test_the_operators_levels_stand_in_the_place_of_ours(whole: Given) -> None:
    client = account_client(settings_of(whole | {"PROAKTIV_ACCOUNT_LEVELS": '{"urn:stark": 3, "urn:mittel": 2}'}))
    assert client is not None
    assert dict(client.levels) == {"urn:stark": Trust.V3, "urn:mittel": Trust.V2}
    assert client.acr_values == "urn:stark urn:mittel"


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"ACCOUNT_CLIENT_ID": ""}, "PROAKTIV_ACCOUNT_CLIENT_ID", "or none of them"),
    ({"ACCOUNT_SECRET_FILE": "", "ACCOUNT_PAGE": ""}, "PROAKTIV_ACCOUNT_SECRET_FILE, PROAKTIV_ACCOUNT_PAGE", "set"),
    ({"ACCOUNT_ISSUER": "konto.example"}, "PROAKTIV_ACCOUNT_ISSUER", "https://host/path"),
    ({"ACCOUNT_ISSUER": "http://konto.example"}, "PROAKTIV_ACCOUNT_ISSUER", "take https"),
    ({"OUTBOUND": "[]"}, "PROAKTIV_ACCOUNT_ISSUER", "add konto.example there"),
    ({"ACCOUNT_PAGE": "https://stadt.example/"}, "PROAKTIV_ACCOUNT_PAGE", "without a slash"),
    ({"ACCOUNT_PAGE": "stadt.example"}, "PROAKTIV_ACCOUNT_PAGE", "https://host"),
    ({"ACCOUNT_LEVELS": '{"a": 1}'}, "PROAKTIV_ACCOUNT_SECRET_FILE and _LEVELS", "no acr"),
    ({"ACCOUNT_SECRET_FILE": "/nowhere/secret"}, "PROAKTIV_ACCOUNT_SECRET_FILE", "cannot be read"),
    (
        {"ENV": "production", "RELEASE_PUBLIC_KEY": "A" * 43 + "=", "ACCOUNT_PAGE": "http://stadt.example"},
        "PROAKTIV_ACCOUNT_PAGE",
        "https",
    ),
]


@pytest.mark.parametrize(("changed", "names", "remedy"), WRONG, ids=[str(each[0])[:50] for each in WRONG])
def test_a_wrong_provider_refuses_in_one_line_with_its_remedy(
    whole: Given, changed: dict[str, str], names: str, remedy: str
) -> None:
    if "RELEASE_PUBLIC_KEY" in changed:
        changed = changed | {"RELEASE_PUBLIC_KEY": whole["PROAKTIV_SIGNING_KEY"]}
    lines = said(whole, **changed)
    line = next(each for each in lines if names in each)
    assert remedy in line
    assert "\n" not in line
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (lambda path: path.chmod(0o644), "chmod"),
        (lambda path: path.write_text(""), "holds no secret"),
        (lambda path: path.write_text("two\nlines"), "holds no secret"),
        (lambda path: path.write_bytes(b"\xff"), "holds no secret"),
        (lambda path: path.write_text("x" * 5000), "holds no secret"),
    ],
)
def test_a_file_that_is_no_secret_is_refused(
    whole: Given, secret: Path, spoil: Callable[[Path], Any], remedy: str
) -> None:
    spoil(secret)
    (line,) = said(whole)
    assert remedy in line


@pytest.mark.parametrize("setting", ['{"a": 4}', '{"a": "x"}', "[]", "{"])
def test_levels_that_are_none_cannot_be_read(whole: Given, setting: str) -> None:
    with pytest.raises(ValueError, match="account_levels"):
        settings_of(whole | {"PROAKTIV_ACCOUNT_LEVELS": setting})


def test_the_doctor_asks_both_providers_what_they_say_of_themselves(whole: Given) -> None:
    def examined(given: Given) -> dict[str, Finding]:
        seen = Examination(settings_of(given), (), wall=lambda: datetime.now(UTC), monotonic=time.monotonic)
        return {each.check: each for each in seen.of("citizen")}

    with running(Double(lambda: 0.0)) as double:
        host = double.issuer.removeprefix("http://")
        given = whole | {"PROAKTIV_ACCOUNT_ISSUER": double.issuer, "PROAKTIV_OUTBOUND": f'["{host}"]'}
        assert examined(given)["log-in of citizens"].level is Level.FINE
        double.metadata = {"issuer": "https://other.example"}
        assert examined(given)["log-in of citizens"].level is Level.BROKEN
    away = examined(given)["log-in of citizens"]
    assert (away.level, bool(away.do)) == (Level.BROKEN, True)
    none = {f"PROAKTIV_ACCOUNT_{name}": "" for name in ("ISSUER", "CLIENT_ID", "SECRET_FILE")}
    assert "log-in of citizens" not in examined(given | none)
