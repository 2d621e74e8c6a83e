"""How walls are looked for in source: what a module imports, calls and names; and that a planted breach is found.

Left to others: the rules (``test_architecture``, ``test_egress_wall``).
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("proaktiv", "consent", "notifiers")

Rule = Callable[[Path], list[str]]
Planted = tuple[Rule, str, str]
"""A rule, the module in which it is broken, and how."""


def modules(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield path.relative_to(root).as_posix(), ast.parse(path.read_text(), str(path))


def at(path: str, node: ast.AST, what: str) -> str:
    return f"{path}:{getattr(node, 'lineno', 0)}: {what}"


def name_of(node: ast.expr) -> str:
    """Return the last part of a dotted, perhaps subscripted name: ``model.Permit[Watch]`` → ``Permit``."""
    if isinstance(node, ast.Subscript):
        return name_of(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.partition("[")[0].rpartition(".")[2]
    return node.id if isinstance(node, ast.Name) else ""


def imports(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield every module that is imported, also inside functions and by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and name_of(node.func) in {"import_module", "__import__"} and node.args:
            named = node.args[0]
            yield node, str(named.value) if isinstance(named, ast.Constant) else "?"


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def says(node: ast.AST, name: str) -> bool:
    """Return whether a node names something: as an attribute, bare, imported, or as a word given to ``getattr``."""
    return (
        (isinstance(node, ast.Attribute) and node.attr == name)
        or (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.alias) and node.name == name)
        or (
            isinstance(node, ast.Call)
            and name_of(node.func) == "getattr"
            and any(isinstance(word, ast.Constant) and word.value == name for word in node.args)
        )
    )


def named(rules: Iterable[Rule]) -> list[str]:
    return [rule.__name__ for rule in rules]


def is_found(planted: Planted, folder: Path) -> bool:
    """Return whether a rule finds the breach, and nothing before it is planted."""
    rule, path, source = planted
    module = folder / path
    module.parent.mkdir(parents=True)
    module.write_text("")
    before = rule(folder) if source else []
    module.write_text(source)
    return before == [] and rule(folder) != []
