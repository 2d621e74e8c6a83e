"""The README's pictures. ``make screens`` writes them anew; otherwise only that they can be taken is tested."""

import os
from pathlib import Path

from playwright.sync_api import Page

from proaktiv.core.trust import Trust
from tests.browser.conftest import enters, proven, signs_up
from tests.builders import Somebody, a_birth
from tests.world import World, code_in


def take(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=str(folder / f"{name}.png"), full_page=True)
    assert (folder / f"{name}.png").stat().st_size > 5_000


def test_pictures_of_what_people_see(world: World, page: Page, anna: Somebody, site: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1000, "height": 700})
    page.goto("/")
    take(page, folder, "home")
    signs_up(page, world, anna)
    world.announce(a_birth(anna))
    world.tick()
    enters(page, code_in(world.letters_to(anna)[-1]), anna)
    take(page, folder, "overview")
    page.click("main >> text=Geburtsurkunde")
    take(page, folder, "proposal")
    proven(world, page, site, anna, Trust.V2)
    page.goto("/meine-daten")
    take(page, folder, "timeline")
