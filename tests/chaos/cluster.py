"""Two PostgreSQL nodes on loopback, one the other's standby: kill, promote, let the old one join again.

The binaries are those of the embedded server's wheel; as root everything runs as uid 65534. Each node waits for the
other before it acknowledges a COMMIT. Source: security-and-faults.md §§ 0.2, 5.
"""

import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from proaktiv.embedded import processes
from proaktiv.embedded.places import binaries, open_folder
from proaktiv.schema import migrate
from tests.chaos.outage import wait_for
from tests.conftest import ROLES

_HBA = "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
_ANY = "ANY 1 (a, b)"  # one text for both nodes: each waits for the other


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@dataclass
class Node:
    """One server with a data folder of its own. Its ``name`` is what synchronous_standby_names asks for."""

    name: str
    folder: Path
    bin: Path
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / self.name

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.bin / program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"},
            **processes._identity(),
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "cluster_name": self.name,
            "shared_buffers": "32MB",
            "max_locks_per_transaction": "256",
            "min_wal_size": "32MB",
            "max_wal_size": "128MB",
            "wal_retrieve_retry_interval": "100ms",
        }
        command = [str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        processes.forget_dead(self.data)
        self.process = processes.spawn(command, self.folder, self.folder / f"{self.name}.log")
        wait_for(self.answers, f"node {self.name}")

    def answers(self) -> bool:
        try:
            self.ask("SELECT 1")
        except psycopg.OperationalError:
            assert self.process is None or self.process.poll() is None, self.said()
            return False
        return True

    def said(self) -> str:
        return (self.folder / f"{self.name}.log").read_text()[-2000:]

    def ask(self, statement: str, database: str = "postgres") -> Any:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True, connect_timeout=3
        ) as connection:
            found = connection.execute(statement)  # type: ignore[call-overload]
            row = found.fetchone() if found.description else None
            return row[0] if row else None

    def stop(self, mode: str) -> None:
        self.run("pg_ctl", "stop", "-D", str(self.data), "-m", mode, "-w")
        assert self.process is not None
        self.process.wait(60)
        self.process = None


class Cluster:
    """Node a, and node b that follows it; ``primary`` and ``standby`` say who is which."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(prefix="proaktiv-cluster-", dir=memory if memory.is_dir() else None))
        open_folder(self.folder)
        found = binaries(self.folder)
        self.primary = Node("a", self.folder, found)
        self.standby = Node("b", self.folder, found)
        self._nodes = (self.primary, self.standby)

    def __enter__(self) -> Self:
        try:
            self._found()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def url(self, role: str, database: str = "proaktiv") -> str:
        """Both nodes, as an operator writes them down."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self._nodes)
        return f"postgresql://proaktiv_{role}@{hosts}/{database}"

    def is_safe(self) -> bool:
        """Whether the standby follows."""
        return bool(self.primary.ask("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')"))

    def fail_over(self) -> None:
        """Kill the primary, and let the standby be the primary."""
        self.primary.stop("immediate")
        self.promote()

    def promote(self) -> None:
        self.standby.run("pg_ctl", "promote", "-D", str(self.standby.data), "-w")
        self.primary, self.standby = self.standby, self.primary

    def rejoin(self) -> None:
        """Let the old primary, which is down, throw away what it has, and follow the new one from a fresh copy."""
        shutil.rmtree(self.standby.data)
        self._base_backup()
        self.standby.start()
        wait_for(self.is_safe, "the old primary as standby")

    def waits(self, *, for_standby: bool) -> None:
        """Let the primary wait for its standby before it acknowledges, or not. A node copied from it does the same."""
        wanted = _ANY if for_standby else ""
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{wanted}'")
        self.primary.ask("SELECT pg_reload_conf()")
        wait_for(lambda: bool(self.primary.ask("SHOW synchronous_standby_names") == wanted), "the setting")

    def create_database(self, name: str) -> dict[str, str]:
        """Make a copy of the migrated database; return role → URL."""
        self.primary.ask(f"CREATE DATABASE {name} OWNER proaktiv_owner TEMPLATE proaktiv")
        return {role: self.url(role, name) for role in ROLES}

    def part(self) -> None:
        """Let the standby hear nothing of the primary any more."""
        self.standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.ask("SELECT pg_reload_conf()")
        wait_for(lambda: not self.is_safe(), "the end of the replication")

    def join(self) -> None:
        """Undo ``part``."""
        self.standby.ask(f"ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={self.primary.port} user=postgres'")
        self.standby.ask("SELECT pg_reload_conf()")
        wait_for(self.is_safe, "the replication")

    def _found(self) -> None:
        primary, standby = self.primary, self.standby
        processes.initdb(primary.bin, primary.data, self.folder)
        (primary.data / "pg_hba.conf").write_text(_HBA)
        primary.start()
        self._base_backup()
        standby.start()
        wait_for(self.is_safe, "the standby")
        primary.ask("CREATE ROLE proaktiv_owner LOGIN CREATEROLE")
        primary.ask("CREATE DATABASE proaktiv OWNER proaktiv_owner")
        migrate(self.url("owner"))
        self.waits(for_standby=True)
        self.standby.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{_ANY}'")
        self.standby.ask("SELECT pg_reload_conf()")

    def _base_backup(self) -> None:
        source, target = self.primary, self.standby
        known = source.ask(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{target.name}'")
        target.run(
            "pg_basebackup",
            *("-D", str(target.data), "-d", f"host=127.0.0.1 port={source.port} user=postgres"),
            *("-R", "-X", "stream", *(() if known else ("-C",)), "-S", target.name, "-c", "fast", "--no-sync"),
        )

    def _end(self) -> None:
        for node in self._nodes:
            if node.process is not None:
                processes.end(node.process)
        shutil.rmtree(self.folder, ignore_errors=True)
