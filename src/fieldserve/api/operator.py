"""The operator API: every request comes in here, with an operator's key.

A request passes these stages, and the first that refuses it answers: key, path, size and type of the body, parameters,
then the operation itself. CALLS says what each route of the table does.
"""

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.api import request_log
from fieldserve.api.forms import TooLarge, media_type, read_body
from fieldserve.api.observe import OPERATION
from fieldserve.api.refusals import refusal_of
from fieldserve.operations import (
    applications,
    consent,
    events,
    facts,
    feedback,
    feeds,
    forecasts,
    operator_jobs,
    operator_keys,
    orders,
    outbox,
    pins,
    places,
    plan_exports,
    planning,
    plans,
    privacy,
    replanning,
    reports,
    sellers,
    services,
    slot_ranking,
    stores,
    technicians,
    users,
    webhooks,
    what_if,
)
from fieldserve.operations import request_log as requests
from fieldserve.operations.retries import Attempt, Outcome, once
from fieldserve.operations.run import Caller, Context
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.wire import applications as wire
from fieldserve.wire import errors, retries
from fieldserve.wire.bodies import BodyFault, decode
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import ROLE, missing_or_invalid
from fieldserve.wire.operator import KEY_HEADER, OPERATOR_ROUTES, OperatorRoute
from fieldserve.wire.operator_keys import (
    UNKNOWN_KEY,
    OperatorKeyListing,
    OperatorKeyRecord,
    OperatorKeyWithSecret,
)
from fieldserve.wire.parameters import ParameterFault, parse_query, read
from fieldserve.wire.reports import ReportAsk
from fieldserve.wire.slots import read_window
from fieldserve.wire.times import SECOND, Instant, render


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """One request, read as far as the table can read it. The caller's seller is the path's."""

    context: Context
    caller: Caller
    values: dict[str, Any]
    body: Any = None

    @property
    def page(self) -> tuple[str, int]:
        """Behind which id the page begins, and how long it may be."""
        return self.values.get("after", ""), self.values["limit"]


# ---- the routes that do more than pass values on


async def _list_jobs(call: OperatorCall) -> bytes:
    values = call.values
    return await orders.list_ordered_jobs(
        call.context,
        call.caller,
        statuses=values.get("status", ()),
        store_id=values.get("storeId"),
        after=values.get("after"),
        limit=values["limit"],
    )


async def _list_outbox(call: OperatorCall) -> Any:
    values = call.values
    return await outbox.list_outbox(
        call.context,
        account=values.get("account"),
        state=values.get("state"),
        after=values["after"],
        limit=values["limit"],
    )


async def _list_events(call: OperatorCall) -> Any:
    values = call.values
    return await events.list_events(
        call.context,
        after=values["after"],
        limit=values["limit"],
        seller_id=values.get("sellerId"),
        kind=values.get("kind"),
        subject=values.get("subject"),
    )


async def _create_application(call: OperatorCall) -> wire.ApplicationWithSecret:
    body: wire.CreateApplication = call.body
    roles = (ROLE,) if body.roles is None else body.roles
    made = await applications.create_application(
        call.context, call.caller, body.name, roles, body.redirect_uris, body.scopes
    )
    return wire.ApplicationWithSecret(_application(made.application), made.client_secret)


async def _rotate_secret(call: OperatorCall) -> wire.ApplicationWithSecret:
    made = await applications.rotate_secret(call.context, call.caller, call.values["applicationId"])
    return wire.ApplicationWithSecret(_application(made.application), made.client_secret)


async def _list_applications(call: OperatorCall) -> wire.ApplicationListing:
    return wire.ApplicationListing([_application(one) for one in await applications.list_applications(call.context)])


async def _authorize(call: OperatorCall) -> wire.AuthorizationWithToken:
    body: wire.Authorize = call.body
    made = await applications.authorize_application(
        call.context,
        call.caller,
        body.application_id,
        call.caller.seller_id,
        body.marketplace_ids,
        body.store_ids,
        body.roles,
        {name: (usage.rate, usage.burst) for name, usage in (body.usage_plan or {}).items()},
    )
    return wire.AuthorizationWithToken(_authorization(made.authorization), made.refresh_token)


async def _list_authorizations(call: OperatorCall) -> wire.AuthorizationListing:
    await sellers.get_seller(call.context, call.caller)
    found = await applications.list_authorizations(call.context, call.caller.seller_id)
    return wire.AuthorizationListing([_authorization(one) for one in found])


async def _issue_sign_in_code(call: OperatorCall) -> wire.SignInCode:
    code = await consent.issue_sign_in_code(call.context, call.caller, call.caller.seller_id)
    return wire.SignInCode(code, consent.SIGN_IN_LIFETIME // SECOND)


async def _create_key(call: OperatorCall) -> OperatorKeyWithSecret:
    name = call.body.name
    return OperatorKeyWithSecret(name, await operator_keys.create_operator_key(call.context, call.caller, name))


async def _list_keys(call: OperatorCall) -> OperatorKeyListing:
    found = await operator_keys.list_operator_keys(call.context)
    return OperatorKeyListing(
        [OperatorKeyRecord(one.name, render(one.created_at), _maybe(one.revoked_at)) for one in found]
    )


async def _list_plans(call: OperatorCall) -> Any:
    values = call.values
    return await plans.list_plans(
        call.context,
        call.caller,
        after=values.get("after"),
        limit=values["limit"],
        first_day=values.get("firstDay"),
    )


async def _export_plan(call: OperatorCall) -> Any:
    values = call.values
    return await plan_exports.export_plan(
        call.context,
        call.caller,
        values["planId"],
        values["format"],
        values.get("technicianId"),
        values.get("storeId"),
    )


def _report_ask(call: OperatorCall) -> ReportAsk:
    values = call.values
    return ReportAsk(
        values.get("firstDay"),
        values.get("pastDay"),
        values.get("storeIds", ()),
        values.get("technicianIds", ()),
        values.get("groupBy", ()),
        values.get("graceMinutes", 0),
    )


async def _list_counted_jobs(call: OperatorCall) -> Any:
    values = call.values
    group = dict(one.partition(":")[::2] for one in values.get("group", ()))
    return await reports.list_counted_jobs(
        call.context,
        call.caller,
        values["metric"],
        _report_ask(call),
        {column: value or None for column, value in group.items()},
        only_counted=values.get("counted") == "true",
    )


async def _create_feed(call: OperatorCall) -> Any:
    settings = call.context.settings
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    return await feeds.create_feed(call.context, call.caller, call.body, base)


async def _rank_slots(call: OperatorCall) -> Any:
    window = read_window(call.values, "")
    if isinstance(window, str):
        raise missing_or_invalid([ParameterFault(window, f"{window} is required, since the other time is given")])
    return await slot_ranking.rank_job_slots(call.context, call.caller, call.values["serviceJobId"], window)


def _application(one: Application) -> wire.ApplicationRecord:
    return wire.ApplicationRecord(
        one.application_id,
        one.client_id,
        one.name,
        sorted(one.roles),
        list(one.redirect_uris),
        sorted(one.scopes),
        render(one.created_at),
        _maybe(one.disabled_at),
        one.seller_id,
    )


def _authorization(one: Authorization) -> wire.AuthorizationRecord:
    return wire.AuthorizationRecord(
        one.authorization_id,
        one.application_id,
        one.seller_id,
        sorted(one.marketplaces),
        sorted(one.roles),
        {name: wire.UsageRecord(rate, burst) for name, (rate, burst) in one.usage_plan.items()},
        render(one.created_at),
        None if one.stores is None else sorted(one.stores),
        _maybe(one.revoked_at),
    )


def _maybe(instant: Instant | None) -> str | None:
    return None if instant is None else render(instant)


# ---- all routes

_JOB_DEEDS = {
    "holdJob": operator_jobs.hold_job,
    "releaseJob": operator_jobs.release_job,
    "declineJobPayment": operator_jobs.decline_job_payment,
    "markJobNotFulfillable": operator_jobs.mark_job_not_fulfillable,
    "cancelJobAsBuyer": operator_jobs.cancel_job_as_buyer,
}


def _deed(do: Callable[..., Awaitable[Any]]) -> Callable[[OperatorCall], Awaitable[Any]]:
    return lambda c: do(c.context, c.caller, c.values["serviceJobId"], c.body)


CALLS: dict[str, Callable[[OperatorCall], Awaitable[Any]]] = {
    "createSeller": lambda c: sellers.create_seller(c.context, c.caller, c.body),
    "listSellers": lambda c: sellers.list_sellers(c.context, *c.page),
    "getSeller": lambda c: sellers.get_seller(c.context, c.caller),
    "updateSeller": lambda c: sellers.update_seller(c.context, c.caller, c.body),
    "createStore": lambda c: stores.create_store(c.context, c.caller, c.body),
    "listStores": lambda c: stores.list_stores(c.context, c.caller, *c.page),
    "getStore": lambda c: stores.get_store(c.context, c.caller, c.values["storeId"]),
    "updateStore": lambda c: stores.update_store(c.context, c.caller, c.values["storeId"], c.body),
    "createTechnician": lambda c: technicians.create_technician(c.context, c.caller, c.body),
    "listTechnicians": lambda c: technicians.list_technicians(c.context, c.caller, *c.page),
    "getTechnician": lambda c: technicians.get_technician(c.context, c.caller, c.values["technicianId"]),
    "updateTechnician": lambda c: technicians.update_technician(c.context, c.caller, c.values["technicianId"], c.body),
    "createService": lambda c: services.create_service(c.context, c.caller, c.body),
    "listServices": lambda c: services.list_services(c.context, c.caller, *c.page),
    "getService": lambda c: services.get_service(c.context, c.caller, c.values["asin"]),
    "updateService": lambda c: services.update_service(c.context, c.caller, c.values["asin"], c.body),
    "placeOrder": lambda c: orders.place_order(c.context, c.caller, c.body),
    "listJobs": _list_jobs,
    "getJob": lambda c: orders.get_ordered_job(c.context, c.caller, c.values["serviceJobId"]),
    "setJobPlace": lambda c: places.set_job_place(c.context, c.caller, c.values["serviceJobId"], c.body),
    "setJobPin": lambda c: pins.set_pin(c.context, c.caller, c.values["serviceJobId"], c.body),
    "rankJobSlots": _rank_slots,
    "createPlan": lambda c: planning.create_plan(c.context, c.caller, c.body),
    "listPlans": _list_plans,
    "comparePlans": lambda c: plans.compare_plans(c.context, c.caller, c.body.plan_ids),
    "getPlan": lambda c: plans.get_plan(c.context, c.caller, c.values["planId"]),
    "applyPlan": lambda c: plans.apply_plan(c.context, c.caller, c.values["planId"]),
    "undoPlan": lambda c: plans.undo_plan(c.context, c.caller, c.values["planId"]),
    "replan": lambda c: replanning.replan(c.context, c.caller, c.values["planId"], c.body),
    "explainPlan": lambda c: planning.explain_plan(
        c.context, c.caller, c.values["planId"], c.values.get("serviceJobId")
    ),
    "exportPlan": _export_plan,
    "getReport": lambda c: reports.get_report(c.context, c.caller, c.values["report"], _report_ask(c)),
    "exportReport": lambda c: reports.export_report(
        c.context, c.caller, c.values["report"], c.values["format"], _report_ask(c)
    ),
    "listCountedJobs": _list_counted_jobs,
    "getForecast": lambda c: forecasts.forecast_demand(
        c.context, c.caller, c.values.get("storeIds", ()), c.values.get("weeks", 4)
    ),
    "whatIf": lambda c: what_if.what_if(c.context, c.caller, c.body),
    "createCalendarFeed": _create_feed,
    "listCalendarFeeds": lambda c: feeds.list_feeds(c.context, c.caller),
    "revokeCalendarFeed": lambda c: feeds.revoke_feed(c.context, c.caller, c.values["feedId"]),
    **{name: _deed(do) for name, do in _JOB_DEEDS.items()},
    "importFeedback": lambda c: feedback.import_feedback(c.context, c.caller, c.body),
    "getJobSource": lambda c: outbox.get_job_source(c.context, c.caller, c.values["serviceJobId"]),
    "listMirrors": lambda c: outbox.list_mirrors(c.context),
    "listOutbox": _list_outbox,
    "retryOutboxEntry": lambda c: outbox.retry_outbox_entry(c.context, c.caller, c.values["sequence"]),
    "dropOutboxEntry": lambda c: outbox.drop_outbox_entry(c.context, c.caller, c.values["sequence"]),
    "createApplication": _create_application,
    "listApplications": _list_applications,
    "rotateApplicationSecret": _rotate_secret,
    "disableApplication": lambda c: applications.disable_application(c.context, c.caller, c.values["applicationId"]),
    "authorizeApplication": _authorize,
    "listAuthorizations": _list_authorizations,
    "revokeAuthorization": lambda c: applications.revoke_authorization(
        c.context, c.caller, c.values["authorizationId"]
    ),
    "issueSignInCode": _issue_sign_in_code,
    "listEvents": _list_events,
    "listRequests": lambda c: requests.list_requests(c.context, c.values),
    "getRequest": lambda c: requests.get_request(c.context, c.values["requestId"]),
    "replayRequest": lambda c: requests.replay_request(c.context, c.values["requestId"]),
    "lintRequests": lambda c: requests.lint_requests(c.context, c.values),
    "createWebhook": lambda c: webhooks.create_webhook(c.context, c.caller, c.body),
    "listWebhooks": lambda c: webhooks.list_webhooks(c.context, c.caller),
    "getWebhook": lambda c: webhooks.get_webhook(c.context, c.caller, c.values["webhookId"]),
    "updateWebhook": lambda c: webhooks.update_webhook(c.context, c.caller, c.values["webhookId"], c.body),
    "deleteWebhook": lambda c: webhooks.delete_webhook(c.context, c.caller, c.values["webhookId"]),
    "rotateWebhookSecret": lambda c: webhooks.rotate_webhook_secret(c.context, c.caller, c.values["webhookId"], c.body),
    "pingWebhook": lambda c: webhooks.ping_webhook(c.context, c.caller, c.values["webhookId"]),
    "listDeliveries": lambda c: webhooks.list_deliveries(
        c.context,
        c.caller,
        c.values["webhookId"],
        state=c.values.get("state"),
        before=c.values.get("before"),
        limit=c.values["limit"],
    ),
    "redeliver": lambda c: webhooks.redeliver(c.context, c.caller, c.values["webhookId"], c.values["sequence"]),
    "redeliverDead": lambda c: webhooks.redeliver_dead(c.context, c.caller, c.values["webhookId"]),
    "getFacts": lambda c: facts.get_facts(c.context),
    "refreshFacts": lambda c: facts.refresh_some(c.context),
    "createOperatorKey": _create_key,
    "listOperatorKeys": _list_keys,
    "exportBuyer": lambda c: privacy.export_buyer(c.context, c.caller, c.values["buyerId"]),
    "eraseBuyer": lambda c: privacy.erase_buyer(c.context, c.caller, c.values["buyerId"]),
    "purgePersonalData": lambda c: privacy.purge(
        c.context, c.caller, c.body.older_than_days, with_documents=c.body.documents
    ),
    "createUser": lambda c: users.create_user(c.context, c.caller, c.body),
    "listUsers": lambda c: users.list_users(c.context, c.values.get("sellerId"), *c.page),
    "updateUser": lambda c: users.update_user(c.context, c.caller, c.values["userId"], c.body),
    "resetUserPassword": lambda c: users.reset_password(c.context, c.caller, c.values["userId"]),
    "revokeOperatorKeys": lambda c: operator_keys.revoke_operator_keys(c.context, c.caller, c.values["name"]),
}


# ---- the one way in and out


def _endpoint(by_method: Mapping[str, OperatorRoute]) -> Callable[[Request], Awaitable[Response]]:
    """What answers a path; no routes stand for a path that is none."""

    async def answer(request: Request) -> Response:
        request_id, started = str(uuid.uuid4()), time.perf_counter()
        seen = _Seen()
        try:
            response = await _operate(request, by_method, request_id, seen)
        except Exception as fault:
            refusal = refusal_of(fault, request_id)
            response = Response(status_code=400) if refusal is None else _refusal(refusal, by_method)
        response.headers["x-amzn-RequestId"] = request_id
        # Some answers carry secrets, most carry what is a buyer's or a technician's.
        response.headers["cache-control"] = "no-store"
        request_log.note(request_id, seen.actor, seen.name, response.status_code, time.perf_counter() - started)
        return response

    return answer


@dataclass(slots=True)
class _Seen:
    """What was learnt of a request, for the log."""

    name: str = "unknown-path"
    actor: str = "-"


async def _operate(request: Request, by_method: Mapping[str, OperatorRoute], request_id: str, seen: _Seen) -> Response:
    context: Context = request.app.state.context
    operator = await _operator(context, request)
    seen.actor = operator.actor
    if not by_method:
        raise errors.NO_SUCH_PATH.error(method=request.method, path=request.url.path)
    route = by_method.get(request.method)
    if route is None:
        allowed = ", ".join(sorted(by_method))
        raise errors.METHOD_NOT_ALLOWED.error(path=request.url.path, method=request.method, allowed=allowed)
    seen.name = request.scope[OPERATION] = route.id
    body = await _body(context, request, route)
    query = parse_query(request.scope["query_string"].decode("latin-1"))
    values, faults = read(route.parameters, request.path_params, query)
    faults += _unknown(route, query)
    shaped = None
    if route.body is not None:
        try:
            shaped = decode(body or b"{}", route.body)
        except BodyFault as fault:
            faults.append(fault.fault)
    if faults:
        raise missing_or_invalid(faults)
    caller = structs.replace(operator, seller_id=_seller_of_path(route, values), request_id=request_id)
    outcome = await _carry_out(request, route, OperatorCall(context, caller, values, shaped), body)
    headers = {retries.REPLAYED: "true"} if outcome.replayed else None
    return Response(
        outcome.content, outcome.status, headers, media_type="application/json" if outcome.content else None
    )


async def _carry_out(request: Request, route: OperatorRoute, call: OperatorCall, body: bytes) -> Outcome:
    """What the route answers; under an Idempotency-Key, what it answered the first time."""
    key = request.headers.get(retries.HEADER)
    if key is None or not route.changes:
        return await _decide(route, call)
    if faults := retries.key_faults(key):
        raise missing_or_invalid(faults)
    print_ = retries.fingerprint(request.method, request.url.path, request.scope["query_string"], body)
    attempt = Attempt(call.caller.actor, key, print_)
    return await once(call.context, attempt, lambda context: _decide_for_good(route, replace(call, context=context)))


async def _decide(route: OperatorRoute, call: OperatorCall) -> Outcome:
    value = await CALLS[route.id](call)
    if route.status == 204:
        return Outcome(204, None)
    return Outcome(route.status, value if isinstance(value, bytes) else encode(value))


async def _decide_for_good(route: OperatorRoute, call: OperatorCall) -> Outcome:
    try:
        return await _decide(route, call)
    except ApiError as fault:
        # A request that is malformed decides nothing; it may come again under its key when it is mended.
        if fault.status == 400:
            raise
        return Outcome(fault.status, encode({"errors": fault.faults}))


async def _operator(context: Context, request: Request) -> Caller:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else request.headers.get(KEY_HEADER, "").strip()
    if not key:
        raise UNKNOWN_KEY.error(f"An operator key is needed: Authorization: Bearer …, or {KEY_HEADER}.")
    operator = await operator_keys.verify_operator_key(context, key)
    if operator is None:
        raise UNKNOWN_KEY.error("The operator key is unknown or was revoked.")
    return operator


async def _body(context: Context, request: Request, route: OperatorRoute) -> bytes:
    limit = context.settings.body_limit
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > limit:
        raise errors.BODY_TOO_LARGE.error(limit=limit)
    try:
        body = await read_body(request, limit)
    except TooLarge:
        raise errors.BODY_TOO_LARGE.error(limit=limit) from None
    if route.body is not None and body and media_type(request) != "application/json":
        raise errors.WRONG_CONTENT_TYPE.error(f"Content-Type was {media_type(request) or 'missing'}")
    return body


def _unknown(route: OperatorRoute, query: Mapping[str, Any]) -> list[ParameterFault]:
    """As with members of the body: a misspelt filter would otherwise be lost without a word."""
    known = {parameter.name for parameter in route.parameters if parameter.where == "query"}
    return [ParameterFault(name, f"{name} is no parameter of {route.id}") for name in query if name not in known]


def _seller_of_path(route: OperatorRoute, values: Mapping[str, Any]) -> str:
    of_path = any(one.name == "sellerId" and one.where == "path" for one in route.parameters)
    return str(values["sellerId"]) if of_path else ""


def _refusal(fault: ApiError, by_method: Mapping[str, OperatorRoute]) -> Response:
    headers = {}
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    if fault.status == 405:
        headers["allow"] = ", ".join(sorted(by_method))
    if fault.status == 413:
        headers["connection"] = "close"  # the rest of the body is not read
    return Response(encode({"errors": fault.faults}), fault.status, headers, media_type="application/json")


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _routes() -> list[Route]:
    by_path: dict[str, dict[str, OperatorRoute]] = {}
    for route in OPERATOR_ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    known = [Route(path, _endpoint(by_method), methods=_METHODS) for path, by_method in by_path.items()]
    return [*known, Route("/operator/{path:path}", _endpoint({}), methods=_METHODS)]


ROUTES = _routes()
