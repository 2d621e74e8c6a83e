"""One Plan for the tests of rules: whoever builds one says what matters and nothing else."""

from datetime import date
from typing import Any

from proaktiv.core.nodes import Node
from proaktiv.core.plans import Gilt, Plan


def plan_of(bedingung: Node, /, **changes: Any) -> Plan:
    """Return a Plan that asks for ``bedingung``; ``changes`` are fields of ``Plan``."""
    usual: dict[str, Any] = {
        "lebenslage": "geburt",
        "leistung": "PROBE",
        "name": "Probe",
        "je": "elternteil",
        "bedingung": bedingung,
        "gilt": Gilt("tag", date(2015, 1, 1)),
        "stelle_art": "amt",
        "stelle_nach": "ort",
        "schluessel": ("kennung",),
    }
    return Plan(**(usual | changes))
