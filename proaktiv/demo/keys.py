"""Ed25519 keys of the city's registers and Behörden, as JWK. Left to others: drawing the seeds (``setting_up``)."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

ALGORITHM = "Ed25519"
"""The name of RFC 9864; its older name EdDSA does not say which curve."""


def public_jwk(seed: bytes, kid: str) -> dict[str, Any]:
    """Return the public key of a seed of 32 bytes."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": _text(public), "kid": kid}


def signing_key(seed: bytes, kid: str) -> OKPKey:
    """Return the private key of a seed of 32 bytes."""
    return OKPKey.import_key({**public_jwk(seed, kid), "d": _text(seed)})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
