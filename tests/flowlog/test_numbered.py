"""The table of the 25 tests is what the marks say, and none of them is without its test and its control."""

from tests.flowlog.numbered import CONTROLS, NUMBERED, PAGE, PROVES, marked, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "python -m tests.flowlog.numbered writes it anew"


def test_each_number_has_a_test_and_a_control() -> None:
    assert sorted(marked(PROVES)) == sorted(NUMBERED)
    assert sorted(marked(CONTROLS)) == sorted(NUMBERED)
