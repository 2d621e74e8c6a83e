"""Which channels a worker has by its settings, and what it has of them."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from notifiers.folder import FolderChannel
from notifiers.letter import LetterChannel
from notifiers.mail import MailChannel
from proaktiv import channels
from proaktiv.contradictions import contradictions
from proaktiv.demo.letters import BesideChannel
from tests.settings_of import everything, settings_of

URLS = {role: f"postgresql://{role}@127.0.0.1:9/none" for role in ("app", "sequencer", "owner", "reader")}
LETTERHEAD = {
    "PROAKTIV_LETTERHEAD_ADDRESS": json.dumps(["Stadt Musterstadt", "00001 Musterstadt"]),
    "PROAKTIV_LETTERHEAD_CONTACT": json.dumps([["Telefon", "0000 115"]]),
    "PROAKTIV_LETTERHEAD_ENTRY": "https://musterstadt.example/b",
}
MAIL = {
    "PROAKTIV_MAIL_HOST": "relay.example",
    "PROAKTIV_MAIL_HELLO": "proaktiv.musterstadt.example",
    "PROAKTIV_MAIL_SENDER": "post@musterstadt.example",
    "PROAKTIV_MAIL_BOUNCES": "bounce.musterstadt.example",
    "PROAKTIV_MAIL_PAGE": "https://musterstadt.example/b",
}


@pytest.mark.parametrize(
    ("form", "kind"), [("text", FolderChannel), ("pdf", LetterChannel), ("pdf+text", BesideChannel)]
)
def test_letters_come_in_the_form_that_is_set(tmp_path: Path, form: str, kind: type) -> None:
    settings = settings_of(everything(URLS, tmp_path) | LETTERHEAD | {"PROAKTIV_LETTERS_FORMAT": form})
    assert list(contradictions(settings, "work")) == []
    with ExitStack() as ending:
        found = channels.opened(settings, ending)
    assert {name: type(channel) for name, channel in found.items()} == {"LETTER": kind}


def test_where_a_relay_is_set_there_is_mail_with_ids_of_its_own_key(tmp_path: Path) -> None:
    settings = settings_of(everything(URLS, tmp_path) | MAIL)
    assert list(contradictions(settings, "work")) == []
    with ExitStack() as ending:
        mail = channels.opened(settings, ending)["MAIL"]
    assert isinstance(mail, MailChannel)
    assert channels.sender(settings).key not in {settings.index_key, settings.code_key}
    assert channels.sender(settings).key == channels.sender(settings).key


def test_codes_in_the_clear_beside_letters_are_refused_in_production(tmp_path: Path) -> None:
    production = {
        "PROAKTIV_ENV": "production",
        "PROAKTIV_REGISTERS": '{"MELDEREGISTER": "https://register.example"}',
        "PROAKTIV_OUTBOUND": '["register.example"]',
        "PROAKTIV_LETTERS_FORMAT": "pdf+text",
    }
    settings = settings_of(everything(URLS, tmp_path) | LETTERHEAD | production)
    (said,) = contradictions(settings, "work")
    assert "take pdf" in said
