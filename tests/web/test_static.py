"""What is served as it lies there: vendored styles and fonts, and that they fit our templates."""

import json
import re
import zlib
from hashlib import sha256
from pathlib import Path

from proaktiv import web

STATIC = Path(web.__file__).parent / "static"
TEMPLATES = Path(web.__file__).parent / "templates"
_CLASS = re.compile(r"kern-[a-z0-9_-]*[a-z0-9]")


def used() -> set[str]:
    """The classes of KERN in the templates, but for those whose end is put together."""
    found: set[str] = set()
    for template in TEMPLATES.glob("**/*.html"):
        for attribute in re.findall(r'class="([^"]*)"', template.read_text()):
            plain = re.sub(r"\S*\{\{.*?\}\}\S*|\{%.*?%\}", " ", attribute)
            found |= {word for word in plain.split() if _CLASS.fullmatch(word)}
    return found


def test_vendored_files_are_what_the_recipe_made() -> None:
    for name, made in json.loads((STATIC / "licences" / "VENDOR.json").read_text()).items():
        assert sha256((STATIC / name).read_bytes()).hexdigest() == made["sha256"], name


def test_each_class_of_a_template_is_in_the_vendored_styles() -> None:
    styles = (STATIC / "kern.css").read_text() + (STATIC / "own.css").read_text()
    lacking = sorted(word for word in used() if f".{word}" not in styles)
    # Without a style of its own in KERN 2.7.2, but named there as part of the markup.
    assert lacking == [], "run .ci/vendor-kern"


def test_a_first_visit_stays_below_sixty_kibibytes_of_styles_and_fonts_when_compressed() -> None:
    styles = sum(len(zlib.compress((STATIC / name).read_bytes(), 9)) for name in ("kern.css", "own.css"))
    fonts = sum((STATIC / name).stat().st_size for name in ("FiraSans-Regular.woff2", "FiraSans-SemiBold.woff2"))
    assert styles + fonts < 60 * 1024


def test_no_page_asks_another_house_for_anything() -> None:
    for file in (*TEMPLATES.glob("**/*.html"), STATIC / "own.css"):
        assert not re.search(r"(src|href|url\()=?[\"'(]?(https?:)?//", file.read_text()), file.name


SCRIPTS = {"code.html": "<script src=\"{{ static['code.js'] }}\" defer></script>"}
"""The pages that have a script, each a file of ours; without it they work as well."""


def test_there_is_no_script_in_any_page_but_one_small_file_of_ours() -> None:
    assert (STATIC / "code.js").stat().st_size <= 2048
    for template in TEMPLATES.glob("**/*.html"):
        text = template.read_text().lower().replace(SCRIPTS.get(template.name, " "), "")
        assert "<script" not in text, template.name
        assert not re.search(r"\son[a-z]+=|javascript:|style=", text), template.name
