"""The leaves of the citizen's forms: a name, a day, a digest, the key of a Leistung or an activity.

Each takes what its OpenAPI schema says and nothing else. Left to others: the forms (``web.bodies``).
"""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints

from proaktiv.core.birthdays import PATTERN

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_written(value: Any) -> Any:
    """Refuse what a date library would read as one, too: seconds since 1970, a time of day."""
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a date written YYYY-MM-DD")
    return value


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")
]
Day = Annotated[date, BeforeValidator(_as_written)]
Birthday = Annotated[str, StringConstraints(pattern=PATTERN)]
"""As text: a 29 February in the wrong year is no form, but nobody's birth date."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Leistung = Annotated[str, StringConstraints(max_length=160, pattern=r"^[A-Za-z0-9/_-]+$")]
