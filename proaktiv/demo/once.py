"""One whole run, unattended: a city enrols, registers report, citizens decide, Behörden answer, the log is verified.

Time is moved past undo windows and past silence by the demo clock; nothing is moved while anything is due. Left to
others: what the processes do (``proaktiv work``, ``serve``), counting (``counting``).
"""

import base64
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from sqlalchemy import text

from proaktiv.core.calendar import BERLIN, berlin_date
from proaktiv.core.ids import RandomBytes
from proaktiv.database import Database
from proaktiv.demo import counting
from proaktiv.demo.accounts import Holder
from proaktiv.demo.citizens import Deed, Letterbox, Robot, ask_to_be_known
from proaktiv.demo.families import make_city
from proaktiv.demo.mailbox import Mail
from proaktiv.demo.people import City, Report
from proaktiv.demo.post import codes, tells
from proaktiv.demo.progress import Teller, telling
from proaktiv.demo.running import Processes
from proaktiv.demo.setting_up import Installation, set_up
from proaktiv.demo.summing_up import Witnesses, summed_up
from proaktiv.demo.talking import CityError, Talk
from proaktiv.demo.waiting import Stalled, wait_until_settled
from proaktiv.flowlog.verifying.whole import verify_database

PHASES = (
    "Der Server, die Regeln und die Partner werden eingerichtet",
    "Die Prozesse starten",
    "Bürgerinnen und Bürger melden sich an",
    "Sie lesen den ersten Brief und entscheiden über Einwilligungen",
    "Die Register melden Geburten und Umzüge",
    "Ein Eintrag wird storniert",
    "Sie lesen den zweiten Brief: ja, nein, später, Widerruf oder nichts",
    "Die Bedenkzeit vergeht, die Aufträge gehen hinaus",
    "Sie sehen nach, was daraus wurde",
    "Die Zeit des Schweigens vergeht",
    "Gezählt und geprüft wird",
)

_ROBOTS = 4
_BATCH = 20
_DAY_BEGINS, _DAY_ENDS = 8, 18
_UNDO_SECONDS = 25 * 3600
_SILENCE_SECONDS = 95 * 24 * 3600
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_SET_CLOCK = text("UPDATE demo_clock SET offset_seconds = offset_seconds + :seconds WHERE id = 1")

Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Wished:
    """What a run shall be like."""

    events: int
    seed: int


Stay = Callable[[City, Installation, Processes], None]
"""What happens after the run, while the city still stands."""


def run_once(
    wished: Wished,
    clock: Callable[[], datetime],
    random: RandomBytes,
    tell: Callable[[dict[str, Any]], None],
    stay: Stay | None = None,
) -> dict[str, Any]:
    """Run the whole city once and return what came of it, ``ok`` among it. Raises ``CityError`` where it got stuck.

    ``tell`` gets the result at once. A city without loss then stays for as long as ``stay`` does.
    """
    began = time.monotonic()
    now = clock()
    city = make_city(wished.seed, wished.events, berlin_date(now))
    with ExitStack() as standing:
        with telling(len(PHASES)) as teller:
            teller.phase(PHASES[0])
            installation = standing.enter_context(set_up(city, now, random))
            processes = standing.enter_context(Processes(installation))
            teller.phase(PHASES[1])
            processes.start_all()
            with _Run(city, installation, processes, teller, clock) as run:
                run.wake_up()
                result = run.through()
        result |= {"seed": wished.seed, "seconds": round(time.monotonic() - began, 1)}
        tell(result)
        if stay is not None and result["ok"]:
            stay(city, installation, processes)
    return result


class _Run:
    def __init__(
        self,
        city: City,
        installation: Installation,
        processes: Processes,
        teller: Teller,
        clock: Callable[[], datetime],
    ) -> None:
        self._city = city
        self._installation = installation
        self._processes = processes
        self._teller = teller
        self._clock = clock
        self._reader = Database(installation.reader_url, "proaktiv-demo", pool_size=1)
        self._letterbox = Letterbox(installation.letters)
        self._robots = [Robot(citizen, self._door) for citizen in city.citizens]
        self._reported = 0
        self._duplicates = 0
        self._missing = 0
        self._holder: Holder | None = None
        self._timeline = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def wake_up(self) -> None:
        """Let the city's day begin at ten where people sleep or soon will: no mail leaves at night."""
        self._move_clock(seconds_until_day(self._clock()))

    def through(self) -> dict[str, Any]:
        """Go through all phases after the start."""
        phases = iter(PHASES[2:])
        for act in (
            self._enrol,
            self._activate,
            self._report,
            self._cancel,
            self._decide,
            self._wait_out_undo,
            self._look_again,
            self._wait_out_silence,
        ):
            self._teller.phase(next(phases))
            act()
            self._settle()
        self._teller.phase(next(phases))
        return self._result()

    # phases ----------------------------------------------------------------------------------------------------------

    def _enrol(self) -> None:
        self._together(lambda robot: robot.enrol(), (robot for robot in self._robots if robot.citizen.enrols))
        self._together(lambda stranger: ask_to_be_known(stranger, self._door), self._city.strangers)

    def _activate(self) -> None:
        enrolling = [robot for robot in self._robots if robot.citizen.enrols]
        slips = {id(robot) for robot in enrolling[:1]}

        def activate(robot: Robot) -> None:
            letters = self._letterbox.take(robot.citizen.resident)
            if len(letters) != 1:
                raise CityError(f"{len(letters)} activation letters for one person")
            robot.activate(letters[0], with_a_slip=id(robot) in slips)

        self._together(activate, enrolling)
        self._settle()
        came = codes(self._mails())
        giving = [robot for robot in enrolling if robot.citizen.mail]
        self._together(lambda robot: robot.confirm_mail(came[robot.citizen.mail]), giving)

    def _report(self) -> None:
        self._send(self._city.first)
        self._send(self._city.repeats)

    def _cancel(self) -> None:
        self._send(self._city.later)

    def _decide(self) -> None:
        def decide(robot: Robot) -> bool:
            letters = self._letterbox.take(robot.citizen.resident)
            if letters:
                robot.decide(letters[-1])
            return robot.citizen.letter is True and not letters

        self._missing = sum(
            self._together(decide, [robot for robot in self._robots if robot.citizen.letter is not False])
        )
        with_letter = (robot for robot in self._robots if robot.letter is not None)
        self._bind(next(with_letter, None))

    def _bind(self, robot: Robot | None) -> None:
        """Let one of them bind a Nutzerkonto beside the letter."""
        if robot is None or robot.letter is None:
            return
        self._holder = Holder(robot.citizen.resident, self._pages, self._konto)
        self._timeline = self._holder.bind(robot.letter.code)
        robot.deeds[Deed.ACCOUNT_BOUND] += 1

    def _wait_out_undo(self) -> None:
        self._move_clock(_UNDO_SECONDS)

    def _look_again(self) -> None:
        self._together(lambda robot: robot.look_again(), self._robots)
        if self._holder is not None:
            self._timeline = self._holder.come_again()

    def _wait_out_silence(self) -> None:
        self._move_clock(_SILENCE_SECONDS)

    # means -----------------------------------------------------------------------------------------------------------

    def _door(self) -> Talk:
        return Talk(f"{self._installation.url('citizen')}/api")

    def _pages(self) -> Talk:
        return Talk(self._installation.url("citizen"))

    def _konto(self) -> Talk:
        return Talk(self._installation.url("konto"))

    def _together(self, act: Callable[[Item], Done], items: Iterable[Item]) -> list[Done]:
        """Let some act side by side and return what each did; the first error ends the run."""
        with ThreadPoolExecutor(_ROBOTS) as threads:
            return list(threads.map(act, items))

    def _send(self, reports: Sequence[Report]) -> None:
        """Let the registers report in this order, and check that the intake took it."""
        with Talk(self._installation.url("register")) as talk:
            for start in range(0, len(reports), _BATCH):
                batch = reports[start : start + _BATCH]
                at = self._clock()
                answers = talk.post(
                    "/melden", [{"source": report.source, "event": report.cloud_event(at)} for report in batch]
                )
                for report, answer in zip(batch, answers, strict=True):
                    if answer["status"] != 202:
                        raise CityError(f"the intake answered {answer['status']} to {report.kind} {report.id}")
                    self._reported += 1
                    self._duplicates += answer["duplicate"]

    def _mails(self) -> list[Mail]:
        """Return what the mailbox took so far, oldest first."""
        with Talk(self._installation.url("mailbox")) as talk:
            came = talk.get("/mails.json")
        return [Mail("", tuple(mail["to"]), base64.b64decode(mail["raw"])) for mail in came]

    def _move_clock(self, seconds: int) -> None:
        owner = Database(self._installation.owner_url, "proaktiv-demo", pool_size=1)
        try:
            with owner.transaction() as session:
                session.connection().execute(_SET_CLOCK, {"seconds": seconds})
        finally:
            owner.close()

    def _settle(self) -> None:
        """Wait until nothing is due. Raises ``CityError`` when a process ended or nothing moves for a while."""
        try:
            wait_until_settled(self._due, self._teller.note, monotonic=time.monotonic, sleep=time.sleep)
        except Stalled as error:
            logs = "\n".join(self._processes.last_lines(name) for name in self._processes.names)
            raise CityError(f"{error}\n{logs}") from None

    def _due(self) -> dict[str, int]:
        self._processes.check()
        with self._reader.transaction() as session:
            return counting.due(session)

    # the end ---------------------------------------------------------------------------------------------------------

    def _result(self) -> dict[str, Any]:
        with Talk(self._installation.url("behoerde")) as talk:
            behoerden = talk.get("/bericht")
        mails = [mail.body for mail in self._mails()]
        with self._reader.transaction() as session:
            # One moment for all of it: the daily deletion may write its entries while it is counted.
            session.connection().execute(_ONE_MOMENT)
            counts = counting.count(session)
            verified = verify_database(session, self._installation.vkey)
        deeds: Counter[Deed] = Counter()
        for robot in self._robots:
            deeds.update(robot.deeds)
        # Only these may have got a letter that they did not open by now: a reminder.
        awaited = {robot.citizen.resident.name for robot in self._robots if robot.citizen.letter is not False}
        seen = Witnesses(
            reported=self._reported,
            duplicates=self._duplicates,
            arrivals=behoerden["arrivals"],
            repeats=behoerden["repeats"],
            second_arrivals=behoerden["second_arrivals"],
            acknowledged=behoerden["acknowledged"],
            letters=self._letterbox.count(),
            printed=self._letterbox.printed(),
            mails=len(mails),
            mails_telling=sum(tells(mail, self._city) for mail in mails),
            letters_missing=self._missing,
            letters_unexpected=sum(letter.name not in awaited for letter in self._letterbox.unopened()),
            deeds=deeds,
            timeline=self._timeline,
        )
        return summed_up(counts, seen, verified)


def seconds_until_day(now: datetime) -> int:
    """Return how long it is until ten in Berlin, or 0 between eight and eighteen."""
    here = now.astimezone(BERLIN)
    if _DAY_BEGINS <= here.hour < _DAY_ENDS:
        return 0
    ten = here.replace(hour=10, minute=0, second=0, microsecond=0)
    if ten <= here:
        ten += timedelta(days=1)
    return int((ten - here).total_seconds())
