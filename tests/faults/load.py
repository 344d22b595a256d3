"""Callers who book, move, staff, cancel and read at random, and write down what they asked and were told."""

import asyncio
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fieldserve.store import engine
from fieldserve.wire.times import render
from tests.faults.checker import Appointment, Effect, Final, Op
from tests.faults.ground import SELLER, Ground
from tests.faults.line import Answer, Line, NoAnswer, NotSent

# How often each is done, of a hundred.
SHARES = {"book": 40, "move": 20, "assign": 12, "cancel": 12, "read": 16}


@dataclass
class Load:
    """Callers on servers at these ports, and their history. Every second write has a key and is sent until settled."""

    ground: Ground
    ports: Sequence[int]
    requests: int
    callers: int = 32
    seed: int = 1
    settle_within: float = 60.0
    history: list[Op] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    left: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self.left = self.requests

    async def run(self) -> None:
        """Do all of it."""
        self._known: dict[str, dict[str, str]] = {job: {} for jobs in self.ground.jobs.values() for job in jobs}
        self._closed: set[str] = set()
        async with asyncio.TaskGroup() as group:
            for number in range(self.callers):
                group.create_task(self._caller(number))

    async def until(self, share: float) -> None:
        """Wait until so much of it has been asked, of 1."""
        while self.left > self.requests * (1 - share):  # noqa: ASYNC110 (nobody tells of each request)
            await asyncio.sleep(0.1)

    async def _caller(self, number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        lines = [Line(port) for port in self.ports]
        try:
            while self.left > 0:
                self.left -= 1
                await self._act(chance, lines)
        finally:
            for line in lines:
                line.hang_up()

    async def _act(self, chance: random.Random, lines: list[Line]) -> None:
        kind = chance.choices([*SHARES], [*SHARES.values()])[0]
        store = chance.choice(self.ground.stores)
        job = chance.choice(self.ground.jobs[store])
        # As far as anybody knows; others may be at the same job, which makes for refusals.
        active = next((one for one, status in self._known[job].items() if status == "ACTIVE"), None)
        if job in self._closed and chance.random() < 0.95:
            self.left += 1
            return
        if (kind == "book" and active is not None and chance.random() < 0.9) or (
            kind in ("move", "assign", "cancel") and active is None
        ):
            kind = "move" if active else "book"
        await getattr(self, f"_{kind}")(chance, lines, store, job, active)

    async def _book(self, chance: random.Random, lines: list[Line], store: str, job: str, active: str | None) -> None:
        start = chance.choice(self.ground.starts())
        path = f"/service/v1/serviceJobs/{job}/appointments"
        body = {"appointmentTime": {"startTime": render(start)}}
        op = Op("book", job, 0, 0, "unknown", slot=f"{store}@{start}")
        await self._write(chance, lines, op, "POST", path, body)

    async def _move(self, chance: random.Random, lines: list[Line], store: str, job: str, active: str) -> None:
        start = chance.choice(self.ground.starts())
        path = f"/service/v1/serviceJobs/{job}/appointments/{active}"
        body = {"appointmentTime": {"startTime": render(start)}, "rescheduleReasonCode": "R1"}
        op = Op("move", job, 0, 0, "unknown", slot=f"{store}@{start}", appointment=active)
        await self._write(chance, lines, op, "POST", path, body)

    async def _assign(self, chance: random.Random, lines: list[Line], store: str, job: str, active: str) -> None:
        if not self.ground.team[store]:
            return
        one = chance.choice(self.ground.team[store])
        path = f"/service/v1/serviceJobs/{job}/appointments/{active}/resources"
        op = Op("assign", job, 0, 0, "unknown", appointment=active, team=(one,))
        await self._write(chance, lines, op, "PUT", path, {"resources": [{"resourceId": one}]})

    async def _cancel(self, chance: random.Random, lines: list[Line], store: str, job: str, active: str) -> None:
        path = f"/service/v1/serviceJobs/{job}/cancellations?cancellationReasonCode=V1"
        # The appointments that it ends, as far as its caller knows them before.
        op = Op("cancel", job, 0, 0, "unknown", seen=dict(self._known[job]))
        await self._write(chance, lines, op, "PUT", path, None)

    async def _read(self, chance: random.Random, lines: list[Line], store: str, job: str, active: str | None) -> None:
        op = Op("read", job, time.monotonic(), 0, "unknown")
        answer = await self._ask(lines, "GET", f"/service/v1/serviceJobs/{job}", None, {})
        if answer is None:
            return
        if answer.status == 200:
            shown = answer.json()["payload"].get("appointments", [])
            seen = {one["appointmentId"]: one["appointmentStatus"] for one in shown}
            self._known[job] = dict(seen)
            self._note(op, "ok", seen=seen)
        else:
            self._note(op, "unknown" if answer.status == 503 else "defect")

    async def _write(self, chance: random.Random, lines: list[Line], op: Op, method: str, path: str, body: Any) -> None:
        op = replace(op, invoked=time.monotonic())
        keyed = chance.random() < 0.5
        headers = {"idempotency-key": str(uuid.UUID(int=chance.getrandbits(128)))} if keyed else {}
        until = op.invoked + (self.settle_within if keyed else 0)
        while True:
            answer = await self._ask(lines, method, path, body, headers)
            if answer is not None and answer.status != 503:
                break
            if time.monotonic() >= until:
                return self._note(op, "unknown")
            await asyncio.sleep(0.1 * chance.random())
        if answer.status == 200:
            self._learn(op, answer)
        elif answer.status == 422:
            full = "Appointment slot is not available" in answer.content.decode()
            self._note(op, "full" if full else "refused")
        else:
            self._note(op, "defect")

    def _learn(self, op: Op, answer: Answer) -> None:
        given = answer.json().get("appointmentId") if op.kind in ("book", "move") else None
        self._note(op, "ok", given=given)
        if op.appointment and given:
            self._known[op.job][op.appointment] = "CANCELLED"
        if given:
            self._known[op.job][given] = "ACTIVE"
        if op.kind == "cancel":
            self._known[op.job] = dict.fromkeys(self._known[op.job], "CANCELLED")
            self._closed.add(op.job)

    def _note(self, op: Op, outcome: Literal["ok", "full", "refused", "unknown", "defect"], **more: Any) -> None:
        self.history.append(replace(op, completed=time.monotonic(), outcome=outcome, **more))

    async def _sent(self, lines: list[Line], method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        """The answer of whichever server takes it. A request that never went out did nothing, and goes to another."""
        until = time.monotonic() + self.settle_within
        while True:
            try:
                return await self._chance.choice(lines).ask(method, path, body, headers=headers)
            except NotSent:
                if time.monotonic() > until:
                    raise
                self.statuses["not sent"] += 1
                await asyncio.sleep(0.05)

    async def _ask(
        self, lines: list[Line], method: str, path: str, body: Any, headers: dict[str, str]
    ) -> Answer | None:
        begun = time.monotonic()
        try:
            answer = await self._sent(lines, method, path, body, headers)
        except NoAnswer:
            self.statuses["no answer"] += 1
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)
        self.statuses[str(answer.status)] += 1
        return answer


async def stored(ground: Ground) -> tuple[list[Effect], Final]:
    """The server's log of effects, and what is stored in the end."""
    database = await engine.connect(ground.url)
    try:
        return await database.read(_stored)
    finally:
        await database.close()


async def _stored(c: engine.Connection) -> tuple[list[Effect], Final]:
    teams: dict[str, tuple[str, ...]] = {}
    for appointment, technician in await c.fetch(
        "SELECT appointment_id, technician_id FROM appointment_technicians WHERE seller_id = $1"
        " ORDER BY appointment_id, position",
        SELLER,
    ):
        teams[appointment] = (*teams.get(appointment, ()), technician)
    rows = await c.fetch(
        "SELECT appointment_id, service_job_id, store_id, start_at, status FROM appointments WHERE seller_id = $1",
        SELLER,
    )
    appointments = [
        Appointment(one, job, f"{store}@{start}", status, teams.get(one, ())) for one, job, store, start, status in rows
    ]
    closed = await c.fetch("SELECT service_job_id FROM jobs WHERE seller_id = $1 AND status = 'CANCELLED'", SELLER)
    log = []
    for kind, subject, text in await c.fetch(
        "SELECT kind, subject, after FROM events WHERE seller_id = $1 AND kind IN ('appointment.added',"
        " 'appointment.rescheduled', 'job.cancelled') ORDER BY sequence",
        SELLER,
    ):
        after = json.loads(text)
        changed = after["appointments"]
        begun = {
            one["appointmentId"]: f"{after['storeId']}@{one['start']}" for one in changed if one["status"] == "ACTIVE"
        }
        ended = tuple(one["appointmentId"] for one in changed if one["status"] == "CANCELLED")
        log.append(Effect(subject, begun, ended, kind == "job.cancelled"))
    return log, Final(appointments, frozenset(row[0] for row in closed))


async def every(seconds: float, act: Callable[[], Awaitable[None]], times: int) -> None:
    """Do something again and again."""
    for _ in range(times):
        await asyncio.sleep(seconds)
        await act()
