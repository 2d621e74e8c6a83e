"""Composition of the flow log's own processes and commands: signing, rotation, succession, erasing, retention.

As ``app``, on whose ground it stands: plain functions that build objects from settings and hand them on.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.app import as_role, clock_of, erasing, keeping, make_vault, role_of, url_of
from proaktiv.clock import wall_clock
from proaktiv.core.errors import NotSafe
from proaktiv.core.ids import Ids
from proaktiv.database import Database
from proaktiv.flowlog.ceremonies.remembering import read, remember
from proaktiv.flowlog.ceremonies.rotation import announcement, refuse_unfit
from proaktiv.flowlog.ceremonies.succeeding import Ceremony
from proaktiv.flowlog.checkpoints import Checkpoint, vkey_of
from proaktiv.flowlog.keeping.retention import Pruning
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.signer import LOCK as SIGNING_LOCK
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.vouching.attesting import far_witnesses
from proaktiv.flowlog.vouching.timestamps import Stamper, StampRefused
from proaktiv.keys.requested import Requested
from proaktiv.keys.waiting import Waiting
from proaktiv.locks import SessionLock, session_lock
from proaktiv.logretention import LogRetention
from proaktiv.needs import WrongSettings, check_settings, log_terms_of
from proaktiv.roles import require_role
from proaktiv.schema import check_current, refuse_embedded
from proaktiv.settings import Env, Settings
from proaktiv.signing import ANOTHER, Asking, SigningWorker, StampService
from proaktiv.vouching import way_out


@contextmanager
def signing(settings: Settings, state: Path, *, adopt: bool = False) -> Iterator[SigningWorker]:
    """Build the signing worker. Raises ``NotSafe`` where another one runs: two memories are none."""
    check_settings(settings, "sign")
    if adopt and settings.witnesses:
        raise WrongSettings(
            "--adopt believes the database alone, and a witness knows better: use proaktiv log remember"
        )
    with _alone(settings) as (database, lock):
        key = Ed25519PrivateKey.from_private_bytes(settings.signing_key or b"")
        coming = settings.signing_key_next
        next_key = Ed25519PrivateKey.from_private_bytes(coming) if coming else None
        try:
            signer = Signer(state, key, settings.log_origin, adopt=adopt, next_key=next_key)
        except OSError as error:
            raise WrongSettings(f"--state {state} cannot be used: {error.strerror}") from None
        asking = Asking(
            way_out(settings),
            time.monotonic,
            settings.deadline_seconds,
            far_witnesses(settings.witnesses),
            stamps_of(settings),
        )
        yield SigningWorker(database, signer, lock, wall_clock, asking)


def remembering(settings: Settings, state: Path, told: Sequence[str]) -> Checkpoint:
    """Bring the signer's memory back from what witnesses told. Raises as ``signing`` and ``remember``."""
    check_settings(settings, "sign")
    trusted = Policy.of(settings.log_vkey or " ".join(signers_vkeys(settings)))
    keys = [witness.key for witness in far_witnesses(settings.witnesses)]
    with _alone(settings) as (database, _), database.transaction() as session:
        said = read(told, keys, trusted)
        try:
            return remember(session, state, settings.log_origin, trusted, said, wall_clock())
        except OSError as error:
            raise WrongSettings(f"--state {state} cannot be used: {error.strerror}") from None


@contextmanager
def _alone(settings: Settings) -> Iterator[tuple[Database, SessionLock]]:
    """Open the log's own database as the one that signs. Raises ``NotSafe`` where another one does."""
    database = Database(url_of(settings.sequencer_url), application_name="proaktiv-sign")
    try:
        check_current(url_of(settings.sequencer_url))
        with database.transaction() as session:
            if settings.env is Env.PRODUCTION:
                refuse_embedded(session)
            require_role(session, "sequencer", "PROAKTIV_SEQUENCER_URL")
        with session_lock(database, SIGNING_LOCK) as lock:
            if not lock.ours():
                raise NotSafe(ANOTHER)
            yield database, lock
    finally:
        database.close()


def stamps_of(settings: Settings) -> StampService | None:
    """Return where time stamps come from, None where none are fetched. Raises ``WrongSettings``."""
    if not settings.tsa_url or settings.tsa_roots is None:
        return None
    try:
        stamper = Stamper.parse(settings.tsa_roots.read_bytes())
    except (OSError, StampRefused) as error:
        raise WrongSettings(f"PROAKTIV_TSA_ROOTS cannot be used: {error}") from None
    return StampService(settings.tsa_url, stamper, timedelta(seconds=settings.tsa_every_seconds))


def signers_vkeys(settings: Settings) -> list[str]:
    """Return the public keys of whoever signs with these settings: the present one, and the next where one is set.

    Raises ``WrongSettings``, ``NoteError``.
    """
    if not settings.signing_key or not settings.log_origin:
        raise WrongSettings("log vkey needs PROAKTIV_SIGNING_KEY and PROAKTIV_LOG_ORIGIN, as `work --sign` has them")
    held = [settings.signing_key, *([settings.signing_key_next] if settings.signing_key_next else [])]
    return [str(vkey_of(settings.log_origin, Ed25519PrivateKey.from_private_bytes(key))) for key in held]


def keys_to_note(settings: Settings) -> list[str]:
    """Return the keys that a DSB is handed: those of whoever signs with these settings, else those they believe."""
    signs = settings.signing_key and settings.log_origin
    return signers_vkeys(settings) if signs else settings.log_vkey.split()


def announce(settings: Settings, vkey: str, by: str) -> None:
    """Announce the next key of the log in the log. Raises ``WrongSettings``, ``BadInput``, ``Conflict``."""
    with keeping(settings) as keeper, keeper.database.transaction() as session:
        refuse_unfit(session, vkey)
        keeper.log.record(session, [announcement(settings.controller, vkey, by)], keeper.clock())


@contextmanager
def succession(settings: Settings) -> Iterator[Ceremony]:
    """Build what ends a log and begins its successor, in one transaction. Raises ``WrongSettings``."""
    if not settings.index_key or not settings.staff_public_key or not settings.controller:
        raise WrongSettings("log succeed writes an entry: set PROAKTIV_CONTROLLER, _INDEX_KEY and _STAFF_PUBLIC_KEY")
    ids = Ids(secrets.token_bytes)
    log = FlowLog(make_vault(settings, "erase", ids), ids, settings.staff_public_key)
    witnesses = tuple(witness.key for witness in far_witnesses(settings.witnesses))
    with as_role(settings, "owner_url") as session:
        yield Ceremony(session, log, settings.controller, wall_clock(), witnesses)


@contextmanager
def retaining(settings: Settings) -> Iterator[LogRetention]:
    """Build what `proaktiv log retain` works with: the eraser's role, no KEK. Raises ``WrongSettings``, ``NotSafe``."""
    with role_of(settings, "retain_log", "eraser") as database:
        ids = Ids(secrets.token_bytes)
        log = FlowLog(make_vault(settings, "retain_log", ids), ids, settings.staff_public_key or b"")
        clock = clock_of(settings, database)
        yield LogRetention(database, Pruning(log, settings.controller, log_terms_of(settings)), clock)


@contextmanager
def erasing_daily(settings: Settings) -> Iterator[Mapping[str, Callable[[], int]]]:
    """Build what the one process does by itself that logs in as the eraser. Raises as ``erasing``."""
    with erasing(settings) as eraser:
        pruning = Pruning(eraser.log, eraser.controller, log_terms_of(settings))
        retention = LogRetention(eraser.database, pruning, eraser.clock)
        waiting = Waiting(eraser)
        yield {"requests": Requested(waiting).take, "erase": waiting.daily, "retain_log": retention.monthly}
