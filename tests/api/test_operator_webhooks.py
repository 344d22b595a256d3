"""Webhooks, as operators manage them over HTTP."""

from typing import Any

import pytest

from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import OTHER_SELLER, SELLER

URL = "https://example.com/hook"
THEIRS = f"/operator/v1/sellers/{OTHER_SELLER}/webhooks"


async def made(desk: Desk, **members: Any) -> dict[str, Any]:
    """A new webhook of SELLER."""
    answer = await desk.call("POST", "webhooks", {"url": URL, **members})
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json()["webhook"]
    return webhook


class TestCreate:
    """Where it may go, and for whom."""

    async def test_anonymous(self, desk: Desk) -> None:
        """Without a key nothing is made."""
        refused(await desk.call("POST", "webhooks", {"url": URL}, headers={"authorization": ""}), 401, "operator key")

    async def test_made(self, desk: Desk) -> None:
        """It has an id, takes all types, and its secret is told once."""
        answer = await desk.call("POST", "webhooks", {"url": URL})
        one = answer.json()["webhook"]
        assert (one["sellerId"], one["eventTypes"], one["payload"], one["enabled"]) == (SELLER, [], "THIN", True)
        secret = answer.json()["secret"]
        assert secret not in (await desk.call("GET", f"webhooks/{one['webhookId']}")).text
        assert [event.kind for event in await desk.events(one["webhookId"])] == ["webhook.created"]

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/",
            "ftp://example.com/",
            "https://",
            "https://me:secret@example.com/",
            "https://example.com/#part",
            "https://example.com/a b",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://example.com:99999/",
        ],
    )
    async def test_url(self, desk: Desk, url: str) -> None:
        """Nothing but https to what may be public."""
        refused(await desk.call("POST", "webhooks", {"url": url}), 400, "url")

    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk) -> None:
        """Unknown types, sellers and applications, and applications without an authorization."""
        refused(await desk.call("POST", "webhooks", {"url": URL, "eventTypes": ["job.lost"]}), 400, "job.lost")
        refused(await desk.call("POST", "/operator/v1/sellers/NOBODY/webhooks", {"url": URL}), 404, "NOBODY")
        refused(await desk.call("POST", "webhooks", {"url": URL, "applicationId": "none"}), 404, "none")
        await desk.world.token(seller=OTHER_SELLER, application_id="app-2")
        refused(await desk.call("POST", "webhooks", {"url": URL, "applicationId": "app-2"}), 422, "no authorization")


class TestLookedAfter:
    """What there is, and what becomes of it."""

    async def test_life(self, desk: Desk) -> None:
        """Listed, changed, tried, given another secret, stopped and removed."""
        one = await made(desk)
        path = f"webhooks/{one['webhookId']}"
        assert (await desk.call("GET", "webhooks")).json() == {"webhooks": [one]}
        changed = (await desk.call("PATCH", path, {"payload": "JOB", "eventTypes": ["job.held"]})).json()
        assert changed == one | {"payload": "JOB", "eventTypes": ["job.held"]}
        ping = (await desk.call("POST", f"{path}/ping")).json()
        assert (ping["type"], ping["state"], ping["tries"]) == ("webhook.ping", "WAITING", 0)
        assert (await desk.call("POST", f"{path}/secret", {})).json()["secret"].startswith("whsec_")
        stopped = (await desk.call("PATCH", path, {"enabled": False})).json()
        assert stopped["disabledReason"] == "an operator disabled it"
        refused(await desk.call("POST", f"{path}/ping"), 422, "is disabled")
        refused(await desk.call("POST", f"{path}/redeliver"), 422, "is disabled")
        await desk.call("PATCH", path, {"enabled": True})
        assert (await desk.call("POST", f"{path}/redeliver")).json() == {"deliveries": 1}
        again = await desk.call("POST", f"{path}/deliveries/{ping['sequence']}/redeliver")
        assert again.json()["messageId"] == ping["messageId"]
        refused(await desk.call("POST", f"{path}/deliveries/999/redeliver"), 404, "999")
        assert (await desk.call("DELETE", path)).status_code == 204
        refused(await desk.call("GET", path), 404, "No webhook exists")

    async def test_pages(self, desk: Desk) -> None:
        """Deliveries come newest first, by state, page by page."""
        path = f"webhooks/{(await made(desk))['webhookId']}"
        sequences = [(await desk.call("POST", f"{path}/ping")).json()["sequence"] for _ in range(3)]
        first = (await desk.call("GET", f"{path}/deliveries", params={"limit": 2, "state": "WAITING"})).json()
        second = (await desk.call("GET", f"{path}/deliveries", params={"before": first["next"]})).json()
        found = [one["sequence"] for one in (*first["deliveries"], *second["deliveries"])]
        assert found == sequences[::-1]
        assert (await desk.call("GET", f"{path}/deliveries", params={"state": "DEAD"})).json() == {"deliveries": []}

    @ON_ONE_DATABASE
    async def test_of_another(self, desk: Desk) -> None:
        """Another seller's webhook is one that never was."""
        one = (await made(desk))["webhookId"]
        for method, rest in (
            ("GET", ""),
            ("DELETE", ""),
            ("POST", "/ping"),
            ("GET", "/deliveries"),
            ("POST", "/redeliver"),
            ("POST", "/deliveries/1/redeliver"),
        ):
            refused(await desk.call(method, f"{THEIRS}/{one}{rest}"), 404, "No webhook exists")
        refused(await desk.call("PATCH", f"{THEIRS}/{one}", {}), 404, "No webhook exists")
        refused(await desk.call("POST", f"{THEIRS}/{one}/secret", {}), 404, "No webhook exists")
