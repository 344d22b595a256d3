"""Recording what was done, through HTTP."""

import stat
from pathlib import Path
from typing import Any

import pytest

from fieldserve.domain.intervals import DAY
from fieldserve.store import technicians
from fieldserve.store.technicians import Technician
from tests.proofs import FILES
from tests.uploads import attached, document
from tests.world import (
    ANN,
    BOB,
    BRANCH,
    NOW,
    OTHER_SELLER,
    OTHER_STORE,
    OTHER_TECHNICIAN,
    SELLER,
    STORE,
    US,
    World,
    a_world,
)

JOBS = "/service/v1/serviceJobs"
TEN = "2026-03-03T15:00:00Z"
ELEVEN = "2026-03-03T16:00:00Z"
PNG = FILES["PNG"]


def messages(answer: Any) -> list[str]:
    """What a refusal says; this operation answers a bare array."""
    assert all(one["code"] == "InvalidInput" for one in answer.json())
    return [one["message"] for one in answer.json()]


def proof(reason: str) -> str:
    return f"Failed to process proof of appointment input. Reason: {reason}"


async def booked(world: World) -> tuple[str, str]:
    """A job with an appointment on Tuesday at ten; it is Wednesday then."""
    job_id = await world.order()
    appointment_id = await world.book(job_id, TEN)
    world.clock.advance(2 * DAY)
    return job_id, appointment_id


async def put(world: World, ids: tuple[str, str], body: Any, **kwargs: Any) -> Any:
    path = f"{JOBS}/{ids[0]}/appointments/{ids[1]}/fulfillment"
    return await world.call("PUT", path, json=body, **kwargs)


class TestSetAppointmentFulfillmentData:
    async def test_anonymous(self, world: World) -> None:
        """Without a token nothing is recorded; the error is a bare array here."""
        answer = await put(world, ("j", "a"), {}, headers={"x-amz-access-token": ""})
        assert answer.status_code == 403
        assert [one["code"] for one in answer.json()] == ["Unauthorized"]

    async def test_times_complete_the_appointment(self, world: World) -> None:
        """Start and end give the proof; the answer has no bytes. The job itself stays open."""
        ids = await booked(world)
        await world.assign(*ids, ANN)
        times = {"startTime": "2026-03-03T15:05:00Z", "endTime": "2026-03-03T15:50:00Z"}
        answer = await put(world, ids, {"fulfillmentTime": times})
        assert (answer.status_code, answer.content) == (204, b"")
        job = await world.job(ids[0])
        assert job["serviceJobStatus"] == "NOT_SERVICED"
        (appointment,) = job["appointments"]
        assert appointment["appointmentStatus"] == "COMPLETED"
        ann = {"technicianId": ANN, "name": "Ann"}
        assert appointment["poa"] == {
            "appointmentTime": {"startTime": "2026-03-03T15:05:00Z", "durationInMinutes": 45},
            "technicians": [ann],
            "uploadTime": "2026-03-04T08:00:00Z",
            "poaType": "NO_SIGNATURE_DUMMY_POS",
        }
        assert (await world.kinds(ids[0]))[-1] == "appointment.fulfilled"

    @pytest.mark.parametrize(("id", "told"), [("A1TECH", "A1TECH"), ("a1tech", None), ("A1-TECH", None)])
    async def test_who_recorded_it(self, world: World, id: str, told: str | None) -> None:
        """The proof names who recorded it where the id is of capitals and digits, as the member has to be."""
        ids = await booked(world)
        zone = "America/New_York"
        technician = Technician(SELLER, id, "Tess", zone, US, NOW, (STORE,), ("TV",), ("IN_HOME",))
        await world.write(lambda c: technicians.add(c, technician))
        times = {"startTime": TEN, "endTime": ELEVEN}
        sent = {"fulfillmentTime": times, "appointmentResources": [{"resourceId": id}]}
        assert (await put(world, ids, sent)).status_code == 204
        poa = (await world.job(ids[0]))["appointments"][0]["poa"]
        assert poa.get("uploadingTechnician") == told
        assert poa["technicians"] == [{"technicianId": id, "name": "Tess"}]

    async def test_same_start_and_end(self, world: World) -> None:
        """Work that began and ended at once is allowed, and told as a minute."""
        ids = await booked(world)
        answer = await put(world, ids, {"fulfillmentTime": {"startTime": TEN, "endTime": TEN}})
        assert answer.status_code == 204
        assert (await world.job(ids[0]))["appointments"][0]["poa"]["appointmentTime"]["durationInMinutes"] == 1

    async def test_any_subset_in_any_order(self, world: World) -> None:
        """Arrival, technicians, document and times come one by one; the document turns the proof into a receipt."""
        ids = await booked(world)
        arrival = {"startTime": "2026-03-03T14:45:00Z", "endTime": "2026-03-03T15:15:00Z"}
        assert (await put(world, ids, {"estimatedArrivalTime": arrival})).status_code == 204
        assert (await put(world, ids, {"appointmentResources": [{"resourceId": BOB}]})).status_code == 204
        appointment = (await world.job(ids[0]))["appointments"][0]
        assert appointment["appointmentStatus"] == "ACTIVE"
        assert appointment["assignedTechnicians"] == [{"technicianId": BOB, "name": "Bob"}]
        assert (await put(world, ids, {"fulfillmentTime": {"startTime": TEN, "endTime": ELEVEN}})).status_code == 204
        assert (await put(world, ids, attached(await document(world)))).status_code == 204
        poa = (await world.job(ids[0]))["appointments"][0]["poa"]
        assert (poa["poaType"], poa["technicians"]) == ("POA_RECEIPT", [{"technicianId": BOB, "name": "Bob"}])

    async def test_everything_at_once(self, world: World) -> None:
        """One request may hold all four."""
        ids = await booked(world)
        body = {
            "estimatedArrivalTime": {"startTime": TEN, "endTime": ELEVEN},
            "fulfillmentTime": {"startTime": TEN, "endTime": ELEVEN},
            "appointmentResources": [{"resourceId": ANN}, {"resourceId": BOB}],
            **attached(await document(world)),
        }
        assert (await put(world, ids, body)).status_code == 204
        poa = (await world.job(ids[0]))["appointments"][0]["poa"]
        assert [one["technicianId"] for one in poa["technicians"]] == [ANN, BOB]

    async def test_document_until_the_job_closes(self, world: World) -> None:
        """A completed job takes no more."""
        ids = await booked(world)
        await put(world, ids, {"fulfillmentTime": {"startTime": TEN, "endTime": ELEVEN}})
        await world.call("PUT", f"{JOBS}/{ids[0]}/completions")
        answer = await put(world, ids, attached(await document(world)))
        assert answer.status_code == 422
        message = f"Job with id {ids[0]} can not be updated. Please check if the job is in valid status."
        assert messages(answer) == [message]

    @pytest.mark.parametrize(
        "body", [{}, {"fulfillmentDocuments": []}, {"appointmentResources": None}, {"somethingElse": 1}]
    )
    async def test_nothing_said(self, world: World, body: Any) -> None:
        """A body without any of the four is a 400, before ids are looked at."""
        answer = await put(world, ("nowhere", "nothing"), body)
        assert (answer.status_code, messages(answer)) == (400, ["No fulfillment artifacts provided in JSON payload."])

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"fulfillmentTime": "now"}, "fulfillmentTime"),
            ({"fulfillmentTime": {"startTime": 1}}, "fulfillmentTime.startTime"),
            ({"appointmentResources": {"resourceId": ANN}}, "appointmentResources"),
            ({"fulfillmentDocuments": [1]}, "fulfillmentDocuments[0]"),
        ],
    )
    async def test_wrong_type(self, world: World, body: Any, named: str) -> None:
        """A field of the wrong type is named."""
        answer = await put(world, ("j", "appointment"), body)
        assert answer.status_code == 400
        assert messages(answer) == [f"Missing or invalid request parameters: [{named}]"]

    async def test_ids(self, world: World) -> None:
        """Unknown and foreign jobs, and appointments that are not the job's."""
        ids = await booked(world)
        await world.order("foreign", seller=OTHER_SELLER, store=OTHER_STORE)
        body = {"estimatedArrivalTime": {"startTime": TEN, "endTime": ELEVEN}}
        for job_id in ("nowhere", "foreign"):
            answer = await put(world, (job_id, ids[1]), body)
            assert (answer.status_code, messages(answer)) == (422, [f"No job exist with jobId : {job_id}"])
        answer = await put(world, (ids[0], "nothing"), body)
        message = "Appointment with id nothing is not present in the job. Please check the input again."
        assert (answer.status_code, messages(answer)) == (422, [message])

    async def test_cancelled_appointment(self, world: World) -> None:
        """An appointment that was moved takes nothing."""
        job_id = await world.order()
        old = await world.book(job_id, TEN)
        body: Any = {"appointmentTime": {"startTime": ELEVEN}, "rescheduleReasonCode": "R1"}
        await world.call("POST", f"{JOBS}/{job_id}/appointments/{old}", json=body)
        answer = await put(world, (job_id, old), {"appointmentResources": [{"resourceId": ANN}]})
        message = f"Appointment with appointment id {old} is not valid to update. Please check the input again"
        assert (answer.status_code, messages(answer)) == (422, [message])

    async def test_outside_the_authorization(self, world: World) -> None:
        """A store that was not granted is a 403."""
        ids = await booked(world)
        token = await world.token(stores=frozenset({BRANCH}))
        body = {"appointmentResources": [{"resourceId": ANN}]}
        answer = await put(world, ids, body, headers={"x-amz-access-token": token})
        assert (answer.status_code, answer.json()[0]["code"]) == (403, "UnauthorizedAction")

    @pytest.mark.parametrize(
        ("times", "message"),
        [
            ({"endTime": TEN}, "Appointment start time is required. Please check the input again."),
            ({}, "Appointment start time is required. Please check the input again."),
            ({"startTime": "x"}, "Appointment end time is required. Please check the input again."),
            (
                {"startTime": "2026-03-03T15-00", "endTime": "y"},
                "Could not parse given time input 2026-03-03T15-00. Please provide time in ISO8601 format",
            ),
            (
                {"startTime": TEN, "endTime": "y"},
                "Could not parse given time input y. Please provide time in ISO8601 format",
            ),
            (
                {"startTime": "9999-01-01T10:00:00.000Z", "endTime": "2021-01-03T13:18:10.668Z"},
                "Appointment start time should not be in future. Please check the input again",
            ),
            (
                {"startTime": "2020-01-01T10:00:00.000+05:30", "endTime": "9999-01-03T13:18:10.668Z"},
                "Appointment end time should not be in future. Please check the input again",
            ),
            (
                {"startTime": "2020-01-04T10:00:00.000+05:30", "endTime": "2020-01-03T13:18:10.668Z"},
                "Appointment end time should be after start time. Please check the input again.",
            ),
            (
                {"startTime": "2021-01-01T10:00:00.000+05:30", "endTime": "2021-01-03T13:18:10.668Z"},
                "ISO8601 time 2021-01-01T10:00:00.000+05:30 is not in UTC format. Please provide time in UTC",
            ),
            (
                {"startTime": "2021-01-01T10:00:00Z", "endTime": "2021-01-03T13:18:10"},
                "ISO8601 time 2021-01-03T13:18:10 is not in UTC format. Please provide time in UTC",
            ),
        ],
    )
    async def test_time_faults(self, world: World, times: Any, message: str) -> None:
        """Of the times only the first fault is told: missing, unparsable, future, end before start, not UTC."""
        answer = await put(world, await booked(world), {"fulfillmentTime": times, "appointmentResources": []})
        assert (answer.status_code, messages(answer)) == (422, [message])

    @pytest.mark.parametrize(
        ("arrival", "message"),
        [
            (
                {"startTime": TEN},
                "Failed to process input. Reason: ETA start and end time both are mandatory field as part of "
                "estimatedArrivalTime object. Please check the input again",
            ),
            (
                {"startTime": "2021-01-01T10-00:00.000Z", "endTime": TEN},
                "Could not parse given time input 2021-01-01T10-00:00.000Z. Please provide time in ISO8601 format",
            ),
            (
                {"startTime": ELEVEN, "endTime": TEN},
                "Failed to process input. Reason: ETA end time should be after start time. "
                "Please check the input again",
            ),
            (
                {"startTime": "2026-03-03T10:00:00-05:00", "endTime": ELEVEN},
                "ISO8601 time 2026-03-03T10:00:00-05:00 is not in UTC format. Please provide time in UTC",
            ),
        ],
    )
    async def test_arrival_faults(self, world: World, arrival: Any, message: str) -> None:
        """An arrival needs both times, in order, in UTC; it may lie in the future or the past."""
        answer = await put(world, await booked(world), {"estimatedArrivalTime": arrival})
        assert (answer.status_code, messages(answer)) == (422, [message])

    @pytest.mark.parametrize(
        ("resources", "message"),
        [
            ([{}], "One or more resources provided is invalid. Please check the input again."),
            ([{"resourceId": ANN}, {"resourceId": STORE}], "One or more resources provided is invalid."),
            ([{"resourceId": "x" * 51}], "One or more resources provided is invalid. Please check the input again."),
            ([{"resourceId": ANN}, {"resourceId": "nobody"}], "One or more resources provided does not exist or is"),
            ([{"resourceId": OTHER_TECHNICIAN}], "One or more resources provided does not exist or is deleted."),
        ],
    )
    async def test_resource_faults(self, world: World, resources: Any, message: str) -> None:
        """Malformed ids and stores are invalid; unknown and foreign technicians do not exist."""
        answer = await put(world, await booked(world), {"appointmentResources": resources})
        assert answer.status_code == 422
        (said,) = messages(answer)
        assert said.startswith(message)

    async def test_document_faults(self, world: World) -> None:
        """What is wrong with a document is told in its own words."""
        ids = await booked(world)
        await self._refused(world, ids, attached("nothing"), "Input document id does not exist. Please check the input")
        no_hash = {"fulfillmentDocuments": [{"uploadDestinationId": await document(world)}]}
        parameters = "Input document parameters are invalid. Please check the input."
        await self._refused(world, ids, no_hash, parameters)
        reasons = {
            "no upload": "Document encrypted not found or exist. Please review document uploaded",
            "empty": "Failed to retrieve document content length. Please review document uploaded",
            "half a block": "Document failed to decrypt or decipher. Please review the uploaded document",
        }
        for spoil, reason in reasons.items():
            await self._refused(world, ids, attached(await document(world, spoil=spoil)), reason)
        kind = "Document failed to meet content type restrictions. Please review document uploaded"
        await self._refused(world, ids, attached(await document(world, content_type="PDF")), kind)
        length = "Document failed to meet content length restrictions. Please review document uploaded"
        await self._refused(world, ids, attached(await document(world, length=len(PNG) + 1)), length)
        digest = (
            "Document failed to meet sanity check. Could not get a Sha256 Message Digest instance. "
            "Please review document uploaded"
        )
        await self._refused(world, ids, attached(await document(world), b"another file"), digest)
        late = await document(world)
        world.clock.advance(30 * DAY)
        await self._refused(world, ids, attached(late), parameters)

    async def _refused(self, world: World, ids: tuple[str, str], body: Any, reason: str) -> None:
        answer = await put(world, ids, body)
        assert (answer.status_code, messages(answer)) == (422, [proof(reason)])

    async def test_document_of_another_appointment(self, world: World) -> None:
        """A document proves one appointment; sent again for the same one it is fine."""
        first = await booked(world)
        job_id = await world.order()
        second = (job_id, await world.book(job_id, "2026-03-05T15:00:00Z"))
        body = attached(await document(world))
        assert (await put(world, first, body)).status_code == 204
        assert (await put(world, first, body)).status_code == 204
        await self._refused(world, second, body, "Input document parameters are invalid. Please check the input.")

    async def test_faults_of_all_kinds_together(self, world: World) -> None:
        """Resources, time, documents: one fault of each, in that order, and nothing is recorded."""
        ids = await booked(world)
        body = {
            "fulfillmentTime": {"endTime": TEN},
            "appointmentResources": [{"resourceId": STORE}],
            "estimatedArrivalTime": {"startTime": TEN, "endTime": ELEVEN},
            **attached("nothing"),
        }
        before = await world.job(ids[0])
        answer = await put(world, ids, body)
        assert answer.status_code == 422
        assert messages(answer) == [
            "One or more resources provided is invalid. Please check the input again.",
            "Appointment start time is required. Please check the input again.",
            proof("Input document id does not exist. Please check the input"),
        ]
        assert await world.job(ids[0]) == before

    async def test_malware(self, database: Any, tmp_path: Path) -> None:
        """What the configured program refuses is not taken."""
        program = tmp_path / "check"
        program.write_text("#!/bin/sh\ncat > /dev/null\nexit 1\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        async with a_world(database, tmp_path / "data", malware_command=str(program)) as world:
            ids = await booked(world)
            reason = "Document failed to meet malware check. Please review document uploaded"
            await self._refused(world, ids, attached(await document(world)), reason)
