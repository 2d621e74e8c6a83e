"""A witness in the authority's private network may be called at the addresses named for it, and nothing else there."""

import json
import socket
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv import egress as door
from proaktiv.core.addresses import AddressRefused, Network, may_call_privately, read_private
from proaktiv.core.errors import Unavailable
from proaktiv.core.trust import Trust
from proaktiv.egress import Deadline, Egress, Response, trusting
from proaktiv.entrances import provider_of
from proaktiv.flowlog.vouching.cosignatures import witness_key_of
from proaktiv.identity.model import Client
from proaktiv.settings import Settings
from proaktiv.vouching import judging, way_out
from tests.flowlog.authority import a_server
from tests.flowlog.vouching import a_witness

HOST = "zeuge.dsb.example"
HERE = "10.20.0.7"
NETWORKS = (ip_network("10.20.0.0/24"), ip_network("fd12:3456::/64"))
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))
KEY = str(witness_key_of("dsb.example/zeuge", Ed25519PrivateKey.from_private_bytes(b"w" * 32)))


class Line:
    """Every connection that is opened, by the address it was opened to; behind each of them listens ``port``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int = 0) -> None:
        self.opened: list[tuple[str, int]] = []
        connect = socket.create_connection

        def opening(to: tuple[str, int], timeout: float) -> socket.socket:
            self.opened.append(to)
            return connect(("127.0.0.1", port), timeout)

        monkeypatch.setattr(door.socket, "create_connection", opening)


def names(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    """A resolver that says something else each time it is asked."""
    told = iter(answers)
    return lambda _host, _port: next(told)


def asks(egress: Egress, url: str) -> Response:
    return egress.post(url, headers={}, content=b"", deadline=Deadline(60, time.monotonic), also=frozenset({400}))


# what is called -------------------------------------------------------------------------------------------------------


def test_a_witness_in_a_private_network_is_called_at_the_address_that_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = a_server(tmp_path, HOST)
    with a_witness(tmp_path / "zeuge", tls=tls) as far:
        port = int(far.url.rpartition(":")[2])
        line = Line(monkeypatch, port)
        egress = Egress(
            frozenset({HOST}),
            private={f"{HOST}:{port}": NETWORKS},
            resolve=names([HERE], ["169.254.169.254"]),  # a second answer is what rebinding lives on
            tls=trusting(tls[0]),
        )
        assert asks(egress, f"https://{HOST}:{port}/add-checkpoint").status == 400
        assert line.opened == [(HERE, port)]
        with pytest.raises(AddressRefused, match=r"not named for it: 169\.254\.169\.254"):
            asks(egress, f"https://{HOST}:{port}/add-checkpoint")
        assert line.opened == [(HERE, port)]


def test_its_authority_is_believed_by_name_and_only_where_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = a_server(tmp_path, HOST)
    with a_witness(tmp_path / "zeuge", tls=tls) as far:
        port = int(far.url.rpartition(":")[2])
        Line(monkeypatch, port)
        private = {f"{host}:{port}": NETWORKS for host in (HOST, "another.example")}
        for host, believed in ((HOST, None), ("another.example", trusting(tls[0]))):
            egress = Egress(frozenset({host}), private=private, resolve=names([HERE]), tls=believed)
            with pytest.raises(Unavailable):
                asks(egress, f"https://{host}:{port}/add-checkpoint")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"https://{HOST}:7380/", ["10.20.1.7"]),
        (f"https://{HOST}:7380/", [HERE, "10.20.1.7"]),
        (f"https://{HOST}:7380/", [HERE, "93.184.216.34"]),
        (f"https://{HOST}:7380/", ["93.184.216.34"]),
        (f"https://{HOST}:7380/", ["127.0.0.1"]),
        (f"https://{HOST}:7380/", ["fd12:3456::7%eth0"]),
        (f"https://{HOST}/", [HERE]),
        (f"https://{HOST}:7381/", [HERE]),
        (f"http://{HOST}:7380/", [HERE]),
        ("https://register.example/", [HERE]),
        ("https://register.example:7380/", [HERE]),
        (f"https://{HERE}:7380/", [HERE]),
    ],
)
def test_another_address_port_host_or_scheme_is_not_called(
    url: str, found: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(monkeypatch)
    egress = Egress(
        frozenset({HOST, HERE, "register.example"}),
        loopback=True,
        private={f"{HOST}:7380": NETWORKS},
        resolve=names(found),
    )
    with pytest.raises(AddressRefused):
        asks(egress, url)
    assert line.opened == []


def test_control_without_the_check_of_what_is_named_rebinding_would_reach_the_metadata(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line(monkeypatch, 9)
    monkeypatch.setattr(door, "may_call_privately", lambda *_: True)
    egress = Egress(frozenset({HOST}), private={f"{HOST}:443": NETWORKS}, resolve=names(["169.254.169.254"]))
    with pytest.raises(Unavailable):
        asks(egress, f"https://{HOST}/")
    assert line.opened == [("169.254.169.254", 443)]


# which addresses can be named -----------------------------------------------------------------------------------------

METADATA = ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1"]
NEVER = [
    "0.0.0.0", "8.8.8.8", "100.64.0.1", "100.100.100.200", "127.0.0.1", "168.63.129.16", "169.254.169.254",  # noqa: S104
    "172.32.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
    "::ffff:10.20.0.7", "64:ff9b::a14:7",
    "2002:a14:7::", "fc00::1", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1", "2001:db8::1",
    "2606:2800:220:1::1", "fd00:100::100:200", *METADATA,
]  # fmt: skip


@pytest.mark.parametrize("text", NEVER)
def test_what_is_never_called_cannot_be_named_and_is_not_called_when_it_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"no private network|a cloud serves"):
        read_private(text)
    assert not may_call_privately(ip_address(text), EVERYTHING)


@pytest.mark.parametrize("text", [HERE, "10.255.255.254", "172.16.0.1", "172.31.9.9", "192.168.178.20", "fd12:3456::7"])
def test_a_private_address_can_be_named_and_is_called_only_then(text: str) -> None:
    assert may_call_privately(ip_address(text), [read_private(text)])
    assert not may_call_privately(ip_address(text), [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10.20.0.0/24", ""),
        ("fd12:3456::/64", ""),
        ("10.20.0.0/23", "too wide"),
        ("fd12::/63", "too wide"),
        ("10.0.0.0/8", "too wide"),
        ("0.0.0.0/0", "no private network"),
        ("fd00:ec2::/64", "a cloud serves"),
        ("fd20:ce::/64", "a cloud serves"),
        ("10.20.0.7/24", "neither an address nor a network"),
        ("10.20.7", "neither an address nor a network"),
        ("zeuge.dsb.example", "neither an address nor a network"),
        ("", "neither an address nor a network"),
    ],
)
def test_networks_that_are_named_are_small_and_private(text: str, told: str) -> None:
    if told:
        with pytest.raises(ValueError, match=told):
            read_private(text)
    else:
        network: Network = read_private(text)
        assert str(network) == text


# who profits ----------------------------------------------------------------------------------------------------------


def a_house(**given: str) -> Settings:
    """In production, with a witness, and a provider of log-ins at the very same host."""
    told: dict[str, Any] = {
        "witnesses": {KEY: f"https://{HERE}:7380"},
        "outbound": (HERE,),
        "log_private_addresses": {HERE: (HERE,)},
        **given,
    }
    return Settings(**told)


def test_nobody_but_the_signing_worker_profits(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, 9)
    with pytest.raises(Unavailable):
        asks(way_out(a_house()), f"https://{HERE}:7380/add-checkpoint")
    assert line.opened == [(HERE, 7380)]
    line.opened.clear()
    client = Client(f"https://{HERE}:7380", "office", "geheim", "https://amt.example/zurueck", Trust.V2)
    with pytest.raises((AddressRefused, Unavailable)):
        provider_of(client, a_house(), time.monotonic).metadata(Deadline(60, time.monotonic))
    assert line.opened == []


def test_a_host_without_a_port_is_meant_at_the_ports_of_its_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, 9)
    with pytest.raises(AddressRefused):
        asks(way_out(a_house()), f"https://{HERE}/")
    assert line.opened == []


def test_the_doctors_look_calls_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(monkeypatch, 9)
    judging(a_house())(f"https://{HERE}:7380/", Deadline(60, time.monotonic))
    with pytest.raises(AddressRefused):
        judging(a_house(log_private_addresses=json.loads("{}")))(f"https://{HERE}:7380/", Deadline(60, time.monotonic))
    assert line.opened == []
