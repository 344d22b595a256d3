"""Technicians' calendars by their secret addresses."""

from typing import Any

import pytest
from icalendar import Calendar

from fieldserve.api.calendars import BURST
from fieldserve.domain.intervals import MINUTE
from fieldserve.store import jobs
from tests.access import dump
from tests.desk import Desk, refused
from tests.world import ANN, BOB, SELLER


@pytest.fixture
async def feed(desk: Desk) -> dict[str, Any]:
    """Ann's calendar, with a visit on 3 March from 15:00Z to 16:00Z."""
    job_id = await desk.world.order()
    await desk.world.assign(job_id, await desk.world.book(job_id, "2026-03-03T15:00:00Z"), ANN)
    made = await desk.call("POST", "calendar-feeds", {"technicianId": ANN})
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    return answer


def path_of(feed: dict[str, Any]) -> str:
    path: str = feed["url"].removeprefix("http://127.0.0.1:8080")
    return path


def events_of(text: str) -> list[Any]:
    calendar: Any = Calendar.from_ical(text)
    return list(calendar.walk("VEVENT"))


async def test_calendar(desk: Desk, feed: dict[str, Any]) -> None:
    """When, what and where, without a key; an iCalendar that the library reads back."""
    answer = await desk.client.get(path_of(feed))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.headers["x-amzn-requestid"]
    (event,) = events_of(answer.text)
    assert event.decoded("dtstart").isoformat() == "2026-03-03T15:00:00+00:00"
    assert event.decoded("dtend").isoformat() == "2026-03-03T16:00:00+00:00"
    assert (str(event["summary"]), str(event["location"])) == ("TV mounting", "1 Main St, New York")


async def test_no_names(desk: Desk, feed: dict[str, Any]) -> None:
    """Neither the buyer's name nor the telephone is in it."""
    text = (await desk.client.get(path_of(feed))).text
    assert "Pat" not in text
    assert "555" not in text


async def test_of_one_technician(desk: Desk, feed: dict[str, Any]) -> None:
    """What others do is not in it, and what is cancelled neither."""
    job_id = await desk.world.order()
    await desk.world.assign(job_id, await desk.world.book(job_id, "2026-03-03T18:00:00Z"), BOB)
    assert len(events_of((await desk.client.get(path_of(feed))).text)) == 1
    listed = await desk.world.read(lambda c: jobs.find(c, SELLER, "job-1"))
    await desk.call("POST", f"jobs/{listed.service_job_id}/cancel-as-buyer", {})
    assert events_of((await desk.client.get(path_of(feed))).text) == []


async def test_arrival_is_told(desk: Desk, feed: dict[str, Any]) -> None:
    """The window that the customer was told is in the description."""
    job = await desk.world.job("job-1")
    appointment_id = job["appointments"][0]["appointmentId"]
    window = {"startTime": "2026-03-03T15:00:00Z", "endTime": "2026-03-03T15:30:00Z"}
    path = f"/service/v1/serviceJobs/job-1/appointments/{appointment_id}/fulfillment"
    assert (await desk.world.call("PUT", path, json={"estimatedArrivalTime": window})).status_code == 204
    (event,) = events_of((await desk.client.get(path_of(feed))).text)
    assert "between 2026-03-03T15:00:00Z and 2026-03-03T15:30:00Z" in str(event["description"])


async def test_revoked(desk: Desk, feed: dict[str, Any]) -> None:
    """A revoked address is as good as one that never was; the others go on."""
    other = (await desk.call("POST", "calendar-feeds", {"technicianId": ANN})).json()
    assert (await desk.call("DELETE", f"calendar-feeds/{feed['feed']['feedId']}")).status_code == 204
    revoked, unknown = await desk.client.get(path_of(feed)), await desk.client.get("/calendars/fsc_nothing.ics")
    assert (revoked.status_code, revoked.content) == (unknown.status_code, unknown.content)
    assert revoked.status_code == 404
    assert (await desk.client.get(path_of(other))).status_code == 200
    listed = (await desk.call("GET", "calendar-feeds")).json()["feeds"]
    assert ["revokedAt" in one for one in listed] == [True, False]
    assert [one.kind for one in await desk.events(feed["feed"]["feedId"])] == [
        "calendar_feed.created",
        "calendar_feed.revoked",
    ]


async def test_secret_is_kept_nowhere(desk: Desk, feed: dict[str, Any]) -> None:
    """The database has only its digest, and listings do not tell it."""
    secret = path_of(feed).removeprefix("/calendars/").removesuffix(".ics")
    assert len(secret) > 40
    assert secret not in await dump(desk.world.context.database)
    assert secret not in (await desk.call("GET", "calendar-feeds")).text


async def test_rate(desk: Desk, feed: dict[str, Any]) -> None:
    """Whoever asks too often waits, and others do not wait with them."""
    answers = [(await desk.client.get(path_of(feed))).status_code for _ in range(BURST + 1)]
    assert answers == [200] * BURST + [429]
    other = (await desk.call("POST", "calendar-feeds", {"technicianId": BOB})).json()
    assert (await desk.client.get(path_of(other))).status_code == 200
    desk.world.clock.advance(MINUTE)
    assert (await desk.client.get(path_of(feed))).status_code == 200


async def test_unknown(desk: Desk) -> None:
    """No calendar for a technician, and no feed, that is not there."""
    refused(await desk.call("POST", "calendar-feeds", {"technicianId": "nobody"}), 404, "no technician nobody")
    refused(await desk.call("DELETE", "calendar-feeds/nothing"), 404, "no calendar feed nothing")
