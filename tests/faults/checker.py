"""Decides whether a history of requests, and what is stored in the end, can be the work of a correct server.

It knows nothing of the server's code, and imports nothing of it. All it is told:

    history    what callers did: when they asked, when the answer was there, and what it was (or that none came)
    log        the effects, in the order in which the server says that they happened
    final      the appointments and jobs in the end
    capacity   how many appointments a slot holds

An appointment *surely* holds its slot from the answer that gave it until the request that ends it goes out; it *may*
hold it from the request that gave it until the answer that ended it is there. So what surely holds must never exceed
the capacity, and a slot may be refused only if what may hold could have filled it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

NEVER = float("inf")


@dataclass(frozen=True)
class Op:
    """One thing that a caller did. Times are the caller's, in seconds.

    `kind`: book, move, cancel (the job), assign or read. `outcome`: ok; full (the slot is not available); refused for
    another reason; unknown, when no answer came or one that settles nothing; defect, when the server failed.
    `slot` is what was asked for, `appointment` the one to be moved or assigned, `given` the new one's id, `team` the
    technicians, `seen` what a read showed: appointment → status."""

    kind: Literal["book", "move", "cancel", "assign", "read"]
    job: str
    invoked: float
    completed: float
    outcome: Literal["ok", "full", "refused", "unknown", "defect"]
    slot: str | None = None
    appointment: str | None = None
    given: str | None = None
    team: tuple[str, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Appointment:
    """An appointment in the end."""

    appointment: str
    job: str
    slot: str
    status: str
    team: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effect:
    """An entry of the server's log: the appointments that began and ended with it."""

    job: str
    begun: Mapping[str, str]
    ended: tuple[str, ...]
    cancelled_job: bool = False


@dataclass(frozen=True)
class Final:
    """What is stored in the end."""

    appointments: Sequence[Appointment]
    cancelled_jobs: frozenset[str]


def check(history: Sequence[Op], log: Sequence[Effect], final: Final, capacity: int) -> list[str]:
    """What is wrong, in words; nothing if all of it can be right."""
    held = _Held(history, final)
    return list(
        chain(
            (f"defect: {op}" for op in history if op.outcome == "defect"),
            _lost(history, final),
            _invented(history, final),
            _log_agrees(log, final, capacity),
            _order(history, log),
            _overfull(held, capacity),
            _refused_for_nothing(history, held, capacity),
            _misread(history, final),
        )
    )


# ---- what was acknowledged is there


def _lost(history: Iterable[Op], final: Final) -> Iterable[str]:
    there = {one.appointment: one for one in final.appointments}
    for op in history:
        if op.outcome != "ok":
            continue
        if op.kind in ("book", "move"):
            found = there.get(op.given or "")
            if found is None or (found.job, found.slot) != (op.job, op.slot):
                yield f"lost: {op} was acknowledged, and there is {found}"
        old = there.get(op.appointment or "")
        if op.kind == "move" and (old is None or old.status != "CANCELLED"):
            yield f"lost: {op} was acknowledged, and the old appointment stands"
        if op.kind == "cancel" and op.job not in final.cancelled_jobs:
            yield f"lost: {op} was acknowledged, and the job is not cancelled"
    for one in final.appointments:
        if one.job in final.cancelled_jobs and one.status == "ACTIVE":
            yield f"lost: {one} is active in a job that is cancelled"
    yield from _lost_teams(history, there)


def _lost_teams(history: Iterable[Op], there: Mapping[str, Appointment]) -> Iterable[str]:
    """The last assignment stands, if no other request about the job came later or at the same time."""
    by_job: dict[str, list[Op]] = defaultdict(list)
    for op in history:
        if op.kind != "read" and op.outcome in ("ok", "unknown"):
            by_job[op.job].append(op)
    for ops in by_job.values():
        last = max(ops, key=lambda op: op.invoked)
        if last.kind != "assign" or last.outcome != "ok" or any(o.completed > last.invoked for o in ops if o != last):
            continue
        found = there.get(last.appointment or "")
        if found is None or found.team != last.team:
            yield f"lost: {last} was acknowledged, and there is {found}"


# ---- what is there was asked for


def _invented(history: Iterable[Op], final: Final) -> Iterable[str]:
    acknowledged = {op.given for op in history if op.outcome == "ok" and op.given}
    unsettled = Counter((op.job, op.slot) for op in history if op.outcome == "unknown" and op.kind in ("book", "move"))
    for one in final.appointments:
        if one.appointment in acknowledged:
            continue
        unsettled[one.job, one.slot] -= 1
        if unsettled[one.job, one.slot] < 0:
            yield f"invented: {one} was asked for by nobody, or refused"
    ending = {(op.kind, op.job) for op in history if op.outcome in ("ok", "unknown")}
    for one in final.appointments:
        if one.status != "ACTIVE" and not {("move", one.job), ("cancel", one.job)} & ending:
            yield f"invented: nobody ended {one}"
    for job in final.cancelled_jobs:
        if ("cancel", job) not in ending:
            yield f"invented: nobody cancelled {job}"


# ---- the server's own order


def _log_agrees(log: Sequence[Effect], final: Final, capacity: int) -> Iterable[str]:
    """Followed step by step, no slot is ever overfull, and in the end there is what is stored."""
    slot_of: dict[str, str] = {}
    active: dict[str, str] = {}
    count: Counter[str] = Counter()
    for effect in log:
        for ended in effect.ended:
            if ended not in active:
                yield f"log: {effect} ends what has not begun"
            else:
                count[active.pop(ended)] -= 1
        for begun, slot in effect.begun.items():
            if begun in slot_of:
                yield f"log: {effect} begins what has begun before"
            slot_of[begun] = active[begun] = slot
            count[slot] += 1
            if count[slot] > capacity:
                yield f"log: {slot} holds {count[slot]} with {effect}"
    if slot_of != {one.appointment: one.slot for one in final.appointments}:
        yield "log: it tells of other appointments than are stored"
    if active.keys() != {one.appointment for one in final.appointments if one.status == "ACTIVE"}:
        yield "log: it leaves others active than are stored so"
    if {effect.job for effect in log if effect.cancelled_job} != final.cancelled_jobs:
        yield "log: it cancels other jobs than are stored so"


def _order(history: Sequence[Op], log: Sequence[Effect]) -> Iterable[str]:
    """Two effects on one slot happened in the order in which they were asked for, if one was over before the other."""
    by_id = {op.given: op for op in history if op.outcome == "ok" and op.given}
    cancels = {op.job: op for op in history if op.outcome == "ok" and op.kind == "cancel"}
    slot_of = {begun: slot for effect in log for begun, slot in effect.begun.items()}
    latest: dict[str, Op] = {}
    for effect in log:
        op = next((by_id[begun] for begun in effect.begun if begun in by_id), None)
        if op is None and effect.cancelled_job:
            op = cancels.get(effect.job)
        if op is None:
            continue
        for slot in {*effect.begun.values(), *(slot_of[ended] for ended in effect.ended if ended in slot_of)}:
            before = latest.get(slot)
            if before is not None and op.completed < before.invoked:
                yield f"order: on {slot} {before} comes before {op}, which was over when it was asked for"
            if before is None or op.invoked > before.invoked:
                latest[slot] = op


# ---- what callers could tell


class _Held:
    """When each appointment surely holds its slot, and when it may: (from, until, appointment) by slot."""

    def __init__(self, history: Sequence[Op], final: Final):
        self.surely: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
        self.maybe: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
        given = {op.given: op for op in history if op.outcome == "ok" and op.given}
        asked: dict[tuple[str, str | None], list[Op]] = defaultdict(list)
        ending: dict[str, list[Op]] = defaultdict(list)
        for op in history:
            if op.outcome == "unknown" and op.kind in ("book", "move"):
                asked[op.job, op.slot].append(op)
            if op.outcome in ("ok", "unknown") and op.kind in ("move", "cancel"):
                ending[op.job].append(op)
        for one in final.appointments:
            ends = [op for op in ending[one.job] if op.kind == "cancel" or op.appointment == one.appointment]
            first_end = min((op.invoked for op in ends), default=NEVER)
            over = NEVER
            if one.status != "ACTIVE":
                over = max((op.completed if op.outcome == "ok" else NEVER for op in ends), default=NEVER)
            if (giver := given.get(one.appointment)) is not None:
                self.surely[one.slot].append((giver.completed, first_end, one.appointment))
                self.maybe[one.slot].append((giver.invoked, over, one.appointment))
            elif asked[one.job, one.slot]:
                began = min(op.invoked for op in asked[one.job, one.slot])
                self.maybe[one.slot].append((began, over, one.appointment))


def _most_at_once(held: Iterable[tuple[float, float, str]]) -> int:
    """The largest number that hold at one instant; one that ends as another begins does not meet it."""
    steps = sorted(step for begin, end, _ in held if begin < end for step in ((begin, 1), (end, -1)))
    most = now = 0
    for _, change in steps:
        now += change
        most = max(most, now)
    return most


def _overfull(held: _Held, capacity: int) -> Iterable[str]:
    for slot, intervals in held.surely.items():
        if (most := _most_at_once(intervals)) > capacity:
            yield f"overfull: {slot} surely held {most} at once"


def _refused_for_nothing(history: Iterable[Op], held: _Held, capacity: int) -> Iterable[str]:
    for op in history:
        if op.outcome != "full":
            continue
        others = [
            (max(begin, op.invoked), min(end, op.completed), one)
            for begin, end, one in held.maybe[op.slot or ""]
            if one != op.appointment and begin <= op.completed and end >= op.invoked
        ]
        # Intervals that only touch here count in full: the answer may have been decided at that instant.
        if (most := _most_at_once((begin, end + 1e-9, one) for begin, end, one in others)) < capacity:
            yield f"refused for nothing: {op}, where at most {most} of {capacity} can have been taken"


def _misread(history: Sequence[Op], final: Final) -> Iterable[str]:
    by_job: dict[str, list[Op]] = defaultdict(list)
    for op in history:
        if op.outcome == "ok":
            by_job[op.job].append(op)
    known = {one.appointment for one in final.appointments}
    for read in (op for op in history if op.kind == "read" and op.outcome == "ok"):
        if strange := read.seen.keys() - known:
            yield f"misread: {read} shows {strange}, which there never was"
        for op in by_job[read.job]:
            if op.completed > read.invoked or op.kind == "read":
                continue
            if op.given and op.given not in read.seen:
                yield f"misread: {read} does not show {op}, which was acknowledged before"
            ended = op.seen if op.kind == "cancel" else (op.appointment,) if op.kind == "move" else ()
            if any(read.seen.get(one or "") == "ACTIVE" for one in ended):
                yield f"misread: {read} shows as active what {op} had ended"
