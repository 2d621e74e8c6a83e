"""Database URLs that name several hosts, in the form that PostgreSQL's own programs take.

Pure: text in, text out. What a URL must hold besides is ``settings``' business, what is added to it ``database``'s.
Source: PostgreSQL manual, 32.1.1.2 (connection URIs) and 32.1.1.3 (specifying multiple hosts).
"""

from urllib.parse import parse_qsl, quote, urlencode

_WRITES = "read-write"
_PORT = "5432"


def spread(url: str) -> str:
    """Return ``url`` with its hosts as parameters where it names more than one; any other URL is returned as it is.

    ``postgresql://role@a:5432,b:5433/db``, ``…/db?host=a:5432&host=b:5433`` and ``…/db?host=a,b&port=5432,5433`` all
    become the last one, with ``target_session_attrs=read-write`` where nothing else is asked for: of two nodes only
    one takes writes. Raises ``ValueError`` where a host is empty or there is neither one port nor one for each.
    """
    scheme, mark, rest = url.partition("://")
    place, _, query = rest.partition("?")
    hosted, slash, path = place.partition("/")
    login, at, named = hosted.rpartition("@")
    given = parse_qsl(query, keep_blank_values=True)
    hosts = (
        named.split(",") if named else [each for name, value in given if name == "host" for each in value.split(",")]
    )
    if not mark or len(hosts) < 2:
        return url
    ports = [each for name, value in given if name == "port" for each in value.split(",")]
    hosts, ports = _parted(hosts) if not ports else (hosts, ports)
    if not all(hosts):
        raise ValueError("names a host that is empty")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts):
        raise ValueError("names neither one port nor one for each host")
    asked = {"target_session_attrs": _WRITES} | {k: v for k, v in given if k not in {"host", "port"}}
    asked |= {"host": ",".join(hosts), "port": ",".join(ports)}
    return f"{scheme}://{login}{at}{slash}{path}?{urlencode(asked, safe='/,[]:', quote_via=quote)}"


def apart(url: str) -> dict[str, str]:
    """Return each host of a ``url`` that names several, as ``host:port``, and a URL of it alone; of one host nothing.

    Such a URL takes the host in whatever state it is. Raises ``ValueError`` as ``spread`` does.
    """
    together = spread(url)
    place, _, query = together.partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    named = dict(given)
    hosts, ports = named.get("host", "").split(","), named.get("port", "").split(",")
    if together == url and (len(hosts) < 2 or len(hosts) != len(ports)):
        return {}
    found = {}
    for host, port in zip(hosts, ports, strict=True):
        alone = named | {"host": host, "port": port, "target_session_attrs": "any"}
        label = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        found[label] = f"{place}?{urlencode(alone, safe='/,[]:', quote_via=quote)}"
    return found


def _parted(hosts: list[str]) -> tuple[list[str], list[str]]:
    """Return hosts and ports of ``host:port`` each; 5432 where none is said. An IPv6 address stands in brackets."""
    names, ports = [], []
    for each in hosts:
        name, colon, port = each.rpartition(":")
        if not colon or port.endswith("]") or each.startswith("/"):
            name, port = each, _PORT
        names.append(name.removeprefix("[").removesuffix("]"))
        ports.append(port or _PORT)
    return names, ports
