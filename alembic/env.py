"""Where migrations meet the database: ``schema.migrate`` hands its connection in; by hand: ``alembic -x url=…``."""

from sqlalchemy import create_engine

import consent.tables
import proaktiv.tables
from alembic import context

_TARGETS = [proaktiv.tables.METADATA, consent.tables.METADATA]


def _run(connection: object) -> None:
    context.configure(connection=connection, target_metadata=_TARGETS, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


if "connection" in context.config.attributes:
    _run(context.config.attributes["connection"])
else:
    _engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with _engine.begin() as _connection:
        _run(_connection)
