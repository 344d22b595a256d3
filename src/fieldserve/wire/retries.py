"""Sending a write again without doing it twice: the header, what is wrong with it, and what a key stands for."""

import hashlib
import re

from fieldserve.wire.errors import Says
from fieldserve.wire.parameters import ParameterFault

HEADER = "Idempotency-Key"
REPLAYED = "idempotent-replayed"
"""Header of an answer that was remembered, with the value `true`."""
KEPT_HOURS = 24

KEY_REUSED = Says(
    422,
    "IdempotencyKeyReused",
    "The Idempotency-Key was sent before, with another request.",
    "the caller sent this Idempotency-Key within 24 hours with another method, path, query or body",
)

_KEY = re.compile(r"[\x21-\x7E]{1,255}")


def key_faults(key: str) -> list[ParameterFault]:
    """What is wrong with a key: it takes 1 to 255 visible characters of ASCII."""
    if _KEY.fullmatch(key):
        return []
    return [ParameterFault(HEADER, f"{HEADER} must have 1 to 255 visible ASCII characters")]


def fingerprint(method: str, path: str, query: bytes, body: bytes) -> str:
    """What tells a request from others with the same key, byte by byte."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), query, body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
