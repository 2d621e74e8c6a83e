"""What a channel that is not confidential may never carry: a search of the final bytes for what is known of a person.

The bytes are looked at in every way a machine or a reader could: as MIME parts, decoded headers, HTML, percent-,
quoted-printable, base64 and hex text, one inside the other; names without their accents, with ae for ä, letter-spaced,
backwards or hashed; dates as people write them; the end of an id. A finding names the kind and the place, never the
string. Failing closed: what cannot be looked through is a finding. Left to others: who knows what (the steps),
confidential channels. Source: channels-and-pages.md § 3.6.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from notifiers.leak_forms import WORD, Form, Known, forms, vocabulary
from notifiers.leak_views import DEPTH, RAW, TooDeep, View, views
from notifiers.model import Permanent, Rendered

__all__ = ["Finding", "Known", "Leak", "check", "findings"]

_PARTS = frozenset({"text/plain", "text/html"})
_LINK = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,15}://|mailto:|www\.|(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}/)[^\s\"'<>]*", re.IGNORECASE
)
_ACTIVE = re.compile(
    r"<\s*(?:img|script|iframe|object|embed|form|input|svg|video|audio|link|base|meta\s+http-equiv)\b"
    r"|\b(?:src|srcset|background|ping|on[a-z]+)\s*=|url\(|@import",
    re.IGNORECASE,
)


class Leak(Permanent):
    """Bytes that were not handed over, because they tell something about a person."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What kind of thing was found, and where; never the thing."""

    kind: str
    where: str


def check(
    rendered: Rendered,
    known: Known,
    *,
    neutral: Rendered | None = None,
    links: frozenset[str] = frozenset(),
    words: Sequence[str] = (),
) -> None:
    """Raise ``Leak`` unless the bytes may go to anybody. See ``findings``."""
    found = findings(rendered, known, neutral=neutral, links=links, words=words)
    if found:
        raise Leak("; ".join(sorted({f"{each.kind} in {each.where}" for each in found})))


def findings(
    rendered: Rendered,
    known: Known,
    *,
    neutral: Rendered | None = None,
    links: frozenset[str] = frozenset(),
    words: Sequence[str] = (),
) -> list[Finding]:
    """Return what the bytes tell that they must not.

    ``neutral`` is the same message to nobody: what stands there as often is no leak, be somebody called like a word
    of it. ``links`` are all the addresses that may stand there, whole; ``words`` what else may not, such as the
    names of Leistungen. The header ``To`` is not looked at where it is exactly ``rendered.to``.
    """
    body = _without_to(rendered)
    to_nobody = None if neutral is None else _without_to(neutral)
    same = body == to_nobody  # then nothing in it is about anybody, however deep
    try:
        seen = list(views(body, rendered.media_type, depth=0 if same else DEPTH))
        before = [] if to_nobody is None or same else list(views(to_nobody, rendered.media_type))
    except TooDeep:
        return [Finding("too much to look through", "the message")]
    found = list(_structure(rendered))
    found += [
        Finding(form.kind, view.where)
        for form in (*(() if same else forms(known)), *vocabulary(words))
        for view in seen
        if (times := _times(form, view)) and times > (0 if form.kind == WORD else _times_before(form, view, before))
    ]
    for view in seen:
        if view.decoded or view.where == RAW:  # the parts of a mail are looked at as their readers see them
            continue
        found += [Finding("link", view.where) for link in _LINK.findall(view.text) if link.rstrip(".,)") not in links]
        if _ACTIVE.search(view.text):
            found.append(Finding("active or remote content", view.where))
    return list(dict.fromkeys(found))


def _times(form: Form, view: View) -> int:
    text = view.folded if form.against == "folded" else view.squeezed
    if form.needle not in text:
        return 0
    return len(form.pattern.findall(text))


def _times_before(form: Form, view: View, before: Sequence[View]) -> int:
    """Return how often it stands at the same place of the message to nobody."""
    return max((_times(form, other) for other in before if other.where == view.where), default=0)


def _without_to(rendered: Rendered) -> bytes:
    if not rendered.to:
        return rendered.body
    head, end, rest = rendered.body.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    exact = f"To: {rendered.to}".encode()
    return b"\r\n".join(line for line in lines if line != exact) + end + rest


def _structure(rendered: Rendered) -> Iterator[Finding]:
    """Find parts that are neither text nor HTML, or that carry a name."""
    if rendered.media_type != "message/rfc822":
        return
    message = message_from_bytes(rendered.body, EmailMessage, policy=SMTP)
    for part in message.walk():
        if part.is_multipart():
            if any((part.preamble, part.epilogue)):
                yield Finding("text between the parts", part.get_content_type())
            continue
        if part.get_content_type() not in _PARTS or part.get_filename() or part.is_attachment():
            yield Finding("attachment", part.get_content_type())
