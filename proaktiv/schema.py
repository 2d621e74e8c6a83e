"""The schema: brought to the newest revision by the owner, and whether it is there.

Left to others: what a revision changes (``alembic/versions``), which roles a process logs in as (``roles``).
"""

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import Session

from alembic import command
from proaktiv.core.errors import NotSafe
from proaktiv.database import Database, Patience

_ENDLESS = Patience(None, None, None)
_MIGRATING = 0x70726B74  # the advisory lock of whoever migrates


def migrate(owner_url: str) -> None:
    """Bring the schema to the newest revision, as the owner. Raises ``DatabaseAway``; runs one at a time."""
    database = Database(owner_url, "proaktiv-migrate", pool_size=1, patience=_ENDLESS)
    try:
        with database.connection() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.close()


def check_current(url: str) -> None:
    """Raise ``NotSafe`` unless the schema is at the newest revision this code knows."""
    newest = ScriptDirectory.from_config(_alembic()).get_current_head()
    database = Database(url, "proaktiv-check", pool_size=1)
    try:
        with database.connection() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        database.close()
    if found != newest:
        raise NotSafe(f"the schema is at {found or 'nothing'}, this program needs {newest}: migrate as the owner first")


def refuse_embedded(session: Session) -> None:
    """Raise ``NotSafe`` where the server says that it is the demonstration's: it has no password and no backup."""
    if session.connection().execute(text("SELECT current_setting('proaktiv.embedded', true)")).scalar_one() == "on":
        raise NotSafe("this is the embedded PostgreSQL of demonstration and tests; production needs one of its own")


def _alembic() -> Config:
    here = Path(__file__).parent
    for scripts in (here / "_data" / "alembic", here.parent / "alembic"):  # installed; checkout
        if (scripts / "env.py").exists():
            config = Config()
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            return config
    raise NotSafe(f"no migrations beside {here}: the installation is not whole")
