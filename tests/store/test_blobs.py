"""Documents' bytes in a folder and in a bucket of a real S3 server."""

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from fieldserve.store.blobs import Blobs, open_blobs
from fieldserve.store.engine import Unavailable

BUCKET = "proofs"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A real S3 server, moto's, with a bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    ).create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment of a server that keeps its documents in that bucket; answers the endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return s3_endpoint


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Blobs of each kind, empty."""
    if request.param == "folder":
        return open_blobs(str(tmp_path / "documents"))
    request.getfixturevalue("s3")
    return open_blobs(f"s3://{BUCKET}/{tmp_path.name}")


class TestBlobs:
    async def test_back_again(self, blobs: Blobs) -> None:
        """Bytes come back under their key, and none under another."""
        await blobs.put("d1/x", b"\x00content\xff")
        assert await blobs.get("d1/x") == b"\x00content\xff"
        assert await blobs.get("d1/y") is None
        assert await blobs.get("d2/x") is None

    async def test_empty(self, blobs: Blobs) -> None:
        """No bytes are not nothing."""
        await blobs.put("d1/x", b"")
        assert await blobs.get("d1/x") == b""

    async def test_largest(self, blobs: Blobs) -> None:
        """The largest document, in one piece."""
        content = bytes(range(256)) * 20_481  # 5,243,136 bytes
        await blobs.put("d1/x", content)
        assert await blobs.get("d1/x") == content

    async def test_replaced(self, blobs: Blobs) -> None:
        """A second put replaces the first."""
        await blobs.put("d1/x", b"first, and longer")
        await blobs.put("d1/x", b"second")
        assert await blobs.get("d1/x") == b"second"

    async def test_deleted(self, blobs: Blobs) -> None:
        """Deleted is gone; deleting what is not there does nothing."""
        await blobs.put("d1/x", b"content")
        await blobs.delete("d1/x")
        assert await blobs.get("d1/x") is None
        await blobs.delete("d1/x")
        await blobs.delete("d9/x")

    async def test_keys(self, blobs: Blobs) -> None:
        """The keys of a folder are those of that folder only."""
        for key in ("d1/x", "d1/y", "d11/x", "d2/x"):
            await blobs.put(key, b"content")
        assert sorted(await blobs.keys("d1")) == ["d1/x", "d1/y"]
        assert await blobs.keys("d9") == []


class TestFolder:
    async def test_private(self, tmp_path: Path) -> None:
        """Nobody else may enter the folder."""
        await open_blobs(str(tmp_path / "a" / "documents")).put("d1/x", b"content")
        assert (tmp_path / "a" / "documents").stat().st_mode & 0o777 == 0o700

    async def test_tidy(self, tmp_path: Path) -> None:
        """Nothing is left of what was deleted."""
        blobs = open_blobs(str(tmp_path))
        await blobs.put("d1/x", b"content")
        await blobs.delete("d1/x")
        assert os.listdir(tmp_path) == []

    def test_no_folder(self, tmp_path: Path) -> None:
        """A folder that cannot be made."""
        (tmp_path / "file").write_text("")
        with pytest.raises(Unavailable, match="cannot keep documents"):
            open_blobs(str(tmp_path / "file" / "documents"))

    async def test_taken_away(self, tmp_path: Path) -> None:
        """A folder in the place of which a file stands now."""
        blobs = open_blobs(str(tmp_path / "documents"))
        (tmp_path / "documents").rmdir()
        (tmp_path / "documents").write_text("")
        with pytest.raises(Unavailable, match="cannot write document d1/x"):
            await blobs.put("d1/x", b"content")


class TestBucket:
    async def test_prefix(self, s3: str, tmp_path: Path) -> None:
        """The bucket's keys begin with the prefix, as another client of S3 sees them."""
        await open_blobs(f"s3://{BUCKET}/{tmp_path.name}/deep/").put("d1/x", b"content")
        client = boto3.client(
            "s3", endpoint_url=s3, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
        )
        assert client.get_object(Bucket=BUCKET, Key=f"{tmp_path.name}/deep/d1/x")["Body"].read() == b"content"

    async def test_no_prefix(self, s3: str, tmp_path: Path) -> None:
        """A bucket alone will do."""
        blobs = open_blobs(f"s3://{BUCKET}")
        await blobs.put(f"{tmp_path.name}/x", b"content")
        assert await blobs.keys(tmp_path.name) == [f"{tmp_path.name}/x"]

    async def test_no_bucket(self, s3: str) -> None:
        """A bucket that is not there is said to be away, when written to."""
        with pytest.raises(Unavailable, match="cannot write document d1/x"):
            await open_blobs("s3://no-such-bucket").put("d1/x", b"content")

    @pytest.mark.parametrize("location", ["s3://", "s3:///prefix", "gs://bucket", "https://bucket/prefix"])
    def test_other_places(self, location: str) -> None:
        """What is neither folder nor bucket is refused at start."""
        with pytest.raises(ValueError, match="folder or in s3://"):
            open_blobs(location)
