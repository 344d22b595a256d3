"""Personal data through the operator API."""

import pytest

from fieldserve.domain.intervals import DAY
from tests.desk import Desk, refused
from tests.world import ASIN, STORE

BUYER = "/operator/v1/buyers/B1BUYER"
PURGE = "/operator/v1/privacy/purge"


async def closed_job(desk: Desk) -> str:
    """An order of B1BUYER's that was cancelled."""
    buyer = {"name": "Zebulon Quux", "phone": "555-7777", "buyerId": "B1BUYER"}
    placed = await desk.call("POST", "orders", {"storeId": STORE, "asin": ASIN, "buyer": buyer})
    job_id: str = placed.json()["serviceJobId"]
    assert (await desk.call("POST", f"jobs/{job_id}/cancel-as-buyer", {})).status_code == 200
    return job_id


@pytest.mark.parametrize(("method", "path"), [("GET", BUYER), ("DELETE", BUYER), ("POST", PURGE)])
async def test_anonymous(desk: Desk, method: str, path: str) -> None:
    """Nothing without a key."""
    refused(await desk.client.request(method, path), 401, "key")


async def test_export_and_erase(desk: Desk) -> None:
    """What is held is told, then erased, then no longer told; the log names the operator."""
    job_id = await closed_job(desk)
    held = (await desk.call("GET", BUYER)).json()
    assert held["jobs"][0]["job"]["buyer"]["name"] == "Zebulon Quux"
    assert (await desk.call("DELETE", BUYER)).json() == {"jobs": 1, "documents": 0, "openJobIds": []}
    assert "Zebulon" not in (await desk.call("GET", BUYER)).text
    erased = [one for one in await desk.events(job_id) if one.kind == "job.erased"]
    assert [(one.actor, one.after) for one in erased] == [("operator:desk", {"why": "request", "documents": 0})]


async def test_purge(desk: Desk) -> None:
    """Jobs that closed long enough ago, and no others."""
    await closed_job(desk)
    desk.world.clock.advance(DAY)
    assert (await desk.call("POST", PURGE, {"olderThanDays": 30})).json()["jobs"] == 0
    desk.world.clock.advance(30 * DAY)
    assert (await desk.call("POST", PURGE, {"olderThanDays": 30})).json()["jobs"] == 1


async def test_which_is_not_said(desk: Desk) -> None:
    """Without an age nothing is purged."""
    refused(await desk.call("POST", PURGE, {}), 400, "olderThanDays")
