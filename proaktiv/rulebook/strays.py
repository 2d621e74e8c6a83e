"""Files in the rules folder that nobody reads, although their author believes it: ``.yml``, a folder misspelt.

What is silently left out is worse than what is wrong. Only what looks like YAML is looked at: pictures, tables and
notes may lie anywhere. Left to others: reading (``compile``, ``catalogue``, ``cases``).
Source: rules.md § 0 (layout).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from proaktiv.core.lebenslagen import LANGUAGES
from proaktiv.rulebook.load import Problem
from proaktiv.rulebook.suggest import suggestion, words

_YAML_LIKE = re.compile(r".+\.ya?ml(?:\.txt)?", re.IGNORECASE)
_CATALOGUE = ("fakten.yaml", "stellen.yaml", "schutz.yaml")
_LEBENSLAGE = ("lebenslage.yaml", "parameter.yaml")
_FOLDERS = ("leistungen", "texte", "faelle")
_TEXTS = tuple(f"{language}.yaml" for language in LANGUAGES)


def unread(root: Path) -> tuple[Problem, ...]:
    """Return the files below the rules folder ``root`` that look like rules and are read by nobody."""
    found: list[Problem] = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts)
        if not hidden and _YAML_LIKE.fullmatch(path.name) and path.is_file() and (message := _why(root, parts)):
            found.append(Problem("/".join(parts), 1, 1, message))
    return tuple(found)


def misnamed(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files below a folder of cases whose names do not end in ``.yaml``, and what to do about them."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and (message := ending(path.name)):
            yield path, message


def ending(name: str) -> str:
    """Return what is wrong with the ending of a file's name that looks like YAML, or nothing."""
    if not _YAML_LIKE.fullmatch(name) or name.endswith(".yaml"):
        return ""
    right = re.sub(r"(?i)\.ya?ml(?:\.txt)?$", ".yaml", name)
    return f"nobody reads this file: its name must end in .yaml; rename it to {right}"


def _why(root: Path, parts: tuple[str, ...]) -> str:
    """Return why nobody reads the file of this path, or nothing where somebody does."""
    if parts[0].startswith("_") and parts[0] != "_katalog":
        return ""
    return ending(parts[-1]) or _misplaced(root, parts)


def _misplaced(root: Path, parts: tuple[str, ...]) -> str:
    message = ""
    match parts:
        case (_,):
            message = "nobody reads this file here; it belongs into the folder of a Lebenslage or into _katalog"
        case ("_katalog", "parameter", _):
            pass
        case ("_katalog", *_):
            message = _unknown(parts, _CATALOGUE)
        case (place, *_) if not (root / place / "lebenslage.yaml").is_file():
            pass  # whoever compiles the folder says that it is none
        case (_, _):
            message = _unknown(parts, _LEBENSLAGE, tuple(f"{each}/" for each in _FOLDERS))
        case (_, "leistungen", _) | (_, "faelle", *_):
            pass
        case (_, "texte", _):
            message = "" if parts[-1] in _TEXTS else _unknown(parts, ())
        case (_, "texte" | "leistungen", *_):
            message = f"nobody reads folders inside {parts[1]}/; put the file into {parts[1]}/ itself"
        case _:
            hint = suggestion(parts[1], _FOLDERS)
            message = f"nobody reads the folder '{parts[1]}'; allowed: {words(_FOLDERS)}{hint}"
    return message


def _unknown(parts: tuple[str, ...], read: tuple[str, ...], folders: tuple[str, ...] = ()) -> str:
    if len(parts) == 2 and parts[1] in read:
        return ""
    allowed = read or _TEXTS
    hint = suggestion(parts[-1], allowed)
    return f"nobody reads this file; allowed here: {words((*allowed, *folders))}{hint}"
