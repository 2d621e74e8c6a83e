"""This flow rested on that consent: proven by files alone, and three verifiers say the same of them."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.flows import NEVER_RESTRICTED, Flow, Kind
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.exports import selection
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.selection import Selected
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.proving.single import proof_of
from proaktiv.flowlog.verifying import resting
from proaktiv.flowlog.verifying.resting import verify_rested
from proaktiv.vault import Compartment
from tests.conftest import ROLES
from tests.depth import depth
from tests.flowlog.alone import POLICY, Verifiers, needs_node
from tests.flowlog.conftest import World, a_flow, a_proof
from tests.flowlog.exports import VKEY
from tests.flowlog.test_proving import other, shown, with_shown
from tests.processes import proaktiv

FIRST, SECOND, THIRD = (str(UUID(int=number)) for number in (1, 2, 3))
TEXT = "geburt/transmit/GEBURTSURKUNDE@1"


def decided(outcome: str, record: str, **changes: Any) -> Flow:
    said = {"action": f"consent.{outcome}", "outcome": outcome, "scope": TEXT, "consent": record}
    return a_flow(kind=Kind.CONSENT_CHANGED, **{**said, **changes})


def sent(record: str, **changes: Any) -> Flow:
    return a_flow(kind=Kind.AUTHORISED, action="auftrag.sent", scope=TEXT, consent=record, **changes)


LIFE: dict[str, Flow] = {
    "earlier": a_flow(),
    "refused": decided("refused", THIRD),
    "given": decided("given", FIRST),
    "other text": decided("given", FIRST, scope="geburt/match@1"),
    "of no consent": sent(""),
    "sent": sent(FIRST),
    "outcome": replace(sent(FIRST), kind=Kind.OUTCOME, outcome="sent"),
    "restricted": sent(FIRST, restrict=True),
    "given of old": decided("given", ""),
    "withdrawn": decided("withdrawn", FIRST),
    "sent after the end": sent(FIRST),
    "confirmed": a_flow(
        kind=Kind.CONFIRMED, action="auftrag.confirmed", outcome="confirmed", scope=TEXT, consent=SECOND
    ),
    "sent on a yes": sent(SECOND),
    "given anew": decided("given", THIRD, replaces=SECOND),
    "sent on what was replaced": sent(SECOND),
}
"""What happens to a person, in this order."""


@dataclass
class Files:
    """Proofs of a person's life, of somebody else's, and what selects from it."""

    world: World
    place: Path
    person: Any
    fids: dict[str, UUID]

    def proof(self, name: str, **parts: bool) -> Path:
        path = self.place / f"{name}.tlog-proof"
        if not path.exists():
            path.write_text(self._proof(name, **parts))
        return path

    def _proof(self, name: str, *, opened: bool = True) -> str:
        with self.world.role("owner").transaction() as session:
            if not opened:
                return proof_of(session, self.fids[name], facts=True)
            ring = self.world.vault.ring(session, [self.person], (Compartment.FLOW,))
            opener = Parts(self.world.vault, ring, [a_proof(self.person)])
            return proof_of(session, self.fids[name], facts=True, opener=opener)

    def selected(self, name: str, *among: str) -> Path:
        """Write a selection of these entries, as the house hands it out."""
        with self.world.role("owner").transaction() as session:
            ring = self.world.vault.ring(session, [self.person], (Compartment.FLOW,))
            opener = Parts(self.world.vault, ring, [a_proof(self.person)])
            rows = session.connection().exec_driver_sql(
                "SELECT flow_log.*, flow_log.t AS recorded_at, subj, s_blob, idx FROM flow_log"
                " JOIN flow_secret USING (fid)"
                " JOIN flow_leaf USING (fid) WHERE fid = ANY(%s) ORDER BY idx",
                ([self.fids[each] for each in among],),
            )
            found = rows.all()
            proofs = included(session, [row.idx for row in found])
            assert proofs is not None
            chosen = []
            for row in found:
                part = opener.subject(bytes(row.subj), bytes(row.s_blob), bytes(row.entry)[51:83])
                assert part is not None
                chosen.append(Selected.of(row, row.idx, part[:32], part[32:], proofs.paths[row.idx]))
            folder = self.place / name
            folder.mkdir()
            made = selection.files(proofs.note, proofs.size, chosen, selection.WAY_README)
            for each, content in made.items():
                (folder / each).write_bytes(content)
        return folder


@pytest.fixture(scope="module")
def files(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    name, place = "resting", tmp_path_factory.mktemp("resting")
    postgres.create_database(name, "proaktiv")
    world = World({role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}, place / "signer")
    person, somebody = world.a_person(), world.a_person()
    life = [replace(flow, person=person) for flow in LIFE.values()]
    fids = world.log_and_sign(*life, replace(LIFE["given"], person=somebody), replace(LIFE["sent"], person=somebody))
    (place / "policy").write_text(POLICY)
    built = Files(world, place, person, dict(zip(LIFE, fids, strict=False)))
    built.fids["theirs"] = fids[len(LIFE)]
    theirs = Files(world, place, somebody, {"theirs": fids[-2], "sent by them": fids[-1]})
    theirs.proof("theirs"), theirs.proof("sent by them")
    yield built
    world.close()
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    return Verifiers.handed_out(tmp_path_factory.mktemp("handed out"))


Found = tuple[tuple[str, int | None], ...]


def detailed(what: str, detail: str) -> str:
    """Return what a finding is about; where that is the consent, all three say the same of it."""
    return f"{what}: {detail}" if what == "consent" else what


def by_proaktiv(flow: Path, consent: Path) -> tuple[int, Found, dict[str, Any]]:
    try:
        report = verify_rested(flow.read_bytes(), consent if consent.is_dir() else consent.read_bytes(), VKEY)
    except ExportUnreadable:
        return 2, (), {}
    found = tuple((detailed(finding.what.value, finding.detail), finding.index) for finding in report.findings)
    return int(not report.ok), found, report.rested_on.to_json() if report.rested_on else {}


def alone(done: Any) -> tuple[int, Found, dict[str, Any]]:
    lines = [json.loads(line) for line in done.stdout.rstrip("\n").split("\n")]
    assert done.stderr == ""
    codes = {line["code"] for line in lines}
    assert done.returncode == (1 if 1 in codes else max(codes))
    found = tuple(
        (detailed(each["what"], each["detail"]), each["index"]) for line in lines for each in line.get("findings", ())
    )
    return done.returncode, found, lines[-1].get("rested_on", {})


def judged(verifiers: Verifiers, files: Files, flow: Path, consent: Path) -> tuple[int, Any, dict[str, Any]]:
    """Return what all three say, which is the same."""
    asked = (flow, "--consent", consent, "--policy", files.place / "policy", "--json")
    python, node = alone(verifiers.run_python(*asked)), alone(verifiers.run_node(*asked))
    assert python == node == by_proaktiv(flow, consent)
    return python


@needs_node
def test_two_proofs_say_which_consent_a_flow_rested_on_and_that_it_was_given_before(
    verifiers: Verifiers, files: Files
) -> None:
    for flow, given, record in (
        ("sent", "given", FIRST),
        ("outcome", "given", FIRST),
        ("sent on a yes", "confirmed", SECOND),
    ):
        code, found, rested = judged(verifiers, files, files.proof(flow), files.proof(given))
        assert (code, found) == (0, ())
        assert (rested["consent"], rested["whole"]) == (record, False)
        assert rested["given"]["index"] < rested["flow"]["index"]
        assert (rested["given"]["scope"], rested["given"]["kind"]) == (TEXT, LIFE[given].kind.label)


@needs_node
@pytest.mark.flowlog_test(23)
@pytest.mark.parametrize(
    ("flow", "given", "found"),
    [
        ("sent on a yes", "given", [(f"names the consent {FIRST}, the flow {SECOND}", 2)]),
        ("of no consent", "given", [("names no consent", 4)]),
        ("sent", "theirs", [("is another person's than the flow's", 15), ("the consent stands after the flow", 15)]),
        ("sent", "other text", [("is about another activity than the flow", 3)]),
        (
            "sent",
            "withdrawn",
            [("says nothing of a consent that was given", 9), ("the consent stands after the flow", 9)],
        ),
        ("sent after the end", "given of old", [("names no consent", 8)]),
        ("sent on what was replaced", "given anew", [(f"names the consent {THIRD}, the flow {SECOND}", 13)]),
        ("given", "given", [("the consent stands after the flow", 2)]),
    ],
)
def test_what_does_not_prove_it_is_refused_by_all_three(
    verifiers: Verifiers, files: Files, flow: str, given: str, found: list[tuple[str, int]]
) -> None:
    code, told, rested = judged(verifiers, files, files.proof(flow), files.proof(given))
    assert (code, list(told), rested) == (1, [(f"consent: {detail}", index) for detail, index in found], {})


@needs_node
def test_a_changed_number_or_person_is_found_by_all_three(verifiers: Verifiers, files: Files) -> None:
    for name in ("sent", "given"):
        proof = files.proof(name).read_text()
        part = shown(proof)["S"]
        for before, after in ((FIRST, SECOND), (str(files.person), str(UUID(int=7)))):
            forged = files.place / f"{name}-{before}.tlog-proof"
            forged.write_text(with_shown(proof, S=other(part, b=part["b"].replace(before, after))))
            pair = (forged, files.proof("given")) if name == "sent" else (files.proof("sent"), forged)
            code, found, rested = judged(verifiers, files, *pair)
            assert (code, [what for what, _ in found], rested) == (1, ["subject part"], {})


@pytest.mark.flowlog_control(23)
def test_control_without_the_commitment_a_changed_number_goes_through(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = files.proof("sent on a yes").read_text()
    part = shown(proof)["S"]
    forged = files.place / "control.tlog-proof"
    forged.write_text(with_shown(proof, S=other(part, b=part["b"].replace(SECOND, FIRST))))
    assert by_proaktiv(forged, files.proof("given"))[0] == 1
    monkeypatch.setattr("proaktiv.flowlog.verifying.proof._problems", lambda *_: iter(()))
    assert by_proaktiv(forged, files.proof("given"))[0] == 0


@needs_node
def test_a_proof_without_the_persons_part_is_told_apart_from_a_wrong_one(verifiers: Verifiers, files: Files) -> None:
    sealed = files.place / "sealed.tlog-proof"
    sealed.write_text(files._proof("sent", opened=False))
    assert judged(verifiers, files, sealed, files.proof("given")) == (2, (), {})
    assert judged(verifiers, files, files.proof("sent"), sealed) == (2, (), {})
    asked = (sealed, "--consent", files.proof("given"), "--policy", files.place / "policy", "--lang", "de")
    for done in (verifiers.run_python(*asked), verifiers.run_node(*asked)):
        assert "der Beleg des Flusses zeigt keinen Teil S" in done.stdout


@needs_node
def test_a_selection_shows_that_it_had_not_ended_meanwhile(verifiers: Verifiers, files: Files) -> None:
    way = files.selected("way", "given", "other text", "of no consent", "sent")
    code, found, rested = judged(verifiers, files, files.proof("sent"), way)
    assert (code, found) == (0, ())
    assert (rested["consent"], rested["given"]["index"], rested["whole"]) == (FIRST, 2, True)


@needs_node
@pytest.mark.flowlog_test(23)
@pytest.mark.parametrize(
    ("flow", "among", "found"),
    [
        (
            "sent after the end",
            [*list(LIFE)[2:7], *list(LIFE)[8:11]],
            [("consent: ends the consent before the flow", 9)],
        ),
        ("sent on what was replaced", list(LIFE)[11:15], [("consent: ends the consent before the flow", 13)]),
        ("sent", ["other text", "of no consent", "sent"], [("consent: is about another activity than the flow", 3)]),
        ("sent", ["of no consent", "sent"], [("consent: no entry before the flow says that its consent was given", 5)]),
        ("sent", ["given", "other text", "of no consent"], [("consent: the flow is not in the selection", 5)]),
        ("sent after the end", [*list(LIFE)[2:7], "sent after the end"], [("sequence", 10)]),
    ],
)
def test_an_end_a_gap_or_a_missing_entry_is_found_in_a_selection_by_all_three(
    verifiers: Verifiers, files: Files, flow: str, among: list[str], found: list[tuple[str, int]]
) -> None:
    way = files.selected(f"way-{abs(hash((flow, *among)))}", *among)
    code, told, rested = judged(verifiers, files, files.proof(flow), way)
    assert (code, list(told), rested) == (1, found, {})


@pytest.mark.flowlog_control(23)
def test_control_without_its_look_at_ends_a_consent_that_ended_goes_through(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = files.selected("control", *list(LIFE)[11:15])
    assert by_proaktiv(files.proof("sent on what was replaced"), way)[0] == 1
    monkeypatch.setattr(resting._Said, "ends", lambda *_: False)
    assert by_proaktiv(files.proof("sent on what was replaced"), way)[0] == 0


@needs_node
def test_the_sentence_is_the_same_by_both_and_says_what_is_not_proven(verifiers: Verifiers, files: Files) -> None:
    way = files.selected("sentence", *list(LIFE)[2:6])
    for consent, last in (
        (files.proof("given"), "Ob sie dazwischen widerrufen wurde, zeigen diese zwei Belege nicht"),
        (way, "Dazwischen endete sie nicht"),
    ):
        for words in ((), ("--lang", "en")):
            asked = (files.proof("sent"), "--consent", consent, "--policy", files.place / "policy", *words)
            python, node = verifiers.run_python(*asked), verifiers.run_node(*asked)
            assert (python.returncode, python.stdout) == (node.returncode, node.stdout)
            if not words:
                *_, names, given, meanwhile, verdict = python.stdout.splitlines()
                assert names.startswith("Der Fluss an Platz 5 – Auftrag an die Behörde (auftrag.sent); ")
                assert " deutsche Zeit = " in names
                assert names.endswith(f"; {TEXT} – nennt die Einwilligung {FIRST}.")
                assert given.startswith("Davor gegeben wurde sie an Platz 2 – Einwilligung gegeben (consent.given); ")
                assert meanwhile.startswith(last)
                assert verdict == "Alles stimmt."
                assert "Nicht gefragt" not in python.stdout
    for alone in (files.proof("sent"), way):
        asked = (alone, "--policy", files.place / "policy")
        python, node = verifiers.run_python(*asked), verifiers.run_node(*asked)
        assert (python.returncode, python.stdout) == (0, node.stdout)
        assert python.stdout.splitlines()[-2:] == [
            "Nicht gefragt: ob ein Fluss auf einer Einwilligung beruhte (dazu --consent).",
            "Alles stimmt.",
        ]
    told = proaktiv("log", "verify-proof", str(files.proof("sent")), "--vkey", VKEY, "--consent", str(way))
    assert (told.returncode, f"names the consent {FIRST}" in told.stdout) == (0, True), told.stdout
    assert "did not end in between" in told.stdout


@needs_node
def test_a_single_proof_says_the_number_that_it_shows_and_not_whose_it_is(verifiers: Verifiers, files: Files) -> None:
    asked = (files.proof("sent"), "--policy", files.place / "policy", "--lang", "de")
    for done in (verifiers.run_python(*asked), verifiers.run_node(*asked)):
        assert f"    Einwilligung (consent): {FIRST}\n" in done.stdout.partition("Der Teil S sagt:\n")[2]
        assert str(files.person) not in done.stdout
    told = proaktiv("log", "verify-proof", str(files.proof("sent")), "--vkey", VKEY)
    assert f"the person's own part says consent: {FIRST}" in told.stdout


@needs_node
def test_an_export_or_several_flows_are_no_way_to_ask(verifiers: Verifiers, files: Files, tmp_path: Path) -> None:
    flow, policy = files.proof("sent"), files.place / "policy"
    (tmp_path / "MANIFEST.json").write_text("{}")
    for run in (verifiers.run_python, verifiers.run_node):
        two = run(flow, flow, "--consent", flow, "--policy", policy, "--lang", "de")
        assert two.returncode == 2
        assert two.stderr.startswith("vor --consent steht ein einziger Beleg eines Flusses")
        for asked in ((tmp_path, "--consent", flow), (flow, "--consent", tmp_path)):
            assert run(*asked, "--policy", policy).returncode == 2


@needs_node
def test_with_proof_and_way_swapped_the_reason_stands_directly_above_the_verdict(
    verifiers: Verifiers, files: Files
) -> None:
    way = files.selected("swapped", *list(LIFE)[2:6])
    asked = (way, "--consent", files.proof("sent"), "--policy", files.place / "policy")
    for run in (verifiers.run_python, verifiers.run_node):
        lines = run(*asked).stdout.splitlines()
        assert lines[-2].startswith(f"{way}: vor --consent steht ein einziger Beleg eines Flusses")
        assert (lines[-1], len(lines) > 10) == ("Nicht alles geprüft.", True)


@needs_node
def test_what_files_say_of_the_consent_begins_with_it_and_nothing_that_was_tampered_with_does(
    verifiers: Verifiers, files: Files
) -> None:
    def lines(consent: Path, *words: str) -> list[str]:
        asked = (files.proof("sent"), "--consent", consent, "--policy", files.place / "policy", *words)
        python, node = verifiers.run_python(*asked), verifiers.run_node(*asked)
        assert (python.returncode, python.stdout) == (1, node.stdout)
        return python.stdout.splitlines()

    assert lines(files.proof("theirs"))[-3:] == [
        "Einwilligung: gehört einer anderen Person als der Fluss (Platz 15)",
        "Einwilligung: die Einwilligung steht hinter dem Fluss (Platz 15)",
        "Es stimmt nicht alles.",
    ]
    assert lines(files.proof("theirs"), "--lang", "en")[-3] == "consent: is another person's than the flow's (entry 15)"
    (files.place / "torn.tlog-proof").write_text(files.proof("given").read_text().replace("index 2", "index 3"))
    assert lines(files.place / "torn.tlog-proof")[-2].startswith("Eintrag: ")
    told = proaktiv(
        *("log", "verify-proof", str(files.proof("sent")), "--vkey", VKEY, "--consent", str(files.proof("withdrawn")))
    )
    assert "consent: says nothing of a consent that was given (entry 9)" in told.stdout.splitlines()


# by chance ------------------------------------------------------------------------------------------------------------

PAIRS = depth(30, 600)
DETAILS = ("names no consent", "is about another activity than the flow", "says nothing of a consent that was given")
NUMBERS = (*[FIRST] * 12, "", SECOND, "x\u2028y", "ü", "{}", "0")
SCOPES = (*["a@1"] * 12, "", "a@2", "b@1", "a", "@1", "a@@1", "{flow[t]}@1", "ä\u200b@1")
OUTCOMES = (*["given"] * 8, "confirmed", "withdrawn", "objected", "", "Given")
KINDS = (Kind.CONSENT_CHANGED, Kind.CONSENT_CHANGED, Kind.CONFIRMED, Kind.AUTHORISED, Kind.OUTCOME, Kind.ACCESS)


def by_chance(dice: random.Random) -> Flow:
    kind = dice.choice(KINDS)
    return a_flow(
        kind=kind,
        outcome=dice.choice(OUTCOMES),
        scope=dice.choice(SCOPES),
        consent=dice.choice(NUMBERS),
        replaces=dice.choice((*[""] * 30, *NUMBERS)),
        restrict=dice.random() < 0.03 and kind not in NEVER_RESTRICTED,
    )


@needs_node
@pytest.mark.flowlog_test(23)
def test_three_verifiers_agree_on_whatever_entries_may_say_of_consents(verifiers: Verifiers, files: Files) -> None:
    dice = random.Random(22)
    names = [f"chance {number}" for number in range(24)]
    flows = [replace(by_chance(dice), person=files.person) for _ in names]
    fids = files.world.log_and_sign(*flows)
    giving = [at for at, flow in enumerate(flows[:-1]) if (flow.kind.label, flow.outcome) in resting.GIVING]
    files.fids |= dict(zip(names, fids, strict=True))
    seen = set()
    for number in range(PAIRS):
        first, last = sorted(dice.sample(range(len(names)), 2))
        if number % 4 > 1:
            first = dice.choice(giving)
            last = dice.randrange(first + 1, len(names))
        flow, given = files.proof(names[last]), files.proof(names[first])
        way = files.selected(f"chance-{number}", *names[first : last + 1]) if number % 2 else given
        code, found, rested = judged(verifiers, files, flow, way)
        seen |= {f"ends with {code}", *(what for what, _ in found), "rested" if rested else "not"}
    assert seen >= {"ends with 0", "ends with 1", "rested"} | {f"consent: {detail}" for detail in DETAILS}, seen


@needs_node
def test_both_print_whatever_an_entry_may_say_alike_and_on_one_line(verifiers: Verifiers, files: Files) -> None:
    odd = {"scope": "a\u2028b{flow[t]}@1", "consent": "x\u2029y"}
    given = a_flow(kind=Kind.CONSENT_CHANGED, action="consent.given", outcome="given", person=files.person, **odd)
    flow = a_flow(kind=Kind.AUTHORISED, person=files.person, **odd)
    files.fids["odd given"], files.fids["odd flow"] = files.world.log_and_sign(given, flow)
    asked = (files.proof("odd flow"), "--consent", files.proof("odd given"), "--policy", files.place / "policy")
    python, node = verifiers.run_python(*asked, "--lang", "de"), verifiers.run_node(*asked, "--lang", "de")
    assert (python.returncode, python.stdout) == (0, node.stdout)
    assert "nennt die Einwilligung x?y." in python.stdout
    assert "a?b{flow[t]}@1" in python.stdout
