"""What well-known clients get wrong, and what is done about it.

python-amazon-sp-api sends `marketplaceIds` in the body of writes, under several spellings, and
`cancellationReasonCode` in a body. Strict: the request is refused and told what to send where. Tolerant: it is read as
meant, with a warning in the request log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from fieldserve.wire.operations import Operation
from fieldserve.wire.parameters import Parameter, ParameterFault

MARKETPLACE_SPELLINGS = ("marketplaceIds", "MarketplaceIds", "marketplaceId", "MarketplaceId", "marketplace_ids")


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A query parameter that was found elsewhere: its proper name, where it was, and its values."""

    name: str
    found: str
    values: list[str]

    def advice(self) -> str:
        """What to send where."""
        return f"send {self.name} as the query parameter {self.name}, not as {self.found}"


def misplaced(operation: Operation, query: dict[str, list[str]], body: bytes) -> list[Misplaced]:
    """Required query parameters of the operation that are absent and stand somewhere else."""
    absent = [p for p in operation.required_in_query if p.name not in query]
    if not absent:
        return []
    members = _members(body)
    return [found for parameter in absent if (found := _look(parameter, query, members))]


def _members(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _look(parameter: Parameter, query: dict[str, list[str]], members: dict[str, Any]) -> Misplaced | None:
    spellings = MARKETPLACE_SPELLINGS if parameter.name == "marketplaceIds" else (parameter.name,)
    for spelling in spellings:
        if query.get(spelling):
            return Misplaced(parameter.name, f"the query parameter {spelling}", query[spelling])
        if spelling in members:
            return Misplaced(parameter.name, f"{spelling} in the body", _texts(members[spelling]))
    return None


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def advise(faults: Iterable[ParameterFault], found: Iterable[Misplaced]) -> list[ParameterFault]:
    """The faults, those of misplaced parameters with advice in place of their plain reason."""
    advice = {one.name: one.advice() for one in found}
    return [ParameterFault(fault.name, advice.get(fault.name, fault.reason)) for fault in faults]
