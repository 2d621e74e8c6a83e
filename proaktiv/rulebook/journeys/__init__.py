"""Whole journeys: cases of people over months, written by a Fachamt in YAML, run on the pure core without a database.

``reading`` makes a ``Journey`` of a file, ``running`` lets it happen, ``showing`` says what differs.
Left to others: cases of one Leistung (``rulebook.cases``), the command (``rulebook.commands``).
"""

from proaktiv.rulebook.journeys.model import Journey
from proaktiv.rulebook.journeys.reading import is_journey, read_journey
from proaktiv.rulebook.journeys.running import Outcome, run
from proaktiv.rulebook.journeys.showing import last_line, shown

__all__ = ["Journey", "Outcome", "is_journey", "last_line", "read_journey", "run", "shown"]
