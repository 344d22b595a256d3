"""The diagrams of states are those of the code."""

import re
from collections.abc import Callable

from docs import build, pages
from fieldserve.domain import jobs
from fieldserve.domain.intervals import HOUR
from fieldserve.domain.jobs import TRANSITIONS, Appointment, AssignedTechnician, Job

_ARROW = re.compile(r"^    (\S+) --> (\S+?)(?:: (.*))?$", re.MULTILINE)


def diagram(number: int) -> set[tuple[str, str, str]]:
    """The arrows of a diagram on the page about jobs, one for each deed."""
    text = (build.DOCS / "explanation" / "jobs.md").read_text("utf-8")
    drawn = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", text, re.DOTALL)[number]
    return {(a, b, deed) for a, b, deeds in _ARROW.findall(drawn) for deed in (deeds or "").split(", ")}


def test_states_of_a_job() -> None:
    """The arrows are the table's, and the ends are the states that nothing leads out of."""
    expected = {(source, target, deed) for deed, (sources, target) in TRANSITIONS.items() for source in sources}
    ends = {target for _, target, _ in expected} - {source for source, _, _ in expected}
    assert diagram(0) == expected | {("[*]", "PENDING_SCHEDULE", "order")} | {(end, "[*]", "") for end in ends}


NOW = 1_000 * HOUR
BOOKED = Appointment("job_1", "ACTIVE", NOW, NOW + HOUR)
MOVED = Appointment("job_2", "ACTIVE", NOW + HOUR, NOW + 2 * HOUR)
JOB = Job("A1", "job", "M", "store", "B000000001", "NOT_SERVICED", "1", 0, 0, b"{}", appointments=(BOOKED,))
SOMEBODY = (AssignedTechnician("ann", "Ann"),)

# What each words of the diagram stand for, done to a job whose appointment is as `BOOKED`.
DEEDS: dict[str, Callable[[Job], Job]] = {
    "assign": lambda job: jobs.assign(job, "job_1", SOMEBODY, NOW),
    "arrival recorded": lambda job: jobs.fulfill(job, "job_1", NOW, arrival=(NOW, NOW + HOUR)),
    "reschedule": lambda job: jobs.reschedule(job, "job_1", MOVED, NOW),
    "start and end of work recorded": lambda job: jobs.fulfill(job, "job_1", NOW, worked=(NOW, NOW + HOUR)),
    "cancel": lambda job: jobs.close(job, "cancel", NOW),
    "hold": lambda job: jobs.close(job, "hold", NOW),
    "decline_payment": lambda job: jobs.close(job, "decline_payment", NOW),
    "mark_not_fulfillable": lambda job: jobs.close(job, "mark_not_fulfillable", NOW),
    "cancel_as_buyer": lambda job: jobs.close(job, "cancel_as_buyer", NOW),
    "complete": lambda job: jobs.close(job, "complete", NOW),
}


def test_states_of_an_appointment() -> None:
    """Each deed leads an ACTIVE appointment where the diagram says, and the diagram leaves no deed out."""
    done = {("ACTIVE", deed(JOB).appointments[0].status, words) for words, deed in DEEDS.items()}
    drawn = diagram(1)
    assert {arrow for arrow in drawn if arrow[0] == "ACTIVE"} == done
    # Releasing needs a job on HOLD, whose appointment is cancelled already; `fulfill` is told in two parts.
    told = {words for words in DEEDS if words in TRANSITIONS}
    assert set(TRANSITIONS) - told == {"add", "fulfill", "release"}


def test_a_completed_appointment_stays_so() -> None:
    """What is recorded of it later corrects it; cancelling or completing its job does not change it."""
    completed = DEEDS["start and end of work recorded"](JOB)
    later = jobs.fulfill(completed, "job_1", NOW, documents=1)
    assert {deed(completed).appointments[0].status for deed in (DEEDS["cancel"], DEEDS["complete"])} == {"COMPLETED"}
    assert later.appointments[0].status == "COMPLETED"
    assert ("COMPLETED", "COMPLETED", "documents and corrections while the job is NOT_SERVICED") in diagram(1)


def test_the_table_of_deeds() -> None:
    """Its rows are the table's."""
    rows = re.findall(r"^\| `(\w+)` \|", pages.job_deeds(), re.MULTILINE)
    assert rows == list(TRANSITIONS)
