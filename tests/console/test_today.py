"""Which visits are late, and of which nobody can tell."""

from dataclasses import replace

import pytest

from fieldserve.console.today import GRACE, earliest, is_due, is_late
from fieldserve.store.board import VisitRow
from fieldserve.travel.great_circle import GreatCircle

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


ANN = (("ann", "Ann", False),)
# 1 km/h on a road as long as the line, and no time to park: an hour for each kilometre.
SLOW = GreatCircle(1.0, (1.0,) * 24, 0)


@pytest.mark.parametrize(
    ("changes", "now", "there"),
    [
        ({}, 0, HOUR),  # the visit before ends as planned
        ({"begun": START + HOUR // 2}, HOUR // 2, HOUR * 3 // 2),  # it began half an hour late
        ({"begun": START}, 2 * HOUR, 2 * HOUR),  # it goes on longer than planned: free now at the earliest
        ({}, GRACE + 1, HOUR + GRACE + 1),  # nothing is known of it: it begins now
        ({"status": "COMPLETED"}, 0, None),
        ({"status": "CANCELLED"}, 0, None),
        ({"technicians": (("bob", "Bob", False),)}, 0, None),
    ],
)
def test_earliest(changes: dict[str, object], now: int, there: int | None) -> None:
    """When Ann can be at her second visit, by how her first one goes."""
    first = replace(VISIT, **({"technicians": ANN} | changes))  # type: ignore[arg-type]
    second = replace(VISIT, appointment_id="b", technicians=ANN, start=START + HOUR, end=START + 2 * HOUR)
    assert earliest(second, [first, second], SLOW, 9, START + now) == (0 if there is None else START + there)


def test_earliest_with_a_drive() -> None:
    """A kilometre north of the first visit: an hour behind its end; what was said counts where it is later."""
    first = replace(VISIT, technicians=ANN, latitude=50.0, longitude=8.0)
    north = 50.0 + 1 / 111.195
    second = replace(VISIT, technicians=ANN, start=START + HOUR, end=START + 2 * HOUR, latitude=north, longitude=8.0)
    there = earliest(second, [first, second], SLOW, 9, START)
    assert abs(there - (START + 2 * HOUR)) < HOUR // 100
    said = replace(second, arrival_start=START + 5 * HOUR, arrival_end=START + 6 * HOUR)
    assert earliest(said, [first, said], SLOW, 9, START) == START + 5 * HOUR
