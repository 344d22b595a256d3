"""Request bodies: JSON into the types of this package, and what is wrong with those that do not fit, by field."""

import re
from typing import Any, TypeVar

import msgspec

from fieldserve.wire.parameters import ParameterFault

T = TypeVar("T")

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")

_MEMBER = re.compile(
    r"Object (?:(?P<missing>missing required)|contains unknown) field `(?P<name>.{0,100}).*`", re.DOTALL
)


class BodyFault(Exception):
    """The body is no JSON, or not of the operation's shape."""

    def __init__(self, fault: ParameterFault):
        self.fault = fault
        super().__init__(fault.reason)


def decode(body: bytes, shape: type[T]) -> T:
    """The body as `shape`. Unknown keys are ignored, `null` is as good as absent. Raises BodyFault naming the field."""
    if b"\\u0000" in body:
        raise BodyFault(ParameterFault("body", "the body holds the character U+0000, which no text may hold"))
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as fault:
        raise BodyFault(_by_field(str(fault))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise BodyFault(ParameterFault("body", f"the body is not valid JSON: {fault}")) from None
    except RecursionError:
        raise BodyFault(ParameterFault("body", "the body is nested too deeply")) from None


def convert(value: Any, shape: type[T]) -> T:
    """A part of a body that was decoded as plain values, as `shape`; faults as `decode`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as fault:
        raise BodyFault(_by_field(str(fault))) from None


def _by_field(message: str) -> ParameterFault:
    # msgspec says "Expected `int`, got `str` - at `$.appointmentTime.durationInMinutes`".
    found = _PATH.search(message)
    where = found["path"] if found else ""
    reason = message[: found.start()] if found else message
    if member := _MEMBER.fullmatch(reason):
        name = f"{where}.{member['name']}" if where else member["name"]
        return ParameterFault(name, f"{name} {'is required' if member['missing'] else 'is no member of this request'}")
    name = where or "body"
    if kind := _KIND.fullmatch(reason):
        wanted, bounds = kind["wanted"].removesuffix(" | null"), kind["bounds"] or ""
        must = _KINDS.get(wanted, wanted) + _BOUNDS.sub(lambda one: _BOUND[one[0]], bounds)
        got = f", not {_KINDS.get(kind['got'], kind['got'])}" if kind["got"] else ""
        return ParameterFault(name, f"{name} must be {must}{got}")
    return ParameterFault(name, f"{name}: {reason.replace('`', '')}")


_KIND = re.compile(r"Expected `(?P<wanted>[^`]*)`(?P<bounds> [^,]*)?(, got `(?P<got>[^`]*)`)?")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_BOUNDS = re.compile("<=|>=|<|>")
_BOUND = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
