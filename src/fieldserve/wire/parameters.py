"""Path and query parameters: how each may look, and what is wrong with those that do not.

A request is read in stages, and a stage that fails ends it: first everything here and the shape of the body, then
the ids, then the rules. Faults of one stage are told together, in the table's order.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation, with the limits that the model sets. Lengths count characters, items values."""

    name: str
    where: Literal["path", "query"]
    kind: Literal["string", "integer", "array"] = "string"
    required: bool = False
    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    min_items: int = 0
    max_items: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    default: int | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class ParameterFault:
    """A parameter that will not do, and why, in words that help."""

    name: str
    reason: str


def parse_query(text: str) -> dict[str, list[str]]:
    """The query string as name → values, in order; blank values are kept."""
    query: dict[str, list[str]] = {}
    if not text:
        return query
    if "%" in text or "+" in text:
        pairs = parse_qsl(text, keep_blank_values=True)
    else:  # nothing is written in another way, so that the text only falls into pieces
        pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part)]
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query


def read(
    parameters: Iterable[Parameter], path: Mapping[str, str], query: Query
) -> tuple[dict[str, Any], list[ParameterFault]]:
    """The values by name (absent ones are left out, defaults filled in) and the faults, in the table's order."""
    values: dict[str, Any] = {}
    faults: list[ParameterFault] = []
    for parameter in parameters:
        name = parameter.name
        given = (path[name],) if parameter.where == "path" and name in path else query.get(name, ())
        if given or parameter.required:
            value, reason = _read_one(parameter, given)
        else:
            value, reason = parameter.default, None
        if reason:
            faults.append(ParameterFault(name, reason))
        elif value is not None:
            values[name] = value
    return values, faults


def _read_one(parameter: Parameter, given: Sequence[str]) -> tuple[Any, str | None]:
    if parameter.kind == "array":
        items = [item for text in given for item in text.split(",") if item]
        return _read_array(parameter, items)
    if not given or (given[0] == "" and not (parameter.required and parameter.min_length == 0)):
        if parameter.required:
            return None, f"{parameter.name} is required as a {parameter.where} parameter"
        return parameter.default, None
    if len(given) > 1:
        return None, f"{parameter.name} is given {len(given)} times, expected once"
    if parameter.kind == "integer":
        return _read_integer(parameter, given[0])
    return given[0], _string_fault(parameter, given[0])


def _read_array(parameter: Parameter, items: list[str]) -> tuple[Any, str | None]:
    if not items:
        if parameter.required:
            return None, f"{parameter.name} is required as a {parameter.where} parameter"
        return None, None
    if parameter.max_items is not None and len(items) > parameter.max_items:
        return None, f"{parameter.name} takes at most {parameter.max_items} values, got {len(items)}"
    for item in items:
        if reason := _string_fault(parameter, item):
            return None, reason
    return tuple(items), None


def _read_integer(parameter: Parameter, text: str) -> tuple[Any, str | None]:
    # int() alone would also take "1_000", " 5" and digits of other scripts.
    value = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
    low, high = parameter.minimum, parameter.maximum
    if value is None or (low is not None and value < low) or (high is not None and value > high):
        return None, f"{parameter.name} must be a whole number from {low} to {high}"
    return value, None


def _string_fault(parameter: Parameter, text: str) -> str | None:
    if not is_storable(text):
        return f"{parameter.name} has a character that no text may hold"
    if len(text) < parameter.min_length or (parameter.max_length is not None and len(text) > parameter.max_length):
        return f"{parameter.name} must have {parameter.min_length} to {parameter.max_length} characters"
    if parameter.choices and text not in parameter.choices:
        return f"{parameter.name} must be one of {', '.join(parameter.choices)}"
    if parameter.pattern is not None and not _compiled(parameter.pattern).fullmatch(text):
        return f"{parameter.name} must match {parameter.pattern}"
    return None


def is_storable(text: str) -> bool:
    """No NUL and no lone surrogate: PostgreSQL stores neither, so the wire refuses both for every database."""
    return _NOT_STORABLE.search(text) is None


_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)
