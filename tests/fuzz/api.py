"""The API fuzz: what is asked of a surface, as whom, and what every answer must be.

Cases come from the surface's own OpenAPI document three ways: every boundary of the schemas, random ones that keep or
break the schemas, and walks along the links. Failures are collected, so that one does not hide the next.
Left to others: who lives there (``tests.fuzz.city``).
"""

import contextlib
import json
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

from tests.builders import a_birth
from tests.fuzz.city import FuzzedCity, Resident
from tests.web.conftest import LOOPBACK_COOKIE

SEED = 20261014
POOL = 30
"""So many good cases are drawn for each operation that links lead to."""
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
        self.checks = [check for check in CHECKS.get_all() if check.__name__ in _CHECKS]
        assert len(self.checks) == len(_CHECKS)
        self.round = 0
        self.bearer = self.city.token() if self.role == "register" else ""

    def run(self, cases: int) -> Tally:
        """Ask at least so many cases: walks first, while everything lies open, then boundaries, then random ones."""
        self.along_links(cases // 2, steps=6)
        self.boundaries()
        while self.tally.cases < cases:
            self.at_random(-(-(cases - self.tally.cases) // len(self.operations)))
        return self.tally

    # where cases come from ------------------------------------------------------------------------------------------

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

    def along_links(self, cases: int, steps: int) -> None:
        """Walks along the links, each one resident's, the least walked way first."""
        pools = {operation.label: self._pool(operation) for operation in self.operations}
        ways = {label: found.outgoing for label, found in self.links.operations.items() if found.outgoing}
        roots = sorted(ways)
        if not roots:
            return
        began: Counter[str] = Counter()
        end = self.tally.cases + cases
        while self.tally.cases < end:
            self.turn()
            label = min(self.random.sample(roots, len(roots)), key=lambda root: began[root])
            began[label] += 1
            case = self._drawn(pools[label])
            response = self.ask(case)
            for _ in range(steps):
                open_ways = [way for way in ways.get(label, ()) if way.status_code == str(response.status_code)]
                followed = [
                    (way, onward)
                    for way in open_ways
                    if (onward := self._onward(way, StepOutput(response, case), pools)) is not None
                ]
                if not followed:
                    break
                least = min(self.tally.links[way.full_name] for way, _ in followed)
                way, case = self.random.choice(
                    [each for each in followed if self.tally.links[each[0].full_name] == least]
                )
                label = way.target.label
                self.tally.links[way.full_name] += 1
                response = self.ask(case, linked=True, given=not isinstance(way.body, NotSet))

    def _onward(self, way: Any, output: StepOutput, pools: dict[str, list[Case]]) -> Case | None:
        """The case that a link leads to, or None where the answer does not hold what the link names."""
        transition = way.extract(output)
        case = self._drawn(pools[way.target.label])
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
        return {way.full_name for found in self.links.operations.values() for way in found.outgoing}

    def _pool(self, operation: Any) -> list[Case]:
        drawn: list[Case] = []
        self._draw(operation.as_strategy(), POOL, drawn.append)
        return drawn

    def _drawn(self, pool: list[Case]) -> Case:
        case: Case = self.random.choice(pool).derive()
        return case

    # one case -------------------------------------------------------------------------------------------------------

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
            self.tally.failures[kind] = f"{told}\n    sent {sent}\n    got {response.text[:300]}"

    def _identity(self, case: Case) -> dict[str, Any]:
        headers: dict[str, str] = {"sec-fetch-site": "same-origin"}
        if self.bearer:
            headers["authorization"] = f"Bearer {self.bearer}"
        if self.resident is None:
            return {"headers": headers}
        if _positive(case, ParameterLocation.HEADER) and self.random.random() < 0.95:
            headers["x-csrf"] = self.resident.csrf
        return {"headers": headers, "cookies": {LOOPBACK_COOKIE: self.resident.cookie}}

    def _fill(self, case: Case, *, path: bool, body: bool) -> None:
        """Put what leads somewhere into a case that keeps the schema; the rest meets the walls in front."""
        if path and case.path_parameters and _positive(case, ParameterLocation.PATH) and self.random.random() < 0.8:
            for name in case.path_parameters:
                case.path_parameters[name] = self._id(case.path) or case.path_parameters[name]
        if body and _positive(case, ParameterLocation.BODY) and self.random.random() < 0.7:
            for suits, made in _BODIES:
                if suits == case.operation.label:
                    case.body = made(self, case) or case.body

    def _id(self, path: str) -> str | None:
        if not self.city.residents:
            return None
        mine = self.resident is not None and self.random.random() < 0.8
        whose = self.resident if self.resident and mine else self.random.choice(self.city.residents)
        ids = self.city.ids_of(whose, path)
        return self.random.choice(ids) if ids else None

    # our own check --------------------------------------------------------------------------------------------------

    def _tells_nobody_else(self, _context: Any, response: Response, case: Case) -> bool | None:
        """No answer holds another person's values; no error holds anybody's, nor where it happened."""
        text = response.text
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


def _sees(fuzz: Fuzz, case: Case) -> dict[str, Any]:
    if fuzz.resident is None:
        return {}
    return fuzz.city.sees(fuzz.resident, case.path, str(next(iter(case.path_parameters.values()))))


def _shown(fuzz: Fuzz, case: Case) -> Any:
    seen = _sees(fuzz, case)
    return {"shown": seen["shown"]} if seen else None


def _answers(fuzz: Fuzz, case: Case) -> Any:
    asked = _sees(fuzz, case).get("fragen", [])
    fitting = {each["name"]: each["werte"][0]["wert"] if "werte" in each else "MM-XX 1" for each in asked}
    return {"answers": fitting} if fitting else None


def _code(fuzz: Fuzz, _case: Case) -> Any:
    whose = fuzz.random.choice(fuzz.city.residents)
    wrong = fuzz.random.random() < 0.2
    return {"code": whose.code, "geburtsdatum": "1990-01-01" if wrong else whose.who.geburtsdatum}


def _event(fuzz: Fuzz, case: Case) -> Any:
    event = a_birth(fuzz.random.choice(fuzz.city.residents).who)
    body = json.loads(event.body)
    if fuzz.random.random() < 0.5:
        spot = fuzz.random.choice(sorted(body["data"]))
        body["data"][spot] = case.body.get("data") if isinstance(case.body, dict) else None
    return [body] if "batch" in str(case.media_type) else body


def _form(fuzz: Fuzz, _case: Case) -> Any:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    given = {"grant_type": "client_credentials", "client_assertion_type": kind}
    return given | {"client_assertion": fuzz.city.assertion()}


def _message(fuzz: Fuzz, case: Case) -> Any:
    return fuzz.city.message({"text": case.body} if isinstance(case.body, str) else {})


_BODIES: list[tuple[str, Callable[[Fuzz, Case], Any]]] = [
    ("POST /vorschlag/{proposal_id}/ja", _shown),
    ("POST /unterschrift/{auftrag_id}/ja", _shown),
    ("POST /vorschlag/{proposal_id}/antwort", _answers),
    ("POST /sitzung", _code),
    ("POST /events", _event),
    ("POST /token", _form),
    ("POST /acknowledgements", _message),
]
