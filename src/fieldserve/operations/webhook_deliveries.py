"""Webhooks on their way: from the event log into a durable queue, and from there to their receivers.

Each message is delivered at least once. The queue gets events in the order of the log; a message that has to be tried
again does not hold up those behind it. Any number of processes may do this on one database: a delivery is claimed for
as long as a receiver may take, and comes due again where whoever claimed it is killed.

Time here is the machine's own, whatever a sandbox's clock says: receivers refuse signatures of another time.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

import fieldserve
from fieldserve.operations import egress
from fieldserve.operations.egress import NotSent
from fieldserve.operations.events import complete_until
from fieldserve.operations.run import Clock, Context, SystemClock, read, transact
from fieldserve.operations.webhooks import disable, unseal
from fieldserve.store import authorizations, events, jobs, webhooks
from fieldserve.store.engine import Connection, Unavailable
from fieldserve.store.events import StoredEvent
from fieldserve.store.keys import KeyFault
from fieldserve.store.webhooks import Delivery, Webhook
from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.privacy import without_person
from fieldserve.wire.times import MINUTE, SECOND, Instant, render
from fieldserve.wire.webhooks import EVENT_TYPES, PING, message, sign

log = logging.getLogger("fieldserve")

EVERY = 1.0
EVENTS_AT_ONCE = 500
IN_FLIGHT = 32
IN_FLIGHT_OF_ONE = 4

# 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, then every six hours: eleven tries over about a day.
FIRST_PAUSE, PAUSE_GROWS, LONGEST_PAUSE = 5 * SECOND, 4, 360 * MINUTE
MOST_TRIES = 11
GIVE_UP_AFTER = 5 * 24 * 60 * MINUTE
"""For how long a webhook may fail, without one success, before nothing is sent to it any more."""

KEEP_ENDED = 7 * 24 * 60 * MINUTE
KEEP_DEAD = 30 * 24 * 60 * MINUTE

Count = Callable[[str], None]


class Courier:
    """What one process is delivering. `count` is told `delivered`, `failed`, `dead` or `dropped` for each try."""

    def __init__(self, context: Context, count: Count | None = None, machine: Clock | None = None):
        self._context = context
        self._count: Count = count or (lambda _: None)
        self._machine = machine or SystemClock()
        self._in_flight: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Deliver until cancelled; what is in flight then is tried again later."""
        try:
            while True:
                try:
                    await self.turn()
                except Unavailable as fault:
                    log.warning("webhooks have to wait: %s", fault)
                except Exception:
                    log.exception("a turn of webhooks failed")
                await asyncio.sleep(EVERY)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def turn(self) -> None:
        """Queue what is new, and begin to send what is due. Raises Unavailable."""
        while await queue_events(self._context) == EVENTS_AT_ONCE:
            pass
        now = self._machine.now()
        for webhook_id in await read(self._context, lambda c: webhooks.due(c, now, IN_FLIGHT)):
            await self._begin(webhook_id, now)

    async def _begin(self, webhook_id: str, now: Instant) -> None:
        room = min(IN_FLIGHT_OF_ONE - self._in_flight[webhook_id], IN_FLIGHT - len(self._tasks))
        if room <= 0:
            return
        # Twice the time that a receiver has: preparing and settling take some, too.
        until = now + 2 * self._context.settings.webhook_timeout * SECOND
        claimed = await transact(self._context, lambda c: webhooks.claim(c, webhook_id, now, until, room))
        for one in claimed:
            self._in_flight[webhook_id] += 1
            task = asyncio.create_task(self._carry(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until nothing is in flight."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _carry(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except Unavailable as fault:
            log.warning("delivery %s is tried again: %s", delivery.message_id, fault)
        except Exception:
            log.exception("delivery %s failed", delivery.message_id)
        finally:
            self._in_flight[delivery.webhook_id] -= 1

    async def _deliver(self, delivery: Delivery) -> None:
        prepared = await read(self._context, lambda c: _prepare(self._context, c, delivery))
        if prepared is None:
            await self._settle(
                replace(delivery, state="DROPPED", said="the application may not see this job"), "dropped"
            )
            return
        webhook, body = prepared
        status, retry_after, said = None, None, None
        try:
            answer = await self._send(webhook, delivery, body)
            status, retry_after, said = answer.status, answer.retry_after, answer.text or None
        except (NotSent, KeyFault) as fault:
            said = str(fault)
        tried = replace(delivery, status=status, said=None if status and status < 300 else said)
        if status is not None and 200 <= status < 300:
            await self._settle(replace(tried, state="DELIVERED"), "delivered")
        elif status == 410 or delivery.tries >= MOST_TRIES:
            await self._settle(replace(tried, state="DEAD"), "dead")
        else:
            await self._settle(
                replace(tried, next_at=self._machine.now() + pause(delivery.tries, retry_after)), "failed"
            )

    async def _send(self, webhook: Webhook, delivery: Delivery, body: bytes) -> egress.Answer:
        now = self._machine.now()
        sealed = [webhook.sealed_secret]
        if webhook.sealed_previous is not None and now < (webhook.previous_until or 0):
            sealed.append(webhook.sealed_previous)
        secrets = [unseal(self._context, webhook.webhook_id, one) for one in sealed]
        settings = self._context.settings
        return await egress.post(
            webhook.url,
            {
                "content-type": "application/json",
                "user-agent": f"fieldserve/{fieldserve.__version__}",
                "webhook-id": delivery.message_id,
                "webhook-timestamp": str(now // SECOND),
                "webhook-signature": sign(secrets, delivery.message_id, now // SECOND, body),
            },
            body,
            within=settings.webhook_timeout,
            anywhere=settings.webhook_targets == "any",
        )

    async def _settle(self, delivery: Delivery, outcome: str) -> None:
        now = self._machine.now()
        ended = delivery if delivery.state == "WAITING" else replace(delivery, ended_at=now)

        async def settle(c: Connection) -> bool:
            webhook = await webhooks.find(c, delivery.webhook_id, lock=True)
            if webhook is None or not await webhooks.settle(c, ended):
                return False
            if outcome != "dropped":
                await _weigh(c, webhook, ended, outcome, now)
            return True

        if await transact(self._context, settle):
            self._count(outcome)


async def _weigh(c: Connection, webhook: Webhook, delivery: Delivery, outcome: str, now: Instant) -> None:
    """What a try means for all that goes to the webhook."""
    if outcome == "delivered":
        if webhook.failing_since is not None:
            await webhooks.update(c, replace(webhook, failing_since=None))
        return
    since = webhook.failing_since or now
    failing = replace(webhook, failing_since=since)
    if webhook.failing_since is None:
        await webhooks.update(c, failing)
    if webhook.disabled_reason is not None:
        return
    if delivery.status == 410:
        await disable(c, failing, "the receiver answered 410 Gone", now, "server")
    elif now - since >= GIVE_UP_AFTER:
        await disable(c, failing, f"nothing was delivered since {render(since)}", now, "server")


def pause(tries: int, retry_after: str | None = None) -> int:
    """Microseconds until the next try after so many, with a fifth of jitter; not sooner than the receiver asked."""
    grown = min(FIRST_PAUSE * PAUSE_GROWS ** (tries - 1), LONGEST_PAUSE)
    asked = int(retry_after) * SECOND if retry_after and retry_after.isascii() and retry_after.isdecimal() else 0
    return max(int(grown * random.uniform(0.8, 1.2)), min(asked, LONGEST_PAUSE))  # noqa: S311 it keeps no secret


# ---- from the event log


async def queue_events(context: Context) -> int:
    """Queue deliveries for the events since the last time; answers how many events it looked at."""
    last, cursor, targets = await read(context, _standing)
    start = _start(cursor, targets)
    if not targets or last <= start:
        return 0
    until = await complete_until(context)
    if until is not None and until <= start:
        return 0

    async def use(c: Connection) -> int:
        begin = _start(await webhooks.cursor(c, lock=True), targets)
        found = await events.read(c, after=begin, until=until, limit=EVENTS_AT_ONCE)
        now_enabled = await webhooks.enabled(c)
        queued = [_message(context, one, to) for one in found for to in now_enabled if _wants(to, one)]
        if queued:
            await webhooks.queue(c, queued)
        if found:
            await webhooks.move_cursor(c, found[-1].sequence)
        return len(found)

    return await transact(context, use)


async def _standing(c: Connection) -> tuple[int, int, list[Webhook]]:
    targets = list(await webhooks.enabled(c))
    return (await webhooks.last_event(c) if targets else 0), await webhooks.cursor(c), targets


def _start(cursor: int, targets: list[Webhook]) -> int:
    """Behind which event to begin: what happened before the oldest webhook concerns none."""
    return max(cursor, min((one.since for one in targets), default=0))


def _wants(webhook: Webhook, stored: StoredEvent) -> bool:
    event = stored.event
    return (
        event.kind in EVENT_TYPES
        and event.seller_id == webhook.seller_id
        and stored.sequence > webhook.since
        and (not webhook.event_types or event.kind in webhook.event_types)
    )


def _message(context: Context, stored: StoredEvent, webhook: Webhook) -> Delivery:
    event = stored.event
    after: dict[str, Any] = event.after if isinstance(event.after, dict) else {}
    data: dict[str, Any] = {
        "sequence": stored.sequence,
        "sellerId": event.seller_id,
        "serviceJobId": event.subject,
    }
    if status := after.get("status"):
        data["serviceJobStatus"] = status
    if appointments := after.get("appointments"):
        data["appointmentIds"] = [one["appointmentId"] for one in appointments]
    message_id = f"msg_{context.ids.uuid()}"
    return Delivery(webhook.webhook_id, message_id, stored.sequence, event.kind, event.at, event.subject, data)


async def _prepare(context: Context, c: Connection, delivery: Delivery) -> tuple[Webhook, bytes] | None:
    """The webhook and the body, as both are now; None where its application may not see the job."""
    webhook = await webhooks.find(c, delivery.webhook_id)
    assert webhook is not None  # its deliveries go with it
    data = dict(delivery.data)
    if delivery.type != PING and delivery.service_job_id is not None:
        job = await jobs.find(c, webhook.seller_id, delivery.service_job_id)
        if job is not None and not await _may_see(c, webhook, job.marketplace_id, job.store_id):
            return None
        if job is not None and webhook.payload != "THIN":
            document = msgspec.json.decode(jobs.document(job), type=ServiceJob)
            data["job"] = document if webhook.payload == "JOB_WITH_PERSON" else without_person(document)
    return webhook, msgspec.json.encode(message(delivery.type, render(delivery.at), data))


async def _may_see(c: Connection, webhook: Webhook, marketplace_id: str, store_id: str | None) -> bool:
    if webhook.application_id is None:
        return True
    return any(
        one.application_id == webhook.application_id
        and one.revoked_at is None
        and marketplace_id in one.marketplaces
        and (one.stores is None or store_id is None or store_id in one.stores)
        for one in await authorizations.of_seller(c, webhook.seller_id)
    )


async def purge_deliveries(context: Context) -> None:
    """Forget deliveries that ended a week ago, and dead letters of a month."""
    now = SystemClock().now()
    await transact(context, lambda c: webhooks.purge(c, now - KEEP_ENDED, now - KEEP_DEAD))
