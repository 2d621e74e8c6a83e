"""Somebody else's clock: a time stamp token over a checkpoint file, so that the house cannot date its log back.

The token is over every byte of the file, cosignatures included. Which authority to believe says the caller, by its root
certificates; a token is judged by the time it carries, not by the time it is looked at.
Left to others: sending the request (``flowlog.vouching.attesting``).
Source: RFC 3161; rfc3161-client.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.extensions import ExtensionNotFound
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from proaktiv.core.errors import ProaktivError

_REASON = re.compile(r'data: "Verify error: ([^"]*)"')

QUERY_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"


class StampRefused(ProaktivError):  # noqa: N818 - as in a sentence: raise StampRefused
    """This is no time stamp of these bytes by an authority that we trust; the message says why."""


@dataclass(frozen=True, slots=True)
class Query:
    """A request to an authority, and what its answer must repeat."""

    body: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Stamper:
    """Whom to believe: root certificates, perhaps intermediate ones, perhaps the authority's very own."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    pinned: x509.Certificate | None = None

    @classmethod
    def parse(cls, pem: bytes) -> "Stamper":
        """Read certificates in PEM. Raises ``StampRefused`` where no root is among them."""
        try:
            found = x509.load_pem_x509_certificates(pem)
        except ValueError:
            raise StampRefused("the time stamp authority's certificates are not PEM") from None
        roots = tuple(each for each in found if each.subject == each.issuer)
        intermediates = tuple(each for each in found if each not in roots and _is_ca(each))
        own = [each for each in found if each not in roots and each not in intermediates]
        if not roots or len(own) > 1:
            raise StampRefused("a time stamp authority is named by its root certificate, and at most one of its own")
        return cls(roots, intermediates, own[0] if own else None)

    def stamped_at(self, token: bytes, content: bytes, query: Query | None = None) -> datetime:
        """Return when the authority saw ``content``, as its token says. Raises ``StampRefused``."""
        verifier = VerifierBuilder(
            tsa_certificate=self.pinned,
            intermediates=list(self.intermediates),
            roots=list(self.roots),
            nonce=query.nonce if query is not None else None,
        ).build()
        try:
            response = decode_timestamp_response(token)
            verifier.verify_message(response, content)
            at: datetime = response.tst_info.gen_time
        except (VerificationError, ValueError) as error:
            raise StampRefused(f"the time stamp cannot be believed: {_why(str(error))}") from None
        return at.astimezone(UTC)


def query_for(content: bytes) -> Query:
    """Return a request for a token over ``content``; SHA-256, with a random nonce, certificates asked for."""
    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    nonce = request.nonce
    if nonce is None:
        raise StampRefused("a request without a nonce")
    return Query(request.as_bytes(), nonce)


def _why(said: str) -> str:
    """Return the reason out of what OpenSSL says of its inside."""
    plain, _, inside = said.partition(": ErrorStack")
    reason = _REASON.search(inside)
    return f"{plain}: {reason[1]}" if reason else plain


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except ExtensionNotFound:
        return False
