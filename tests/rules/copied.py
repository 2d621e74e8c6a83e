"""A copy of the rules in which tests change one thing."""

import shutil
from pathlib import Path

from proaktiv.rulebook import testing
from proaktiv.rulebook.folder import rules_folder


class Rules:
    """A copy of the rules in which one thing is changed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text, f"the test wants to replace what is not there: {old}"
        path.write_text(text.replace(old, new, 1), "utf-8")

    def lines(self, file: str) -> list[str]:
        """Return what the cases of one file say."""
        try:
            return testing.run_all(self.root, [self.root / file]).lines
        except testing.UnreadableError as error:
            return [str(problem) for problem in error.problems]


def copied(tmp_path: Path) -> Rules:
    """Return a copy of the rules of this checkout."""
    shutil.copytree(rules_folder(), tmp_path / "rules")
    return Rules(tmp_path / "rules")
