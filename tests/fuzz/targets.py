"""The parsers that read what others wrote, each with its seeds and with what must hold whatever comes.

A target takes bytes. It returns where a parser took them or refused them as its docstring says; anything else that
leaves it (RecursionError and MemoryError too) is a finding, and so is a value that its own writer does not give back.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from notifiers.reports import MAX_BYTES, read_report
from proaktiv.core import canonical, cloudevents, codes, events
from proaktiv.core.addresses import AddressRefused, read_url
from proaktiv.core.errors import BadInput, NotAllowed, NotProven
from proaktiv.core.events import EventKind
from proaktiv.core.questions import Frage
from proaktiv.flowlog.ceremonies.succession import Statement
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey, open_note, sign_note, vkey_of
from proaktiv.flowlog.exports.layout import Manifest
from proaktiv.flowlog.exports.lines import ExportedEntry, ExportedNote, LineBroken
from proaktiv.flowlog.verifying.policy import Policy, PolicyError
from proaktiv.flowlog.vouching.cosignatures import witness_key_of
from proaktiv.flowlog.vouching.memory import State, Watched, WitnessError
from proaktiv.flowlog.vouching.timestamps import Stamper, StampRefused
from proaktiv.flowlog.vouching.witness import read_request, write_request
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.load import RuleFileError
from proaktiv.rulebook.load import parse as parse_rule
from proaktiv.settings import Settings
from proaktiv.sources.pages import example
from proaktiv.steps import authenticate
from proaktiv.web.clients import read_bearer, read_token_form
from proaktiv.web.openapi import Problem
from tests.flowlog.authority import a_root
from tests.intake.conftest import public, signed
from tests.notifiers.test_reports import IDS, a_report

KEPT = Path(__file__).parent / "seeds"
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "notes" / "notes_vectors.json"
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_ORIGIN = "flowlog.musterstadt.example/1"
_AT = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
_LATEST = 4 * 1024


@dataclass(frozen=True)
class Target:
    """One parser. ``seeds`` are inputs that it takes, or that lie near such."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def cloudevent(raw: bytes) -> None:
    """One event, then what its data mean; an envelope that was taken is taken again."""
    with suppress(BadInput):
        envelope = cloudevents.parse(raw)
        _meaning(envelope)
        again = {"specversion": "1.0", "id": envelope.id, "source": envelope.source, "type": envelope.type}
        written = json.dumps(again | {"time": envelope.time.isoformat(), "data": envelope.data}).encode()
        if envelope.time.year >= 1000 and len(written) <= cloudevents.MAX_BYTES:
            assert cloudevents.parse(written) == envelope


def batch(raw: bytes) -> None:
    """A list of events; each part stands for itself and reads as if it had come alone."""
    with suppress(BadInput):
        for part in cloudevents.parse_batch(raw):
            with suppress(BadInput):
                assert part.envelope() == cloudevents.parse(part.text.encode(errors="surrogatepass"))


def _meaning(envelope: cloudevents.Envelope) -> None:
    with suppress(BadInput, NotAllowed):
        events.read(envelope, _AT)


def token(raw: bytes) -> None:
    """A token request's form and its assertion, up to the database."""
    with suppress(BadInput):
        read_token_form(raw)
    signed_by = raw[: authenticate.MAX_ASSERTION_BYTES + 1]
    claims = authenticate._unverified(signed_by, authenticate.MAX_ASSERTION_BYTES)
    authenticate._signed(signed_by, public(_KEY))
    authenticate._claims_hold(claims, "standesamt", "https://intake.musterstadt.example/token", _AT)


def signed_claims(raw: bytes) -> None:
    """Claims as a Behörde may write them, under a good signature: no claim breaks what reads it."""

    class _Session:
        def connection(self) -> "_Session":
            return self

        def execute(self, _query: Any) -> "_Session":
            return self

        def scalar_one_or_none(self) -> dict[str, str]:
            return public(_KEY)

    message = _jws(raw[:_LATEST])
    with suppress(NotProven):
        authenticate.said_by_behoerde(_Session(), message, _AT)  # type: ignore[arg-type]


def _jws(payload: bytes) -> bytes:
    from tests.intake.conftest import text

    head = text(b'{"alg":"Ed25519","kid":"b"}') + "." + text(payload)
    return f"{head}.{text(_KEY.sign(head.encode()))}".encode()


def bearer(raw: bytes) -> None:
    """An Authorization header."""
    with suppress(NotProven):
        read_bearer(raw.decode("latin-1"))


def letter_code(raw: bytes) -> None:
    """What a person types from a letter: what is taken is a code, whose printed form is taken as well."""
    with suppress(codes.CodeError):
        code = codes.read(_text(raw))
        assert codes.read(codes.grouped(code)) == code


def answer(raw: bytes) -> None:
    """An answer to a question of each kind."""
    written = _text(raw)
    choices: Mapping[str, Mapping[str, str]] = {"ja": {}, "nein": {}}
    for kind in ("janein", "zahl", "datum", "text"):
        with suppress(BadInput):
            value = Frage("probe", kind, {}, choices if kind == "janein" else {}, low=1, high=200).read(written)
            assert isinstance(value, bool | int | date | str)


def note(raw: bytes) -> None:
    """A signed note, and the checkpoint in it."""
    with suppress(NoteError):
        opened = open_note(_text(raw), [str(vkey_of(_ORIGIN, _KEY))])
        assert opened.verified == (_ORIGIN,)
    with suppress(NoteError):
        found = Checkpoint.parse(_text(raw))
        assert Checkpoint.parse(found.text()) == found


def vkey(raw: bytes) -> None:
    """A verifier key in its one spelling."""
    with suppress(NoteError):
        assert str(Vkey.parse(_text(raw))) == _text(raw)


def signed_text(raw: bytes) -> None:
    """A note that was signed over whatever text opens again to this text, or is refused."""
    with suppress(NoteError, UnicodeEncodeError):
        body = _text(raw) + "\n"
        assert open_note(sign_note(body, _ORIGIN, _KEY), [str(vkey_of(_ORIGIN, _KEY))]).text == body


def policy(raw: bytes) -> None:
    """The DSB's list of whom to believe."""
    with suppress(PolicyError):
        found = Policy.parse(_text(raw))
        assert found.logs
        assert found.met(found.witnesses)


def witness_request(raw: bytes) -> None:
    """What a log asks a witness: what is read is written the same."""
    with suppress(NoteError):
        found = read_request(raw)
        assert write_request(found.old, list(found.proof), found.note) == raw


def succession(raw: bytes) -> None:
    """The statement that a DSB confirms, in its one spelling."""
    with suppress(NoteError):
        assert Statement.parse(_text(raw)).text() == _text(raw)


def witness_memory(raw: bytes) -> None:
    """What a witness remembers."""
    with suppress(WitnessError):
        found = State.parse(raw)
        assert State.parse(found.to_bytes()) == found


def time_stamp(raw: bytes) -> None:
    """What an authority answers."""
    with suppress(StampRefused):
        _stamper().stamped_at(raw, b"checkpoint")
        raise AssertionError("a stamp that nobody made was believed")


def export(raw: bytes) -> None:
    """Manifest and lines of an export: what is read is written the same."""
    for kind in (Manifest, ExportedNote, ExportedEntry):
        with suppress(LineBroken):
            found = kind.parse(raw)
            if isinstance(found, Manifest | ExportedNote):
                assert found.to_bytes() == raw


def failure_report(raw: bytes) -> None:
    """A failure report of a mail: no other line end changes what it says."""
    found = read_report(raw)
    if found is not None:
        assert all(IDS.wire_id_of(address) in {None, "0192-a"} for address in found.sent_to)
    if len(raw) * 2 < MAX_BYTES and b"\r" not in raw:
        assert read_report(raw.replace(b"\n", b"\r\n")) == found


def rule(raw: bytes) -> None:
    """A rule file's YAML."""
    with suppress(RuleFileError):
        parse_rule(raw, "probe.yaml")


def url(raw: bytes) -> None:
    """Where a call may go."""
    with suppress(AddressRefused):
        assert read_url(_text(raw)).url == _text(raw)


def settings(raw: bytes) -> None:
    """One value for each setting that is more than a word; no refusal repeats it."""
    names = ("registers", "folders", "outbound", "index_key", "database_url", "deadline_seconds", "batch", "env")
    name = names[raw[0] % len(names)] if raw else names[0]
    with suppress(ValidationError):
        Settings(**{name: _text(raw[1:])})


def canonical_json(raw: bytes) -> None:
    """Canonical JSON is a fixed point."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return
    with suppress(canonical.CanonicalError):
        body = canonical.checked(value)
        assert canonical.checked(json.loads(body)) == body


def problem(raw: bytes) -> None:
    """A problem document as a client reads it."""
    with suppress(ValidationError):
        found = Problem.model_validate_json(raw)
        assert Problem.model_validate_json(found.model_dump_json()) == found


def _text(raw: bytes) -> str:
    """Text as it may come out of JSON: half surrogate pairs too."""
    return raw.decode(errors="surrogateescape")


# seeds ---------------------------------------------------------------------------------------------------------------


def _events() -> list[bytes]:
    return [json.dumps(example(kind)).encode() for kind in EventKind]


def _lists() -> list[bytes]:
    return [b"[]", b"[" + b",".join(_events()) + b"]"]


def _assertions() -> list[bytes]:
    at = int(_AT.timestamp())
    claims = {"iss": "standesamt", "sub": "standesamt", "aud": "https://intake.musterstadt.example/token"}
    made = signed(_KEY, claims | {"iat": at, "exp": at + 60, "jti": "1"}, kid="standesamt")
    kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    form = f"grant_type=client_credentials&client_assertion_type={kind}&client_assertion={made}"
    return [made.encode(), form.encode()]


def _notes() -> list[bytes]:
    text = Checkpoint(_ORIGIN, 7, bytes(32)).text()
    return [text.encode(), sign_note(text, _ORIGIN, _KEY).encode(), *_of_others("note", "signed_note")]


def _vkeys() -> list[bytes]:
    return [str(vkey_of(_ORIGIN, _KEY)).encode(), *_of_others("vkey", "vkeys")]


def _of_others(*names: str) -> list[bytes]:
    """Inputs from the vectors of others, where they lie beside the repository."""
    found: set[bytes] = set()

    def gather(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                gather(item)
        elif isinstance(value, dict):
            for name, item in value.items():
                if name in names and isinstance(item, str):
                    found.add(item.encode())
                gather(item)

    if VECTORS.exists():
        gather(json.loads(VECTORS.read_text()))
    return sorted(found)


def _policies() -> list[bytes]:
    witness = witness_key_of("dsb.example", _KEY)
    groups = f"witness w {witness}\ngroup g any w\n# proaktiv: cosignature-max-age 36h\nquorum g\n"
    log = f"# the one log\nlog {vkey_of(_ORIGIN, _KEY)}\n"
    return [f"{log}quorum none\n".encode(), f"{log}{groups}".encode()]


def _a_note() -> str:
    return sign_note(Checkpoint(_ORIGIN, 7, bytes(32)).text(), _ORIGIN, _KEY)


def _memories() -> list[bytes]:
    watched = Watched((str(vkey_of(_ORIGIN, _KEY)),), Checkpoint(_ORIGIN, 7, bytes(32)), _AT, _a_note())
    return [State("dsb.example", {_ORIGIN: watched}).to_bytes()]


@cache
def _stamper() -> Stamper:
    return Stamper.parse(a_root().public_bytes(Encoding.PEM))


@cache
def _exports() -> tuple[bytes, ...]:
    lined = [ExportedNote(7, sign_note(Checkpoint(_ORIGIN, 7, bytes(32)).text(), _ORIGIN, _KEY)).to_bytes()]
    return (*lined, *(path.read_bytes() for path in sorted(KEPT.glob("export-*"))))


def _rules() -> list[bytes]:
    folder = Path(str(rules_folder()))
    return [path.read_bytes() for path in sorted(folder.rglob("*.yaml"))[:6]]


def _settings() -> list[bytes]:
    values = (b'{"MELDEREGISTER": "https://register.example/x"}', b'{"standesamt": "/srv/in"}', b'["127.0.0.1:9"]')
    more = (b"AAAA" * 10 + b"AAE=", b"postgresql://app:x@localhost/proaktiv", b"10", b"100", b"demo")
    return [bytes([place]) + value for place, value in enumerate((*values, *more))]


def these(*seeds: bytes) -> Callable[[], list[bytes]]:
    return lambda: list(seeds)


TARGETS: Mapping[str, Target] = {
    "cloudevent": Target(cloudevent, _events),
    "batch": Target(batch, _lists),
    "token": Target(token, _assertions),
    "signed-claims": Target(signed_claims, these(b'{"behoerde":"b","iat":1791968400}', b'{"behoerde":"b","iat":1e9}')),
    "bearer": Target(bearer, these(b"Bearer abc", b"bearer  x y")),
    "letter-code": Target(letter_code, these(codes.grouped(codes.from_mac(bytes(8))).encode(), b"oil0-0000 0000-0")),
    "answer": Target(answer, these(b"ja", b"12", b"2026-10-31", b"MM-XX 1")),
    "note": Target(note, _notes),
    "vkey": Target(vkey, _vkeys),
    "signed-text": Target(signed_text, _notes),
    "policy": Target(policy, _policies),
    "witness-request": Target(witness_request, lambda: [write_request(5, [b"p" * 32], _a_note())]),
    "succession": Target(succession, these(Statement(Checkpoint("a/1", 5, b"r" * 32), 3, "a/2").text().encode())),
    "witness-memory": Target(witness_memory, _memories),
    "time-stamp": Target(time_stamp, these(b"0\x03\x02\x01\x00")),
    "export": Target(export, lambda: list(_exports())),
    "failure-report": Target(failure_report, these(a_report(), a_report("5.0.0", Diagnostic_Code="smtp; 550 5.1.1 x"))),
    "rule": Target(rule, _rules),
    "url": Target(url, these(b"https://register.example:8443/x", b"http://[::1]:80/")),
    "settings": Target(settings, _settings),
    "canonical-json": Target(canonical_json, these(b'{"a":[1,{"b":"x"}],"c":null}', '{"a":"ä"}'.encode())),
    "problem": Target(problem, these(b'{"type":"urn:x","title":"t","status":404}')),
}


def planted(raw: bytes) -> None:
    """The red control: a fault behind a prefix and a check that no random input meets."""
    if raw.startswith(b"proaktiv!") and len(raw) > 12 and raw[9] == 0x7F and raw[10] > 0xF0:
        raise RuntimeError("planted")


PLANTED = Target(planted, these(b"proaktiv!\x7e\xf0 and some more"))
