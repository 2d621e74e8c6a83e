"""German and English: every sentence of the pages exists in both, and every state has a name."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from starlette.requests import Request

from consent.model import ConsentState
from proaktiv import web
from proaktiv.core.flows import Kind
from proaktiv.core.states import AuftragState, ProposalState
from proaktiv.web.pages import log_words, states
from proaktiv.web.pages.language import LOCALES, catalogue, chosen

WEB = Path(web.__file__).parent


def sentences() -> Iterator[str]:
    for folder in ("pages", "staff", "templates"):
        found = extract_from_dir(WEB / folder, method_map=[("**.py", "python"), ("**.html", "jinja2")])
        for _file, _line, message, _comments, _context in found:
            if message:
                yield message if isinstance(message, str) else message[0]


def test_every_sentence_is_translated_and_none_is_left_over() -> None:
    with (LOCALES / "en.po").open("rb") as file:
        known = {str(message.id): message for message in read_po(file, locale="en") if message.id}
    asked = set(sentences())
    assert len(asked) > 200, "the extraction finds them"
    assert asked - known.keys() == set(), "run `make words` and translate"
    assert known.keys() - asked == set(), "run `make words`: no page says these any more"
    assert [key for key, message in known.items() if not message.string or message.fuzzy] == []


def test_what_is_put_into_a_sentence_is_put_into_its_translation() -> None:
    words = catalogue("en").words
    for german, english in words.items():
        assert sorted(placeholders(german)) == sorted(placeholders(english)), german


def placeholders(text: str) -> list[str]:
    return re.findall(r"%\([a-z_]+\)s", text)


def test_every_state_has_a_name_on_the_page() -> None:
    assert states.named("auftrag") == {state.value for state in AuftragState} | {"undone"}
    unseen = {ProposalState.SUPERSEDED.value, ProposalState.RECALLED.value}
    assert states.named("proposal") == {state.value for state in ProposalState} - unseen
    assert {state.value for state in ConsentState} <= states.named("consent")


def test_every_kind_of_entry_has_a_name_of_its_own_for_the_dsb() -> None:
    names = [log_words.called("kind", kind.label, catalogue("de")) for kind in Kind]
    assert len(set(names)) == len(Kind)


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        ("", "", "de"),
        ("", "en-GB,en;q=0.9,de;q=0.1", "en"),
        ("", "fr,de;q=0.5,en;q=0.2", "de"),
        ("", "de;q=0.2, en;q=0.9", "en"),
        ("", "fr", "de"),
        ("", "en;q=x", "en"),
        ("en", "de", "en"),
        ("de", "en", "de"),
        ("tlh", "en", "en"),
    ],
)
def test_a_page_speaks_what_was_chosen_or_what_the_browser_prefers(cookie: str, accept: str, language: str) -> None:
    headers = [(b"accept-language", accept.encode())]
    if cookie:
        headers.append((b"cookie", f"sprache={cookie}".encode()))
    assert chosen(Request({"type": "http", "headers": headers})) == language
