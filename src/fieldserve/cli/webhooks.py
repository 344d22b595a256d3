"""`fieldserve webhooks`: where events go, and what became of them."""

from typing import TYPE_CHECKING, Any

import click

from fieldserve.cli.operate import _ask, _common, _print_all, _print_one, _run, _told_once

if TYPE_CHECKING:
    from fieldserve.operations.run import Caller, Context

PAYLOADS = ("THIN", "JOB", "JOB_WITH_PERSON")
STATES = ("WAITING", "DELIVERED", "DEAD", "DROPPED")

_TYPES = click.option(
    "--event", "event_types", multiple=True, help="Such as appointment.added; several times.  [default: all]"
)
_PAYLOAD = click.option("--payload", type=click.Choice(PAYLOADS), help="What of the job comes along.  [default: THIN]")


@click.group()
def webhooks() -> None:
    """Webhooks: signed messages of what happens to a seller's jobs."""


@webhooks.command("add")
@click.argument("seller")
@click.argument("url")
@click.option("--application", help="Whose it is; it gets what the application may see.  [default: the seller's own]")
@click.option("--description", help="What it is for.")
@_TYPES
@_PAYLOAD
@_common
def webhooks_add(
    seller: str,
    url: str,
    application: str | None,
    description: str | None,
    event_types: tuple[str, ...],
    payload: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Send what happens from now on to a URL. The secret is printed this once."""
    from fieldserve.operations.webhooks import create_webhook
    from fieldserve.wire.webhooks import CreateWebhook

    members = {"applicationId": application, "description": description, "eventTypes": event_types, "payload": payload}

    async def use(context: "Context", caller: "Caller") -> Any:
        made = await create_webhook(context, caller, _ask(CreateWebhook, url=url, **members))
        return {"webhookId": made.webhook.webhook_id, "url": url, "secret": made.secret}

    _print_one(_run(given, use, seller), as_json)
    _told_once("secret")


@webhooks.command("list")
@click.argument("seller")
@_common
def webhooks_list(seller: str, as_json: bool, **given: Any) -> None:
    """List a seller's webhooks."""
    from fieldserve.operations.webhooks import list_webhooks

    found = _run(given, list_webhooks, seller)["webhooks"]
    columns = ("webhookId", "url", "applicationId", "eventTypes", "payload", "failingSince", "disabledReason")
    _print_all(found, as_json, columns)


@webhooks.command("show")
@click.argument("seller")
@click.argument("webhook")
@_common
def webhooks_show(seller: str, webhook: str, as_json: bool, **given: Any) -> None:
    """Show a webhook."""
    from fieldserve.operations.webhooks import get_webhook

    _print_one(_run(given, lambda context, caller: get_webhook(context, caller, webhook), seller), as_json)


@webhooks.command("update")
@click.argument("seller")
@click.argument("webhook")
@click.option("--url", help="Where to send to.")
@click.option("--description", help="What it is for.")
@click.option("--enable/--disable", "enabled", default=None, help="Start it again, or stop it.")
@_TYPES
@_PAYLOAD
@_common
def webhooks_update(seller: str, webhook: str, event_types: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Change what is given; disabled, what waits becomes dead letters."""
    from fieldserve.operations.webhooks import update_webhook
    from fieldserve.wire.webhooks import UpdateWebhook

    members = {name: given.pop(name) for name in ("url", "description", "enabled", "payload")}

    async def use(context: "Context", caller: "Caller") -> Any:
        return await update_webhook(context, caller, webhook, _ask(UpdateWebhook, eventTypes=event_types, **members))

    _print_one(_run(given, use, seller), as_json)


@webhooks.command("remove")
@click.argument("seller")
@click.argument("webhook")
@_common
def webhooks_remove(seller: str, webhook: str, as_json: bool, **given: Any) -> None:
    """Forget a webhook, and what waits for it."""
    from fieldserve.operations.webhooks import delete_webhook

    async def use(context: "Context", caller: "Caller") -> Any:
        await delete_webhook(context, caller, webhook)
        return {"webhookId": webhook, "removed": True}

    _print_one(_run(given, use, seller), as_json)


@webhooks.command("rotate")
@click.argument("seller")
@click.argument("webhook")
@click.option(
    "--overlap",
    type=click.IntRange(0, 168),
    default=24,
    show_default=True,
    help="Hours for which messages are signed with the old secret, too.",
)
@_common
def webhooks_rotate(seller: str, webhook: str, overlap: int, as_json: bool, **given: Any) -> None:
    """Make another secret. It is printed this once."""
    from fieldserve.operations.webhooks import rotate_webhook_secret
    from fieldserve.wire.webhooks import RotateWebhookSecret

    async def use(context: "Context", caller: "Caller") -> Any:
        made = await rotate_webhook_secret(context, caller, webhook, RotateWebhookSecret(overlap_hours=overlap))
        return {"webhookId": webhook, "secret": made.secret}

    _print_one(_run(given, use, seller), as_json)
    _told_once("secret")


@webhooks.command("ping")
@click.argument("seller")
@click.argument("webhook")
@_common
def webhooks_ping(seller: str, webhook: str, as_json: bool, **given: Any) -> None:
    """Have the server send a message that says nothing, to try a webhook."""
    from fieldserve.operations.webhooks import ping_webhook

    _print_one(_run(given, lambda context, caller: ping_webhook(context, caller, webhook), seller), as_json)


@webhooks.command("deliveries")
@click.argument("seller")
@click.argument("webhook")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state; DEAD are the dead letters.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many, newest first.")
@_common
def webhooks_deliveries(seller: str, webhook: str, state: Any, limit: int, as_json: bool, **given: Any) -> None:
    """List what was, or is to be, sent."""
    from fieldserve.operations.webhooks import list_deliveries

    async def use(context: "Context", caller: "Caller") -> Any:
        return (await list_deliveries(context, caller, webhook, state=state, limit=limit)).deliveries

    columns = ("sequence", "type", "serviceJobId", "state", "tries", "at", "nextAt", "status", "said")
    _print_all(_run(given, use, seller), as_json, columns, limit)


@webhooks.command("redeliver")
@click.argument("seller")
@click.argument("webhook")
@click.argument("sequence", type=click.IntRange(1), required=False)
@_common
def webhooks_redeliver(seller: str, webhook: str, sequence: int | None, as_json: bool, **given: Any) -> None:
    """Send one message again, whatever became of it; without SEQUENCE all dead letters."""
    from fieldserve.operations.webhooks import redeliver, redeliver_dead

    async def use(context: "Context", caller: "Caller") -> Any:
        if sequence is None:
            return await redeliver_dead(context, caller, webhook)
        return await redeliver(context, caller, webhook, sequence)

    _print_one(_run(given, use, seller), as_json)
