"""Brackets, quotation marks and colons that do not fit together, in a text that is meant to be YAML.

Looks through the text line by line as an author wrote it; what is YAML has no such slip. Left to others: everything
else that libyaml refuses (``unreadable``).
"""

import re
from dataclasses import dataclass, field

_CLOSING = {"{": "}", "[": "]"}
_SHOWN = 100
_BLOCK_TEXT = re.compile(r"(?:^|[-:] +)[|>][+-]?[1-9]?[+-]?(?: +#.*)?$")
ENTRY = re.compile(r"(?:- +)*(?:[^\s\"'#{}\[\],&*!|>%@`-][^:#]*|\"[^\"]*\"|'[^']*'):(?: |$)|-(?: |$)")
"""A line on which something new begins: ``name: …`` or ``- …``."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong, and where an author must look (both from 1)."""

    line: int
    column: int
    message: str


def first_slip(lines: list[str]) -> Slip | None:
    """Return the first slip in a text, or None."""
    return _Looking(lines).first()


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _next(line: str, at: int) -> int:
    """Return where the next sign that is no space stands, from ``at`` on; nothing is copied, lines may be long."""
    while at < len(line) and line[at] == " ":
        at += 1
    return at


@dataclass(frozen=True, slots=True)
class _Open:
    sign: str
    line: int
    column: int
    indent: int


@dataclass(slots=True)
class _Looking:
    """Looks for brackets and quotation marks that do not fit, and for colons inside a text."""

    lines: list[str]
    brackets: list[_Open] = field(default_factory=list)
    quote: _Open | None = None
    named: bool = False
    """Whether a name stands already on this line, or since the last comma inside brackets."""
    value_at: int = 0

    def first(self) -> Slip | None:
        """Return the first slip, or None."""
        deeper_than: int | None = None
        for number, line in enumerate(self.lines, start=1):
            stripped = line.lstrip(" ")
            indent = len(line) - len(stripped)
            if not stripped or (deeper_than is not None and indent > deeper_than):
                continue
            deeper_than = None
            if not self.quote and stripped.startswith("#"):
                continue
            found = self.unclosed(stripped, indent) or self.look(line, number, indent)
            if found is not None:
                return found
            if not self.brackets and not self.quote and _BLOCK_TEXT.search(line):
                deeper_than = indent
        return self.never_closed()

    def unclosed(self, stripped: str, indent: int) -> Slip | None:
        """Return what should have been closed before a line on which something new begins."""
        new = ENTRY.match(stripped) is not None
        if self.quote is not None:
            return self.never_closed() if new else None
        if self.brackets and stripped[0] not in "]}":
            dashed = stripped.startswith("- ")
            if dashed or (new and indent <= self.brackets[0].indent):
                return self.never_closed()
        return None

    def never_closed(self) -> Slip | None:
        if self.quote is not None:
            sign = self.quote.sign
            message = f"the {sign} that begins here is not closed; write {sign} again where the text ends"
            return Slip(self.quote.line, self.quote.column, message)
        if self.brackets:
            last = self.brackets[-1]
            message = f"the '{last.sign}' that begins here is never closed; write '{_CLOSING[last.sign]}' where it ends"
            return Slip(last.line, last.column, message)
        return None

    def look(self, line: str, number: int, indent: int) -> Slip | None:
        """Return the first slip within a line."""
        at = indent
        if not self.brackets:
            self.named = False
            if line.startswith(("-{", "-["), indent):
                message = f"a space is missing after the '-'; did you mean '- {_short(line[indent + 1 :])}'?"
                return Slip(number, indent + 1, message)
            while line.startswith("- ", at):
                at = _next(line, at + 2)
        self.value_at = at
        while at < len(line):
            step = self.step(line, number, indent, at)
            if isinstance(step, Slip):
                return step
            at = step
        return None

    def step(self, line: str, number: int, indent: int, at: int) -> int | Slip:
        """Return where the next sign stands that matters, or a slip."""
        sign = line[at]
        if self.quote is not None:
            return self.quoted(line, number, at)
        if self.brackets and sign in "]}":
            return self.closed(line, number, at)
        if sign == ":" and (at + 1 == len(line) or line[at + 1] in " ,]}"):
            return self.colon(line, number, at)
        if sign == "#" and (at == 0 or line[at - 1] in (" ,[]{}" if self.brackets else " ")):
            return len(line)
        if sign == " " or self.opens(sign, number, at, indent):
            return at + 1
        return self.plain(line, at)

    def opens(self, sign: str, number: int, at: int, indent: int) -> bool:
        """Return whether a sign begins something: a quoted text, brackets, the next entry inside brackets."""
        if sign in "\"'":
            self.quote = _Open(sign, number, at + 1, indent)
            self.value_at = at
        elif sign in "[{":
            self.brackets.append(_Open(sign, number, at + 1, indent))
            self.named = False
        elif self.brackets and sign == ",":
            self.named = False
        else:
            return False
        return True

    def quoted(self, line: str, number: int, at: int) -> int | Slip:
        if self.quote is None:
            return at
        sign = self.quote.sign
        while at < len(line):
            if sign == '"' and line[at] == "\\":
                at += 2
            elif line[at] != sign:
                at += 1
            elif sign == "'" and line.startswith("''", at):
                at += 2
            else:
                self.quote = None
                after = _next(line, at + 1)
                rest = line[after : after + 1]
                fits = not rest or rest == ":" or (rest == "#" and after > at + 1)
                if fits or (self.brackets and rest in ",]}"):
                    return at + 1
                message = f"the {sign} before this ends the text; put the whole text in one pair, and write „…“ inside"
                return Slip(number, after + 1, message)
        return at

    def closed(self, line: str, number: int, at: int) -> int | Slip:
        last = self.brackets[-1]
        if _CLOSING[last.sign] != line[at]:
            message = (
                f"the '{last.sign}' that begins here is closed by '{line[at]}' in line {number}, column {at + 1}; "
                f"write '{_CLOSING[last.sign]}' before it"
            )
            return Slip(last.line, last.column, message)
        self.brackets.pop()
        self.named = True
        after = _next(line, at + 1)
        rest = line[after : after + 1]
        if not self.brackets and rest in ("]", "}"):
            return Slip(number, after + 1, f"this '{rest}' closes nothing; take it out")
        if not self.brackets and rest and rest not in ":#" and last.line == number:
            whole = _short(line[last.column - 1 :])
            message = f'a text that begins with {last.sign} needs quotes around the whole text; did you mean "{whole}"?'
            return Slip(number, last.column, message)
        return at + 1

    def colon(self, line: str, number: int, at: int) -> int | Slip:
        if not self.named:
            self.named = True
            self.value_at = _next(line, at + 1)
            return at + 1
        if self.brackets:
            message = "a second colon before a comma: is a comma missing before the name, or quotes around the text?"
            return Slip(number, at + 1, message)
        whole = _short(re.sub(r" +#.*", "", line[self.value_at :]))
        message = f'a colon inside a text needs quotes around the whole text; did you mean "{whole}"?'
        return Slip(number, at + 1, message)

    def plain(self, line: str, at: int) -> int:
        """Return where unquoted text ends: at a colon or a comment, and inside brackets at their signs."""
        while at < len(line):
            following = line[at + 1 : at + 2]
            if line[at] == ":" and (not following or following == " " or (self.brackets and following in ",]}")):
                return at
            if self.brackets and line[at] in ",[]{}":
                return at
            if line[at] == " " and following == "#":
                return at
            at += 1
        return at
