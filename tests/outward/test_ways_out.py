"""By what registers and Behörden know this house, and which of them may live in a private network."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from proaktiv.core.addresses import AddressRefused
from proaktiv.core.errors import Unavailable
from proaktiv.doctor.findings import Level
from proaktiv.doctor.outward import answers, known_by
from proaktiv.egress import Deadline, Egress, Response
from proaktiv.settings import Env, Settings
from proaktiv.ways_out import NAMED, contradictions, to_behoerden, to_registers, valid_until
from tests.flowlog.authority import a_server
from tests.outward.servers import Server, says
from tests.outward.test_private_addresses import Line

HERE = "10.20.0.7"
WELL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Strict(Server):
    """A far side under TLS that answers whoever shows the one certificate that it knows."""

    def __init__(self, own: tuple[Path, Path], knows: Path, version: ssl.TLSVersion) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*own)
        self._tls.load_verify_locations(knows)
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._tls.minimum_version = self._tls.maximum_version = version
        super().__init__(says(WELL))

    def _answer(self, connection: Any) -> None:
        try:
            super()._answer(self._tls.wrap_socket(connection, server_side=True))
        except ssl.SSLError:
            connection.close()


def pair(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate and its key."""
    (folder / name).mkdir()
    return a_server(folder / name)


@contextmanager
def strict(
    folder: Path, knows: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Iterator[tuple[Strict, Path]]:
    """The far side, and the certificate by which it is known."""
    own = pair(folder, "server")
    server = Strict(own, knows, version)
    try:
        yield server, own[0]
    finally:
        server.close()


def a_house(**given: Any) -> Settings:
    return Settings(env=Env.TEST, **given)


def posts(egress: Egress, url: str) -> Response:
    return egress.post(url, headers={}, content=b"{}", deadline=Deadline(20, time.monotonic))


def asks(egress: Egress, server: Strict) -> Response:
    return posts(egress, f"https://{server.host}/")


# what proves us -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_registers_and_behoerden_know_this_house_by_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    ours = pair(tmp_path, "house")
    with strict(tmp_path, ours[0], version) as (server, theirs):
        monkeypatch.setenv("SSL_CERT_FILE", str(theirs))
        house = a_house(outbound=(server.host,), client_certificate=ours[0], client_key=ours[1])
        for way in (to_registers, to_behoerden):
            assert asks(way(house), server).status == 200
        assert len(server.heard) == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shows", ["none", "another's"])
def test_whoever_does_not_know_us_has_read_nothing_so_nothing_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion, shows: str
) -> None:
    """An Auftrag that was refused so is sent again, and no clerk asks the Behörde whether it came."""
    ours, other = pair(tmp_path, "house"), pair(tmp_path, "other")
    given = {} if shows == "none" else {"client_certificate": other[0], "client_key": other[1]}
    with strict(tmp_path, ours[0], version) as (server, theirs):
        monkeypatch.setenv("SSL_CERT_FILE", str(theirs))
        with pytest.raises(Unavailable):
            asks(to_behoerden(a_house(outbound=(server.host,), **given)), server)
        assert server.heard == []


def test_the_certificate_is_shown_to_nobody_whose_own_is_not_believed(tmp_path: Path) -> None:
    ours = pair(tmp_path, "house")
    with strict(tmp_path, ours[0]) as (server, _), pytest.raises(Unavailable):
        house = a_house(outbound=(server.host,), client_certificate=ours[0], client_key=ours[1])
        asks(to_registers(house), server)
    assert server.heard == []


# private networks -----------------------------------------------------------------------------------------------------


def in_the_house(server: Strict, theirs: Path, ours: tuple[Path, Path]) -> Settings:
    place = f"register.intern:{server.port}"
    return a_house(
        registers={"MELDEREGISTER": f"https://{place}/melderegister"},
        outbound=(place,),
        register_private_addresses={place: (HERE,)},
        register_ca_file=theirs,
        client_certificate=ours[0],
        client_key=ours[1],
    )


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, str, Line, Strict]]:
    """A house with a register in its own network, that register's URL, every line that is opened, and the register."""
    ours, own = pair(tmp_path, "house"), a_server(tmp_path, "register.intern")
    server = Strict(own, ours[0], ssl.TLSVersion.TLSv1_3)
    resolves(monkeypatch, HERE)
    house = in_the_house(server, own[0], ours)
    yield (
        house,
        f"https://register.intern:{server.port}/melderegister/nachschlagen",
        Line(monkeypatch, server.port),
        server,
    )
    server.close()


def resolves(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let the system's resolver say so of the register's name."""
    system = socket.getaddrinfo

    def found(host: str, port: int, *how: Any, **more: Any) -> Any:
        return system(address if host == "register.intern" else host, port, *how, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_a_register_in_the_authoritys_own_network_is_asked_at_the_address_named_for_it(
    inside: tuple[Settings, str, Line, Strict], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, url, line, server = inside
    assert posts(to_registers(house), url).status == 200
    assert line.opened == [(HERE, server.port)]
    resolves(monkeypatch, "10.20.0.8")
    with pytest.raises(AddressRefused, match=r"not named for it: 10\.20\.0\.8"):
        posts(to_registers(house), url)
    assert line.opened == [(HERE, server.port)]


def test_no_row_leads_there_a_behoerde_at_the_same_host_is_not_called(
    inside: tuple[Settings, str, Line, Strict],
) -> None:
    """A register's address is the operator's; a Behörde's stands in the database."""
    house, url, line, server = inside
    with pytest.raises(AddressRefused):
        posts(to_behoerden(house), url)
    assert line.opened == []
    assert server.heard == []


# what is told at the start --------------------------------------------------------------------------------------------


def told(**given: Any) -> str:
    return " ".join(contradictions(a_house(**given)))


def test_sound_settings_and_none_at_all_are_told_nothing(tmp_path: Path) -> None:
    ours = pair(tmp_path, "house")
    assert told() == ""
    assert told(client_certificate=ours[0], client_key=ours[1]) == ""


def test_a_pair_that_proves_nothing_is_told_with_what_is_wrong(tmp_path: Path) -> None:
    ours, other = pair(tmp_path, "house"), pair(tmp_path, "other")
    locked = tmp_path / "locked.key"
    key = serialization.load_pem_private_key(ours[1].read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"geheim"),
        )
    )
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no pem")
    for certificate, private, says_so in (
        (ours[0], None, "belong together"),
        (None, ours[1], "belong together"),
        (ours[0], other[1], "tls.key is not the key of tls.pem"),
        (ours[0], locked, "locked.key has a password"),
        (ours[0], tmp_path / "nowhere.key", "nowhere.key cannot be read: No such file"),
        (tmp_path / "nowhere.pem", ours[1], "nowhere.pem cannot be read: No such file"),
        (garbage, ours[1], "is no PEM file of its kind"),
        (ours[0], garbage, "is no PEM file of its kind"),
    ):
        found = told(client_certificate=certificate, client_key=private)
        assert says_so in found
        assert str(tmp_path) not in found, "a path is the machine's"


@pytest.mark.parametrize(
    ("named", "says_so"),
    [
        ({"register.intern": [HERE]}, ""),
        ({"register.intern:443": [HERE]}, ""),
        ({"behoerde.intern": [HERE]}, "is no host of PROAKTIV_REGISTERS: nobody else is called so"),
        ({"register.intern": []}, "names no address"),
        ({"register.intern": ["127.0.0.1"]}, "no private network"),
        ({"register.intern": ["10.0.0.0/8"]}, "too wide"),
    ],
)
def test_only_a_registers_host_can_be_named_with_small_private_networks(named: dict[str, Any], says_so: str) -> None:
    given = json.loads(json.dumps(named))
    found = told(registers={"MELDEREGISTER": "https://register.intern/m"}, register_private_addresses=given)
    assert says_so in found
    assert bool(found) is bool(says_so)
    assert not found or "PROAKTIV_REGISTER_PRIVATE_ADDRESSES" in found


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "PROAKTIV_REGISTER_CA_FILE is a PEM file" in told(register_ca_file=tmp_path / "nowhere.pem")


# the doctor -----------------------------------------------------------------------------------------------------------


def test_the_doctor_says_how_a_register_in_a_private_network_may_be_named(
    inside: tuple[Settings, str, Line, Strict],
) -> None:
    house, url, line, _ = inside
    unnamed = to_registers(house.model_copy(update={"register_private_addresses": {}}))
    for setting, told_so in ((NAMED, True), ("", False)):
        (found,) = answers("register", url, unnamed, lambda: Deadline(20, time.monotonic), setting).act()
        assert found.level is Level.BROKEN
        assert (NAMED in found.do) is told_so
    assert line.opened == []


def finding(certificate: Path | None, key: Path | None, now: datetime) -> tuple[Level, str]:
    found = list(known_by(certificate, key, lambda: now).act())
    assert all(each.do for each in found if each.level is not Level.FINE)
    return found[-1].level, found[-1].says


def test_the_doctor_says_how_long_the_certificate_is_good(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "house")
    key.chmod(0o600)
    ends = valid_until(certificate)
    assert finding(certificate, key, ends - timedelta(days=31))[0] is Level.FINE
    level, says_so = finding(certificate, key, ends - timedelta(days=29))
    assert (level, f"{ends:%Y}" in says_so) == (Level.LOOK, True)
    assert finding(certificate, key, ends)[0] is Level.BROKEN


def test_the_doctor_names_a_house_that_nobody_can_tell_from_another_and_a_key_that_others_read(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert finding(None, None, now)[0] is Level.LOOK
    certificate, key = pair(tmp_path, "house")
    key.chmod(0o644)
    first = next(iter(known_by(certificate, key, lambda: now).act()))
    assert (first.level, first.do) == (Level.LOOK, "chmod 600 tls.key")
    key.unlink()
    assert finding(certificate, key, now)[0] is Level.BROKEN
