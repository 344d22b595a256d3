"""The checker finds what a wrong server would do: each history here is spoilt in one way."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.faults.checker import Appointment, Effect, Final, Op, check

# Ann books the only unit of s at 0–1, Bob is refused at 2–3, Ann moves to t at 4–5, Bob gets s at 6–7 and cancels at
# 8–9. Cid books s at 10–11, staffs it and reads it. Dot gets no answer when she books u, and nothing came of it.
ANN = Op("book", "ann", 0, 1, "ok", slot="s", given="a1")
BOB_REFUSED = Op("book", "bob", 2, 3, "full", slot="s")
ANN_MOVES = Op("move", "ann", 4, 5, "ok", slot="t", appointment="a1", given="a2")
BOB = Op("book", "bob", 6, 7, "ok", slot="s", given="b1")
BOB_CANCELS = Op("cancel", "bob", 8, 9, "ok", seen={"b1": "ACTIVE"})
CID = Op("book", "cid", 10, 11, "ok", slot="s", given="c1")
CID_STAFFS = Op("assign", "cid", 11.2, 11.4, "ok", appointment="c1", team=("tim",))
CID_READS = Op("read", "cid", 11.5, 11.8, "ok", seen={"c1": "ACTIVE"})
NOBODY_KNOWS = Op("book", "dot", 12, 13, "unknown", slot="u")
HISTORY = [ANN, BOB_REFUSED, ANN_MOVES, BOB, BOB_CANCELS, CID, CID_STAFFS, CID_READS, NOBODY_KNOWS]
LOG = [
    Effect("ann", {"a1": "s"}, ()),
    Effect("ann", {"a2": "t"}, ("a1",)),
    Effect("bob", {"b1": "s"}, ()),
    Effect("bob", {}, ("b1",), cancelled_job=True),
    Effect("cid", {"c1": "s"}, ()),
]
STORED = [
    Appointment("a1", "ann", "s", "CANCELLED"),
    Appointment("a2", "ann", "t", "ACTIVE"),
    Appointment("b1", "bob", "s", "CANCELLED"),
    Appointment("c1", "cid", "s", "ACTIVE", ("tim",)),
]
FINAL = Final(STORED, frozenset({"bob"}))
DOT = Appointment("d1", "dot", "u", "ACTIVE")


def found(history: Sequence[Op] = HISTORY, log: Sequence[Effect] = LOG, final: Final = FINAL) -> set[str]:
    """The kinds of what is wrong."""
    return {fault.partition(":")[0] for fault in check(history, log, final, 1)}


def but(old: Op, new: Op | None) -> list[Op]:
    """The history with one thing told otherwise."""
    return [one for op in HISTORY if (one := new if op is old else op) is not None]


def test_right() -> None:
    """Nothing is wrong with the history as it is."""
    assert check(HISTORY, LOG, FINAL, 1) == []


def test_unknown_that_happened() -> None:
    """What got no answer may have been done."""
    assert found(log=[*LOG, Effect("dot", {"d1": "u"}, ())], final=replace(FINAL, appointments=[*STORED, DOT])) == set()


@pytest.mark.parametrize("gone", ["a2", "b1", "c1"])
def test_lost(gone: str) -> None:
    """An acknowledged appointment that is not there any more."""
    kept = [one for one in STORED if one.appointment != gone]
    assert "lost" in found(final=replace(FINAL, appointments=kept))


def test_lost_cancellation() -> None:
    """A cancellation that did not last."""
    assert "lost" in found(final=replace(FINAL, cancelled_jobs=frozenset()))


def test_lost_move() -> None:
    """A move that left the old appointment standing."""
    stored = [replace(STORED[0], status="ACTIVE"), *STORED[1:]]
    assert "lost" in found(final=replace(FINAL, appointments=stored))


def test_lost_team() -> None:
    """An assignment that did not last."""
    assert found(final=replace(FINAL, appointments=[*STORED[:3], replace(STORED[3], team=())])) == {"lost"}


def test_invented() -> None:
    """An appointment where the caller was refused."""
    history = but(NOBODY_KNOWS, replace(NOBODY_KNOWS, outcome="refused"))
    log = [*LOG, Effect("dot", {"d1": "u"}, ())]
    assert found(history, log, replace(FINAL, appointments=[*STORED, DOT])) == {"invented"}


def test_done_twice() -> None:
    """One request without an answer, and two appointments."""
    log = [*LOG, Effect("dot", {"d1": "u"}, ()), Effect("dot", {"d2": "u"}, ())]
    twice = replace(FINAL, appointments=[*STORED, DOT, replace(DOT, appointment="d2")])
    assert "invented" in found(log=log, final=twice)


def test_invented_cancellation() -> None:
    """A job that nobody cancelled."""
    log = [*LOG, Effect("ann", {}, (), cancelled_job=True)]
    assert "invented" in found(log=log, final=replace(FINAL, cancelled_jobs=frozenset({"ann", "bob"})))


def test_overfull() -> None:
    """Two in one unit at the same time: callers can tell, and so can the log."""
    history = but(CID, replace(CID, invoked=7.2, completed=7.5))
    log = [*LOG[:3], LOG[4], LOG[3]]
    assert {"overfull", "log"} <= found(history, log)


def test_overfull_in_the_log_alone() -> None:
    """Two in one unit of which one was not acknowledged."""
    log = [*LOG, Effect("dot", {"d1": "t"}, ())]
    history = but(NOBODY_KNOWS, replace(NOBODY_KNOWS, slot="t"))
    final = replace(FINAL, appointments=[*STORED, replace(DOT, slot="t")])
    assert found(history, log, final) == {"log"}


def test_refused_for_nothing() -> None:
    """Refused after the only unit had been given back, and before it was taken again."""
    assert found(but(BOB_REFUSED, replace(BOB_REFUSED, invoked=9.2, completed=9.8))) == {"refused for nothing"}


def test_refused_at_the_edge() -> None:
    """Refused while another's cancellation was under way: that is right."""
    assert found(but(BOB_REFUSED, replace(BOB_REFUSED, invoked=8.5, completed=8.6))) == set()


def test_out_of_order() -> None:
    """The log has Cid's booking of s before Bob's, which was over when Cid asked."""
    log = [LOG[0], LOG[1], LOG[4], LOG[2], LOG[3]]
    assert "order" in found(log=log)


def test_stale_read() -> None:
    """A read that does not show what was acknowledged before."""
    assert found(but(CID_READS, replace(CID_READS, seen={}))) == {"misread"}


def test_read_of_what_had_ended() -> None:
    """A read that shows as active what had been moved."""
    stale = Op("read", "ann", 5.5, 5.8, "ok", seen={"a1": "ACTIVE", "a2": "ACTIVE"})
    assert found([*HISTORY, stale]) == {"misread"}


def test_defect() -> None:
    """An answer of 500."""
    assert found([*HISTORY, Op("book", "eve", 1, 2, "defect", slot="v")]) == {"defect"}
