"""Searching for slots by job, through HTTP."""

from typing import Any

import httpx2
import pytest

from tests.calls import IN_US, caller_in_canada_too, faults
from tests.world import ASIN, BRANCH, CANADA, OTHER_SELLER, OTHER_STORE, PLAIN_ASIN, STORE, World

TUESDAY = {"startTime": "2026-03-03T00:00:00Z", "endTime": "2026-03-04T00:00:00Z"}


async def search(world: World, job_id: str, **kwargs: Any) -> httpx2.Response:
    params = IN_US | kwargs.pop("params", {})
    return await world.call("GET", f"/service/v1/serviceJobs/{job_id}/appointmentSlots", params=params, **kwargs)


class TestGetAppointmmentSlotsByJobId:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is told."""
        answer = await search(world, "job-1", headers={"x-amz-access-token": ""})
        assert (answer.status_code, faults(answer)[0][0]) == (403, "Unauthorized")

    @pytest.mark.parametrize(("asin", "store"), [(ASIN, STORE), (PLAIN_ASIN, BRANCH)])
    async def test_as_by_service_and_store(self, world: World, asin: str, store: str) -> None:
        """A job's slots are, byte for byte, those of its service in its store."""
        job_id = await world.order(asin=asin, store=store)
        for window in ({}, TUESDAY):
            by_job = await search(world, job_id, params=window)
            params = {"asin": asin, "storeId": store, **IN_US, **window}
            by_store = await world.call("GET", "/service/v1/appointmentSlots", params=params)
            assert by_job.status_code == 200
            assert by_job.content == by_store.content
            assert by_job.json()["payload"]["appointmentSlots"]

    async def test_observed(self, world: World) -> None:
        """The search is noted under the job."""
        job_id = await world.order()
        await search(world, job_id, params=TUESDAY)
        (seen,) = world.context.observations.take()
        assert (seen.kind, seen.subject) == ("slots.searched", job_id)
        assert {name: seen.after[name] for name in ("asin", "storeId", "serviceJobId", "slots", "free")} == {
            "asin": ASIN,
            "storeId": STORE,
            "serviceJobId": job_id,
            "slots": 8,
            "free": 8,
        }

    async def test_unknown_and_foreign_alike(self, world: World) -> None:
        """Another seller's job is answered exactly as one that never existed."""
        foreign = await world.order("job-foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        answers = [await search(world, one) for one in (foreign, "job-nowhere")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert faults(answers[1]) == [("NotFound", "No job exists with jobId : job-nowhere")]
        assert answers[0].text == answers[1].text.replace("job-nowhere", foreign)

    async def test_another_marketplace(self, world: World) -> None:
        """A job is unknown in a marketplace that is not its own."""
        job_id = await world.order()
        headers = await caller_in_canada_too(world)
        assert (await search(world, job_id, params={"marketplaceIds": CANADA}, headers=headers)).status_code == 404
        assert (await search(world, job_id, headers=headers)).status_code == 200

    async def test_outside_the_authorization(self, world: World) -> None:
        """A job of a store that was not granted is a 403."""
        job_id = await world.order()
        headers = {"x-amz-access-token": await world.token(stores=frozenset({BRANCH}))}
        answer = await search(world, job_id, headers=headers)
        assert (answer.status_code, faults(answer)[0][0]) == (403, "UnauthorizedAction")

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"marketplaceIds": ""}, "Missing or invalid request parameters: [marketplaceIds]"),
            ({"endTime": "20-21-04-04T01:00:00Z"}, "End Time is not a valid ISO date/time object"),
            ({"startTime": "soon"}, "Start Time is not a valid ISO date/time object"),
            ({"startTime": "2026-03-03T00:00:00Z"}, "Missing or invalid request parameters: [endTime]"),
            ({"endTime": "2026-03-03T00:00:00Z"}, "Missing or invalid request parameters: [startTime]"),
            (TUESDAY | {"endTime": "2026-03-02T00:00:00Z"}, "End Time should be after Start Time"),
            (TUESDAY | {"endTime": "2026-06-02T00:00:00Z"}, "End Time should be at most 90 days after Start Time"),
        ],
    )
    async def test_invalid(self, world: World, params: dict[str, Any], message: str) -> None:
        """In this operation's words, and before the job is looked up."""
        answer = await search(world, "job-nowhere", params=params)
        assert answer.status_code == 400
        assert faults(answer) == [("InvalidInput", message)]
