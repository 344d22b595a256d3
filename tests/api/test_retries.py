"""Writes that are sent again under an Idempotency-Key: one effect, one answer."""

import asyncio
from typing import Any

import httpx2
import pytest

from fieldserve.domain.intervals import HOUR
from fieldserve.operations.retries import purge_retries
from fieldserve.wire.operations import BY_ID, OPERATIONS
from tests.access import dump
from tests.desk import Desk
from tests.scene import Scene
from tests.uploads import attached, document
from tests.world import NOW, OTHER_SELLER, SELLER, World

WRITES = [operation.id for operation in OPERATIONS if operation.changes]
KEY = {"idempotency-key": "k-1"}
ADD = "addAppointmentForServiceJobByServiceJobId"
REPLAYED = "idempotent-replayed"


def same(first: httpx2.Response, second: httpx2.Response) -> None:
    """The second is the first, given again, and says so."""
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert second.headers["x-amzn-requestid"] != first.headers["x-amzn-requestid"]
    assert second.headers.get("content-type") == first.headers.get("content-type")


async def tables(world: World) -> str:
    """All that is stored, but for usage plans' buckets, which count each request."""
    lines = (await dump(world.context.database)).splitlines()
    return "\n".join(line for line in lines if not line.startswith("usage_buckets"))


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)


class TestOperations:
    """The operations of the API that write."""

    @pytest.mark.parametrize("operation_id", WRITES)
    async def test_again(self, scene: Scene, operation_id: str) -> None:
        """The same request with the same key is answered the same, and does nothing."""
        ask = await scene.ask(operation_id)
        first = await scene.send(ask, headers=KEY)
        assert first.status_code == BY_ID[operation_id].success, first.text
        stored = await tables(scene.world)
        same(first, await scene.send(ask, headers=KEY))
        assert await tables(scene.world) == stored

    async def test_without_a_key(self, scene: Scene) -> None:
        """Without a key the second is a request of its own."""
        ask = await scene.ask(ADD)
        assert (await scene.send(ask)).status_code == 200
        assert (await scene.send(ask)).status_code == 422

    async def test_at_once(self, scene: Scene) -> None:
        """Of many that come at once one is carried out, and all get its answer."""
        ask = await scene.ask("createReservation")
        answers = await asyncio.gather(*(scene.send(ask, headers=KEY) for _ in range(8)))
        assert {answer.content for answer in answers} == {answers[0].content}
        assert sum(REPLAYED not in answer.headers for answer in answers) == 1
        reservation_id = answers[0].json()["payload"]["reservation"]["reservationId"]
        assert await scene.world.kinds(reservation_id) == ["reservation.created"]

    async def test_refused(self, scene: Scene) -> None:
        """A refusal is an answer, too: it stays, even if the slot has become free since."""
        start = scene.slot()
        holders = [await scene.pending() for _ in range(2)]
        for job_id in holders:
            await scene.world.book(job_id, start)
        ask = (await scene.ask(ADD)).saying({"appointmentTime": {"startTime": start}})
        first = await scene.send(ask, headers=KEY)
        assert first.status_code == 422
        cancel = (await scene.ask("cancelServiceJobByServiceJobId")).but(path={"serviceJobId": holders[0]})
        assert (await scene.send(cancel)).status_code == 200
        same(first, await scene.send(ask, headers=KEY))
        assert (await scene.send(ask, headers={"idempotency-key": "k-2"})).status_code == 200

    async def test_refused_inside_a_success(self, scene: Scene) -> None:
        """A reservation that is refused inside a 200 is remembered, and nothing of it stays."""
        ask = await scene.ask("createReservation")
        body: dict[str, Any] = ask.body
        body["reservation"] |= {"type": "APPOINTMENT"}
        body["reservation"]["availability"]["capacity"] = 99
        first = await scene.send(ask.saying(body), headers=KEY)
        assert "errors" in first.json()["payload"]
        same(first, await scene.send(ask.saying(body), headers=KEY))

    async def test_malformed(self, scene: Scene) -> None:
        """A request that was malformed may come again under its key when it is mended."""
        ask = await scene.ask(ADD)
        assert (await scene.send(ask.saying({}), headers=KEY)).status_code == 400
        assert (await scene.send(ask, headers=KEY)).status_code == 200

    @pytest.mark.parametrize("what", ["path", "query", "body"])
    async def test_another_request(self, scene: Scene, what: str) -> None:
        """The key of one request is refused for another, which does nothing."""
        ask = await scene.ask(ADD)
        assert (await scene.send(ask, headers=KEY)).status_code == 200
        other = {
            "path": ask.but(path={"serviceJobId": await scene.pending()}),
            "query": ask.but(query={"a": "b"}),
            "body": ask.saying({**ask.body, "more": 1}),
        }[what]
        stored = await tables(scene.world)
        answer = await scene.send(other, headers=KEY)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "IdempotencyKeyReused"
        assert await tables(scene.world) == stored

    async def test_anothers_key(self, scene: Scene) -> None:
        """Keys are a caller's own: another application, or another seller, may use the same one."""
        ask = await scene.ask("createReservation")
        answers = [await scene.send(ask, headers=KEY)]
        token = await scene.world.token()
        answers.append(await scene.send(ask, headers={**KEY, "x-amz-access-token": token}))
        other = Scene(scene.world, OTHER_SELLER, "store-9")
        answers.append(await other.send(await other.ask("createReservation"), headers=KEY))
        assert len({answer.json()["payload"]["reservation"]["reservationId"] for answer in answers}) == 3

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256, "schlüssel".encode()])
    async def test_no_key(self, scene: Scene, key: str | bytes) -> None:
        """A key has 1 to 255 visible characters."""
        answer = await scene.send(await scene.ask("createReservation"), headers={"idempotency-key": key})
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.json()["errors"][0]["message"]

    async def test_reads(self, scene: Scene) -> None:
        """A read with a key answers what is there now."""
        job_id = await scene.pending()
        path = f"/service/v1/serviceJobs/{job_id}"
        assert "appointments" not in (await scene.world.call("GET", path, headers=KEY)).json()["payload"]
        await scene.world.book(job_id, scene.slot())
        assert "appointments" in (await scene.world.call("GET", path, headers=KEY)).json()["payload"]

    async def test_after_a_day(self, scene: Scene) -> None:
        """After 24 hours the key is as good as new, purged or not."""
        clock, ask = scene.world.clock, await scene.ask("createReservation")
        first = await scene.send(ask, headers=KEY)
        clock.advance(24 * HOUR)
        await purge_retries(scene.world.context)
        same(first, await scene.send(ask, headers=KEY))
        clock.advance(1)
        second = await scene.send(ask, headers=KEY)
        assert REPLAYED not in second.headers
        assert (
            second.json()["payload"]["reservation"]["reservationId"]
            != first.json()["payload"]["reservation"]["reservationId"]
        )
        clock.advance(24 * HOUR + 1)
        await purge_retries(scene.world.context)
        assert await scene.world.read(lambda c: c.fetch("SELECT key FROM idempotency_keys")) == []

    async def test_documents(self, scene: Scene) -> None:
        """What has to wait for files is carried out once, too."""
        job_id, appointment_id = await scene.booked()
        body = attached(await document(scene.world))
        path = f"/service/v1/serviceJobs/{job_id}/appointments/{appointment_id}/fulfillment"
        first = await scene.world.call("PUT", path, json=body, headers=KEY)
        assert first.status_code == 204, first.text
        same(first, await scene.world.call("PUT", path, json=body, headers=KEY))
        assert (await scene.world.kinds(job_id)).count("appointment.fulfilled") == 1


class TestOperator:
    """The operator API's writes."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/operator/v1/sellers", {"sellerId": "A9NEW", "name": "New", "marketplaceIds": ["ATVPDKIKX0DER"]}),
            ("PATCH", f"/operator/v1/sellers/{SELLER}", {"name": "Another name"}),
            ("POST", "/operator/v1/applications", {"name": "Planner"}),
            ("POST", f"/operator/v1/sellers/{SELLER}/sign-in-codes", None),
            ("POST", "/operator/v1/keys", {"name": "second"}),
            ("DELETE", "/operator/v1/keys/nobody", None),
        ],
    )
    async def test_again(self, desk: Desk, method: str, path: str, body: Any) -> None:
        """The same request with the same key is answered the same, secrets and all, and does nothing."""
        first = await desk.call(method, path, body, headers=KEY)
        assert first.status_code < 300, first.text
        stored = await tables(desk.world)
        same(first, await desk.call(method, path, body, headers=KEY))
        assert await tables(desk.world) == stored

    async def test_order(self, desk: Desk) -> None:
        """An order that is sent again makes no second job."""
        body = {"asin": "B0MOUNTING", "storeId": "store-1", "buyer": {"name": "Pat Doe"}}
        first = await desk.call("POST", "orders", body, headers=KEY)
        assert first.status_code == 201, first.text
        same(first, await desk.call("POST", "orders", body, headers=KEY))
        jobs = (await desk.call("GET", "jobs")).json()["jobs"]
        assert len(jobs) == 1

    async def test_refused(self, desk: Desk) -> None:
        """A refusal stays under its key."""
        body = {"sellerId": SELLER, "name": "Twice", "marketplaceIds": ["ATVPDKIKX0DER"]}
        first = await desk.call("POST", "/operator/v1/sellers", body, headers=KEY)
        assert first.status_code == 409
        same(first, await desk.call("POST", "/operator/v1/sellers", body, headers=KEY))

    async def test_secrets(self, desk: Desk) -> None:
        """A secret that is remembered to be told again lies nowhere in the database."""
        first = await desk.call("POST", "/operator/v1/applications", {"name": "Planner"}, headers=KEY)
        secret = first.json()["clientSecret"]
        assert secret not in await dump(desk.world.context.database)

    async def test_another_request(self, desk: Desk) -> None:
        """The key of one request is refused for another."""
        assert (await desk.call("POST", "/operator/v1/keys", {"name": "a"}, headers=KEY)).status_code == 201
        answer = await desk.call("POST", "/operator/v1/keys", {"name": "b"}, headers=KEY)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "IdempotencyKeyReused"

    async def test_no_key(self, desk: Desk) -> None:
        """A key has 1 to 255 visible characters."""
        answer = await desk.call("POST", "/operator/v1/keys", {"name": "a"}, headers={"idempotency-key": "a b"})
        assert answer.status_code == 400


async def test_time_of_the_first(world: World) -> None:
    """A replayed answer does not look at the clock: the booking's start may be past by then."""
    scene = Scene(world)
    ask = await scene.ask(ADD)
    first = await scene.send(ask, headers=KEY)
    world.clock.instant = NOW + 23 * HOUR
    same(first, await scene.send(ask, headers=KEY))
