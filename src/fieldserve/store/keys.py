"""The master key, and what it seals: nothing that the database, the documents' folder or a backup of them holds is
usable without it.

It is 32 bytes: `FIELDSERVE_MASTER_KEY` (base64) where that is set, otherwise the file `master.key` of the data
folder, made on the first start with mode 0600. Processes that serve the same database need the same key; whoever
loses it loses the documents.
"""

import base64
import binascii
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VARIABLE = "FIELDSERVE_MASTER_KEY"
FILE = "master.key"
MASTER_KEY_BYTES = 32

_NONCE_BYTES = 12


class KeyFault(Exception):
    """No usable master key, or something that this one did not seal. The text never holds key material."""


class Seal:
    """Encrypts and signs with keys derived from the master key, a separate one for each of the two."""

    __slots__ = ("_cipher", "_signing_key")

    def __init__(self, master_key: bytes):
        if len(master_key) != MASTER_KEY_BYTES:
            raise KeyFault(f"a master key has {MASTER_KEY_BYTES} bytes, not {len(master_key)}")
        self._cipher = AESGCM(_derived(master_key, b"fieldserve: seal"))
        self._signing_key = _derived(master_key, b"fieldserve: sign")

    def seal(self, plain: bytes, about: str) -> bytes:
        """AES-256-GCM under a fresh nonce, which precedes the ciphertext. Only `open` with the same `about` opens it,
        so that what was sealed for one thing cannot be put in the place of another."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed. Raises KeyFault if it was changed, is about something else or was sealed with another
        key."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError) as fault:
            raise KeyFault(f"{about} was not sealed with this master key, or was changed since") from fault

    def sign(self, message: bytes) -> str:
        """HMAC-SHA256 in hexadecimal."""
        return hmac.digest(self._signing_key, message, "sha256").hex()

    def has_signed(self, message: bytes, signature: str) -> bool:
        """Whether that is the signature; takes the same time wherever a wrong one differs."""
        return hmac.compare_digest(self.sign(message).encode(), signature.encode("utf-8", "replace"))


def open_seal(folder: Path, environment: Mapping[str, str] = os.environ) -> Seal:
    """The seal of a server with that data folder; makes folder and key on the first start. Raises KeyFault."""
    text = environment.get(VARIABLE)
    if text is not None:
        return Seal(_read(text, VARIABLE))
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o007:
            raise KeyFault(f"everybody on this machine may use {path}; chmod 600 it")
        return Seal(_read(path.read_text("ascii"), str(path)))
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyFault(f"cannot read {path}: {type(fault).__name__}") from fault


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # A link never replaces what is there: of several processes that start together one makes the key of all.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise KeyFault(f"{source} must be the base64 of {MASTER_KEY_BYTES} bytes")
    return key


def _derived(master_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(master_key)
