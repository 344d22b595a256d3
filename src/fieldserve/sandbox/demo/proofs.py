"""Small files that prove a visit, made in code, and encrypted as the API asks for."""

import base64
import hashlib
import struct
import zlib
from collections.abc import AsyncIterator
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

_SIDE = 24


def picture(number: int) -> bytes:
    """A PNG of 24 × 24 pixels: a pattern, in one of a dozen colours."""
    return _picture(number % 12)


@lru_cache
def _picture(number: int) -> bytes:
    red, green, blue = (number * 53) % 200, (number * 97) % 200, (number * 151) % 200
    rows = b"".join(
        b"\0" + b"".join(bytes((red + (x ^ y), green + x, blue + y)) for x in range(_SIDE)) for y in range(_SIDE)
    )
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def receipt(text: str) -> bytes:
    """A PDF of one page with a line of text."""
    line = "".join(f"\\{char}" if char in "()\\" else char for char in text).encode("latin-1", "replace")
    drawing = b"BT /F1 12 Tf 40 100 Td (" + line + b") Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 200] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
    ]
    file, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end


def encrypt(plain: bytes, key: str, vector: str) -> bytes:
    """AES-256 in CBC mode, PKCS#7; key and vector in base64 as an upload destination tells them."""
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES256(base64.b64decode(key)), CBC(base64.b64decode(vector))).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def sha256(plain: bytes) -> str:
    """contentSha256."""
    return base64.b64encode(hashlib.sha256(plain).digest()).decode()


def md5(content: bytes) -> str:
    """contentMD5."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


async def whole(content: bytes) -> AsyncIterator[bytes]:
    """A body that comes in one piece."""
    yield content
