"""``proaktiv staff`` as an operator types it."""

import json
from pathlib import Path

import pytest

from tests.processes import proaktiv, refused
from tests.settings_of import everything
from tests.world import World


@pytest.fixture
def given(urls: dict[str, str], tmp_path: Path) -> dict[str, str]:
    World(urls, tmp_path).found().close()
    return everything(urls, tmp_path) | {"PROAKTIV_OFFICE_PAGE": "http://127.0.0.1:1"}


def test_somebody_is_entered_listed_let_in_and_ended(given: dict[str, str]) -> None:
    added = proaktiv("staff", "add", "k.neu", "--role", "clerk", "--behoerde", "standesamt-musterstadt", settings=given)
    assert (added.returncode, "proaktiv staff link k.neu" in added.stdout) == (0, True)
    (listed,) = json.loads(proaktiv("staff", "list", "--json", settings=given).stdout)
    assert (listed["name"], listed["role"], listed["ended_at"]) == ("k.neu", "clerk", "")
    link = proaktiv("staff", "link", "k.neu", settings=given).stdout.strip()
    assert link.startswith("http://127.0.0.1:1/einlass?schein=")
    assert "two roles" in refused(proaktiv("staff", "add", "k.neu", "--role", "dsb", settings=given))
    assert proaktiv("staff", "end", "k.neu", settings=given).returncode == 0
    assert "ended" in proaktiv("staff", "list", settings=given).stdout


def test_production_makes_no_link_and_tells_where_to_log_in(given: dict[str, str]) -> None:
    production = given | {"PROAKTIV_ENV": "production", "PROAKTIV_OIDC_ISSUER": "https://login.example"}
    added = proaktiv("staff", "add", "d.neu", "--role", "dsb", "--subject", "s-9", settings=production)
    assert "logs in at the provider" in added.stdout
    assert "refused in production" in refused(proaktiv("staff", "link", "d.neu", settings=production))
