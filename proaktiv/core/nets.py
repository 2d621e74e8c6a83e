"""From which net somebody comes, as far as it is told apart here: /24 of IPv4, /48 of IPv6. Pure; no address is kept.

An address that is nobody's on the internet (loopback, private, of a proxy that nobody named) tells nothing: whole
cities may stand behind it. Source: channels-and-pages.md § 5.2 (5).
"""

from ipaddress import IPv6Address, ip_address, ip_network

UNTOLD = b""
"""The net of whoever comes from nowhere in particular."""

_PREFIX = {4: 24, 6: 48}


def net_of(host: str) -> bytes:
    """Return the net of an address as bytes that no other net has; ``UNTOLD`` where it is none of the internet's."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return UNTOLD
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if not address.is_global:
        return UNTOLD
    net = ip_network((address, _PREFIX[address.version]), strict=False)
    return bytes([net.version]) + net.network_address.packed
