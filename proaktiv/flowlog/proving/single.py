"""A single proof that stands by itself: the way to the signed root, the entry, and what of it is to be shown.

A C2SP tlog-proof whose ``extra`` is canonical JSON: ``e`` the entry's bytes, and for each part that is shown (``F``,
``S``, ``A``) its salt ``s`` and its body ``b``. The entry alone says no more than the public tiles do. Left to others:
who may see a part (``steps.proving``), checking it (``flowlog.verifying.proof``).
Source: C2SP tlog-proof, flowlog.md § 3.
"""

import base64
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.canonical import dumps
from proaktiv.core.errors import NotFound
from proaktiv.flowlog.entries import SALT_BYTES, unpack
from proaktiv.flowlog.proving.paths import proof_file
from proaktiv.flowlog.verifying.checks import Opener
from proaktiv.tables import FlowLogRow, FlowSecretRow, core_table

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)


def proof_of(session: Session, fid: UUID, *, facts: bool = False, opener: Opener | None = None) -> str:
    """Return the proof of one entry; with ``facts`` part F is in it, and of S and A what ``opener`` opens.

    Raises ``NotFound`` for an entry that is not there or not signed yet, ``SealBroken``, ``ValueError`` where its bytes
    are no entry.
    """
    row = session.connection().execute(
        select(_LOG.c.entry, _LOG.c.f_salt, _LOG.c.f_bytes, _SECRET.c.subj, _SECRET.c.s_blob, _SECRET.c.a_blob)
        .add_columns(_SECRET.c.staff_key)
        .select_from(_LOG)
        .outerjoin(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .where(_LOG.c.fid == fid)
    )
    found = row.one_or_none()
    if found is None:
        raise NotFound(f"entry {fid}")
    shown: dict[str, object] = {"e": base64.b64encode(found.entry).decode()}
    if facts:
        shown["F"] = _part(bytes(found.f_salt) + bytes(found.f_bytes))
    if opener is not None:
        entry = unpack(bytes(found.entry))
        if found.s_blob is not None:
            # Without a person the salt lies open, and shows that there never was one.
            nobody = len(found.s_blob) == SALT_BYTES
            subject = found.s_blob if nobody else opener.subject(found.subj, found.s_blob, entry.subject)
            shown |= {} if subject is None else {"S": _part(subject)}
        if found.a_blob is not None:
            staff = opener.staff(found.staff_key, found.a_blob, entry.staff)
            shown |= {} if staff is None else {"A": _part(staff)}
    return proof_file(session, fid, dumps(shown))


def _part(opened: bytes) -> dict[str, str]:
    return {"s": base64.b64encode(opened[:SALT_BYTES]).decode(), "b": opened[SALT_BYTES:].decode()}
