"""Four eyes are two people's: whoever ends here and is entered again is who they were, and their wishes are over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from proaktiv.core.errors import NotAllowed, NotFound
from proaktiv.core.staff import Role
from proaktiv.keys import requested
from proaktiv.steps.inspection import wishes
from tests.keys.conftest import House
from tests.office.conftest import Office, staffing
from tests.office.test_erasures import takes
from tests.office.test_withdrawing import ASKS, SECOND, decide, each

ISSUER = "https://konto.example"


@pytest.fixture
def house(sent: Office, tmp_path: Path) -> Iterator[House]:
    """The eraser's machine."""
    made = House(sent.world, tmp_path)
    yield made
    made.close()


def entered(office: Office, name: str, subject: str) -> str:
    with staffing(office.world, issuer=ISSUER) as owner:
        owner.add(name, Role.DSB, "", subject)
    return name


def ended_before(office: Office, name: str) -> None:
    """Somebody's work ended when wishes did not end with it."""
    with staffing(office.world) as owner:
        owner.session.connection().execute(
            text("UPDATE staff SET ended_at = :at WHERE name = :name"), {"at": office.world.now, "name": name}
        )


@each
@pytest.mark.parametrize(("name", "subject"), [("D.Alt", "sub-2"), ("d.alt", ""), ("d.neu", "sub-1")])
def test_whoever_is_entered_again_does_not_say_yes_to_the_own_wish(
    sent: Office, about: str, name: str, subject: str
) -> None:
    asks, table, _, _ = ASKS[about]
    request = asks(sent, entered(sent, "d.alt", "sub-1"))
    ended_before(sent, "d.alt")
    with pytest.raises(NotAllowed, match="whoever asks does not decide"):
        decide(sent, about, entered(sent, name, subject), request)
    assert sent.world.value(f"SELECT state FROM {table}") == "waiting"
    with pytest.raises(NotFound):
        decide(sent, about, SECOND, request)


@each
def test_control_by_their_ids_alone_one_person_would_be_two(
    sent: Office, about: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wishes, "require_two", lambda *_: None)
    request = ASKS[about][0](sent, entered(sent, "d.alt", "sub-1"))
    with staffing(sent.world) as owner:
        owner.session.connection().execute(text("UPDATE staff SET subject_hash = NULL WHERE name = 'd.alt'"))
    decide(sent, about, entered(sent, "d.neu", "sub-1"), request)


@each
def test_the_wishes_of_whoever_ends_here_are_over_at_once(sent: Office, about: str) -> None:
    asks, table, path, _ = ASKS[about]
    request = asks(sent, entered(sent, "d.alt", "sub-1"))
    asks(sent, "d.schutz")
    with staffing(sent.world) as owner:
        owner.end("d.alt")
    assert "d.alt" not in sent.desk(SECOND).get(path).text
    with pytest.raises(NotFound):
        decide(sent, about, SECOND, request)
    sent.pipeline.end_exports()
    assert sent.world.count(table) == 1, "somebody else's stays"


def test_the_eraser_sees_for_itself_that_one_person_said_both(sent: Office, house: House) -> None:
    request = ASKS["erasure"][0](sent, entered(sent, "d.alt", "sub-1"))
    decide(sent, "erasure", entered(sent, "d.neu", "sub-2"), request)
    with staffing(sent.world) as owner:
        same = "UPDATE staff SET ended_at = :at, subject_hash = (SELECT subject_hash FROM staff WHERE name = 'd.alt')"
        owner.session.connection().execute(text(f"{same} WHERE name = 'd.neu'"), {"at": sent.world.now})
    assert takes(house) == []
    assert sent.world.count("erasure_requests") == 0
    sent.world.check_log()


def test_control_the_eraser_that_compares_ids_alone_would_erase(
    sent: Office, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requested, "require_two", lambda *_: None)
    test_of = test_the_eraser_sees_for_itself_that_one_person_said_both
    with pytest.raises(AssertionError):
        test_of(sent, house)
