"""How answers become bytes: compact JSON, decimals as numbers with their digits kept."""

from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")

NO_MEMBERS = b"{}"


def encode(value: Any) -> bytes:
    """The JSON of an answer."""
    return _ENCODER.encode(value)
