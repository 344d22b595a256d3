"""Proof documents, from the announcement to the appointment they prove.

    announced ──upload──▶ uploaded ──setAppointmentFulfillmentData──▶ attached, for good
        │  5 minutes  ▲─────┘ again                │
        └──── 30 days without an appointment ──────┴──▶ deleted

Bytes are kept as they were uploaded, encrypted by the caller, and once more under the master key, so that a file that
somebody forgot to encrypt does not lie there to be read. Each upload gets a place of its own: the bytes that were
checked are the bytes that stay, whatever else is uploaded meanwhile.
"""

import asyncio
import base64
import hashlib
import re
import secrets
import uuid
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from fieldserve.domain import documents as rules
from fieldserve.domain.documents import Defect
from fieldserve.operations import run
from fieldserve.operations.malware import is_malware
from fieldserve.operations.run import Caller, Context
from fieldserve.store import documents, events
from fieldserve.store.documents import Document
from fieldserve.store.engine import Connection, Unavailable
from fieldserve.store.events import Event
from fieldserve.wire import documents as wire
from fieldserve.wire import fulfillment
from fieldserve.wire.documents import ContentType, UploadValue
from fieldserve.wire.errors import BODY_TOO_LARGE, Fault, Says
from fieldserve.wire.fulfillment import FulfillmentDocument
from fieldserve.wire.times import SECOND, Instant

UPLOAD_SECONDS = 300
KEPT_DAYS = 30
LARGEST_UPLOAD = rules.LARGEST + rules.BLOCK
MEDIA_TYPE = "application/octet-stream"

# Deleting waits this long after the time is over, so that no attaching transaction of a process whose clock is a
# little behind finds its document gone.
PURGE_GRACE = 3600 * SECOND
PURGE_BATCH = 100

_ID = re.compile(r"fieldserve\.document\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_WITHIN_LIMIT = re.compile(r"[0-9]{1,7}", re.ASCII)

_SAID: dict[Defect, Says] = {
    Defect.NOT_UPLOADED: fulfillment.DOCUMENT_NOT_UPLOADED,
    Defect.LENGTH_UNKNOWN: fulfillment.DOCUMENT_LENGTH_UNKNOWN,
    Defect.DECRYPT: fulfillment.DOCUMENT_DECRYPT,
    Defect.LENGTH: fulfillment.DOCUMENT_LENGTH,
    Defect.TYPE: fulfillment.DOCUMENT_TYPE,
    Defect.SHA256: fulfillment.DOCUMENT_SHA256,
}

# ---- announce


async def create_service_document_upload_destination(
    context: Context, caller: Caller, value: UploadValue, base_url: str
) -> wire.CreateServiceDocumentUploadDestinationResponse:
    """A place to upload to, good for 5 minutes, and the key and vector to encrypt with.

    base_url is what the caller reaches this server by, such as https://api.example.com."""
    upload_destination_id = f"fieldserve.document.{context.ids.uuid()}"
    document, key, vector = _announced(context, caller, upload_destination_id, value)

    async def use(c: Connection) -> None:
        await _announce(c, caller, document)

    await run.transact(context, use)
    return wire.CreateServiceDocumentUploadDestinationResponse(
        wire.ServiceDocumentUploadDestination(
            upload_destination_id,
            _upload_url(context, base_url, document),
            wire.EncryptionDetails("AES", _base64(vector), _base64(key)),
            _upload_headers(document),
        )
    )


def _announced(
    context: Context, caller: Caller, upload_destination_id: str, value: UploadValue
) -> tuple[Document, bytes, bytes]:
    """A document that is not stored yet, and the key and vector to encrypt it with."""
    now = context.clock.now()
    key, vector = secrets.token_bytes(rules.KEY_BYTES), secrets.token_bytes(rules.BLOCK)
    document = Document(
        caller.seller_id,
        upload_destination_id,
        value.content_type,
        value.content_length,
        value.content_md5,
        _base64(context.seal.seal(key + vector, _about_key(caller.seller_id, upload_destination_id))),
        now,
        (now // SECOND + UPLOAD_SECONDS) * SECOND,
        now + KEPT_DAYS * 86_400 * SECOND,
    )
    return document, key, vector


async def _announce(c: Connection, caller: Caller, document: Document) -> None:
    await documents.add(c, document)
    after = {"contentType": document.content_type, "contentLength": document.content_length}
    await events.append(c, _event(document, "announced", document.created_at, caller.actor, caller.request_id, after))


async def take_in(
    context: Context, caller: Caller, name: str, content_type: ContentType, plain: bytes
) -> FulfillmentDocument:
    """A file that the seller's own people hand in here: as if it were announced, encrypted and uploaded.

    `name` is the sender's own for the file: sent again, it is the same document. What is wrong with a file is told when
    it is attached. Raises Unavailable."""
    # Ids of documents are random elsewhere; this one is made from all that tells files of different senders apart.
    number = uuid.uuid5(uuid.NAMESPACE_OID, f"{caller.seller_id} {caller.actor} {name}")
    upload_destination_id = f"fieldserve.document.{number}"
    told = FulfillmentDocument(upload_destination_id, _base64(hashlib.sha256(plain).digest()))
    known = await _find(context, caller.seller_id, upload_destination_id)
    if known is not None and known.blob_key is not None:
        return told
    value = UploadValue(content_type, len(plain), None)
    document, key, vector = _announced(context, caller, upload_destination_id, value)
    blob_key = f"{upload_destination_id}/{secrets.token_hex(8)}"
    content = await asyncio.to_thread(rules.encrypt, plain, key, vector)
    await context.blobs.put(blob_key, await asyncio.to_thread(context.seal.seal, content, blob_key))

    async def use(c: Connection) -> bool:
        if await documents.find(c, caller.seller_id, [upload_destination_id]):
            return False
        await _announce(c, caller, document)
        return await _uploaded(c, document, blob_key, len(content), document.created_at, caller.actor) is not None

    if not await run.transact(context, use):
        await context.blobs.delete(blob_key)
    return told


def _upload_url(context: Context, base_url: str, document: Document) -> str:
    expires = document.upload_until // SECOND
    signature = context.seal.sign(_to_sign(document.seller_id, document.upload_destination_id, str(expires)))
    query = urlencode({"seller": document.seller_id, "expires": expires, "signature": signature})
    return f"{base_url.rstrip('/')}/uploads/{document.upload_destination_id}?{query}"


def _to_sign(seller_id: str, upload_destination_id: str, expires: str) -> bytes:
    # JSON, so that no two different triples run together into the same text.
    return msgspec.json.encode(["PUT", seller_id, upload_destination_id, expires])


def _upload_headers(document: Document) -> dict[str, str]:
    headers = {"Content-Type": MEDIA_TYPE}
    if document.content_md5 is not None:
        headers["Content-MD5"] = document.content_md5
    return headers


# ---- upload


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """What an upload URL carries, as it came: nothing of it is believed before the signature is checked.

    expires is in whole seconds since the Unix epoch."""

    seller_id: str
    upload_destination_id: str
    expires: str
    signature: str


async def upload(context: Context, ticket: UploadTicket, headers: Mapping[str, str], body: AsyncIterable[bytes]) -> str:
    """Take the bytes of a document, which may come again until the URL expires or the document is attached.

    Answers their MD5 in hexadecimal. Names in `headers` are in lower case. Raises ApiError of
    wire.documents.UPLOAD_ERRORS; the body is read only as far as its announced length and everything else are in
    order."""
    document = await _admit(context, ticket)
    _check_headers(document, headers)
    if not _WITHIN_LIMIT.fullmatch(length := headers.get("content-length", "0")) or int(length) > LARGEST_UPLOAD:
        raise BODY_TOO_LARGE.error(limit=LARGEST_UPLOAD)
    content = await _receive(body)
    blob_key = f"{document.upload_destination_id}/{secrets.token_hex(8)}"
    md5, sealed = await asyncio.to_thread(_digest_and_seal, context, content, blob_key)
    for expected in {document.content_md5, headers.get("content-md5")} - {None}:
        if expected != _base64(md5):
            raise wire.UPLOAD_DIGEST.error()
    await context.blobs.put(blob_key, sealed)
    await _keep(context, document, blob_key, len(content))
    return md5.hex()


async def _admit(context: Context, ticket: UploadTicket) -> Document:
    message = _to_sign(ticket.seller_id, ticket.upload_destination_id, ticket.expires)
    if not context.seal.has_signed(message, ticket.signature):
        raise wire.UPLOAD_REFUSED.error()
    if context.clock.now() >= int(ticket.expires) * SECOND:
        raise wire.UPLOAD_EXPIRED.error()
    document = await _find(context, ticket.seller_id, ticket.upload_destination_id)
    if document is None:
        raise wire.UPLOAD_REFUSED.error()
    if document.appointment_id is not None:
        raise wire.UPLOAD_ATTACHED.error()
    return document


def _check_headers(document: Document, headers: Mapping[str, str]) -> None:
    wrong = []
    for name, expected in _upload_headers(document).items():
        given = headers.get(name.lower(), "")
        same = given.split(";")[0].strip().lower() == expected if name == "Content-Type" else given == expected
        if not same:
            wrong.append((name, expected))
    if wrong:
        details = "; ".join(f"{name} must be {expected}" for name, expected in wrong)
        raise wire.UPLOAD_HEADERS.error(details, names=", ".join(name for name, _ in wrong))


async def _receive(body: AsyncIterable[bytes]) -> bytes:
    chunks, size = [], 0
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            async for chunk in body:
                size += len(chunk)
                if size > LARGEST_UPLOAD:
                    raise BODY_TOO_LARGE.error(limit=LARGEST_UPLOAD)
                chunks.append(chunk)
    except TimeoutError:
        raise wire.UPLOAD_TOO_SLOW.error(seconds=UPLOAD_SECONDS) from None
    return b"".join(chunks)


def _digest_and_seal(context: Context, content: bytes, blob_key: str) -> tuple[bytes, bytes]:
    return hashlib.md5(content, usedforsecurity=False).digest(), context.seal.seal(content, blob_key)


async def _keep(context: Context, document: Document, blob_key: str, length: int) -> None:
    now = context.clock.now()

    before = await run.transact(context, lambda c: _uploaded(c, document, blob_key, length, now, "upload-url"))
    # If the transaction raised, nobody knows whether it was committed: the bytes stay until the document is purged.
    superseded = blob_key if before is None else before.blob_key
    if superseded is not None:
        with suppress(Unavailable):
            await context.blobs.delete(superseded)
    if before is None:
        raise wire.UPLOAD_ATTACHED.error()


async def _uploaded(
    c: Connection, document: Document, blob_key: str, length: int, now: Instant, actor: str
) -> Document | None:
    before = await documents.mark_uploaded(c, document.seller_id, document.upload_destination_id, blob_key, now)
    if before is not None:
        await events.append(c, _event(document, "uploaded", now, actor, None, {"length": length}))
    return before


# ---- attach


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document whose bytes at `blob_key` passed every check. content_sha256 is the base64 of the plain file's
    digest."""

    upload_destination_id: str
    blob_key: str
    content_sha256: str


async def prepare_documents(
    context: Context, caller: Caller, appointment_id: str, given: Sequence[FulfillmentDocument]
) -> list[CheckedDocument] | Fault:
    """Read, decrypt and check documents, or the first fault (all are 422). Call it before the transaction, for it
    waits for the folder or bucket and for the malware check; then pass the answer to `attach` inside. Raises
    Unavailable."""
    checked: dict[tuple[str | None, str | None], CheckedDocument] = {}
    for one in given:
        same = (one.upload_destination_id, one.content_sha256)
        if same not in checked:
            answer = await _prepare(context, caller, appointment_id, one)
            if isinstance(answer, Fault):
                return answer
            checked[same] = answer
    return list(checked.values())


async def attach(
    c: Connection, caller: Caller, appointment_id: str, checked: Sequence[CheckedDocument], now: Instant
) -> Fault | None:
    """Make the documents proofs of an appointment of the caller's seller, in the transaction `c`; or the first fault,
    and nothing is written. One that is attached to this appointment already stays as it is."""
    found = await documents.find(c, caller.seller_id, sorted({one.upload_destination_id for one in checked}), lock=True)
    for one in checked:
        document = found.get(one.upload_destination_id)
        if (fault := _standing(document, appointment_id, now)) is not None:
            return fault
        assert document is not None
        if document.blob_key != one.blob_key:
            return fulfillment.DOCUMENT_SHA256.fault("the document was uploaded again while it was being checked")
    new = {one.upload_destination_id: one for one in checked if found[one.upload_destination_id].appointment_id is None}
    for one in new.values():
        document = found[one.upload_destination_id]
        await documents.attach(c, caller.seller_id, one.upload_destination_id, appointment_id, one.content_sha256, now)
        after = {"appointmentId": appointment_id, "contentSha256": one.content_sha256}
        await events.append(c, _event(document, "attached", now, caller.actor, caller.request_id, after))
    return None


async def _prepare(
    context: Context, caller: Caller, appointment_id: str, given: FulfillmentDocument
) -> CheckedDocument | Fault:
    if given.upload_destination_id is None:
        return fulfillment.DOCUMENT_PARAMETERS.fault("uploadDestinationId is missing")
    document = await _find(context, caller.seller_id, given.upload_destination_id)
    if (fault := _standing(document, appointment_id, context.clock.now())) is not None:
        return fault
    assert document is not None
    if given.content_sha256 is None:
        return fulfillment.DOCUMENT_PARAMETERS.fault("contentSha256 is missing")
    ciphertext = await _ciphertext(context, document)
    plain = await asyncio.to_thread(_check, context, document, ciphertext, given.content_sha256)
    if isinstance(plain, Defect):
        return _SAID[plain].fault()
    command = context.settings.malware_command
    if command and await is_malware(command, plain):
        return fulfillment.DOCUMENT_MALWARE.fault()
    assert document.blob_key is not None
    return CheckedDocument(document.upload_destination_id, document.blob_key, _base64(hashlib.sha256(plain).digest()))


def _standing(document: Document | None, appointment_id: str, now: Instant) -> Fault | None:
    """What keeps a document from the appointment, whatever is in it."""
    if document is None:
        return fulfillment.DOCUMENT_UNKNOWN.fault()
    if document.appointment_id == appointment_id:
        return None
    if document.appointment_id is not None:
        return fulfillment.DOCUMENT_PARAMETERS.fault("the document is attached to another appointment")
    if now >= document.keep_until:
        return fulfillment.DOCUMENT_PARAMETERS.fault("the document has expired")
    return None


def _check(context: Context, document: Document, ciphertext: bytes | None, content_sha256: str) -> bytes | Defect:
    key, vector = _key_and_vector(context, document)
    return rules.check(
        ciphertext,
        key,
        vector,
        content_type=document.content_type,
        content_length=document.content_length,
        content_sha256=content_sha256,
    )


# ---- read and delete


async def read_document(context: Context, seller_id: str, upload_destination_id: str) -> tuple[Document, bytes] | None:
    """An attached document and its plain file, or None where the seller has none of that id, or its file was erased."""
    document = await _find(context, seller_id, upload_destination_id)
    if document is None or document.appointment_id is None or document.blob_key is None:
        return None
    ciphertext = await _ciphertext(context, document)
    key, vector = _key_and_vector(context, document)
    plain = None if ciphertext is None else await asyncio.to_thread(rules.decrypt, ciphertext, key, vector)
    if plain is None:
        raise Unavailable(f"the bytes of the attached document {upload_destination_id} are not where they were kept")
    return document, plain


async def purge_documents(context: Context) -> int:
    """Delete the documents that no appointment came for in 30 days, and their bytes. Answers how many."""
    now = context.clock.now()
    before = now - PURGE_GRACE
    purged = 0
    while batch := await run.read(context, lambda c: documents.expired(c, before, PURGE_BATCH)):
        for document in batch:
            # The bytes first: should this be cut short, the row leads the next purge to what is left.
            for blob_key in await context.blobs.keys(document.upload_destination_id):
                await context.blobs.delete(blob_key)
            purged += await _forget(context, document, before, now)
    return purged


async def _forget(context: Context, document: Document, before: Instant, now: Instant) -> bool:
    async def use(c: Connection) -> bool:
        deleted = await documents.delete_expired(c, document.seller_id, document.upload_destination_id, before)
        if deleted:
            await events.append(c, _event(document, "purged", now, "server", None, None))
        return deleted

    return await run.transact(context, use)


# ---- what several of them need


async def _find(context: Context, seller_id: str, upload_destination_id: str) -> Document | None:
    if _ID.fullmatch(upload_destination_id) is None:
        return None
    found = await run.read(context, lambda c: documents.find(c, seller_id, [upload_destination_id]))
    return found.get(upload_destination_id)


async def _ciphertext(context: Context, document: Document) -> bytes | None:
    """The bytes as they were uploaded. Raises KeyFault where they were changed since."""
    if document.blob_key is None:
        return None
    sealed = await context.blobs.get(document.blob_key)
    return None if sealed is None else await asyncio.to_thread(context.seal.open, sealed, document.blob_key)


def _key_and_vector(context: Context, document: Document) -> tuple[bytes, bytes]:
    about = _about_key(document.seller_id, document.upload_destination_id)
    opened = context.seal.open(base64.b64decode(document.sealed_key), about)
    return opened[: rules.KEY_BYTES], opened[rules.KEY_BYTES :]


def _about_key(seller_id: str, upload_destination_id: str) -> str:
    return f"key of {seller_id} {upload_destination_id}"


def _event(document: Document, happened: str, at: Instant, actor: str, request_id: str | None, after: object) -> Event:
    kind = f"document.{happened}"
    return Event(at, document.seller_id, actor, kind, document.upload_destination_id, request_id, None, after)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
