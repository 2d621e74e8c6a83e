"""How the number ends that a wish is about, for whoever asked: their own browser keeps it, sealed to them.

No table and no entry of the log holds the number: a wish keeps whom it found by key, so that neither the second person
nor anybody at the database reads from it whom it is about. Whoever typed two must tell the two wishes apart all the
same. Elsewhere than in the browser that asked, nothing is shown. Left to others: the wishes (``steps.inspection``).
Source: Art. 5 (1) lit. c DSGVO.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.core.staff import StaffProof
from proaktiv.steps.inspection.wishes import OPEN, WAITS
from proaktiv.web.door import door_of
from proaktiv.web.staff.visitor import acts_of

COOKIE = "proaktiv-wuensche"
SIGNS = 4
"""So many signs of a number tell it apart from another of the same hand, and name nobody to a passer-by."""
MOST = 20
"""So many wishes are remembered, the newest: as many as somebody has in an hour, in half a kilobyte."""

_AAD, _NONCE = b"proaktiv wish endings v1", 12
_LASTS = int((WAITS + OPEN) / timedelta(seconds=1))


def keep(request: Request, response: Response, proof: StaffProof, wish: UUID, number: str) -> None:
    """Let the browser remember how the number of a wish ends, beside those it remembers already."""
    others = {name: ending for name, ending in kept(request, proof).items() if name != str(wish)}
    newest = dict([*others.items(), (str(wish), number.strip()[-SIGNS:])][-MOST:])
    nonce = acts_of(request).house.ids.secret().bytes[:_NONCE]
    sealed = nonce + _seal(request, proof).encrypt(nonce, json.dumps(newest).encode(), _AAD)
    door_of(request).keep(response, COOKIE, base64.urlsafe_b64encode(sealed).decode(), _LASTS)


def kept(request: Request, proof: StaffProof) -> Mapping[str, str]:
    """Return how the numbers of one's own wishes end, by the wish's id; nothing of what another one's browser kept."""
    try:
        sealed = base64.b64decode(request.cookies.get(COOKIE, ""), altchars=b"-_", validate=True)
        opened = _seal(request, proof).decrypt(sealed[:_NONCE], sealed[_NONCE:], _AAD)
    except (binascii.Error, ValueError, InvalidTag):
        return {}
    found: dict[str, str] = json.loads(opened)
    return found


def _seal(request: Request, proof: StaffProof) -> AESGCM:
    """Return the key of one member of the staff: in a shared browser another one's cookie stays closed."""
    return AESGCM(acts_of(request).house.vault.mac("wish-endings", proof.staff.bytes))
