"""Which address may be called at all, and which spelling of a URL is read. Pure.

Python 3.11's ``is_global`` is True for NAT64, 6to4, site-local, IPv4-compatible and multicast addresses, so what is
allowed is said from scratch. Left to others: resolving, connecting (``egress``).
Source: security-and-faults.md T9; RFC 6890; for private networks RFC 1918 and 4193, decision 0003.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from proaktiv.core.errors import Permanent

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressRefused(Permanent):
    """The address is none that this house calls; nothing was sent."""


_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # IETF protocol assignments
        "168.63.129.16/32",  # the host beneath a machine of Azure, inside public space
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries any IPv4 address
        "3fff::/20",  # documentation
    )
)
_PRIVATE = tuple(
    ipaddress.ip_network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")
)
_METADATA = tuple(
    ipaddress.ip_network(network)
    for network in (
        "fd00:ec2::/32",  # AWS: what serves its machines
        "fd20:ce::254/128",  # Google
        "fd00:c1::a9fe:a9fe/128",  # Oracle
        "fd00:42::42/128",  # Scaleway
        "fd00:a9fe:a9fe::1/128",  # Akamai
        "fd00:100::100:200/128",  # Alibaba
    )
)
"""Where a cloud hands its machines their secrets, as far as that lies inside private networks."""
_BITS_LEAST = {4: 24, 6: 64}
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
LOOPBACK = frozenset({ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")})
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""The same as hosts of a URL."""


def may_call(address: Address, *, loopback: bool) -> bool:
    """Return whether a connection to this address may be opened at all.

    Only globally routed unicast addresses; ``loopback`` adds 127.0.0.1 and ::1 for demonstrations and tests. IPv6
    forms that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4) are refused whatever they carry.
    """
    if address in LOOPBACK:
        return loopback
    if address.version == 6 and address not in _GLOBAL_V6:
        return False
    return address.is_global and not any(address in network for network in _NEVER)


def read_private(text: str) -> Network:
    """Return the one address or small network that may be named for one host: 256 addresses, or a /64, at most.

    Raises ``ValueError`` with what is wrong.
    """
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("is neither an address nor a network") from None
    if not any(_lies_in(network, private) for private in _PRIVATE):
        raise ValueError("lies in no private network (10/8, 172.16/12, 192.168/16, fd00::/8)")
    if network.prefixlen < _BITS_LEAST[network.version]:
        raise ValueError("is too wide: at most a /24, or a /64 of IPv6")
    if any(_lies_in(metadata, network) or _lies_in(network, metadata) for metadata in _METADATA):
        raise ValueError("is where a cloud serves secrets to its machines")
    return network


def may_call_privately(address: Address, named: Iterable[Network]) -> bool:
    """Return whether an address is one of those ``named`` for its host, and one that may be named at all."""
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return False
    return (
        any(address in network for network in named)
        and any(address in network for network in _PRIVATE)
        and not any(address in network for network in _METADATA)
    )


def _lies_in(inner: Network, outer: Network) -> bool:
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points. ``plain`` is HTTP without TLS; ``host`` keeps the brackets of an IPv6 literal."""

    url: str
    host: str
    port: int
    plain: bool

    @property
    def names(self) -> frozenset[str]:
        """Return the two ways a list of hosts can name this target."""
        return frozenset({self.host, f"{self.host}:{self.port}"})


def read_url(url: str) -> Target:
    """Return the parts of a URL of the one form we use: no user, no query, no fragment, no other spelling.

    Raises ``AddressRefused``.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise AddressRefused("the URL is not of the form https://host[:port]/path")
    plain = match["scheme"] == "http"
    port = int(match["port"] or (80 if plain else 443))
    if not 0 < port < 65536:
        raise AddressRefused("the port is none")
    return Target(url, match["host"], port, plain)
