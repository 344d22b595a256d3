"""Proof documents from the announcement to the appointment, on both databases."""

import asyncio
import base64
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from obstore.store import MemoryStore

from fieldserve.config import Settings
from fieldserve.operations import documents as operations
from fieldserve.operations.documents import (
    LARGEST_UPLOAD,
    CheckedDocument,
    UploadTicket,
    attach,
    create_service_document_upload_destination,
    prepare_documents,
    purge_documents,
    read_document,
    upload,
)
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.store import documents, events
from fieldserve.store.blobs import StoredBlobs, open_blobs
from fieldserve.store.documents import Document
from fieldserve.store.engine import Database, Unavailable
from fieldserve.store.keys import KeyFault, Seal
from fieldserve.wire import fulfillment
from fieldserve.wire.documents import ServiceDocumentUploadDestination, UploadValue
from fieldserve.wire.errors import ApiError, Fault
from fieldserve.wire.fulfillment import FulfillmentDocument
from tests.proofs import FILES, StoppedClock, add_another_appointment, add_appointment, chunks, encrypt, md5, sha256

PNG = FILES["PNG"]
DAY = 86_400
APPOINTMENT = "j1_a1"
S1 = Caller("S1", actor="application:one", request_id="r1")
S2 = Caller("S2", actor="application:two")
HEADERS = {"content-type": "application/octet-stream"}


@dataclass
class World:
    """A server's context, and its callers' ways."""

    context: Context
    clock: StoppedClock

    async def announce(
        self, content_type: str = "PNG", length: int = len(PNG), digest: str | None = None, caller: Caller = S1
    ) -> ServiceDocumentUploadDestination:
        value = UploadValue(content_type, length, digest)  # type: ignore[arg-type]
        answer = await create_service_document_upload_destination(self.context, caller, value, "https://host/")
        assert answer.payload is not None
        return answer.payload

    async def upload(self, to: ServiceDocumentUploadDestination, content: bytes, **headers: str) -> str:
        given = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
        return await upload(self.context, ticket(to), given, chunks(content))

    async def uploaded(
        self, plain: bytes = PNG, content_type: str = "PNG", length: int | None = None
    ) -> FulfillmentDocument:
        """A document as setAppointmentFulfillmentData names it, announced and uploaded properly."""
        to = await self.announce(content_type, len(plain) if length is None else length)
        await self.upload(to, encrypted(plain, to))
        return FulfillmentDocument(to.upload_destination_id, sha256(plain))

    async def prepare(
        self, *given: FulfillmentDocument, caller: Caller = S1, appointment_id: str = APPOINTMENT
    ) -> list[CheckedDocument] | Fault:
        return await prepare_documents(self.context, caller, appointment_id, given)

    async def attach(
        self,
        prepared: list[CheckedDocument] | Fault,
        caller: Caller = S1,
        appointment_id: str = APPOINTMENT,
    ) -> Fault | None:
        assert not isinstance(prepared, Fault)
        return await transact(self.context, lambda c: attach(c, caller, appointment_id, prepared, self.clock.now()))

    async def stored(self, upload_destination_id: str, seller_id: str = "S1") -> Document:
        found = await self.context.database.read(lambda c: documents.find(c, seller_id, [upload_destination_id]))
        return found[upload_destination_id]

    async def kinds(self, upload_destination_id: str) -> list[str]:
        """What the event log says happened to a document."""
        entries = await self.context.database.read(lambda c: events.read(c, subject=upload_destination_id))
        return [one.event.kind for one in entries]

    async def blobs(self, upload_destination_id: str) -> int:
        """How many files there are of a document."""
        return len(await self.context.blobs.keys(upload_destination_id))


@pytest.fixture
async def world(database: Database) -> World:
    """A server with an appointment of the seller S1."""
    await add_appointment(database)
    clock = StoppedClock()
    context = Context(Settings(), database, StoredBlobs(MemoryStore()), Seal(bytes(range(32))), clock)
    return World(context, clock)


def ticket(to: ServiceDocumentUploadDestination) -> UploadTicket:
    """What the URL of an upload destination carries."""
    parts = urlsplit(to.url)
    query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
    assert parts.path == f"/uploads/{to.upload_destination_id}"
    return UploadTicket(query["seller"], parts.path.removeprefix("/uploads/"), query["expires"], query["signature"])


def encrypted(plain: bytes, to: ServiceDocumentUploadDestination) -> bytes:
    """A file, encrypted as the upload destination says."""
    details = to.encryption_details
    return encrypt(plain, base64.b64decode(details.key), base64.b64decode(details.initialization_vector))


def refused(caught: pytest.ExceptionInfo[ApiError]) -> tuple[int, str]:
    """Status and message of a refusal."""
    return caught.value.status, caught.value.faults[0].message


class TestCreateServiceDocumentUploadDestination:
    async def test_answer(self, world: World) -> None:
        """An absolute URL for 5 minutes, 32 bytes of key, 16 of vector, and the headers to send."""
        to = await world.announce(digest="97WrSKv9ffHkDopCdB32mw==")
        assert to.url.startswith(f"https://host/uploads/{to.upload_destination_id}?")
        assert ticket(to).expires == str(1_700_000_000 + 300)
        assert to.encryption_details.standard == "AES"
        assert len(base64.b64decode(to.encryption_details.key)) == 32
        assert len(base64.b64decode(to.encryption_details.initialization_vector)) == 16
        assert to.headers == {"Content-Type": "application/octet-stream", "Content-MD5": "97WrSKv9ffHkDopCdB32mw=="}

    async def test_each_its_own(self, world: World) -> None:
        """No two destinations share an id, a key or a vector."""
        one, other = await world.announce(), await world.announce()
        assert one.upload_destination_id != other.upload_destination_id
        assert one.encryption_details.key != other.encryption_details.key
        assert one.encryption_details.initialization_vector != other.encryption_details.initialization_vector

    async def test_key_is_sealed(self, world: World) -> None:
        """The database holds the key in no form that it could be used in."""
        to = await world.announce()
        stored = await world.stored(to.upload_destination_id)
        key = base64.b64decode(to.encryption_details.key)
        sealed = base64.b64decode(stored.sealed_key)
        assert key not in sealed
        assert to.encryption_details.key not in stored.sealed_key
        happened = await world.context.database.read(lambda c: events.read(c))
        assert to.encryption_details.key not in repr(happened)

    async def test_thirty_days(self, world: World) -> None:
        """It takes bytes for 5 minutes and waits for its appointment for 30 days."""
        stored = await world.stored((await world.announce()).upload_destination_id)
        assert stored.upload_until - stored.created_at == 300 * 1_000_000
        assert stored.keep_until - stored.created_at == 30 * DAY * 1_000_000


class TestUpload:
    async def test_sealed_at_rest(self, world: World) -> None:
        """Even what somebody forgot to encrypt is not stored as it is; the answer is the MD5 of the bytes."""
        to = await world.announce()
        answered = await world.upload(to, PNG)
        assert base64.b64encode(bytes.fromhex(answered)).decode() == md5(PNG)
        (key,) = await world.context.blobs.keys(to.upload_destination_id)
        kept = await world.context.blobs.get(key)
        assert kept is not None
        assert PNG[8:] not in kept

    async def test_again(self, world: World) -> None:
        """Within the 5 minutes another upload takes the place of the first, and only one is kept."""
        to = await world.announce()
        await world.upload(to, b"not what I meant")
        world.clock.pass_seconds(299)
        await world.upload(to, encrypted(PNG, to))
        assert await world.blobs(to.upload_destination_id) == 1
        checked = await world.prepare(FulfillmentDocument(to.upload_destination_id, sha256(PNG)))
        assert not isinstance(checked, Fault)

    async def test_expired(self, world: World) -> None:
        """From the 300th second on the URL is worth nothing."""
        to = await world.announce()
        world.clock.pass_seconds(300)
        with pytest.raises(ApiError) as caught:
            await world.upload(to, b"content")
        assert refused(caught) == (403, "The upload URL has expired. Create another upload destination.")
        assert await world.blobs(to.upload_destination_id) == 0

    async def test_forged(self, world: World) -> None:
        """A URL that is changed in any part is refused in the same words."""
        mine = ticket(await world.announce())
        other = "fieldserve.document.00000000-0000-4000-8000-000000000000"
        for forged in (
            *(replace(mine, expires=text) for text in ("1800000000", "", "never")),
            *(replace(mine, seller_id=text) for text in ("S2", "")),
            *(replace(mine, signature=text) for text in ("", "0" * 64, "é\ud800")),
            *(replace(mine, upload_destination_id=text) for text in (other, "../../etc/passwd", "")),
        ):
            with pytest.raises(ApiError) as caught:
                await upload(world.context, forged, HEADERS, chunks(b"content"))
            assert refused(caught) == (403, "Access to requested resource is denied.")

    async def test_signed_but_odd(self, world: World) -> None:
        """Even a signature of ours opens no odd id, nor one of a document that is no longer there."""
        gone = "fieldserve.document.00000000-0000-4000-8000-000000000000"
        for name in ("../../etc/passwd", "", "fieldserve.document.x", "a\x00b", ".", gone):
            signature = world.context.seal.sign(operations._to_sign("S1", name, "1700000300"))
            signed = UploadTicket("S1", name, "1700000300", signature)
            with pytest.raises(ApiError) as caught:
                await upload(world.context, signed, HEADERS, chunks(b"content"))
            assert refused(caught) == (403, "Access to requested resource is denied.")

    async def test_wrong_content_type(self, world: World) -> None:
        """The headers answered are the headers to send."""
        to = await world.announce()
        for content_type in ("", "image/png", "application/octet-streams"):
            with pytest.raises(ApiError) as caught:
                await world.upload(to, b"content", content_type=content_type)
            assert refused(caught) == (400, "Missing or invalid request headers: [Content-Type]")
            assert caught.value.faults[0].details == "Content-Type must be application/octet-stream"

    async def test_content_type_with_parameter(self, world: World) -> None:
        """A media type may be written otherwise."""
        to = await world.announce()
        await world.upload(to, b"content", content_type="Application/Octet-Stream; charset=binary")

    async def test_announced_digest(self, world: World) -> None:
        """An announced contentMD5 is a header to send, and the bytes have to match it."""
        to = await world.announce(digest=md5(b"content"))
        with pytest.raises(ApiError) as caught:
            await world.upload(to, b"content")
        assert refused(caught) == (400, "Missing or invalid request headers: [Content-MD5]")
        with pytest.raises(ApiError) as caught:
            await world.upload(to, b"contents", content_md5=md5(b"content"))
        assert refused(caught) == (400, "The uploaded bytes do not have the MD5 digest that was announced.")
        assert await world.blobs(to.upload_destination_id) == 0
        await world.upload(to, b"content", content_md5=md5(b"content"))

    async def test_digest_of_the_plain_file(self, world: World) -> None:
        """contentMD5 is of the encrypted bytes; that of the plain file does not do."""
        to = await world.announce(digest=md5(PNG))
        with pytest.raises(ApiError) as caught:
            await world.upload(to, encrypted(PNG, to), content_md5=md5(PNG))
        assert caught.value.status == 400

    async def test_digest_not_announced(self, world: World) -> None:
        """Whoever sends a Content-MD5 has it checked, announced or not."""
        to = await world.announce()
        with pytest.raises(ApiError) as caught:
            await world.upload(to, b"content", content_md5=md5(b"other"))
        assert caught.value.status == 400
        await world.upload(to, b"content", content_md5=md5(b"content"))

    async def test_largest(self, world: World) -> None:
        """5,242,880 bytes encrypt to 5,242,896, and these are taken."""
        assert LARGEST_UPLOAD == 5_242_896
        to = await world.announce()
        await world.upload(to, bytes(LARGEST_UPLOAD), content_length=str(LARGEST_UPLOAD))

    async def test_announced_too_large(self, world: World) -> None:
        """What says that it is too large is not read at all."""
        to = await world.announce()
        read = []

        async def body() -> AsyncIterator[bytes]:
            read.append(True)
            yield b""

        for length in ("5242897", "99999999999999999999", "-1", "1e3", "٣", "9" * 5000):
            with pytest.raises(ApiError) as caught:
                await upload(world.context, ticket(to), HEADERS | {"content-length": length}, body())
            assert caught.value.status == 413
        assert not read

    async def test_too_large(self, world: World) -> None:
        """What does not say so is read no further than the limit."""
        to = await world.announce()
        given = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal given
            while True:
                given += 65_536
                yield bytes(65_536)

        with pytest.raises(ApiError) as caught:
            await upload(world.context, ticket(to), HEADERS, body())
        assert refused(caught) == (413, "The request body is larger than 5242896 bytes.")
        assert given == 81 * 65_536  # 80 × 65,536 = 5,242,880 is still within
        with pytest.raises(ApiError) as caught:
            await world.upload(to, bytes(LARGEST_UPLOAD + 1))
        assert caught.value.status == 413
        assert await world.blobs(to.upload_destination_id) == 0
        await world.upload(to, bytes(LARGEST_UPLOAD))

    async def test_too_slow(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """A body that does not come is not waited for."""
        to = await world.announce()
        monkeypatch.setattr(operations, "UPLOAD_SECONDS", 0.05)

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            await asyncio.Event().wait()

        with pytest.raises(ApiError) as caught:
            await upload(world.context, ticket(to), HEADERS, body())
        assert caught.value.status == 408

    async def test_replayed_after_attach(self, world: World) -> None:
        """What is attached is not replaced, though the URL is still good."""
        to = await world.announce()
        await world.upload(to, encrypted(PNG, to))
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))
        assert await world.attach(await world.prepare(given)) is None
        with pytest.raises(ApiError) as caught:
            await world.upload(to, encrypted(PNG, to))
        assert caught.value.status == 409
        assert await world.blobs(to.upload_destination_id) == 1

    async def test_attached_while_uploading(self, world: World) -> None:
        """An upload that ends after the document was attached changes nothing and leaves nothing."""
        to = await world.announce()
        await world.upload(to, encrypted(PNG, to))
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))

        async def body() -> AsyncIterator[bytes]:
            yield b"something "
            assert await world.attach(await world.prepare(given)) is None
            yield b"else"

        with pytest.raises(ApiError) as caught:
            await upload(world.context, ticket(to), HEADERS, body())
        assert caught.value.status == 409
        assert await world.blobs(to.upload_destination_id) == 1
        found = await read_document(world.context, "S1", to.upload_destination_id)
        assert found is not None
        assert found[1] == PNG

    async def test_broken_off(self, world: World) -> None:
        """A caller that goes away leaves nothing."""
        to = await world.announce()

        async def body() -> AsyncIterator[bytes]:
            yield b"some"
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await upload(world.context, ticket(to), HEADERS, body())
        assert await world.blobs(to.upload_destination_id) == 0
        assert (await world.stored(to.upload_destination_id)).uploaded_at is None


class TestPrepareDocuments:
    @pytest.mark.parametrize("content_type", FILES)
    async def test_sound(self, world: World, content_type: str) -> None:
        """A sound file of each type passes."""
        given = await world.uploaded(FILES[content_type], content_type)
        checked = await world.prepare(given)
        assert not isinstance(checked, Fault)
        assert [(one.upload_destination_id, one.content_sha256) for one in checked] == [
            (given.upload_destination_id, given.content_sha256)
        ]

    async def test_several(self, world: World) -> None:
        """Several pass together, the same twice as one."""
        one, other = await world.uploaded(), await world.uploaded(FILES["PDF"], "PDF")
        checked = await world.prepare(one, other, one)
        assert not isinstance(checked, Fault)
        assert len(checked) == 2

    async def test_none(self, world: World) -> None:
        """No documents are no fault."""
        assert await world.prepare() == []

    async def test_unknown(self, world: World) -> None:
        """An id that never was."""
        never = "fieldserve.document.00000000-0000-4000-8000-000000000000"
        for name in ("", "x", "../x", "a\x00", "\ud800", never):
            given = FulfillmentDocument(name, sha256(PNG))
            assert await world.prepare(given) == fulfillment.DOCUMENT_UNKNOWN.fault()

    async def test_foreign(self, world: World) -> None:
        """Another seller's document is one that never was."""
        given = await world.uploaded()
        assert await world.prepare(given, caller=S2) == fulfillment.DOCUMENT_UNKNOWN.fault()

    async def test_parameters(self, world: World) -> None:
        """Id and digest are both needed."""
        given = await world.uploaded()
        for incomplete in (
            FulfillmentDocument(None, given.content_sha256),
            FulfillmentDocument(given.upload_destination_id, None),
        ):
            fault = await world.prepare(incomplete)
            assert isinstance(fault, Fault)
            assert fault.message == fulfillment.DOCUMENT_PARAMETERS.message

    async def test_expired(self, world: World) -> None:
        """After 30 days it is too late, a second before it is not."""
        given = await world.uploaded()
        world.clock.pass_seconds(30 * DAY - 1)
        assert not isinstance(await world.prepare(given), Fault)
        world.clock.pass_seconds(1)
        assert await world.prepare(given) == fulfillment.DOCUMENT_PARAMETERS.fault("the document has expired")

    async def test_not_uploaded(self, world: World) -> None:
        """Announced only."""
        to = await world.announce()
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))
        assert await world.prepare(given) == fulfillment.DOCUMENT_NOT_UPLOADED.fault()

    async def test_length_unknown(self, world: World) -> None:
        """An empty file was uploaded."""
        to = await world.announce()
        await world.upload(to, b"")
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))
        assert await world.prepare(given) == fulfillment.DOCUMENT_LENGTH_UNKNOWN.fault()

    @pytest.mark.parametrize("difference", [-1, 1])
    async def test_length(self, world: World, difference: int) -> None:
        """A byte more or less than announced."""
        given = await world.uploaded(length=len(PNG) + difference)
        assert await world.prepare(given) == fulfillment.DOCUMENT_LENGTH.fault()

    async def test_decrypt(self, world: World) -> None:
        """Uploaded plain, padded to whole blocks."""
        to = await world.announce()
        await world.upload(to, PNG + bytes(-len(PNG) % 16))
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))
        fault = await world.prepare(given)
        # Bytes that were never encrypted decrypt to noise, of which one in 256 has padding by chance.
        assert fault in (fulfillment.DOCUMENT_DECRYPT.fault(), fulfillment.DOCUMENT_LENGTH.fault())

    async def test_wrong_vector(self, world: World) -> None:
        """Another vector garbles the first block only: type or digest are wrong."""
        to = await world.announce()
        key = base64.b64decode(to.encryption_details.key)
        await world.upload(to, encrypt(PNG, key, bytes(16)))
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))
        assert await world.prepare(given) == fulfillment.DOCUMENT_TYPE.fault()

    async def test_half_a_block(self, world: World) -> None:
        """What is no whole number of blocks was not encrypted."""
        to = await world.announce()
        await world.upload(to, encrypted(PNG, to)[:-1])
        given = FulfillmentDocument(to.upload_destination_id, sha256(PNG))
        assert await world.prepare(given) == fulfillment.DOCUMENT_DECRYPT.fault()

    async def test_type(self, world: World) -> None:
        """A PDF announced as PNG."""
        given = await world.uploaded(FILES["PDF"], "PNG")
        assert await world.prepare(given) == fulfillment.DOCUMENT_TYPE.fault()

    async def test_sha256(self, world: World) -> None:
        """The digest of the encrypted bytes is not that of the plain ones."""
        to = await world.announce()
        await world.upload(to, encrypted(PNG, to))
        given = FulfillmentDocument(to.upload_destination_id, sha256(encrypted(PNG, to)))
        assert await world.prepare(given) == fulfillment.DOCUMENT_SHA256.fault()

    async def test_malware(self, world: World) -> None:
        """The operator's program sees the plain file and refuses it."""
        code = "import sys; sys.exit(1 if b'small picture' in sys.stdin.buffer.read() else 0)"
        settings = Settings(malware_command=shlex.join([sys.executable, "-c", code]))
        world.context = replace(world.context, settings=settings)
        assert await world.prepare(await world.uploaded()) == fulfillment.DOCUMENT_MALWARE.fault()
        assert not isinstance(await world.prepare(await world.uploaded(FILES["PDF"], "PDF")), Fault)

    async def test_malware_check_away(self, world: World) -> None:
        """What cannot be checked is not let through."""
        world.context = replace(world.context, settings=Settings(malware_command="/no/such/program"))
        with pytest.raises(Unavailable):
            await world.prepare(await world.uploaded())

    async def test_first_fault(self, world: World) -> None:
        """Of several documents the first one's fault is told."""
        unknown = FulfillmentDocument("x", "y")
        wrong_type = await world.uploaded(FILES["PDF"], "PNG")
        good = await world.uploaded()
        assert await world.prepare(good, wrong_type, unknown) == fulfillment.DOCUMENT_TYPE.fault()
        assert await world.prepare(good, unknown, wrong_type) == fulfillment.DOCUMENT_UNKNOWN.fault()

    async def test_tampered_at_rest(self, world: World) -> None:
        """Stored bytes that somebody changed are a defect of the server, not of the document."""
        given = await world.uploaded()
        assert given.upload_destination_id is not None
        (key,) = await world.context.blobs.keys(given.upload_destination_id)
        kept = await world.context.blobs.get(key)
        assert kept is not None
        await world.context.blobs.put(key, kept[:-1] + bytes([kept[-1] ^ 1]))
        with pytest.raises(KeyFault):
            await world.prepare(given)


class TestAttach:
    async def test_attached(self, world: World) -> None:
        """Attached for good: after 30 days, too, and it can be read."""
        given = await world.uploaded()
        assert await world.attach(await world.prepare(given)) is None
        world.clock.pass_seconds(31 * DAY)
        assert given.upload_destination_id is not None
        found = await read_document(world.context, "S1", given.upload_destination_id)
        assert found is not None
        document, plain = found
        assert plain == PNG
        assert (document.appointment_id, document.content_sha256) == (APPOINTMENT, sha256(PNG))

    async def test_again(self, world: World) -> None:
        """Sent again for the same appointment it is fine, even after 30 days, and nothing happens twice."""
        given = await world.uploaded()
        assert await world.attach(await world.prepare(given)) is None
        world.clock.pass_seconds(40 * DAY)
        assert await world.attach(await world.prepare(given)) is None
        happened = await world.context.database.read(lambda c: events.read(c, subject=given.upload_destination_id))
        assert [one.event.kind for one in happened] == [
            "document.announced",
            "document.uploaded",
            "document.attached",
        ]
        assert happened[-1].event.actor == "application:one"
        assert happened[-1].event.request_id == "r1"

    async def test_two_at_once(self, world: World) -> None:
        """Two documents of one call, sent by two calls at the same time in different order."""
        one, other = await world.uploaded(), await world.uploaded(FILES["PDF"], "PDF")
        first, second = await world.prepare(one, other), await world.prepare(other, one)
        faults = await asyncio.gather(world.attach(first), world.attach(second))
        assert list(faults) == [None, None]
        found = await world.context.database.read(lambda c: documents.of_appointment(c, "S1", APPOINTMENT))
        assert len(found) == 2

    async def test_another_appointment(self, world: World) -> None:
        """A document proves one appointment."""
        given = await world.uploaded()
        prepared = await world.prepare(given)
        for_the_other = await world.prepare(given, appointment_id="j2_a2")
        assert await world.attach(prepared) is None
        said = fulfillment.DOCUMENT_PARAMETERS.fault("the document is attached to another appointment")
        assert await world.prepare(given, appointment_id="j2_a2") == said
        assert await world.attach(for_the_other, appointment_id="j2_a2") == said

    async def test_race_of_two_appointments(self, world: World) -> None:
        """Of two appointments that want one document at the same time exactly one gets it, ten times of ten."""
        await add_another_appointment(world.context.database)
        for _ in range(10):
            given = await world.uploaded()
            first, second = await world.prepare(given), await world.prepare(given, appointment_id="j2_a2")
            faults = await asyncio.gather(world.attach(first), world.attach(second, appointment_id="j2_a2"))
            assert [fault is None for fault in faults].count(True) == 1
            assert given.upload_destination_id is not None
            kinds = await world.kinds(given.upload_destination_id)
            assert kinds.count("document.attached") == 1

    async def test_expired_meanwhile(self, world: World) -> None:
        """Time that ran out between check and transaction has run out."""
        prepared = await world.prepare(await world.uploaded())
        world.clock.pass_seconds(30 * DAY)
        fault = await world.attach(prepared)
        assert fault is not None
        assert fault.message == fulfillment.DOCUMENT_PARAMETERS.message

    async def test_uploaded_meanwhile(self, world: World) -> None:
        """Bytes that were not checked are not attached."""
        to = await world.announce()
        await world.upload(to, encrypted(PNG, to))
        prepared = await world.prepare(FulfillmentDocument(to.upload_destination_id, sha256(PNG)))
        await world.upload(to, encrypted(b"another file", to))
        fault = await world.attach(prepared)
        assert fault is not None
        assert fault.message == fulfillment.DOCUMENT_SHA256.message
        assert (await world.stored(to.upload_destination_id)).appointment_id is None

    async def test_purged_meanwhile(self, world: World) -> None:
        """A document that was deleted between check and transaction is unknown."""
        prepared = await world.prepare(await world.uploaded())
        world.clock.pass_seconds(31 * DAY)
        assert await purge_documents(world.context) == 1
        assert await world.attach(prepared) == fulfillment.DOCUMENT_UNKNOWN.fault()

    async def test_all_or_none(self, world: World) -> None:
        """Where one cannot be attached none is."""
        one, other = await world.uploaded(), await world.uploaded(FILES["PDF"], "PDF")
        prepared = await world.prepare(one, other)
        assert not isinstance(prepared, Fault)
        assert await world.attach([prepared[0], replace(prepared[1], blob_key="x")]) is not None
        found = await world.context.database.read(lambda c: documents.of_appointment(c, "S1", APPOINTMENT))
        assert found == []

    async def test_foreign(self, world: World) -> None:
        """What was prepared for one seller does not attach for another."""
        prepared = await world.prepare(await world.uploaded())
        assert await world.attach(prepared, caller=S2) == fulfillment.DOCUMENT_UNKNOWN.fault()


class TestReadDocument:
    async def test_not_attached(self, world: World) -> None:
        """Only what is attached is shown, and to its seller."""
        given = await world.uploaded()
        assert given.upload_destination_id is not None
        assert await read_document(world.context, "S1", given.upload_destination_id) is None
        await world.attach(await world.prepare(given))
        assert await read_document(world.context, "S2", given.upload_destination_id) is None

    async def test_lost(self, world: World) -> None:
        """An attached document whose bytes are lost is not said to be unknown."""
        given = await world.uploaded()
        assert given.upload_destination_id is not None
        await world.attach(await world.prepare(given))
        (key,) = await world.context.blobs.keys(given.upload_destination_id)
        await world.context.blobs.delete(key)
        with pytest.raises(Unavailable):
            await read_document(world.context, "S1", given.upload_destination_id)


class TestPurgeDocuments:
    async def test_purge(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those that waited in vain go, with their bytes, in as many batches as it takes; what is attached stays."""
        monkeypatch.setattr(operations, "PURGE_BATCH", 2)
        kept = await world.uploaded()
        await world.attach(await world.prepare(kept))
        waiting = [await world.uploaded() for _ in range(3)]
        await world.announce(caller=S2)
        world.clock.pass_seconds(30 * DAY)
        assert await purge_documents(world.context) == 0  # an hour of grace
        world.clock.pass_seconds(3600)
        assert await purge_documents(world.context) == 4
        assert await purge_documents(world.context) == 0
        for one in waiting:
            assert one.upload_destination_id is not None
            assert await world.blobs(one.upload_destination_id) == 0
        assert kept.upload_destination_id is not None
        assert await world.blobs(kept.upload_destination_id) == 1
        happened = await world.context.database.read(lambda c: events.read(c, kind="document.purged"))
        assert len(happened) == 4

    async def test_left_behind(self, world: World) -> None:
        """Bytes that a crash left behind, unknown to the database, go with their document."""
        to = await world.announce()
        await world.context.blobs.put(f"{to.upload_destination_id}/0123456789abcdef", b"left behind")
        world.clock.pass_seconds(31 * DAY)
        assert await purge_documents(world.context) == 1
        assert await world.blobs(to.upload_destination_id) == 0


class TestAtRest:
    async def test_planted(self, world: World, tmp_path: Path) -> None:
        """After a whole flow neither key nor plain file is anywhere in the folder, the database or the event log."""
        folder = tmp_path / "documents"
        world.context = replace(world.context, blobs=open_blobs(str(folder)))
        plain = PNG + b"planted in the plain file"
        to = await world.announce(length=len(plain))
        await world.upload(to, encrypted(plain, to))
        await world.attach(await world.prepare(FulfillmentDocument(to.upload_destination_id, sha256(plain))))
        kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        row = repr(await world.stored(to.upload_destination_id))
        happened = repr(await world.context.database.read(lambda c: events.read(c)))
        key = to.encryption_details.key
        assert len(kept) > len(plain)
        for secret in (plain[-20:], base64.b64decode(key), encrypted(plain, to)):
            assert secret not in kept
        for text in (row, happened):
            assert key not in text
            assert ticket(to).signature not in text
