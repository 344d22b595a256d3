"""Pins: who may be kept, and what the log says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldserve.operations.pins import set_pin
from fieldserve.operations.run import Caller
from fieldserve.store.engine import Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.pins import SetPin
from tests.world import ANN, SELLER, World, a_world

OPERATOR = Caller(SELLER, actor="operator:test")
ON, OFF = SetPin(True), SetPin(False)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database, tmp_path / "data") as world:
        yield world


async def test_on_and_off(world: World) -> None:
    """Each is logged once, however often it is said."""
    job_id = await world.order()
    appointment_id = await world.book(job_id, "2026-03-03T15:00:00Z")
    await world.assign(job_id, appointment_id, ANN)
    for ask in (ON, ON, OFF, OFF):
        told = await set_pin(world.context, OPERATOR, job_id, ask)
        assert (told.appointment_id, told.pinned) == (appointment_id, ask.pinned)
    assert (await world.kinds(job_id))[-2:] == ["appointment.pinned", "appointment.unpinned"]


async def test_nobody_to_keep(world: World) -> None:
    """Without an appointment, or without anybody on it, there is nothing to pin."""
    job_id = await world.order()
    with pytest.raises(ApiError, match="Book and assign it first"):
        await set_pin(world.context, OPERATOR, job_id, ON)
    await world.book(job_id, "2026-03-03T15:00:00Z")
    with pytest.raises(ApiError, match="Book and assign it first"):
        await set_pin(world.context, OPERATOR, job_id, ON)


async def test_unknown(world: World) -> None:
    """A job that is not there, and one of another seller, are 404."""
    with pytest.raises(ApiError, match="404"):
        await set_pin(world.context, OPERATOR, "nothing", ON)
    job_id = await world.order()
    with pytest.raises(ApiError, match="404"):
        await set_pin(world.context, Caller("A2SELLER", actor="operator:test"), job_id, ON)
