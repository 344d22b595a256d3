"""Webhooks on their way: each message is delivered, signed, at least once, and nowhere that it must not go."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from fieldserve.operations import egress, webhook_deliveries
from fieldserve.operations.run import Caller
from fieldserve.operations.webhook_deliveries import GIVE_UP_AFTER, MOST_TRIES, Courier, pause
from fieldserve.operations.webhooks import (
    create_webhook,
    get_webhook,
    list_deliveries,
    ping_webhook,
    redeliver,
    redeliver_dead,
    rotate_webhook_secret,
    update_webhook,
)
from fieldserve.store.engine import Database
from fieldserve.wire.times import SECOND
from fieldserve.wire.webhooks import CreateWebhook, RotateWebhookSecret, UpdateWebhook, WebhookWithSecret
from tests.receiver import Receiver, a_receiver, says
from tests.world import OTHER_SELLER, SELLER, FakeClock, World, a_world

BOSS = Caller(SELLER, actor="operator:test")
START = "2026-03-03T15:00:00Z"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """A world whose webhooks may go to this machine."""
    async with a_world(database, tmp_path / "data", webhook_targets="any", webhook_timeout=2) as world:
        yield world


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as receiver:
        yield receiver


@pytest.fixture
def machine() -> FakeClock:
    """The machine's clock, as receivers have it."""
    return FakeClock(time.time_ns() // 1000)


async def hook(world: World, receiver: Receiver, **members: Any) -> WebhookWithSecret:
    return await create_webhook(world.context, BOSS, CreateWebhook(url=receiver.url, **members))


async def turn(world: World, machine: FakeClock, counted: list[str] | None = None) -> None:
    """One turn of a courier, to the end of what it began."""
    courier = Courier(world.context, None if counted is None else counted.append, machine)
    await courier.turn()
    await courier.settled()


async def states(world: World, made: WebhookWithSecret) -> list[tuple[str, int]]:
    """State and tries of the webhook's deliveries, oldest first."""
    found = await list_deliveries(world.context, BOSS, made.webhook.webhook_id)
    return [(one.state, one.tries) for one in reversed(found.deliveries)]


class TestDelivered:
    """What comes, and in which form."""

    async def test_signed(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """What happens to a job comes in order, signed; what happened before the webhook, and to others, does not."""
        await world.order("job-0")
        made = await hook(world, receiver)
        job = await world.order("job-1")
        appointment = await world.book(job, START)
        await world.call("PUT", f"/service/v1/serviceJobs/{job}/cancellations", params={"cancellationReasonCode": "V1"})
        counted: list[str] = []
        await turn(world, machine, counted)
        first, second = sorted((one.verified(made.secret) for one in receiver.got), key=lambda m: m["data"]["sequence"])
        assert (first["type"], second["type"]) == ("appointment.added", "job.cancelled")
        assert first["timestamp"] == "2026-03-02T08:00:00Z"
        data = first["data"]
        assert data.pop("sequence") < second["data"]["sequence"]
        assert data == {
            "sellerId": SELLER,
            "serviceJobId": job,
            "serviceJobStatus": "NOT_SERVICED",
            "appointmentIds": [appointment],
        }
        assert counted == ["delivered", "delivered"]
        await turn(world, machine)
        assert len(receiver.got) == 2
        with pytest.raises(WebhookVerificationError):
            receiver.got[0].verified("whsec_" + "A" * 44)

    async def test_chosen(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """Only events of the types asked for come, and the seller's own."""
        made = await hook(world, receiver, event_types=["appointment.added"])
        other = Caller(OTHER_SELLER, actor="operator:test")
        await create_webhook(world.context, other, CreateWebhook(url=receiver.url))
        job = await world.order("job-1")
        await world.book(job, START)
        await world.call("PUT", f"/service/v1/serviceJobs/{job}/cancellations", params={"cancellationReasonCode": "V1"})
        await turn(world, machine)
        assert [one.verified(made.secret)["type"] for one in receiver.got] == ["appointment.added"]

    @pytest.mark.parametrize(("payload", "name"), [("JOB", None), ("JOB_WITH_PERSON", "Pat Doe")])
    async def test_the_job(
        self, world: World, receiver: Receiver, machine: FakeClock, payload: Any, name: str | None
    ) -> None:
        """The job comes along as it is now, and its buyer only if asked for."""
        made = await hook(world, receiver, payload=payload)
        await world.book(await world.order("job-1"), START)
        await turn(world, machine)
        job = receiver.got[0].verified(made.secret)["data"]["job"]
        assert job["serviceJobId"] == "job-1"
        assert job["buyer"].get("name") == name
        assert ("address" in job["serviceLocation"]) == (name is not None)

    async def test_two_secrets(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """After a rotation both secrets verify for a day, then only the new one."""
        made = await hook(world, receiver)
        webhook_id = made.webhook.webhook_id
        again = await rotate_webhook_secret(world.context, BOSS, webhook_id, RotateWebhookSecret(), machine)
        await ping_webhook(world.context, BOSS, webhook_id)
        await turn(world, machine)
        assert receiver.got[0].verified(made.secret) == receiver.got[0].verified(again.secret)
        await rotate_webhook_secret(world.context, BOSS, webhook_id, RotateWebhookSecret(overlap_hours=0), machine)
        await ping_webhook(world.context, BOSS, webhook_id)
        await turn(world, machine)
        assert " " not in receiver.got[1].headers["webhook-signature"]
        with pytest.raises(WebhookVerificationError):
            receiver.got[1].verified(again.secret)

    async def test_of_an_application(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """An application gets what its authorization covers, and nothing of another store."""
        await world.token(application_id="app-1", stores=frozenset({"store-2"}))
        made = await hook(world, receiver, application_id="app-1")
        await world.book(await world.order("job-1"), START)
        counted: list[str] = []
        await turn(world, machine, counted)
        assert receiver.got == []
        assert counted == ["dropped"]
        assert await states(world, made) == [("DROPPED", 1)]


class TestTriedAgain:
    """What is not delivered at once."""

    async def test_until_it_succeeds(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """A message that fails comes again after a pause, under the same id; meanwhile others pass it."""
        receiver.answers = [says(500, body="boom"), None]
        made = await hook(world, receiver)
        await ping_webhook(world.context, BOSS, made.webhook.webhook_id)
        await turn(world, machine)
        assert (await get_webhook(world.context, BOSS, made.webhook.webhook_id)).failing_since is not None
        (told,) = (await list_deliveries(world.context, BOSS, made.webhook.webhook_id)).deliveries
        assert (told.state, told.status, told.said) == ("WAITING", 500, "boom")
        await turn(world, machine)
        assert len(receiver.got) == 1
        # After 4 to 6 s the second, after another 16 to 24 s the third.
        machine.advance(6 * SECOND)
        await turn(world, machine)
        machine.advance(24 * SECOND)
        await turn(world, machine)
        assert len({one.headers["webhook-id"] for one in receiver.got}) == 1
        assert await states(world, made) == [("DELIVERED", 3)]
        assert (await get_webhook(world.context, BOSS, made.webhook.webhook_id)).failing_since is None

    async def test_dead_letters(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """After eleven tries it is a dead letter, which an operator can have sent again."""
        receiver.answers = [says(503)] * MOST_TRIES
        made = await hook(world, receiver)
        webhook_id = made.webhook.webhook_id
        await ping_webhook(world.context, BOSS, webhook_id)
        counted: list[str] = []
        for _ in range(MOST_TRIES):
            await turn(world, machine, counted)
            machine.advance(8 * 3600 * SECOND)
        assert counted == ["failed"] * (MOST_TRIES - 1) + ["dead"]
        assert await states(world, made) == [("DEAD", MOST_TRIES)]
        assert (await redeliver_dead(world.context, BOSS, webhook_id)).deliveries == 1
        await turn(world, machine)
        assert await states(world, made) == [("DELIVERED", 1)]
        (told,) = (await list_deliveries(world.context, BOSS, webhook_id)).deliveries
        await redeliver(world.context, BOSS, webhook_id, told.sequence)
        await turn(world, machine)
        assert len(receiver.got) == MOST_TRIES + 2

    async def test_gone(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """410 ends the webhook at once; what waited becomes dead letters, and enabled again it gets what is new."""
        receiver.answers = [says(410)]
        made = await hook(world, receiver)
        webhook_id = made.webhook.webhook_id
        await ping_webhook(world.context, BOSS, webhook_id)
        await turn(world, machine)
        shown = await get_webhook(world.context, BOSS, webhook_id)
        assert (shown.enabled, shown.disabled_reason) == (False, "the receiver answered 410 Gone")
        assert await states(world, made) == [("DEAD", 1)]
        job = await world.order("job-1")
        await world.book(job, START)
        await turn(world, machine)
        await update_webhook(world.context, BOSS, webhook_id, UpdateWebhook(enabled=True))
        await world.call("PUT", f"/service/v1/serviceJobs/{job}/cancellations", params={"cancellationReasonCode": "V1"})
        await turn(world, machine)
        assert [one.json["type"] for one in receiver.got] == ["webhook.ping", "job.cancelled"]

    async def test_given_up(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """After five days without one success nothing is sent any more."""
        receiver.answers = [says(500), says(500)]
        made = await hook(world, receiver)
        for _ in range(2):
            await ping_webhook(world.context, BOSS, made.webhook.webhook_id)
        await turn(world, machine)
        machine.advance(GIVE_UP_AFTER)
        receiver.answers = [says(500), says(500)]
        await turn(world, machine)
        shown = await get_webhook(world.context, BOSS, made.webhook.webhook_id)
        assert shown.disabled_reason is not None
        assert shown.disabled_reason.startswith("nothing was delivered since")
        assert await world.kinds(made.webhook.webhook_id) == ["webhook.created", "webhook.disabled"]

    def test_pauses(self) -> None:
        """They grow to six hours, with a fifth of jitter, over about a day, and are no shorter than was asked."""
        for _ in range(100):
            assert 4 * SECOND <= pause(1) <= 6 * SECOND
            assert 0.8 * 6 * 3600 * SECOND <= pause(MOST_TRIES) <= 1.2 * 6 * 3600 * SECOND
        assert pause(1, "3600") == 3600 * SECOND
        assert pause(1, "tomorrow") <= 6 * SECOND
        assert pause(1, "99999999") == 6 * 3600 * SECOND


class TestSeveralProcesses:
    """Couriers on one database."""

    async def test_each_once(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """Three couriers at once deliver each of twenty messages once."""
        made = await hook(world, receiver)
        for _ in range(20):
            await ping_webhook(world.context, BOSS, made.webhook.webhook_id)
        couriers = [Courier(world.context, None, machine) for _ in range(3)]
        for _ in range(20):
            await asyncio.gather(*(one.turn() for one in couriers))
            await asyncio.gather(*(one.settled() for one in couriers))
        assert len(receiver.got) == len({one.headers["webhook-id"] for one in receiver.got}) == 20
        assert await states(world, made) == [("DELIVERED", 1)] * 20

    async def test_events_are_queued_once(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """Several that read the log at once queue no event twice."""
        made = await hook(world, receiver)
        for number in range(3):
            await world.book(await world.order(f"job-{number}"), f"2026-03-0{number + 3}T15:00:00Z")
        await asyncio.gather(*(webhook_deliveries.queue_events(world.context) for _ in range(4)))
        assert await states(world, made) == [("WAITING", 0)] * 3

    async def test_killed(self, world: World, receiver: Receiver, machine: FakeClock) -> None:
        """What a process had claimed when it ended comes due again, and one that comes back late changes nothing."""
        made = await hook(world, receiver)
        await ping_webhook(world.context, BOSS, made.webhook.webhook_id)
        late = Courier(world.context, None, machine)
        await late.turn()
        for task in list(late._tasks):
            task.cancel()
        await late.settled()
        await turn(world, machine)
        assert await states(world, made) == [("WAITING", 1)]
        machine.advance(4 * SECOND)  # twice the two seconds that a receiver has
        await turn(world, machine)
        assert await states(world, made) == [("DELIVERED", 2)]


class TestNowhereElse:
    """Where nothing goes, and what is not read."""

    @pytest.mark.parametrize(
        "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
    )
    async def test_private(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that leads to a private address is refused when it is sent to, whatever it led to before."""

        async def rebound(host: str, port: int, **_: Any) -> list[Any]:
            return [(0, 0, 0, "", ("93.184.215.14", port)), (0, 0, 0, "", (address, port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebound)
        with pytest.raises(egress.NotSent, match="is not a public address"):
            await egress.post("https://innocent.example/", {}, b"{}", within=1, anywhere=False)

    async def test_redirects(self, receiver: Receiver) -> None:
        """A redirect is an answer like any other, and is not followed."""
        receiver.answers = [says(302, f"location: {receiver.url}")]
        answer = await egress.post(receiver.url, {}, b"{}", within=2, anywhere=True)
        assert (answer.status, len(receiver.got)) == (302, 1)

    async def test_a_long_answer(self, receiver: Receiver) -> None:
        """Of an answer without an end only the beginning is read."""
        receiver.answers = [says(200, body="x" * 10_000_000)]
        answer = await egress.post(receiver.url, {}, b"{}", within=2, anywhere=True)
        assert answer.text == "x" * 200

    async def test_no_answer(self, receiver: Receiver) -> None:
        """Whoever answers nothing is waited for no longer than the time that there is."""

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            with pytest.raises(egress.NotSent, match="no answer within"):
                await egress.post(url, {}, b"{}", within=0.1, anywhere=True)

    async def test_secrets_are_sealed(self, world: World, receiver: Receiver) -> None:
        """The database does not hold the secret, nor does the event log hold the URL."""
        made = await hook(world, receiver)
        row = await world.read(lambda c: c.fetch_one("SELECT sealed_secret, url FROM webhooks"))
        assert made.secret.removeprefix("whsec_") not in row[0]
        assert made.secret not in repr(made)
        logged = await world.read(lambda c: c.fetch("SELECT after FROM events WHERE kind = 'webhook.created'"))
        assert "who=me" not in str([tuple(one) for one in logged])
