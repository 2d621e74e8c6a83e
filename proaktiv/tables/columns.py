"""What all table classes share: one metadata, and short names for the column types in use."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Storage(SQLModel, registry=registry(metadata=METADATA)):
    """Base of our table classes; has no table of its own."""

    metadata = METADATA


def core_table(model: type[SQLModel]) -> Table:
    """Return the SQLAlchemy Core table of a table class: hot paths use it without the ORM."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def instant(*, nullable: bool = False, index: bool = False) -> Any:
    """Return a column of an aware UTC instant."""
    return Field(default=None if nullable else ..., sa_type=DateTime(timezone=True), nullable=nullable, index=index)


def sealed(*, nullable: bool = False) -> Any:
    """Return a column of bytes: sealed by the vault, or a hash."""
    return Field(default=None if nullable else ..., sa_type=LargeBinary, nullable=nullable)


def json_list() -> Any:
    """Return a column of JSON that holds nothing personal."""
    return Field(sa_type=JSONB, nullable=False)


def bigserial() -> Any:
    """Return a primary key that the database numbers."""
    return Field(default=None, primary_key=True, sa_type=BigInteger)


__all__ = [
    "METADATA",
    "UUID",
    "Field",
    "Storage",
    "bigserial",
    "core_table",
    "date",
    "datetime",
    "instant",
    "json_list",
    "sealed",
]
