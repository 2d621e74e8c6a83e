"""Checkpoints: what is signed is what is read, and nothing else is."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.flowlog.checkpoints import (
    Checkpoint,
    NoteError,
    NotSigned,
    Vkey,
    open_checkpoint,
    open_note,
    sign_note,
    vkey_of,
)
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY

POINT = Checkpoint(ORIGIN, 42, b"r" * 32)
VKEY = str(vkey_of(ORIGIN, SIGNING_KEY))


def test_a_signed_checkpoint_is_read_back_and_signed_to_the_same_bytes() -> None:
    note = sign_note(POINT.text(), ORIGIN, SIGNING_KEY)
    assert note.startswith(f"{ORIGIN}\n42\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n\n— {ORIGIN} ")
    assert open_checkpoint(note, VKEY) == POINT
    assert sign_note(POINT.text(), ORIGIN, SIGNING_KEY) == note
    assert str(Vkey.parse(VKEY)) == VKEY


def test_a_checkpoint_of_another_key_or_another_log_is_refused() -> None:
    note = sign_note(POINT.text(), ORIGIN, SIGNING_KEY)
    stranger = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
    with pytest.raises(NotSigned):
        open_checkpoint(note, str(vkey_of(ORIGIN, stranger)))
    with pytest.raises(NoteError, match="another log"):
        open_checkpoint(sign_note(Checkpoint("other", 1, b"r" * 32).text(), ORIGIN, SIGNING_KEY), VKEY)


@pytest.mark.parametrize("place", range(0, 200, 3))
def test_no_changed_note_is_accepted_as_another_one(place: int) -> None:
    note = sign_note(POINT.text(), ORIGIN, SIGNING_KEY)
    at = place % len(note)
    changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
    with pytest.raises(NoteError):
        open_checkpoint(changed, VKEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n1\n",
        "\n1\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "log\n01\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "log\n-1\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "log\n9999999999999999999\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\n",
        "log\n1\ncnJy\n",
        "log\n1\n!!\n",
        "log\n1\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=",
        "log\n1\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=\nextension\n",
        "log\n1\ncnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnJ=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\tb"])
def test_a_log_needs_a_name_that_a_signature_line_can_carry(origin: str) -> None:
    with pytest.raises(NoteError):
        vkey_of(origin, SIGNING_KEY)


def test_a_note_with_a_signature_too_short_for_a_key_id_is_refused() -> None:
    with pytest.raises(NoteError):
        open_note(f"{POINT.text()}\n— {ORIGIN} AAAA\n", [VKEY])


def test_half_a_surrogate_pair_is_no_text_of_a_note_and_no_name_of_a_key() -> None:
    note = sign_note(POINT.text(), ORIGIN, SIGNING_KEY)
    with pytest.raises(NoteError, match="surrogate"):
        open_note("\udc8c" + note, [VKEY])
    with pytest.raises(NoteError, match="not an Ed25519"):
        Vkey.parse("\udce5" + VKEY)
