"""What an operator does to a job: hold, release, decline, end."""

import asyncio

import pytest

from fieldserve.domain.jobs import OPERATOR_DEEDS, TRANSITIONS
from fieldserve.wire.jobs import JOB_STATUSES
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import OTHER_STORE

PATHS = {
    "hold": "hold",
    "release": "release",
    "decline_payment": "decline-payment",
    "mark_not_fulfillable": "mark-not-fulfillable",
    "cancel_as_buyer": "cancel-as-buyer",
}
SLOT = "2026-03-03T15:00:00Z"


def test_every_deed_has_a_path() -> None:
    """No deed of the domain's is missing here."""
    assert set(PATHS) == set(OPERATOR_DEEDS)


@pytest.mark.parametrize("deed", OPERATOR_DEEDS)
class TestDeed:
    async def test_where_it_is_allowed(self, desk: Desk, deed: str) -> None:
        """In every state the deed does what the domain says, or is a conflict and changes nothing."""
        allowed, after = TRANSITIONS[deed]  # type: ignore[index]
        for status in JOB_STATUSES:
            job_id = await desk.world.order(f"was-{status}", status=status)
            answer = await desk.call("POST", f"jobs/{job_id}/{PATHS[deed]}")
            if status in allowed:
                assert answer.json() == {"serviceJobId": job_id, "serviceJobStatus": after}
            else:
                refused(answer, 409, f"is not allowed on job {job_id} in state {status}")
            assert (await desk.world.job(job_id))["serviceJobStatus"] == (after if status in allowed else status)
            assert len(await desk.events(job_id)) == (status in allowed)

    async def test_unknown(self, desk: Desk, deed: str) -> None:
        """An unknown job is 404, and so is another seller's, which stays as it is."""
        await desk.world.order("theirs", seller="A2SELLER", store=OTHER_STORE, status="HOLD")
        for job_id in ("nothing", "theirs"):
            answer = await desk.call("POST", f"jobs/{job_id}/{PATHS[deed]}")
            refused(answer, 404, f"No job exists with jobId : {job_id}")
        assert await desk.events("theirs") == []
        answer = await desk.call("POST", f"/operator/v1/sellers/A0NOBODY/jobs/x/{PATHS[deed]}")
        refused(answer, 404, "no seller A0NOBODY")

    @ON_ONE_DATABASE
    async def test_refused(self, desk: Desk, deed: str) -> None:
        """A body that does not fit is 400 with the name of the field."""
        job_id = await desk.world.order()
        path = f"jobs/{job_id}/{PATHS[deed]}"
        refused(await desk.call("POST", path, {"reason": ""}), 400, "[reason]")
        refused(await desk.call("POST", path, {"causedBy": "NOBODY"}), 400, "[causedBy]")
        refused(await desk.call("POST", path, {"because": "x"}), 400, "[because]")


class TestAppointment:
    @pytest.mark.parametrize("deed", [deed for deed in OPERATOR_DEEDS if deed != "release"])
    async def test_frees_the_slot(self, desk: Desk, deed: str) -> None:
        """The active appointment is cancelled, its slot and technician are free, and the log tells all of it."""
        job_id = await desk.world.order()
        appointment_id = await desk.world.book(job_id, SLOT)
        assert (await desk.world.assign(job_id, appointment_id, "ann")).status_code == 200
        assert await desk.world.free(SLOT) == 1
        answer = await desk.call("POST", f"jobs/{job_id}/{PATHS[deed]}", {"reason": "Rain"})
        assert answer.json()["cancelledAppointmentId"] == appointment_id
        assert await desk.world.free(SLOT) == 2
        [appointment] = (await desk.world.job(job_id))["appointments"]
        assert appointment["appointmentStatus"] == "CANCELLED"
        event = (await desk.events(job_id))[-1]
        assert (event.before["status"], event.after["status"]) == ("NOT_SERVICED", answer.json()["serviceJobStatus"])
        assert event.after["cancelledAppointmentId"] == appointment_id
        assert event.after["reason"] == "Rain"
        assert event.actor == "operator:desk"

    async def test_hold_and_release(self, desk: Desk) -> None:
        """A job that was held and released takes another appointment, also on the slot that it had."""
        job_id = await desk.world.order()
        first = await desk.world.book(job_id, SLOT)
        await desk.call("POST", f"jobs/{job_id}/hold", {"causedBy": "SELLER"})
        await desk.call("POST", f"jobs/{job_id}/release")
        second = await desk.world.book(job_id, SLOT)
        assert second != first
        statuses = [one["appointmentStatus"] for one in (await desk.world.job(job_id))["appointments"]]
        assert statuses == ["CANCELLED", "ACTIVE"]

    @pytest.mark.parametrize(
        ("path", "kind", "cause"),
        [
            ("hold", "job.held", "OPERATOR"),
            ("decline-payment", "job.payment_declined", "BUYER"),
            ("mark-not-fulfillable", "job.not_fulfillable", "OPERATOR"),
            ("cancel-as-buyer", "job.cancelled", "BUYER"),
        ],
    )
    async def test_who_caused_it(self, desk: Desk, path: str, kind: str, cause: str) -> None:
        """The log says who caused it: the usual one, or the one that the operator names."""
        await desk.world.order("usual")
        await desk.call("POST", f"jobs/usual/{path}")
        [event] = await desk.events("usual")
        assert (event.kind, event.after["causedBy"]) == (kind, cause)
        await desk.world.order("named")
        await desk.call("POST", f"jobs/named/{path}", {"causedBy": "SELLER"})
        assert (await desk.events("named"))[-1].after["causedBy"] == "SELLER"


async def test_two_at_once(desk: Desk) -> None:
    """Of two operators who hold one job at once, one does it, and the other is told that it is held."""
    job_id = await desk.world.order()
    answers = await asyncio.gather(*(desk.call("POST", f"jobs/{job_id}/hold") for _ in range(2)))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert len(await desk.events(job_id)) == 1


async def test_hold_while_it_is_booked(desk: Desk) -> None:
    """Whichever comes first, a job that is held in the end has no active appointment, and its slot is free."""
    path = "/service/v1/serviceJobs/{}/appointments"
    job_ids = [await desk.world.order() for _ in range(5)]
    for job_id in job_ids:
        booking = desk.world.call("POST", path.format(job_id), json={"appointmentTime": {"startTime": SLOT}})
        booked, held = await asyncio.gather(booking, desk.call("POST", f"jobs/{job_id}/hold"))
        assert held.status_code == 200
        assert booked.status_code in (200, 422)
        job = await desk.world.job(job_id)
        assert job["serviceJobStatus"] == "HOLD"
        assert [one for one in job.get("appointments", ()) if one["appointmentStatus"] == "ACTIVE"] == []
        assert await desk.world.free(SLOT) == 2
