"""A request as the model has it: its target and its body from the values that a caller gave.

What the server would refuse is refused here, in its words; what it would not be asked is not sent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from urllib.parse import quote

import msgspec

from fieldserve.client import checks
from fieldserve.wire.operations import Operation
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.times import from_datetime, render

Time = str | datetime
Texts = str | Sequence[str]
Json = Mapping[str, Any]
Body = msgspec.Struct | Mapping[str, Any]

# These take times with an offset, and answer by the store's own clock; all others want UTC.
_KEEP_OFFSET = frozenset(
    {"getRangeSlotCapacity", "getFixedSlotCapacity", "updateSchedule", "createReservation", "updateReservation"}
)


class Request(msgspec.Struct, frozen=True):
    """What goes out: the path with its query, and the body's bytes, None where the operation has no body."""

    operation: Operation
    target: str
    content: bytes | None


def build(operation: Operation, path: Json, query: Json, body: Any = None, *, check: bool = True) -> Request:
    """The request of an operation. None stands for what is not sent.

    Raises SellingApiException in the server's words, and ValueError for a datetime without a time zone."""
    ids = {name: "" if value is None else str(value) for name, value in path.items()}
    texts = {name: _text(name, value) for name, value in query.items() if value is not None}
    content = None
    if operation.body is not None:
        content = msgspec.json.encode(plain(body or {}, operation.id in _KEEP_OFFSET))
    if check:
        checks.check(operation, ids, {name: [text] for name, text in texts.items()}, content)
    target = operation.path.format_map({name: quote(value, safe="") for name, value in ids.items()})
    if texts:
        target += "?" + "&".join(f"{name}={quote(text, safe=',:')}" for name, text in texts.items())
    return Request(operation, target, content)


def members(operation: Operation, body: Body | None, given: Json) -> Body:
    """The body: as a whole, or its members by name. Raises TypeError where it is given both ways."""
    named = {name: value for name, value in given.items() if value is not None}
    if body is None:
        return named
    if named:
        raise TypeError(f"{operation.name}() takes body or {', '.join(named)}, not both")
    return body


def plain(value: Any, keep_offset: bool) -> Any:
    """A body as JSON has it: structs as objects, datetimes as ISO 8601."""
    if isinstance(value, datetime):
        return _time(value, keep_offset)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value, builtin_types=(datetime,))
    if isinstance(value, Mapping):
        return {name: plain(one, keep_offset) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [plain(one, keep_offset) for one in value]
    return value


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, datetime):
        return _time(value, False)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Sequence):
        return ",".join(_item(name, one) for one in value)
    return str(value)


def _item(name: str, value: Any) -> str:
    text = _text(name, value)
    if "," in text:
        raise checks.refusal(ParameterFault(name, f"{name} takes values without commas, got {text!r}"))
    return text


def _time(moment: datetime, keep_offset: bool) -> str:
    instant = from_datetime(moment)
    # `Z` is what everybody reads; an offset is kept where the caller's clock says something.
    return moment.isoformat() if keep_offset and moment.utcoffset() else render(instant)
