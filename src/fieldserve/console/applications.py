"""Applications: the programs that may act for this seller, what each may do, and the API to be tried in their name.
/console/{seller}/developers/applications, …/try

A seller's people see the programs that they registered, and those that were let act for the seller; of the latter they
can only end that. The operator's people see and set up all but other sellers' own.
"""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from fieldserve.console.developers import stamp, tabs
from fieldserve.console.fields import Field, Form, defaults, sent, typed
from fieldserve.console.jobs import choices
from fieldserve.console.pages import Visit, page, told
from fieldserve.operations import applications, tokens
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.wire import marketplaces
from fieldserve.wire.applications import Authorize, CreateApplication
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.operations import ROLE
from fieldserve.wire.times import render

REGISTRATION = (
    Field("name", "Name", required=True),
    Field("redirectUris", "Redirect URIs", "words", hint="where a seller's consent leads back to; none is fine"),
)
GRANT = (
    Field("applicationId", "Application", "choice", "applications", required=True),
    Field("marketplaceIds", "Marketplaces", "several", "marketplaces", hint="none ticked stands for all"),
    Field("storeIds", "Stores", "several", "stores", hint="none ticked stands for all"),
)
TEXTS = tuple(text for one in (*REGISTRATION, *GRANT) for text in (one.label, one.hint) if text)


def _own(visit: Visit) -> str | None:
    """Whose applications the user sets up: their seller's; None for the operator's people, who set up all."""
    return visit.signed_in.user.seller_id or None


def _may_change(visit: Visit, one: Application) -> bool:
    return _own(visit) is None or one.seller_id == visit.caller.seller_id


async def _known(visit: Visit) -> list[Application]:
    if _own(visit) is not None:
        return await applications.applications_of(visit.context, visit.caller.seller_id)
    found = await applications.list_applications(visit.context)
    return [one for one in found if one.seller_id in (None, visit.caller.seller_id)]


async def _options(visit: Visit, known: Sequence[Application]) -> dict[str, dict[str, str]]:
    country = {one.marketplace_id: one.name for one in marketplaces.MARKETPLACES}
    return {one.member: {} for one in REGISTRATION} | {
        "applicationId": {
            one.application_id: one.name for one in known if one.disabled_at is None and _may_change(visit, one)
        },
        "marketplaceIds": {one: country.get(one, one) for one in sorted(visit.caller.marketplaces)},
        "storeIds": {one.store_id: one.name for one in (await choices(visit)).stores},
    }


async def show(visit: Visit) -> Response:
    """GET: the programs, and what they may do."""
    return await _show(visit)


async def _show(visit: Visit, status: int = 200, **view: Any) -> Response:
    known = await _known(visit)
    options = await _options(visit, known)
    granted = await applications.list_authorizations(visit.context, visit.caller.seller_id)
    blank = {name: defaults(fields, options) for name, fields in (("new", REGISTRATION), ("grant", GRANT))}
    return visit.show(
        "applications.html",
        status,
        tabs=tabs(visit, "applications"),
        known=[(one, _may_change(visit, one), stamp(render(one.created_at))) for one in known],
        granted=[(one, stamp(render(one.created_at))) for one in reversed(granted)],
        names={one.application_id: one.name for one in known},
        registration=REGISTRATION,
        grant=GRANT,
        options=options,
        **{
            "new_form": Form(blank["new"], blank["new"]),
            "grant_form": Form(blank["grant"], blank["grant"]),
            "fault": "",
            "at_fault": "",
            "open": "",
            "secret": None,
            "token": "",
            **view,
        },
    )


async def create(visit: Visit) -> Response:
    """POST: register a program; its secret is told this once."""
    values = typed(visit, REGISTRATION, {one.member: {} for one in REGISTRATION})
    form = Form(values, values)
    try:
        ask = convert(sent(REGISTRATION, values, {one.member: {} for one in REGISTRATION}), CreateApplication)
        made = await applications.create_application(
            visit.context, visit.caller, ask.name, (ROLE,), ask.redirect_uris, (), _own(visit)
        )
    except BodyFault as fault:
        reason, name = fault.fault.reason, fault.fault.name
        return await _show(visit, 422, new_form=form, open="new", fault=reason, at_fault=name)
    except ApiError as fault:
        return await _show(visit, fault.status, new_form=form, open="new", fault=told(fault))
    return await _show(visit, secret=made)


async def authorize(visit: Visit) -> Response:
    """POST: let a program act for this seller; its refresh token is told this once."""
    options = await _options(visit, await _known(visit))
    values = typed(visit, GRANT, options)
    form = Form(values, values)
    # None ticked stands for all there are, also for those that are to come.
    given = {name: value for name, value in sent(GRANT, values, options).items() if value}
    try:
        ask = convert(given, Authorize)
        made = await applications.authorize_application(
            visit.context,
            visit.caller,
            ask.application_id,
            visit.caller.seller_id,
            ask.marketplace_ids,
            ask.store_ids,
            of_seller=_own(visit),
        )
    except BodyFault as fault:
        reason, name = fault.fault.reason, fault.fault.name
        return await _show(visit, 422, grant_form=form, open="grant", fault=reason, at_fault=name)
    except ApiError as fault:
        return await _show(visit, fault.status, grant_form=form, open="grant", fault=told(fault))
    return await _show(visit, token=made.refresh_token)


async def act(visit: Visit) -> Response:
    """POST: another secret, an end to a program, or to what it may do."""
    id = visit.request.path_params["id"]
    try:
        match visit.fields.get("deed"):
            case "rotate":
                made = await applications.rotate_secret(visit.context, visit.caller, id, _own(visit))
                return await _show(visit, secret=made)
            case "disable":
                await applications.disable_application(visit.context, visit.caller, id, _own(visit))
            case "revoke":
                seller_id = visit.caller.seller_id
                await applications.revoke_authorization(visit.context, visit.caller, id, seller_id)
    except ApiError as fault:
        return await _show(visit, fault.status, fault=told(fault))
    return visit.go(visit.path("developers", "applications"))


# ---- the API, tried


async def show_try(visit: Visit) -> Response:
    """GET: the explorer, and in whose name it can be used."""
    return await _show_try(visit)


async def _show_try(visit: Visit, status: int = 200, **view: Any) -> Response:
    known = {one.application_id: one for one in await _known(visit)}
    granted = await applications.list_authorizations(visit.context, visit.caller.seller_id)

    def may_try(one: Authorization) -> bool:
        program = known.get(one.application_id)
        return (
            one.revoked_at is None
            and program is not None
            and program.disabled_at is None
            and _may_change(visit, program)
        )

    return visit.show(
        "try.html",
        status,
        tabs=tabs(visit, "try"),
        granted=[
            (one.authorization_id, known[one.application_id].name, stamp(render(one.created_at)))
            for one in granted
            if may_try(one)
        ],
        **{"token": "", "chosen": "", "fault": "", **view},
    )


async def give_token(visit: Visit) -> Response:
    """POST: an access token, which the page hands to the explorer."""
    chosen = visit.fields.get("authorization", "")
    try:
        token = await tokens.try_authorization(visit.context, visit.caller, chosen, _own(visit) is None)
    except ApiError as fault:
        return await _show_try(visit, fault.status, fault=told(fault))
    return await _show_try(visit, token=token, chosen=chosen)


_PATH = "/{seller}/developers/applications"
ROUTES = [
    page(_PATH, show, "develop"),
    page(f"{_PATH}/new", create, "develop", "POST"),
    page(f"{_PATH}/authorize", authorize, "develop", "POST"),
    page(f"{_PATH}/{{id}}/act", act, "develop", "POST"),
    page("/{seller}/developers/try", show_try, "develop"),
    page("/{seller}/developers/try", give_token, "develop", "POST"),
]
