"""Where documents' bytes are kept: a folder, or an S3-compatible bucket.

blobs = open_blobs("/var/lib/fieldserve/documents")
blobs = open_blobs("s3://bucket/prefix")   # region, endpoint and credentials from the usual AWS_… variables
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from fieldserve.store.engine import Unavailable
from fieldserve.store.keys import sync_folder

_FAULTS = (BaseError, OSError, ValueError)


class Blobs(Protocol):
    """Bytes by key. Keys are made by the server, `folder/name`, and hold no character that a path could be led astray
    by.

    Everything here raises Unavailable where the folder or bucket does not answer as it should."""

    async def put(self, key: str, content: bytes) -> None:
        """Keep the bytes; when this returns they survive a power cut."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None where there are none."""
        ...

    async def delete(self, key: str) -> None:
        """Forget the bytes; does nothing where there are none."""
        ...

    async def keys(self, folder: str) -> Sequence[str]:
        """The keys that start with `folder/`."""
        ...


class StoredBlobs:
    """Blobs in any store of obstore's."""

    def __init__(self, store: LocalStore | MemoryStore | S3Store):
        self._store = store

    async def put(self, key: str, content: bytes) -> None:
        try:
            await self._store.put_async(key, content)
        except _FAULTS as fault:
            raise _away("write", key, fault) from fault

    async def get(self, key: str) -> bytes | None:
        try:
            found = await self._store.get_async(key)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except _FAULTS as fault:
            raise _away("read", key, fault) from fault

    async def delete(self, key: str) -> None:
        try:
            with suppress(FileNotFoundError):
                await self._store.delete_async(key)
        except _FAULTS as fault:
            raise _away("delete", key, fault) from fault

    async def keys(self, folder: str) -> Sequence[str]:
        try:
            return [found["path"] for found in await self._store.list(folder).collect_async()]
        except _FAULTS as fault:
            raise _away("list", folder, fault) from fault


class FolderBlobs(StoredBlobs):
    """Blobs in a folder that nobody else may enter."""

    def __init__(self, folder: Path):
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            super().__init__(LocalStore(folder, automatic_cleanup=True))
        except _FAULTS as fault:
            raise Unavailable(f"cannot keep documents in {folder}: {fault}") from fault

    async def put(self, key: str, content: bytes) -> None:
        await super().put(key, content)
        try:
            await asyncio.to_thread(self._sync, key)
        except OSError as fault:
            raise _away("write", key, fault) from fault

    def _sync(self, key: str) -> None:
        # The store renames a finished file into place, but leaves to chance when it reaches the disk.
        path = self._folder / key
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
        sync_folder(self._folder)


def open_blobs(location: str, environment: Mapping[str, str] = os.environ) -> Blobs:
    """The blobs at a folder's path or `s3://bucket/prefix`. A folder is made; a bucket has to be there.

    An endpoint without TLS is spoken to only where AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL says so with http://.
    Raises ValueError for another kind of URL, Unavailable for a folder that cannot be made."""
    scheme, separator, rest = location.partition("://")
    if not separator:
        return FolderBlobs(Path(location))
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"documents are kept in a folder or in s3://bucket/prefix, not in {location}")
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
    return StoredBlobs(
        S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=30),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )
    )


def _away(what: str, key: str, fault: Exception) -> Unavailable:
    return Unavailable(f"cannot {what} document {key}: {type(fault).__name__}")
