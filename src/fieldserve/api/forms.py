"""Small request bodies outside the 17 operations: read with a limit, as a form or as JSON, each parameter once."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from fieldserve.wire import tokens as words
from fieldserve.wire.parameters import is_storable

# The largest honest one is a redirect URI of 2,000 characters, percent-encoded.
LIMIT = 16_384
_MOST_FIELDS = 50


class TooLarge(Exception):
    """The body is larger than the limit; what follows it was not read."""


async def read_body(request: Request, limit: int = LIMIT) -> bytes:
    """The body. Raises TooLarge as soon as it is."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def media_type(request: Request) -> str:
    """The Content-Type without its parameters, in lower case; empty if there is none."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def read_fields(request: Request) -> dict[str, str]:
    """The parameters of a form, or of a JSON object, which some clients send. Raises TokenError."""
    kind = media_type(request)
    if kind not in ("application/x-www-form-urlencoded", "application/json"):
        raise words.WRONG_TYPE.error()
    try:
        body = await read_body(request)
    except TooLarge:
        raise words.MALFORMED.error(reason=f"it is larger than {LIMIT} bytes") from None
    pairs = _form(body) if kind != "application/json" else _json(body)
    fields: dict[str, str] = {}
    for name, value in pairs:
        if not is_storable(name) or not is_storable(value):
            raise words.MALFORMED.error(reason="it holds a character that no text may hold")
        if name in fields:
            raise words.REPEATED.error(name=name)
        fields[name] = value
    return fields


def _form(body: bytes) -> list[tuple[str, str]]:
    # From None throughout: a cause would carry the body, secrets and all, into a traceback.
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise words.MALFORMED.error(reason="it is not UTF-8") from None
    except ValueError:
        raise words.MALFORMED.error(reason=f"it has more than {_MOST_FIELDS} parameters") from None


def _json(body: bytes) -> list[tuple[str, str]]:
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise words.MALFORMED.error(reason="it is no JSON object")
    # What is not a text cannot be one of the parameters that we know; those we do not know are ignored.
    return [(name, text) for name, text in value.items() if isinstance(text, str)]
