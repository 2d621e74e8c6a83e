"""Bodies as the canonical profile allows them, for Hypothesis."""

import unicodedata

from hypothesis import strategies as st

_texts = st.text(st.characters(exclude_categories=("Cs",))).filter(lambda text: unicodedata.is_normalized("NFC", text))
_keys = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
_leaves = _texts | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)
bodies = st.dictionaries(
    _keys, _leaves | st.lists(_leaves, max_size=4) | st.dictionaries(_keys, _leaves, max_size=4), max_size=8
)
