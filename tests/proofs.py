"""Files of every type that proves a service, and how a caller encrypts them, without any of the server's own code."""

import base64
import hashlib
from collections.abc import AsyncIterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

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
