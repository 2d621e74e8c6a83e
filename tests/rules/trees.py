"""Random condition trees and facts, for the properties that every tree must have."""

from datetime import date

from hypothesis import strategies as st

from proaktiv.core.conditions import Alle, Eine, Nicht, Node, Op, Vergleich
from proaktiv.core.fristen import Rechnung, Value
from proaktiv.core.nodes import Operand

CODES = ("rot", "gelb", "gruen")
_DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))

RECKONINGS = st.builds(
    lambda von, steps: Rechnung(von, tuple(steps)),
    st.sampled_from(["tag.a", "tag.b"]),
    st.lists(
        st.tuples(
            st.sampled_from(["tage", "wochen", "monate", "lebensmonat", "lebensjahr", "monatsende", "rueck_monate"]),
            st.integers(0, 14),
        ),
        max_size=3,
    ),
)


def comparison(das: str, op: Op, wert: Operand, codes: tuple[str, ...] = ()) -> Vergleich:
    return Vergleich(das, op, wert, "§ 1 Probe", 1, 1, codes)


LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(lambda das, wert: comparison(das, Op.IST, wert), st.sampled_from(["ja.a", "ja.b"]), st.booleans()),
    st.builds(lambda wert: comparison("farbe", Op.IST, wert, CODES), st.sampled_from(CODES)),
    st.builds(
        lambda wert: comparison("farbe", Op.EINER_VON, tuple(wert), CODES),
        st.lists(st.sampled_from(CODES), min_size=2, max_size=3, unique=True),
    ),
    st.builds(
        comparison,
        st.sampled_from(["zahl.a", "zahl.b"]),
        st.sampled_from([Op.MAXIMAL, Op.MINDESTENS, Op.WENIGER_ALS, Op.MEHR_ALS, Op.IST]),
        st.integers(-2, 6),
    ),
    st.builds(
        comparison,
        st.sampled_from(["heute", "tag.a", "tag.b"]),
        st.sampled_from([Op.BIS, Op.AB]),
        st.one_of(_DAYS, RECKONINGS),
    ),
)

TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=4).map(lambda found: Alle(tuple(found), 1, 1)),
        st.lists(parts, min_size=1, max_size=4).map(lambda found: Eine(tuple(found), 1, 1)),
        parts.map(lambda part: Nicht(part, 1, 1)),
    ),
    max_leaves=12,
)

KNOWN: dict[str, st.SearchStrategy[Value]] = {
    "ja.a": st.booleans(),
    "ja.b": st.booleans(),
    "farbe": st.sampled_from(CODES),
    "zahl.a": st.integers(-3, 7),
    "zahl.b": st.integers(-3, 7),
    "tag.a": _DAYS,
    "tag.b": _DAYS,
    "heute": _DAYS,
}

_ODD: st.SearchStrategy[Value] = st.one_of(
    st.sampled_from(["", "blau", "ja", "1"]), st.integers(0, 1), st.booleans(), _DAYS
)
"""Values of a wrong type or an unknown code, as a careless register sends them."""

FACTS = st.fixed_dictionaries(KNOWN)
ODD_FACTS = st.fixed_dictionaries({}, optional={name: st.one_of(good, _ODD) for name, good in KNOWN.items()})
