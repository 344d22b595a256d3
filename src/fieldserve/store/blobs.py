"""Where documents' bytes are kept: a folder, or an S3-compatible bucket."""

from typing import Protocol


class Blobs(Protocol):
    """Bytes by key. Keys are made by the server and hold no character that a path could be led astray by."""

    async def put(self, key: str, content: bytes) -> None: ...

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None where there are none."""
        ...

    async def delete(self, key: str) -> None: ...
