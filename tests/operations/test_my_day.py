"""What a technician tells from a phone: late, twice, and of a day that was changed meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.operations import my_day
from fieldserve.operations.run import Caller
from fieldserve.store import beginnings, technicians
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.times import parse
from tests.world import ANN, BOB, OTHER_SELLER, SELLER, US, World, a_world

PERSON = Caller(SELLER, marketplaces=frozenset({US}), actor="user:ann")
RENDERED = "2026-03-02T15:00:00Z"
START = parse(RENDERED)
PNG = b"\x89PNG\r\n\x1a\n and more"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def visit(world: World, start: str = RENDERED) -> tuple[str, str]:
    """A job with an appointment that Ann is to keep; for that at START it is 15:10 by then."""
    job_id = await world.order()
    appointment_id = await world.book(job_id, start)
    await world.assign(job_id, appointment_id, ANN)
    if start == RENDERED:
        world.clock.instant = START + 10 * MINUTE
    return job_id, appointment_id


async def test_a_visit(world: World) -> None:
    """On the way, at work, a picture, done: the job has all of it, and is complete."""
    job_id, _ = await visit(world)
    who = world.context, PERSON, ANN, job_id
    await my_day.tell_arrival(*who, START + 20 * MINUTE)
    await my_day.begin(*who, START + 10 * MINUTE)
    world.clock.advance(HOUR)
    await my_day.hand_in(*who, "photo-0001", "PNG", PNG)
    await my_day.finish(*who, (START + 10 * MINUTE, START + 70 * MINUTE), done=True)
    job = await world.job(job_id)
    (appointment,) = job["appointments"]
    assert job["serviceJobStatus"] == "COMPLETED"
    assert appointment["appointmentStatus"] == "COMPLETED"
    worked = appointment["poa"]["appointmentTime"]
    assert (worked["startTime"], worked["durationInMinutes"]) == ("2026-03-02T15:10:00Z", 60)
    assert appointment["poa"]["poaType"] == "POA_RECEIPT"
    told = [kind for kind in await world.kinds(job_id) if kind.startswith(("appointment.", "job."))]
    assert told[-5:] == [
        "appointment.fulfilled",
        "appointment.started",
        *["appointment.fulfilled"] * 2,
        "job.completed",
    ]


async def test_twice(world: World) -> None:
    """What comes again changes nothing, and says nothing."""
    job_id, appointment_id = await visit(world)
    who = world.context, PERSON, ANN, job_id
    for _ in range(2):
        await my_day.tell_arrival(*who, START + 20 * MINUTE)
        await my_day.begin(*who, START + 10 * MINUTE)
    world.clock.advance(HOUR)
    await my_day.begin(*who, START + 30 * MINUTE)
    noted = await world.read(lambda c: beginnings.find(c, SELLER, appointment_id))
    assert noted == START + 10 * MINUTE
    for _ in range(2):
        await my_day.hand_in(*who, "photo-0001", "PNG", PNG)
    for _ in range(2):
        await my_day.finish(*who, (START + 10 * MINUTE, START + 70 * MINUTE), done=True)
    kinds = await world.kinds(job_id)
    assert kinds.count("appointment.started") == kinds.count("job.completed") == 1
    (mine,) = await _day(world)
    assert mine.visit.documents == 1


async def test_not_done(world: World) -> None:
    """A visit may end without the job: it then waits for another one."""
    job_id, _ = await visit(world)
    await my_day.finish(world.context, PERSON, ANN, job_id, (START, START + 10 * MINUTE), done=False)
    job = await world.job(job_id)
    assert job["serviceJobStatus"] == "NOT_SERVICED"
    assert job["appointments"][0]["appointmentStatus"] == "COMPLETED"


async def test_moved_meanwhile(world: World) -> None:
    """The appointment got another id while the phone had no network: what is told belongs to the one of now."""
    job_id, old = await visit(world)
    ask = {"appointmentTime": {"startTime": "2026-03-02T18:00:00Z"}, "rescheduleReasonCode": "R1"}
    moved = await world.call("POST", f"/service/v1/serviceJobs/{job_id}/appointments/{old}", json=ask)
    new = moved.json()["appointmentId"]
    await world.assign(job_id, new, ANN)
    await my_day.begin(world.context, PERSON, ANN, job_id, START)
    assert await world.read(lambda c: beginnings.find(c, SELLER, new)) == START


async def test_given_to_another(world: World) -> None:
    """Whoever is not of the crew any more is told so, and nothing is written; nor does it exist for another seller."""
    job_id, appointment_id = await visit(world)
    await world.assign(job_id, appointment_id, BOB)
    before = await world.kinds(job_id)
    who = world.context, PERSON, ANN, job_id
    elsewhere = world.context, Caller(OTHER_SELLER, marketplaces=frozenset({US}), actor="user:zoe"), ANN, job_id
    for one in (who, elsewhere):
        with pytest.raises(ApiError, match="not yours any more"):
            await my_day.begin(*one, START)
        with pytest.raises(ApiError, match="not yours any more"):
            await my_day.finish(*one, (START, START + MINUTE), done=True)
        with pytest.raises(ApiError, match="not yours any more"):
            await my_day.tell_arrival(*one, START + HOUR)
        with pytest.raises(ApiError, match="not yours any more"):
            await my_day.hand_in(*one, "photo-0001", "PNG", PNG)
    assert await world.kinds(job_id) == before


async def test_clocks(world: World) -> None:
    """A phone's clock may be a little ahead; more is refused, and so is what is a week old."""
    job_id, appointment_id = await visit(world)
    who, now = (world.context, PERSON, ANN, job_id), world.clock.now()
    with pytest.raises(ApiError, match="clock of this phone is ahead"):
        await my_day.begin(*who, now + my_day.AHEAD + 1)
    with pytest.raises(ApiError, match="over a week ago"):
        await my_day.finish(*who, (now - 8 * DAY, now - 8 * DAY + HOUR), done=True)
    await my_day.begin(*who, now + my_day.AHEAD)
    assert await world.read(lambda c: beginnings.find(c, SELLER, appointment_id)) == now
    await my_day.tell_arrival(*who, now - HOUR)  # over when it came: nobody was told
    assert "appointment.fulfilled" not in await world.kinds(job_id)


async def test_not_a_picture(world: World) -> None:
    """A file that is not what it says is refused as the API refuses it, and proves nothing."""
    job_id, _ = await visit(world)
    with pytest.raises(ApiError, match="content type"):
        await my_day.hand_in(world.context, PERSON, ANN, job_id, "photo-0001", "JPEG", PNG)
    (mine,) = await _day(world)
    assert mine.visit.documents == 0


async def test_the_day(world: World) -> None:
    """One's own visits that begin on the day, in order; nobody else's, no other day's."""
    later, _ = await visit(world, "2026-03-02T18:00:00Z")
    await visit(world, "2026-03-04T15:00:00Z")
    other = await world.order()
    await world.assign(other, await world.book(other, "2026-03-02T16:00:00Z"), BOB)
    first, _ = await visit(world)
    assert [one.visit.service_job_id for one in await _day(world)] == [first, later]


async def _day(world: World) -> list[my_day.MyVisit]:
    me = await world.read(lambda c: technicians.find(c, SELLER, ANN))
    # Monday in New York, which is five hours behind.
    window = parse("2026-03-02T05:00:00Z"), parse("2026-03-03T05:00:00Z")
    return list((await my_day.load_my_day(world.context, PERSON, me, window)).visits)
