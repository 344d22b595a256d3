"""The facts through the operator API: how far they are, and a refresh, on what really happened in a world."""

from pathlib import Path

import pytest

from fieldserve.analytics import home
from fieldserve.analytics.home import Home
from fieldserve.operations import facts as operations
from tests.api.test_operator_orders import JSON, full
from tests.desk import Desk, refused

FACTS = "/operator/v1/facts"


@pytest.fixture(autouse=True)
def folder(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own: worlds share their settings."""
    folder = tmp_path / "facts"
    monkeypatch.setattr(type(desk.world.context.settings), "facts_folder", property(lambda _: folder))
    return folder


class TestFacts:
    async def test_refresh(self, desk: Desk, folder: Path) -> None:
        """What the server did is in the facts after a refresh: an order, what it pays, a hold."""
        placed = await desk.call("POST", "orders", content=full(), headers=JSON)
        job_id = placed.json()["serviceJobId"]
        before = (await desk.call("GET", FACTS)).json()
        assert (before["watermark"], before["tables"]) == (0, [])
        await desk.call("POST", f"jobs/{job_id}/hold", {"causedBy": "BUYER"})
        told = (await desk.call("POST", f"{FACTS}/refresh")).json()
        assert told["complete"] is True
        after = (await desk.call("GET", FACTS)).json()
        assert (after["watermark"], after["behind"]) == (told["watermark"], 0)
        kept = Home(folder)
        [job] = [row for day in kept.days() for row in kept.read("job_facts", day).to_pylist()]
        assert (job["service_job_id"], job["status"], job["hold_count"], job["preferred_count"]) == (
            job_id,
            "HOLD",
            1,
            1,
        )
        [payment] = [row for day in kept.days() for row in kept.read("payment_facts", day).to_pylist()]
        assert (str(payment["amount"]), payment["currency"], payment["state"]) == ("89.9000", "USD", "PENDING")
        assert (await desk.call("POST", f"{FACTS}/refresh")).json()["events"] == 0

    async def test_busy(self, desk: Desk, folder: Path) -> None:
        """A refresh that is under way is not disturbed."""
        with home.held(folder):
            refused(await desk.call("POST", f"{FACTS}/refresh"), 409, "refreshed already")

    async def test_without_the_extra(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server without the analytics packages says so."""
        monkeypatch.setattr(operations, "find_spec", lambda name: None)
        for method, path in (("GET", FACTS), ("POST", f"{FACTS}/refresh")):
            refused(await desk.call(method, path), 501, "analytics packages")
