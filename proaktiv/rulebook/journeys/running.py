"""Lets a journey happen, step by step, and looks after each step whether everything is as its author says.

Pure: no database, no clock but the journey's own. What happened since the last look is compared as a whole; what is
left at the end without having been looked at is a difference, too.
Source: data-path.md § 8; rules/README.md, chapter „Ganze Lebensläufe prüfen".
"""

from dataclasses import dataclass

from proaktiv.core.errors import ProaktivError
from proaktiv.core.events import MISROUTED, EventKind
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.acting import act, pass_time
from proaktiv.rulebook.journeys.comparing import (
    Difference,
    compare_items,
    everything,
    find_forbidden,
    got_since_last_look,
)
from proaktiv.rulebook.journeys.evaluating import process
from proaktiv.rulebook.journeys.happenings import REPORTS
from proaktiv.rulebook.journeys.intake import REFUSED, report
from proaktiv.rulebook.journeys.model import Happening, Journey, Step
from proaktiv.rulebook.journeys.telling import FLOWS
from proaktiv.rulebook.journeys.town import Message, ToDo, Town

_KINDS = frozenset(kind.value for kind in EventKind)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a journey. It passed where nothing differs and nothing waits."""

    journey: Journey
    differences: tuple[Difference, ...]
    waits: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Return ``failed``, ``waits`` or ``passed``."""
        if self.differences:
            return "failed"
        return "waits" if self.waits else "passed"


def run(journey: Journey, rules: Rulebook) -> Outcome:
    """Let the journey happen by these rules."""
    return _Run(journey, rules).whole()


class _Run:
    def __init__(self, journey: Journey, rules: Rulebook) -> None:
        self.journey = journey
        self.town = Town(journey, rules)
        self.known = frozenset(plan.leistung for each in rules.lebenslagen.values() for plan in each.plans)
        self.differences: list[Difference] = []
        self.waits: list[str] = []

    def whole(self) -> Outcome:
        for step in self.journey.steps:
            pass_time(self.town, step.at)
            if step.happening is not None:
                self.happen(step, step.happening)
            self.look(step)
        last = self.journey.steps[-1]
        if last.expected is None:
            self.compare(last, last_look=True)
        named = [*self.journey.waits, *self.waits]
        return Outcome(self.journey, tuple(self.differences), tuple(dict.fromkeys(named)))

    def happen(self, step: Step, happening: Happening) -> None:
        if happening.word in REPORTS:
            self.report(step, happening)
        elif happening.word == "bearbeitung":
            process(self.town)
        else:
            self.act(step, happening)
        pass_time(self.town, step.at)  # what leaves at once has left

    def report(self, step: Step, happening: Happening) -> None:
        art = happening.data.get("art", "") if happening.word == "meldung" else ""
        verdict, why = report(self.town, happening, step.label)
        if verdict == step.verdict:
            if art and verdict == REFUSED and art not in _KINDS:
                self.town.task(ToDo(MISROUTED, "", who=words.DSB))
            self.fulfilled(step)
            return
        if art and art not in _KINDS and verdict == REFUSED:
            self.waits.append(f"Ereignis {art}")
            return
        if step.waits:
            self.waits.append(step.waits)
            return
        got = f"{verdict}: {why}" if why else verdict
        self.differ(step, f"{happening.word}: aufnahme", step.verdict, got)

    def act(self, step: Step, happening: Happening) -> None:
        """Let somebody act; what concerns a Leistung that the rules do not have waits with it."""
        leistung = str(happening.data.get("leistung", ""))
        what = f"{happening.word} {leistung}".strip()
        try:
            act(self.town, happening)
        except (ProaktivError, LookupError) as refused:
            if step.waits or (leistung and leistung not in self.known):
                self.waits.append(step.waits or leistung)
            elif not step.refused:
                self.differ(step, what, "geht", f"geht nicht: {refused}")
            return
        if step.refused:
            self.differ(step, what, "geht nicht", "geht")
        self.fulfilled(step)

    def fulfilled(self, step: Step) -> None:
        """Note that nothing waits any more where the author says so."""
        if step.waits:
            self.differ(step, "wartet_auf", step.waits, "ist erfüllt; nehmen Sie die Zeile heraus")

    def look(self, step: Step) -> None:
        """Compare what the author says of this step; each word looks at its own, and at all since it last did."""
        self.forbidden(step)
        if step.expected is not None:
            self.compare(step)
            return
        if step.messages is not None:
            self.messages(step)
            self.town.new_messages = []
        if step.guards is not None:
            self.protocol(step)
            self.town.guards = []

    def compare(self, step: Step, *, last_look: bool = False) -> None:
        got = got_since_last_look(self.town)
        expected = () if last_look or step.expected is None else step.expected
        differences, waits = compare_items(step, expected, got, self.known)
        self.differences += differences
        self.waits += waits
        if not last_look:
            self.messages(step)
            self.protocol(step)
        elif step.messages is None:
            self.messages(step)
        self.town.look()

    def messages(self, step: Step) -> None:
        """Compare messages; where the author says nothing, only whoever gets something may be told."""
        sent = list({id(message): message for message in self.town.new_messages}.values())
        if step.messages is None:
            expected = {name for item in step.expected or () for name in item.addressees}
            for message in sent:
                if message.person not in expected and message.state != "abgebrochen":
                    self.differ(step, "nachrichten", "nichts", _shown(message))
            return
        for wanted in step.messages:
            found = [each for each in sent if (each.person, each.channel) == (wanted.addressee, wanted.channel)]
            found.sort(key=lambda each: each.state != wanted.state)
            said = f"{wanted.channel} an {wanted.addressee}: {wanted.state}"
            if not found:
                flow = f"propose/{FLOWS[wanted.channel]}"
                if any(name.endswith(f"/{flow}") for name in self.town.activities):
                    self.differences.append(Difference(wanted.place, step.at.date(), "nachrichten", said, "nichts"))
                else:
                    self.waits.append(f"Fluss {flow}")
                continue
            sent.remove(found[0])
            if found[0].state != wanted.state:
                got_ = _shown(found[0])
                self.differences.append(Difference(wanted.place, step.at.date(), "nachrichten", said, got_))
        for message in sent:
            self.differ(step, "nachrichten", "nichts", _shown(message))

    def protocol(self, step: Step) -> None:
        if step.guards is None:
            return
        expected, got = sorted(set(step.guards)), sorted(set(self.town.guards))
        if expected != got:
            self.differ(step, "protokoll", ", ".join(expected) or "nichts", ", ".join(got) or "nichts")

    def forbidden(self, step: Step) -> None:
        day = step.at.date()
        changed = got_since_last_look(self.town)
        differences, waits = find_forbidden(self.town, step.forbidden, changed, self.town.new_messages, day)
        more, later = find_forbidden(self.town, self.journey.never, everything(self.town), self.town.messages, day)
        known = {(each.place, each.got, each.person) for each in self.differences}
        fresh = [each for each in (*differences, *more) if (each.place, each.got, each.person) not in known]
        self.differences += fresh
        self.waits += waits + later

    def differ(self, step: Step, what: str, expected: str, got: str) -> None:
        self.differences.append(Difference(step.place, step.at.date(), what, expected, got))


def _shown(message: Message) -> str:
    return f"{message.channel} an {message.person}: {message.state} (Anlass {message.bundle})"
