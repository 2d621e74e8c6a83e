"""Builders for the channels: one invented person, one message, one clearance."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notifiers.letter import Letterhead
from notifiers.model import Clearance, Message, Recipient, ReplySheet, Version

SECRET = "0123-4567-89AB-C"

HEAD = Letterhead(
    name="Stadt Musterstadt",
    address=("Stadt Musterstadt", "Rathausplatz 1", "00001 Musterstadt"),
    contact=(("Telefon", "0000 1234"),),
    entry="https://musterstadt.example/b",
    mark="Muster – kein echter Brief",
)
ANNA = Recipient(("Anna Beispiel-Probst", "Erfundene Gasse 3", "00001 Musterstadt"), mail="anna@citizens.example")

LEICHT = Version("ls", "Etwas ist für Sie da", ("Die Stadt hat etwas für Sie.\nSie müssen nichts tun.",))
ENGLISH = Version("en", "Something is ready for you", ("The city has prepared something for you.",))
REPLY = ReplySheet(
    "Antwortblatt",
    ("Sie möchten nicht ins Internet? Kreuzen Sie an und schicken Sie dieses Blatt zurück.",),
    ("Bitte rufen Sie mich an.", "Bitte schreiben Sie mir nicht mehr."),
)


def a_message(**changes: Any) -> Message:
    parts: Mapping[str, Any] = {
        "purpose": "bundle",
        "reference": "ABCD-1234",
        "sender": "Stadt Musterstadt",
        "sent_on": "14.10.2026",
        "subject": "Für Sie liegt etwas bereit",
        "paragraphs": (
            "Stadt Musterstadt hat etwas für Sie vorbereitet. Sie müssen keinen Antrag stellen.",
            "Dazu brauchen Sie den Code unten und Ihr Geburtsdatum. Der Code gilt 90 Tage.",
        ),
        "secret": SECRET,
        "made_at": datetime(2026, 10, 14, 9, 0, tzinfo=UTC),
    }
    return Message(**{**parts, **changes})


class Left:
    """A deadline that stands still."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.seconds = seconds

    def remaining(self) -> float:
        return self.seconds


def cleared(wire_id: str = "0192-a") -> Clearance:
    # The only other maker is the flow log; a channel must work for whoever holds one.
    return Clearance(UUID(int=1), wire_id, datetime(2026, 10, 14, tzinfo=UTC))
