"""Wrong configurations: each refuses to start, in one line that names setting and remedy, and tells no secret."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv import __main__ as command_line
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.vouching.cosignatures import witness_key_of
from proaktiv.needs import read_settings
from tests.processes import proaktiv, refused
from tests.settings_of import PRINTED, b64, everything

SECRET = "geheim"
DATABASES = ("DATABASE_URL", "SEQUENCER_URL", "OWNER_URL", "READER_URL")
DRAW = "head -c 32 /dev/urandom | base64"
WORK, SIGN, MIGRATE = ("work",), ("work", "--sign", "--state", "{folder}/signer"), ("migrate",)
SURFACES = {name: ("serve", "--surface", name) for name in ("intake", "citizen", "office")}
PRODUCTION = PRINTED | {
    "ENV": "production",
    "RELEASE_PUBLIC_KEY": b64(bytes(range(200, 232))),
    "REGISTERS": '{"MELDEREGISTER": "https://register.example"}',
    "OUTBOUND": '["register.example"]',
    "TOKEN_AUDIENCE": "https://intake.example/token",
}
MAIL = {
    "MAIL_HOST": "relay.example",
    "MAIL_HELLO": "proaktiv.x.example",
    "MAIL_SENDER": "post@x.example",
    "MAIL_PAGE": "https://x.example/b",
}
WITNESS = str(witness_key_of("dsb.example/zeuge", Ed25519PrivateKey.from_private_bytes(b"w" * 32)))
PRIVATE = {"WITNESSES": json.dumps({WITNESS: "https://dsb.example/zeuge"}), "OUTBOUND": '["dsb.example"]'}
OIDC = {
    "OIDC_ISSUER": "https://login.example",
    "OIDC_CLIENT_ID": "office",
    "OIDC_CLIENT_SECRET": SECRET,
    "OFFICE_PAGE": "https://amt.example",
    "OUTBOUND": '["login.example", "register.example"]',
}


@dataclass(frozen=True)
class Wrong:
    """One mistake of an operator. ``{folder}`` and ``{<role>}`` stand for what the test has."""

    name: str
    command: tuple[str, ...]
    names: str
    remedy: str
    settings: Mapping[str, str] = field(default_factory=dict)


WRONG = (
    # what is missing
    Wrong("no controller", WORK, "PROAKTIV_CONTROLLER", "needs", {"CONTROLLER": ""}),
    Wrong("no database", SURFACES["citizen"], "PROAKTIV_DATABASE_URL", "needs", {"DATABASE_URL": ""}),
    Wrong("no key for codes", SURFACES["citizen"], "PROAKTIV_CODE_KEY", "needs", {"CODE_KEY": ""}),
    Wrong("no key of the office", SURFACES["office"], "PROAKTIV_KEK_PROOF", "needs", {"KEK_PROOF": ""}),
    Wrong("no provider in production", SURFACES["office"], "PROAKTIV_OIDC_ISSUER", "set", PRODUCTION),
    Wrong(
        "half a provider",
        SURFACES["office"],
        "PROAKTIV_OIDC_CLIENT_SECRET, PROAKTIV_OFFICE_PAGE",
        "or none of them",
        {"OIDC_ISSUER": "https://login.example", "OIDC_CLIENT_ID": "office"},
    ),
    Wrong(
        "a provider by http",
        SURFACES["office"],
        "PROAKTIV_OIDC_ISSUER",
        "take https",
        OIDC | {"OIDC_ISSUER": "http://login.example"},
    ),
    Wrong(
        "a provider that is none",
        SURFACES["office"],
        "PROAKTIV_OIDC_ISSUER",
        "https://host/path",
        OIDC | {"OIDC_ISSUER": "login.example"},
    ),
    Wrong(
        "a provider that may not be called",
        SURFACES["office"],
        "PROAKTIV_OIDC_ISSUER",
        "add login.example there",
        OIDC | {"OUTBOUND": "[]"},
    ),
    Wrong(
        "an office's page with a slash",
        SURFACES["office"],
        "PROAKTIV_OFFICE_PAGE",
        "without a slash",
        OIDC | {"OFFICE_PAGE": "https://amt.example/"},
    ),
    Wrong(
        "an office's page by http",
        SURFACES["office"],
        "PROAKTIV_OFFICE_PAGE",
        "must be https",
        PRODUCTION | OIDC | {"OFFICE_PAGE": "http://amt.example"},
    ),
    Wrong(
        "another private key of the office",
        SURFACES["office"],
        "PROAKTIV_STAFF_PUBLIC_KEY",
        "from one pair",
        {"STAFF_PRIVATE_KEY": b64(bytes(range(1, 33)))},
    ),
    Wrong("no folder for letters", WORK, "PROAKTIV_LETTERS_DIR", "needs", {"LETTERS_DIR": ""}),
    Wrong("no audience", SURFACES["intake"], "PROAKTIV_TOKEN_AUDIENCE", "needs", {"TOKEN_AUDIENCE": ""}),
    Wrong("no signing key", SIGN, "PROAKTIV_SIGNING_KEY", "needs", {"SIGNING_KEY": ""}),
    Wrong("no owner", MIGRATE, "PROAKTIV_OWNER_URL", "needs", {"OWNER_URL": ""}),
    Wrong("no reader", ("log", "status"), "PROAKTIV_READER_URL", "needs", {"READER_URL": ""}),
    Wrong("no key to trust", ("log", "verify"), "PROAKTIV_LOG_VKEY", "needs --vkey or", {}),
    Wrong("no folder for the signer's memory", ("work", "--sign"), "--state", "needs --state DIR, a folder", {}),
    # what cannot be read
    Wrong("a typing error", WORK, "PROAKTIV_LETTER_DIR", "is PROAKTIV_LETTERS_DIR meant?", {"LETTER_DIR": "/x"}),
    Wrong("an unknown environment", WORK, "PROAKTIV_ENV", "'production', 'test' or 'demo'", {"ENV": SECRET}),
    Wrong("a key that is no base64", WORK, "PROAKTIV_INDEX_KEY", DRAW, {"INDEX_KEY": f"{SECRET}!"}),
    Wrong("a key that is too short", WORK, "PROAKTIV_KEK_FLOW", DRAW, {"KEK_FLOW": b64(bytes(range(16)))}),
    Wrong("a key of zeros", WORK, "PROAKTIV_KEK_VIEW", DRAW, {"KEK_VIEW": b64(bytes(32))}),
    Wrong("a URL that is none", WORK, "PROAKTIV_DATABASE_URL", "postgresql://role:", {"DATABASE_URL": SECRET}),
    Wrong(
        *("another database", WORK, "PROAKTIV_DATABASE_URL", "must be PostgreSQL"),
        {"DATABASE_URL": f"mysql://a:{SECRET}@host/x"},
    ),
    Wrong(
        *("a URL without a database", MIGRATE, "PROAKTIV_OWNER_URL", "postgresql://role:password@host/database"),
        {"OWNER_URL": f"postgresql://a:{SECRET}@host"},
    ),
    Wrong("registers that are no JSON", WORK, "PROAKTIV_REGISTERS", "is not JSON:", {"REGISTERS": f"A={SECRET}"}),
    Wrong("hosts that are no JSON", WORK, "PROAKTIV_OUTBOUND", "is not JSON:", {"OUTBOUND": SECRET}),
    Wrong("no time at all", WORK, "PROAKTIV_DEADLINE_SECONDS", "greater than 0", {"DEADLINE_SECONDS": "0"}),
    Wrong("a set too large", WORK, "PROAKTIV_BATCH", "less than or equal to 250", {"BATCH": "100000"}),
    Wrong("an unknown form of log lines", WORK, "PROAKTIV_LOG_FORMAT", "'json' or 'text'", {"LOG_FORMAT": "yaml"}),
    # what contradicts itself
    Wrong("a name for an id", WORK, "PROAKTIV_CONTROLLER", "PROAKTIV_CONTROLLER_NAME", {"CONTROLLER": "Stadt M."}),
    Wrong("one key twice", WORK, "PROAKTIV_KEK_FACTS", DRAW, {"KEK_FACTS": b64(bytes([3]) * 32)}),
    Wrong(
        *("halves of two pairs", SURFACES["intake"], "PROAKTIV_INTAKE_PUBLIC_KEY", "set both from one pair"),
        {"INTAKE_PUBLIC_KEY": b64(bytes(range(9, 41)))},
    ),
    Wrong("an origin with blanks", SIGN, "PROAKTIV_LOG_ORIGIN", "flowlog.example.org/1", {"LOG_ORIGIN": "our log"}),
    Wrong("a key of another log", SIGN, "PROAKTIV_LOG_VKEY", "put back the key", {"LOG_VKEY": "x+00000000+AQ=="}),
    Wrong("witnesses that are no JSON", SIGN, "PROAKTIV_WITNESSES", "is not JSON:", {"WITNESSES": SECRET}),
    Wrong(
        "a witness without a key", SIGN, "PROAKTIV_WITNESSES", "as `proaktiv witness init`", {"WITNESSES": '{"x": "y"}'}
    ),
    Wrong(
        *("a witness that may not be called", SIGN, "PROAKTIV_OUTBOUND", "add dsb.example there"),
        {"WITNESSES": json.dumps({WITNESS: "https://dsb.example/zeuge"})},
    ),
    Wrong(
        *("a witness without TLS", SIGN, "PROAKTIV_WITNESSES (dsb.example/zeuge)", "take https"),
        {"WITNESSES": json.dumps({WITNESS: "http://dsb.example/zeuge"}), "OUTBOUND": '["dsb.example"]'},
    ),
    Wrong(
        *("a witness that has no address", SIGN, "PROAKTIV_WITNESSES (dsb.example/zeuge)", "of the form https://host"),
        {"WITNESSES": json.dumps({WITNESS: f"https://a:{SECRET}@dsb.example"})},
    ),
    Wrong(
        *("stamps of nobody", SIGN, "PROAKTIV_TSA_ROOTS", "belong together"),
        {"TSA_URL": "https://tsa.example/tsr"},
    ),
    Wrong(
        *("roots that are none", SIGN, "PROAKTIV_TSA_ROOTS", "not PEM"),
        {"TSA_URL": "https://tsa.example/tsr", "TSA_ROOTS": "{folder}/file", "OUTBOUND": '["tsa.example"]'},
    ),
    Wrong(
        *("private addresses of nobody who vouches", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (register.example)"),
        *("no host of PROAKTIV_WITNESSES", PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"register.example": ["10.0.0.7"]}'}),
    ),
    Wrong(
        *("a private address for another port", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example:8443)"),
        *("no host of PROAKTIV_WITNESSES", PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"dsb.example:8443": ["10.0.0.7"]}'}),
    ),
    Wrong(
        *("a whole private network", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example)", "too wide: at most a /24"),
        PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"dsb.example": ["10.0.0.0/8"]}'},
    ),
    Wrong(
        *("a public address for a private one", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example)", "no private net"),
        PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"dsb.example": ["93.184.216.34"]}'},
    ),
    Wrong(
        *("a cloud's secrets for a witness", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example)", "a cloud serves"),
        PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"dsb.example": ["fd00:ec2::254"]}'},
    ),
    Wrong(
        *(
            "an address that is none",
            SIGN,
            "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example)",
            '"host[:port]": ["10.0.0.7"]',
        ),
        PRIVATE | {"LOG_PRIVATE_ADDRESSES": f'{{"dsb.example": ["{SECRET}"]}}'},
    ),
    Wrong(
        *("a private address that is no list", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example)", "valid tuple"),
        PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"dsb.example": "10.0.0.7"}'},
    ),
    Wrong(
        *("no private address", SIGN, "PROAKTIV_LOG_PRIVATE_ADDRESSES (dsb.example)", "names no address"),
        PRIVATE | {"LOG_PRIVATE_ADDRESSES": '{"dsb.example": []}'},
    ),
    Wrong(
        *("keys of the log that are none", SURFACES["citizen"], "PROAKTIV_LOG_VKEY", "what `proaktiv log vkey` prints"),
        {"LOG_VKEY": "no key"},
    ),
    Wrong("adopting beside a witness", (*SIGN, "--adopt"), "--adopt", "use proaktiv log remember", PRIVATE),
    Wrong(
        *("an authority of nobody", SIGN, "PROAKTIV_LOG_CA_FILE", "no PEM certificate stands in it"),
        PRIVATE | {"LOG_CA_FILE": "{folder}/file"},
    ),
    Wrong(
        *("an authority that is not there", SIGN, "PROAKTIV_LOG_CA_FILE", "no such file"),
        PRIVATE | {"LOG_CA_FILE": "{folder}/nowhere"},
    ),
    Wrong(
        *("the next key is the present one", SIGN, "PROAKTIV_SIGNING_KEY_NEXT", DRAW),
        dict.fromkeys(("SIGNING_KEY", "SIGNING_KEY_NEXT"), b64(bytes(range(40, 72)))),
    ),
    Wrong(
        *("a URL for a host", WORK, "PROAKTIV_OUTBOUND", '["register.example.org"]'),
        {"OUTBOUND": '["https://register.example"]'},
    ),
    Wrong(
        *("a register that may not be called", WORK, "PROAKTIV_OUTBOUND", "add register.example there"),
        {"REGISTERS": '{"MELDEREGISTER": "https://register.example"}'},
    ),
    Wrong(
        *("a register without TLS", WORK, "PROAKTIV_REGISTERS (MELDEREGISTER)", "take https"),
        {"REGISTERS": '{"MELDEREGISTER": "http://register.example"}', "OUTBOUND": '["register.example"]'},
    ),
    Wrong(
        *("a register with a password in its address", WORK, "PROAKTIV_REGISTERS (A)", "of the form https://host"),
        {"REGISTERS": f'{{"A": "https://a:{SECRET}@register.example"}}'},
    ),
    Wrong(
        *("a certificate without its key", WORK, "PROAKTIV_CLIENT_CERTIFICATE", "belong together"),
        {"CLIENT_CERTIFICATE": "{folder}/file"},
    ),
    Wrong(
        *("a certificate that is none", WORK, "PROAKTIV_CLIENT_CERTIFICATE", "is no PEM file of its kind"),
        {"CLIENT_CERTIFICATE": "{folder}/file", "CLIENT_KEY": "{folder}/file"},
    ),
    Wrong(
        *("a key that is not there", WORK, "PROAKTIV_CLIENT_CERTIFICATE", "nowhere cannot be read"),
        {"CLIENT_CERTIFICATE": "{folder}/file", "CLIENT_KEY": "{folder}/nowhere"},
    ),
    Wrong(
        *(
            "a private address of no register",
            WORK,
            "PROAKTIV_REGISTER_PRIVATE_ADDRESSES",
            "is no host of PROAKTIV_REG",
        ),
        {"REGISTER_PRIVATE_ADDRESSES": '{"behoerde.intern": ["10.20.0.7"]}'},
    ),
    Wrong(
        *("an authority of registers that is not there", WORK, "PROAKTIV_REGISTER_CA_FILE", "no such file"),
        {"REGISTER_CA_FILE": "{folder}/nowhere"},
    ),
    Wrong(
        *("an audience that is no address", SURFACES["intake"], "PROAKTIV_TOKEN_AUDIENCE", "https://host/token"),
        {"TOKEN_AUDIENCE": "intake"},
    ),
    Wrong(
        "PDF without a letterhead", WORK, "PROAKTIV_LETTERHEAD_ADDRESS", "need a letterhead", {"LETTERS_FORMAT": "pdf"}
    ),
    Wrong(
        *("a letterhead of one line", WORK, "PROAKTIV_LETTERHEAD_ADDRESS", "two to five lines"),
        PRINTED | {"LETTERHEAD_ADDRESS": '["Stadt"]'},
    ),
    Wrong(
        *("an entry with a code", WORK, "PROAKTIV_LETTERHEAD_ADDRESS", "no user, query or fragment"),
        PRINTED | {"LETTERHEAD_ENTRY": f"https://x.example/b#{SECRET}"},
    ),
    Wrong(
        *("a letter that outlives its lease", WORK, "PROAKTIV_DEADLINE_SECONDS", "must be below 40"),
        PRINTED | {"DEADLINE_SECONDS": "40"},
    ),
    Wrong("mail without a relay", WORK, "PROAKTIV_MAIL_HOST", "names no relay", {"MAIL_SENDER": "a@x.example"}),
    Wrong("mail without a sender", WORK, "_SENDER", "a name and an address", MAIL | {"MAIL_SENDER": ""}),
    Wrong("a page with an id", WORK, "_PAGE", "no user, query", MAIL | {"MAIL_PAGE": f"https://x.example/{SECRET}/1"}),
    Wrong(
        "a page to leave at with an id",
        WORK,
        "_LEAVE",
        "no user, query",
        MAIL | {"MAIL_LEAVE": f"https://x.example/{SECRET}/1"},
    ),
    Wrong(
        "reports of no domain",
        WORK,
        "PROAKTIV_MAIL_BOUNCES_DIR",
        "set PROAKTIV_MAIL_BOUNCES",
        MAIL | {"MAIL_BOUNCES_DIR": "/"},
    ),
    Wrong(
        "reports in no folder",
        WORK,
        "PROAKTIV_MAIL_BOUNCES_DIR",
        "names no folder",
        MAIL | {"MAIL_BOUNCES_DIR": "/nowhere", "MAIL_BOUNCES": "bounce.x.example"},
    ),
    Wrong("half a log-in", WORK, "_PASSWORD", "or neither", MAIL | {"MAIL_PASSWORD": SECRET}),
    Wrong("mail in the clear", WORK, "PROAKTIV_MAIL_TLS", "starttls or implicit", MAIL | {"MAIL_TLS": "none"}),
    Wrong(
        "a kind of TLS that is none",
        WORK,
        "PROAKTIV_MAIL_TLS",
        "'starttls', 'implicit' or 'none'",
        {"MAIL_TLS": "ssl3"},
    ),
    # what is not there
    Wrong("a folder that is none", WORK, "PROAKTIV_LETTERS_DIR", "make it first", {"LETTERS_DIR": "{folder}/nowhere"}),
    Wrong("a memory that is a file", (*SIGN[:3], "{folder}/file"), "--state", "cannot be used", {}),
    Wrong("a surface that is none", ("serve", "--surface", "door"), "--surface", "intake, citizen and office", {}),
    Wrong("a part that is none", ("doctor", "--part", "door"), "--part", "work, sign, intake, citizen, office", {}),
    Wrong(
        *("a database that is away", SURFACES["office"], "PostgreSQL", "cannot be reached"),
        {"DATABASE_URL": f"postgresql://a:{SECRET}@127.0.0.1:9/x"},
    ),
    Wrong("a schema that is none", SURFACES["office"], "schema", "migrate as the owner", {"DATABASE_URL": "{empty}"}),
    # the wrong role
    Wrong("the owner for the application", WORK, "PROAKTIV_DATABASE_URL", "proaktiv_app", {"DATABASE_URL": "{owner}"}),
    Wrong(
        "the reader for a surface",
        SURFACES["citizen"],
        "PROAKTIV_DATABASE_URL",
        "proaktiv_app",
        {"DATABASE_URL": "{reader}"},
    ),
    Wrong(
        "the owner for the signer", SIGN, "PROAKTIV_SEQUENCER_URL", "proaktiv_sequencer", {"SEQUENCER_URL": "{owner}"}
    ),
    # production
    Wrong(
        *("letters without a window in production", WORK, "PROAKTIV_LETTERS_FORMAT", "take pdf"),
        PRODUCTION | {"LETTERS_FORMAT": "text"},
    ),
    Wrong("production on the embedded server", WORK, "embedded PostgreSQL", "needs one of its own", PRODUCTION),
    Wrong(
        *("production that trusts anybody's rules", SURFACES["office"], "PROAKTIV_RELEASE_PUBLIC_KEY", "set it"),
        PRODUCTION | {"RELEASE_PUBLIC_KEY": ""},
    ),
    Wrong(
        *("production by the demonstration's clock", SIGN, "PROAKTIV_DEMO_CLOCK", "unset it"),
        PRODUCTION | {"DEMO_CLOCK": "1"},
    ),
    Wrong(
        *("production that signs for plain HTTP", SURFACES["intake"], "PROAKTIV_TOKEN_AUDIENCE", "take https"),
        PRODUCTION | {"TOKEN_AUDIENCE": "http://intake.example/token"},
    ),
    Wrong("the simulated city in production", ("demo",), "PROAKTIV_ENV", "unset it or say demo", {"ENV": "production"}),
)
AS_PROCESSES = frozenset(
    {
        *("no key for codes", "a typing error", "another database", "one key twice", "a folder that is none"),
        *("the owner for the application", "production on the embedded server", "a database that is away"),
    }
)

Given = Callable[[Wrong], tuple[tuple[str, ...], dict[str, str]]]


@pytest.fixture
def given(urls: dict[str, str], tmp_path: Path, postgres: EmbeddedServer) -> Given:
    """The command and the environment of one mistake; all else is right, and every URL holds a password."""
    (tmp_path / "file").touch()
    known = {role: url.replace("@", f":{SECRET}@", 1) for role, url in urls.items()}
    known |= {"folder": str(tmp_path), "empty": postgres.url("proaktiv_owner", "postgres")}
    right = everything({role: known[role] for role in urls}, tmp_path)

    def put(value: str) -> str:
        for name, stands_for in known.items():
            value = value.replace(f"{{{name}}}", stands_for)
        return value

    def make(wrong: Wrong) -> tuple[tuple[str, ...], dict[str, str]]:
        changed = {f"PROAKTIV_{name}": put(value) for name, value in wrong.settings.items()}
        return tuple(map(put, wrong.command)), {name: value for name, value in (right | changed).items() if value}

    return make


def judge(wrong: Wrong, line: str, environment: Mapping[str, str]) -> None:
    """One line that names the setting and the remedy, and none of the values that are nobody's business."""
    assert wrong.names in line
    assert wrong.remedy in line
    assert SECRET not in line
    assert [name for name, value in environment.items() if name.endswith("_KEY") and value in line] == []
    assert len(line) < 400


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """Run a command as ``proaktiv`` does, in this process, and return what it refuses with."""

    def started(*_: object, **__: object) -> None:
        pytest.fail("it started")

    # A mistake that is not noticed must fail the test, not serve for ever.
    monkeypatch.setattr(command_line.uvicorn, "run", started)
    monkeypatch.setattr(command_line, "tick_until_stopped", started)

    def run(command: tuple[str, ...], environment: Mapping[str, str]) -> str:
        for name in [name for name in os.environ if name.startswith("PROAKTIV_")]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["proaktiv", *command])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        assert (ended.value.code, out) == (2, "")
        (line,) = err.splitlines()
        assert line.startswith("proaktiv: ")
        return line.removeprefix("proaktiv: ")

    yield run
    structlog.reset_defaults()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_wrong_configuration_refuses_in_one_line_with_its_remedy(
    wrong: Wrong, given: Given, run: Callable[..., str]
) -> None:
    command, environment = given(wrong)
    judge(wrong, run(command, environment), environment)


@pytest.mark.parametrize(
    "wrong", [wrong for wrong in WRONG if wrong.name in AS_PROCESSES], ids=lambda wrong: wrong.name
)
def test_a_process_refuses_like_that_too(wrong: Wrong, given: Given) -> None:
    command, environment = given(wrong)
    judge(wrong, refused(proaktiv(*command, settings=environment)), environment)


@pytest.mark.parametrize("command", [WORK, SIGN, *SURFACES.values()], ids=" ".join)
def test_control_what_is_right_starts(command: tuple[str, ...], given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment in which each mistake above is made has no other."""
    started: list[str] = []
    monkeypatch.setattr(command_line.uvicorn, "run", lambda *_, **__: started.append("surface"))
    monkeypatch.setattr(command_line, "tick_until_stopped", lambda *_, **__: started.append("worker"))
    words, environment = given(Wrong("", command, "", ""))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["proaktiv", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    structlog.reset_defaults()
    assert ended.value.code in {0, None}
    assert len(started) == 1


def test_there_are_thirty_mistakes_and_more() -> None:
    assert len({wrong.name for wrong in WRONG}) == len(WRONG) >= 30
    assert {wrong.name for wrong in WRONG} >= AS_PROCESSES


def test_a_variable_that_resembles_no_setting_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROAKTIV_VECTORS", "/somewhere")
    assert read_settings().batch == 100
