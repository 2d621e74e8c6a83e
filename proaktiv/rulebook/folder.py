"""Where the rules lie: inside the installed package, or beside it in a checkout."""

from pathlib import Path

from proaktiv.core.errors import NotFound

_PACKAGE = Path(__file__).resolve().parents[1]


def rules_folder() -> Path:
    """Return the folder with ``_katalog`` and the Lebenslagen. Raises ``NotFound`` naming where it was looked for."""
    places = (_PACKAGE / "_data" / "rules", _PACKAGE.parent / "rules")
    for place in places:
        if (place / "_katalog").is_dir():
            return place
    raise NotFound(f"no rules folder; looked for {' and '.join(str(place) for place in places)}")
