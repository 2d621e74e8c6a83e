"""The API fuzz: what is asked of a surface, as whom, and what every answer must be.

Cases come from the surface's own OpenAPI document four ways: once to each place that the document names, walks along
the links, every boundary of the schemas, and random ones that keep or break the schemas. Failures are collected, so
that one does not hide the next.
Left to others: who lives there (``tests.fuzz.city``), bodies that lead somewhere (``tests.fuzz.bodies``).
"""

import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.core import NotSet
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.core.transforms import UNRESOLVABLE
from schemathesis.core.transport import Response
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.generation.stateful.state_machine import StepOutput
from schemathesis.specs.openapi.stateful import collect_transitions

from proaktiv.web.staff.visitor import SESSION
from tests.fuzz.bodies import BODIES, QUERIES
from tests.fuzz.city import FuzzedCity, Resident, Staff
from tests.web.conftest import LOOPBACK_COOKIE

SEED = 20261014
POOL = 8
"""So many good cases are drawn for each operation; what a path or a body must name is put in afterwards."""
WAY = "GET /flows/{flow_id}/consent"
"""What takes an entry and a request that belong together."""
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)
_REFUSED = ["207", "400", "401", "403", "404", "405", "409", "413", "415", "422", "429"]
"""What says no. 207 does to an event of a batch: its own verdict names the problem, and the others may be well."""
_TRACES = ("Traceback", 'File "', "psycopg", "sqlalchemy", "site-packages", "proaktiv/")


@schemathesis.serializer("application/jose")
def _as_written(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@dataclass
class Tally:
    """What was asked and answered."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    good: set[str] = field(default_factory=set)
    links: Counter[str] = field(default_factory=Counter)
    arrived: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        statuses = ", ".join(f"{status} x {times}" for status, times in sorted(self.statuses.items()))
        followed = f"{len(self.links)} links followed {self.links.total()} times"
        return f"{self.cases} cases, {len(self.operations)} operations, {followed}; {statuses}"


@dataclass
class Fuzz:
    """One role's fuzz of one surface. ``resident`` is who asks now, if a resident asks at all."""

    city: FuzzedCity
    app: FastAPI
    role: str
    tally: Tally = field(default_factory=Tally)
    resident: Resident | None = None
    staff: Staff | None = None
    """Who of the staff asks, where no resident does."""

    def __post_init__(self) -> None:
        self.random = random.Random(SEED)
        config = SchemathesisConfig.from_dict(
            {
                "generation": {"with-security-parameters": False, "database": "none"},
                "checks": {"negative_data_rejection": {"expected-statuses": _REFUSED}},
                "phases": {"stateful": {"inference": {"algorithms": []}}},
            }
        )
        self.schema = schemathesis.openapi.from_asgi("/openapi.json", self.app, config=config)
        self.operations = [found.ok() for found in self.schema.get_all_operations()]
        self.links = collect_transitions(self.operations)
        self.outgoing = {label: found.outgoing for label, found in self.links.operations.items() if found.outgoing}
        self.pools: dict[str, list[Case]] = {}
        self.sure = False
        self.checks = [check for check in CHECKS.get_all() if check.__name__ in _CHECKS]
        assert len(self.checks) == len(_CHECKS)
        self.round = 0
        self.bearer = self.city.token() if self.role == "register" else ""

    def run(self, cases: int) -> Tally:
        """Ask at least so many cases: each place first, while everything lies open, then at random."""
        self.everywhere()
        self.along_links(until=cases // 2, steps=6)
        self.boundaries()
        while self.tally.cases < cases:
            self.at_random(-(-(cases - self.tally.cases) // len(self.operations)))
        return self.tally

    # where cases come from ------------------------------------------------------------------------------------------

    def everywhere(self) -> None:
        """Follow each link to a good answer and have each operation answered well, where this role can.

        Nothing is left to chance: whoever lives here tries in turn, with each thing that is theirs, until one arrives.
        """
        self.sure = True
        for label, ways in self.outgoing.items():
            for way in ways:
                self._until(way.full_name, self.tally.arrived, label, lambda case, way=way: self._follow(case, way))
        for operation in self.operations:
            self._until(operation.label, self.tally.good, operation.label, self.ask)
        self.sure = False

    def _until(self, done: str, within: set[str], label: str, use: Callable[[Case], Any]) -> None:
        """Ask this operation as one resident after the other, of each thing of theirs, until it is ``within``."""
        residents = self.city.residents if self.role.startswith("citizen") else [None]
        for self.resident in residents:
            first = self._drawn(label)
            wanted = next(iter(first.path_parameters), None)
            ids = [None] if wanted is None else self._ids(first.path) or [None]
            for each in ids:
                if done in within:
                    return
                case = self._drawn(label)
                if wanted is not None and each is not None:
                    case.path_parameters[wanted] = each
                use(case)

    def _follow(self, case: Case, way: Any) -> None:
        """Ask, and go one way from the answer where it is the one that the way starts from."""
        response = self.ask(case, linked=True)
        if way.status_code != str(response.status_code):
            return
        onward = self._onward(way, StepOutput(response, case))
        if onward is not None:
            self._go(way, onward)

    def _go(self, way: Any, onward: Case) -> Response:
        self.tally.links[way.full_name] += 1
        response = self.ask(onward, linked=True, given=not isinstance(way.body, NotSet))
        if response.status_code < 300:
            self.tally.arrived.add(way.full_name)
        return response

    def boundaries(self) -> None:
        """Every boundary that the schemas have."""
        for operation in self.operations:
            modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
            generation = self.schema.config.generation_for(operation=operation, phase="coverage")
            for case in self.schema.iter_coverage_cases(
                operation, generation_modes=modes, generation_config=generation
            ):
                self.turn()
                self.ask(case)

    def at_random(self, each: int) -> None:
        """So many random cases for each operation, half of them wrong."""

        def asked(case: Case) -> None:
            self.turn()
            self.ask(case)

        for operation in self.operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is sent
                    self._draw(operation.as_strategy(generation_mode=mode), -(-each // 2), asked)

    def _draw(self, strategy: Any, examples: int, use: Callable[[Case], None]) -> None:
        self.round += 1

        @seed(SEED + self.round)
        @_quick(examples)
        @given(strategy)
        def drawn(case: Case) -> None:
            use(case)

        drawn()

    def along_links(self, until: int, steps: int) -> None:
        """Walks along the links, each one resident's, the least walked way first, until so many cases were asked."""
        roots = sorted(self.outgoing)
        if not roots:
            return
        began: Counter[str] = Counter()
        while self.tally.cases < until:
            self.turn()
            label = min(self.random.sample(roots, len(roots)), key=lambda root: began[root])
            began[label] += 1
            case = self._drawn(label)
            response = self.ask(case)
            for _ in range(steps):
                followed = [
                    (way, onward)
                    for way in self.outgoing.get(label, ())
                    if way.status_code == str(response.status_code)
                    and (onward := self._onward(way, StepOutput(response, case))) is not None
                ]
                if not followed:
                    break
                least = min(self.tally.links[way.full_name] for way, _ in followed)
                way, case = self.random.choice(
                    [each for each in followed if self.tally.links[each[0].full_name] == least]
                )
                label = way.target.label
                response = self._go(way, case)

    def _onward(self, way: Any, output: StepOutput) -> Case | None:
        """The case that a link leads to, or None where the answer does not hold what the link names."""
        transition = way.extract(output)
        case = self._drawn(way.target.label)
        for container, values in transition.parameters.items():
            for name, extracted in values.items():
                value = extracted.value.ok() if isinstance(extracted.value, Ok) else None
                if value is None or value is UNRESOLVABLE:
                    return None
                getattr(case, container)[name] = value
        if transition.request_body is not None:
            body = transition.request_body.value
            if not isinstance(body, Ok) or repr(UNRESOLVABLE) in repr(body.ok()):
                return None
            case.body = body.ok()
        return case

    @property
    def ways(self) -> set[str]:
        """The names of all links of the document."""
        return {way.full_name for ways in self.outgoing.values() for way in ways}

    def _drawn(self, label: str) -> Case:
        """A good case of an operation."""
        pool = self.pools.setdefault(label, [])
        if not pool:
            (operation,) = (each for each in self.operations if each.label == label)
            self._draw(operation.as_strategy(), POOL, pool.append)
        case: Case = self.random.choice(pool).derive()
        return case

    # one case -------------------------------------------------------------------------------------------------------

    def likely(self, share: float) -> bool:
        """Whether this time the good value is taken; always where nothing is left to chance."""
        return self.sure or self.random.random() < share

    def turn(self) -> None:
        """Another resident asks."""
        if self.role.startswith("citizen"):
            self.resident = self.random.choice(self.city.residents)

    def ask(self, case: Case, *, linked: bool = False, given: bool = False) -> Response:
        """Ask, and look at the answer. ``linked``: the path leads somewhere; ``given``: the body does."""
        self._fill(case, path=not linked, body=not given)
        response: Response = case.call(**self._identity(case))
        self.tally.cases += 1
        self.tally.statuses[response.status_code] += 1
        self.tally.operations.add(case.operation.label)
        if response.status_code < 300:
            self.tally.good.add(case.operation.label)
        try:
            case.validate_response(response, checks=[*self.checks, self._tells_nobody_else])
        except FailureGroup as group:
            for failure in group.exceptions:
                self._note(case, response, failure)
        return response

    def _note(self, case: Case, response: Response, failure: Failure) -> None:
        kind = f"{case.operation.label}: {type(failure).__name__} ({response.status_code})"
        if kind not in self.tally.failures:
            told = f"{failure.title}: {failure.message}"[:600]
            sent = f"{case.method} {case.path_parameters} {case.headers} {case.body!r}"[:600]
            self.tally.failures[kind] = f"{told}\n    sent {sent}\n    got {response.content[:300]!r}"

    def _identity(self, case: Case) -> dict[str, Any]:
        headers: dict[str, str] = {"sec-fetch-site": "same-origin"}
        if self.bearer:
            headers["authorization"] = f"Bearer {self.bearer}"
        if self.staff is not None:
            if _positive(case, ParameterLocation.HEADER) and self.likely(0.95):
                headers["x-csrf"] = self.staff.csrf
            return {"headers": headers, "cookies": {SESSION: self.staff.cookie}}
        if self.resident is None:
            return {"headers": headers}
        if _positive(case, ParameterLocation.HEADER) and self.likely(0.95):
            headers["x-csrf"] = self.resident.csrf
        return {"headers": headers, "cookies": {LOOPBACK_COOKIE: self.resident.cookie}}

    def _fill(self, case: Case, *, path: bool, body: bool) -> None:
        """Put what leads somewhere into a case that keeps the schema; the rest meets the walls in front."""
        if path and case.path_parameters and _positive(case, ParameterLocation.PATH) and self.likely(0.8):
            for name in case.path_parameters:
                case.path_parameters[name] = self._id(case.path) or case.path_parameters[name]
        if case.operation.label in QUERIES and _positive(case, ParameterLocation.QUERY) and self.likely(0.7):
            case.query = dict(QUERIES[case.operation.label])
        good = _positive(case, ParameterLocation.PATH) and _positive(case, ParameterLocation.QUERY)
        if case.operation.label == WAY and path and good and self.likely(0.5):
            case.path_parameters["flow_id"], case.query = self.city.allowed[0], {"subject": self.city.allowed[1]}
        if body and _positive(case, ParameterLocation.BODY) and self.likely(0.7):
            made = BODIES.get(case.operation.label)
            case.body = (made and made(self, case)) or case.body

    def _id(self, path: str) -> str | None:
        if self.staff is not None:
            ids = self.city.staff_ids(path)
            return self.random.choice(ids) if ids else None
        mine = self.resident if self.resident and self.random.random() < 0.8 else None
        ids = self._ids(path, mine or self.random.choice(self.city.residents))
        return self.random.choice(ids) if ids else None

    def _ids(self, path: str, whose: Resident | None = None) -> list[str]:
        if self.staff is not None:
            return self.city.staff_ids(path)
        whose = whose or self.resident
        return self.city.ids_of(whose, path) if whose else []

    # our own check --------------------------------------------------------------------------------------------------

    def _tells_nobody_else(self, _context: Any, response: Response, case: Case) -> bool | None:
        """No answer holds another person's values; no error holds anybody's, nor where it happened."""
        text = response.content.decode(errors="replace")  # a file may be none
        for resident in self.city.residents:
            if response.status_code < 400 and self._may_see(resident):
                continue
            for canary in resident.canaries:
                if canary in text and canary not in repr(case.body):
                    raise Leak(operation=case.operation.label, title="Leak", message="a canary of another person")
        if response.status_code >= 400 and any(trace in text for trace in _TRACES):
            raise Trace(operation=case.operation.label, title="Trace", message="an error tells where it happened")
        return None

    def _may_see(self, resident: Resident) -> bool:
        if self.resident is None:
            return False
        return resident is self.resident or (self.role == "citizen at V2" and resident.family == self.resident.family)


class Leak(Failure):
    """Somebody's data in somebody else's answer."""


class Trace(Failure):
    """Our own code in an answer."""


def _positive(case: Case, location: ParameterLocation) -> bool:
    component = case.meta.components.get(location) if case.meta else None
    return component is None or component.mode.is_positive


def _quick(examples: int, **more: Any) -> settings:
    return settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
