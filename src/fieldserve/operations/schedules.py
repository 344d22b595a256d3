"""Set when a resource works."""

from dataclasses import dataclass
from typing import Any

from fieldserve.domain.overrides import needless, occurrences_at_most, overriding
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.operations.resources import visible_resource
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.store import events, schedules
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.resources import Resource
from fieldserve.wire import schedules as wire
from fieldserve.wire.schedules import AvailabilityValue, RecordFault, UpdateScheduleRecord, UpdateScheduleResponse


@dataclass(frozen=True, slots=True)
class _Read:
    """A record of the call: as the caller sent it, and as a value or why it has none."""

    sent: dict[str, Any]
    value: AvailabilityValue | None = None
    fault: str | None = None


async def update_schedule(
    context: Context, caller: Caller, resource_id: str, marketplace_id: str, records: list[dict[str, Any]]
) -> UpdateScheduleResponse | None:
    """Put the records above the schedule that there is; those at fault are told and left out.

    Answers only the records with warnings or errors, None when there are none, and `UNKNOWN_RESOURCE` in a success.
    Raises ApiError: SCHEDULE_MISSING when the records repeat too often, UNAUTHORIZED_ACTION."""
    read = [_read(record) for record in records]
    now = context.clock.now()

    async def use(c: Connection) -> UpdateScheduleResponse | None:
        resource = await visible_resource(c, caller, resource_id, marketplace_id, lock=True)
        if resource is None:
            return UpdateScheduleResponse(errors=[wire.UNKNOWN_RESOURCE.fault()])
        judged = [_judge(one, resource) for one in read]
        values = [one.value for one in judged if one.value is not None]
        overrides = await _apply(c, resource, [availability(value) for value in values]) if values else []
        if values:
            after = {"records": [wire.write_record(value) for value in values]}
            kind = "schedule.updated"
            await events.append(
                c, Event(now, caller.seller_id, caller.actor, kind, resource_id, caller.request_id, None, after)
            )
        told = _told(judged, overrides)
        return UpdateScheduleResponse(payload=told) if told else None

    return await transact(context, use)


def availability(value: AvailabilityValue) -> Availability:
    """A record from the wire as the domain has it."""
    recurrence = value.recurrence
    if recurrence is None:
        return Availability(value.start, value.end, None, value.capacity)
    repeated = Recurrence(recurrence.end, recurrence.days_of_week, recurrence.days_of_month)
    return Availability(value.start, value.end, repeated, value.capacity)


def _read(record: dict[str, Any]) -> _Read:
    try:
        return _Read(record, wire.read_record(record))
    except RecordFault as fault:
        return _Read(record, fault=str(fault))


def _judge(read: _Read, resource: Resource) -> _Read:
    if read.value is not None and resource.kind == "TECHNICIAN" and read.value.capacity > 1:
        return _Read(read.sent, fault="capacity of a technician should be 1")
    return read


async def _apply(c: Connection, resource: Resource, records: list[Availability]) -> list[bool]:
    """Store the records; tells of each whether it overrides what there was."""
    window = min(record.start for record in records), max(schedules.last_at(record) for record in records)
    found = await schedules.numbered(
        c, resource.seller_id, resource.resource_id, (window[0] - schedules.SHIFT, window[1])
    )
    current = [record for _, record in found]
    if occurrences_at_most(current, records) > wire.MOST_OCCURRENCES:
        raise wire.SCHEDULE_MISSING.error(
            f"schedules repeat too often: with those they lie above, more than {wire.MOST_OCCURRENCES} times"
        )
    await schedules.append(c, resource.seller_id, resource.resource_id, records)
    covered = [found[index][0] for index in needless(current, records)]
    await schedules.delete(c, resource.seller_id, resource.resource_id, covered)
    return overriding(current, records, resource.zone)


def _told(read: list[_Read], overrides: list[bool]) -> list[UpdateScheduleRecord]:
    """What the answer lists, in the order of the call. `overrides` tells of the records that were applied."""
    applied = iter(overrides)
    told = []
    for one in read:
        if one.value is None:
            told.append(UpdateScheduleRecord(one.sent, errors=[wire.RECORD_INVALID.fault(reason=one.fault)]))
        elif next(applied):
            told.append(UpdateScheduleRecord(wire.write_record(one.value), warnings=[wire.SCHEDULE_OVERRIDE]))
    return told
