"""A watched folder: a register that has no HTTP client leaves files, one CloudEvent or a batch in each.

    X.json.part → X.json     the register writes under another name and renames: what ends in .json is whole
    taken/                   ours while we work on it; a file there belongs to whoever holds its lock
    done/…receipt.json       kept: our ids, nothing personal. The file itself is gone
    refused/…                what cannot be kept, as it was written, with a .problem.json beside it

A file is deleted after the commit and the receipt. Whoever dies in between, or has no room for a receipt, leaves it in
``taken``; the next worker takes it again and its events are duplicates. Many workers may watch one folder. What stands
in ``done`` and ``refused`` is never replaced: of one file's parts, answered on several days, each leaves its own.
Left to others: reading and keeping (the pipeline).
"""

import fcntl
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from proaktiv.core.cloudevents import MAX_BYTES
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotSafe, ProaktivError, TooMany
from proaktiv.core.verdicts import Received, Taken
from proaktiv.sources.model import RESTS_SECONDS

SET = 32
"""How many files one call takes at most."""

_FILE = re.compile(r"[^.].*\.json")
_WHAT: tuple[tuple[type[ProaktivError], str], ...] = (
    (BadInput, "not as it must be"),
    (NotAllowed, "not allowed"),
    (Conflict, "says something else than before"),
)


class Folder:
    """The watched folder of one client. ``monotonic`` is a clock in seconds that never goes back."""

    def __init__(self, client: str, folder: Path, monotonic: Callable[[], float]) -> None:
        """Make the three folders inside. Raises ``NotSafe`` where that cannot be."""
        self.client = client
        self._folder = folder
        self._monotonic = monotonic
        self._resting: dict[str, float] = {}
        try:
            for name in ("taken", "done", "refused"):
                (folder / name).mkdir(exist_ok=True)
        except OSError as error:
            raise NotSafe(f"the folder of {client} cannot be used: {os.strerror(error.errno or 0)}") from None

    def take(self) -> Iterator["FolderParcel"]:
        """Yield up to ``SET`` files: first what a dead worker left, then what is new, oldest first.

        Raises ``OSError`` where a file cannot be made ours: it stays where it is and is left alone for a while.
        """
        for path in self._files(self._folder / "taken"):
            yield from self._held(path)
        for path in self._files(self._folder):
            yield from self._held(self._claim(path))

    def _files(self, folder: Path) -> list[Path]:
        now = self._monotonic()
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if _FILE.fullmatch(entry.name) and entry.name not in self._resting:
                    try:
                        known = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # another worker was quicker
                        continue
                    if stat.S_ISREG(known.st_mode):  # never a link out of the folder, never a pipe to wait for
                        found.append((known.st_mtime_ns, entry.name))
        return [folder / name for _, name in sorted(found)[:SET]]

    def _claim(self, path: Path) -> Path | None:
        """Move a new file to where it is ours, under a name that no other file will have."""
        try:
            known = path.lstat()
            name = f"{path.name[:-5][:120]}.{known.st_ino:x}-{known.st_mtime_ns:x}.json"
            ours = self._folder / "taken" / self._name("taken", name, {"": None})
            path.rename(ours)
        except FileNotFoundError:
            return None
        except OSError:
            self.rest(path.name, RESTS_SECONDS)
            raise
        return ours

    def _held(self, path: Path | None) -> Iterator["FolderParcel"]:
        if path is None:
            return
        with _locked(path) as handle:
            if handle is not None:
                yield FolderParcel(self, path, handle)

    def rest(self, name: str, seconds: float) -> None:
        """Do not look at a file for a while."""
        self._resting[name] = self._monotonic() + seconds

    def write(self, place: str, name: str, content: bytes) -> None:
        """Write a file that is whole and durable once it has its name, or leave nothing of it. Raises ``OSError``."""
        folder = self._folder / place
        part = folder / f".{name}.part"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.rename(folder / name)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise
        _sync(folder)

    def keep(self, place: str, name: str, contents: Mapping[str, bytes]) -> None:
        """Write a file for each ending of a name, beside all that stands there; the same again is written once.

        Whoever holds the lock of a file in ``taken`` alone writes by its name, so nobody comes between.
        """
        name = self._name(place, name, contents)
        for ending, content in contents.items():
            self.write(place, f"{name}{ending}", content)

    def move(self, path: Path, place: str, beside: Mapping[str, bytes]) -> None:
        """Move a file of ours into another of our folders, with what is to be said of it beside it."""
        name = self._name(place, path.name, {**beside, "": None})
        for ending, content in beside.items():
            self.write(place, f"{name}{ending}", content)
        path.rename(self._folder / place / name)
        _sync(self._folder / place)

    def _name(self, place: str, name: str, contents: Mapping[str, bytes | None]) -> str:
        """Return a name under which, with each ending, nothing stands, or just what is to be written."""
        names = (name if number == 1 else f"{name[:-5]}-{number}.json" for number in count(1))
        folder = self._folder / place
        return next(
            name for name in names if all(_may_stand(folder / f"{name}{end}", said) for end, said in contents.items())
        )


class FolderParcel:
    """One file, locked."""

    def __init__(self, folder: Folder, path: Path, handle: int) -> None:
        self._folder = folder
        self._path = path
        self._handle = handle

    @property
    def body(self) -> bytes:
        """Return the file's content as a batch; more than may be is returned in part, and is refused by its size."""
        with os.fdopen(os.dup(self._handle), "rb") as file:
            file.seek(0)
            written = file.read(MAX_BYTES + 1)
        return as_batch(written)

    def settle(self, answers: Sequence[Taken]) -> None:
        """Leave a receipt, give back what is refused, delete the file; what is of another day stays for that day."""
        name = self._path.name
        refused = [(number, taken) for number, taken in enumerate(answers) if isinstance(taken.answer, _REFUSED)]
        late = [taken for taken in answers if isinstance(taken.answer, TooMany)]
        if refused:
            problems = _json([_problem(*each) for each in refused])
            back = {".problem.json": problems, "": _batch([taken for _, taken in refused])}
            self._folder.keep("refused", name, back)
        kept = [_receipt(number, taken.answer) for number, taken in enumerate(answers) if _is_kept(taken)]
        if kept:
            self._folder.keep("done", name, {".receipt.json": _json(kept)})
        if late:
            self._folder.write("taken", name, _batch(late))
            self.later(max(taken.answer.retry_after_seconds for taken in late if isinstance(taken.answer, TooMany)))
        else:
            self._path.unlink()
            _sync(self._path.parent)

    def refuse(self, wrong: BadInput) -> None:
        """Give the file back as it is, with what is wrong beside it."""
        problem = {"what": "not readable", "remedy": wrong.message}
        self._folder.move(self._path, "refused", {".problem.json": _json([problem])})

    def later(self, seconds: float) -> None:
        """Leave the file where it is for a while."""
        self._folder.rest(self._path.name, seconds)


def as_batch(written: bytes) -> bytes:
    """Return one event as a batch of one, a batch as it is."""
    return b"[" + written + b"]" if written.lstrip()[:1] == b"{" else written


_REFUSED = tuple(kind for kind, _ in _WHAT)


def _is_kept(taken: Taken) -> bool:
    return isinstance(taken.answer, Received)


def _receipt(number: int, answer: object) -> dict[str, Any]:
    assert isinstance(answer, Received)  # noqa: S101 - asked before
    return {"event": number, "id": str(answer.id), "duplicate": answer.duplicate}


def _problem(number: int, taken: Taken) -> dict[str, Any]:
    """Return place and remedy of one event of the file, counted from zero; never a value."""
    answer = taken.answer
    what = next(words for kind, words in _WHAT if isinstance(answer, kind))
    if isinstance(answer, BadInput):
        return {"event": number, "what": what, "field": answer.field, "remedy": answer.message}
    return {"event": number, "what": what, "remedy": str(answer)}


def _batch(taken: Sequence[Taken]) -> bytes:
    return ("[" + ",\n".join(each.text for each in taken) + "]\n").encode()


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Yield a handle whose lock is ours alone, or None where another worker has the file or had it."""
    try:
        # Neither followed nor waited for, should somebody have put a link or a pipe into its place.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # Whoever had it before may have deleted or replaced it while we opened it.
        yield handle if os.fstat(handle).st_nlink else None
    finally:
        os.close(handle)


def _may_stand(path: Path, content: bytes | None) -> bool:
    """Return whether nothing stands there, or this very content, as whoever died after writing it left it."""
    try:
        known = path.lstat()
        same = content is not None and stat.S_ISREG(known.st_mode) and known.st_size == len(content)
        return same and path.read_bytes() == content
    except FileNotFoundError:
        return True


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
