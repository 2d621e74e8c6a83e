"""What a message says and to whom: contact opened under the permit, words, and what may not stand in a mail."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row as SqlRow

from consent.model import Permit, Propose
from notifiers.leaks import Known
from notifiers.model import Message, Recipient
from proaktiv.core import codes
from proaktiv.core.birthdays import Born, read_born
from proaktiv.core.calendar import berlin_date
from proaktiv.core.letters import (
    SUBJECT,
    Words,
    account_words,
    activation_words,
    address_lines,
    address_words,
    bundle_words,
    news_words,
    told_words,
    written_on,
)
from proaktiv.house import House
from proaktiv.steps.notify.contents import About
from proaktiv.steps.notify.due import Matter
from proaktiv.steps.notify.posting import ACCOUNT, ACTIVATION, ADDRESS, BUNDLE, CONFIRMATION, LETTER, MAIL
from proaktiv.vault import Compartment, Place, Ring, VaultError


@dataclass(frozen=True, slots=True)
class Composed:
    """One message that may be written. ``moved``: a mail address sealed anew, for the row of ``given_at``.

    ``about`` decides the words of a letter about a bundle. ``remind_at``: when its matter is told of once more.
    """

    matter: Matter
    permit: Permit[Propose]
    delivery: UUID
    run: int
    made_at: datetime
    recipient: Recipient
    given_name: str
    family_name: str
    born_on: Born
    known: Known
    moved: bytes | None = None
    given_at: datetime | None = None
    about: About = About.ASKS
    remind_at: datetime | None = None

    @property
    def coded(self) -> bool:
        """Return whether a code stands in it: in letters about a matter or an enrolment."""
        return self.matter.channel == LETTER and self.matter.purpose in (BUNDLE, ACTIVATION)


def compose(
    house: House,
    matter: Matter,
    permit: Permit[Propose],
    ring: Ring,
    sealed: bytes | None,
    mail: SqlRow[Any] | None,
    run: int,
    now: datetime,
) -> Composed | None:
    """Return the message, or None when it has no address that can be read: one broken row must not hold others up."""
    if sealed is None or (matter.channel == MAIL and mail is None):
        return None
    moved = None
    try:
        place = Place("contacts", matter.person, "values")
        contact = ring.open(permit, matter.person, Compartment.CONTACT, place, sealed)
        born_on = read_born(contact["geburtsdatum"])
        address = ""
        if matter.channel == MAIL and mail is not None:
            address, moved = _mail_address(house, permit, ring, mail)
        given_name, family_name = str(contact["name"][0]), str(contact["name"][-1])
        recipient = Recipient(address_lines(contact), contact.get("sprache", "de"), mail=address)
        known = _known(house, matter, contact, born_on)
    except (KeyError, TypeError, ValueError, VaultError):
        return None
    before, given_at = matter.delivery, mail.given_at if mail is not None and matter.purpose == BUNDLE else None
    delivery, run, made_at = (
        (house.ids.row(now), run, now) if before is None else (before.id, before.run, before.made_at)
    )
    return Composed(
        matter,
        permit,
        delivery,
        run,
        made_at,
        recipient,
        given_name,
        family_name,
        born_on,
        known,
        moved,
        given_at,
    )


def _mail_address(house: House, permit: Permit[Propose], ring: Ring, row: SqlRow[Any]) -> tuple[str, bytes | None]:
    """Return the address and, where it still lies in the inbox, the same sealed for this person.

    Wherever the row lies, its bytes are sealed for ``mail_addresses``.
    """
    if getattr(row, "address", None) is not None:
        place = Place("mail_addresses", row.person, "address")
        return str(ring.open(permit, row.person, Compartment.CONTACT, place, row.address)["mail"]), None
    said = house.vault.open_payload(permit, Place("mail_addresses", row.person, "inbox"), row.inbox)
    place = Place("mail_addresses", row.person, "address")
    return str(said["mail"]), ring.seal(row.person, Compartment.CONTACT, place, {"mail": str(said["mail"])})


def _known(house: House, matter: Matter, contact: dict[str, Any], born_on: Born) -> Known:
    """Return what is known here beyond the recipient; register ids are known as hashes alone."""
    address = contact["anschrift"]
    code = house.vault.code(matter.id, 1)
    return Known(
        names=tuple(contact["name"]),
        places=(address["strasse"], address["plz"], address["ort"]),
        days=(day_to_search(born_on),),
        ids=tuple(str(each) for each in (matter.id, matter.person, *sorted(matter.events))),
        others=(code, codes.grouped(code)),
    )


def day_to_search(born_on: Born) -> date:
    """Return a day whose forms say what is known of a birth date: of one in part, its year as a word by itself."""
    return born_on if isinstance(born_on, date) else date(int(born_on.isoformat()[:4]), 1, 1)


def reference_of(house: House, delivery: UUID) -> str:
    """Return what a message prints of itself."""
    return codes.reference(house.vault.mac("letter", delivery.bytes))


def message(house: House, composed: Composed, page: str) -> Message:
    """Return the message; for one delivery always the same, so that a repeat has the same bytes.

    A mail has no words of the matter and no other link than the neutral page; the code in it confirms its address and
    opens nothing.
    """
    matter = composed.matter
    reference = reference_of(house, composed.delivery)
    sent_on = written_on(berlin_date(composed.made_at))
    if matter.channel == MAIL:
        return Message(
            purpose=matter.purpose,
            reference=reference,
            sender=house.name,
            sent_on=sent_on,
            subject=SUBJECT,
            paragraphs=(),
            secret=_digits(house, matter),
            link=page,
            made_at=composed.made_at,
        )
    words = _words(house, composed)
    return Message(
        purpose=matter.purpose,
        reference=reference,
        sender=house.name,
        sent_on=sent_on,
        subject=words.subject,
        paragraphs=words.paragraphs,
        secret=codes.grouped(house.vault.code(matter.id, composed.run)) if composed.coded else "",
        link=page,
        made_at=composed.made_at,
        versions=words.versions,
    )


def _words(house: House, composed: Composed) -> Words:
    matter, again = composed.matter, composed.run > 1
    if matter.purpose == BUNDLE:
        if composed.about is About.NEWS:
            return news_words(house.name)
        return (told_words if composed.about is About.HINTS else bundle_words)(house.name, again=again)
    if matter.purpose == ADDRESS:
        return address_words(house.name)
    return account_words(house.name) if matter.purpose == ACCOUNT else activation_words(house.name)


def _digits(house: House, matter: Matter) -> str:
    return codes.grouped_digits(house.vault.confirmation(matter.id)) if matter.purpose == CONFIRMATION else ""


def vocabulary(house: House) -> tuple[str, ...]:
    """Return the words that would tell what a mail is about, whoever it goes to."""
    lebenslagen = house.rules.lebenslagen.values()
    leistungen = {plan.leistung for each in lebenslagen for plan in each.plans}
    return tuple(sorted({each.name for each in lebenslagen} | leistungen))
