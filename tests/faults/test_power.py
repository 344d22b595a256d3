"""Power cuts under SQLite: an acknowledged write survives them, whatever order the disk had in mind."""

import asyncio
import gc
import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import apsw
import pytest

from fieldserve.config import Settings
from fieldserve.operations.appointments import (
    add_appointment_for_service_job_by_service_job_id as book,
)
from fieldserve.operations.run import Caller, Context
from fieldserve.store.blobs import Blobs
from fieldserve.store.engine import Database, Unavailable, _sqlite_fault
from fieldserve.store.keys import Seal
from fieldserve.wire.appointments import AppointmentWindow
from fieldserve.wire.errors import ApiError
from tests.faults.conftest import Row
from tests.faults.ground import SELLER, US, Ground, lay
from tests.faults.power import Disk, Powered, plugged_in
from tests.faults.sizes import size

NAME = "/fieldserve.db"
CALLERS = 6
# Cuts before the world is made anew.
A_LIFE = 10
_APPOINTMENTS = "SELECT appointment_id, service_job_id FROM appointments"
CALLER = Caller(SELLER, marketplaces=frozenset({US}), actor="power")


@dataclass
class Life:
    """A world that goes through power cuts, and what callers were told in it."""

    ground: Ground
    disk: Disk
    chance: random.Random
    synchronous: str
    acknowledged: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)

    async def until_cut(self) -> None:
        """Callers book until the power goes; then the disk is what is left of it."""
        used = self.unsettled | {one.rpartition("_")[0] for one in self.acknowledged}
        jobs = [job for jobs in self.ground.jobs.values() for job in jobs if job not in used]
        self.chance.shuffle(jobs)
        with plugged_in(self.disk):
            try:
                database = Powered(NAME, synchronous=self.synchronous)
            except apsw.IOError:
                pass  # while it was being opened, which may mend what the last cut left
            else:
                context = Context(Settings(), cast(Database, database), cast(Blobs, None), Seal(bytes(32)))
                shares = [jobs[number::CALLERS] for number in range(CALLERS)]
                await asyncio.gather(*(self._caller(context, share) for share in shares))
                self.disk.is_off = True  # at the latest when nobody has anything to do any more
                with suppress(apsw.Error):
                    await database.close()
                del database, context
            gc.collect()
        self.disk = self.disk.after_cut(self.chance)

    async def _caller(self, context: Context, jobs: list[str]) -> None:
        for job in jobs:
            start = self.chance.choice(self.ground.starts())
            try:
                answer = await book(context, CALLER, job, AppointmentWindow(start, None))
            except ApiError:
                continue
            except Unavailable:
                self.unsettled.add(job)
                return
            self.acknowledged.add(answer.appointment_id or "")

    def inspect(self) -> set[str]:
        """What was acknowledged and is gone; everything else must be in order."""
        self.disk.cut_at = None
        with plugged_in(self.disk):
            connection = apsw.Connection(NAME)
            assert connection.pragma("integrity_check") == "ok"
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            rows = [(str(one), str(job)) for one, job in connection.execute(_APPOINTMENTS)]
            told = connection.execute("SELECT count(*) FROM events WHERE kind = 'appointment.added'").fetchone()
            connection.close()
        assert told == (len(rows),), "an appointment and its event are there together, or neither is"
        there = {one for one, _ in rows}
        invented = {one for one, job in rows if one not in self.acknowledged and job not in self.unsettled}
        assert not invented
        lost = self.acknowledged - there
        self.acknowledged &= there
        self.unsettled -= {job for one, job in rows if one not in self.acknowledged}
        self.acknowledged |= there
        return lost


async def live(ground: Ground, image: bytes, cuts: int, synchronous: str) -> tuple[int, int]:
    """How many writes were acknowledged, and how many of them were lost."""
    chance, acknowledged, lost = random.Random(5), 0, 0
    life = Life(ground, Disk.holding(NAME, image), chance, synchronous)
    for number in range(cuts):
        if number % A_LIFE == 0:
            life = Life(ground, Disk.holding(NAME, image), chance, synchronous)
        before = len(life.acknowledged)
        # Sometimes at once, when the log that the last cut left has been read but not yet written back.
        life.disk.cut_at = chance.randint(1, 12) if chance.random() < 0.2 else chance.randint(1, 800)
        await life.until_cut()
        acknowledged += len(life.acknowledged) - before
        lost += len(life.inspect())
    return acknowledged, lost


@pytest.fixture
async def laid(tmp_path: Path) -> tuple[Ground, bytes]:
    """A world with plenty to book, and its file."""
    path = tmp_path / "fieldserve.db"
    ground = await lay(f"sqlite:///{path}", tmp_path, hours=400, capacity=50, jobs_per_store=size(600, 1500))
    return ground, path.read_bytes()


@pytest.mark.timeout(900)
async def test_full(laid: tuple[Ground, bytes], row: Row) -> None:
    """As the server runs it, nothing acknowledged is lost, and the file is sound after each cut."""
    cuts = size(12, 300)
    acknowledged, lost = await live(*laid, cuts, "FULL")
    row("power cuts, sqlite", f"{cuts} cuts", f"{acknowledged} acknowledged, {lost} lost")
    assert acknowledged > cuts * 10
    assert lost == 0


@pytest.mark.timeout(300)
async def test_normal(laid: tuple[Ground, bytes], row: Row) -> None:
    """The cuts are real: with synchronous = NORMAL the same ones lose writes that were acknowledged."""
    cuts = size(5, 30)
    acknowledged, lost = await live(*laid, cuts, "NORMAL")
    row("power cuts, sqlite at NORMAL", f"{cuts} cuts", f"{acknowledged} acknowledged, {lost} lost")
    assert lost > 0


def test_faults_are_known() -> None:
    """A disk without power is an outage, not a defect."""
    assert isinstance(_sqlite_fault(apsw.IOError("the power is off")), Unavailable)
