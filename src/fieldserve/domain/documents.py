"""What makes an uploaded file a proof document: it decrypts, and is what was announced.

Documents are encrypted by whoever uploads them: AES-256 in CBC mode, PKCS#7 padding (NIST SP 800-38A, RFC 5652
section 6.3).
"""

import base64
import binascii
import hashlib
import hmac
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

__all__ = ["BLOCK", "KEY_BYTES", "LARGEST", "Defect", "check", "decrypt", "encrypt", "has_type"]

BLOCK = 16
KEY_BYTES = 32
LARGEST = 5_242_880

# The first bytes of a file of each type (TIFF: both byte orders, classic and BigTIFF).
_JPEG = (b"\xff\xd8\xff",)
_BEGINNINGS = {
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "JPG": _JPEG,
    "JPEG": _JPEG,
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "PDF": (b"%PDF-",),
}


class Defect(StrEnum):
    """What can be wrong with an uploaded file, in the order in which it is looked for."""

    NOT_UPLOADED = "NOT_UPLOADED"
    LENGTH_UNKNOWN = "LENGTH_UNKNOWN"
    DECRYPT = "DECRYPT"
    LENGTH = "LENGTH"
    TYPE = "TYPE"
    SHA256 = "SHA256"


def decrypt(ciphertext: bytes, key: bytes, vector: bytes) -> bytes | None:
    """The plain file, or None where these are not the key and vector that it was encrypted with.

    CBC has no checksum, so a wrong key is noticed by the padding only: about one in 256 passes, as noise that no
    SHA-256 will match."""
    if not ciphertext or len(ciphertext) % BLOCK:
        return None
    decryptor = Cipher(AES256(key), CBC(vector)).decryptor()
    unpadder = PKCS7(8 * BLOCK).unpadder()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None


def encrypt(plain: bytes, key: bytes, vector: bytes) -> bytes:
    """A file as callers upload it."""
    padder, encryptor = PKCS7(8 * BLOCK).padder(), Cipher(AES256(key), CBC(vector)).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def has_type(plain: bytes, content_type: str) -> bool:
    """Whether a file begins as files of that type (TIFF, JPG, JPEG, PNG, GIF, PDF) do."""
    return plain.startswith(_BEGINNINGS[content_type])


def check(
    ciphertext: bytes | None,
    key: bytes,
    vector: bytes,
    *,
    content_type: str,
    content_length: int,
    content_sha256: str,
) -> bytes | Defect:
    """The plain file, or the first thing wrong with what was uploaded (None: nothing was).

    content_length may be that of the plain file or of the encrypted one, since callers announce either.
    content_sha256 is the base64 of the plain file's SHA-256."""
    if ciphertext is None:
        return Defect.NOT_UPLOADED
    if not ciphertext:
        return Defect.LENGTH_UNKNOWN
    plain = decrypt(ciphertext, key, vector)
    if plain is None:
        return Defect.DECRYPT
    if not 1 <= len(plain) <= LARGEST or content_length not in (len(plain), len(ciphertext)):
        return Defect.LENGTH
    if not has_type(plain, content_type):
        return Defect.TYPE
    if not hmac.compare_digest(hashlib.sha256(plain).digest(), _digest(content_sha256)):
        return Defect.SHA256
    return plain


def _digest(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
