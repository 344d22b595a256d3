"""Whether two engines say the same."""

import math
from datetime import datetime
from decimal import Decimal
from typing import Any

TOLERANCE = 1e-9

Row = tuple[Any, ...]


def rows_of(expression: Any) -> list[Row]:
    """The rows of an expression in plain values, in an order that does not depend on the engine."""
    frame = expression.execute()
    rows = [tuple(_plain(value) for value in row) for row in frame.astype(object).itertuples(index=False, name=None)]
    return sorted(rows, key=_rank)


def _plain(value: Any) -> Any:
    if value is None or value != value:  # NaN and NaT are the frame's nulls
        return None
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if hasattr(value, "item"):
        value = value.item()
    # A date is a date in one engine's frame and a midnight in another's.
    if isinstance(value, datetime) and value == datetime(value.year, value.month, value.day):  # noqa: DTZ001
        return value.date()
    return value


def _rank(row: Row) -> tuple[Any, ...]:
    return tuple(
        (value is not None, f"{value:.6f}" if isinstance(value, int | float | Decimal) else str(value)) for value in row
    )


def difference(one: list[Row], other: list[Row]) -> str | None:
    """The first difference, in words; None where there is none."""
    if len(one) != len(other):
        return f"{len(one)} rows and {len(other)}"
    for mine, others in zip(one, other, strict=True):
        if len(mine) != len(others) or not all(map(_same, mine, others)):
            return f"{mine} and {others}"
    return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(float(one), float(other), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if isinstance(one, int | Decimal) and isinstance(other, int | Decimal):
        return one == other
    return type(one) is type(other) and one == other
