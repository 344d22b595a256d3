"""Filters of the console's pages that somebody keeps under a name, for themselves or for all people of the seller.

A view says what is looked at, not when: days are left out of it, so that it opens on those that the page begins with.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import log
from fieldserve.store import saved_views
from fieldserve.store.engine import Connection
from fieldserve.store.saved_views import SavedView
from fieldserve.store.users import User
from fieldserve.wire.errors import Says

PAGES = ("board", "jobs", "capacity", "performance", "payments", "demand")
LONGEST_NAME = 60
LONGEST_QUERY = 2_000
MOST = 50
"""Views of a page that one user may have."""
_DAYS = frozenset({"date", "week", "from", "to", "before", "change", "meets", "day"})

# Said to pages of the console alone, so they stand in no table of the API.
NO_VIEW = Says(404, "NotFound", "There is no such view any more.", "it was deleted, or is not the user's")
NO_NAME = Says(422, "InvalidInput", "A view needs a name of up to 60 characters.", "the name is empty or too long")
TOO_MANY = Says(422, "InvalidInput", "You have fifty views of this page. Delete one first.", "a user's limit")


async def list_views(context: Context, caller: Caller, user: User, page: str) -> Sequence[SavedView]:
    """The user's views of the page, and those that others share, by name."""
    return await read(context, lambda c: saved_views.of_page(c, caller.seller_id, page, user.user_id), snapshot=False)


async def save_view(
    context: Context, caller: Caller, user: User, page: str, name: str, query: str, *, shared: bool
) -> SavedView:
    """Keep a page's filters; under a name that the user has for the page already, in its place.

    Raises ApiError: NO_NAME, TOO_MANY, NO_VIEW for a page without views."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise NO_NAME.error()
    if page not in PAGES:
        raise NO_VIEW.error()
    kept = urlencode([pair for pair in parse_qsl(query.lstrip("?"))[:100] if pair[0] not in _DAYS])[:LONGEST_QUERY]

    async def save(c: Connection) -> SavedView:
        mine = [
            one
            for one in await saved_views.of_page(c, caller.seller_id, page, user.user_id)
            if one.user_id == user.user_id
        ]
        known = next((one for one in mine if one.name.casefold() == name.casefold()), None)
        if known is None and len(mine) >= MOST:
            raise TOO_MANY.error()
        view_id = known.view_id if known is not None else context.ids.uuid()
        view = SavedView(caller.seller_id, view_id, user.user_id, page, name, kept, shared)
        await _put(context, c, caller, view)
        return view

    return await transact(context, save)


async def change_view(
    context: Context, caller: Caller, user: User, view_id: str, name: str, *, shared: bool
) -> SavedView:
    """Another name for a view of the user's, shared or not. Raises ApiError: NO_VIEW, NO_NAME."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise NO_NAME.error()

    async def change(c: Connection) -> SavedView:
        view = replace(await _mine(c, caller, user, view_id), name=name, shared=shared)
        await _put(context, c, caller, view)
        return view

    return await transact(context, change)


async def delete_view(context: Context, caller: Caller, user: User, view_id: str) -> SavedView:
    """Forget a view of the user's; an admin also one that another shares. Raises ApiError: NO_VIEW."""

    async def forget(c: Connection) -> SavedView:
        view = await _mine(c, caller, user, view_id)
        await saved_views.delete(c, caller.seller_id, view_id)
        await log(context, c, caller, "view.deleted", view_id, None, None)
        return view

    return await transact(context, forget)


async def _put(context: Context, c: Connection, caller: Caller, view: SavedView) -> None:
    await saved_views.put(c, view)
    await log(context, c, caller, "view.saved", view.view_id, None, {"page": view.page, "shared": view.shared})


async def _mine(c: Connection, caller: Caller, user: User, view_id: str) -> SavedView:
    view = await saved_views.find(c, caller.seller_id, view_id)
    if view is None or not (view.user_id == user.user_id or (view.shared and user.role == "admin")):
        raise NO_VIEW.error()
    return view
