"""What a derived fact is, and how facts are completed by them.

Left to others: the functions themselves (the modules beside this one). Source: rules.md § 1.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proaktiv.core.parameters import Value


class DerivedError(ValueError):
    """A Plan was made with another version of a derived fact; the rules must be released anew."""


@dataclass(frozen=True, slots=True)
class Derived:
    """One derived fact. ``needs`` are the facts it reads with their exact types, in the order of its arguments.

    ``make`` may return None where the facts do not say. ``typ`` is the catalogue's.
    """

    name: str
    typ: str
    norm: str
    needs: Mapping[str, type]
    make: Callable[..., Value | None]
    version: int = 1

    def value(self, facts: Mapping[str, Value]) -> Value | None:
        """Return the fact, or None where one that it needs is unknown or of another type."""
        given: list[Any] = []
        for name, kind in self.needs.items():
            value = facts.get(name)
            if type(value) is not kind:
                return None
            given.append(value)
        return self.make(*given)


def with_derived(
    registry: Mapping[str, Derived], names: Iterable[str], facts: Mapping[str, Value]
) -> Mapping[str, Value]:
    """Return ``facts`` with the derived ones of ``names``; a fact that is known already is not overwritten."""
    found = dict(facts)
    for name in names:
        if name not in found and (value := registry[name].value(facts)) is not None:
            found[name] = value
    return found


def lacking(registry: Mapping[str, Derived], missing: Iterable[str], facts: Mapping[str, Value]) -> tuple[str, ...]:
    """Return ``missing`` with each derived fact replaced by what it lacks: nobody can be asked for a derived one."""
    found: dict[str, None] = {}
    for name in missing:
        derived = registry.get(name)
        if derived is None:
            found[name] = None
            continue
        gone = [need for need, kind in derived.needs.items() if type(facts.get(need)) is not kind]
        found.update(dict.fromkeys(gone or derived.needs))
    return tuple(found)


def versions(registry: Mapping[str, Derived], recorded: Mapping[str, int]) -> tuple[str, ...]:
    """Return the recorded names. Raises ``DerivedError`` where one is gone or has another version today."""
    for name, version in recorded.items():
        if name not in registry or registry[name].version != version:
            raise DerivedError(f"the derived fact {name} is not what it was (version {version})")
    return tuple(recorded)
