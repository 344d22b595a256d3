"""A disk in memory whose power can be cut: what was not synced is lost, or torn, sector by sector in any order.

SQLite writes to it through a VFS of its own. It has no shared memory, so one connection has the file to itself
(locking_mode EXCLUSIVE), and reads and writes go through the engine's writer.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from fieldserve.store import engine
from fieldserve.store.engine import Dialect, T, Use

SECTOR = 512
# Few pages, so that checkpoints, the other half of what may be cut short, come often.
CHECKPOINT_EVERY = 30
_NAME = "fieldserve-power"


@dataclass
class File:
    """What is on the platter, and what was written since: (offset, bytes), or a new size."""

    platter: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes] | int] = field(default_factory=list)
    seen: bytearray = field(default_factory=bytearray)

    def sync(self) -> None:
        for one in self.waiting:
            _apply(self.platter, one)
        self.waiting.clear()

    def after_cut(self, chance: random.Random) -> bytearray:
        """The platter with any of what waited for it: each sector of each write is there or not, in any order."""
        kept = chance.random()
        pieces: list[tuple[int, bytes] | int] = []
        for one in self.waiting:
            if isinstance(one, int):
                pieces.append(one)
                continue
            offset, content = one
            # Sectors have fixed places on the disk, wherever a write begins.
            begin = 0
            while begin < len(content):
                end = min(len(content), begin + SECTOR - (offset + begin) % SECTOR)
                pieces.append((offset + begin, content[begin:end]))
                begin = end
        chance.shuffle(pieces)
        left = bytearray(self.platter)
        for piece in pieces:
            if chance.random() < kept:
                _apply(left, piece)
        return left


def _apply(content: bytearray, one: tuple[int, bytes] | int) -> None:
    if isinstance(one, int):
        del content[one:]
        return
    offset, written = one
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(written)] = written


@dataclass
class Disk:
    """Files by name. The power goes with the write, sync or truncation of that number, counted from 1."""

    files: dict[str, File] = field(default_factory=dict)
    cut_at: int | None = None
    operations: int = 0
    is_off: bool = False

    @classmethod
    def holding(cls, name: str, content: bytes) -> "Disk":
        """A disk with one file that is safely on it."""
        return cls({name: File(bytearray(content), [], bytearray(content))})

    def work(self) -> None:
        """Count one operation. Raises what a disk without power answers."""
        self.operations += 1
        if self.operations == self.cut_at:
            self.is_off = True
        self.must_be_on()

    def must_be_on(self) -> None:
        if self.is_off:
            raise apsw.IOError("the power is off")

    def after_cut(self, chance: random.Random) -> "Disk":
        """The disk as it is found when the power is back."""
        found = {}
        for name, file in self.files.items():
            left = file.after_cut(chance)
            if left or file.platter or chance.random() < 0.5:
                found[name] = File(left, [], bytearray(left))
        return Disk(found)


class _OpenFile:
    """A file as SQLite uses it."""

    def __init__(self, disk: Disk, file: File):
        self._disk = disk
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.must_be_on()
        return bytes(self._file.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        # The write itself may be what was under way: some of its sectors may have arrived.
        if not self._disk.is_off:
            self._file.waiting.append((offset, bytes(data)))
        self._disk.work()
        _apply(self._file.seen, (offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        if not self._disk.is_off:
            self._file.waiting.append(size)
        self._disk.work()
        _apply(self._file.seen, size)

    def xSync(self, flags: int) -> None:
        self._disk.work()
        self._file.sync()

    def xFileSize(self) -> int:
        return len(self._file.seen)

    def xLock(self, level: int) -> None: ...
    def xUnlock(self, level: int) -> None: ...
    def xClose(self) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        # As SQLite takes of any disk by default: a write that is cut short spoils no byte that it did not write.
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk):
        self._disk = disk
        super().__init__(_NAME, "", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        self._disk.must_be_on()
        path = "temporary" if name is None else name if isinstance(name, str) else name.filename()
        flags[1] = flags[0]
        return _OpenFile(self._disk, self._disk.files.setdefault(path, File()))

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.work()
        self._disk.files.pop(filename, None)

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self._disk.files

    def xFullPathname(self, filename: str) -> str:
        return filename


class Powered:
    """The engine's writer on a disk; reads go through it, too."""

    dialect: Dialect = "sqlite"

    def __init__(self, name: str, *, synchronous: str):
        connection = engine._SQLiteConnection(Path(name), durable=True)
        self._raw = connection._connection
        assert self._raw.pragma("synchronous") == 2, "what the engine asks for is FULL"
        assert self._raw.pragma("journal_mode") == "wal"
        self._raw.pragma("synchronous", synchronous)
        self._writer = engine._Writer(connection)

    async def read(self, use: Use[T]) -> T:
        return await self._writer.submit(use)

    async def write(self, use: Use[T]) -> T:
        return await self._writer.submit(use)

    async def close(self) -> None:
        self._writer.stop()


@contextmanager
def plugged_in(disk: Disk) -> Iterator[None]:
    """All that is opened meanwhile lies on that disk."""

    def alone(connection: apsw.Connection) -> None:
        connection.execute(f"PRAGMA locking_mode = EXCLUSIVE; PRAGMA wal_autocheckpoint = {CHECKPOINT_EVERY}")

    before = apsw.vfs_names()[0]
    vfs = _Vfs(disk)
    apsw.connection_hooks.append(alone)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(alone)
        apsw.set_default_vfs(before)
        vfs.unregister()
