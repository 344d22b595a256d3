"""Uploading documents over HTTP, from createServiceDocumentUploadDestination to setAppointmentFulfillmentData."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from fieldserve.api.uploads import ROUTES
from fieldserve.domain.intervals import MINUTE
from fieldserve.store.engine import Unavailable
from tests.proofs import FILES, encrypt, md5, sha256
from tests.world import OTHER_SELLER, World

PNG = FILES["PNG"]
MEDIA_TYPE = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def server(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the part of the server that takes uploads."""
    app = Starlette(routes=ROUTES)
    app.state.context = world.context
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def announce(world: World, plain: bytes = PNG, **more: Any) -> dict[str, Any]:
    """An upload destination for a PNG."""
    sent = {"contentType": "PNG", "contentLength": len(plain), **more}
    answer = await world.call("POST", "/service/v1/documents", json=sent)
    assert answer.status_code == 200, answer.text
    payload: dict[str, Any] = answer.json()["payload"]
    return payload


def encrypted(plain: bytes, payload: dict[str, Any]) -> bytes:
    """A file as the upload destination wants it."""
    details = payload["encryptionDetails"]
    return encrypt(plain, base64.b64decode(details["key"]), base64.b64decode(details["initializationVector"]))


def message(answer: httpx2.Response) -> str:
    """The words of a refusal, which is JSON and carries its request id."""
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers["x-amzn-requestid"]) == 36
    (error,) = answer.json()["errors"]
    text: str = error["message"]
    return text


class TestPutUpload:
    async def test_anonymous(self, server: httpx2.AsyncClient) -> None:
        """Without a signature nobody uploads anything, whatever the path."""
        for path in (
            "/uploads/fieldserve.document.00000000-0000-4000-8000-000000000000",
            "/uploads/x?seller=A1SELLER&expires=9999999999&signature=" + "0" * 64,
            "/uploads/%2e%2e/%2e%2e/etc/passwd",
            "/uploads/..%2f..%2fmaster.key",
            "/uploads/",
        ):
            answer = await server.put(path, content=b"content", headers=MEDIA_TYPE)
            assert answer.status_code == 403
            assert message(answer) == "Access to requested resource is denied."

    async def test_uploaded(self, world: World, server: httpx2.AsyncClient) -> None:
        """The answer is empty and carries the MD5, as S3's does."""
        payload = await announce(world)
        answer = await server.put(payload["url"], content=encrypted(PNG, payload), headers=payload["headers"])
        assert (answer.status_code, answer.content) == (200, b"")
        digest = base64.b64decode(md5(encrypted(PNG, payload))).hex()
        assert answer.headers["etag"] == f'"{digest}"'
        assert await world.kinds(payload["uploadDestinationId"]) == ["document.announced", "document.uploaded"]

    async def test_headers(self, world: World, server: httpx2.AsyncClient) -> None:
        """Without the headers of the answer it is refused, and told which."""
        payload = await announce(world, contentMD5=md5(b"content"))
        answer = await server.put(payload["url"], content=b"content")
        assert answer.status_code == 400
        assert message(answer) == "Missing or invalid request headers: [Content-Type, Content-MD5]"

    async def test_digest(self, world: World, server: httpx2.AsyncClient) -> None:
        """Other bytes than announced."""
        payload = await announce(world, contentMD5=md5(b"content"))
        answer = await server.put(payload["url"], content=b"contents", headers=payload["headers"])
        assert answer.status_code == 400

    async def test_expired(self, world: World, server: httpx2.AsyncClient) -> None:
        """After 5 minutes."""
        payload = await announce(world)
        world.clock.advance(5 * MINUTE)
        answer = await server.put(payload["url"], content=b"content", headers=MEDIA_TYPE)
        assert answer.status_code == 403
        assert message(answer) == "The upload URL has expired. Create another upload destination."

    async def test_longer_life(self, world: World, server: httpx2.AsyncClient) -> None:
        """Another time of expiry is another URL, and not signed."""
        payload = await announce(world)
        expires = payload["url"].partition("expires=")[2].partition("&")[0]
        forged = payload["url"].replace(expires, str(int(expires) + 60))
        answer = await server.put(forged, content=b"content", headers=MEDIA_TYPE)
        assert answer.status_code == 403

    async def test_too_large(self, world: World, server: httpx2.AsyncClient) -> None:
        """5,242,896 bytes are taken, one more is refused and the connection closed, sized or chunked."""
        payload = await announce(world)
        largest = bytes(5_242_896)

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield bytes(65_536)

        for content in (largest + b"x", pieces()):
            answer = await server.put(payload["url"], content=content, headers=MEDIA_TYPE)
            assert answer.status_code == 413
            assert answer.headers["connection"] == "close"
        assert (await server.put(payload["url"], content=largest, headers=MEDIA_TYPE)).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    async def test_put_only(self, world: World, server: httpx2.AsyncClient, method: str) -> None:
        """What was uploaded is not for anybody to fetch or delete."""
        payload = await announce(world)
        await server.put(payload["url"], content=encrypted(PNG, payload), headers=MEDIA_TYPE)
        assert (await server.request(method, payload["url"])).status_code == 405

    async def test_away(
        self,
        world: World,
        server: httpx2.AsyncClient,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A full disk is 503, and neither answer nor log shows the signature."""

        async def put(key: str, content: bytes) -> None:
            raise Unavailable("cannot write document")

        monkeypatch.setattr(world.context.blobs, "put", put)
        payload = await announce(world)
        answer = await server.put(payload["url"], content=b"content", headers=MEDIA_TYPE)
        assert answer.status_code == 503
        signature = payload["url"].rpartition("signature=")[2]
        assert signature not in caplog.text + answer.text

    async def test_defect(self, world: World, server: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """A defect is 500 without a trace."""

        async def put(key: str, content: bytes) -> None:
            raise RuntimeError("something unforeseen")

        monkeypatch.setattr(world.context.blobs, "put", put)
        payload = await announce(world)
        answer = await server.put(payload["url"], content=b"content", headers=MEDIA_TYPE)
        assert answer.status_code == 500
        assert "unforeseen" not in answer.text


class TestProof:
    """All of it, as a seller's application does it."""

    async def test_whole_flow(self, world: World, server: httpx2.AsyncClient) -> None:
        """Announce, encrypt, upload, name it as the proof; again is fine, for another appointment it is not."""
        path = await book(world, "2026-03-02T15:00:00Z")
        payload = await announce(world)
        put = await server.put(payload["url"], content=encrypted(PNG, payload), headers=payload["headers"])
        assert put.status_code == 200
        for _ in range(2):
            answer = await prove(world, path, payload)
            assert (answer.status_code, answer.content) == (204, b"")
        late = await server.put(payload["url"], content=b"something else", headers=payload["headers"])
        assert late.status_code == 409
        answer = await prove(world, await book(world, "2026-03-02T16:00:00Z"), payload)
        assert answer.status_code == 422
        assert [error["message"] for error in answer.json()] == [
            "Failed to process proof of appointment input. Reason: Input document parameters are invalid."
            " Please check the input."
        ]

    async def test_not_uploaded(self, world: World) -> None:
        """A document that was announced only proves nothing."""
        answer = await prove(world, await book(world, "2026-03-02T15:00:00Z"), await announce(world))
        assert answer.status_code == 422
        assert [error["message"] for error in answer.json()] == [
            "Failed to process proof of appointment input. Reason: Document encrypted not found or exist."
            " Please review document uploaded"
        ]

    async def test_foreign(self, world: World, server: httpx2.AsyncClient) -> None:
        """Another seller's document is answered as one that never was."""
        sent = {"contentType": "PNG", "contentLength": len(PNG)}
        foreign = await world.call("POST", "/service/v1/documents", json=sent, seller=OTHER_SELLER)
        payload = foreign.json()["payload"]
        await server.put(payload["url"], content=encrypted(PNG, payload), headers=payload["headers"])
        path = await book(world, "2026-03-02T15:00:00Z")
        answers = [
            await prove(world, path, payload),
            await prove(world, path, payload | {"uploadDestinationId": payload["uploadDestinationId"][:-4] + "0000"}),
        ]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert answers[0].json() == answers[1].json()


async def book(world: World, start: str) -> str:
    """The path of a new job's new appointment."""
    job_id = await world.order()
    path = f"/service/v1/serviceJobs/{job_id}/appointments"
    answer = await world.call("POST", path, json={"appointmentTime": {"startTime": start}})
    assert answer.status_code == 200, answer.text
    return f"{path}/{answer.json()['appointmentId']}"


async def prove(world: World, path: str, payload: dict[str, Any]) -> httpx2.Response:
    """Name the PNG of an upload destination as the proof of an appointment."""
    document = {"uploadDestinationId": payload["uploadDestinationId"], "contentSha256": sha256(PNG)}
    return await world.call("PUT", f"{path}/fulfillment", json={"fulfillmentDocuments": [document]})
