"""The thirty-minute guide of rules/README.md, walked through word for word in an empty folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlmodel import Session
from typer.testing import CliRunner

from proaktiv.database import Database
from proaktiv.rulebook.commands import make_app
from proaktiv.rulebook.folder import rules_folder

README = (rules_folder() / "README.md").read_text("utf-8")
GUIDE = README[README.index("## In dreißig Minuten") : README.index("## Voraussetzungen\n")]
STEPS = [step for step in re.split(r"\n(?=\*\*\d+\. )", GUIDE) if step.startswith("**")]
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`(meine-regeln/[^`]+\.yaml)`")
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class Author:
    """Somebody who has the guide, an empty folder and an editor."""

    def __init__(self, desk: Path, owner: Database | None = None) -> None:
        self.desk = desk
        (desk / "meine-regeln").mkdir()
        self.owner = owner

    @contextmanager
    def database(self) -> Iterator[Session]:
        assert self.owner is not None, "only a release needs a database"
        with self.owner.transaction() as session:
            yield session

    def run(self, *words: str) -> list[str]:
        """Run a command as it stands in the guide, and return the lines it says."""
        words = tuple(str(self.desk / word) if word in ("meine-regeln", "schluessel.pem") else word for word in words)
        return CliRunner().invoke(make_app(self.database, "production", lambda: NOW), list(words)).output.splitlines()

    def write(self, step: int) -> None:
        """Put each block of a step into the file named before it; step 5 takes the sample out of the catalogue."""
        file = ""
        for part in re.split(r"(?=```yaml\n)", STEPS[step - 1]):
            block = BLOCK.match(part)
            if block and (self.desk / file).exists() and block[1].startswith("  - "):
                (self.desk / file).write_text((self.desk / file).read_text() + block[1])
            elif block:
                (self.desk / file).write_text(block[1])
            named = FILE.findall(part)
            file = named[-1] if named else file
        if step == 5:
            catalogue = self.desk / "meine-regeln" / "_katalog" / "fakten.yaml"
            catalogue.write_text(catalogue.read_text().partition("\n# geburt: Muster")[0])

    def check(self) -> list[str]:
        return self.run("check", "--folder", "meine-regeln")

    def test(self) -> list[str]:
        return self.run("test", "--folder", "meine-regeln")


def said(step: int) -> list[str]:
    """Return the lines of output that a step shows; ``…`` stands for what is left out."""
    lines = [line[4:] for line in STEPS[step - 1].splitlines() if line.startswith("    ")]
    return [line for line in lines if not line.startswith(("proaktiv ", "openssl ", "felder:"))]


def shows(line: str, output: list[str]) -> bool:
    pattern = ".*".join(re.escape(part) for part in line.split("…"))
    return any(re.fullmatch(pattern, each) for each in output)


def the_whole_way(author: Author) -> None:
    author.run("new", "geburt", "BEGRUESSUNGSGELD", "--folder", "meine-regeln")
    for step in (2, 3, 5, 6, 7):
        author.write(step)


def test_the_guide_has_ten_steps() -> None:
    assert [step.split()[0] for step in STEPS] == [f"**{n}." for n in range(1, 11)]


def test_the_guide_runs_as_it_stands(tmp_path: Path) -> None:
    author = Author(tmp_path)
    assert author.run("new", "geburt", "BEGRUESSUNGSGELD", "--folder", "meine-regeln")[-1].startswith("replace every")
    assert author.check() == said(1)
    author.write(2)
    author.write(3)
    wrong = author.check()
    assert all(shows(line, wrong) for line in said(4)), wrong
    author.write(5)
    author.write(6)
    assert author.check() == ["1 Lebenslagen, 1 Leistungen: nothing wrong"]
    first, second = [block[1] for block in BLOCK.finditer(STEPS[6])]
    cases = tmp_path / "meine-regeln" / "geburt" / "faelle" / "begruessungsgeld.yaml"
    cases.write_text(first)
    thin = author.test()
    assert [line for line in said(7)[:3] if not shows(line, thin)] == []
    assert len([line for line in thin if "mutant lives" in line]) == 10
    cases.write_text(first + second)
    assert author.test() == said(7)[-2:]
    shown = author.run("explain", "zu jung", "--folder", "meine-regeln")
    assert [line for line in shown if line] == said(8)


def test_the_guides_rules_are_refused_as_drafts_and_then_released(tmp_path: Path, urls: dict[str, str]) -> None:
    owner = Database(urls["owner"])
    author = Author(tmp_path, owner)
    the_whole_way(author)
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "schluessel.pem").write_bytes(key)
    words = ("release", "--author", "A. Muster", "--reviewer", "B. Beispiel", "--key", "schluessel.pem")
    assert author.run(*words, "--folder", "meine-regeln") == said(10)[:3]
    for name in ("lebenslage.yaml", "leistungen/begruessungsgeld.yaml"):
        path = tmp_path / "meine-regeln" / "geburt" / name
        path.write_text(path.read_text().replace("status: entwurf", "status: in_kraft"))
    (line,) = author.run(*words, "--folder", "meine-regeln")
    assert [shows(each, [line]) for each in said(10)[3:]] == [True]
    owner.close()


@pytest.mark.parametrize("word", ["nothing wrong", "mutant lives", "does not cover", "is a draft", "two people"])
def test_what_the_commands_say_is_put_into_german(word: str) -> None:
    table = GUIDE[GUIDE.index("### Was die Befehle sagen") :]
    assert any(word in line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
