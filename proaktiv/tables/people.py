"""Persons, how they are found, reached and related; their keys."""

from sqlalchemy import Index, text
from sqlmodel import Field

from proaktiv.tables.columns import UUID, Storage, date, datetime, instant, sealed


class PersonRow(Storage, table=True):
    """A person this house knows by their own wish, or a child under a holder's permit.

    Written by ``steps.enrol``; by ``steps.propose`` for a child. Status: requested (activation letter under way),
    active, child, deceased.
    """

    __tablename__ = "persons"

    person: UUID = Field(primary_key=True)
    status: str = Field(max_length=16)
    since: datetime = instant()


class PersonIdentifierRow(Storage, table=True):
    """Keyed hash of an identifier. Only ``register_id`` resolves an event, only ``oidc`` a log-in.

    Written as ``persons``; ``oidc``, a person's one account, by ``steps.account``.
    """

    __tablename__ = "person_identifiers"
    __table_args__ = (
        Index("uq_person_identifiers_account", "person", unique=True, postgresql_where=text("kind = 'oidc'")),
    )

    kind: str = Field(primary_key=True, max_length=16)  # register_id oidc bpk2 passkey
    lookup_hash: bytes = Field(primary_key=True)
    person: UUID = Field(index=True)


class ContactRow(Storage, table=True):
    """Registered address, name, language: sealed ``contact``. By ``steps.enrol`` and ``steps.relocate``.

    ``event`` is the report of the move that the address came from; null where a look-up gave it.
    """

    __tablename__ = "contacts"

    person: UUID = Field(primary_key=True)
    values: bytes = sealed()
    known_at: datetime = instant()
    event: UUID | None = Field(default=None, index=True)


class AddressDoubtRow(Storage, table=True):
    """A report by which a person's stored address may be wrong. While there is one, no letter goes, no code opens.

    By ``steps.receive``, in its own transaction; ended by ``steps.relocate`` and ``steps.enrol`` (``proaktiv.homes``).
    ``reported_at`` is when the register wrote the report.
    """

    __tablename__ = "address_doubts"

    person: UUID = Field(primary_key=True)
    event: UUID = Field(primary_key=True, index=True)
    since: datetime = instant()
    reported_at: datetime = instant()


class NoticeRow(Storage, table=True):
    """That something about a person's access or mail address changed, for the letter about it.

    By ``steps.account``, ``steps.channels`` and ``steps.prove``; notify ends it. ``mail_due_at``: a mail is due, to the
    former address or of a locked code to the one in use, which lies in ``inbox`` or ``address`` until then, sealed as
    in ``mail_addresses``.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_due", "due_at", postgresql_where=text("due_at is not null")),
        Index("ix_notices_mail_due", "mail_due_at", postgresql_where=text("mail_due_at is not null")),
    )

    id: UUID = Field(primary_key=True)
    person: UUID = Field(index=True)
    what: str = Field(max_length=16)  # bound | unbound | code_locked | mail_given | mail_changed | mail_removed
    made_at: datetime = instant()
    due_at: datetime | None = instant(nullable=True)
    mail_due_at: datetime | None = instant(nullable=True)
    inbox: bytes | None = sealed(nullable=True)
    address: bytes | None = sealed(nullable=True)


class MailAddressRow(Storage, table=True):
    """The mail address that a person gave and confirmed. By ``steps.channels``; notify moves it into ``address``.

    ``inbox`` is sealed to the worker by the surface, which holds no key to read it; ``address`` is sealed ``contact``.
    One of the two is null. The hashes are keyed: they say whether a refused address, or the domain
    that refuses this house, is this one. ``confirmation`` is what it was confirmed by; null for one from before there
    were any, to which nothing is sent. A row that is gone was taken back, and nothing of it is left.
    """

    __tablename__ = "mail_addresses"

    person: UUID = Field(primary_key=True)
    inbox: bytes | None = sealed(nullable=True)
    address: bytes | None = sealed(nullable=True)
    address_hash: bytes | None = sealed(nullable=True)
    domain_hash: bytes | None = sealed(nullable=True)
    confirmation: UUID | None = None
    given_at: datetime = instant()


class MailConfirmationRow(Storage, table=True):
    """A mail address that was typed and is not confirmed: one a person, the newest. By ``steps.channels``.

    ``inbox`` is sealed for its place in ``mail_addresses``, where it moves once its code comes back. The code is made
    of ``id`` and stands nowhere. ``due_at``: its one mail is due; ``steps.notify`` ends that.
    """

    __tablename__ = "mail_confirmations"
    __table_args__ = (Index("ix_mail_confirmations_due", "due_at", postgresql_where=text("due_at is not null")),)

    id: UUID = Field(primary_key=True)
    person: UUID = Field(index=True, unique=True)
    inbox: bytes = sealed()
    address_hash: bytes = sealed()
    domain_hash: bytes = sealed()
    asked_at: datetime = instant()
    expires_at: datetime = instant()
    due_at: datetime | None = instant(nullable=True)
    wrong_tries: int = 0


class SuppressionRow(Storage, table=True):
    """Keyed hash of a mail address that was refused for good.

    By ``steps.notify`` and ``steps.bounce``; lifted by ``steps.channels``.
    """

    __tablename__ = "suppressions"

    address_hash: bytes = Field(primary_key=True)
    since: datetime = instant()


class RelationRow(Storage, table=True):
    """Who is whose parent, holder, spouse. By ``steps.propose``; read by binding and gate alone."""

    __tablename__ = "relations"
    __table_args__ = (Index("ix_relations_to", "to_person"),)

    from_person: UUID = Field(primary_key=True)
    to_person: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, max_length=16)  # elternteil sorge ehe vormund betreuer
    source: str
    valid_from: date
    valid_to: date | None = None
    known_from: datetime = instant()
    known_to: datetime | None = instant(nullable=True)


class EnrolmentRow(Storage, table=True):
    """One request at ``/anmelden``. Only ``steps.enrol`` writes it.

    ``request`` (name, birth date, address as typed) is sealed to the worker and nulled when the look-up is answered,
    found or not.
    """

    __tablename__ = "enrolments"
    __table_args__ = (Index("ix_enrolments_due", "due_at", postgresql_where=text("state in ('requested', 'found')")),)

    id: UUID = Field(primary_key=True)
    person: UUID
    state: str = Field(default="requested", max_length=16)  # requested found letter finished not_found lapsed
    requested_at: datetime = instant()
    due_at: datetime | None = instant(nullable=True)
    request: bytes | None = sealed(nullable=True)
    flow_id: UUID


class VaultKeyRow(Storage, table=True):
    """A person's data key for one compartment, wrapped by the KEK that ``kek`` names. Made by ``vault`` alone.

    ``keys.rotation`` wraps it anew, ``keys.erasing`` destroys it, ``keys.restoring`` brings a lost row back. A missing
    row means never; ``destroyed`` is for ever: the database changes such a row no more.
    """

    __tablename__ = "vault_keys"

    person: UUID = Field(primary_key=True)
    compartment: str = Field(primary_key=True, max_length=8)
    state: str = Field(default="active", max_length=16)
    kek: str = Field(max_length=16)
    wrapped: bytes | None = sealed(nullable=True)
    made_at: datetime = instant()
    destroyed_at: datetime | None = instant(nullable=True)
