"""Where the test data of others lies, and what becomes of a test where it does not."""

import os
from pathlib import Path

import pytest

VECTORS = Path(os.environ.get("PROAKTIV_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")


def needs(folder: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a module that tests against the data in one folder."""
    there = (VECTORS / folder).is_dir()
    return [
        pytest.mark.conformance,
        pytest.mark.skipif(not there, reason=f"no test vectors at {VECTORS / folder}"),
    ]
