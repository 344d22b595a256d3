"""Filters of the console's pages that somebody keeps under a name."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldserve.store.engine import Connection, Row


@dataclass(frozen=True, slots=True)
class SavedView:
    """`query` is what stands behind the page's address; `shared` whether all people of the seller have it."""

    seller_id: str
    view_id: str
    user_id: str
    page: str
    name: str
    query: str
    shared: bool


_COLUMNS = "seller_id, view_id, user_id, page, name, query, shared"


def _view(row: Row) -> SavedView:
    seller_id, view_id, user_id, page, name, query, shared = row
    return SavedView(seller_id, view_id, user_id, page, name, query, bool(shared))


async def put(c: Connection, view: SavedView) -> None:
    """Store a view, in the place of the one with its id."""
    await c.execute(
        f"INSERT INTO saved_views ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (seller_id, view_id) DO UPDATE SET name = excluded.name, query = excluded.query,"
        " shared = excluded.shared",
        view.seller_id,
        view.view_id,
        view.user_id,
        view.page,
        view.name,
        view.query,
        int(view.shared),
    )


async def of_page(c: Connection, seller_id: str, page: str, user_id: str) -> Sequence[SavedView]:
    """The user's views of a page, and those that others share, by name."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM saved_views WHERE seller_id = $1 AND page = $2 AND (user_id = $3 OR shared = 1)"
        " ORDER BY name, view_id",
        seller_id,
        page,
        user_id,
    )
    return [_view(row) for row in rows]


async def find(c: Connection, seller_id: str, view_id: str) -> SavedView | None:
    """The view with that id."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM saved_views WHERE seller_id = $1 AND view_id = $2", seller_id, view_id
    )
    return _view(rows[0]) if rows else None


async def delete(c: Connection, seller_id: str, view_id: str) -> None:
    """Forget a view. None with that id is fine."""
    await c.execute("DELETE FROM saved_views WHERE seller_id = $1 AND view_id = $2", seller_id, view_id)
