"""What the pages call the codes of the log, written for the verifiers that stand alone, which import nothing of them.

``python -m tests.flowlog.words_alone`` writes both modules anew; a test holds them against the pages.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from proaktiv.flowlog.alone import speaking
from proaktiv.web.pages import log_words
from proaktiv.web.pages.log_actions import ACTIONS

ALONE = Path(speaking.__file__).parent
TABLES: Mapping[str, Mapping[str, str]] = {
    "action": ACTIONS,
    "outcome": log_words.OUTCOMES,
    "category": log_words.CATEGORIES,
    "purpose": log_words.PURPOSES,
    "basis": log_words.BASES,
    "party": log_words.PARTIES,
}
SAYS = "What proaktiv's pages call the codes of an entry, in German: acts, results, data, purposes, bases, parties."
NOTE = "Written by ``tests.flowlog.words_alone`` out of the pages' own tables."


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def python_module() -> str:
    tables = "".join(
        f"    {quoted(name)}: {{\n"
        + "".join(f"        {quoted(code)}: {quoted(word)},\n" for code, word in table.items())
        + "    },\n"
        for name, table in TABLES.items()
    )
    return f'"""{SAYS}\n\n{NOTE}\n"""\n\nWORDS = {{\n{tables}}}\n'


def node_module() -> str:
    tables = "".join(
        f"  {name}: {{\n" + "".join(f"    {quoted(code)}: {quoted(word)},\n" for code, word in table.items()) + "  },\n"
        for name, table in TABLES.items()
    )
    return f"// {SAYS}\n\nexport const WORDS = {{\n{tables}}};\n"


if __name__ == "__main__":
    (ALONE / "words.py").write_text(python_module(), "utf-8")
    (ALONE / "node" / "words.mjs").write_text(node_module(), "utf-8")
