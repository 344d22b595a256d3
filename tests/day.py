"""A day that is planned the wrong way round, to be put right."""

from dataclasses import dataclass
from typing import Any

from fieldserve.operations.places import set_job_place
from fieldserve.operations.run import Caller
from fieldserve.wire.places import SetJobPlace
from tests.desk import Desk
from tests.world import ANN, BOB, SELLER, STORE

# Ann lives HERE, Bob THERE, an hour apart. On Tuesday, 3 March the store is open from 14:00Z to 22:00Z.
HERE, THERE, NEAR = (40.0, -73.0), (40.3, -73.0), (40.01, -73.0)
QUICK = {"firstDay": "2026-03-03", "iterations": 30, "storeIds": [STORE]}


@dataclass
class Day:
    """The wrong way round: Bob is on the job HERE, Ann on the one THERE at the same time, and nobody on a third."""

    desk: Desk
    here: str
    there: str
    later: str
    appointments: dict[str, str]

    async def plan(self, **changes: Any) -> dict[str, Any]:
        """A new plan of the day, as it is answered."""
        answer = await self.desk.call("POST", "plans", {**QUICK, **changes})
        assert answer.status_code == 201, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def apply(self, plan_id: str) -> dict[str, Any]:
        """Apply a plan; what that changed."""
        answer = await self.desk.call("POST", f"plans/{plan_id}/apply")
        assert answer.status_code == 200, answer.text
        applied: dict[str, Any] = answer.json()
        return applied

    async def teams(self) -> dict[str, list[str]]:
        """Who is on which job."""
        found = {}
        for job_id in (self.here, self.there, self.later):
            appointment = (await self.desk.world.job(job_id))["appointments"][0]
            found[job_id] = [one["technicianId"] for one in appointment.get("assignedTechnicians", ())]
        return found


async def put(desk: Desk, job_id: str, place: tuple[float, float]) -> None:
    """Say where a job is."""
    ask = SetJobPlace(latitude=place[0], longitude=place[1])
    await set_job_place(desk.world.context, Caller(SELLER, actor="test"), job_id, ask)


async def a_day(desk: Desk) -> Day:
    """Three visits of 3 March, whose places are known."""
    for technician_id, home in ((ANN, HERE), (BOB, THERE)):
        await desk.call("PATCH", f"technicians/{technician_id}", {"homeLatitude": home[0], "homeLongitude": home[1]})
    ids: list[str] = []
    appointments: dict[str, str] = {}
    booked: list[tuple[tuple[float, float], str, list[str]]] = [
        (HERE, "2026-03-03T15:00:00Z", [BOB]),
        (THERE, "2026-03-03T15:00:00Z", [ANN]),
        (NEAR, "2026-03-03T18:00:00Z", []),
    ]
    for place, start, team in booked:
        job_id = await desk.world.order()
        await put(desk, job_id, place)
        appointments[job_id] = await desk.world.book(job_id, start)
        if team:
            await desk.world.assign(job_id, appointments[job_id], *team)
        ids.append(job_id)
    return Day(desk, ids[0], ids[1], ids[2], appointments)
