"""Which visits are late, and of which nobody can tell."""

from dataclasses import replace

import pytest

from fieldserve.console.today import GRACE, is_due, is_late
from fieldserve.store.board import VisitRow

START = 1_772_442_000_000_000
HOUR = 3_600_000_000
VISIT = VisitRow(
    (),
    False,
    "a",
    "j",
    "s",
    "ACTIVE",
    START,
    START + HOUR,
    0,
    0,
    None,
    None,
    None,
    None,
    "B0MOUNTING",
    "NOT_SERVICED",
    START,
    "Mounting",
    "[]",
    "IN_HOME",
    None,
    None,
    0,
    None,
    None,
)


@pytest.mark.parametrize(
    ("changes", "after", "due"),
    [
        ({}, GRACE, False),
        ({}, GRACE + 1, True),
        ({"worked_start": START}, HOUR, False),
        ({"arrival_start": START, "arrival_end": START + HOUR}, HOUR, False),
        ({"status": "COMPLETED"}, HOUR, False),
    ],
)
def test_late(changes: dict[str, object], after: int, due: bool) -> None:
    """Nothing was recorded of it in time; of a visit that lives elsewhere that says nothing, and it is not late."""
    visit = replace(VISIT, **changes)  # type: ignore[arg-type]
    assert is_late(visit, START + after) is due
    elsewhere = replace(visit, mirrored_from="amazon")
    assert is_due(elsewhere, START + after) is due
    assert not is_late(elsewhere, START + after)
