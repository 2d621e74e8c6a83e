"""How law is cited: „Art. 6 Abs. 1 Buchst. c DSGVO“, „§ 37 Abs. 1 BMG“, as German courts and statutes do.

What is written today is written so; entries of the log keep for ever what they were written with, and whoever shows or
looks for them asks here. Shown, a sign and its number do not part at the end of a line; in the log, and where somebody
looks for it, ordinary spaces stand between them. Pure. Source: Handbuch der Rechtsförmlichkeit (BMJ), Rn. 168 ff.
"""

import re

_LETTERS = r"[a-z](?:(?:, ?| und )[a-z])*\b(?!\.)"
_PARAGRAPH = re.compile(r"(?:(?<=\d)|(?<=\d[a-z])) \((\d+[a-z]?)\)")
_IN_BRACKETS = re.compile(rf"(?<=Abs\. )(\d+[a-z]?) \(({_LETTERS})\)")
_BARE = re.compile(rf"(?<=Abs\. )(\d+[a-z]?) (?=({_LETTERS})(?: [A-Z]|$))")
_WORD = re.compile(r"\b(?:lit\.|Buchstabe) ?(?=[a-z]\b)")
_NO_BREAK = "\u00a0"
_TOGETHER = re.compile(r"(§|\b(?:Art|Abs|Nr|Buchst)\.|\bSatz) (?=[0-9]|[a-z]\b)")


def cited(text: str) -> str:
    """Return a text with its citations in the one style, to be shown: no sign parts from its number."""
    return _TOGETHER.sub(rf"\1{_NO_BREAK}", in_the_one_style(text))


def in_the_one_style(text: str) -> str:
    """Return a text with its citations in the one style and ordinary spaces."""
    text = text.replace(_NO_BREAK, " ")
    if not any(sign in text for sign in ("(", "lit.", "Buchstabe")):
        return text
    text = _PARAGRAPH.sub(r" Abs. \1", text)
    text = _IN_BRACKETS.sub(r"\1 Buchst. \2", text)
    text = _BARE.sub(r"\1 Buchst. ", text)
    return _WORD.sub("Buchst. ", text)


def spellings(citation: str) -> frozenset[str]:
    """Return how a citation may stand in entries of the log: as typed, in the one style, and in those of before."""
    citation = citation.replace(_NO_BREAK, " ")
    today = in_the_one_style(citation)
    short = re.sub(r" Abs\. (\d+[a-z]?)", r" (\1)", today)
    older = {each.replace("Buchst. ", word) for each in (today, short) for word in ("lit. ", "")}
    return frozenset({citation, today, *older})
