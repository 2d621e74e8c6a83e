"""Who asks at ``/dsb``: one of the DSB's office, by the session of the office's pages.

Left to others: the operations (``web.dsb``, ``web.decisions``), who that is (``steps.admit``).
"""

from typing import Annotated

from fastapi import Depends, Header, Security
from fastapi.security import APIKeyCookie
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from proaktiv.acts.oversight import OversightActs
from proaktiv.core.errors import BadInput
from proaktiv.core.sought import INCOMPLETE, MUST_BE, Incomplete, number
from proaktiv.core.staff import StaffProof
from proaktiv.steps.inspection import REASON_MAX, REASON_MIN
from proaktiv.web.door import HOST
from proaktiv.web.staff.visitor import SESSION


def _number(typed: str) -> str:
    """Refuse a name before anything is asked or logged; what was typed stands in no error."""
    try:
        return number(typed, "who")
    except BadInput as wrong:
        said = INCOMPLETE if isinstance(wrong, Incomplete) else MUST_BE
        raise PydanticCustomError("no_number", said) from None


Who = Annotated[
    str,
    StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$"),
    AfterValidator(_number),
    Field(description="An Auftrag's number (A-XXXXX-XXXXX) or a register's key, with a digit in it; never a name."),
]
Why = Annotated[str, StringConstraints(min_length=REASON_MIN, max_length=REASON_MAX, pattern=r"^[^\x00-\x1f]+$")]

# For the description alone: on plain http the cookie has another name.
_Session = Annotated[str | None, Security(APIKeyCookie(name=HOST + SESSION, scheme_name="session", auto_error=False))]


def acts_of(request: Request) -> OversightActs:
    """Return what this surface asks for everything."""
    acts: OversightActs = request.app.state.pipeline
    return acts


ActsDep = Annotated[OversightActs, Depends(acts_of)]


def token_of(request: Request) -> str:
    """Return the token of the session's cookie, empty without one."""
    token: str = request.app.state.door.token(request)
    return token


def _working(request: Request, acts: ActsDep, _described: _Session = None) -> StaffProof:
    return acts.staff(token_of(request))


def _acting(
    request: Request,
    acts: ActsDep,
    x_csrf: Annotated[str, Header(max_length=128)] = "",
    _described: _Session = None,
) -> StaffProof:
    return acts.staff_for_change(token_of(request), x_csrf)


Proof = Annotated[StaffProof, Depends(_working)]
ProofForChange = Annotated[StaffProof, Depends(_acting)]
