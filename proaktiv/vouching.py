"""Whom the log's own process asks to vouch for it, and the one way out that may lead into a private network.

A DSB's witness stands in the authority's own network, which nothing else of the house may call. So the addresses are
named host by host, for hosts that are witnesses or the time stamp authority, and only the signing worker is given them.
Left to others: asking (``flowlog.vouching.attesting``), the check at each call (``egress``).
Source: docs/decisions/0003 and 0018.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from proaktiv.core.addresses import LOOPBACK_NAMES, AddressRefused, Network, Target, read_url
from proaktiv.egress import Deadline, Egress, trusting
from proaktiv.flowlog.checkpoints import NoteError
from proaktiv.flowlog.vouching.attesting import far_witnesses
from proaktiv.private_networks import named_addresses
from proaktiv.settings import Env, Settings

_NAMED = "PROAKTIV_LOG_PRIVATE_ADDRESSES"


@dataclass(frozen=True, slots=True)
class Asked:
    """One far side: the setting that names it, and where it is."""

    place: str
    url: str


def asked(settings: Settings) -> tuple[Asked, ...]:
    """Return every far side that vouches for the log. Raises ``NoteError`` for a witness whose key is none."""
    witnesses = [
        Asked(f"PROAKTIV_WITNESSES ({witness.key.name})", witness.url) for witness in far_witnesses(settings.witnesses)
    ]
    return (*witnesses, *([Asked("PROAKTIV_TSA_URL", settings.tsa_url)] if settings.tsa_url else []))


def way_out(settings: Settings) -> Egress:
    """Return what the signing worker calls through. Raises ``ValueError``, ``NoteError``."""
    return Egress(
        frozenset(settings.outbound),
        loopback=settings.env is not Env.PRODUCTION,
        private=_private(settings),
        tls=trusting(settings.log_ca_file),
    )


def judging(settings: Settings) -> Callable[[str, Deadline], None]:
    """Return what says of a URL whether the signing worker might call it, and itself calls nobody: for the doctor."""
    return way_out(settings).check


def _private(settings: Settings) -> Mapping[str, Sequence[Network]]:
    """Return the addresses named for each far side, by ``host:port``. Raises ``ValueError``, ``NoteError``."""
    targets = [target for each in asked(settings) if (target := _read(each.url)) is not None]
    return named_addresses(_NAMED, settings.log_private_addresses, targets, "PROAKTIV_WITNESSES or _TSA_URL")


def contradictions(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with witnesses, time stamps and the way to them, each in one line with its remedy."""
    try:
        witnesses = far_witnesses(settings.witnesses)
    except NoteError as error:
        yield f'PROAKTIV_WITNESSES is {{"KEY": "https://host"}}, with keys as `proaktiv witness init` prints: {error}'
        return
    if len({witness.key.name for witness in witnesses}) < len(witnesses):
        yield "PROAKTIV_WITNESSES names two witnesses alike: let each have a name of its own"
    if bool(settings.tsa_url) != (settings.tsa_roots is not None):
        yield "PROAKTIV_TSA_URL and PROAKTIV_TSA_ROOTS belong together: a stamp of an unknown authority proves nothing"
    for far in asked(settings):
        target = _read(far.url)
        if target is None:
            yield f"{far.place} is no address of the form https://host[:port]/path"
        elif target.plain and (settings.env is Env.PRODUCTION or target.host not in LOOPBACK_NAMES):
            yield f"{far.place} is called over the network: take https"
        elif not target.names & set(settings.outbound):
            yield f"{far.place} names a host that is not on PROAKTIV_OUTBOUND: add {target.host} there"
    try:
        _private(settings)
    except ValueError as error:
        yield str(error)
    if settings.log_ca_file is not None:
        try:
            trusting(settings.log_ca_file)
        except ValueError as error:
            yield f"PROAKTIV_LOG_CA_FILE is a PEM file with the certificate of the witnesses' authority: {error}"


def _read(url: str) -> Target | None:
    try:
        return read_url(url)
    except AddressRefused:
        return None
