"""Every refusal of RFC 3463, asked whose fault it is: only an address that is none is never used again."""

import pytest

from notifiers.enhanced import About
from notifiers.model import ChannelError, Forbidden, Permanent, Temporary, Unavailable, Undeliverable
from notifiers.reports import Fate, read_report
from notifiers.smtp import _refusal
from tests.notifiers.test_reports import a_report

TABLE = {
    About.ADDRESS: ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"],
    About.SENDER: ["5.1.7", "5.1.8"],
    About.FULL: ["5.2.2"],
    About.POLICY: [*(f"5.7.{detail}" for detail in range(15)), "5.7.23", "5.7.26", "5.7.27"],
    About.MAIL: [
        *("5.1.0", "5.1.4", "5.1.5", "5.1.9", "5.2.0", "5.2.3", "5.2.4"),
        *(f"5.{subject}.{detail}" for subject in (0, 3, 4, 5, 6, 8) for detail in range(8)),
    ],
}
"""5.1.0 says nothing but "address", and many servers mean the sender's by it."""

MEANT: dict[About, tuple[type[ChannelError], Fate]] = {
    About.ADDRESS: (Undeliverable, Fate.HARD),
    About.SENDER: (Unavailable, Fate.POLICY),
    About.FULL: (Temporary, Fate.SOFT),
    About.POLICY: (Forbidden, Fate.POLICY),
    About.MAIL: (Permanent, Fate.SOFT),
}


@pytest.mark.parametrize("meant", About)
def test_whose_fault_a_refusal_is(meant: About) -> None:
    error, fate = MEANT[meant]
    for code in TABLE[meant]:
        for what in ("RCPT", "DATA", "the mail"):
            assert type(_refusal(what, 550, f"{code} because".encode())) is error, (what, code)
        for report in (a_report(code), a_report("5.0.0", Diagnostic_Code=f"smtp; 550 {code} because")):
            read = read_report(report)
            assert read is not None
            assert read.fate is fate, code
