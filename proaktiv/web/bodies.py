"""The bodies that the citizen's surface takes, each as its step takes it on. Unknown members are refused.

Left to others: what a single value may be (``web.leaves``), the operations (``web.citizen``).
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from proaktiv.core.birthdays import Born, InPart, read_born
from proaktiv.steps.consents import Choice
from proaktiv.steps.enrol import Wish
from proaktiv.web.leaves import Birthday, Digest, Leistung, Name


class Form(BaseModel):
    """What may be typed; unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class Anschrift(Form):
    """An address as typed."""

    strasse: Name
    plz: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
    ort: Name


class Anmeldung(Form):
    """A wish to be known here."""

    vornamen: Name
    familienname: Name
    geburtsdatum: Birthday
    anschrift: Anschrift

    def wish(self) -> Wish:
        """Return the wish as the step takes it."""
        return Wish(
            vornamen=self.vornamen,
            familienname=self.familienname,
            geburtsdatum=self.geburtsdatum,
            strasse=self.anschrift.strasse,
            plz=self.anschrift.plz,
            ort=self.anschrift.ort,
        )


class Nachweis(Form):
    """A letter code and a birth date."""

    code: Annotated[str, StringConstraints(max_length=40)]
    geburtsdatum: Birthday

    def born(self) -> Born:
        """Return the birth date as the step takes it; one that no calendar has is nobody's."""
        try:
            return read_born(self.geburtsdatum)
        except ValueError:
            return InPart(self.geburtsdatum)


class Entscheidung(Form):
    """One decision about one activity, with the digest of the text that was read."""

    activity: Leistung
    decision: Annotated[str, StringConstraints(pattern=r"^(give|refuse)$")]
    notice: Digest

    def choice(self) -> Choice:
        """Return the decision as the step takes it."""
        return Choice(self.activity, self.decision == "give", self.notice)


class Entscheidungen(Form):
    """Decisions about activities; each stands for itself."""

    decisions: Annotated[list[Entscheidung], Field(min_length=1, max_length=40)]


class Antworten(Form):
    """Answers by the name of their question, as written."""

    answers: Annotated[
        dict[Annotated[str, StringConstraints(max_length=80)], Annotated[str, StringConstraints(max_length=400)]],
        Field(min_length=1, max_length=20),
    ]


class Widerruf(Form):
    """What is withdrawn or objected to: a whole Lebenslage, or one activity."""

    lebenslage: Leistung = ""
    activity: Leistung = ""


class Ja(Form):
    """A yes to what was shown."""

    shown: Digest


class Mailcode(Form):
    """The digits of the mail that confirms an address."""

    code: Annotated[str, StringConstraints(max_length=40)]


class Mailadresse(Form):
    """An address that a mail may hint to, with the digest of the terms that were read."""

    notice: Digest

    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]


class Zeichen(Form):
    """What is printed on a message, ``XXXX-XXXX``."""

    zeichen: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]+$")]
