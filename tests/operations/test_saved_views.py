"""Saved views: whose they are, and what they keep."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.operations import saved_views
from fieldserve.operations.run import Caller
from fieldserve.operations.users import create_user
from fieldserve.store import users
from fieldserve.store.engine import Database
from fieldserve.store.users import User
from fieldserve.wire.errors import ApiError
from fieldserve.wire.users import CreateUser, Role
from tests.world import OTHER_SELLER, SELLER, World, a_world

CALLER = Caller(SELLER, actor="operator:test")


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def person(world: World, login: str, role: Role = "dispatcher") -> User:
    ask = CreateUser(login=login, name=login, role=role, seller_id=SELLER, password="correct horse battery")
    made = await create_user(world.context, CALLER, ask)
    found = await world.read(lambda c: users.find(c, made.user.user_id))
    assert found is not None
    return found  # type: ignore[no-any-return]


async def names(world: World, who: User, page: str = "jobs") -> list[str]:
    return [one.name for one in await saved_views.list_views(world.context, CALLER, who, page)]


async def test_saved_shared_and_deleted(world: World) -> None:
    """One's own are one's own until they are shared; others see those, and an admin can delete them."""
    ann, bob, ada = [await person(world, *one) for one in (("ann",), ("bob",), ("ada", "admin"))]
    mine = (world.context, CALLER, ann)
    view = await saved_views.save_view(*mine, "jobs", " On  hold ", "?status=HOLD&from=2026-03-01", shared=False)
    assert (view.name, view.query) == ("On hold", "status=HOLD")  # days are left out
    assert await names(world, bob) == []
    with pytest.raises(ApiError, match="no such view"):
        await saved_views.delete_view(world.context, CALLER, ada, view.view_id)
    await saved_views.change_view(*mine, view.view_id, "Held", shared=True)
    assert await names(world, bob) == ["Held"]
    assert await names(world, bob, "board") == []
    for deed in (
        saved_views.delete_view(world.context, CALLER, bob, view.view_id),
        saved_views.change_view(world.context, CALLER, bob, view.view_id, "Mine", shared=True),
        saved_views.delete_view(world.context, elsewhere(), ann, view.view_id),
    ):
        with pytest.raises(ApiError, match="no such view"):
            await deed
    await saved_views.delete_view(world.context, CALLER, ada, view.view_id)
    assert await names(world, ann) == []
    assert await world.kinds(view.view_id) == ["view.saved", "view.saved", "view.deleted"]


def elsewhere() -> Caller:
    """The same caller at another seller."""
    return CALLER.of_seller(OTHER_SELLER)


async def test_the_same_name(world: World) -> None:
    """Saved under a name that is there already, a view takes its place; somebody else's stays."""
    ann, bob = [await person(world, one) for one in ("ann", "bob")]
    await saved_views.save_view(world.context, CALLER, bob, "jobs", "Held", "q=bob", shared=True)
    for query in ("status=HOLD", "status=CANCELLED"):
        await saved_views.save_view(world.context, CALLER, ann, "jobs", "held", query, shared=False)
    found = await saved_views.list_views(world.context, CALLER, ann, "jobs")
    assert sorted(one.query for one in found) == ["q=bob", "status=CANCELLED"]


async def test_mistakes(world: World) -> None:
    """No name, a page without views, and one view too many."""
    ann = await person(world, "ann")
    save = (world.context, CALLER, ann)
    for name in ("", "x" * 61):
        with pytest.raises(ApiError, match="needs a name"):
            await saved_views.save_view(*save, "jobs", name, "", shared=False)
    with pytest.raises(ApiError, match="no such view"):
        await saved_views.save_view(*save, "settings", "Mine", "", shared=False)
    for number in range(saved_views.MOST):
        await saved_views.save_view(*save, "jobs", f"View {number}", "", shared=False)
    with pytest.raises(ApiError, match="fifty views"):
        await saved_views.save_view(*save, "jobs", "Another", "", shared=False)
