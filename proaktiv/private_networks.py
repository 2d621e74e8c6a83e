"""Private addresses that an operator names host by host, for far sides in the authority's own network.

Left to others: which far sides may be named so (``vouching``, ``ways_out``), the check at each call (``egress``).
Source: docs/decisions/0003.
"""

from collections.abc import Mapping, Sequence

from proaktiv.core.addresses import Network, Target, read_private


def named_addresses(
    setting: str, named: Mapping[str, Sequence[str]], targets: Sequence[Target], whose: str
) -> Mapping[str, Sequence[Network]]:
    """Return the addresses named for each of the targets, by ``host:port``.

    ``whose`` says which settings hold the hosts that may be named. Raises ``ValueError`` with the setting and the form.
    """
    form = f'{setting} is {{"host[:port]": ["10.0.0.7"]}}'
    found: dict[str, tuple[Network, ...]] = {}
    for name, addresses in named.items():
        meant = [target for target in targets if name in target.names]
        if not meant:
            raise ValueError(f"{setting} ({name}) is no host of {whose}: nobody else is called so")
        if not addresses:
            raise ValueError(f"{setting} ({name}) names no address; {form}")
        try:
            networks = tuple(map(read_private, addresses))
        except ValueError as error:
            raise ValueError(f"{setting} ({name}): an address {error}; {form}") from None
        for target in meant:
            place = f"{target.host}:{target.port}"
            found[place] = (*found.get(place, ()), *networks)
    return found
