"""Why a visit is where a plan has it, in words, and what else there was."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fieldserve.operations.plan_problems import DayProblem
from fieldserve.operations.plan_solving import to_problem
from fieldserve.wire.plans import Alternative, PlannedDay, VisitExplained
from fieldserve.wire.times import SECOND, render

if TYPE_CHECKING:  # brings numpy and PyVRP
    from fieldserve.planning import Problem, Route
    from fieldserve.planning.explain import Explanation


async def explain_day(problem: DayProblem, day: PlannedDay, asked: Sequence[str]) -> list[VisitExplained]:
    """The visits asked for that are still there; the others have nothing left to explain."""
    posed = to_problem(problem, keeping=False)
    return await asyncio.to_thread(_explained, problem, posed, day, asked)


def _explained(problem: DayProblem, posed: "Problem", day: PlannedDay, asked: Sequence[str]) -> list[VisitExplained]:
    from fieldserve.planning.explain import explain

    routes = _routes(posed, day)
    out = {one.service_job_id: one for one in day.left_out}
    found = []
    for job_id in asked:
        if job_id not in posed.visit:
            message = out[job_id].message if job_id in out else "It is not to be planned any more."
            found.append(VisitExplained(job_id, message, [], {}))
            continue
        told = _told(problem, explain(posed, routes, job_id))
        if job_id in out:
            told.reason, told.would_fit = out[job_id].reason, out[job_id].would_fit
            told.message = f"Left out: {out[job_id].message}."
        found.append(told)
    return found


def _routes(posed: "Problem", day: PlannedDay) -> list["Route"]:
    """The plan's orders, timed anew; what does not fit as it is now is taken out from behind."""
    from fieldserve.planning import Route
    from fieldserve.planning.timing import timed

    found = []
    for planned in day.routes:
        worker = posed.worker.get(planned.technician_id)
        own = [posed.visit[stop.service_job_id] for stop in planned.stops if stop.service_job_id in posed.visit]
        while worker is not None and own:
            # Those who meet at a visit meet when the plan says; alone each would come at another time.
            route = timed(posed, worker, [replace(one, needs=1) for one in own])
            if isinstance(route, Route):
                found.append(route)
                break
            own = own[:-1]
    return found


def _told(problem: DayProblem, one: "Explanation") -> VisitExplained:
    origin = problem.loaded.window[0]
    others = [Alternative(each.worker, render(origin + each.start * SECOND), each.extra) for each in one.others]
    told = VisitExplained(one.visit, "Nobody is sent.", others, dict(one.refused))
    if one.worker is not None and one.stop is not None:
        told.technician_id = one.worker
        told.start = render(origin + one.stop.start * SECOND)
        told.message = _why(one)
    return told


def _why(one: "Explanation") -> str:
    assert one.stop is not None
    way = f"{one.worker} comes, after {round(one.stop.travel / 60)} minutes on the road"
    if not one.others:
        return f"{way}; nobody else could." if one.refused else f"{way}."
    best = one.others[0]
    if best.extra >= 0:
        return f"{way}; {best.worker}, the next best, would drive {round(best.extra / 60)} minutes more."
    less = round(-best.extra / 60)
    return f"{way}; {best.worker} would drive {less} minutes less, but the plan as a whole is better so."
