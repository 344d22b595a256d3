"""The forms of ids, names and coordinates that the operator API takes, and the base of its requests.

Unlike the Services API, whose callers send members that it does not know, the operator API refuses unknown members: a
misspelt optional one would otherwise be lost without a word.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.parameters import Parameter, ParameterFault


class Ask(msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A request of the operator API, or a part of one. Of an update, absent members stay as they are."""


# In Python `$` also matches before a line feed that ends the text; the look-ahead rules that out.
_END = r"$(?!\n)"

Id = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:~-]+" + _END)]
"""An id that stands in a path, and in comma-separated lists, as it is."""
SellerId = Annotated[str, Meta(max_length=20, pattern=r"^[A-Z0-9]+" + _END)]
MarketplaceId = Annotated[str, Meta(max_length=20, pattern=r"^[A-Z0-9]+" + _END)]
TechnicianId = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9._:~-]+" + _END)]
JobId = Annotated[str, Meta(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9._:~-]+" + _END)]
"""The id of a job; appointments append 37 characters of their own and may have 100."""
Asin = Annotated[str, Meta(min_length=10, max_length=10, pattern=r"^[A-Z0-9]+" + _END)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Skill = Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[^,]+$")]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]

LIMIT = Parameter(
    "limit", "query", "integer", minimum=1, maximum=500, default=100, says="entries per page, 100 if absent"
)
AFTER = Parameter("after", "query", min_length=1, max_length=100, says="`next` of the page before")


def position_faults(
    latitude: float | UnsetType | None, longitude: float | UnsetType | None, prefix: str = ""
) -> list[ParameterFault]:
    """What is wrong with a position: both coordinates are given or neither, both are null or neither."""
    names = (f"{prefix}Latitude", f"{prefix}Longitude") if prefix else ("latitude", "longitude")
    given = [value is not UNSET and value is not None for value in (latitude, longitude)]
    if given[0] != given[1] or (latitude is UNSET) != (longitude is UNSET):
        missing = names[0] if given[1] else names[1]
        return [ParameterFault(missing, f"{names[0]} and {names[1]} go together")]
    return []


def duplicates(name: str, values: Sequence[str]) -> list[ParameterFault]:
    """A fault where a list that stands for a set has a value twice."""
    if len(set(values)) == len(values):
        return []
    return [ParameterFault(name, f"{name} holds a value twice")]
