"""What plans come to, by hand."""

from dataclasses import replace

import pytest

from fieldserve.domain.intervals import HOUR, MINUTE
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.operations.plan_days import Member, Wanted
from fieldserve.operations.plan_figures import driven, due, figures, summed
from fieldserve.operations.plan_records import told
from fieldserve.store.technicians import Technician
from fieldserve.travel.places import Place

SERVICE = Service("B000000001", "A thing", ServiceRules(HOUR, HOUR, location_type="IN_HOME"), ())


def member(name: str) -> Member:
    """On duty from 8 to 18, but for half an hour at noon: 9.5 hours."""
    one = Technician("S", name, name, "UTC", "M", 0)
    return Member(one, (8 * HOUR, 18 * HOUR), ((12 * HOUR, 12 * HOUR + 30 * MINUTE),))


def visit(name: str, start: int, *team: str, told_: tuple[int, int] | None = None) -> Wanted:
    span = (start, start + HOUR)
    return Wanted(name, f"{name}_a", "s", SERVICE, Place(0, 0), ((start, start),), HOUR, span, team, told_)


def leg(origin: str, target: str, _: int) -> tuple[int, int]:
    """Twenty minutes and 10 km from anywhere to anywhere else."""
    return (0, 0) if origin == target else (1_200, 10_000)


def test_as_assigned() -> None:
    """Two visits booked back to back: the second begins 20 minutes late, which is five more than are allowed."""
    route = driven(member("a"), [visit("2", 11 * HOUR, "a"), visit("1", 10 * HOUR, "a")], leg, 15 * MINUTE)
    assert [one.service_job_id for one in route.stops] == ["1", "2"]
    assert (route.leaves, route.stops[1].start) == ("1970-01-01T09:40:00Z", "1970-01-01T11:20:00Z")
    assert [one.late_seconds for one in route.stops] == [0, 300]
    # Home to 1, to 2, and home: three ways.
    assert (route.travel_seconds, route.travel_metres, route.returns) == (3_600, 30_000, "1970-01-01T12:40:00Z")


def test_figures() -> None:
    """Ann works 2 h and drives 1 h; Bob, on duty as well, does nothing; one visit is left out."""
    ann, bob = member("a"), member("b")
    route = driven(ann, [visit("1", 10 * HOUR, "a"), visit("2", 11 * HOUR, "a")], leg, 15 * MINUTE)
    found = figures([route], 1, [ann, bob])
    assert (found.visits, found.assigned, found.unassigned, found.technicians) == (3, 2, 1, 1)
    assert (found.on_time, found.late_seconds) == (0.5, 300)
    assert found.utilisation == pytest.approx(2 / 19, abs=0.0001)
    assert found.fairness == 0.5  # (3 + 0)² ÷ (2 × 3²)


def test_summed() -> None:
    """Sums, and shares by visits: a day of two visits at 0.5 and one of none at 1 give (2 × 0.5 + 1 × 1) ÷ 3."""
    ann = member("a")
    busy = figures([driven(ann, [visit("1", 10 * HOUR, "a"), visit("2", 11 * HOUR, "a")], leg, 0)], 0, [ann])
    both = summed([busy, figures([], 0, [ann])])
    assert (both.visits, both.travel_seconds) == (2, 3_600)
    assert both.on_time == pytest.approx(2 / 3, abs=0.001)
    assert summed([]).visits == 0


def test_due() -> None:
    """By the end of what was told, or so long after what was booked; what is not booked has no time to be late for."""
    start = 10 * HOUR
    assert due(visit("1", start), 15 * MINUTE) == start + 15 * MINUTE
    assert due(visit("1", start, told_=(start, start + HOUR)), 0) == start + HOUR
    assert due(replace(visit("1", start), booked=None), 0) is None


def test_told() -> None:
    """What was told stays while it holds; else a window of the width asked for, from a time of five minutes on."""
    start = 10 * HOUR
    before = (start, start + 30 * MINUTE)
    assert told(visit("1", start, told_=before), start + 20 * MINUTE, HOUR) == before
    late = start + 43 * MINUTE
    assert told(visit("1", start, told_=before), late, HOUR) == (start + 40 * MINUTE, start + 100 * MINUTE)
