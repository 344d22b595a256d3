"""Proof documents: announced, uploaded, attached to an appointment. Their bytes are in `blobs.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldserve.store.engine import LOCK, Connection, Row, placeholders
from fieldserve.wire.documents import ContentType
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Document:
    """A document and where it stands.

    content_length is as announced, in bytes; content_md5 (base64) is of the bytes to be uploaded. sealed_key is the
    AES key and vector that the caller got, sealed with the master key. It takes uploads while `now < upload_until`
    and can be attached while `now < keep_until`; once it is attached it stays."""

    seller_id: str
    upload_destination_id: str
    content_type: ContentType
    content_length: int
    content_md5: str | None
    sealed_key: str
    created_at: Instant
    upload_until: Instant
    keep_until: Instant
    uploaded_at: Instant | None = None
    blob_key: str | None = None
    appointment_id: str | None = None
    content_sha256: str | None = None
    attached_at: Instant | None = None


_COLUMNS = (
    "seller_id, upload_destination_id, content_type, content_length, content_md5, sealed_key, created_at,"
    " upload_until, keep_until, uploaded_at, blob_key, appointment_id, content_sha256, attached_at"
)


def _document(row: Row) -> Document:
    return Document(*row)


async def add(c: Connection, document: Document) -> None:
    """Add a document that is announced only. Raises AlreadyExists where the seller has one of that id."""
    await c.execute(
        "INSERT INTO documents (seller_id, upload_destination_id, content_type, content_length, content_md5,"
        " sealed_key, created_at, upload_until, keep_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        document.seller_id,
        document.upload_destination_id,
        document.content_type,
        document.content_length,
        document.content_md5,
        document.sealed_key,
        document.created_at,
        document.upload_until,
        document.keep_until,
    )


async def find(
    c: Connection, seller_id: str, upload_destination_ids: Sequence[str], *, lock: bool = False
) -> dict[str, Document]:
    """Those of the seller's documents that exist, by id; with `lock` nobody else changes them until the transaction
    ends."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM documents WHERE seller_id = $1"
        f" AND upload_destination_id IN ({placeholders(upload_destination_ids, 1)})"
        f" ORDER BY upload_destination_id {LOCK if lock else ''}",
        seller_id,
        *upload_destination_ids,
    )
    return {document.upload_destination_id: document for document in map(_document, rows)}


async def mark_uploaded(
    c: Connection, seller_id: str, upload_destination_id: str, blob_key: str, at: Instant
) -> Document | None:
    """Have the document mean the bytes at that key from now on. Answers it as it was before; None, and nothing changes,
    where there is no such document or it is attached, whose bytes are never replaced."""
    before = (await find(c, seller_id, [upload_destination_id], lock=True)).get(upload_destination_id)
    if before is None or before.appointment_id is not None:
        return None
    await c.execute(
        "UPDATE documents SET uploaded_at = $3, blob_key = $4 WHERE seller_id = $1 AND upload_destination_id = $2",
        seller_id,
        upload_destination_id,
        at,
        blob_key,
    )
    return before


async def attach(
    c: Connection, seller_id: str, upload_destination_id: str, appointment_id: str, content_sha256: str, at: Instant
) -> None:
    """Make a document, which the caller holds locked, a proof of an appointment."""
    await c.execute(
        "UPDATE documents SET appointment_id = $3, content_sha256 = $4, attached_at = $5"
        " WHERE seller_id = $1 AND upload_destination_id = $2 AND appointment_id IS NULL",
        seller_id,
        upload_destination_id,
        appointment_id,
        content_sha256,
        at,
    )


async def of_appointment(c: Connection, seller_id: str, appointment_id: str) -> list[Document]:
    """The documents attached to an appointment, oldest attachment first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM documents WHERE seller_id = $1 AND appointment_id = $2"
        " ORDER BY attached_at, upload_destination_id",
        seller_id,
        appointment_id,
    )
    return [_document(row) for row in rows]


async def expired(c: Connection, before: Instant, limit: int) -> list[Document]:
    """Documents of all sellers that no appointment came for and whose time was over before that instant, oldest
    first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM documents WHERE appointment_id IS NULL AND keep_until <= $1"
        " ORDER BY keep_until, seller_id, upload_destination_id LIMIT $2",
        before,
        limit,
    )
    return [_document(row) for row in rows]


async def delete_expired(c: Connection, seller_id: str, upload_destination_id: str, before: Instant) -> bool:
    """Delete a document that `expired` named, if it still is; says whether it did."""
    row = await c.fetch_one(
        "DELETE FROM documents WHERE seller_id = $1 AND upload_destination_id = $2"
        " AND appointment_id IS NULL AND keep_until <= $3 RETURNING upload_destination_id",
        seller_id,
        upload_destination_id,
        before,
    )
    return row is not None


async def blob_keys(c: Connection) -> list[str]:
    """The keys of every file that a document of any seller has."""
    rows = await c.fetch("SELECT blob_key FROM documents WHERE blob_key IS NOT NULL ORDER BY blob_key")
    return [row[0] for row in rows]
