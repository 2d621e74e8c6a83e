"""Walls that neither ruff, mypy nor import-linter can see. Each has a control: a planted breach is found."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walls import PACKAGES, ROOT, Planted, Rule, at, calls, imports, is_found, modules, name_of, named

MAKERS = {
    "Permit": "consent/decide.py",
    "Clearance": "proaktiv/flowlog/record.py",
    "SessionProof": "proaktiv/steps/prove.py",
    "StaffProof": "proaktiv/steps/admit.py",
    "Inspection": "proaktiv/steps/inspection/__init__.py",
    "Verification": "proaktiv/steps/verifying.py",
}
# architecture.md § 6, column "never". The second set has other meanings too (ORDER BY, an HTTP request, a birth date,
# a state that moved), so it is forbidden where a thing gets its name: classes, tables, members of enumerations.
NEVER = frozenset(
    {
        *(
            "life_event",
            "lifeevent",
            "benefit",
            "authority",
            "authorities",
            "agency",
            "dpo",
            "data_subject",
            "datasubject",
        ),
        *("buerger", "offer", "offers", "audit_log", "auditlog", "niedrig"),
    }
)
NEVER_A_NAME = frozenset({"order", "orders", "birth", "move"})
NEVER_ALONE = frozenset({"receipt"})  # there are three kinds: the name says which
NEVER_A_MODULE = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "service", "base", "misc"})
LINES_MAX = 400


# the rules ------------------------------------------------------------------------------------------------------------


def only_their_makers_make_proofs(root: Path) -> list[str]:
    """Find a Permit, Clearance or SessionProof that is called, cast to, conjured or renamed outside its maker."""
    found = []
    for path, tree in modules(root):
        foreign = {name for name, maker in MAKERS.items() if path != maker}
        for call in calls(tree):
            if name_of(call.func) in foreign:
                found.append(at(path, call, f"makes a {name_of(call.func)}"))
            if name_of(call.func) in {"cast", "__new__", "construct", "model_construct"}:
                found += [at(path, call, f"casts to {name_of(a)}") for a in call.args if name_of(a) in foreign]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                found += [at(path, node, f"renames {a.name}") for a in node.names if a.name in foreign and a.asname]
            if (
                isinstance(node, ast.Assign)
                and name_of(node.value) in foreign
                and not isinstance(node.value, ast.Constant)
            ):
                found.append(at(path, node, f"renames {name_of(node.value)}"))
    return found


def settings_are_read_by_the_composition_root(root: Path) -> list[str]:
    """Find an import of the settings outside app, what judges them for app, the doctor and __main__."""
    readers = {
        "app",
        "logapp",
        "channels",
        "entrances",
        "vouching",
        "ways_out",
        "needs",
        "contradictions",
        "doctor/examination",
        "__main__",
    }
    return [
        at(path, node, "reads the settings")
        for path, tree in modules(root)
        if path not in {f"proaktiv/{reader}.py" for reader in readers}
        for node, name in imports(tree)
        if name == "proaktiv.settings" or name.startswith("proaktiv.settings.")
    ]


def steps_do_not_end_transactions(root: Path) -> list[str]:
    """Find a commit, rollback or begin in what gets a session: steps, flowlog, consent, vault."""
    inside = (
        "proaktiv/steps/",
        "proaktiv/flowlog/",
        "proaktiv/vault.py",
        "proaktiv/ring.py",
        "proaktiv/recall.py",
        "consent/",
    )
    return [
        at(path, call, f"calls {name_of(call.func)}")
        for path, tree in modules(root)
        if path.startswith(inside)
        for call in calls(tree)
        if name_of(call.func) in {"commit", "rollback", "begin", "begin_nested", "transaction"}
    ]


def sql_is_not_put_together_from_strings(root: Path) -> list[str]:
    """Find ``text()`` or ``execute()`` of a string that is formatted, added or interpolated."""
    found = []
    for path, tree in modules(root):
        ours = any(name == "sqlalchemy.text" for _, name in imports(tree))
        for call in calls(tree):
            runs = name_of(call.func) in {"execute", "executemany", "exec_driver_sql", "SQL", "literal_column"}
            if call.args and (runs or (ours and name_of(call.func) == "text")) and _put_together(call.args[0]):
                found.append(at(path, call, "puts SQL together"))
    return found


def _put_together(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return any(isinstance(side, ast.JoinedStr | ast.Constant | ast.BinOp) for side in (node.left, node.right))
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"format", "join", "replace"}
        and isinstance(node.func.value, ast.Constant | ast.JoinedStr)
    )


def modules_stay_short(root: Path) -> list[str]:
    """Find a module of more than 400 lines."""
    return [
        f"{path.relative_to(root)}: {lines} lines"
        for package in PACKAGES
        for ending in ("py", "mjs")
        for path in sorted((root / package).rglob(f"*.{ending}"))
        if (lines := len(path.read_text().splitlines())) > LINES_MAX
    ]


def rules_are_data(root: Path) -> list[str]:
    """Find Python among the rules."""
    return [f"{path.relative_to(root)}: Python" for path in sorted((root / "rules").rglob("*.py"))]


def migrations_are_no_package(root: Path) -> list[str]:
    """Find an ``__init__.py`` that would shadow the installed alembic."""
    return [f"{path.relative_to(root)}: a package" for path in sorted((root / "alembic").rglob("__init__.py"))]


def words_of_the_glossary_are_kept(root: Path) -> list[str]:
    """Find an identifier with a word that the glossary forbids."""
    found = []
    for path, tree in modules(root):
        parts = Path(path).with_suffix("").parts
        if NEVER_A_MODULE & set(parts):
            found.append(f"{path}: a module's name says what it is for")
        page = path.startswith("proaktiv/web/")
        for node, name, is_thing in _names(tree):
            words = _words(name)
            forbidden = {word for word in NEVER if _has(words, word.split("_"))} - ({"buerger"} if page else set())
            if is_thing:
                forbidden |= NEVER_A_NAME & set(words)
                forbidden |= NEVER_ALONE & (
                    {words[0]} if len([word for word in words if word != "row"]) == 1 else set()
                )
            found += [at(path, node, f"{name} says {word}") for word in sorted(forbidden)]
    return found


def _names(tree: ast.Module) -> Iterator[tuple[ast.AST, str, bool]]:
    """Yield every name that the module gives, and whether it names a thing (class, table, enumeration's member)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node, node.name, True
            member = any(name_of(base).endswith("Enum") for base in node.bases)
            for inner in node.body:
                if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
                    target = inner.targets[0].id
                    yield inner, target, member
                    if target == "__tablename__" and isinstance(inner.value, ast.Constant):
                        yield inner, str(inner.value.value), True
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, node.name, False
            given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            yield from ((argument, argument.arg, False) for argument in given)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id, False


def _words(name: str) -> list[str]:
    """Return the words of ``snake_case``, ``CamelCase`` and ``UPPER_CASE`` names."""
    if name.isupper():
        return name.lower().strip("_").split("_")
    spaced = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return [word for word in spaced.split("_") if word]


def _has(words: list[str], wanted: list[str]) -> bool:
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words)))


# the tests ------------------------------------------------------------------------------------------------------------

PLANTED: list[Planted] = [
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "x = Permit(person=1)"),
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "x = model.Permit[Watch](person=1)"),
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "x = cast(Permit[Watch], thing)"),
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "x = cast('model.Permit[Watch]', thing)"),
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "x = object.__new__(Permit)"),
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "from consent.model import Permit as Harmless"),
    (only_their_makers_make_proofs, "proaktiv/steps/gate/__init__.py", "Harmless = model.Permit"),
    (only_their_makers_make_proofs, "notifiers/folder.py", "x = Clearance('wire')"),
    (only_their_makers_make_proofs, "proaktiv/web/citizen.py", "x = SessionProof(person=1)"),
    (only_their_makers_make_proofs, "proaktiv/acts/staff.py", "x = StaffProof(staff=1)"),
    (only_their_makers_make_proofs, "proaktiv/steps/case_file.py", "x = Inspection(matter=1)"),
    (only_their_makers_make_proofs, "proaktiv/steps/admit.py", "x = Inspection(matter=1)"),
    (only_their_makers_make_proofs, "proaktiv/acts/office.py", "x = Verification(persons=everybody)"),
    (settings_are_read_by_the_composition_root, "proaktiv/pipeline.py", "from proaktiv.settings import Settings"),
    (settings_are_read_by_the_composition_root, "proaktiv/pipeline.py", "from proaktiv import settings"),
    (steps_do_not_end_transactions, "proaktiv/steps/gate/__init__.py", "def f(session):\n    session.commit()"),
    (steps_do_not_end_transactions, "consent/store.py", "def f(connection):\n    connection.begin()"),
    (sql_is_not_put_together_from_strings, "proaktiv/x.py", "from sqlalchemy import text\ntext(f'SELECT {name}')"),
    (sql_is_not_put_together_from_strings, "proaktiv/x.py", "from sqlalchemy import text\ntext('SELECT ' + name)"),
    (sql_is_not_put_together_from_strings, "proaktiv/x.py", "from sqlalchemy import text\ntext('S %s' % name)"),
    (sql_is_not_put_together_from_strings, "proaktiv/x.py", "connection.execute('SELECT {}'.format(name))"),
    (modules_stay_short, "proaktiv/x.py", "x = 1\n" * 401),
    (modules_stay_short, "proaktiv/flowlog/x.mjs", "x = 1;\n" * 401),
    (rules_are_data, "rules/geburt/x.py", ""),
    (rules_are_data, "rules/__init__.py", ""),
    (migrations_are_no_package, "alembic/__init__.py", ""),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "class Benefit: ..."),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "class OrderRow: ..."),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "class ReceiptRow: ..."),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "class Kind(StrEnum):\n    BIRTH = 'geburt'"),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "class Row(Table):\n    __tablename__ = 'audit_log'"),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "def f(data_subject): ..."),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "def notify_authority(): ..."),
    (words_of_the_glossary_are_kept, "proaktiv/x.py", "buerger = 1"),
    (words_of_the_glossary_are_kept, "proaktiv/utils.py", ""),
]
RULES = list(dict.fromkeys(rule for rule, _, _ in PLANTED))


@pytest.mark.flowlog_test(12)
@pytest.mark.parametrize("rule", RULES, ids=named(RULES))
def test_the_code_keeps_the_rule_that(rule: Rule) -> None:
    assert rule(ROOT) == []


@pytest.mark.flowlog_control(12)
@pytest.mark.parametrize("planted", PLANTED, ids=named(rule for rule, _, _ in PLANTED))
def test_control_a_planted_breach_is_found_of(planted: Planted, tmp_path: Path) -> None:
    assert is_found(planted, tmp_path)


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_go_downward_only() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "breach", "finding"),
    [
        ("proaktiv/core/ids.py", "import proaktiv.vault", "proaktiv.core is not allowed to import proaktiv.vault"),
        ("proaktiv/core/ids.py", "import sqlalchemy", "proaktiv.core is not allowed to import sqlalchemy"),
        ("consent/model.py", "import proaktiv.core.ids", "consent is not allowed to import proaktiv"),
        ("notifiers/model.py", "import consent.model", "notifiers is not allowed to import consent"),
        ("proaktiv/homeless.py", "", "proaktiv.homeless"),
    ],
)
def test_control_a_planted_import_upward_is_found(path: str, breach: str, finding: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / path).open("a") as module:
        module.write(f"\n{breach}\n")
    assert finding in lint_imports(tmp_path).stdout
