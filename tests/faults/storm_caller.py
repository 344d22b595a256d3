"""One process of a storm: `python -m tests.faults.storm_caller URL FOLDER CALLERS whole|torn`.

Each line on standard input is a round, `{"start": …, "jobs": […]}`: all callers book at once, each for a job of its
own, and the answers go out as one line. `torn` books as a careless server would: it looks for room in one transaction,
without a lock, and takes it in another. Both are made of the operations' own parts.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import cast

from fieldserve.config import Settings
from fieldserve.domain import jobs as job_rules
from fieldserve.domain.intervals import HOUR
from fieldserve.domain.jobs import Appointment
from fieldserve.domain.slots import capacity_at
from fieldserve.operations import appointments
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.store import engine, jobs, services, slots
from fieldserve.store.blobs import Blobs
from fieldserve.store.engine import Connection
from fieldserve.store.keys import Seal
from fieldserve.wire.appointments import SLOT_NOT_AVAILABLE, AppointmentWindow
from fieldserve.wire.errors import ApiError
from tests.faults.ground import ASIN, SELLER, US

CALLER = Caller(SELLER, marketplaces=frozenset({US}), actor="storm")


async def book(context: Context, job_id: str, start: int) -> bool:
    """As the server does it."""
    try:
        await appointments.add_appointment_for_service_job_by_service_job_id(
            context, CALLER, job_id, AppointmentWindow(start, None)
        )
    except ApiError as refusal:
        if refusal.says is not SLOT_NOT_AVAILABLE:
            raise
        return False
    return True


async def book_torn(context: Context, job_id: str, start: int) -> bool:
    """As it must not be done: what was free when it was looked at may be taken by the time it is written."""
    now = context.clock.now()

    async def look(c: Connection) -> int:
        job = await jobs.find(c, SELLER, job_id)
        service = await services.find(c, SELLER, ASIN)
        assert job is not None
        assert service is not None
        store = await slots.load(c, SELLER, job.store_id, (start, start + HOUR))
        assert store is not None
        return capacity_at(service.rules, store.state, start, HOUR, now)

    async def take(c: Connection) -> None:
        job = await jobs.find(c, SELLER, job_id, lock=True)
        assert job is not None
        appointment = Appointment(f"{job_id}_{context.ids.uuid()}", "ACTIVE", start, start + HOUR, 0, 0)
        await jobs.save(c, job, job_rules.add_appointment(job, appointment, now))

    if await read(context, look) < 1:
        return False
    await transact(context, take)
    return True


async def main(url: str, folder: str, callers: int, how: str) -> None:
    """Answer rounds until the input ends."""
    database = await engine.connect(url, durable=how == "whole", pool_size=callers)
    context = Context(Settings(data=Path(folder)), database, cast(Blobs, None), Seal(bytes(32)))
    act = book if how == "whole" else book_torn
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            won = await asyncio.gather(*(act(context, job, asked["start"]) for job in asked["jobs"]))
            print(json.dumps(won), flush=True)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
