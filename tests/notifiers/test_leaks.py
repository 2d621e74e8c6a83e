"""The leak linter: a canary person is found in every dress, and nobody else is."""

import base64
import codecs
import gzip
import hashlib
import html
import quopri
import time
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from notifiers.leaks import Finding, Known, Leak, check, findings
from notifiers.mail import MailChannel, Sender
from notifiers.mail_words import CONFIRMATION, LANGUAGES, WORDS
from notifiers.model import Recipient, Rendered
from notifiers.smtp import Relay, Tls
from tests.notifiers.building import a_message

ROOT = Path(__file__).parents[2]
PAGE = "https://musterstadt.example/"

CANARY = Known(
    names=("Zoë Kanarienvögel", "Quäx-Müßig"),
    places=("Zwitschergäßchen 77", "98761 Piepmatzingen"),
    days=(date(1994, 3, 8),),
    ids=("DE-4711-8833-9042", "01729998877"),
    others=("zoe.kanarie@nest.example", "0123-4567-89AB-C"),
)
TO = "zoe.kanarie@nest.example"


def mail(text: str = "Guten Tag", subject: str = "Hallo", extra: str = "", kind: str = "plain") -> Rendered:
    message = EmailMessage()
    message["To"] = TO
    message["Subject"] = subject
    if extra:
        message["X-Extra"] = extra
    message.set_content(text, subtype=kind)
    return Rendered("message/rfc822", message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), to=TO)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


NAME = "Zoë Kanarienvögel"
PLANTED = [
    NAME,
    NAME.lower(),
    NAME.upper(),
    "Zoe Kanarienvoegel",
    "Zoe Kanarienvogel",
    "KANARIENVOEGEL, ZOE",
    "Kanarienvögel, Zoë",
    "kanarienvögel_zoë",
    "Guten Tag, Kanarienvögel!",
    "Z o ë   K a n a r i e n v ö g e l",
    "Kanarien\u200bvögel",
    "Kanarien\u00advögel",
    "legövneiranaK",
    "Zoe\u0308 Kanarienvo\u0308gel",
    "Frau Quaex-Muessig",
    "Frau Quax",
    quote(NAME),
    quote(quote("Kanarienvögel")),
    "?name=Zo%C3%AB+Kanarienv%C3%B6gel",
    b64(NAME),
    f"/path/{b64('Frau ' + NAME)}/x",
    b64(b64(NAME)),
    base64.urlsafe_b64encode(NAME.encode()).decode().rstrip("="),
    base64.b64encode(gzip.compress(NAME.encode() * 3, mtime=0)).decode(),
    NAME.encode().hex(),
    quopri.encodestring(NAME.encode()).decode(),
    html.escape(NAME).replace("ë", "&euml;").replace("ö", "&#246;"),
    "Kanarien<b></b>vögel",
    "\\u004banarienv\\u00f6gel",
    codecs.encode(NAME, "rot13"),
    "https://xn--kanarienvgel-djb.example",
    "Zwitschergäßchen 77",
    "Zwitschergaesschen",
    "zwitscherga\u0308sschen",
    "98761",
    "PIEPMATZINGEN",
    "1994-03-08",
    "08.03.1994",
    "8.3.1994",
    "8.3.94",
    "03/08/1994",
    "8. März 1994",
    "8. Maerz",
    "March 8, 1994",
    "8 Mar 1994",
    "19940308",
    "08031994",
    "geboren 1994",
    "763084800",
    "DE-4711-8833-9042",
    "DE471188339042",
    "DE 4711 8833 9042",
    "endet auf 9042",
    "01729998877",
    "0172 / 999 88 77",
    "...8877",
    "0123-4567-89AB-C",
    "0123456789abc",
    hashlib.sha1(TO.encode(), usedforsecurity=False).hexdigest(),
    hashlib.sha256(TO.encode()).hexdigest(),
    "zoe.kanarie",
]


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("place", ["text", "html", "subject", "header"])
def test_control_a_planted_canary_is_found(planted: str, place: str) -> None:
    if place == "text":
        rendered = mail(f"Guten Tag {planted} und mehr")
    elif place == "html":
        rendered = mail(f"<p>Guten Tag {planted} und mehr</p>", kind="html")
    else:
        one_line = " ".join(planted.split())
        rendered = mail(**{"subject" if place == "subject" else "extra": f"x {one_line}"})
    found = findings(rendered, CANARY)
    assert found
    with pytest.raises(Leak) as caught:
        check(rendered, CANARY)
    assert "anarie" not in str(caught.value).lower()


def test_a_message_that_says_nothing_of_anybody_is_clean() -> None:
    assert findings(mail("Für Sie liegt etwas bereit, und es kann anderswo stehen."), CANARY) == []


def test_the_bytes_of_another_kind_are_searched_too() -> None:
    assert findings(Rendered("application/json", b'{"t":"neu"}'), CANARY) == []
    assert findings(Rendered("application/json", b'{"t":"Kanarienv\\u00f6gel"}'), CANARY) != []


def test_a_short_name_is_no_part_of_a_word() -> None:
    anna = Known(names=("Anna", "Ei"))
    assert findings(mail("Das kann anders sein. Keine Eile, Hannahs."), anna) == []
    assert findings(mail("Hallo Anna."), anna) != []


def test_somebody_called_like_a_word_of_the_message_still_gets_it() -> None:
    known = Known(names=("Guten Tag",))
    assert findings(mail("Guten Tag"), known, neutral=mail("Guten Tag")) == []
    assert findings(mail("Guten Tag, Guten Tag"), known, neutral=mail("Guten Tag")) != []


def test_the_header_to_is_not_looked_at_only_where_it_is_the_envelopes_address() -> None:
    assert findings(mail(), CANARY) == []
    other = Rendered("message/rfc822", mail().body.replace(b"To: zoe", b"To: Kanarienvoegel <zoe"), to=TO)
    assert findings(other, CANARY) != []


@pytest.mark.parametrize(
    "text",
    [
        "https://musterstadt.example/v/0192",
        "https://musterstadt.example/?x=1",
        "https://musterstadt.example/#x",
        "http://musterstadt.example/",
        "https://evil.example",
        "mailto:x@musterstadt.example",
        "www.musterstadt.example",
        "musterstadt.example/v/1",
    ],
)
def test_any_address_but_the_page_is_found(text: str) -> None:
    rendered = mail(f"Sehen Sie {text} an")
    assert [each.kind for each in findings(rendered, CANARY, links=frozenset({PAGE}))] == ["link"]


@pytest.mark.parametrize(
    "text",
    [
        '<img alt="">',
        '<IMG alt="">',
        "<script></script>",
        "<form>",
        '<p style="background:url(x)">',
        '<style>@import "x"</style>',
        '<td background="x">',
        '<p onclick="x">',
    ],
)
def test_active_and_remote_content_is_found(text: str) -> None:
    assert "active or remote content" in [each.kind for each in findings(mail(text, kind="html"), CANARY)]


def test_an_attachment_and_text_between_the_parts_are_found() -> None:
    message = EmailMessage()
    message.set_content("x")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="brief.pdf")
    assert Finding("attachment", "application/pdf") in findings(Rendered("message/rfc822", message.as_bytes()), CANARY)
    body = mail_channel().render(a_message(secret=""), Recipient((), mail=TO)).body
    between = Rendered("message/rfc822", body.replace(b"\r\n\r\n--=_", b"\r\n\r\nhello\r\n--=_", 1), to=TO)
    assert "text between the parts" in [each.kind for each in findings(between, CANARY, links=frozenset({PAGE}))]


def test_what_cannot_be_looked_through_is_a_finding() -> None:
    assert [each.kind for each in findings(mail("x" * 4_000_001), CANARY)] == ["too much to look through"]


# the mail templates ---------------------------------------------------------------------------------------------------


def mail_channel() -> MailChannel:
    sender = Sender("Stadt Musterstadt", "post@musterstadt.example", PAGE, b"k" * 32)
    return MailChannel(Relay("127.0.0.1", 25, Tls.NONE, "proaktiv.example"), sender)


def canary_recipient(language: str) -> Recipient:
    return Recipient((CANARY.names[0], *CANARY.places), language, TO)


def matters() -> list[str]:
    """Return the names of every Lebenslage and Leistung, and of every kind of Behörde."""
    words = []
    for path in sorted((ROOT / "rules").glob("*/texte/*.yaml")):
        texts = yaml.safe_load(path.read_text())
        for name, fields in texts.items():
            words += [fields["name"] if name == "lebenslage" else fields["titel"].split(" für ")[0].split(" for ")[0]]
    words += ["Kindergeld", "Elterngeld", "Jugendamt", "Standesamt", "Behörde", "Geburt", "Umzug", "Kind", "child"]
    return words


@pytest.mark.parametrize("language", [*LANGUAGES, "tr", ""])
@pytest.mark.parametrize("purpose", WORDS)
def test_no_mail_tells_who_its_reader_is_nor_what_it_is_about(purpose: str, language: str) -> None:
    message = a_message(purpose=purpose, secret="123 456" if purpose == CONFIRMATION else "")
    rendered = mail_channel().render(message, canary_recipient(language))
    assert findings(rendered, CANARY, links=frozenset({PAGE}), words=matters()) == []


@pytest.mark.parametrize("word", ["Geburtsurkunde", "Elterngeld", "Jugendamt"])
def test_control_a_mail_that_names_its_matter_is_found(word: str) -> None:
    rendered = mail_channel().render(a_message(secret=""), canary_recipient("de"))
    planted = Rendered(rendered.media_type, rendered.body.replace(b"etwas", word.encode(), 1), to=TO)
    assert "word" in [each.kind for each in findings(planted, CANARY, links=frozenset({PAGE}), words=matters())]
    assert "word" in [
        each.kind for each in findings(planted, CANARY, neutral=planted, links=frozenset({PAGE}), words=matters())
    ]


def test_a_search_ends_in_good_time_also_for_a_hostile_message() -> None:
    layers = NAME
    for _ in range(6):
        layers = b64(layers)
    begun = time.process_time()
    assert (
        findings(mail("\n".join([layers] * 20 + ["%25" * 2000, "&amp;" * 2000])), Known(names=("Niemand Sonst",))) == []
    )
    assert time.process_time() - begun < 60


def test_every_language_of_the_mail_says_the_same_number_of_things() -> None:
    for said in WORDS.values():
        assert len({len(words.paragraphs) for words in said}) == 1
        assert tuple(words.language for words in said) == LANGUAGES
