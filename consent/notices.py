"""The texts as they were shown, content-addressed: a hash without its pre-image proves nothing.

Left to others: rendering them, and that the digest shown is the digest answered. Source: consent.md § 7.1.
"""

import hashlib

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from consent.model import Activity, Notice
from consent.tables import NOTICES


def digest_of(notice: Notice) -> bytes:
    """Return the SHA-256 of activity, locale, media type and body, the first three each ended by a zero byte.

    Raises ``ValueError`` where a zero byte stands in one of the three or the body is empty.
    """
    head = (notice.activity, notice.locale, notice.media_type)
    if not notice.body or any("\0" in part for part in head):
        raise ValueError("a notice has a body, and no zero byte before it")
    return hashlib.sha256(b"".join(part.encode() + b"\0" for part in head) + notice.body).digest()


def put_notice(connection: Connection, activity: Activity, *, locale: str, media_type: str, body: bytes) -> bytes:
    """Keep a text as shown for this activity version and return its digest. Keeping it again changes nothing."""
    notice = Notice(activity.id, locale, media_type, body)
    digest = digest_of(notice)
    connection.execute(
        insert(NOTICES)
        .values(digest=digest, activity=activity.id, locale=locale, media_type=media_type, body=body)
        .on_conflict_do_nothing()
    )
    return digest


def notice(connection: Connection, digest: bytes) -> Notice | None:
    """Return the text with this digest."""
    columns = NOTICES.c
    found = connection.execute(
        select(columns.activity, columns.locale, columns.media_type, columns.body).where(columns.digest == digest)
    ).one_or_none()
    return None if found is None else Notice(*found)
