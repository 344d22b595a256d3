"""Files of every type that proves a service, how a caller encrypts them, and an appointment to prove.

Nothing here uses the code under test."""

import base64
import hashlib
from collections.abc import AsyncIterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from fieldserve.store.engine import Connection, Database

FILES = {
    "TIFF": b"II*\x00\x08\x00\x00\x00 a small picture",
    "JPG": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 a small picture",
    "JPEG": b"\xff\xd8\xff\xe1\x00\x10Exif\x00 a small picture",
    "PNG": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR a small picture",
    "GIF": b"GIF89a\x01\x00\x01\x00 a small picture",
    "PDF": b"%PDF-1.7\n% a small page\n%%EOF\n",
}


def pad(plain: bytes) -> bytes:
    """PKCS#7: n bytes of value n, 1 to 16 of them."""
    count = 16 - len(plain) % 16
    return plain + bytes([count]) * count


def encrypt_blocks(blocks: bytes, key: bytes, vector: bytes) -> bytes:
    """AES in CBC mode, without any padding of its own."""
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def encrypt(plain: bytes, key: bytes, vector: bytes) -> bytes:
    """What the caller uploads."""
    return encrypt_blocks(pad(plain), key, vector)


def sha256(plain: bytes) -> str:
    """contentSha256."""
    return base64.b64encode(hashlib.sha256(plain).digest()).decode()


def md5(content: bytes) -> str:
    """contentMD5."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


async def chunks(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """A body as it comes in."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


class StoppedClock:
    """A clock that goes when it is told to. Microseconds since the Unix epoch."""

    def __init__(self, now: int = 1_700_000_000_000_000):
        self.time = now

    def now(self) -> int:
        return self.time

    def pass_seconds(self, seconds: int) -> None:
        self.time += seconds * 1_000_000


async def add_appointment(database: Database, appointment_id: str = "j1_a1", seller_id: str = "S1") -> None:
    """An appointment and all that it hangs on."""

    async def use(c: Connection) -> None:
        s = seller_id
        await c.execute("INSERT INTO sellers VALUES ($1, 'Seller', '[]', '{}', 0)", s)
        await c.execute(
            "INSERT INTO resources (seller_id, resource_id, kind, name, time_zone, marketplace_id, created_at)"
            " VALUES ($1, 'st1', 'STORE', 'Store', 'UTC', 'M1', 0)",
            s,
        )
        await c.execute(
            "INSERT INTO stores (seller_id, store_id, scheduling_type) VALUES ($1, 'st1', 'REAL_TIME_SCHEDULING')", s
        )
        await c.execute(
            "INSERT INTO services (seller_id, asin, title, duration_minutes, slot_interval_minutes, notice_minutes,"
            " buffer_before_minutes, buffer_after_minutes, service_location_type, skills, created_at)"
            " VALUES ($1, 'B000000001', 'Service', 60, 30, 120, 0, 0, 'IN_HOME', '[]', 0)",
            s,
        )
        await c.execute(
            "INSERT INTO jobs (seller_id, service_job_id, marketplace_id, store_id, asin, status, service_order_id,"
            " created_at, updated_at, details, document)"
            " VALUES ($1, 'j1', 'M1', 'st1', 'B000000001', 'NOT_SERVICED', 'o1', 0, 0, '{}', '{}')",
            s,
        )
        await c.execute(
            "INSERT INTO appointments (seller_id, appointment_id, service_job_id, position, store_id, status,"
            " start_at, end_at, buffer_before, buffer_after, waiting)"
            " VALUES ($1, $2, 'j1', 0, 'st1', 'ACTIVE', 0, 1, 0, 0, 1)",
            s,
            appointment_id,
        )

    await database.write(use)


async def add_another_appointment(database: Database, appointment_id: str = "j2_a2", seller_id: str = "S1") -> None:
    """The appointment of another job beside that of `add_appointment`."""

    async def use(c: Connection) -> None:
        same = "marketplace_id, store_id, asin, status, service_order_id, created_at, updated_at, details, document"
        await c.execute(
            f"INSERT INTO jobs (seller_id, service_job_id, {same})"  # noqa: S608 (the columns above)
            f" SELECT seller_id, 'j2', {same} FROM jobs WHERE seller_id = $1 AND service_job_id = 'j1'",
            seller_id,
        )
        same = "position, store_id, status, start_at, end_at, buffer_before, buffer_after, waiting"
        await c.execute(
            f"INSERT INTO appointments (seller_id, appointment_id, service_job_id, {same})"  # noqa: S608 (as above)
            f" SELECT seller_id, $2, 'j2', {same} FROM appointments WHERE seller_id = $1 AND service_job_id = 'j1'",
            seller_id,
            appointment_id,
        )

    await database.write(use)
