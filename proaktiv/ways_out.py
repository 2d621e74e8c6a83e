"""The worker's two ways out, to registers and to Behörden, and what this house proves itself by on both.

A register's address stands in the settings, so one in the authority's own network may be named, host by host. A
Behörde's stands in rows, so all of its addresses are public ones: no row leads into a private network.
Left to others: what is asked (``registers``) and handed over (``dispatchers``), the check at each call (``egress``).
Source: docs/decisions/0003; security-and-faults.md T4, T9.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509

from proaktiv.core.addresses import AddressRefused, Network, Target, read_url
from proaktiv.egress import Egress, presenting, trusting
from proaktiv.private_networks import named_addresses
from proaktiv.settings import Env, Settings

NAMED = "PROAKTIV_REGISTER_PRIVATE_ADDRESSES"
_CERTIFICATE, _KEY = "PROAKTIV_CLIENT_CERTIFICATE", "PROAKTIV_CLIENT_KEY"


def to_registers(settings: Settings) -> Egress:
    """Return what asks registers. Raises ``ValueError`` for what ``contradictions`` names."""
    return _way(settings, settings.register_ca_file, _private(settings))


def to_behoerden(settings: Settings) -> Egress:
    """Return what hands over to Behörden. Raises ``ValueError`` for what ``contradictions`` names."""
    return _way(settings, None, {})


def contradictions(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the ways out, each in one line with its remedy."""
    if (settings.client_certificate is None) != (settings.client_key is None):
        yield f"{_CERTIFICATE} and {_KEY} belong together: the one proves nothing without the other"
    elif settings.client_certificate is not None:
        try:
            to_behoerden(settings)
            valid_until(settings.client_certificate)
        except ValueError as error:
            yield f"{_CERTIFICATE} and {_KEY} are PEM files of one pair: {error}"
    try:
        _private(settings)
    except ValueError as error:
        yield str(error)
    if settings.register_ca_file is not None:
        try:
            trusting(settings.register_ca_file)
        except ValueError as error:
            yield f"PROAKTIV_REGISTER_CA_FILE is a PEM file with the certificate of the registers' authority: {error}"


def valid_until(certificate: Path) -> datetime:
    """Return when a certificate ends, in UTC; of a chain the first, which is our own. Raises ``ValueError``."""
    try:
        return x509.load_pem_x509_certificates(certificate.read_bytes())[0].not_valid_after_utc
    except OSError as error:
        raise ValueError(f"{certificate.name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError(f"no PEM certificate stands in {certificate.name}") from None


def _way(settings: Settings, certificates: Path | None, private: Mapping[str, Sequence[Network]]) -> Egress:
    tls = trusting(certificates)
    if settings.client_certificate is not None and settings.client_key is not None:
        presenting(tls, settings.client_certificate, settings.client_key)
    loopback = settings.env is not Env.PRODUCTION
    return Egress(frozenset(settings.outbound), loopback=loopback, private=private, tls=tls)


def _private(settings: Settings) -> Mapping[str, Sequence[Network]]:
    targets = [target for url in settings.registers.values() if (target := _read(url)) is not None]
    return named_addresses(NAMED, settings.register_private_addresses, targets, "PROAKTIV_REGISTERS")


def _read(url: str) -> Target | None:
    try:
        return read_url(url)
    except AddressRefused:
        return None
