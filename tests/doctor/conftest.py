"""An installation that is well, one setting or one row away from being ill."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.app import make_vault
from proaktiv.core.ids import Ids
from proaktiv.database import Database
from proaktiv.doctor.examination import Examination
from proaktiv.doctor.findings import Finding, Level
from proaktiv.logapp import signing
from proaktiv.settings import Settings
from proaktiv.workers import Identity
from tests.outward.servers import Server, answers
from tests.settings_of import everything, settings_of
from tests.world import World

PERSON = UUID(int=7)


def real_time() -> datetime:
    return datetime.now(UTC)


@dataclass
class Installation:
    """Settings as an operator has them, and the doctor who looks at them."""

    environment: dict[str, str]
    state: Path
    owner: Database
    register: Server
    worker: Identity
    wall: Callable[[], datetime] = real_time
    monotonic: Callable[[], float] = time.monotonic
    seconds: float = 60.0  # a busy machine is not ill; the deadline has tests of its own
    signer: ExitStack = field(default_factory=ExitStack)

    @property
    def settings(self) -> Settings:
        return settings_of(self.environment)

    def is_given(self, **changes: str) -> "Installation":
        """Change settings; an empty one is unset."""
        self.environment.update({f"PROAKTIV_{name}": value for name, value in changes.items()})
        return self

    def does(self, sql: str) -> None:
        with self.owner.transaction() as session:
            session.connection().execute(text(sql))

    def starts_to_sign(self) -> "Installation":
        """Let the signing worker live and do what is due."""
        self.signer.enter_context(signing(self.settings, self.state)).integrate()
        return self

    def findings(self, part: str = "all") -> tuple[Finding, ...]:
        examination = Examination(self.settings, (), wall=self.wall, monotonic=self.monotonic, state=self.state)
        return examination.of(part, self.seconds)

    def ill(self, part: str = "all") -> dict[str, Finding]:
        """What is broken, by check; everything broken says what to do."""
        found = {each.check: each for each in self.findings(part) if each.level is Level.BROKEN}
        assert all(each.says and each.do for each in found.values())
        return found

    def looks(self, part: str = "all") -> dict[str, Finding]:
        return {each.check: each for each in self.findings(part) if each.level is Level.LOOK}


@pytest.fixture
def installation(urls: dict[str, str], tmp_path: Path) -> Iterator[Installation]:
    """Everything runs: database, rules, partners, keys, a worker, the signing worker, a register, a Behörde."""
    World(urls, tmp_path).found().close()
    far = Server(answers(200))
    given = everything(urls, tmp_path) | {
        "PROAKTIV_ERASER_URL": urls["eraser"],
        "PROAKTIV_REGISTERS": json.dumps(dict.fromkeys(("MELDEREGISTER", "STEUERAMT", "ZULASSUNG"), far.url)),
        "PROAKTIV_OUTBOUND": f'["{far.host}"]',
    }
    owner, app = Database(urls["owner"], pool_size=1), Database(urls["app"], pool_size=2)
    made = Installation(given, tmp_path / "signer", owner, far, Identity(app, secrets.token_bytes))
    with ExitStack() as ending:
        for opened in (far, owner, app, made.worker, made.signer):
            ending.callback(opened.close)
        made.does(f"UPDATE behoerden SET endpoint = '{far.url}'")
        with app.transaction() as session:
            make_vault(made.settings, "work", Ids(secrets.token_bytes)).create(session, [PERSON], real_time())
        made.worker.number()
        yield made.starts_to_sign()
