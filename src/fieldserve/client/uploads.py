"""Proof documents on their way out: what type they are, encrypting them, and their digest."""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec

from fieldserve.wire.documents import CONTENT_TYPES, ContentType, EncryptionDetails

# By their first bytes, as the server looks at them.
_MAGIC: tuple[tuple[bytes, ContentType], ...] = (
    (b"%PDF-", "PDF"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)


class Document(msgspec.Struct, frozen=True):
    """A file to prove a service with."""

    plain: bytes
    content_type: str

    @property
    def content_sha256(self) -> str:
        """The digest that setAppointmentFulfillmentData wants: of the plain bytes, base64."""
        return base64.b64encode(hashlib.sha256(self.plain).digest()).decode()

    def __repr__(self) -> str:
        return f"Document({self.content_type}, {len(self.plain)} bytes)"


def load(source: str | os.PathLike[str] | bytes, content_type: str | None) -> Document:
    """A document from a file or from its bytes; its type from its first bytes, where none is given.

    Raises OSError, and ValueError where no type was given and none can be told."""
    plain = bytes(source) if isinstance(source, bytes | bytearray | memoryview) else Path(source).read_bytes()
    found: str | None = content_type
    if found is None:
        found = next((name for magic, name in _MAGIC if plain.startswith(magic)), None)
    if found is None:
        raise ValueError(
            f"the document is none of {', '.join(CONTENT_TYPES)} by its first bytes; name its content_type"
        )
    return Document(plain, found)


def encrypt(document: Document, details: EncryptionDetails) -> bytes:
    """What is uploaded: AES in CBC mode, with PKCS#7."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    padder: Any = PKCS7(128).padder()
    padded = padder.update(document.plain) + padder.finalize()
    key, vector = base64.b64decode(details.key), base64.b64decode(details.initialization_vector)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()
