"""Booking, moving and staffing appointments, through HTTP."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from fieldserve.domain.capacity import Reservation, ReservationType
from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.domain.schedules import Availability
from fieldserve.store import reservations, schedules, technicians
from fieldserve.store.reservations import StoredReservation
from fieldserve.wire.times import parse, render
from tests.world import (
    ANN,
    BOB,
    BRANCH,
    CID,
    HOURS_ONLY,
    NOW,
    OTHER_SELLER,
    OTHER_STORE,
    OTHER_TECHNICIAN,
    PLAIN_ASIN,
    SELLER,
    STORE,
    US,
    World,
)

JOBS = "/service/v1/serviceJobs"
TEN = "2026-03-03T15:00:00Z"  # Tuesday, 10:00 in New York
ELEVEN = "2026-03-03T16:00:00Z"


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(one["code"], one["message"]) for one in answer.json()["errors"]]


def failed(job_id: str, reason: str) -> list[tuple[str, str]]:
    return [("InvalidInput", f"Failed to add appointment for jobId : {job_id}, reason : {reason}")]


class TestAddAppointmentForServiceJobByServiceJobId:
    async def add(self, world: World, job_id: str, body: Any = None, start: str = TEN, **kwargs: Any) -> Any:
        body = {"appointmentTime": {"startTime": start}} if body is None else body
        return await world.call("POST", f"{JOBS}/{job_id}/appointments", json=body, **kwargs)

    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is booked."""
        answer = await self.add(world, await world.order(), headers={"x-amz-access-token": "nonsense"})
        assert answer.status_code == 403

    async def test_books_and_takes_capacity(self, world: World) -> None:
        """The job becomes NOT_SERVICED, the appointment lasts as long as the service, and the slot has one less."""
        job_id = await world.order()
        assert await world.free(TEN) == 2
        answer = await self.add(world, job_id)
        assert answer.status_code == 200
        appointment_id = answer.json()["appointmentId"]
        assert answer.json() == {"appointmentId": appointment_id}
        assert appointment_id.startswith(f"{job_id}_")
        assert len(appointment_id) == len(job_id) + 37
        assert await world.free(TEN) == 1
        job = await world.job(job_id)
        assert job["serviceJobStatus"] == "NOT_SERVICED"
        assert job["appointments"] == [
            {
                "appointmentId": appointment_id,
                "appointmentStatus": "ACTIVE",
                "appointmentTime": {"startTime": TEN, "durationInMinutes": 60},
            }
        ]
        assert await world.kinds(job_id) == ["appointment.added"]

    async def test_last_unit(self, world: World) -> None:
        """A store of two takes two at once; the third hears that there is no slot; refusals are noted as demand."""
        jobs = [await world.order() for _ in range(3)]
        statuses = [(await self.add(world, job_id)).status_code for job_id in jobs]
        assert statuses == [200, 200, 422]
        answer = await self.add(world, jobs[2])
        assert errors(answer) == failed(jobs[2], "Appointment slot is not available.")
        assert [one.kind for one in world.context.observations.take()] == ["booking.refused"] * 2
        assert (await world.job(jobs[2]))["serviceJobStatus"] == "PENDING_SCHEDULE"

    async def test_one_wins_of_many(self, world: World) -> None:
        """Twelve callers at once for two units: exactly two get them."""
        jobs = [await world.order() for _ in range(12)]
        answers = await asyncio.gather(*(self.add(world, job_id) for job_id in jobs))
        assert sorted(one.status_code for one in answers) == [200] * 2 + [422] * 10
        assert await world.free(TEN) == 0

    async def test_longer_than_the_service(self, world: World) -> None:
        """90 minutes from 10:00 also take the slot of 11:00."""
        await world.book(await world.order(), TEN, 90)
        assert (await world.free(TEN), await world.free(ELEVEN)) == (1, 1)

    async def test_shorter_than_the_service(self, world: World) -> None:
        """The service takes an hour; 59 minutes are refused."""
        job_id = await world.order()
        answer = await self.add(world, job_id, {"appointmentTime": {"startTime": TEN, "durationInMinutes": 59}})
        assert answer.status_code == 422
        reason = "Duration of appointment should not be shorter than the 60 minutes of the service."
        assert errors(answer) == failed(job_id, reason)

    @pytest.mark.parametrize(
        ("start", "message"),
        [
            ("2026-03-03T10:00:00.000-05:00", "ISO8601 time 2026-03-03T10:00:00.000-05:00 is not in UTC."),
            ("2026-03-03T15:00:00", "ISO8601 time 2026-03-03T15:00:00 is not in UTC."),
            ("2026-03-03T15-00:00.000Z", "Failed to parse ISO8601 input: 2026-03-03T15-00:00.000Z"),
            ("2026-02-30T15:00:00Z", "Failed to parse ISO8601 input: 2026-02-30T15:00:00Z"),
            ("", "Failed to parse ISO8601 input: "),
        ],
    )
    async def test_start_that_is_no_utc_time(self, world: World, start: str, message: str) -> None:
        """Parameters come before ids: even an unknown job hears about its time first."""
        answer = await self.add(world, "nowhere", start=start)
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])

    @pytest.mark.parametrize("form", ["2026-03-03T15:00:00.000Z", "2026-03-03T15:00:00+00:00", "2026-03-03T15:00Z"])
    async def test_forms_of_utc(self, world: World, form: str) -> None:
        """Every way to say UTC is taken."""
        assert (await self.add(world, await world.order(), start=form)).status_code == 200

    async def test_unknown_and_foreign_job(self, world: World) -> None:
        """An unknown job is a 422; a foreign one reads the same."""
        await world.order("foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        for job_id in ("nowhere", "foreign"):
            answer = await self.add(world, job_id)
            assert (answer.status_code, errors(answer)) == (
                422,
                [("InvalidInput", f"No job exist with jobId : {job_id}")],
            )

    async def test_outside_the_authorization(self, world: World) -> None:
        """A store that was not granted is a 403."""
        token = await world.token(stores=frozenset({BRANCH}))
        answer = await self.add(world, await world.order(), headers={"x-amz-access-token": token})
        assert (answer.status_code, errors(answer)[0][0]) == (403, "UnauthorizedAction")

    @pytest.mark.parametrize("status", ["CANCELLED", "COMPLETED", "HOLD", "NOT_FULFILLABLE", "PAYMENT_DECLINED"])
    async def test_states(self, world: World, status: str) -> None:
        """A closed or held job takes no appointment."""
        job_id = await world.order(status=status)
        answer = await self.add(world, job_id)
        message = f"Operation not allowed on job with jobId : {job_id} and jobState : {status}"
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])

    async def test_second_active_appointment(self, world: World) -> None:
        """One active appointment at a time."""
        job_id = await world.order()
        await world.book(job_id, TEN)
        answer = await self.add(world, job_id, start=ELEVEN)
        assert (answer.status_code, errors(answer)) == (422, failed(job_id, "Job already has an active appointmentId."))

    async def test_past_and_horizon(self, world: World) -> None:
        """The start lies after now and at most 365 days ahead."""
        job_id = await world.order()
        for start in (NOW, NOW - HOUR):
            answer = await self.add(world, job_id, start=render(start))
            assert errors(answer) == failed(job_id, "Start time of appointment should be in the future.")
        answer = await self.add(world, job_id, start=render(NOW + 365 * DAY + MINUTE))
        reason = "Start time for appointment is beyond the maximum allowed period of 365 days."
        assert (answer.status_code, errors(answer)) == (422, failed(job_id, reason))

    async def test_notice(self, world: World) -> None:
        """At 12:30Z there are 90 minutes until 9:00 in New York: too few; 10:00 will do."""
        world.clock.advance(4 * HOUR + 30 * MINUTE)
        job_id = await world.order()
        answer = await self.add(world, job_id, start="2026-03-02T14:00:00Z")
        assert errors(answer) == failed(job_id, "Appointment slot is not available.")
        assert (await self.add(world, job_id, start="2026-03-02T15:00:00Z")).status_code == 200

    @pytest.mark.parametrize("start", ["2026-03-03T15:15:00Z", "2026-03-03T13:00:00Z", "2026-03-03T22:00:00Z"])
    async def test_no_slot(self, world: World, start: str) -> None:
        """Off the grid, before opening at 9:00 (14:00Z) or at closing (22:00Z)."""
        job_id = await world.order()
        answer = await self.add(world, job_id, start=start)
        assert (answer.status_code, errors(answer)) == (422, failed(job_id, "Appointment slot is not available."))

    async def test_hours_only_store(self, world: World) -> None:
        """NON_REAL_TIME: any number, on any start within the hours, and none outside them."""
        for _ in range(4):
            await world.book(await world.order(store=HOURS_ONLY), "2026-03-03T15:10:00Z")
        job_id = await world.order(store=HOURS_ONLY)
        answer = await self.add(world, job_id, start="2026-03-03T21:30:00Z")
        assert errors(answer) == failed(job_id, "Appointment slot is not available.")

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({}, "appointmentTime"),
            ({"appointmentTime": {}}, "appointmentTime.startTime"),
            ({"appointmentTime": None}, "appointmentTime"),
            ({"appointmentTime": "soon"}, "appointmentTime"),
            ({"appointmentTime": {"startTime": 5}}, "appointmentTime.startTime"),
            ({"appointmentTime": {"startTime": TEN, "durationInMinutes": "60"}}, "appointmentTime.durationInMinutes"),
            ({"appointmentTime": {"startTime": TEN, "durationInMinutes": 0}}, "appointmentTime.durationInMinutes"),
            ({"appointmentTime": {"startTime": TEN, "durationInMinutes": 10**30}}, "appointmentTime.durationInMinutes"),
            ({"appointmentTime": {"startTime": TEN, "durationInMinutes": 1.5}}, "appointmentTime.durationInMinutes"),
            ([], "body"),
        ],
    )
    async def test_bad_body(self, world: World, body: Any, named: str) -> None:
        """What is missing or of the wrong type is named."""
        answer = await self.add(world, await world.order(), body)
        assert answer.status_code == 400
        assert errors(answer) == [("InvalidInput", f"Missing or invalid request parameters: [{named}]")]

    async def test_body_that_is_no_json(self, world: World) -> None:
        """Malformed JSON, deep nesting, NUL and bytes that are no UTF-8 are 400; another type 415; too much 413."""
        path = f"{JOBS}/{await world.order()}/appointments"
        for content in (b"{", b"[" * 100_000, b'{"a": "\\u0000"}', b'{"a": "\xff"}', b'"\\ud800"'):
            answer = await world.call("POST", path, content=content)
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "InvalidInput"), content[:20]
        answer = await world.call("POST", path, content=b"a=1", headers={"content-type": "text/plain"})
        assert (answer.status_code, errors(answer)[0][0]) == (415, "UnsupportedMediaType")
        assert "x-amzn-ratelimit-limit" not in answer.headers
        answer = await world.call("POST", path, content=b" " * 1_048_577)
        assert (answer.status_code, errors(answer)[0][0]) == (413, "RequestTooLarge")

    async def test_second_visit(self, world: World) -> None:
        """When the first visit is recorded and the job is not complete, another can be booked."""
        job_id = await world.order()
        first = await world.book(job_id, TEN)
        world.clock.advance(2 * DAY)
        body = {"fulfillmentTime": {"startTime": TEN, "endTime": ELEVEN}}
        path = f"{JOBS}/{job_id}/appointments/{first}/fulfillment"
        assert (await world.call("PUT", path, json=body)).status_code == 204
        await world.book(job_id, "2026-03-05T15:00:00Z")
        statuses = [one["appointmentStatus"] for one in (await world.job(job_id))["appointments"]]
        assert statuses == ["COMPLETED", "ACTIVE"]


class TestRescheduleAppointmentForServiceJobByServiceJobId:
    async def move(
        self, world: World, job_id: str, appointment_id: str, start: str = ELEVEN, reason: Any = "R1", **time: Any
    ) -> Any:
        body = {"appointmentTime": {"startTime": start, **time}, "rescheduleReasonCode": reason}
        return await world.call("POST", f"{JOBS}/{job_id}/appointments/{appointment_id}", json=body)

    async def booked(self, world: World, start: str = TEN) -> tuple[str, str]:
        job_id = await world.order()
        return job_id, await world.book(job_id, start)

    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing moves."""
        answer = await world.call("POST", f"{JOBS}/j/appointments/a", json={}, headers={"x-amz-access-token": ""})
        assert answer.status_code == 403

    async def test_moves(self, world: World) -> None:
        """The old appointment is CANCELLED and points to the new; capacity moves along."""
        job_id, old = await self.booked(world)
        answer = await self.move(world, job_id, old)
        assert answer.status_code == 200
        new = answer.json()["appointmentId"]
        assert answer.json() == {"appointmentId": new}
        assert (await world.free(TEN), await world.free(ELEVEN)) == (2, 1)
        first, second = (await world.job(job_id))["appointments"]
        assert (first["appointmentStatus"], first["rescheduledAppointmentId"]) == ("CANCELLED", new)
        assert (second["appointmentId"], second["appointmentStatus"]) == (new, "ACTIVE")
        assert (await world.kinds(job_id))[-1] == "appointment.rescheduled"

    async def test_onto_itself_when_full(self, world: World) -> None:
        """Its own place counts as free: moved by half an hour's length, or onto the same slot, when all is taken."""
        job_id, old = await self.booked(world)
        await world.book(await world.order(), TEN)
        assert await world.free(TEN) == 0
        answer = await self.move(world, job_id, old, TEN)
        assert answer.status_code == 200
        assert await world.free(TEN) == 0

    async def test_full(self, world: World) -> None:
        """A slot that is taken refuses, and everything stays as it was."""
        for _ in range(2):
            await world.book(await world.order(), ELEVEN)
        job_id, old = await self.booked(world)
        answer = await self.move(world, job_id, old)
        assert (answer.status_code, errors(answer)) == (422, failed(job_id, "Appointment slot is not available."))
        assert (await world.job(job_id))["appointments"][0]["appointmentStatus"] == "ACTIVE"

    async def test_free_technicians_stay(self, world: World) -> None:
        """Ann is free at eleven and comes along, Bob is not and is told of."""
        job_id, old = await self.booked(world)
        assert (await world.assign(job_id, old, ANN, BOB)).json() == {}
        other_job, other = await self.booked(world, ELEVEN)
        await world.assign(other_job, other, BOB)
        answer = await self.move(world, job_id, old)
        assert answer.json()["warnings"] == [{"code": "RESOURCES_UNASSIGNED", "message": "Unassigned resources : bob"}]
        new = (await world.job(job_id))["appointments"][1]
        assert new["assignedTechnicians"] == [{"technicianId": ANN, "name": "Ann"}]

    async def test_ids(self, world: World) -> None:
        """Unknown and foreign jobs and appointments are 422."""
        await world.order("foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        for job_id in ("nowhere", "foreign"):
            answer = await self.move(world, job_id, "any-appointment")
            assert (answer.status_code, errors(answer)[0][1]) == (422, f"No job exist with jobId : {job_id}")
        job_id, _ = await self.booked(world)
        answer = await self.move(world, job_id, "nothing")
        message = (
            f"Failed to Update Appointment for jobId : {job_id}, appointmentId : nothing, reason : "
            "No appointment exists with appointmentId: nothing"
        )
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])

    async def test_rules(self, world: World) -> None:
        """Closed job, appointment that is not active, reason, past, horizon, duration: each in its own words."""
        job_id, old = await self.booked(world)
        moved = (await self.move(world, job_id, old)).json()["appointmentId"]
        answer = await self.move(world, job_id, old)
        assert errors(answer) == failed(job_id, f"Appointment with appointmentId {old} is not active.")
        answer = await self.move(world, job_id, moved, reason="U1")
        assert errors(answer) == failed(job_id, "Appointment reschedule reason code is not valid.")
        answer = await self.move(world, job_id, moved, render(NOW - HOUR))
        assert errors(answer) == failed(job_id, "Start time of appointment should be in the future.")
        answer = await self.move(world, job_id, moved, render(NOW + 366 * DAY))
        assert "365 days" in errors(answer)[0][1]
        answer = await self.move(world, job_id, moved, durationInMinutes=30)
        assert "shorter" in errors(answer)[0][1]
        answer = await self.move(world, job_id, moved, "2026-03-03T10:00:00+05:30")
        assert errors(answer)[0][1] == "ISO8601 time 2026-03-03T10:00:00+05:30 is not in UTC."
        answer = await self.move(world, job_id, moved, "noon")
        assert errors(answer)[0][1] == "Failed to parse ISO8601 input: noon"
        await world.call("PUT", f"{JOBS}/{job_id}/completions")
        answer = await self.move(world, job_id, moved)
        message = f"Operation not allowed on job with jobId : {job_id} and jobState : COMPLETED"
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])

    async def test_bad_body(self, world: World) -> None:
        """All that is missing is told at once."""
        answer = await world.call("POST", f"{JOBS}/j/appointments/a", json={})
        message = "Missing or invalid request parameters: [appointmentTime, rescheduleReasonCode]"
        assert (answer.status_code, errors(answer)) == (400, [("InvalidInput", message)])

    async def test_outside_the_authorization(self, world: World) -> None:
        """A store that was not granted is a 403."""
        job_id, old = await self.booked(world)
        token = await world.token(stores=frozenset({BRANCH}))
        body = {"appointmentTime": {"startTime": ELEVEN}, "rescheduleReasonCode": "R1"}
        path = f"{JOBS}/{job_id}/appointments/{old}"
        answer = await world.call("POST", path, json=body, headers={"x-amz-access-token": token})
        assert (answer.status_code, errors(answer)[0][0]) == (403, "UnauthorizedAction")


class TestAssignAppointmentResources:
    async def booked(self, world: World, start: str = TEN, **order: Any) -> tuple[str, str]:
        job_id = await world.order(**order)
        return job_id, await world.book(job_id, start)

    async def put(self, world: World, job_id: str, appointment_id: str, body: Any, **kwargs: Any) -> Any:
        path = f"{JOBS}/{job_id}/appointments/{appointment_id}/resources"
        return await world.call("PUT", path, json=body, **kwargs)

    async def test_anonymous(self, world: World) -> None:
        """Without a token nobody is assigned."""
        answer = await self.put(world, "j", "a", {}, headers={"x-amz-access-token": ""})
        assert answer.status_code == 403

    async def test_replaces_and_clears(self, world: World) -> None:
        """The list replaces the one before; an entry without an id is skipped, so that [{}] clears."""
        job_id, appointment_id = await self.booked(world)
        for technicians_, expected in (((ANN,), [ANN]), ((BOB, ANN, BOB), [BOB, ANN]), ((), None)):
            answer = await world.assign(job_id, appointment_id, *technicians_)
            assert (answer.status_code, answer.json()) == (200, {})
            assigned = (await world.job(job_id))["appointments"][0].get("assignedTechnicians")
            assert (assigned and [one["technicianId"] for one in assigned]) == expected
        assert await world.kinds(job_id) == ["appointment.added"] + ["appointment.assigned"] * 3

    async def test_same_again_changes_nothing(self, world: World) -> None:
        """Assigning whom it has already neither warns nor writes."""
        job_id, appointment_id = await self.booked(world)
        await world.assign(job_id, appointment_id, ANN)
        answer = await world.assign(job_id, appointment_id, ANN)
        assert answer.json() == {}
        assert await world.kinds(job_id) == ["appointment.added", "appointment.assigned"]

    async def test_assigned_technicians_leave_the_slot_as_full(self, world: World) -> None:
        """A waiting appointment takes one of two technicians, an assigned one takes that very one: two minus one."""
        job_id, appointment_id = await self.booked(world)
        assert await world.free(TEN) == 1
        await world.assign(job_id, appointment_id, ANN)
        assert await world.free(TEN) == 1
        await world.assign(job_id, appointment_id, ANN, BOB)
        assert await world.free(TEN) == 0

    async def test_overbooked(self, world: World) -> None:
        """Ann has another appointment at ten: she is assigned all the same, with a warning."""
        first, second = await self.booked(world), await self.booked(world)
        await world.assign(*first, ANN)
        answer = await world.assign(*second, ANN)
        assert answer.status_code == 200
        (warning,) = answer.json()["payload"]["warnings"]
        assert warning["code"] == "RESOURCES_OVERBOOKED"
        assert warning["message"] == "Resources overbooked for this time window."
        assert (await world.job(second[0]))["appointments"][0]["assignedTechnicians"][0]["technicianId"] == ANN

    async def test_mismatches(self, world: World) -> None:
        """Every mismatch is told at once, in the API's order, each with its technicians.

        Cid works for another store, knows no TVs, is off the register, unchecked, on leave, and goes to no homes."""
        job_id, appointment_id = await self.booked(world)

        async def spoil(c: Any) -> None:
            cid = await technicians.find(c, SELLER, CID)
            assert cid is not None
            changed = replace(cid, registered=False, background_checked=False, service_location_types=("IN_STORE",))
            await technicians.update(c, changed)
            leave = Reservation(ReservationType.VACATION, Availability(parse(TEN), parse(TEN) + HOUR))
            await reservations.add(c, StoredReservation(SELLER, "leave", CID, US, leave, NOW))

        await world.write(spoil)
        answer = await world.assign(job_id, appointment_id, ANN, CID)
        assert answer.status_code == 422
        assert errors(answer) == [
            (
                "RESOURCES_MISMATCHED_SERVICE_LOCATION_TYPE",
                "Resources do not have same service location type as job. Applicable resources: cid",
            ),
            ("RESOURCES_MISSING_REQUIRED_SKILLS", "Resources Missing required TV skills. Applicable resources: cid"),
            (
                "RESOURCES_NOT_AVAILABLE_IN_LOCATION",
                "Resources are not available in the store. Applicable resources: cid",
            ),
            (
                "RESOURCES_NOT_REGISTERED_UNDER_MERCHANT",
                "Resources are not registered under this Merchant. Applicable resources: cid",
            ),
            (
                "RESOURCES_BACKGROUND_CHECK_INCOMPLETE",
                "Resources background check is incomplete. Applicable resources: cid",
            ),
            (
                "RESOURCES_NOT_AVAILABLE_IN_TIME_WINDOW",
                "Resources do not have sufficient available capacity. Applicable resources: cid",
            ),
        ]
        assert "assignedTechnicians" not in (await world.job(job_id))["appointments"][0]

    async def test_off_schedule(self, world: World) -> None:
        """A store that opens at six takes a job at seven, but its technicians start at nine."""

        async def open_early(c: Any) -> None:
            early = Availability(parse("2026-03-03T11:00:00Z"), parse("2026-03-03T14:00:00Z"))
            await schedules.append(c, SELLER, HOURS_ONLY, [early])
            ann = await technicians.find(c, SELLER, ANN)
            assert ann is not None
            await technicians.update(c, replace(ann, store_ids=(STORE, HOURS_ONLY)))

        await world.write(open_early)
        job_id, appointment_id = await self.booked(world, "2026-03-03T12:00:00Z", store=HOURS_ONLY)
        answer = await world.assign(job_id, appointment_id, ANN)
        assert (answer.status_code, errors(answer)[0][0]) == (422, "RESOURCES_NOT_AVAILABLE_IN_TIME_WINDOW")

    @pytest.mark.parametrize("resource_id", ["nobody", OTHER_TECHNICIAN, STORE, "x" * 300])
    async def test_invalid_resource(self, world: World, resource_id: str) -> None:
        """Unknown, another seller's, or a store: in the same words."""
        job_id, appointment_id = await self.booked(world)
        answer = await world.assign(job_id, appointment_id, resource_id)
        message = f"Invalid resourceId : {resource_id} provided in the input."
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "Resources not provided in input JSON payload."),
            ({"resources": None}, "Resources not provided in input JSON payload."),
            ({"resources": []}, "Resources must have size greater than or equal to 1."),
            ({"resources": "ann"}, "Missing or invalid request parameters: [resources]"),
            ({"resources": [{"resourceId": 7}]}, "Missing or invalid request parameters: [resources[0].resourceId]"),
        ],
    )
    async def test_bad_body(self, world: World, body: Any, message: str) -> None:
        """Absent, empty and malformed lists are told apart."""
        answer = await self.put(world, "any", "any-appointment", body)
        assert (answer.status_code, errors(answer)) == (400, [("InvalidInput", message)])

    async def test_ids(self, world: World) -> None:
        """Unknown and foreign jobs, unknown appointments."""
        await world.order("foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        for unknown in ("nowhere", "foreign"):
            answer = await world.assign(unknown, "any-appointment", ANN)
            assert (answer.status_code, errors(answer)[0][1]) == (422, f"No job exists with jobId : {unknown}")
        job_id, _ = await self.booked(world)
        answer = await world.assign(job_id, "nothing", ANN)
        assert (answer.status_code, errors(answer)[0][1].split(",")[0]) == (
            422,
            f"Failed to Update Appointment for jobId : {job_id}",
        )

    async def test_states(self, world: World) -> None:
        """A closed job refuses, and so does an appointment that was moved."""
        job_id, old = await self.booked(world)
        body = {"appointmentTime": {"startTime": ELEVEN}, "rescheduleReasonCode": "R1"}
        await world.call("POST", f"{JOBS}/{job_id}/appointments/{old}", json=body)
        answer = await world.assign(job_id, old, ANN)
        message = f"Appointment metadata update is not allowed for appointmentId {old}"
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])
        await world.call("PUT", f"{JOBS}/{job_id}/completions")
        answer = await world.assign(job_id, old, ANN)
        message = f"Operation not allowed on job with jobId : {job_id} and jobState : COMPLETED"
        assert (answer.status_code, errors(answer)) == (422, [("InvalidInput", message)])

    async def test_outside_the_authorization(self, world: World) -> None:
        """A store that was not granted is a 403."""
        job_id, appointment_id = await self.booked(world)
        token = await world.token(stores=frozenset({BRANCH}))
        answer = await self.put(
            world, job_id, appointment_id, {"resources": [{}]}, headers={"x-amz-access-token": token}
        )
        assert (answer.status_code, errors(answer)[0][0]) == (403, "UnauthorizedAction")


async def test_plain_service_needs_no_skill(world: World) -> None:
    """A service without skills counts everybody of the store: both technicians, every half hour."""
    assert await world.free("2026-03-03T15:30:00Z", asin=PLAIN_ASIN) == 2
