"""Hand out the verifiers that stand alone: two files, for a machine that has no proaktiv; and what is noted of them.

Each is made of the modules of ``flowlog.alone`` (in ``node`` those of the second), put one behind the other: whoever
takes it away reads one file from top to bottom, whoever works on it has modules. No joined file is kept here.
Source: docs/decisions/0019.
"""

import ast
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib import resources
from pathlib import Path

from proaktiv.core.errors import ProaktivError
from proaktiv.flowlog.exports.noting import policy_text, slip_text

PYTHON, NODE = "verify.py", "verify.mjs"
POLICY, SLIP = "policy.txt", "zettel.txt"
_PACKAGE = "proaktiv.flowlog.alone"
_FIRST = "machine"
_ALIKE = (
    *("spelling", "trust", "tree", "entry", "folder", "german", "words", "speaking", "verdict"),
    *("export", "selection", "proof", "resting", "noted", "asking"),
)
MODULES, NODE_MODULES = (_FIRST, *_ALIKE, "__main__"), (_FIRST, *_ALIKE, "main")
"""Each uses only what stands before it; the first one stands before all imports."""
_IMPORT = re.compile(r'^import (?:\{ (?P<names>[^}]+) \}|\w+) from "(?P<module>[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |function |class )", re.MULTILINE)


class NotHandedOut(ProaktivError):  # noqa: N818 - as in a sentence: raise NotHandedOut
    """The files could not be written."""


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A file that was written; ``digest`` is its SHA-256 in hex."""

    path: Path
    digest: str


def hand_out(folder: Path) -> list[HandedOut]:
    """Write both verifiers into ``folder``, which is made if it is not there. Raises ``NotHandedOut``.

    A file of that name is never overwritten.
    """
    return _written(folder, {PYTHON: python_source(), NODE: node_source()})


def hand_over(folder: Path, vkeys: Sequence[str], day: date) -> list[HandedOut]:
    """Write both verifiers, the log's keys as a policy, and a slip of paper with all of it, as ``hand_out`` does.

    Without a key there is no policy, and the slip has room for one.
    """
    programs = {NODE: node_source(), PYTHON: python_source()}
    digests = {name: sha256(text.encode()).hexdigest() for name, text in programs.items()}
    policy = {POLICY: policy_text(vkeys, day)} if vkeys else {}
    return _written(folder, {**programs, **policy, SLIP: slip_text(digests, vkeys, day)})


def _written(folder: Path, texts: Mapping[str, str]) -> list[HandedOut]:
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [name for name in texts if os.path.lexists(folder / name)]
        if there:
            raise NotHandedOut(f"{folder / there[0]} is there already: name another folder")
        for name, text in texts.items():
            raw = text.encode()
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with open(handle, "wb") as out:  # noqa: PTH123 - a handle, not a path
                out.write(raw)
            written.append(HandedOut(folder / name, sha256(raw).hexdigest()))
    except OSError as error:
        raise NotHandedOut(f"{error.filename} cannot be written: {error.strerror}") from None
    return written


def node_source() -> str:
    """Return the verifier for Node as one file; the same version gives the same bytes."""
    named: dict[str, set[str]] = {}
    whole: set[str] = set()
    head, bodies = "", []
    for name in NODE_MODULES:
        source = (resources.files(_PACKAGE) / "node" / f"{name}.mjs").read_text(encoding="utf-8")
        head, _, rest = source.partition("\n\n")
        for line in _IMPORT.finditer(rest):
            if line["module"].startswith("node:"):
                if line["names"]:
                    named.setdefault(line["module"], set()).update(line["names"].split(", "))
                else:
                    whole.add(line[0].strip())
        below = _EXPORT.sub("", _IMPORT.sub("", rest)).strip("\n")
        bodies.append(below if name == "main" else f"// {name}: {head.removeprefix('// ')}\n\n{below}")
    lines = [f'import {{ {", ".join(sorted(names))} }} from "{module}";' for module, names in named.items()]
    return "\n\n".join([head, "\n".join([*sorted(lines), *sorted(whole)]), *bodies]) + "\n"


def python_source() -> str:
    """Return the verifier for Python as one file; the same version gives the same bytes."""
    imports: dict[str, set[str]] = {}
    bodies = []
    first = (resources.files(_PACKAGE) / f"{_FIRST}.py").read_text(encoding="utf-8").partition('"""\n\n')[2]
    for name in MODULES[1:]:
        source = (resources.files(_PACKAGE) / f"{name}.py").read_text(encoding="utf-8")
        head, rest = _parted(source, imports)
        bodies.append(rest if name == "__main__" else f"# {name}: {head}\n\n\n{rest}")
    said = ast.get_docstring((ast.parse(source)), clean=False)
    return f'"""{said}"""\n\n{first}\n{_import_lines(imports)}\n\n\n' + "\n\n\n".join(bodies) + "\n"


def _parted(source: str, imports: dict[str, set[str]]) -> tuple[str, str]:
    """Return a module's first sentence and what stands below its imports; take the imports down."""
    doc, *rest = ast.parse(source).body
    for node in rest:
        if isinstance(node, ast.Import):
            imports.update({alias.name: imports.get(alias.name, set()) for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            if not str(node.module).startswith(_PACKAGE):
                imports.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
        else:
            below = source.splitlines()[node.lineno - 1 - len(getattr(node, "decorator_list", ())) :]
            break
    first = ast.literal_eval(doc.value).partition("\n")[0] if isinstance(doc, ast.Expr) else ""
    return first, "\n".join(below)


def _import_lines(imports: dict[str, set[str]]) -> str:
    plain = [f"import {module}" for module, names in sorted(imports.items()) if not names]
    named = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items()) if names]
    ours = [line for line in named if line.startswith("from cryptography")]
    return "\n".join([*plain, *(line for line in named if line not in ours), "", *ours])
