"""Webhooks: where it is told what happens to the seller's jobs, and what became of each message.
/console/{seller}/developers/webhooks
"""

from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from starlette.responses import Response

from fieldserve.console.developers import stamp, tabs
from fieldserve.console.fields import Field, Form, defaults, meet, seen, sent, shown, typed
from fieldserve.console.pages import Visit, page, told
from fieldserve.operations import applications, webhooks
from fieldserve.operations.as_seen import ChangedMeanwhile, as_seen
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.webhooks import (
    EVENT_TYPES,
    CreateWebhook,
    DeliveryState,
    Payload,
    RotateWebhookSecret,
    UpdateWebhook,
    WebhookRecord,
)

LISTED = 50
STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)
PAYLOADS: dict[str, str] = {
    "THIN": "what happened, and to which job",
    "JOB": "with the job, without its buyer",
    "JOB_WITH_PERSON": "with the whole job",
}
FIELDS = (
    Field("url", "URL", hint="https, and public", required=True),
    Field("description", "Description"),
    Field("payload", "Content", "choice", get_args(Payload), required=True),
    Field(
        "applicationId",
        "Only what this application may see",
        "choice",
        "applications",
        on="new",
        may_be_empty=True,
    ),
    Field("eventTypes", "Events", "several", EVENT_TYPES, hint="none ticked stands for all"),
    Field("enabled", "Messages are sent", "check", on="change"),
)
TEXTS = (
    *(text for one in FIELDS for text in (one.label, one.hint) if text),
    *PAYLOADS.values(),
    *(one.capitalize() for one in STATES),
)


async def _options(visit: Visit) -> dict[str, dict[str, str]]:
    granted = await applications.list_authorizations(visit.context, visit.caller.seller_id)
    in_force = {one.application_id for one in granted if one.revoked_at is None}
    known = await applications.applications_of(visit.context, visit.caller.seller_id)
    return {one.member: {} for one in FIELDS} | {
        "payload": PAYLOADS,
        "eventTypes": {one: one for one in EVENT_TYPES},
        "applicationId": {one.application_id: one.name for one in known if one.application_id in in_force},
    }


def _record(one: WebhookRecord) -> Mapping[str, Any]:
    # Members at their defaults are left out of a record; the form wants them all.
    record: dict[str, Any] = msgspec.to_builtins(one)
    return record


async def show_all(visit: Visit) -> Response:
    """GET: the seller's webhooks."""
    found = await webhooks.list_webhooks(visit.context, visit.caller)
    return visit.show(
        "webhooks.html",
        tabs=tabs(visit, "webhooks"),
        rows=found.webhooks,
        programs=(await _options(visit))["applicationId"],
        stamp=stamp,
    )


async def show_new(visit: Visit) -> Response:
    """GET: an empty form."""
    return await _show_new(visit)


async def _show_new(visit: Visit, status: int = 200, form: Form | None = None, **view: Any) -> Response:
    fields, options = [one for one in FIELDS if one.on != "change"], await _options(visit)
    values = defaults(fields, options)
    return visit.show(
        "webhook_new.html",
        status,
        tabs=tabs(visit, "webhooks"),
        fields=fields,
        options=options,
        form=form or Form(values, values),
        **{"fault": "", "at_fault": "", **view},
    )


async def create(visit: Visit) -> Response:
    """POST: send what happens from now on; the secret is told this once."""
    fields, options = [one for one in FIELDS if one.on != "change"], await _options(visit)
    values = typed(visit, fields, options)
    given = {name: value for name, value in sent(fields, values, options).items() if value is not None}
    try:
        made = await webhooks.create_webhook(visit.context, visit.caller, convert(given, CreateWebhook))
    except BodyFault as fault:
        reason, name = fault.fault.reason, fault.fault.name
        return await _show_new(visit, 422, Form(values, values), fault=reason, at_fault=name)
    except ApiError as fault:
        return await _show_new(visit, fault.status, Form(values, values), fault=told(fault))
    return await _show(visit, made.webhook, secret=made.secret)


async def show(visit: Visit) -> Response:
    """GET: a webhook and its deliveries."""
    return await _show(visit, await _webhook(visit))


async def _webhook(visit: Visit) -> WebhookRecord:
    return await webhooks.get_webhook(visit.context, visit.caller, visit.request.path_params["id"])


async def _show(visit: Visit, one: WebhookRecord, status: int = 200, form: Form | None = None, **view: Any) -> Response:
    fields, options = [field for field in FIELDS if field.on != "new"], await _options(visit)
    values = shown(fields, _record(one), options)
    query = visit.request.query_params
    state = next((known for known in STATES if known == query.get("state")), None)
    before = query.get("before", "")
    deliveries = await webhooks.list_deliveries(
        visit.context,
        visit.caller,
        one.webhook_id,
        state=state,
        before=int(before) if before.isdecimal() and 0 < len(before) < 19 else None,
        limit=LISTED,
    )
    dead = await webhooks.list_deliveries(visit.context, visit.caller, one.webhook_id, state="DEAD", limit=1)
    here = ("developers", "webhooks", one.webhook_id)
    return visit.show(
        "webhook.html",
        status,
        tabs=tabs(visit, "webhooks"),
        one=one,
        here=visit.path(*here),
        fields=fields,
        options=options,
        form=form or Form(values, values),
        deliveries=deliveries.deliveries,
        older=visit.path(*here, state=state, before=deliveries.next) if deliveries.next else "",
        has_dead=bool(dead.deliveries),
        states=STATES,
        state=state,
        stamp=stamp,
        **{"fault": "", "at_fault": "", "secret": "", "done": "", "before": None, **view},
    )


async def change(visit: Visit) -> Response:
    """POST: change what differs from what was seen."""
    one = await _webhook(visit)
    fields, options = [field for field in FIELDS if field.on != "new"], await _options(visit)
    values, before = typed(visit, fields, options), seen(visit)
    form = Form(values, before)
    try:
        ask = convert(sent(fields, values, options, before), UpdateWebhook)
        after = await as_seen(
            visit.context,
            visit.caller,
            lambda context: webhooks.get_webhook(context, visit.caller, one.webhook_id),
            lambda now: shown(fields, _record(now), options) == before,
            lambda context: webhooks.update_webhook(context, visit.caller, one.webhook_id, ask),
        )
    except ChangedMeanwhile as fault:
        now = shown(fields, _record(fault.now), options)
        met = meet(before, values, now)
        said = visit.words.text("Somebody changed this meanwhile. Look at what is new, and save again.")
        return await _show(visit, one, 409, Form(met.values, now, met.theirs), fault=said)
    except BodyFault as fault:
        return await _show(visit, one, 422, form, fault=fault.fault.reason, at_fault=fault.fault.name)
    except ApiError as fault:
        return await _show(visit, one, fault.status, form, fault=told(fault))
    return await _show(visit, after, done=visit.words.text("Saved."), before=before if before != values else None)


async def act(visit: Visit) -> Response:
    """POST: try it, make another secret, send dead letters again, or forget it."""
    one = await _webhook(visit)
    try:
        match visit.fields.get("deed"):
            case "ping":
                await webhooks.ping_webhook(visit.context, visit.caller, one.webhook_id)
            case "rotate":
                ask = RotateWebhookSecret()
                made = await webhooks.rotate_webhook_secret(visit.context, visit.caller, one.webhook_id, ask)
                return await _show(visit, made.webhook, secret=made.secret)
            case "again":
                await webhooks.redeliver_dead(visit.context, visit.caller, one.webhook_id)
            case "delete":
                await webhooks.delete_webhook(visit.context, visit.caller, one.webhook_id)
                return visit.go(visit.path("developers", "webhooks"))
            case number:
                sequence = int(number) if number and number.isdecimal() and len(number) < 19 else 0
                await webhooks.redeliver(visit.context, visit.caller, one.webhook_id, sequence)
    except ApiError as fault:
        return await _show(visit, one, fault.status, fault=told(fault))
    return visit.go(visit.path("developers", "webhooks", one.webhook_id))


_PATH = "/{seller}/developers/webhooks"
ROUTES = [
    page(_PATH, show_all, "develop"),
    page(f"{_PATH}/new", show_new, "develop"),
    page(f"{_PATH}/new", create, "develop", "POST"),
    page(f"{_PATH}/{{id}}", show, "develop"),
    page(f"{_PATH}/{{id}}", change, "develop", "POST"),
    page(f"{_PATH}/{{id}}/act", act, "develop", "POST"),
]
