"""Letters as PDF: what stands in the window, what the printer gets, what a reader's machine can read."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pypdf
import pypdfium2
import pytest
import zxingcpp
from falzmarke.geometrie import pruefe
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from notifiers.letter import LetterChannel, Letterhead
from notifiers.model import AlreadyDone, Message, Permanent, Recipient, Temporary, Unavailable, Version
from notifiers.typesetting import CHILD, NoGlyph, Typesetter, TypesettingError
from tests.depth import depth
from tests.notifiers.building import ANNA, ENGLISH, HEAD, LEICHT, REPLY, SECRET, Left, a_message, cleared

PATIENT = 60.0
NAMES = (
    "Đặng Thị Hoa",
    "Łukasz Żółć",
    "Ñuño Peña",
    "Ḫāṭib ʿAbd",
    "Çağla Şahin-Iğdır",
    "J\u030c C\u0306 K\u0331 M\u0310 S\u031b\u0304 Z\u0327",
    "Ōkawa Ǧamāl Ẽ Ʒ ẞ",
    "#import “*x*” \\ $y$ _u_ @a <b> `c` ~ // /* #panic()",
    "Anna & Söhne {kind.vornamen} %s ${x}",
)


@pytest.fixture(scope="module")
def typesetter() -> Iterator[Typesetter]:
    made = Typesetter(PATIENT)
    yield made
    made.close()


@pytest.fixture
def channel(tmp_path: Path, typesetter: Typesetter) -> LetterChannel:
    return LetterChannel(tmp_path, HEAD, typesetter)


def window(pdf: bytes, page: int = 0) -> list[str]:
    """Return the lines in the window of an envelope: 20 to 105 mm from the left, 45 to 90 mm from above."""
    text = pypdfium2.PdfDocument(pdf)[page].get_textpage()
    lines = text.get_text_bounded(left=mm(20), right=mm(105), top=mm(297 - 45), bottom=mm(297 - 90)).splitlines()
    return [line.strip() for line in lines if line.strip()]


def boxes(pdf: bytes, page: int = 0) -> list[tuple[float, float, float, float]]:
    """Return left, upper, right and lower edge of every sign, in mm from the upper left corner."""
    text = pypdfium2.PdfDocument(pdf)[page].get_textpage()
    found = []
    for at in range(text.count_chars()):
        left, bottom, right, top = text.get_charbox(at)
        if right > left:
            found.append((left / mm(1), 297 - top / mm(1), right / mm(1), 297 - bottom / mm(1)))
    return found


def mm(length: float) -> float:
    return length * 72 / 25.4


def words(pdf: bytes) -> str:
    pages = pypdfium2.PdfDocument(pdf)
    return "\n".join(pages[at].get_textpage().get_text_range() for at in range(len(pages)))


def codes_of(pdf: bytes, page: int = 0, dpi: int = 150) -> list[str]:
    image = pypdfium2.PdfDocument(pdf)[page].render(scale=dpi / 72).to_pil()
    return [found.text for found in zxingcpp.read_barcodes(image)]


def measures(pdf: bytes, folder: Path) -> list[str]:
    """Return the measures of DIN 5008 form B that an independent judge finds broken."""
    (folder / "judged.pdf").write_bytes(pdf)
    return [each.name for each in pruefe(folder / "judged.pdf", "B").pruefungen if not each.bestanden]


def whole(**changes: object) -> Message:
    return a_message(versions=(LEICHT, ENGLISH), reply=REPLY, **changes)


# the sheet ------------------------------------------------------------------------------------------------------------


def test_the_window_shows_the_return_line_and_the_address_and_nothing_else(channel: LetterChannel) -> None:
    pdf = channel.render(whole(), ANNA).body
    assert window(pdf) == ["Stadt Musterstadt · Rathausplatz 1 · 00001 Musterstadt", *ANNA.address]


@pytest.mark.parametrize("large", [False, True])
def test_every_measure_of_the_form_is_kept(channel: LetterChannel, tmp_path: Path, large: bool) -> None:
    assert measures(channel.render(whole(), replace(ANNA, large_print=large)).body, tmp_path) == []


def test_control_the_judge_finds_a_fold_mark_and_a_window_that_moved(tmp_path: Path) -> None:
    for before, after, broken in (
        ("((105mm, 5mm)", "((109mm, 5mm)", "Falzmarke 1, y"),
        ("62.7mm -", "60.7mm -", "Abstand Anschrift → Betreff"),
    ):
        moved = Path(shutil.copytree(CHILD.parent, tmp_path / broken.replace(" ", "")))
        template = moved / "letter.typ"
        assert before in template.read_text()
        template.write_text(template.read_text().replace(before, after))
        typesetter = Typesetter(PATIENT, child=moved / "child.py")
        pdf = LetterChannel(tmp_path, HEAD, typesetter).render(whole(), ANNA).body
        typesetter.close()
        assert broken in measures(pdf, tmp_path)


@pytest.mark.parametrize("lines", range(3, 10))
def test_an_address_of_any_length_stays_in_its_field(channel: LetterChannel, lines: int) -> None:
    address = ("Anna Beispiel-Probst", *(f"Zusatz {n}" for n in range(lines - 2)), "00001 Musterstadt")
    pdf = channel.render(a_message(), Recipient(address)).body
    assert window(pdf)[1:] == list(address)
    field = [box for box in boxes(pdf) if box[0] < 105 and 45 < box[1] < 95]
    assert min(box[0] for box in field) >= 24.9
    assert max(box[2] for box in field) <= 100.1
    assert max(box[3] for box in field) <= 90


def test_a_long_line_goes_on_in_the_next_and_nothing_is_cut(channel: LetterChannel) -> None:
    name = "Maria-Magdalena Freifrau von Beispielshausen-Probstenburg zu Musterstadt an der Ache"
    pdf = channel.render(a_message(), Recipient((name, "Erfundene Gasse 3", "00001 Musterstadt"))).body
    printed = "".join(sign for line in window(pdf)[1:] for sign in line if sign.isalnum())  # pdfium eats the hyphen
    assert printed == "".join(sign for sign in f"{name}ErfundeneGasse300001Musterstadt" if sign.isalnum())
    assert max(box[2] for box in boxes(pdf) if box[0] < 105 and 45 < box[1] < 95) <= 100.1


@pytest.mark.parametrize(
    "address",
    [
        ("Anna", "00001 Musterstadt"),
        tuple("Zeile" for _ in range(10)),
        ("Anna", " ", "00001 Musterstadt"),
        ("A" * 70, "Erfundene Gasse 3", "00001 Musterstadt"),
        tuple("Zeile mit viel zu vielen Wörtern, die niemals auf eine Zeile passen können" for _ in range(6)),
        ("عمر مثال", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("דוד", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("Анна Пример", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("漢字", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("Anna\u202eannA", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("Anna\u200b", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("Anna\nZweite", "Erfundene Gasse 3", "00001 Musterstadt"),
        ("Anna 🙂", "Erfundene Gasse 3", "00001 Musterstadt"),
    ],
)
def test_an_address_that_cannot_be_printed_is_refused_and_not_told(
    channel: LetterChannel, address: tuple[str, ...]
) -> None:
    with pytest.raises(Permanent) as caught:
        channel.render(a_message(), Recipient(address))
    assert not any(word in str(caught.value) for line in address for word in line.split() if len(word) > 3)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_printed_as_it_is(channel: LetterChannel, name: str) -> None:
    pdf = channel.render(a_message(subject=f"An {name[:20]}"), Recipient((name, "Gasse 3", "00001 Musterstadt"))).body
    fonts = [font["/BaseFont"] for page in pypdf.PdfReader(_file(pdf)).pages for font in _fonts(page)]
    assert fonts
    assert all("LibertinusSerif" in font or "DejaVuSansMono" in font for font in fonts)
    if name.isascii():
        assert window(pdf)[1] == " ".join(name.split())


@settings(max_examples=depth(25, 600), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=30))
def test_whatever_ascii_a_name_is_it_is_printed_and_not_obeyed(channel: LetterChannel, name: str) -> None:
    assume(name.strip())
    pdf = channel.render(a_message(paragraphs=(name,)), Recipient((name, "Gasse 3", "00001 Musterstadt"))).body
    assert _signs("".join(window(pdf)[1:])) == _signs(f"{name}Gasse300001Musterstadt")


@settings(max_examples=depth(25, 600), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=40), said=st.text(max_size=200))
def test_whatever_a_text_is_it_is_printed_or_refused(channel: LetterChannel, name: str, said: str) -> None:
    try:
        pdf = channel.render(a_message(paragraphs=(said,)), Recipient((name, "Gasse 3", "00001 Musterstadt"))).body
    except Permanent:
        return
    assert window(pdf)[-1] == "00001 Musterstadt"


def _signs(text: str) -> str:
    return "".join(sign for sign in text if not sign.isspace() and sign not in "-\ufffe\x02")  # pdfium's last hyphens


def test_every_latin_letter_of_the_registers_has_a_glyph(channel: LetterChannel) -> None:
    """The letters of DIN 91379 lie in these blocks; its sequences are tried above."""
    letters = [chr(n) for block in ((0xC0, 0x180), (0x180, 0x250), (0x1E00, 0x1F00)) for n in range(*block)]
    alphabet = [sign for sign in letters if sign.isalpha()]
    lines = [" ".join(alphabet[at : at + 40]) for at in range(0, len(alphabet), 40)]
    assert channel.render(a_message(paragraphs=lines), ANNA).body


def test_control_a_sign_without_a_glyph_is_an_error_and_no_empty_box(typesetter: Typesetter) -> None:
    channel = LetterChannel(Path(), HEAD, typesetter)
    with pytest.raises(Permanent, match="cannot be printed") as caught:
        channel.render(a_message(paragraphs=("漢",)), ANNA)
    assert "漢" not in str(caught.value)
    with pytest.raises(NoGlyph):
        typesetter.pdf(channel._data(a_message(paragraphs=("漢",)), ANNA))


# the code -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dpi", [100, 150, 300])
def test_the_qr_code_holds_the_code_in_the_fragment_alone(channel: LetterChannel, dpi: int) -> None:
    assert codes_of(channel.render(whole(), ANNA).body, dpi=dpi) == ["https://musterstadt.example/b#0123456789ABC"]


def test_the_code_and_the_page_to_type_are_printed_beside_it(channel: LetterChannel) -> None:
    text = words(channel.render(a_message(), ANNA).body)
    assert SECRET in text
    assert "musterstadt.example/b" in text


def test_a_letter_without_a_code_has_no_qr_code(channel: LetterChannel) -> None:
    pdf = channel.render(a_message(secret=""), ANNA).body
    assert codes_of(pdf) == []
    assert "musterstadt.example/b" not in words(pdf)


@pytest.mark.parametrize(
    "entry",
    [
        "http://musterstadt.example/b",
        "https://musterstadt.example/b?x=1",
        "https://musterstadt.example/b#x",
        "https://anna@musterstadt.example/b",
        "https://musterstadt.example/" + "b" * 64,
        "musterstadt.example/b",
        "javascript:alert(1)",
    ],
)
def test_an_entry_that_is_no_plain_page_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="entry"):
        replace(HEAD, entry=entry)


# the sheets after it --------------------------------------------------------------------------------------------------


def test_the_reply_sheet_has_the_houses_address_in_the_window_and_no_secret(channel: LetterChannel) -> None:
    pdf = channel.render(whole(), ANNA).body
    pages = pypdfium2.PdfDocument(pdf)
    assert window(pdf, 2) == ["Bitte zurück an", *HEAD.address]
    text = pages[2].get_textpage().get_text_range()
    assert codes_of(pdf, 2) == ["ABCD-1234"]
    for never in (SECRET, SECRET.replace("-", ""), "Anna", "Beispiel", "Erfundene"):
        assert never not in text
    for choice in REPLY.choices:
        assert choice in text


def test_the_reply_sheet_is_a_sheet_of_its_own(channel: LetterChannel) -> None:
    for versions in ((), (LEICHT,)):
        ticket = channel.render(a_message(versions=versions, reply=REPLY), ANNA).ticket
        assert (ticket["pages"], ticket["sheets"]) == (3, 2)  # never on the back of what the person keeps


def test_leichte_sprache_is_a_draft_until_its_readers_have_checked_it(channel: LetterChannel) -> None:
    unread = words(channel.render(a_message(versions=(LEICHT,)), ANNA).body)
    read = words(channel.render(a_message(versions=(replace(LEICHT, checked_by="Prüfgruppe"),)), ANNA).body)
    assert "Entwurf" in unread
    assert "Entwurf" not in read
    assert "In Leichter Sprache" in read


def test_the_recipients_own_language_comes_first(channel: LetterChannel) -> None:
    text = words(channel.render(a_message(versions=(LEICHT, ENGLISH)), replace(ANNA, language="en")).body)
    assert text.index("In English") < text.index("In Leichter Sprache")


def test_no_word_of_the_text_stands_above_the_subject(channel: LetterChannel) -> None:
    pdf = channel.render(whole(), ANNA).body
    text = pypdfium2.PdfDocument(pdf)[0].get_textpage()
    above = text.get_text_bounded(left=0, right=mm(210), bottom=mm(297 - 98), top=mm(297))
    known = [HEAD.name, HEAD.mark, "Unser Zeichen", "ABCD-1234", "Datum", "14.10.2026", "Telefon", "0000 1234"]
    rest = " ".join(above.split())
    for part in sorted((" · ".join(HEAD.address), *ANNA.address, *known), key=len, reverse=True):
        rest = rest.replace(part, "")
    assert rest.split() == []


def test_a_long_letter_goes_on_on_the_next_sheet_and_loses_nothing(channel: LetterChannel) -> None:
    paragraphs = [f"Absatz {n}: " + "ein Satz wie jeder andere, " * 12 for n in range(30)]
    rendered = channel.render(a_message(paragraphs=paragraphs), ANNA)
    text = words(rendered.body)
    assert all(f"Absatz {n}:" in text for n in range(30))
    assert f"Seite 2 von {rendered.ticket['pages']}" in text


# what a machine reads -------------------------------------------------------------------------------------------------


def test_the_pdf_says_what_a_screen_reader_asks_for(channel: LetterChannel) -> None:
    """What can be seen without veraPDF, which no registry has: a letter made after PDF/UA-1, not certified."""
    reader = pypdf.PdfReader(_file(channel.render(whole(), ANNA).body))
    catalog = reader.trailer["/Root"]
    assert catalog["/Lang"] == "de"
    assert catalog["/MarkInfo"]["/Marked"]
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"]
    xmp = catalog["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert reader.metadata.title == "Brief, Unser Zeichen ABCD-1234"
    elements = list(_elements(catalog["/StructTreeRoot"]))
    kinds = [each["/S"] for each in elements]
    assert [kind for kind in kinds if kind.startswith("/H")] == ["/H1", "/H1", "/H2", "/H1", "/H2", "/H1"]
    assert {"/L", "/LI", "/P"} <= set(kinds)
    assert [bool(each.get("/Alt")) for each in elements if each["/S"] == "/Figure"] == [True, True]
    assert any(each.get("/Lang") == "en" for each in elements)
    assert [(mm(210), mm(297))] * 3 == [
        pytest.approx((float(page.mediabox.width), float(page.mediabox.height)), abs=0.1) for page in reader.pages
    ]


def test_the_same_letter_has_the_same_bytes_also_from_another_process(channel: LetterChannel, tmp_path: Path) -> None:
    first = channel.render(whole(), ANNA)
    other = Typesetter(PATIENT)
    assert LetterChannel(tmp_path, HEAD, other).render(whole(), ANNA) == first
    other.close()
    assert channel.render(whole(), ANNA) == first
    assert channel.render(whole(sent_on="15.10.2026"), ANNA) != first


def test_many_letters_in_a_row_keep_their_codes_apart(channel: LetterChannel) -> None:
    for n in range(depth(10, 300)):
        secret = f"0123-4567-{n:04}-C"
        pdf = channel.render(a_message(secret=secret), ANNA).body
        assert codes_of(pdf) == [f"https://musterstadt.example/b#{secret.replace('-', '')}"]


# the printer's folder -------------------------------------------------------------------------------------------------


def test_the_printer_gets_the_pdf_and_a_ticket_that_names_nobody(channel: LetterChannel, tmp_path: Path) -> None:
    rendered = channel.render(whole(), ANNA)
    channel.hand_over(rendered, cleared(), Left())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0192-a.json", "0192-a.pdf"]
    text = (tmp_path / "0192-a.json").read_text()
    ticket = json.loads(text)
    assert ticket["file"] == "0192-a.pdf"
    assert ticket["sha256"] == hashlib.sha256((tmp_path / "0192-a.pdf").read_bytes()).hexdigest()
    assert (ticket["reference"], ticket["pages"], ticket["sheets"], ticket["duplex"]) == ("ABCD-1234", 3, 2, True)
    for never in ("Anna", "Beispiel", "Gasse", "00001", "0123"):
        assert never not in text.replace(ticket["sha256"], "")


def test_a_letter_whose_ticket_is_missing_gets_it_at_the_next_try(channel: LetterChannel, tmp_path: Path) -> None:
    rendered = channel.render(whole(), ANNA)
    channel.hand_over(rendered, cleared(), Left())
    (tmp_path / "0192-a.json").unlink()
    channel.hand_over(rendered, cleared(), Left())
    with pytest.raises(AlreadyDone):
        channel.hand_over(rendered, cleared(), Left())


def test_another_letter_under_the_same_wire_id_is_refused(channel: LetterChannel, tmp_path: Path) -> None:
    channel.hand_over(channel.render(whole(), ANNA), cleared(), Left())
    before = (tmp_path / "0192-a.pdf").read_bytes()
    with pytest.raises(Permanent):
        channel.hand_over(channel.render(a_message(), ANNA), cleared(), Left())
    assert (tmp_path / "0192-a.pdf").read_bytes() == before


def test_a_missing_folder_and_a_late_hour_place_nothing(typesetter: Typesetter, tmp_path: Path) -> None:
    away = LetterChannel(tmp_path / "away", HEAD, typesetter)
    with pytest.raises(Unavailable):
        away.hand_over(away.render(a_message(), ANNA), cleared(), Left())
    with pytest.raises(Temporary):
        away.hand_over(away.render(a_message(), ANNA), cleared(), Left(0))
    with pytest.raises(Permanent):
        away.hand_over(away.render(a_message(), ANNA), cleared("../a"), Left())
    assert list(tmp_path.iterdir()) == []


# the process ----------------------------------------------------------------------------------------------------------


def a_child(folder: Path, source: str) -> Path:
    path = folder / "child.py"
    path.write_text(source)
    return path


def test_a_typesetter_that_hangs_is_killed_and_the_letter_is_tried_again(tmp_path: Path) -> None:
    typesetter = Typesetter(0.2, child=a_child(tmp_path, "import signal\nsignal.pause()"))
    with pytest.raises(Temporary):
        LetterChannel(tmp_path, HEAD, typesetter).render(a_message(), ANNA)
    assert typesetter._process is None


def test_a_typesetter_that_dies_is_started_again(tmp_path: Path) -> None:
    typesetter = Typesetter(PATIENT)
    channel = LetterChannel(tmp_path, HEAD, typesetter)
    first = channel.render(a_message(), ANNA)
    assert typesetter._process is not None
    typesetter._process.kill()
    typesetter._process.wait()
    with pytest.raises(Temporary):
        channel.render(a_message(), ANNA)
    assert channel.render(a_message(), ANNA) == first
    typesetter.close()


@pytest.mark.parametrize("answer", ["b''", "b'done'", "b'broken\\0\\0\\0\\0\\0\\0' + b'\\0' * 4", "b'\\xff' * 16"])
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, answer: str) -> None:
    source = f"import socket\nwire = socket.socket(fileno=0)\nwire.recv(1 << 20)\nwire.sendall({answer})"
    typesetter = Typesetter(PATIENT, child=a_child(tmp_path, source))
    with pytest.raises(TypesettingError):
        typesetter.pdf({"a": 1})
    typesetter.close()


def test_a_letter_of_endless_length_is_never_begun() -> None:
    with pytest.raises(TypesettingError, match="too long"):
        Typesetter(PATIENT).pdf({"a": "x" * (1 << 18)})


def test_a_message_without_its_instant_is_refused(channel: LetterChannel) -> None:
    with pytest.raises(Permanent, match="when it was made"):
        channel.render(a_message(made_at=None), ANNA)


def test_a_letterhead_that_does_not_fit_its_line_is_the_houses_fault(typesetter: Typesetter, tmp_path: Path) -> None:
    long = replace(HEAD, address=("Verwaltungsgemeinschaft der Gemeinden" * 3, "00001 Musterstadt"))
    with pytest.raises(Unavailable):
        LetterChannel(tmp_path, long, typesetter).render(a_message(), ANNA)


def test_a_head_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="address"):
        Letterhead("x", ("one line",), (), "https://musterstadt.example/b")


def test_a_forked_process_sets_its_own_letters() -> None:
    """A fork after typst was used hangs for good (architecture.md § 7.7); a process of its own does not care."""
    source = """
import os
from pathlib import Path
from notifiers.letter import LetterChannel
from notifiers.typesetting import Typesetter
from tests.notifiers.building import ANNA, HEAD, a_message
typesetter = Typesetter(60.0)
channel = LetterChannel(Path(), HEAD, typesetter)
first = channel.render(a_message(), ANNA)
child = os.fork()
same = channel.render(a_message(), ANNA) == first
typesetter.close()
if child == 0:
    os._exit(0 if same else 1)
print(same, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=root, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.stdout.split() == ["True", "0"], done.stderr


def test_a_version_in_a_script_without_a_font_is_refused_and_not_printed_as_boxes(channel: LetterChannel) -> None:
    with pytest.raises(Permanent):
        channel.render(a_message(versions=(Version("ar", "شيء جاهز", ("شيء",)),)), ANNA)


# reading PDFs ---------------------------------------------------------------------------------------------------------


def _file(pdf: bytes) -> object:
    import io

    return io.BytesIO(pdf)


def _fonts(page: pypdf.PageObject) -> list[pypdf.generic.DictionaryObject]:
    return [font.get_object() for font in page["/Resources"].get("/Font", {}).values()]


def _elements(node: object) -> Iterator[pypdf.generic.DictionaryObject]:
    """Yield the elements of the structure tree in reading order."""
    kids = node.get("/K", [])  # type: ignore[attr-defined]
    for kid in kids if isinstance(kids, list) else [kids]:
        element = kid.get_object()
        if isinstance(element, dict) and "/S" in element:
            yield element
            yield from _elements(element)
