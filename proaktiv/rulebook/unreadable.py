"""What is wrong in a text that is no YAML, in the words of somebody who writes rules: where to look, what to write.

libyaml names the place where it gave up, which is often lines after the slip: a bracket that nobody closed is found
where the next entry begins. Here the same text is looked through once more, line by line, for what authors do.
Only texts that libyaml refused come here. Left to others: reading (``load``).
"""

import re
from dataclasses import dataclass, field

import yaml

_CLOSING = {"{": "}", "[": "]"}
_BLOCK_TEXT = re.compile(r"(?:^|[-:] +)[|>][+-]?[1-9]?[+-]?(?: +#.*)?$")
_ENTRY = re.compile(r"(?:- +)*(?:[^\s\"'#{}\[\],&*!|>%@`-][^:#]*|\"[^\"]*\"|'[^']*'):(?: |$)|-(?: |$)")
"""A line on which something new begins: ``name: …`` or ``- …``."""

_NO_SPACE = re.compile(r"((?:- +)*)([A-Za-zÄÖÜäöüß][\w./-]*)([:=;]|[ ]+[:=;])(?!//)[ ]?(\S.*)?")
_NO_SPACE_AFTER_DASH = re.compile(r"-(?=[^\s-])")


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong, and where an author must look (both from 1)."""

    line: int
    column: int
    message: str


def slip_in(text: str, error: yaml.MarkedYAMLError) -> Slip:
    """Return what is wrong in a text that libyaml refused with ``error``."""
    lines = text.split("\n")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    found = _Looking(lines).first()
    if found is not None and found.line <= line:
        return found
    begun = error.context_mark or mark
    at = _Failure(lines, line, column, begun.line + 1 if begun else line, begun.column + 1 if begun else column)
    slip = at.explained(error.problem or "") or Slip(line, column, f"no valid YAML: {error.problem or error.context}")
    last = min(slip.line, len(lines))  # libyaml finds the end of a text in a line after it
    return Slip(last, slip.column if last == slip.line else len(lines[-1]) + 1, slip.message)


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
        new = _ENTRY.match(stripped) is not None
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
            if re.match(r"-[{\[]", line[indent:]):
                message = f"a space is missing after the '-'; did you mean '- {line[indent + 1 :]}'?"
                return Slip(number, indent + 1, message)
            while line.startswith("- ", at):
                at += 2 + len(line[at + 2 :]) - len(line[at + 2 :].lstrip(" "))
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
                rest = line[at + 1 :].lstrip(" ")
                fits = not rest or rest[0] == ":" or (rest[0] == "#" and rest != line[at + 1 :])
                if fits or (self.brackets and rest[0] in ",]}"):
                    return at + 1
                message = f"the {sign} before this ends the text; put the whole text in one pair, and write „…“ inside"
                return Slip(number, len(line) - len(rest) + 1, message)
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
        rest = line[at + 1 :].lstrip(" ")
        if not self.brackets and rest[:1] in ("]", "}"):
            return Slip(number, len(line) - len(rest) + 1, f"this '{rest[0]}' closes nothing; take it out")
        if not self.brackets and rest and rest[0] not in ":#" and last.line == number:
            whole = line[last.column - 1 :]
            message = f'a text that begins with {last.sign} needs quotes around the whole text; did you mean "{whole}"?'
            return Slip(number, last.column, message)
        return at + 1

    def colon(self, line: str, number: int, at: int) -> int | Slip:
        if not self.named:
            self.named = True
            self.value_at = at + 1 + len(line[at + 1 :]) - len(line[at + 1 :].lstrip(" "))
            return at + 1
        if self.brackets:
            message = "a second colon before a comma: is a comma missing before the name, or quotes around the text?"
            return Slip(number, at + 1, message)
        whole = re.sub(r" +#.*", "", line[self.value_at :])
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


@dataclass(frozen=True, slots=True)
class _Failure:
    """Where libyaml gave up, and where what it was reading began."""

    lines: list[str]
    line: int
    column: int
    begun_line: int
    begun_column: int

    def explained(self, problem: str) -> Slip | None:
        """Return libyaml's own problem as an author needs it, or None."""
        for part, explain in (
            ("mapping values are not allowed", self.deeper),
            ("could not find expected ':'", self.no_name),
            ("did not find expected key", self.unlike),
            ("did not find expected '-'", self.no_dash),
            ("block sequence entries are not allowed", self.list_beside),
        ):
            if part in problem:
                return explain()
        return self.sign(problem)

    def text(self, line: int) -> str:
        return self.lines[line - 1] if 1 <= line <= len(self.lines) else ""

    def before(self, line: int) -> int:
        """Return the number of the nearest line above that says something, or 0."""
        line -= 1
        while line > 0 and (not self.text(line).strip() or self.text(line).lstrip().startswith("#")):
            line -= 1
        return line

    def begin(self, line: int) -> int:
        text = self.text(line)
        return len(text) - len(text.lstrip(" ")) + 1

    def spaceless(self, line: int) -> Slip | None:
        """Return the slip of a line whose name, or dash, has no space after it."""
        stripped, column = self.text(line).lstrip(" "), self.begin(line)
        if _NO_SPACE_AFTER_DASH.match(stripped):
            return Slip(line, column, f"a space is missing after the '-'; did you mean '- {stripped[1:]}'?")
        found = _NO_SPACE.fullmatch(stripped)
        if found and not _ENTRY.match(stripped):
            at = column + len(found[1]) + len(found[2])
            message = f"after a name stand a colon and a space; did you mean '{found[2]}: {found[4] or '…'}'?"
            return Slip(line, at, message)
        return None

    def deeper(self) -> Slip | None:
        above = self.before(self.line)
        if slip := self.spaceless(above):
            return slip
        if not _ENTRY.match(self.text(above).lstrip(" ")):
            return Slip(above, self.begin(above), "this is no 'name: value'; write the name, a colon and a space")
        column = self.begin(above) + (2 if self.text(above).lstrip(" ").startswith("- ") else 0)
        message = (
            f"this line stands deeper than the one above, which has its value already; begin it in column {column}"
        )
        return Slip(self.line, self.begin(self.line), message)

    def no_name(self) -> Slip | None:
        line = self.begun_line
        if slip := self.spaceless(line):
            return slip
        text, above = self.text(line).lstrip(" "), self.text(self.before(line)).lstrip(" ")
        if text.startswith(("{", "[")) or (
            above.startswith("- ") and self.begin(line) <= self.begin(self.before(line))
        ):
            return self.no_dash_at(line)
        return Slip(line, self.begin(line), "this is no 'name: value'; write the name, a colon and a space")

    def unlike(self) -> Slip | None:
        if slip := self.spaceless(self.line):
            return slip
        line = self.line
        if self.text(line).lstrip(" ").startswith("{"):
            while self.text(above := self.before(line)).lstrip(" ").startswith("{"):
                line = above
            return self.no_dash_at(line)
        above = self.before(line)
        if self.text(line).lstrip(" ").startswith("- ") and self.text(above).lstrip(" ").startswith("{"):
            return self.no_dash_at(above)
        message = (
            "this line begins in a column of its own; what belongs together begins in the same column, "
            f"here {self.begun_column} or that of a line above"
        )
        return Slip(line, min(self.begin(line), self.column), message)

    def no_dash(self) -> Slip | None:
        return self.spaceless(self.line) or self.no_dash_at(self.line)

    def no_dash_at(self, line: int) -> Slip:
        return Slip(line, self.begin(line), "a '- ' is missing before this: each entry of a list begins with it")

    def list_beside(self) -> Slip | None:
        message = "a list begins on a line of its own: put this '- ' below the name, or write [ , ]"
        return Slip(self.line, self.column, message)

    def sign(self, problem: str) -> Slip | None:
        """Return the slip of a sign that means something else where it stands."""
        line, column = self.begun_line, self.begun_column
        sign = self.text(line)[column - 1 : column]
        if "node content" in problem:
            if sign == "-":
                return Slip(line, column, "inside [ ] commas part the entries; take out the '-'")
            before = f"before this '{sign}', or the text needs quotes" if sign else "here"
            return Slip(line, column, f"a value is missing {before}")
        if "escape" in problem or "hexdecimal" in problem:
            message = "a \\ inside \"…\" begins something else; write \\\\, or put the text in '…'"
            return Slip(line, column, message)
        if sign and sign in "@`%*&!|>?,]}":
            return Slip(line, column, f"a text cannot begin with {sign} here; put the whole text in quotes")
        return None
