"""The static sandbox: the published example of each request, answered word for word, typos included.

The cases stand in ``static_cases.json`` beside this file, which ``tools/static_cases.py`` makes from the
published model. Nothing here validates a request: a case names some parameters, and whoever sends those gets
the case's answer. The cases leave out parameters that the live operations require (marketplaceIds, and
sometimes the path's own id).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

import msgspec

_UNMATCHED = {"code": "InvalidInput", "message": "Could not match input arguments"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the JSON bytes of the body; ``None`` is an answer without a body (every 204)."""

    status: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Case:
    """One published example: ``answer`` to whoever sends at least ``parameters``.

    ``parameters`` maps a path or query parameter to its text, and ``"body"`` to a JSON value. A case without
    any is for every request of its operation.
    """

    parameters: Mapping[str, object]
    answer: Answer


class _DataFile(msgspec.Struct, forbid_unknown_fields=True):
    """``static_cases.json``: each case is [status, parameters, answer].

    A text may contain ``{name}``, which stands for that entry of ``words``, and may be ``#name``, which
    stands for that entry of ``shared``.
    """

    words: dict[str, str]
    shared: dict[str, Any]
    operations: dict[str, list[tuple[int, dict[str, Any], Any]]]


def answer(
    operation_id: str, path: Mapping[str, str], query: Mapping[str, Sequence[str]], body: object | None
) -> Answer:
    """What the published cases answer; 400 ``Could not match input arguments`` where none fits.

    ``path`` and ``query`` are decoded once, as they come off a URL; ``body`` is the decoded JSON, ``None`` if
    none was sent. Of several cases that fit, the one that names the most wins. ``KeyError`` for an operation
    that is not one of the 17.
    """
    for case in cases()[operation_id]:
        if all(_gives(name, wanted, path, query, body) for name, wanted in case.parameters.items()):
            return case.answer
    # This operation alone answers errors as a bare array.
    errors = [_UNMATCHED] if operation_id == "setAppointmentFulfillmentData" else {"errors": [_UNMATCHED]}
    return Answer(400, msgspec.json.encode(errors))


@cache
def cases() -> Mapping[str, tuple[Case, ...]]:
    """The cases of each operation id, the most specific first: the order in which they are tried."""
    data = msgspec.json.decode(files(__package__).joinpath("static_cases.json").read_bytes(), type=_DataFile)
    return {
        operation_id: tuple(sorted((_case(row, data) for row in rows), key=_by_specificity))
        for operation_id, rows in data.operations.items()
    }


def _case(row: tuple[int, dict[str, Any], Any], data: _DataFile) -> Case:
    status, parameters, value = row
    body = None if status == 204 else msgspec.json.encode(_unfold(value, data))
    return Case({name: _unfold(wanted, data) for name, wanted in parameters.items()}, Answer(status, body))


def _unfold(value: Any, data: _DataFile) -> Any:
    """``value`` with every reference to a word or a shared value replaced by what it stands for."""
    if isinstance(value, str):
        if value.startswith("#"):
            return _unfold(data.shared[value[1:]], data)
        return re.sub(r"\{(\w+)\}", lambda reference: data.words[reference[1]], value)
    if isinstance(value, dict):
        return {key: _unfold(item, data) for key, item in value.items()}
    if isinstance(value, list):
        return [_unfold(item, data) for item in value]
    return value


def _by_specificity(case: Case) -> tuple[int, int]:
    """Most parameters first, then most values in the body; what is left stays as published, success first."""
    return -len(case.parameters), -_leaves(case.parameters.get("body"))


def _leaves(value: object) -> int:
    """How many texts and numbers ``value`` holds, at any depth."""
    if isinstance(value, dict):
        return sum(map(_leaves, value.values()))
    if isinstance(value, list):
        return sum(map(_leaves, value))
    return value is not None


def _gives(
    name: str,
    wanted: object,
    path: Mapping[str, str],
    query: Mapping[str, Sequence[str]],
    body: object | None,
) -> bool:
    """Whether the request gives parameter ``name`` the value ``wanted``."""
    if name == "body":
        return _contains(body, wanted)
    if name in path:
        return path[name] == wanted
    given = query.get(name, ())
    # A page token is published URL-encoded. A caller that puts it into a URL as it stands sends it decoded.
    return len(given) == 1 and given[0] in (wanted, unquote(str(wanted)))


def _contains(given: object, wanted: object) -> bool:
    """Whether ``given`` has all that ``wanted`` has: objects may have more keys, lists are equally long.

    An empty object or list wants an empty one. The cases use it to say that nothing was sent, so a body that
    did send something must not get their answer.
    """
    if isinstance(wanted, dict):
        if not isinstance(given, dict) or bool(given) != bool(wanted):
            return False
        return all(key in given and _contains(given[key], item) for key, item in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(given, list) or len(given) != len(wanted):
            return False
        return all(map(_contains, given, wanted))
    return given == wanted
