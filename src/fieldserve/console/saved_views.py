"""The menu of saved views in the head of pages that have filters. /console/{seller}/views

It is loaded when it is opened, so that pages need not know of it.
"""

from starlette.responses import Response

from fieldserve.console.pages import Visit, page, told
from fieldserve.operations import saved_views
from fieldserve.wire.errors import ApiError


async def show(visit: Visit) -> Response:
    """GET: the views of a page, each with its address, and a form to save another."""
    return await _show(visit, visit.request.query_params.get("page", ""))


async def _show(visit: Visit, of: str, fault: str = "") -> Response:
    user = visit.signed_in.user
    found = await saved_views.list_views(visit.context, visit.caller, user, of)
    return visit.show(
        "saved_views.html",
        of=of,
        views=[
            (one, visit.path(of) + (f"?{one.query}" if one.query else ""), one.user_id == user.user_id) for one in found
        ],
        is_admin=user.role == "admin",
        fault=fault,
        name=visit.fields.get("name", "") if fault else "",
    )


async def act(visit: Visit) -> Response:
    """POST: save, change or delete; answers the menu as it is then."""
    fields, who = visit.fields, (visit.context, visit.caller, visit.signed_in.user)
    of, name, shared = fields.get("page", ""), fields.get("name", ""), bool(fields.get("shared"))
    try:
        match fields.get("deed"):
            case "save":
                await saved_views.save_view(*who, of, name, fields.get("query", ""), shared=shared)
            case "change":
                await saved_views.change_view(*who, fields.get("view", ""), name, shared=shared)
            case "delete":
                await saved_views.delete_view(*who, fields.get("view", ""))
    except ApiError as refusal:
        return await _show(visit, of, told(refusal))
    return await _show(visit, of)


ROUTES = [page("/{seller}/views", show), page("/{seller}/views", act, "see", "POST")]
