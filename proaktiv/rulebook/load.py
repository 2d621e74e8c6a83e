"""YAML as rule authors write it → nodes with places, and nothing more than that.

Works on the event stream of libyaml, so that limits hold before anything is built, and nothing in a file can build an
object, repeat itself or run. Scalars stay text: an ARS keeps its zeros, ``NO`` stays a country.
Left to others: what a scalar means (``reading``), what a rule means (``compile``).
Source: rules.md §§ 0, 6; T6 of § 2.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from proaktiv.rulebook.unreadable import slip_in

MAX_BYTES = 256 * 1024
MAX_DEPTH = 24
MAX_NODES = 20_000

_FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control, invisible, line-breaking and direction-changing signs: what a reviewer cannot see must not be there."""

_WHY = {
    "\t": "it is a tab; write spaces",
    "\r": "it is half a line end; save the file with line ends of Unix (LF) or Windows (CRLF)",
    "\ufeff": "it is a byte order mark, which nobody sees; save the file as UTF-8 without BOM",
}
"""What to do about signs that editors write by themselves."""

_WIDE = (b"\xff\xfe", b"\xfe\xff")
_NO_SPACE = re.compile(r" *(?:- *)?(?:[\w.]+:)?([^\S ])")
"""Another space than the ordinary one, where YAML needs that: before, and after the colon of, a name."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, with its place as an editor counts it (from 1)."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class RuleFileError(ValueError):
    """A file is no rule file at all; reading stopped there. ``problem`` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Scalar:
    """One piece of text. ``plain`` tells ``ja`` from ``"ja"``."""

    line: int
    column: int
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    line: int
    column: int
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Named nodes in the order written; ``keys`` keeps each name's own place."""

    line: int
    column: int
    entries: dict[str, "Node"] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


def read_text(path: Path, name: str) -> str:
    """Return the text of a file within the same limits of size and signs. Raises ``RuleFileError``."""
    with path.open("rb") as file:
        text = _decoded(file.read(MAX_BYTES + 1), name)
    _check_signs(text, name)
    return text


def load(path: Path, name: str = "") -> Node:
    """Return the nodes of a file, called ``name`` in messages. Raises ``RuleFileError``."""
    shown = name or str(path)
    with path.open("rb") as file:
        return parse(file.read(MAX_BYTES + 1), shown)


def parse(content: bytes, name: str) -> Node:
    """Return the nodes of ``content``: one document, at most 256 KiB, 24 levels, 20,000 nodes, no anchor, no tag.

    Raises ``RuleFileError`` with the first place that is none of this.
    """
    text = _decoded(content, name)
    _check_signs(text, name)
    try:
        return _build(_events(text), name)
    except yaml.MarkedYAMLError as error:
        slip = slip_in(text, error)
        raise RuleFileError(Problem(name, slip.line, slip.column, slip.message)) from None
    except yaml.YAMLError:
        raise RuleFileError(Problem(name, 1, 1, "no valid YAML")) from None


def _decoded(content: bytes, name: str) -> str:
    if len(content) > MAX_BYTES:
        raise RuleFileError(Problem(name, 1, 1, f"larger than {MAX_BYTES} bytes; split the file"))
    if content.startswith(_WIDE):
        raise RuleFileError(
            Problem(name, 1, 1, "not UTF-8 but UTF-16 (in some editors: Unicode); save the file as UTF-8")
        )
    try:
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RuleFileError(Problem(name, line, 1, "not UTF-8; save the file as UTF-8")) from None


def _check_signs(text: str, name: str) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if found := _FORBIDDEN.search(line):
            raise RuleFileError(Problem(name, number, found.start() + 1, _unseen(found[0])))
        if found := _NO_SPACE.match(line):
            message = f"U+{ord(found[1]):04X} looks like a space and is none; write an ordinary space"
            raise RuleFileError(Problem(name, number, found.start(1) + 1, message))
        if not unicodedata.is_normalized("NFC", line):
            raise RuleFileError(Problem(name, number, 1, "letters are composed of parts; save the file in Unicode NFC"))


def _unseen(sign: str) -> str:
    called = unicodedata.name(sign, "a control sign").lower()
    why = _WHY.get(sign, f"it is {called}, which nobody sees; delete it")
    return f"the sign U+{ord(sign):04X} is not allowed here: {why}"


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=yaml.CSafeLoader)


class _Builder:
    """Puts nodes together with an own stack: nothing recurses, however deep a file pretends to be."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Node | None = None
        self.stack: list[Sequence | Mapping] = []
        self.keys: list[Scalar | None] = []
        self.count = 0

    def refusal(self, event: yaml.Event, message: str) -> RuleFileError:
        """Return the error for an event that no rule file may hold."""
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return RuleFileError(Problem(self.name, line, column, message))

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if isinstance(event, yaml.AliasEvent):
            raise self.refusal(event, "references (*name) are not allowed; write the value out, or put it in quotes")
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self.refusal(event, "a second document (---) begins here; one file holds one")
        if isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
            self.keys.pop()
        elif isinstance(event, yaml.NodeEvent):
            self.place(self.node(event), event)

    def node(self, event: yaml.NodeEvent) -> Node:
        """Return the node that an event begins."""
        if getattr(event, "anchor", None) is not None:
            raise self.refusal(event, "anchors (&name) are not allowed; write the value out, or put it in quotes")
        if getattr(event, "tag", None) is not None:
            raise self.refusal(event, "tags (!name) are not allowed; put a text that begins with ! in quotes")
        self.count += 1
        if self.count > MAX_NODES:
            raise self.refusal(event, f"more than {MAX_NODES} entries; split the file")
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(line, column, event.value, not event.style)
        return Sequence(line, column) if isinstance(event, yaml.SequenceStartEvent) else Mapping(line, column)

    def place(self, node: Node, event: yaml.Event) -> None:
        """Put a node where it belongs: a list's item, a name, or a name's value."""
        if not self.stack:
            self.root = node
        else:
            into, key = self.stack[-1], self.keys[-1]
            if isinstance(into, Sequence):
                into.items.append(node)
            elif key is None:
                self.keys[-1] = self.key(node, into)
            else:
                into.entries[key.text] = node
                self.keys[-1] = None
        if not isinstance(node, Scalar):
            if len(self.stack) >= MAX_DEPTH:
                raise self.refusal(event, f"nested deeper than {MAX_DEPTH} levels")
            self.stack.append(node)
            self.keys.append(None)

    def in_list(self, node: Node) -> bool:
        """Return whether a node that is still open is an entry of a list."""
        return len(self.stack) > 1 and self.stack[-1] is node and isinstance(self.stack[-2], Sequence)

    def key(self, node: Node, into: Mapping) -> Scalar:
        """Return a node as a name, once in its mapping."""
        if not isinstance(node, Scalar):
            raise RuleFileError(Problem(self.name, node.line, node.column, "a name must be plain text"))
        if node.text in into.entries:
            first = into.keys[node.text].line
            message = f"'{node.text}' stands here twice, first in line {first}; take one out"
            if self.in_list(into) and node.text == next(iter(into.entries)):
                message = f"'{node.text}' stands here twice, first in line {first}; is a '- ' missing before it?"
            raise RuleFileError(Problem(self.name, node.line, node.column, message))
        into.keys[node.text] = node
        return node


def _build(events: Iterator[yaml.Event], name: str) -> Node:
    builder = _Builder(name)
    for event in events:
        builder.take(event)
    if builder.root is None:
        raise RuleFileError(Problem(name, 1, 1, "the file is empty"))
    return builder.root
