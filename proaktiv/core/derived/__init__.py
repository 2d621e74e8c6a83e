"""Derived facts: what a condition tree cannot say, as small named functions with a norm.

Lawyers write trees, programmers write these. Each is pure and typed, reads only the facts it names, and **unknown in
gives unknown out**: so nothing here can turn a yes into a no when more becomes known. One module for a family of
facts; the catalogue lists them with ``quelle: abgeleitet``.
A change of what a function says is a new ``version``: Plans carry it, so that an old decision is never replayed with a
new meaning. Source: rules.md §§ 1, 5.4.
"""

from proaktiv.core.derived import kind, person
from proaktiv.core.derived.registry import Derived, DerivedError, lacking, versions, with_derived

REGISTRY = {one.name: one for one in (*kind.ALL, *person.ALL)}
"""All derived facts by name."""

__all__ = ["REGISTRY", "Derived", "DerivedError", "lacking", "versions", "with_derived"]
