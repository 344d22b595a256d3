"""The event log, as operators read it."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import SELLER

EVENTS = "/operator/v1/events"


class TestList:
    async def test_filters(self, desk: Desk) -> None:
        """Events are found by seller, kind and subject."""
        job_id = await desk.world.order()
        await desk.call("POST", f"jobs/{job_id}/hold")
        await desk.call("POST", f"jobs/{job_id}/release")

        async def kinds(**params: Any) -> list[str]:
            return [one["kind"] for one in (await desk.call("GET", EVENTS, params=params)).json()["events"]]

        assert await kinds() == ["operator_key.created", "job.held", "job.released"]
        assert await kinds(sellerId=SELLER) == await kinds(subject=job_id) == ["job.held", "job.released"]
        assert await kinds(kind="job.held") == ["job.held"]
        assert await kinds(kind="job.held", subject="another") == []

    async def test_entry(self, desk: Desk) -> None:
        """An entry says who did what to which, when, and what it was before and after."""
        job_id = await desk.world.order()
        answer = await desk.call("POST", f"jobs/{job_id}/hold")
        [event] = (await desk.call("GET", EVENTS, params={"subject": job_id})).json()["events"]
        assert event["at"] == "2026-03-02T08:00:00Z"
        assert (event["sellerId"], event["actor"], event["subject"]) == (SELLER, "operator:desk", job_id)
        assert event["requestId"] == answer.headers["x-amzn-requestid"]
        assert (event["before"]["status"], event["after"]["status"]) == ("PENDING_SCHEDULE", "HOLD")

    async def test_following(self, desk: Desk) -> None:
        """Whoever follows `next` sees every event once; at the end it stays, and later brings what is new."""
        for number in range(3):
            await desk.call("PATCH", f"/operator/v1/sellers/{SELLER}", {"name": f"Name {number}"})
        seen, after = [], 0
        for _ in range(3):
            page = (await desk.call("GET", EVENTS, params={"after": after, "limit": 2})).json()
            seen += [one["sequence"] for one in page["events"]]
            after = page["next"]
        assert len(seen) == len(set(seen)) == 4
        assert after == seen[-1]
        await desk.call("PATCH", f"/operator/v1/sellers/{SELLER}", {"name": "Name 3"})
        page = (await desk.call("GET", EVENTS, params={"after": after})).json()
        assert [one["after"]["name"] for one in page["events"]] == ["Name 3"]

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(("name", "value"), [("after", "x"), ("after", "-1"), ("limit", "1001"), ("sort", "a")])
    async def test_refused(self, desk: Desk, name: str, value: str) -> None:
        """A parameter that will not do is named."""
        refused(await desk.call("GET", EVENTS, params={name: value}), 400, f"[{name}]")
