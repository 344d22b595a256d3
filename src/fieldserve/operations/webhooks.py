"""Where webhooks go, as operators manage it. `webhook_deliveries` sends them."""

import base64
import secrets
from dataclasses import replace

from msgspec import UNSET

from fieldserve.operations.run import Caller, Clock, Context, SystemClock, read, transact
from fieldserve.operations.sellers import find_seller, refuse
from fieldserve.store import applications, authorizations, events, webhooks
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.webhooks import Delivery, Webhook
from fieldserve.wire.applications import NO_APPLICATION
from fieldserve.wire.times import MINUTE, Instant, render
from fieldserve.wire.webhooks import (
    DISABLED,
    NO_DELIVERY,
    NO_WEBHOOK,
    NOT_AUTHORIZED,
    PING,
    SECRET_BYTES,
    CreateWebhook,
    DeliveryListing,
    DeliveryRecord,
    DeliveryState,
    Redelivered,
    RotateWebhookSecret,
    UpdateWebhook,
    WebhookListing,
    WebhookRecord,
    WebhookWithSecret,
    new_secret,
    type_faults,
    url_faults,
)

HOUR = 60 * MINUTE
BY_OPERATOR = "an operator disabled it"


async def create_webhook(context: Context, caller: Caller, ask: CreateWebhook) -> WebhookWithSecret:
    """Send what happens from now on. Raises ApiError: 400, NO_SELLER, NO_APPLICATION, NOT_AUTHORIZED."""
    refuse([*url_faults(ask.url, _anywhere(context)), *type_faults(ask.event_types)])
    webhook_id, secret = context.ids.uuid(), new_secret(secrets.token_bytes(SECRET_BYTES))

    async def create(c: Connection) -> Webhook:
        await find_seller(c, caller)
        if ask.application_id is not None:
            await _check_application(c, caller.seller_id, ask.application_id)
        now = context.clock.now()
        made = Webhook(
            webhook_id,
            caller.seller_id,
            ask.application_id,
            ask.url,
            ask.description,
            tuple(ask.event_types),
            ask.payload,
            _seal(context, webhook_id, secret),
            None,
            None,
            await webhooks.last_event(c),
            None,
            None,
            now,
        )
        await webhooks.add(c, made)
        await _log(context, c, caller, "webhook.created", webhook_id, None, _logged(made))
        return made

    return WebhookWithSecret(_record(await transact(context, create)), secret)


async def _check_application(c: Connection, seller_id: str, application_id: str) -> None:
    if await applications.find(c, application_id) is None:
        raise NO_APPLICATION.error(application_id=application_id)
    granted = await authorizations.of_seller(c, seller_id)
    if not any(one.application_id == application_id and one.revoked_at is None for one in granted):
        raise NOT_AUTHORIZED.error(application_id=application_id)


async def list_webhooks(context: Context, caller: Caller) -> WebhookListing:
    """The seller's, the oldest first. Raises ApiError NO_SELLER."""

    async def load(c: Connection) -> WebhookListing:
        await find_seller(c, caller)
        return WebhookListing([_record(one) for one in await webhooks.of_seller(c, caller.seller_id)])

    return await read(context, load)


async def get_webhook(context: Context, caller: Caller, webhook_id: str) -> WebhookRecord:
    """One of the seller's. Raises ApiError NO_WEBHOOK."""
    return _record(await read(context, lambda c: find_webhook(c, caller, webhook_id)))


async def find_webhook(c: Connection, caller: Caller, webhook_id: str, *, lock: bool = False) -> Webhook:
    """The seller's webhook. Raises ApiError NO_WEBHOOK."""
    found = await webhooks.find(c, webhook_id, lock=lock)
    if found is None or found.seller_id != caller.seller_id:
        raise NO_WEBHOOK.error(webhook_id=webhook_id)
    return found


async def update_webhook(context: Context, caller: Caller, webhook_id: str, ask: UpdateWebhook) -> WebhookRecord:
    """Change what is given. Enabled again, it gets what happens from then on. Raises ApiError: 400, NO_WEBHOOK."""
    faults = [] if ask.url is UNSET else url_faults(ask.url, _anywhere(context))
    refuse([*faults, *([] if ask.event_types is UNSET else type_faults(ask.event_types))])

    async def change(c: Connection) -> Webhook:
        before = await find_webhook(c, caller, webhook_id, lock=True)
        after = replace(
            before,
            url=before.url if ask.url is UNSET else ask.url,
            event_types=before.event_types if ask.event_types is UNSET else tuple(ask.event_types),
            payload=before.payload if ask.payload is UNSET else ask.payload,
            description=before.description if ask.description is UNSET else ask.description,
        )
        if ask.enabled is True and before.disabled_reason is not None:
            after = replace(after, disabled_reason=None, failing_since=None, since=await webhooks.last_event(c))
        await webhooks.update(c, after)
        await _log(context, c, caller, "webhook.updated", webhook_id, _logged(before), _logged(after))
        if ask.enabled is False and before.disabled_reason is None:
            return await disable(c, after, BY_OPERATOR, context.clock.now(), caller.actor, caller.request_id)
        return after

    return _record(await transact(context, change))


async def disable(
    c: Connection, webhook: Webhook, reason: str, now: Instant, actor: str, request_id: str | None = None
) -> Webhook:
    """Send nothing more to it; what waits becomes dead letters."""
    after = replace(webhook, disabled_reason=reason)
    await webhooks.update(c, after)
    await webhooks.bury(c, webhook.webhook_id, now, reason)
    told = Event(
        now, webhook.seller_id, actor, "webhook.disabled", webhook.webhook_id, request_id, None, {"reason": reason}
    )
    await events.append(c, told)
    return after


async def delete_webhook(context: Context, caller: Caller, webhook_id: str) -> None:
    """Forget it and what waits for it. Raises ApiError NO_WEBHOOK."""

    async def delete(c: Connection) -> None:
        found = await find_webhook(c, caller, webhook_id, lock=True)
        await webhooks.delete(c, webhook_id)
        await _log(context, c, caller, "webhook.deleted", webhook_id, _logged(found), None)

    await transact(context, delete)


async def rotate_webhook_secret(
    context: Context, caller: Caller, webhook_id: str, ask: RotateWebhookSecret, machine: Clock | None = None
) -> WebhookWithSecret:
    """Another secret; for a while messages carry the signatures of both. Raises ApiError NO_WEBHOOK.

    Receivers go by the machine's clock, and so does this, whatever a sandbox's says."""
    secret = new_secret(secrets.token_bytes(SECRET_BYTES))
    until = (machine or SystemClock()).now() + ask.overlap_hours * HOUR

    async def rotate(c: Connection) -> Webhook:
        before = await find_webhook(c, caller, webhook_id, lock=True)
        after = replace(
            before,
            sealed_secret=_seal(context, webhook_id, secret),
            sealed_previous=before.sealed_secret if ask.overlap_hours else None,
            previous_until=until if ask.overlap_hours else None,
        )
        await webhooks.update(c, after)
        await _log(context, c, caller, "webhook.secret_rotated", webhook_id, None, None)
        return after

    return WebhookWithSecret(_record(await transact(context, rotate)), secret)


async def ping_webhook(context: Context, caller: Caller, webhook_id: str) -> DeliveryRecord:
    """Send a message that says nothing, to try it. Raises ApiError: NO_WEBHOOK, DISABLED."""

    async def ping(c: Connection) -> Delivery:
        found = await _sent_to(c, caller, webhook_id)
        data = {"webhookId": webhook_id, "sellerId": found.seller_id}
        made = Delivery(webhook_id, f"msg_{context.ids.uuid()}", None, PING, context.clock.now(), None, data)
        await webhooks.queue(c, [made])
        (queued,) = await webhooks.page(c, webhook_id, limit=1)
        return queued

    return _delivered(await transact(context, ping))


async def list_deliveries(
    context: Context,
    caller: Caller,
    webhook_id: str,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int = 50,
) -> DeliveryListing:
    """A page of a webhook's deliveries, newest first. Raises ApiError NO_WEBHOOK."""

    async def load(c: Connection) -> DeliveryListing:
        await find_webhook(c, caller, webhook_id)
        found = await webhooks.page(c, webhook_id, state=state, before=before, limit=limit + 1)
        more = found[limit - 1].sequence if len(found) > limit else None
        return DeliveryListing([_delivered(one) for one in found[:limit]], more)

    return await read(context, load)


async def redeliver(context: Context, caller: Caller, webhook_id: str, sequence: int) -> DeliveryRecord:
    """Send a message again, whatever became of it. Raises ApiError: NO_WEBHOOK, DISABLED, NO_DELIVERY."""

    async def again(c: Connection) -> Delivery:
        await _sent_to(c, caller, webhook_id)
        if not await webhooks.revive(c, webhook_id, sequence):
            raise NO_DELIVERY.error(sequence=sequence)
        found = await webhooks.find_delivery(c, webhook_id, sequence)
        assert found is not None
        return found

    return _delivered(await transact(context, again))


async def redeliver_dead(context: Context, caller: Caller, webhook_id: str) -> Redelivered:
    """Send all dead letters again. Raises ApiError: NO_WEBHOOK, DISABLED."""

    async def again(c: Connection) -> Redelivered:
        await _sent_to(c, caller, webhook_id)
        return Redelivered(await webhooks.revive(c, webhook_id))

    return await transact(context, again)


async def _sent_to(c: Connection, caller: Caller, webhook_id: str) -> Webhook:
    found = await find_webhook(c, caller, webhook_id, lock=True)
    if found.disabled_reason is not None:
        raise DISABLED.error(webhook_id=webhook_id, reason=found.disabled_reason)
    return found


def _anywhere(context: Context) -> bool:
    return context.settings.webhook_targets == "any"


def _seal(context: Context, webhook_id: str, secret: str) -> str:
    return base64.b64encode(context.seal.seal(secret.encode(), f"webhook {webhook_id}")).decode()


def unseal(context: Context, webhook_id: str, sealed: str) -> str:
    """The secret. Raises KeyFault."""
    return context.seal.open(base64.b64decode(sealed), f"webhook {webhook_id}").decode()


def _record(one: Webhook) -> WebhookRecord:
    return WebhookRecord(
        one.webhook_id,
        one.seller_id,
        one.url,
        list(one.event_types),
        one.payload,
        one.description,
        one.disabled_reason is None,
        render(one.created_at),
        one.application_id,
        None if one.failing_since is None else render(one.failing_since),
        one.disabled_reason,
    )


def _delivered(one: Delivery) -> DeliveryRecord:
    return DeliveryRecord(
        one.sequence,
        one.message_id,
        one.type,
        one.state,
        one.tries,
        render(one.at),
        one.service_job_id,
        render(one.next_at) if one.state == "WAITING" and one.next_at else None,
        None if one.ended_at is None else render(one.ended_at),
        one.status,
        one.said,
    )


def _logged(one: Webhook) -> dict[str, object]:
    # The path and query of a URL may be somebody's secret.
    host = one.url.split("/")[2]
    return {
        "host": host,
        "applicationId": one.application_id,
        "eventTypes": list(one.event_types),
        "payload": one.payload,
        "enabled": one.disabled_reason is None,
    }


async def _log(
    context: Context, c: Connection, caller: Caller, kind: str, webhook_id: str, before: object, after: object
) -> None:
    now = context.clock.now()
    told = Event(now, caller.seller_id, caller.actor, kind, webhook_id, caller.request_id, before, after)
    await events.append(c, told)
