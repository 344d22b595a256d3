"""A backup: one tar file with the database, the documents' files and, last, a manifest with the digest of each.

The database is copied first. A file that a proof needs is never deleted or replaced by the server in normal running, so
those that the copy names can be fetched afterwards. The master key is not in a backup: whoever finds one can read no
document, and whoever keeps one must keep the key as well, elsewhere.
"""

import asyncio
import hashlib
import io
import os
import re
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fieldserve import __version__
from fieldserve.config import Settings
from fieldserve.store import documents
from fieldserve.store.backup import (
    BackupFault,
    check_sqlite,
    copy_sqlite,
    dump_postgresql,
    load_postgresql,
    put_sqlite,
)
from fieldserve.store.blobs import open_blobs
from fieldserve.store.engine import connect
from fieldserve.store.keys import sync_folder
from fieldserve.store.migrate import current, head

DATABASE, MANIFEST, DOCUMENTS = "database", "manifest.json", "documents/"
_KEY = re.compile(r"fieldserve\.document\.[0-9a-f-]{36}/[0-9a-f]{16}")
_CHUNK = 1 << 20


class Manifest(msgspec.Struct, rename="camel"):
    """What a backup holds. `kind` is sqlite or postgresql; `members` the SHA-256 of each, by name; `missing` the files
    of documents that were gone when they were to be read."""

    kind: str
    revision: str
    version: str
    members: dict[str, str]
    missing: list[str]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup as it was written or restored: how many files of documents it has, and lacks."""

    kind: str
    documents: int
    missing: tuple[str, ...]


async def back_up(settings: Settings, target: Path, *, with_documents: bool = True) -> Made:
    """Write a backup; the file appears when it is whole. Servers go on meanwhile.

    Everything acknowledged before this is called is in it. Raises BackupFault, Unavailable."""
    kind = _kind(settings)
    partial = _partial(target)
    with tempfile.TemporaryDirectory(dir=partial.parent, prefix=".backup-") as folder:
        copy = Path(folder) / DATABASE
        if kind == "sqlite":
            await asyncio.to_thread(copy_sqlite, _path(settings), copy)
        else:
            await asyncio.to_thread(dump_postgresql, settings.database_url, copy)
        revision, keys = await _look(f"sqlite:///{copy}" if kind == "sqlite" else settings.database_url)
        manifest = Manifest(kind, revision, __version__, {}, [])
        try:
            with _create(partial) as tar:
                await asyncio.to_thread(_add_file, tar, copy, manifest)
                for key in keys if with_documents else ():
                    await _add_document(settings, tar, key, manifest)
                _add(tar, MANIFEST, msgspec.json.encode(manifest))
        except BaseException:
            os.unlink(partial)
            raise
    await asyncio.to_thread(_finish, partial, target)
    return Made(kind, len(manifest.members) - 1, tuple(manifest.missing))


async def restore(settings: Settings, source: Path, *, force: bool = False) -> Made:
    """Put a backup where the settings say. Nothing is touched before every digest has been checked.

    Raises BackupFault, also where a database is there and `force` is not given."""
    try:
        with tarfile.open(source, "r:") as tar:
            manifest = await asyncio.to_thread(_check, tar)
            if manifest.kind != _kind(settings):
                raise BackupFault(f"the backup is of {manifest.kind}, the settings name {_kind(settings)}")
            if manifest.revision > head():
                raise BackupFault(f"the backup is of revision {manifest.revision}, this version knows {head()}")
            await _restore_database(settings, tar, manifest, force)
            blobs = open_blobs(settings.documents_location)
            names = [name for name in manifest.members if name.startswith(DOCUMENTS)]
            for name in names:
                member = tar.extractfile(name)
                assert member is not None  # its digest was checked
                await blobs.put(name.removeprefix(DOCUMENTS), member.read())
    except (tarfile.TarError, EOFError, FileNotFoundError) as fault:
        raise BackupFault(f"{source} is no backup, or not a whole one: {fault}") from None
    return Made(manifest.kind, len(names), tuple(manifest.missing))


async def _restore_database(settings: Settings, tar: tarfile.TarFile, manifest: Manifest, force: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="fieldserve-restore-") as folder:
        tar.extract(DATABASE, folder, filter="data")
        copy = Path(folder) / DATABASE
        if manifest.kind == "sqlite":
            await asyncio.to_thread(check_sqlite, copy)
            await asyncio.to_thread(put_sqlite, copy, _path(settings), force=force)
            return
        if not force and await _revision(settings.database_url) is not None:
            raise BackupFault("the database holds something already; --force replaces it")
        await asyncio.to_thread(load_postgresql, settings.database_url, copy, force=force)


def _kind(settings: Settings) -> str:
    return "sqlite" if settings.database_url.startswith("sqlite") else "postgresql"


def _path(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))


async def _revision(url: str) -> str | None:
    database = await connect(url)
    try:
        return await database.read(current)
    finally:
        await database.close()


async def _look(url: str) -> tuple[str, list[str]]:
    """The schema's revision, and the keys of the files that documents have."""
    database = await connect(url)
    try:
        revision = await database.read(current)
        if revision is None:
            raise BackupFault("the database is empty")
        return revision, await database.read(documents.blob_keys)
    finally:
        await database.close()


# ---- the tar file


def _create(path: Path) -> tarfile.TarFile:
    # A backup holds personal data: nobody else may read it, not even while it is written.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(descriptor)
    return tarfile.open(path, "w", format=tarfile.PAX_FORMAT)


def _add_file(tar: tarfile.TarFile, path: Path, manifest: Manifest) -> None:
    with path.open("rb") as file:
        manifest.members[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    tar.add(path, path.name, filter=_plain)


async def _add_document(settings: Settings, tar: tarfile.TarFile, key: str, manifest: Manifest) -> None:
    content = await open_blobs(settings.documents_location).get(key)
    if content is None:
        manifest.missing.append(key)
        return
    manifest.members[DOCUMENTS + key] = hashlib.sha256(content).hexdigest()
    await asyncio.to_thread(_add, tar, DOCUMENTS + key, content)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    tar.addfile(member, io.BytesIO(content))


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _partial(target: Path) -> Path:
    """What the file is called until it is whole. Raises BackupFault where the target is there."""
    if target.exists():
        raise BackupFault(f"{target} is there already")
    return target.absolute().with_name(target.name + ".partial")


def _finish(partial: Path, target: Path) -> None:
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    sync_folder(partial.parent)


def _check(tar: tarfile.TarFile) -> Manifest:
    """The manifest, once each member has proved to be what it says. Raises BackupFault."""
    found: dict[str, str] = {}
    for member in tar:
        is_known = member.name in (DATABASE, MANIFEST) or _KEY.fullmatch(member.name.removeprefix(DOCUMENTS))
        content = tar.extractfile(member) if member.isfile() else None
        if content is None or not is_known:
            raise BackupFault(f"a backup has no member {member.name}")
        found[member.name] = _digest(content.read)
    if MANIFEST not in found:
        raise BackupFault("the backup is not whole: it has no manifest")
    del found[MANIFEST]
    last = tar.extractfile(MANIFEST)
    assert last is not None
    try:
        manifest = msgspec.json.decode(last.read(), type=Manifest)
    except msgspec.DecodeError as fault:
        raise BackupFault(f"the backup's manifest is damaged: {fault}") from None
    if manifest.members != found:
        wrong = sorted(name for name in {*manifest.members, *found} if manifest.members.get(name) != found.get(name))
        raise BackupFault(f"the backup is damaged: {', '.join(wrong[:5])} is not what its manifest says")
    return manifest


def _digest(read: Callable[[int], bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
