"""The proof: in random worlds the product answers exactly what the oracle works out minute by minute."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fieldserve.domain import capacity, schedules, slots
from fieldserve.domain.intervals import MINUTE, Steps, union
from tests.prove import oracle, worlds

WORLDS = int(os.environ.get("FIELDSERVE_WORLDS", "500"))
BATCH = 50

World = dict[str, Any]


def record_of(record: World) -> schedules.Availability:
    recurrence = record["recurrence"]
    return schedules.Availability(
        record["start"] * MINUTE,
        record["end"] * MINUTE,
        recurrence
        and schedules.Recurrence(
            recurrence["end"] * MINUTE, frozenset(recurrence["days_of_week"]), frozenset(recurrence["days_of_month"])
        ),
        record["capacity"],
    )


def reservations_of(resource: World) -> tuple[capacity.Reservation, ...]:
    return tuple(
        capacity.Reservation(capacity.ReservationType(each["type"]), record_of(each["availability"]))
        for each in resource["reservations"]
    )


def visits_of(visits: list[World]) -> tuple[capacity.Visit, ...]:
    return tuple(
        capacity.Visit(*(visit[key] * MINUTE for key in ("start", "end", "buffer_before", "buffer_after")))
        for visit in visits
    )


def technician_of(technician: World) -> slots.TechnicianState:
    return slots.TechnicianState(
        technician["technician_id"],
        frozenset(technician["skills"]),
        frozenset(technician["location_types"]),
        technician["eligible"],
        tuple(map(record_of, technician["records"])),
        reservations_of(technician),
        visits_of(technician["visits"]),
        ZoneInfo(technician["zone"]),
    )


def store_of(store: World) -> slots.StoreState:
    return slots.StoreState(
        ZoneInfo(store["zone"]),
        store["scheduling_type"],
        tuple(map(record_of, store["records"])),
        reservations_of(store),
        visits_of(store["visits"]),
        visits_of(store["waiting"]),
        tuple(map(technician_of, store["technicians"])),
    )


def service_of(service: World) -> slots.ServiceRules:
    spans = ("duration", "slot_interval", "notice", "buffer_before", "buffer_after")
    spans_of = {key: service[key] * MINUTE for key in spans}
    return slots.ServiceRules(**spans_of, skills=frozenset(service["skills"]), location_type=service["location_type"])


def answers(world: World) -> Iterator[tuple[str, Any, Any]]:
    """Every question to the world: its name, the product's answer and the oracle's, both in minutes."""
    first, past = world["window"]
    window = (first * MINUTE, past * MINUTE)
    store, service, now = store_of(world["store"]), service_of(world["service"]), world["now"] * MINUTE

    types = [capacity.CapacityType(each) for each in world["types"]]
    there = capacity.capacities(store.records, store.reservations, store.visits, store.zone, window)
    told = capacity.range_capacity(there, types, window)
    ranges = [(str(kind), [(a // MINUTE, b // MINUTE, value) for a, b, value in runs]) for kind, runs in told]
    yield "range", ranges, oracle.range_answer(world["store"], world["types"], world["window"])
    slot = world["slot_duration"]
    rows = capacity.fixed_capacity(there, types, window, slot * MINUTE)
    fixed = [(start // MINUTE, {str(kind): value for kind, value in row.items()}) for start, row in rows]
    yield "fixed", fixed, oracle.fixed_answer(world["store"], world["types"], world["window"], slot)

    room = oracle.Room(world)
    listed = slots.slots(service, store, window, now)
    yield "slots", [(a // MINUTE, b // MINUTE, value) for a, b, value in listed], room.slots()
    for start, duration in world["bookings"]:
        booked = slots.capacity_at(service, store, start * MINUTE, duration * MINUTE, now)
        yield f"capacity_at {start} for {duration}", booked, room.capacity_at(start, duration)
    if store.scheduling_type == "REAL_TIME_SCHEDULING":
        at = [(a, b, slots.capacity_at(service, store, a, service.duration, now)) for a, b, _ in listed[::7]]
        yield "capacity_at as slots", at, listed[::7]

    news, records = world["news"], world["store"]["records"]
    warned = [schedules.overlapping(record_of(each), store.records, store.zone) for each in news]
    yield "overlapping", warned, [oracle.overlapping(each, records, store.zone) for each in news]


def differences(seed: int) -> list[str]:
    """The names of the questions to a world that get different answers."""
    return [name for name, product, truth in answers(worlds.make(seed)) if product != truth]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, WORLDS, BATCH))
def test_every_world_is_answered_as_by_the_oracle(first: int) -> None:
    """No seed of the batch gives a world in which any answer differs."""
    wrong = {seed: told for seed in range(first, min(first + BATCH, WORLDS)) if (told := differences(seed))}
    assert not wrong, f"worlds that differ, by seed: {wrong}"


def sum_of_buffers(service: slots.ServiceRules, visits: Any, duration: int) -> list[tuple[int, int]]:
    before, after = service.buffer_before, service.buffer_after
    return [(a - duration - after - b4 + 1, b + before + aft) for a, b, b4, aft in visits]


def sum_of_records(records: Any, zone: ZoneInfo, window: tuple[int, int]) -> Steps:
    return Steps.weighing(run for each in records for run in schedules.weighed(each, zone, window)).clip(window)


def first_of_records(records: Any, zone: ZoneInfo, window: tuple[int, int]) -> Steps:
    return REAL["scheduled"](records[::-1], zone, window)  # type: ignore[no-any-return]


def second_of_repeated_times(zone: ZoneInfo, ordinal: int, time_of_day: int) -> int:
    wall = datetime.fromordinal(ordinal) + timedelta(microseconds=time_of_day)
    offset = wall.replace(fold=1, tzinfo=zone).utcoffset()
    assert offset is not None
    return offset // timedelta(microseconds=1)


def all_the_same_offset(zone: ZoneInfo, ordinal: int, time_of_day: int) -> int:
    return REAL["offset_at"](zone, 730000, 0)  # type: ignore[no-any-return]


def no_buffers(service: slots.ServiceRules, visits: Any, duration: int) -> list[tuple[int, int]]:
    return [(visit[0] - duration + 1, visit[1]) for visit in visits]


def touching_conflicts(service: slots.ServiceRules, visits: Any, duration: int) -> list[tuple[int, int]]:
    return [(start - 1, end + 1) for start, end in REAL["_forbidden"](service, visits, duration)]


def never_off_duty(technicians: Any, duration: int, window: Any) -> list[list[tuple[int, int]]]:
    return [[] for _ in technicians]


def intersection_of_days(rule: Any, first: int, past: int) -> list[int]:
    days = REAL["_dates"](rule._replace(days_of_week=frozenset()), first, past)
    return [day for day in days if not rule.days_of_week or (day - 1) % 7 in rule.days_of_week]


def hull(intervals: Any) -> list[tuple[int, int]]:
    spans = list(intervals)
    return union([(spans[0][0], max(end for _, end in spans))]) if spans else []


REAL: dict[str, Any] = {
    "scheduled": schedules.scheduled,
    "offset_at": schedules.offset_at,
    "_forbidden": slots._forbidden,
    "_dates": schedules._dates,
}

MUTANTS: dict[str, list[tuple[Any, str, Any]]] = {
    "buffers add up": [(slots, "_forbidden", sum_of_buffers)],
    "buffers are forgotten": [(slots, "_forbidden", no_buffers)],
    "visits that touch conflict": [(slots, "_forbidden", touching_conflicts)],
    "overlapping records add up": [(capacity, "scheduled", sum_of_records), (slots, "scheduled", sum_of_records)],
    "the earlier record wins": [(capacity, "scheduled", first_of_records), (slots, "scheduled", first_of_records)],
    "repeated times are the second ones": [(schedules, "offset_at", second_of_repeated_times)],
    "the clocks never change": [(schedules, "offset_at", all_the_same_offset)],
    "technicians never rest": [(slots, "_off_duty", never_off_duty)],
    "days of week and of month must both match": [(schedules, "_dates", intersection_of_days)],
    "a technician is busy between two visits": [(slots, "union", hull)],
    "the horizon is a year and a day": [(slots, "HORIZON", slots.HORIZON + 24 * 60 * MINUTE)],
    "only daily records overlap": [(schedules, "_meeting_lags", lambda a, b: [])],
    "changes of the clocks are not looked at": [(schedules, "_meet_near", lambda *_: False)],
}


@pytest.fixture
def nothing_remembered() -> Iterator[None]:
    """Offsets that a mutant reads must not outlive it, nor the true ones hide it."""
    caches = (schedules.stretches, schedules._stretches_of_window, slots._midnight)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("nothing_remembered")
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_rule_is_found(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule, once broken, makes some of the first 500 worlds differ: the proof can fail."""
    for module, name, broken in MUTANTS[mutant]:
        monkeypatch.setattr(module, name, broken)
    assert any(differences(seed) for seed in range(500))


def test_the_worlds_are_varied() -> None:
    """Among 300 worlds there are full and free slots, both kinds of stores, and records that do and do not overlap."""
    seen: dict[str, set[Any]] = {"capacity": set(), "kind": set(), "overlap": set(), "technicians": set()}
    for seed in range(300):
        world = worlds.make(seed)
        seen["kind"].add(world["store"]["scheduling_type"])
        seen["technicians"].add(len(world["store"]["technicians"]))
        seen["capacity"] |= {value for _, _, value in oracle.Room(world).slots()}
        zone = ZoneInfo(world["store"]["zone"])
        seen["overlap"] |= {oracle.overlapping(each, world["store"]["records"], zone) for each in world["news"]}
    assert seen["kind"] == {"REAL_TIME_SCHEDULING", "NON_REAL_TIME_SCHEDULING"}
    assert seen["overlap"] == {True, False}
    assert {0, 1, 2, 3, 4} <= seen["capacity"]
    assert {0, 1, 5} <= seen["technicians"]
