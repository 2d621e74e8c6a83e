"""A single proof stands by itself, shows what may be shown, and three verifiers judge it alike."""

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proaktiv.core.canonical import dumps
from proaktiv.core.errors import NotFound
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.proving.single import proof_of
from proaktiv.flowlog.staff import StaffReader
from proaktiv.flowlog.verifying import proof as proof_verify
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.proof import verify_proof
from proaktiv.flowlog.verifying.report import What
from proaktiv.vault import Compartment
from tests.conftest import ROLES
from tests.depth import depth
from tests.flowlog.alone import POLICY, Told, Verifiers, needs_node
from tests.flowlog.conftest import NOW, OFFICE_KEY, World, a_flow, a_proof
from tests.flowlog.cosigning import cosigned, policy_of
from tests.flowlog.exports import VKEY
from tests.flowlog.mutations import BODIES, VALUES

PROOFS = depth(300, 6_000)


def shown(proof: str) -> dict[str, Any]:
    (line,) = [line for line in proof.splitlines() if line.startswith("extra ")]
    found: dict[str, Any] = json.loads(base64.b64decode(line[6:]))
    return found


def opened(world: World, fid: Any, *persons: Any) -> str:
    office = StaffReader((OFFICE_KEY.private_bytes_raw(),))
    with world.role("owner").transaction() as session:
        office.load(session)
        ring = world.vault.ring(session, persons, (Compartment.FLOW,))
        parts = Parts(world.vault, ring, [a_proof(person) for person in persons], office)
        return proof_of(session, fid, facts=True, opener=parts)


def by_proaktiv(proof: str | bytes) -> Told:
    try:
        report = verify_proof(proof if isinstance(proof, bytes) else proof.encode(), VKEY)
    except ExportUnreadable:
        return Told(2, None, ())
    found = tuple((finding.what.value, finding.index) for finding in report.findings)
    return Told(int(not report.ok), report.root.hex() if report.root else None, found)


@pytest.fixture(scope="module")
def proofs(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The same entry, about a person, with more and more of it shown; and one about nobody."""
    name = "proving"
    postgres.create_database(name, "proaktiv")
    world = World(
        {role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}, tmp_path_factory.mktemp("proving") / "signer"
    )
    person = world.a_person()
    fids = world.log_and_sign(*(a_flow(person=person if number == 3 else None, case="a-7") for number in range(7)))
    with world.role("reader").transaction() as session:
        found = {"entry": proof_of(session, fids[3]), "facts": proof_of(session, fids[3], facts=True)}
    found |= {"staff": opened(world, fids[3]), "all": opened(world, fids[3], person), "nobody": opened(world, fids[4])}
    world.close()
    yield found
    postgres.drop_database(name)


def test_a_proof_shows_the_entry_and_only_what_was_asked_for(proofs: dict[str, str]) -> None:
    assert {name: "".join(sorted(shown(proof))) for name, proof in proofs.items()} == {
        "entry": "e",
        "facts": "Fe",
        "staff": "AFe",
        "all": "AFSe",
        "nobody": "AFSe",
    }
    everything = shown(proofs["all"])
    assert json.loads(everything["F"]["b"])["from"] == "standesamt-musterstadt"
    assert json.loads(everything["S"]["b"])["seq"] == 1
    assert json.loads(everything["A"]["b"]) == {"actor": "system", "case": "a-7"}
    assert shown(proofs["nobody"])["S"]["b"] == ""


def test_every_proof_holds_with_the_key_alone(proofs: dict[str, str]) -> None:
    for proof in proofs.values():
        told = by_proaktiv(proof)
        assert (told.code, told.found) == (0, ())
        assert told.root is not None


def test_there_is_no_proof_of_what_is_not_there_or_not_signed(world: World) -> None:
    (fid,) = world.record(a_flow())
    world.integrate()
    with world.role("reader").transaction() as session:
        with pytest.raises(NotFound):
            proof_of(session, world.ids.row(NOW))
        with pytest.raises(NotFound, match="not signed yet"):
            proof_of(session, fid)


def with_shown(proof: str, **changes: Any) -> str:
    """Show something else, as whoever holds the file can."""
    data = {name: value for name, value in (shown(proof) | changes).items() if value is not None}
    return with_extra(proof, dumps(data))


def with_extra(proof: str, extra: bytes) -> str:
    lines = proof.splitlines(keepends=True)
    lines[1] = f"extra {base64.b64encode(extra).decode()}\n"
    return "".join(lines)


def other(part: dict[str, str], **changes: str) -> dict[str, str]:
    return part | changes


def tampered(proofs: dict[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    proof, parts = proofs["all"], shown(proofs["all"])
    entry = bytearray(base64.b64decode(parts["e"]))
    entry[60] ^= 1
    lines = proof.splitlines(keepends=True)
    return {
        "another place": (proof.replace("\nindex 3\n", "\nindex 4\n"), ("entry",)),
        "beyond the tree": (proof.replace("\nindex 3\n", "\nindex 7\n"), ("entry",)),
        "a step less": ("".join(lines[:3] + lines[4:]), ("entry",)),
        "steps the other way": ("".join([*lines[:3], lines[4], lines[3], *lines[5:]]), ("entry",)),
        "another size": (proof.replace("\n7\n", "\n8\n"), ("head",)),
        "facts of somebody else": (with_shown(proof, F=other(parts["F"], b='{"kind":"received"}')), ("facts",)),
        "another number": (
            with_shown(proof, S=other(parts["S"], b=parts["S"]["b"].replace("1", "2"))),
            ("subject part",),
        ),
        "another actor": (with_shown(proof, A=other(parts["A"], b='{"actor":"x"}')), ("staff part",)),
        "another salt": (with_shown(proof, A=other(parts["A"], s="A" * 43 + "=")), ("staff part",)),
        "parts exchanged": (with_shown(proof, A=parts["S"], S=parts["A"]), ("subject part", "staff part")),
        "another entry": (with_shown(proofs["entry"], e=base64.b64encode(entry).decode()), ("entry",)),
        "no entry at all": (with_shown(proofs["entry"], e="AAAA"), ("entry", "entry")),
    }


def test_whatever_is_changed_in_a_proof_is_found(proofs: dict[str, str]) -> None:
    for name, (changed, expected) in tampered(proofs).items():
        assert changed not in proofs.values(), name
        assert tuple(what for what, _ in by_proaktiv(changed).found) == expected, name


def test_without_its_check_of_parts_a_forged_one_goes_through(
    proofs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tampered(proofs)["another actor"][0]
    assert by_proaktiv(forged).code == 1
    monkeypatch.setattr(proof_verify, "_problems", lambda *_: iter(()))
    assert by_proaktiv(forged).code == 0


def mutated(proofs: dict[str, str], number: int) -> bytes:
    """Return a proof that is not quite one: bytes, lines, steps, and what it shows."""
    dice = random.Random(number)
    proof = dice.choice(list(proofs.values()))
    raw = bytearray(proof.encode())
    lines = proof.splitlines(keepends=True)
    match dice.randrange(8):
        case 0:
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        case 1:
            del raw[dice.randrange(len(raw)) :]
        case 2:
            at = dice.randrange(len(lines))
            lines[at : at + 1] = dice.choice(([], [lines[at]] * 2, ["\n"], ["index 3\n"], ["extra e30=\n"], ["A\n"]))
            raw = bytearray("".join(lines).encode())
        case 3:
            index = dice.choice(("0", "03", "-1", str(2**53), str(2**63), "9" * 19, "9" * 20, "3 ", "٣", "1e1"))
            raw = bytearray(proof.replace("index 3", f"index {index}").encode())
        case 4:
            group = dice.choice("eFSA")
            parts = shown(proof)
            if group != "e" and group in parts:
                parts[group][dice.choice("sb")] = dice.choice(VALUES)
            else:
                parts[group] = dice.choice((*VALUES, {"s": "A" * 43 + "=", "b": "{}"}))
            extra = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            raw = bytearray(with_extra(proof, extra.encode(errors="surrogatepass")).encode())
        case 5:
            raw = bytearray(with_extra(proof, dice.choice(BODIES)).encode())
        case 6:
            raw = bytearray(cosigned(proof, "w1", "w2").replace("— w", dice.choice(("— w", "- w", "—  w"))).encode())
        case _:
            raw = bytearray(proof.replace("\n", dice.choice(("\r\n", "\n\n", "\n ")), dice.choice((1, 3, -1))).encode())
    return bytes(raw)


@needs_node
@pytest.mark.flowlog_test(23)
def test_three_verifiers_agree_on_mutated_proofs(proofs: dict[str, str], tmp_path: Path) -> None:
    verifiers = Verifiers.handed_out(tmp_path / "verifiers")
    (tmp_path / "policy").write_text(POLICY)
    paths = []
    for number in range(PROOFS):
        paths.append(tmp_path / f"{number}.tlog-proof")
        paths[-1].write_bytes(mutated(proofs, number))
    python = verifiers.by_python(paths, tmp_path / "policy")
    node = verifiers.by_node(paths, tmp_path / "policy")
    ours = [by_proaktiv(path.read_bytes()) for path in paths]
    differ = [
        (path.name, one, two, three)
        for path, one, two, three in zip(paths, ours, python, node, strict=True)
        if not one == two == three
    ]
    assert differ == []
    (tmp_path / "witnesses").write_text(policy_of("group two 2 w1 w2 w3\nquorum two\n"))
    assert verifiers.by_python(paths, tmp_path / "witnesses") == verifiers.by_node(paths, tmp_path / "witnesses")
    assert {told.code for told in python} == {0, 1, 2}


@needs_node
def test_a_proof_needs_the_quorum_too(proofs: dict[str, str], tmp_path: Path) -> None:
    verifiers = Verifiers.handed_out(tmp_path / "verifiers")
    (tmp_path / "policy").write_text(policy_of("group two 2 w1 w2 w3\nquorum two\n"))
    head, _, note = proofs["all"].partition("\n\n")
    paths = []
    for signers in ((), ("w1",), ("w1", "w2")):
        paths.append(tmp_path / f"{len(signers)}.tlog-proof")
        paths[-1].write_text(f"{head}\n\n{cosigned(note, *signers)}")
    for told in (verifiers.by_python(paths, tmp_path / "policy"), verifiers.by_node(paths, tmp_path / "policy")):
        assert [(one.code, one.found) for one in told] == [
            (1, (("cosignature", None),)),
            (1, (("cosignature", None),)),
            (0, ()),
        ]
    policy = Policy.parse((tmp_path / "policy").read_text())
    missing = (What.COSIGNATURE,)
    ours = [tuple(found.what for found in verify_proof(path.read_bytes(), policy).findings) for path in paths]
    assert ours == [missing, missing, ()]
