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
_LAW = re.compile(r"(?<!\S)(?:SGB )?[^\s0-9]\S+$")
"""The law at the end of a citation; a number or a letter of it is none."""
_GLUED = re.compile(r"(§|\b(?:Art|Abs|Nr|Buchst|lit)\.|\bSatz)(?=[0-9]|[a-z]\b)")
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
    citation = _GLUED.sub(r"\1 ", citation.replace(_NO_BREAK, " "))
    today = in_the_one_style(citation)
    short = re.sub(r" Abs\. (\d+[a-z]?)", r" (\1)", today)
    older = {each.replace("Buchst. ", word) for each in (today, short) for word in ("lit. ", "")}
    return frozenset({citation, today, *older})


def naming(citation: str) -> str:
    """Return a regular expression of what names a citation, alone or beside others joined by "; ".

    "§ 37 Abs. 1 BMG" is named by "Art. 6 … DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)", and so is "§ 37 BMG": the
    law and how its citation begins are enough, § 3 is no beginning of § 37. Blanks and the sign may be missing. It
    means the same to Python and to PostgreSQL; compare without regard to case.
    """
    typed = [f"{sign} {citation}" for sign in ("§", "Art.")] if citation[:1].isdigit() else [citation]
    whole = sorted({_one(each.strip()) for one in typed for each in spellings(one) if each.strip()})
    return rf"(^|; )({'|'.join(whole)})( \([^;]*\))?(;|$)"


def _one(citation: str) -> str:
    """Return a regular expression of one citation and of those within it."""
    law = _LAW.search(citation)
    if law is None:
        return rf"{re.escape(citation)}( [^;]*)?"
    begins = citation[: law.start()].rstrip()
    return rf"{re.escape(begins)}( [^;]*)? {re.escape(law[0])}" if begins else rf"([^;]* )?{re.escape(law[0])}"
