"""The log's public face: no name, no cookie, and caches may keep it."""

import pytest
from fastapi import FastAPI

from proaktiv.core.merkle import leaf_hash
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.web.conftest import a_parent, ask
from tests.world import World


@pytest.fixture
def site(world: World) -> FastAPI:
    return make_site(world.pipeline, Look(house="Stadt Musterstadt", demonstration=True), secure_cookies=False)


def test_the_log_is_there_for_everybody(site: FastAPI, world: World) -> None:
    (early,) = ask(site, ("GET", "/log/checkpoint"))
    assert early.status_code == 404
    a_parent(world)
    size = world.check_log()
    checkpoint, tile, bundle, least = ask(
        site,
        ("GET", "/log/checkpoint"),
        ("GET", f"/log/tile/0/000.p/{size}"),
        ("GET", f"/log/tile/entries/000.p/{size}"),
        ("GET", "/log/minimum-index"),
    )
    assert (checkpoint.status_code, checkpoint.text.splitlines()[1]) == (200, str(size))
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "public, max-age=2"
    assert leaf_hash(bundle.content[2:117]) == tile.content[:32]
    for file in (tile, bundle):
        assert file.headers["content-type"] == "application/octet-stream"
        assert file.headers["cache-control"] == "public, max-age=86400"
        assert "set-cookie" not in file.headers
    assert least.text == "0\n"


@pytest.mark.parametrize(
    "path", ["/log/", "/log/tile/0/000", "/log/tile/entries/000", "/log/tile/0/%2e%2e/000", "/log/state.json"]
)
def test_nothing_else_is(site: FastAPI, world: World, path: str) -> None:
    world.check_log()
    (answer,) = ask(site, ("GET", path))
    assert answer.status_code == 404
