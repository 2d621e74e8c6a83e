"""A policy is kept whole or refused: what it asks for is never passed over."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, NotSigned, Vkey, sign_note, vkey_of
from proaktiv.flowlog.verifying.policy import Policy, PolicyError
from proaktiv.flowlog.vouching.cosignatures import WitnessKey, cosign, cosignatures, witness_key_of
from tests.flowlog.conftest import NOW, ORIGIN, SIGNING_KEY
from tests.flowlog.exports import VKEY

OTHER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode() * 16) for name in ("w1", "w2", "w3")}
WITNESSES = {name: str(witness_key_of(f"{name}.example", key)) for name, key in KEYS.items()}
LINES = "".join(f"witness {name} {vkey}\n" for name, vkey in WITNESSES.items())
POINT = Checkpoint(ORIGIN, 3, b"r" * 32)


def cosigned(*names: str, at: datetime = NOW, text: str = POINT.text()) -> str:
    note = sign_note(POINT.text(), ORIGIN, SIGNING_KEY)
    return note + "".join(cosign(text, f"{name}.example", KEYS[name], at) for name in names)


def counts(policy: Policy, note: str, now: datetime = NOW) -> bool:
    return policy.met(policy.counting(policy.open(note).cosigned, now))


def test_a_policy_of_one_log_names_its_key_and_asks_for_nobody_else() -> None:
    policy = Policy.parse(f"# ours\n\n  log {VKEY} https://log.example/\n\tquorum none \n")
    assert [str(vkey) for vkey in policy.logs] == [VKEY]
    assert policy.met(())


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("", "at least one line `log VKEY`"),
        (f"log {VKEY}\n", "exactly one line `quorum NAME`"),
        ("quorum none\n", "at least one line `log VKEY`"),
        (f"log {VKEY}\nlog {VKEY}\nquorum none\n", "line 2: the same key stands above"),
        (f"log {VKEY}\nquorum none\nquorum none\n", "exactly one line"),
        (f"log {VKEY}\nwitness none {WITNESSES['w1']}\n", "line 2: none is the name of something else"),
        (f"log {VKEY}\n{LINES}witness w1 {WITNESSES['w1']}\n", "line 5: the same key stands above"),
        (f"log {VKEY}\n{LINES}witness w4 {WITNESSES['w1']}\n", "line 5: the same key stands above"),
        (f"log {VKEY}\nwitness w1 {OTHER}\nquorum w1\n", "line 2: not an Ed25519 verifier key of type 04"),
        (f"log {WITNESSES['w1']}\nquorum none\n", "line 1: not an Ed25519 verifier key of type 01"),
        (f"log {VKEY}\nquorum dsb\n{LINES}", "line 2: nothing above is called dsb"),
        (f"log {VKEY}\ngroup g any dsb\n", "line 2: nothing above is called dsb"),
        (f"log {VKEY}\n{LINES}group g 0 w1\n", "line 5: a group is witnessed by"),
        (f"log {VKEY}\n{LINES}group g 3 w1 w2\n", "line 5: a group is witnessed by"),
        (f"log {VKEY}\n{LINES}group g 02 w1 w2\n", "line 5: a group is witnessed by"),
        (f"log {VKEY}\n{LINES}group g some w1 w2\n", "line 5: a group is witnessed by"),
        (f"log {VKEY}\n{LINES}group g all\n", "line 5: neither log"),
        (f"log {VKEY}\n{LINES}group g all w1 w1\n", "line 5: w1 is a member already"),
        (f"log {VKEY}\n{LINES}group g all w1\ngroup h all w1 g\n", "line 6: w1 is a member already"),
        (f"log {VKEY[:-1]}\nquorum none\n", "line 1: the key is not whole"),
        (f"\nkey {VKEY}\n", "line 2: neither log"),
        (f"log {VKEY} a b\n", "line 1: neither"),
        (f"{VKEY}\nquorum none\n", "line 1: the line must begin with log and a blank, thus: log flowlog"),
        (f"log {VKEY}\r\nquorum none\r\n", "line 1: control characters"),
        (f"log\u2003{VKEY}\nquorum none\n", "line 1: neither"),
        (f"log {VKEY}\n# proaktiv: cosignature-maxage 1h\nquorum none\n", "line 2: after `# proaktiv:`"),
        (f"log {VKEY}\n# proaktiv: cosignature-max-age 1w\nquorum none\n", "line 2: after `# proaktiv:`"),
        ("# proaktiv: cosignature-max-age 1h\n" * 2, "line 2: after `# proaktiv:` stands once"),
    ],
)
def test_another_policy_is_refused_by_line(policy: str, told: str) -> None:
    with pytest.raises(PolicyError, match=told):
        Policy.parse(policy)


@pytest.mark.parametrize(
    ("groups", "enough", "too_few"),
    [
        ("quorum w1\n", [("w1",), ("w1", "w2")], [(), ("w2", "w3")]),
        ("group g any w1 w2\nquorum g\n", [("w1",), ("w2",)], [("w3",)]),
        ("group g 2 w1 w2 w3\nquorum g\n", [("w1", "w3"), ("w1", "w2", "w3")], [("w1",), ()]),
        ("group a all w1 w2\ngroup b any a w3\nquorum b\n", [("w3",), ("w1", "w2")], [("w1",), ("w2",)]),
        ("group a 1 w1\ngroup b all a w2 w3\nquorum b\n", [("w1", "w2", "w3")], [("w1", "w2")]),
    ],
)
def test_a_quorum_of_groups_counts_as_it_says(
    groups: str, enough: list[tuple[str, ...]], too_few: list[tuple[str, ...]]
) -> None:
    policy = Policy.parse(f"log {VKEY}\n{LINES}{groups}")
    assert [counts(policy, cosigned(*names)) for names in enough] == [True] * len(enough)
    assert [counts(policy, cosigned(*names)) for names in too_few] == [False] * len(too_few)


def test_a_policy_as_large_as_the_format_recommends_is_kept() -> None:
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 65)]
    logs = "".join(f"log {vkey_of(f'log{n}.example', key)}\n" for n, key in enumerate(keys[:32]))
    witnesses = "".join(f"witness n{n} {witness_key_of(f'{n}.example', key)}\n" for n, key in enumerate(keys[32:]))
    groups = "".join(f"group g{n} any n{n}\n" for n in range(31))
    last = "group all all n31 " + " ".join(f"g{n}" for n in range(31))
    policy = Policy.parse(f"{logs}{witnesses}{groups}{last}\nquorum all\n")
    assert policy.met({f"n{n}" for n in range(32)})
    assert not policy.met({f"n{n}" for n in range(31)})


# time -----------------------------------------------------------------------------------------------------------------

AGED = f"log {VKEY}\n{LINES}# proaktiv: cosignature-max-age 36h\nquorum w1\n"


@pytest.mark.flowlog_test(24)
def test_a_cosignature_older_than_the_policy_allows_does_not_count() -> None:
    policy = Policy.parse(AGED)
    assert counts(policy, cosigned("w1"), NOW + timedelta(hours=35))
    assert not counts(policy, cosigned("w1"), NOW + timedelta(hours=37))


@pytest.mark.flowlog_control(24)
def test_control_without_a_limit_an_old_cosignature_would_count() -> None:
    policy = Policy.parse(AGED.replace("# proaktiv: cosignature-max-age 36h\n", ""))
    assert counts(policy, cosigned("w1"), NOW + timedelta(days=3650))


def test_a_cosignature_from_the_future_does_not_count() -> None:
    policy = Policy.parse(AGED)
    assert counts(policy, cosigned("w1"), NOW - timedelta(minutes=4))
    assert not counts(policy, cosigned("w1"), NOW - timedelta(minutes=6))


# cosignatures ---------------------------------------------------------------------------------------------------------


def test_a_cosignature_says_who_and_when() -> None:
    (found,) = cosignatures(cosigned("w2"), [WitnessKey.parse(WITNESSES["w2"])])
    assert (found.key.name, found.at) == ("w2.example", NOW.replace(microsecond=0))
    assert cosigned("w2").endswith(found.line)


def test_cosignatures_of_strangers_are_ignored_and_a_wrong_one_of_a_known_witness_spoils_the_note() -> None:
    known = [WitnessKey.parse(WITNESSES["w2"])]
    assert cosignatures(cosigned("w1"), known) == []
    another = Checkpoint(ORIGIN, 4, b"r" * 32).text()
    with pytest.raises(NotSigned, match=r"wrong cosignature of w2\.example"):
        cosignatures(cosigned("w2", text=another), known)


def test_a_time_that_was_not_signed_spoils_the_note() -> None:
    note, _, line = cosigned("w1").rstrip("\n").rpartition("\n")
    moved = line[:-20] + ("A" if line[-20] != "A" else "B") + line[-19:]
    with pytest.raises(NotSigned):
        cosignatures(f"{note}\n{moved}\n", [WitnessKey.parse(WITNESSES["w1"])])


def test_a_log_key_is_no_witness_and_a_signature_no_cosignature() -> None:
    with pytest.raises(NoteError):
        WitnessKey.parse(VKEY)
    with pytest.raises(NoteError):
        Vkey.parse(WITNESSES["w1"])
    same = WitnessKey(ORIGIN, SIGNING_KEY.public_key().public_bytes_raw())
    assert cosignatures(sign_note(POINT.text(), ORIGIN, SIGNING_KEY), [same]) == []


@pytest.mark.parametrize("seconds", [2**63 - 1, 2**64 - 1, 253_402_300_800])
def test_a_time_beyond_every_calendar_is_wrong_and_breaks_nothing(seconds: int) -> None:
    text = POINT.text()
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    signature = seconds.to_bytes(8, "big") + KEYS["w1"].sign(message)
    assert WitnessKey.parse(WITNESSES["w1"]).cosigned_at(text, signature) is None


def test_one_line_that_two_trusted_witnesses_could_mean_is_refused() -> None:
    key = WitnessKey.parse(WITNESSES["w1"])
    with pytest.raises(NoteError, match="two trusted witnesses"):
        cosignatures(cosigned("w1"), [key, key])


def test_a_checkpoint_of_another_log_is_refused_although_a_trusted_key_signed_it() -> None:
    policy = Policy.parse(f"log {VKEY}\nlog {OTHER}\nquorum none\n")
    foreign = sign_note(Checkpoint("PeterNeumann", 3, b"r" * 32).text(), ORIGIN, SIGNING_KEY)
    with pytest.raises(NoteError, match="another log"):
        policy.open(foreign)


def test_of_two_logs_only_the_one_in_question_is_believed() -> None:
    policy = Policy.parse(f"log {VKEY}\nlog {OTHER}\nquorum none\n")
    assert policy.open(cosigned()).checkpoint == POINT
    with pytest.raises(NotSigned):
        policy.only("PeterNeumann").open(cosigned())


def test_a_moment_has_no_zone_but_utc() -> None:
    assert Policy.parse(AGED).open(cosigned("w1")).cosigned["w1"].tzinfo is UTC
