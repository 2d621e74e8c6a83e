"""A real browser before the real site: headless Chromium, JavaScript off, over a socket of this machine.

Needs Debian's ``chromium`` (or a path in ``CHROMIUM``); without it the tests are skipped and say so.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.world import World

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NARROW, WIDE = {"width": 320, "height": 800}, {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the whole session."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an application on a free port of the loopback, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def world(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    city = World(urls, tmp_path).found()
    yield city
    city.close()


@pytest.fixture
def site(world: World) -> Iterator[str]:
    """The citizen's site of the world, and where it is."""
    look = Look("Stadt Musterstadt", address="musterstadt.example", account=False)
    with served(make_site(world.pipeline, look, secure_cookies=False)) as address:
        yield address


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """A page in a browser that has never been here: German, JavaScript off."""
    context = chromium.new_context(base_url=site, java_script_enabled=False, locale="de-DE", viewport=WIDE)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()
