"""Three verifiers, written apart, judge the same exports alike: proaktiv's own, Python alone, Node alone.

The controls: with one check taken out of any of them they disagree.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.core.canonical import dumps
from proaktiv.core.flows import Kind
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.verifying import checks
from tests.depth import depth
from tests.flowlog.alone import POLICY, Told, Verifiers, by_proaktiv, needs_node
from tests.flowlog.conftest import SIGNING_KEY, a_flow
from tests.flowlog.exports import city_log, copy, export
from tests.flowlog.mutations import BODIES, commit, mutate, rebuild

BUNDLES = depth(1_000, 10_000)
OF_MANY_ENTRIES = 40
"""One bundle in so many has two tiles; the others have 24 entries, so that a thousand take seconds."""
AT_ONCE = 250


@pytest.fixture(scope="module")
def originals(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("agree")
    with city_log(postgres, place, "verifiers_agree") as world:
        person = world.a_person()
        world.log_and_sign(*(a_flow(person=person if number == 3 else None) for number in range(6)))
        world.log_and_sign(*(a_flow(receiver_name="Behörde für Überflüssiges") for _ in range(18)))
        export(world, place / "few")
        world.log_and_sign(*(a_flow() for _ in range(242)))
        export(world, place / "many")
        export(world, place / "part", first=256)
        (place / "policy").write_text(POLICY)
        yield place


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    return Verifiers.handed_out(tmp_path_factory.mktemp("verifiers"))


def mutated(originals: Path, place: Path, numbers: range) -> list[Path]:
    made = []
    for number in numbers:
        folder = copy(originals / ("few" if number % OF_MANY_ENTRIES else "many"), place / str(number))
        mutate(folder, number)
        made.append(folder)
    return made


def disagreements(ours: list[Told], python: list[Told], node: list[Told]) -> list[int]:
    """Return which bundles they judge otherwise: the two alone in every finding and its place, all in the verdict."""
    return [
        number
        for number, (one, two, three) in enumerate(zip(ours, python, node, strict=True))
        if two != three or (one.code, one.root if one.code < 2 else None) != (two.code, two.root)
    ]


@needs_node
@pytest.mark.flowlog_test(23)
def test_three_verifiers_agree_on_a_thousand_mutated_exports(
    originals: Path, verifiers: Verifiers, tmp_path: Path
) -> None:
    seen: dict[int, int] = {0: 0, 1: 0, 2: 0}
    kinds = set()
    for start in range(0, BUNDLES, AT_ONCE):
        place = tmp_path / str(start)
        place.mkdir()
        paths = mutated(originals, place, range(start, min(start + AT_ONCE, BUNDLES)))
        ours = [by_proaktiv(path) for path in paths]
        python = verifiers.by_python(paths, originals / "policy")
        node = verifiers.by_node(paths, originals / "policy")
        assert [
            (start + number, ours[number], python[number], node[number]) for number in disagreements(ours, python, node)
        ] == []
        for told in python:
            seen[told.code] += 1
            kinds |= {what for what, _ in told.found}
        shutil.rmtree(place)
    # The dice reach everything: bundles that stay whole, that are found out, and that are none; every word of findings.
    assert min(seen.values()) > BUNDLES // 100, seen
    assert kinds >= {"entry", "facts", "column", "subject part", "index", "tile", "head", "checkpoint", "file", "row"}


@needs_node
def test_three_verifiers_agree_on_parts_of_an_export_that_nothing_kept_stands_beside(
    originals: Path, verifiers: Verifiers, tmp_path: Path
) -> None:
    paths = [copy(originals / "part", tmp_path / str(number)) for number in range(depth(60, 600))]
    for number, path in enumerate(paths):
        mutate(path, number)
    ours = [by_proaktiv(path) for path in paths]
    python, node = (by(paths, originals / "policy") for by in (verifiers.by_python, verifiers.by_node))
    assert disagreements(ours, python, node) == []
    assert {told.code for told in python} == {1, 2}, "a part alone is never whole"


@needs_node
@pytest.mark.flowlog_test(7)
def test_every_body_outside_the_profile_is_found_though_it_was_committed_and_signed(
    originals: Path, verifiers: Verifiers, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in (originals / "few" / "entries.jsonl").read_bytes().splitlines()]
    bodies = [dumps(json.loads(line["F"]["b"])) for line in lines[:2]]
    texts = {"t": "u\u0308", "n": 2**53, "v": 1.5}
    bodies += [json.dumps(json.loads(bodies[0]) | {name: value}).encode() for name, value in texts.items()]
    bodies += [bodies[0][:-1] + more + b"}" for more in (b',"z":null', b',"v":1', b',"z":"\\ud800"', b',"z":[[[[1]]]]')]
    bodies += BODIES
    made = []
    for number, body in enumerate(bodies):
        line = json.loads(json.dumps(lines[number % 2]))
        commit(line, body)
        made.append(line)
    folder = copy(originals / "few", tmp_path / "committed")
    rebuild(folder, made, SIGNING_KEY)
    ours, (python,), (node,) = (
        by_proaktiv(folder),
        *(by([folder], originals / "policy") for by in (verifiers.by_python, verifiers.by_node)),
    )
    assert python == node
    assert set(ours.found) == set(python.found)
    assert {what for what, _ in python.found} == {"facts", "column"}
    assert {index for _, index in python.found} == set(range(2, len(bodies)))


@needs_node
def test_a_consent_that_was_kept_from_its_person_is_found_by_all_three_and_only_such_a_one(
    originals: Path, verifiers: Verifiers, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in (originals / "few" / "entries.jsonl").read_bytes().splitlines()]
    said = (("consent_changed", True), ("confirmed", True), ("consent_changed", False), ("received", True))
    for line, (label, restrict) in zip(lines, said, strict=False):
        kind = Kind[label.upper()]
        body = json.loads(line["F"]["b"]) | {"kind": label} | ({"restrict": True} if restrict else {})
        line["x"]["kind"] = int(kind)
        commit(line, dumps(body), int(kind))
    folder = copy(originals / "few", tmp_path / "kept")
    rebuild(folder, lines, SIGNING_KEY)
    ours, (python,), (node,) = (
        by_proaktiv(folder),
        *(by([folder], originals / "policy") for by in (verifiers.by_python, verifiers.by_node)),
    )
    assert ours.found == python.found == node.found == (("facts", 0), ("facts", 1))


PLANTED = {
    "columns": ("if (shown[column] !== said(name))", "if (false)"),
    "signatures": ("verifySignature(null, text, key.key, signature)", "true"),
    "profile": ("part.body.length <= BODY_MAX && canonical(value)", "true"),
    "links": ("O_RDONLY | O_NOFOLLOW | O_NONBLOCK", "O_RDONLY | O_NONBLOCK"),
    "tiles": ("if (!same(this.#hash(level, place), value))", "if (false)"),
}


@needs_node
@pytest.mark.flowlog_control(23)
def test_a_difference_planted_in_one_verifier_is_seen(originals: Path, verifiers: Verifiers, tmp_path: Path) -> None:
    place = tmp_path / "bundles"
    place.mkdir()
    paths = mutated(originals, place, range(400))
    python = verifiers.by_python(paths, originals / "policy")
    assert disagreements(python, python, verifiers.by_node(paths, originals / "policy")) == []

    def seen(weaker: Verifiers) -> bool:
        """Look at a hundred after the other, until one is judged otherwise."""
        return any(
            disagreements(part, part, weaker.by_node(paths[start : start + 100], originals / "policy"))
            for start in range(0, len(paths), 100)
            if (part := python[start : start + 100])
        )

    for name, (check, nothing) in PLANTED.items():
        weaker = Verifiers(tmp_path / name)
        weaker.folder.mkdir()
        source = verifiers.node.read_text()
        assert source.count(check) == 1, name
        weaker.node.write_text(source.replace(check, nothing))
        assert seen(weaker), name


@pytest.mark.flowlog_control(23)
def test_a_check_taken_out_of_proaktivs_own_verifier_is_seen(
    originals: Path, verifiers: Verifiers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = mutated(originals, tmp_path, range(300))
    python = verifiers.by_python(paths, originals / "policy")
    assert disagreements([by_proaktiv(path) for path in paths], python, python) == []
    monkeypatch.setattr(checks, "_facts", lambda *_: iter(()))
    assert disagreements([by_proaktiv(path) for path in paths], python, python) != []
