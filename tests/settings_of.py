"""A whole set of settings for one installation, as an operator would put them into the environment."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from proaktiv.settings import Settings

ORIGIN = "flowlog.musterstadt.example/1"
KEYS = ("INDEX_KEY", "CODE_KEY", "KEK_VIEW", "KEK_CONTACT", "KEK_FACTS", "KEK_FLOW", "KEK_PROOF")
PRINTED = {
    "LETTERS_FORMAT": "pdf",
    "LETTERHEAD_ENTRY": "https://x.example/b",
    "LETTERHEAD_ADDRESS": '["Stadt Musterstadt", "00001 Musterstadt"]',
}
"""Letters as production sets them."""


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def everything(urls: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Every setting of every process at once: more than any of them should be given."""
    letters = folder / "letters"
    letters.mkdir(exist_ok=True)
    intake, staff = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    return {
        "PROAKTIV_ENV": "test",
        "PROAKTIV_CONTROLLER": "musterstadt",
        "PROAKTIV_CONTROLLER_NAME": "Stadt Musterstadt",
        "PROAKTIV_DATABASE_URL": urls["app"],
        "PROAKTIV_SEQUENCER_URL": urls["sequencer"],
        "PROAKTIV_OWNER_URL": urls["owner"],
        "PROAKTIV_READER_URL": urls["reader"],
        **{f"PROAKTIV_{name}": b64(bytes([number]) * 32) for number, name in enumerate(KEYS, 1)},
        "PROAKTIV_INTAKE_PUBLIC_KEY": b64(intake.public_key().public_bytes_raw()),
        "PROAKTIV_INTAKE_PRIVATE_KEY": b64(intake.private_bytes_raw()),
        "PROAKTIV_STAFF_PUBLIC_KEY": b64(staff.public_key().public_bytes_raw()),
        "PROAKTIV_SIGNING_KEY": b64(Ed25519PrivateKey.generate().private_bytes_raw()),
        "PROAKTIV_LOG_ORIGIN": ORIGIN,
        "PROAKTIV_LETTERS_DIR": str(letters),
        "PROAKTIV_REGISTERS": json.dumps({"MELDEREGISTER": "http://127.0.0.1:9/melderegister"}),
        "PROAKTIV_OUTBOUND": json.dumps(["127.0.0.1:9"]),
        "PROAKTIV_TOKEN_AUDIENCE": "http://127.0.0.1/token",
        "PROAKTIV_TICK_SECONDS": "0.05",
    }


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that a process with this environment reads, past this process's own environment."""
    given = {name.removeprefix("PROAKTIV_").lower(): value for name, value in environment.items() if value}
    return Settings(**given)  # type: ignore[arg-type]
