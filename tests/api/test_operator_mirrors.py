"""Mirrors and the outbox, as operators see them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fieldserve.store.engine import Database
from tests.desk import ON_ONE_DATABASE, Desk, a_desk, refused
from tests.mirroring import ACCOUNT, MIRROR, Mirrored, mirrored
from tests.world import US

OUTBOX = "/operator/v1/outbox"


@pytest.fixture
async def pair(database: Database, migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Mirrored]:
    """A source with a job, and its mirror."""
    async with mirrored(database, migrated_sqlite, tmp_path) as pair:
        await pair.there.order()
        await pair.open()
        yield pair


@pytest.fixture
async def desk(pair: Mirrored) -> AsyncIterator[Desk]:
    """An operator's desk at the mirror."""
    async with a_desk(pair.here) as desk:
        yield desk


async def cancelled(pair: Mirrored, desk: Desk) -> dict[str, Any]:
    """Cancel the job here; answers its entry of the outbox."""
    await pair.call("PUT", "serviceJobs/job-1/cancellations?cancellationReasonCode=V1")
    (entry,) = (await desk.call("GET", OUTBOX)).json()["entries"]
    found: dict[str, Any] = entry
    return found


class TestMirrors:
    async def test_list(self, desk: Desk, pair: Mirrored) -> None:
        """How far each is, who runs it, and what waits."""
        await cancelled(pair, desk)
        (account,) = (await desk.call("GET", "/operator/v1/mirrors")).json()["accounts"]
        (mirror,) = account["mirrors"]
        assert (account["account"], account["outbox"], account["faults"]) == (ACCOUNT, {"WAITING": 1}, [])
        assert account["runBy"] == pair.source.holder.rsplit(":", 1)[0]
        assert (mirror["marketplaceId"], mirror["sellerId"], mirror["jobs"]) == (US, MIRROR, 1)
        assert "watermark" in mirror
        assert "jobsRead" not in mirror

    async def test_source(self, desk: Desk, pair: Mirrored) -> None:
        """A job's source; an unknown job and an unknown seller are 404."""
        answer = await desk.call("GET", f"/operator/v1/sellers/{MIRROR}/jobs/job-1/source")
        assert answer.json()["mirroredFrom"] == ACCOUNT
        own = await desk.world.order("own")
        assert (await desk.call("GET", f"jobs/{own}/source")).json() == {
            "serviceJobId": own,
            "waitingWrites": 0,
            "unknown": [],
        }
        refused(await desk.call("GET", "jobs/nothing/source"), 404, "No job exists")
        refused(await desk.call("GET", "/operator/v1/sellers/A0NOBODY/jobs/job-1/source"), 404, "no seller")

    async def test_marked(self, desk: Desk) -> None:
        """What was made up says so."""
        answer = await desk.call("GET", f"/operator/v1/sellers/{MIRROR}/services")
        assert [one["mirroredFrom"] for one in answer.json()["services"]] == [ACCOUNT]
        assert all("mirroredFrom" not in one for one in (await desk.call("GET", "stores")).json()["stores"])

    async def test_deeds(self, desk: Desk) -> None:
        """What the source has no operation for is a conflict that names it."""
        answer = await desk.call("POST", f"/operator/v1/sellers/{MIRROR}/jobs/job-1/hold")
        refused(answer, 409, f"lives at the source {ACCOUNT}")


class TestOutbox:
    async def test_list(self, desk: Desk, pair: Mirrored) -> None:
        """By account and state, page by page."""
        entry = await cancelled(pair, desk)
        assert (entry["operationId"], entry["state"]) == ("cancelServiceJobByServiceJobId", "WAITING")
        assert entry["request"] == {"cancellationReasonCode": "V1"}
        for query, count in (("state=DONE", 0), ("account=other", 0), (f"account={ACCOUNT}&limit=1", 1)):
            assert len((await desk.call("GET", f"{OUTBOX}?{query}")).json()["entries"]) == count
        assert (await desk.call("GET", f"{OUTBOX}?after={entry['sequence']}")).json() == {"entries": []}

    async def test_retry_and_drop(self, desk: Desk, pair: Mirrored) -> None:
        """One that waits can be hurried or dropped; one that was dropped can come again; one that is done cannot."""
        sequence = (await cancelled(pair, desk))["sequence"]
        assert (await desk.call("POST", f"{OUTBOX}/{sequence}/retry")).json()["state"] == "WAITING"
        assert (await desk.call("POST", f"{OUTBOX}/{sequence}/drop")).json()["state"] == "DROPPED"
        refused(await desk.call("POST", f"{OUTBOX}/{sequence}/drop"), 409, "is DROPPED")
        assert (await desk.call("POST", f"{OUTBOX}/{sequence}/retry")).json()["state"] == "WAITING"
        await pair.deliver()
        for deed in ("drop", "retry"):
            refused(await desk.call("POST", f"{OUTBOX}/{sequence}/{deed}"), 409, "is DONE")
        kinds = await pair.here.kinds("job-1")
        assert kinds[-4:] == ["outbox.retried", "outbox.dropped", "outbox.retried", "outbox.sent"]

    @ON_ONE_DATABASE
    async def test_unknown(self, desk: Desk) -> None:
        """An entry that is not there is 404; a number that is none is 400."""
        for deed in ("retry", "drop"):
            refused(await desk.call("POST", f"{OUTBOX}/999/{deed}"), 404, "no entry 999")
            refused(await desk.call("POST", f"{OUTBOX}/x/{deed}"), 400, "[sequence]")
        refused(await desk.call("GET", f"{OUTBOX}?state=LOST"), 400, "[state]")
