"""Documents on their way out."""

import base64
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from fieldserve.client import SellingApiException
from fieldserve.client.uploads import encrypt, load
from fieldserve.wire.documents import EncryptionDetails
from tests.client.calling import FakeClock, Recorder, connect, settle
from tests.proofs import FILES, sha256
from tests.proofs import encrypt as encrypt_by_hand

KEY, VECTOR = bytes(range(32)), bytes(range(16))
DETAILS = EncryptionDetails("AES", base64.b64encode(VECTOR).decode(), base64.b64encode(KEY).decode())
PLACE = {
    "uploadDestinationId": "d1",
    "url": "https://bucket.example/d1?signature=s",
    "encryptionDetails": {"standard": "AES", "initializationVector": DETAILS.initialization_vector, "key": DETAILS.key},
    "headers": {"content-type": "application/octet-stream", "x-amz-thing": "1"},
}


def _next(answers: Iterator[httpx2.Response], _: httpx2.Request) -> httpx2.Response:
    return next(answers)


class TestLoading:
    """Bytes, paths, types."""

    @pytest.mark.parametrize("content_type", FILES)
    def test_types(self, content_type: str, tmp_path: Path) -> None:
        """The type is told by the first bytes; JPG and JPEG are the same to them."""
        path = tmp_path / "file"
        path.write_bytes(FILES[content_type])
        expected = "JPEG" if content_type == "JPG" else content_type
        for source in (path, str(path), FILES[content_type]):
            document = load(source, None)
            assert (document.plain, document.content_type) == (FILES[content_type], expected)
            assert document.content_sha256 == sha256(FILES[content_type])

    def test_unknown(self) -> None:
        """What is none of the six is refused before anything is sent, unless somebody says what it is."""
        with pytest.raises(ValueError, match="name its content_type"):
            load(b"plain words", None)
        assert load(b"plain words", "PDF").content_type == "PDF"

    @pytest.mark.parametrize("size", [1, 15, 16, 17, 100_000])
    def test_encryption(self, size: int) -> None:
        """The bytes that another implementation makes, and back again."""
        plain = bytes(number % 251 for number in range(size))
        content = encrypt(load(plain, "PDF"), DETAILS)
        assert content == encrypt_by_hand(plain, KEY, VECTOR)
        decryptor = Cipher(algorithms.AES(KEY), modes.CBC(VECTOR)).decryptor()
        assert decryptor.update(content)[:size] == plain


class TestUploading:
    """What is sent where."""

    async def test_put(self, kind: Any) -> None:
        """The announced length is the plain one; the URL gets the headers of its place, and no token."""
        recorder = Recorder(
            lambda request: httpx2.Response(200, json={"payload": PLACE} if request.method == "POST" else None)
        )
        document = await settle(connect(kind, recorder).upload_document(FILES["PNG"]))
        announced, put = recorder.requests
        assert announced.content == b'{"contentType":"PNG","contentLength":%d}' % len(FILES["PNG"])
        assert (put.method, str(put.url)) == ("PUT", PLACE["url"])
        assert put.content == encrypt_by_hand(FILES["PNG"], KEY, VECTOR)
        assert put.headers["x-amz-thing"] == "1"
        assert "x-amz-access-token" not in put.headers
        assert (document.upload_destination_id, document.content_sha256) == ("d1", sha256(FILES["PNG"]))

    async def test_again(self, kind: Any) -> None:
        """An upload that broke is sent again to the same place."""
        answers = iter([httpx2.Response(200, json={"payload": PLACE}), httpx2.Response(503), httpx2.Response(200)])
        recorder = Recorder(lambda _: next(answers))
        await settle(connect(kind, recorder, FakeClock()).upload_document(FILES["PNG"]))
        assert [one.method for one in recorder.requests] == ["POST", "PUT", "PUT"]
        assert recorder.requests[1].content == recorder.requests[2].content

    async def test_refused(self, kind: Any) -> None:
        """A place that refuses, in JSON or in XML as S3 does, is an exception without the URL."""
        for content in (
            b'{"errors":[{"code":"Unauthorized","message":"No"}]}',
            b"<Error><Code>AccessDenied</Code></Error>",
        ):
            answers = iter([httpx2.Response(200, json={"payload": PLACE}), httpx2.Response(403, content=content)])
            recorder = Recorder(partial(_next, answers))
            with pytest.raises(SellingApiException) as refused:
                await settle(connect(kind, recorder).upload_document(FILES["PNG"]))
            assert refused.value.status == 403
            assert "signature" not in str(refused.value)
