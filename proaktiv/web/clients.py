"""What a client of the intake sends to say who it is: the form at the token endpoint, the bearer header.

Reads the forms and nothing else. Left to others: whether it is true (``steps.authenticate``).
Source: RFC 6749 §§ 4.4, 5.2; RFC 7521 § 4.2; RFC 7523 § 2.2; RFC 6750 § 2.1.
"""

from urllib.parse import parse_qsl

from proaktiv.core.clients import BadTokenRequest, ClientRefused

GRANT = "client_credentials"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_FORM_BYTES = 8192
_MAX_FIELDS = 10


def read_token_form(body: bytes) -> str:
    """Return the client assertion of a token request. Raises ``BadTokenRequest``.

    A ``client_id`` may stand beside it and is not needed: the assertion names the client. Other fields are ignored, as
    RFC 6749 § 3.2 asks; none may stand twice.
    """
    form: dict[str, str] = {}
    for name, value in _pairs(body):
        if name in form:
            raise BadTokenRequest("body", "each field must stand once", "invalid_request")
        form[name] = value
    if form.get("grant_type") != GRANT:
        error = "unsupported_grant_type" if "grant_type" in form else "invalid_request"
        raise BadTokenRequest("grant_type", f"must be {GRANT}", error)
    if form.get("client_assertion_type") != ASSERTION:
        raise BadTokenRequest("client_assertion_type", f"must be {ASSERTION}", "invalid_request")
    assertion = form.get("client_assertion", "")
    if not assertion:
        raise BadTokenRequest("client_assertion", "must be a signed JWT (RFC 7523)", "invalid_request")
    return assertion


def _pairs(body: bytes) -> list[tuple[str, str]]:
    if len(body) > MAX_FORM_BYTES:
        raise BadTokenRequest("body", f"must be at most {MAX_FORM_BYTES} bytes", "invalid_request")
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise BadTokenRequest("body", "must be application/x-www-form-urlencoded", "invalid_request") from None


def read_bearer(authorization: str) -> str:
    """Return the token in an Authorization header. Raises ``ClientRefused``."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ClientRefused("send an access token: Authorization: Bearer …", "invalid_token")
    return token.strip()
