"""Settings that are each well-formed and together make no sense: told at the start, before the first event.

Left to others: what a process needs (``needs``), the form of each value (``settings``).
"""

import re
from collections.abc import Iterator
from itertools import combinations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from notifiers.smtp import Tls
from proaktiv import channels, entrances, vouching, ways_out
from proaktiv.core.addresses import LOOPBACK_NAMES, AddressRefused, Target, read_url
from proaktiv.core.outbound import LEASE
from proaktiv.flowlog.checkpoints import NoteError, vkey_of
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.settings import Env, Settings

_CONTROLLER = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_SECRETS = (
    *("index_key", "code_key", "kek_view", "kek_contact", "kek_facts", "kek_flow", "kek_proof"),
    *(
        "signing_key",
        "signing_key_next",
        "intake_private_key",
        "intake_public_key",
        "staff_public_key",
        "staff_private_key",
        "erasure_key",
    ),
)
_SEVERAL = (
    *("kek_view_others", "kek_contact_others", "kek_facts_others", "kek_flow_others", "kek_proof_others"),
    *("intake_private_key_others", "staff_private_key_others"),
)
_DRAW = "draw one of its own for each: head -c 32 /dev/urandom | base64"
_OWN_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


def contradictions(settings: Settings, part: str) -> Iterator[str]:
    """Yield what contradicts itself in the settings of one process, each in one line with its remedy."""
    if part != "sign" and settings.controller and not _CONTROLLER.fullmatch(settings.controller):
        yield (
            "PROAKTIV_CONTROLLER is a short id of a-z, 0-9, . and - for the log;"
            " the full name belongs into PROAKTIV_CONTROLLER_NAME"
        )
    yield from _keys(settings)
    if part == "sign":
        yield from _log(settings)
    if part == "work":
        yield from _addresses(settings)
        yield from ways_out.contradictions(settings)
        yield from _folders(settings)
        yield from _letters(settings)
        yield from _mail(settings)
    if part == "office":
        yield from _office(settings)
    if part == "citizen":
        yield from _account(settings)
        yield from _log_keys(settings)
    if part == "intake" and settings.token_audience:
        yield from _audience(settings)


def _letters(settings: Settings) -> Iterator[str]:
    if settings.letters_format == "text":
        if settings.env is Env.PRODUCTION:
            yield "PROAKTIV_LETTERS_FORMAT text has no window, letterhead or picture of the code: take pdf"
        return
    if settings.letters_format == "pdf+text" and settings.env is Env.PRODUCTION:
        yield "PROAKTIV_LETTERS_FORMAT pdf+text puts codes in the clear beside PDFs, for the demonstration: take pdf"
    try:
        channels.letterhead(settings)
    except ValueError as error:
        yield f"PROAKTIV_LETTERHEAD_ADDRESS, _CONTACT and _ENTRY make no letterhead: {error}"
    if settings.env is Env.PRODUCTION and not settings.letterhead_entry.startswith("https://"):
        yield "PROAKTIV_LETTERHEAD_ENTRY is what people type and scan: take https://host/b"
    most = LEASE.total_seconds() - channels.TYPESETTING_SECONDS
    if settings.deadline_seconds >= most:
        yield f"PROAKTIV_DEADLINE_SECONDS must be below {most:g}: a letter is set and handed over within one lease"


def _mail(settings: Settings) -> Iterator[str]:
    if not settings.mail_host:
        if settings.mail_sender or settings.mail_page or settings.mail_hello:
            yield "PROAKTIV_MAIL_HOST names no relay, and mail is set up: set it, or unset every PROAKTIV_MAIL_ setting"
        return
    try:
        channels.relay(settings)
        channels.sender(settings)
    except ValueError as error:
        yield f"PROAKTIV_MAIL_HELLO, _USER, _PASSWORD, _SENDER, _BOUNCES, _PAGE and _LEAVE make no mail: {error}"
    if settings.mail_bounces_dir is not None and not settings.mail_bounces:
        yield "PROAKTIV_MAIL_BOUNCES_DIR is read, and no report would say of which mail: set PROAKTIV_MAIL_BOUNCES"
    elif settings.mail_bounces_dir is not None and not settings.mail_bounces_dir.is_dir():
        yield "PROAKTIV_MAIL_BOUNCES_DIR names no folder; let the relay deliver there first"
    if settings.env is Env.PRODUCTION and settings.mail_leave and not settings.mail_leave.startswith("https://"):
        yield "PROAKTIV_MAIL_LEAVE is where mail programs stop mails: take https://host/keine-mails"
    if settings.mail_tls is Tls.NONE and settings.mail_host not in _OWN_MACHINE:
        yield "PROAKTIV_MAIL_TLS none is for a relay on this machine: take starttls or implicit"
    if settings.env is Env.PRODUCTION and not settings.mail_page.startswith("https://"):
        yield "PROAKTIV_MAIL_PAGE is the one link of every mail: take https://host/word"


def _office(settings: Settings) -> Iterator[str]:
    if settings.staff_private_key and settings.staff_public_key:
        private = X25519PrivateKey.from_private_bytes(settings.staff_private_key)
        if private.public_key().public_bytes_raw() != settings.staff_public_key:
            yield (
                "PROAKTIV_STAFF_PUBLIC_KEY is not the public half of PROAKTIV_STAFF_PRIVATE_KEY:"
                " no staff part of the log would ever open; set both from one pair"
            )
    page = _read(settings.office_page) if settings.office_page else None
    if settings.office_page and (page is None or settings.office_page.endswith("/")):
        yield "PROAKTIV_OFFICE_PAGE is the address of the office's pages without a slash at its end: https://host"
    elif page is not None and page.plain and settings.env is Env.PRODUCTION:
        yield "PROAKTIV_OFFICE_PAGE must be https: staff log in there"
    yield from _provider(
        settings,
        ("oidc_issuer", "oidc_client_id", "oidc_client_secret"),
        page="office_page",
        half="staff cannot log in by half a provider",
    )


def _account(settings: Settings) -> Iterator[str]:
    page = _read(settings.account_page) if settings.account_page else None
    if settings.account_page and (page is None or settings.account_page.endswith("/")):
        yield "PROAKTIV_ACCOUNT_PAGE is the address of the citizens' pages without a slash at its end: https://host"
    elif page is not None and page.plain and settings.env is Env.PRODUCTION:
        yield "PROAKTIV_ACCOUNT_PAGE must be https: citizens log in there"
    login = ("account_issuer", "account_client_id", "account_secret_file")
    yield from _provider(settings, login, page="account_page", half="citizens cannot log in by half a provider")
    if all(getattr(settings, name) for name in login):
        try:
            entrances.account_client(settings)
        except ValueError as error:
            yield f"PROAKTIV_ACCOUNT_SECRET_FILE and _LEVELS make no log-in: {error}"


def _provider(settings: Settings, login: tuple[str, ...], *, page: str, half: str) -> Iterator[str]:
    lacking = [name for name in login if not getattr(settings, name)]
    if len(lacking) == len(login):
        return
    if lacking or not getattr(settings, page):
        missing = [*lacking, *([] if getattr(settings, page) else [page])]
        yield f"{half}: set {', '.join(f'PROAKTIV_{name.upper()}' for name in missing)} too, or none of them"
        return
    setting = f"PROAKTIV_{login[0].upper()}"
    issuer = _read(getattr(settings, login[0]))
    if issuer is None:
        yield f"{setting} is the provider's name for itself, as in its tokens: https://host/path"
    elif issuer.plain and (settings.env is Env.PRODUCTION or issuer.host not in LOOPBACK_NAMES):
        yield f"{setting} says who is let in: take https"
    elif not issuer.names & set(settings.outbound):
        yield f"{setting} names a host that is not on PROAKTIV_OUTBOUND: add {issuer.host} there"


def _folders(settings: Settings) -> Iterator[str]:
    if settings.folders and not settings.intake_public_key:
        yield "PROAKTIV_FOLDERS needs PROAKTIV_INTAKE_PUBLIC_KEY: what is taken is sealed at once; set it"
    for client, folder in settings.folders.items():
        if not folder.is_dir():
            yield f"PROAKTIV_FOLDERS ({client}) names no folder; make it first, for both users alone"
    if len({folder.resolve() for folder in settings.folders.values()}) < len(settings.folders):
        yield "PROAKTIV_FOLDERS names one folder for two clients: nobody could say whose events lie there; make another"


def _keys(settings: Settings) -> Iterator[str]:
    held = {name: value for name in _SECRETS if (value := getattr(settings, name))}
    for name in _SEVERAL:
        others = getattr(settings, name)
        held |= {f"{name} ({place})": value for place, value in enumerate(others, 1)}
        if others and not getattr(settings, name.removesuffix("_others")):
            yield f"PROAKTIV_{name.upper()} opens as well as another, and there is none: set it without _OTHERS"
    for (one, key), (other, same) in combinations(held.items(), 2):
        if key == same:
            yield f"PROAKTIV_{one.upper()} and PROAKTIV_{other.upper()} hold the same key; {_DRAW}"
    if settings.intake_private_key and settings.intake_public_key:
        private = X25519PrivateKey.from_private_bytes(settings.intake_private_key)
        if private.public_key().public_bytes_raw() != settings.intake_public_key:
            yield (
                "PROAKTIV_INTAKE_PUBLIC_KEY is not the public half of PROAKTIV_INTAKE_PRIVATE_KEY:"
                " what the intake seals could never be read; set both from one pair"
            )


def _log(settings: Settings) -> Iterator[str]:
    if not settings.signing_key or not settings.log_origin:
        return
    try:
        held = [key for key in (settings.signing_key, settings.signing_key_next) if key]
        vkeys = [str(vkey_of(settings.log_origin, Ed25519PrivateKey.from_private_bytes(key))) for key in held]
    except NoteError:
        yield "PROAKTIV_LOG_ORIGIN has neither blanks nor +: flowlog.example.org/1"
        return
    if settings.log_vkey and not set(settings.log_vkey.split()) & set(vkeys):
        yield (
            "PROAKTIV_LOG_VKEY is not the public half of PROAKTIV_SIGNING_KEY under PROAKTIV_LOG_ORIGIN;"
            " put back the key and origin of this log"
        )
    yield from vouching.contradictions(settings)


def _log_keys(settings: Settings) -> Iterator[str]:
    if not settings.log_vkey:
        return
    try:
        Policy.of(settings.log_vkey)
    except NoteError as error:
        yield f"PROAKTIV_LOG_VKEY holds what `proaktiv log vkey` prints, several keys parted by blanks: {error}"


def _addresses(settings: Settings) -> Iterator[str]:
    for entry in settings.outbound:
        if not _HOST.fullmatch(entry):
            yield 'PROAKTIV_OUTBOUND takes host or host:port, no URL: ["register.example.org"]'
            break
    for name, url in settings.registers.items():
        place = f"PROAKTIV_REGISTERS ({name})"
        target = _read(url)
        if target is None:
            yield f"{place} is no address of the form https://host[:port]/path"
        elif target.plain and (settings.env is Env.PRODUCTION or target.host not in LOOPBACK_NAMES):
            yield f"{place} is asked for personal data: take https"
        elif not target.names & set(settings.outbound):
            yield f"{place} names a host that is not on PROAKTIV_OUTBOUND: add {target.host} there"


def _audience(settings: Settings) -> Iterator[str]:
    target = _read(settings.token_audience)
    if target is None:
        yield "PROAKTIV_TOKEN_AUDIENCE is the address of this intake's token: https://host/token"
    elif target.plain and settings.env is Env.PRODUCTION:
        yield "PROAKTIV_TOKEN_AUDIENCE is what registers sign for: take https://host/token, as they see it"


def _read(url: str) -> Target | None:
    try:
        return read_url(url)
    except AddressRefused:
        return None
