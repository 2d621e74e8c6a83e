"""What is wrong in a text that is no YAML, in the words of somebody who writes rules: where to look, what to write.

libyaml names the place where it gave up, which is often lines after the slip: a bracket that nobody closed is found
where the next entry begins. Here the same text is looked through once more, line by line, for what authors do.
Only texts that libyaml refused come here. Left to others: reading (``load``).
"""

import re
from dataclasses import dataclass

import yaml

from proaktiv.rulebook.unbalanced import ENTRY, Slip, first_slip

_NO_SPACE = re.compile(r"((?:- +)*)([A-Za-zÄÖÜäöüß][\w./-]*)([:=;]|[ ]+[:=;])(?!//)[ ]?(\S.*)?")
_NO_SPACE_AFTER_DASH = re.compile(r"-(?=[^\s-])")


def slip_in(text: str, error: yaml.MarkedYAMLError) -> Slip:
    """Return what is wrong in a text that libyaml refused with ``error``."""
    lines = text.split("\n")
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    found = first_slip(lines)
    if found is not None and found.line <= line:
        return found
    begun = error.context_mark or mark
    at = _Failure(lines, line, column, begun.line + 1 if begun else line, begun.column + 1 if begun else column)
    slip = at.explained(error.problem or "") or Slip(line, column, f"no valid YAML: {error.problem or error.context}")
    last = min(slip.line, len(lines))  # libyaml finds the end of a text in a line after it
    return Slip(last, slip.column if last == slip.line else len(lines[-1]) + 1, slip.message)


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
            return Slip(line, column, f"a space is missing after the '-'; did you mean '- {stripped[1:100]}'?")
        found = _NO_SPACE.fullmatch(stripped)
        if found and not ENTRY.match(stripped):
            at = column + len(found[1]) + len(found[2])
            message = f"after a name stand a colon and a space; did you mean '{found[2]}: {found[4] or '…'}'?"
            return Slip(line, at, message)
        return None

    def deeper(self) -> Slip | None:
        above = self.before(self.line)
        if slip := self.spaceless(above):
            return slip
        if not ENTRY.match(self.text(above).lstrip(" ")):
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
