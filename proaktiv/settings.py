"""Settings: one frozen object, read once. Secrets have no default; what a process lacks it does not hold.

Every name is an environment variable ``PROAKTIV_<NAME>``. Which of them a surface needs says ``app.py``.
"""

import base64
import binascii
import json
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from notifiers.smtp import Tls
from proaktiv.core.dsn import spread


class Env(StrEnum):
    """Where this installation stands. ``production`` refuses the embedded database and everything of the demo."""

    PRODUCTION = "production"
    TEST = "test"
    DEMO = "demo"


def _key(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        raw = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("is not base64: head -c 32 /dev/urandom | base64") from None
    if len(raw) != 32:
        raise ValueError(f"has {len(raw)} bytes, a key has 32: head -c 32 /dev/urandom | base64")
    if not any(raw):
        raise ValueError("is all zeros, which everybody knows: head -c 32 /dev/urandom | base64")
    return raw


def _keys(value: object) -> object:
    """Read several keys, parted by commas or blanks."""
    return tuple(_key(part) for part in value.replace(",", " ").split()) if isinstance(value, str) else value


def _url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        try:
            url = make_url(spread(value.get_secret_value()))
        except (ArgumentError, ValueError):
            raise ValueError(
                "is no database URL: postgresql://role:password@host[:port][,host[:port]]/database"
            ) from None
        if url.get_backend_name() not in {"postgresql", "postgres"}:
            raise ValueError("is another database's: the database must be PostgreSQL, locks and roles rest on it")
        if not url.database or not url.username:
            raise ValueError("names no role or no database: postgresql://role:password@host/database")
    return value


def _proxies(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what would let anybody say who asks."""
    try:
        everybody = any(ip_network(each).prefixlen == 0 for each in value)
    except ValueError:
        raise ValueError('names what is no address and no net: ["10.0.0.7", "10.1.0.0/24"]') from None
    if everybody:
        raise ValueError("names everybody: then whoever asks says where from")
    return value


_FORM = (
    'registers {"NAME": "https://host/path"}, hosts ["host"], lines ["line"], contacts [["Telefon", "0000"]],'
    ' levels {"acr": 2}, witnesses {"KEY": "https://host"}, private addresses {"host": ["10.0.0.7"]}'
)


def _json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"is not JSON: {_FORM}") from None


Key = Annotated[bytes | None, BeforeValidator(_key), Field(repr=False)]
Keys = Annotated[tuple[bytes, ...], NoDecode, BeforeValidator(_keys), Field(repr=False)]
Url = Annotated[SecretStr | None, AfterValidator(_url)]
# NoDecode: where pydantic-settings itself reads the JSON, its error names no variable.
Json = (NoDecode, BeforeValidator(_json))


class Settings(BaseSettings):
    """Everything an operator sets."""

    # An empty variable is one that nobody filled in: a folder "" would be the present one, a key "" no key.
    model_config = SettingsConfigDict(env_prefix="PROAKTIV_", env_ignore_empty=True, frozen=True, extra="ignore")

    env: Env = Env.PRODUCTION
    controller: str = ""
    controller_name: str = ""

    database_url: Url = None
    sequencer_url: Url = None
    owner_url: Url = None
    reader_url: Url = None
    eraser_url: Url = None
    keeper_url: Url = None

    index_key: Key = None
    code_key: Key = None
    kek_view: Key = None
    kek_contact: Key = None
    kek_facts: Key = None
    kek_flow: Key = None
    kek_proof: Key = None
    # They open as well and wrap nothing: the former KEK during a rotation, the coming one before it (keys.rotation).
    kek_view_others: Keys = ()
    kek_contact_others: Keys = ()
    kek_facts_others: Keys = ()
    kek_flow_others: Keys = ()
    kek_proof_others: Keys = ()
    intake_public_key: Key = None
    intake_private_key: Key = None
    intake_private_key_others: Keys = ()
    staff_public_key: Key = None
    staff_private_key: Key = None
    # Of pairs that were replaced: they open the staff parts that were sealed before.
    staff_private_key_others: Keys = ()
    # Of the office and the eraser alone: what two people wish in the office the eraser believes by it.
    erasure_key: Key = None
    signing_key: Key = None
    signing_key_next: Key = None
    release_public_key: Key = None

    log_origin: str = ""
    log_vkey: str = ""
    witnesses: Annotated[dict[str, str], *Json] = Field(default_factory=dict)
    tsa_url: str = ""
    tsa_roots: Path | None = None
    tsa_every_seconds: int = Field(default=3600, ge=60, le=7 * 24 * 3600)
    log_private_addresses: Annotated[dict[str, tuple[str, ...]], *Json] = Field(default_factory=dict)
    log_ca_file: Path | None = None
    log_limit_hours: float = Field(default=4.0, ge=0.01, le=24)
    # More wishes to look a person up than that, of one of the staff or by the same two, are a finding (core.series).
    look_ups_per_hour: int = Field(default=5, ge=0, le=20)
    look_ups_per_day: int = Field(default=20, ge=0, le=200)
    # So many may enrol in a day (UTC): each is a question to the register, and perhaps a letter (steps.brake).
    enrolments_per_day: int = Field(default=1_000, ge=1)
    # TLS proxies before a surface: only what they say of whoever asks is believed (X-Forwarded-For).
    proxies: Annotated[tuple[str, ...], AfterValidator(_proxies), *Json] = ("127.0.0.1", "::1")
    letters_dir: Path | None = None
    letters_format: Literal["text", "pdf", "pdf+text"] = "text"
    letterhead_address: Annotated[tuple[str, ...], *Json] = ()
    letterhead_contact: Annotated[tuple[tuple[str, str], ...], *Json] = ()
    letterhead_entry: str = ""
    letterhead_mark: str = ""
    mail_host: str = ""
    mail_port: int = Field(default=587, ge=1, le=65535)
    mail_tls: Tls = Tls.STARTTLS
    mail_hello: str = ""
    mail_user: str = ""
    mail_password: SecretStr | None = None
    mail_sender: str = ""
    mail_bounces: str = ""
    mail_bounces_dir: Path | None = None
    mail_page: str = ""
    mail_leave: str = ""
    mail_per_second: float = Field(default=50.0, ge=0.1, le=1000)
    mail_per_second_and_domain: float = Field(default=10.0, ge=0.1, le=1000)
    destroyed_list: Path | None = None
    registers: Annotated[dict[str, str], *Json] = Field(default_factory=dict)
    register_private_addresses: Annotated[dict[str, tuple[str, ...]], *Json] = Field(default_factory=dict)
    register_ca_file: Path | None = None
    # By which registers and Behörden know this house (mTLS): PEM files, read at the start.
    client_certificate: Path | None = None
    client_key: Path | None = None
    folders: Annotated[dict[str, Path], *Json] = Field(default_factory=dict)
    outbound: Annotated[tuple[str, ...], *Json] = ()
    token_audience: str = ""
    citizen_page: str = ""
    office_page: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_trust: int = Field(default=0, ge=0, le=3)
    account_page: str = ""
    account_issuer: str = ""
    account_client_id: str = ""
    account_secret_file: Path | None = None
    account_levels: Annotated[dict[str, Annotated[int, Field(ge=0, le=3)]], *Json] = Field(default_factory=dict)
    account_max_age_seconds: int = Field(default=900, ge=60, le=12 * 3600)
    public_body: bool = False
    deadline_seconds: float = Field(default=10.0, gt=0, le=50)
    tick_seconds: float = Field(default=1.0, gt=0, le=60)
    batch: int = Field(default=100, ge=1, le=250)
    demo_clock: bool = False
    retention: Annotated[dict[str, dict[str, int]], *Json] = Field(default_factory=dict)
    log_retention: Annotated[dict[str, int], *Json] = Field(default_factory=dict)
    log_format: Literal["json", "text"] = "json"
