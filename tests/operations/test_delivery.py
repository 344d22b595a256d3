"""Writes made here on jobs that live elsewhere: they reach the source once and in order, or it is told why not."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from fieldserve.domain.intervals import DAY
from fieldserve.operations.delivery import deliver
from fieldserve.operations.mirrored_jobs import Telling, take_in
from fieldserve.operations.operator_jobs import hold_job
from fieldserve.operations.orders import get_ordered_job
from fieldserve.operations.outbox import (
    drop_outbox_entry,
    get_job_source,
    list_mirrors,
    list_outbox,
    list_refused,
    purge_outbox,
    retry_outbox_entry,
    send_out,
)
from fieldserve.operations.run import Caller
from fieldserve.store import documents, jobs, mirrors
from fieldserve.store.engine import Connection, Database
from fieldserve.wire.errors import ApiError
from fieldserve.wire.mirrors import LIVES_ELSEWHERE
from fieldserve.wire.orders import JobDeed
from fieldserve.wire.retries import HEADER
from tests.desk import ON_ONE_DATABASE
from tests.mirroring import MIRROR, Mirrored, failing, mirrored, named
from tests.uploads import attached, document
from tests.world import ANN, BOB, US

TEN, ELEVEN, NOON = "2026-03-03T15:00:00Z", "2026-03-03T16:00:00Z", "2026-03-03T17:00:00Z"
OPERATOR = Caller("", actor="operator:test")


@pytest.fixture
async def pair(database: Database, migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Mirrored]:
    """A source with one job, and its mirror, which is of either kind of database."""
    async with mirrored(database, migrated_sqlite, tmp_path) as pair:
        await pair.there.order()
        await pair.open()
        pair.wire.asked.clear()
        yield pair


async def book(pair: Mirrored, start: str = TEN, job_id: str = "job-1") -> str:
    answer = await pair.call(
        "POST", f"serviceJobs/{job_id}/appointments", json={"appointmentTime": {"startTime": start}}
    )
    assert answer.status_code == 200, answer.text
    appointment_id: str = answer.json()["appointmentId"]
    return appointment_id


async def move(pair: Mirrored, appointment_id: str, start: str) -> str:
    body = {"appointmentTime": {"startTime": start}, "rescheduleReasonCode": "R1"}
    answer = await pair.call("POST", f"serviceJobs/job-1/appointments/{appointment_id}", json=body)
    assert answer.status_code == 200, answer.text
    new: str = answer.json()["appointmentId"]
    return new


async def assign(pair: Mirrored, appointment_id: str, *people: str) -> httpx2.Response:
    body = {"resources": [{"resourceId": one} for one in people] or [{}]}
    return await pair.call("PUT", f"serviceJobs/job-1/appointments/{appointment_id}/resources", json=body)


async def cancel(pair: Mirrored, job_id: str = "job-1", code: str = "V1") -> None:
    path = f"serviceJobs/{job_id}/cancellations?cancellationReasonCode={code}"
    assert (await pair.call("PUT", path)).status_code == 200


async def states(pair: Mirrored) -> list[str]:
    return [one.state for one in (await list_outbox(pair.here.context)).entries]


class TestEachWrite:
    """Each of the six, and the ids of appointments."""

    async def test_add(self, pair: Mirrored) -> None:
        """It is here at once, there after delivery, and afterwards under the source's id; the first id stays good."""
        mine = await book(pair)
        assert (await pair.here.job("job-1", MIRROR))["appointments"][0]["appointmentId"] == mine
        assert (await pair.there.job("job-1")).get("appointments") is None
        assert (await get_job_source(pair.here.context, Caller(MIRROR), "job-1")).waiting_writes == 1
        assert await pair.deliver() == 1
        (visit,) = (await pair.same("job-1"))["appointments"]
        assert visit["appointmentId"] != mine
        assert (await assign(pair, mine, ANN)).status_code == 200
        assert await pair.deliver() == 1
        (visit,) = (await pair.same("job-1"))["appointments"]
        assert visit["assignedTechnicians"] == [{"technicianId": ANN, "name": "Ann"}]

    async def test_in_order(self, pair: Mirrored) -> None:
        """Booked, moved, staffed, worked and completed before anything went out: it goes out so, by the right ids."""
        first = await book(pair)
        second = await move(pair, first, NOON)
        await assign(pair, second, ANN, BOB)
        worked = {"startTime": "2026-03-01T17:00:00Z", "endTime": "2026-03-01T18:00:00Z"}
        path = f"serviceJobs/job-1/appointments/{second}/fulfillment"
        assert (await pair.call("PUT", path, json={"fulfillmentTime": worked})).status_code == 204
        assert (await pair.call("PUT", "serviceJobs/job-1/completions")).status_code == 200
        assert await pair.deliver() == 5
        there = [word for _, word in pair.wire.writes()]
        assert [there[0], *there[2:]] == ["appointments", "resources", "fulfillment", "completions"]
        job = await pair.same("job-1")
        assert [one["appointmentStatus"] for one in job["appointments"]] == ["CANCELLED", "COMPLETED"]
        assert job["serviceJobStatus"] == "COMPLETED"

    async def test_what_the_source_does_not_tell(self, pair: Mirrored) -> None:
        """An expected arrival that was recorded here stays known, though no document tells it."""
        mine = await book(pair)
        window = {"startTime": TEN, "endTime": ELEVEN}
        path = f"serviceJobs/job-1/appointments/{mine}/fulfillment"
        assert (await pair.call("PUT", path, json={"estimatedArrivalTime": window})).status_code == 204
        await pair.deliver()
        await pair.same("job-1")
        stored = await pair.here.read(lambda c: jobs.find(c, MIRROR, "job-1"))
        assert stored.appointments[0].arrival is not None
        assert "estimatedArrivalTime" not in (await get_job_source(pair.here.context, Caller(MIRROR), "job-1")).unknown

    async def test_cancel(self, pair: Mirrored) -> None:
        """Reason codes are the source's: one that is none here goes out all the same."""
        await cancel(pair, code="THEIR_OWN")
        assert (await pair.here.job("job-1", MIRROR))["serviceJobStatus"] == "CANCELLED"
        await pair.deliver()
        assert await states(pair) == ["REFUSED"]  # it is none there either
        assert (await pair.same("job-1"))["serviceJobStatus"] == "PENDING_SCHEDULE"
        await cancel(pair)
        before = await pair.here.read(lambda c: jobs.find(c, MIRROR, "job-1"))
        await pair.deliver()
        assert (await pair.same("job-1"))["serviceJobStatus"] == "CANCELLED"
        # What was changed here is now what the source told, and no news.
        stored = await pair.here.read(lambda c: jobs.find(c, MIRROR, "job-1"))
        assert stored.updated_at == before.updated_at
        assert b"CANCELLED" in stored.details
        assert (await pair.here.kinds("job-1"))[-2:] == ["job.cancelled", "outbox.sent"]

    async def test_documents(self, pair: Mirrored) -> None:
        """A proof goes out with its bytes: the source gets its own upload, and the document stays attached here."""
        mine = await book(pair)
        here = await document(pair.here, seller=MIRROR)
        worked = {"startTime": "2026-03-01T17:00:00Z", "endTime": "2026-03-01T18:00:00Z"}
        body = {"fulfillmentTime": worked, **attached(here)}
        path = f"serviceJobs/job-1/appointments/{mine}/fulfillment"
        assert (await pair.call("PUT", path, json=body)).status_code == 204
        await pair.deliver()
        (visit,) = (await pair.same("job-1"))["appointments"]
        assert visit["poa"]["poaType"] == "POA_RECEIPT"
        held = await pair.here.read(lambda c: documents.of_appointment(c, MIRROR, visit["appointmentId"]))
        assert [one.upload_destination_id for one in held] == [here]

    async def test_operators_deeds(self, pair: Mirrored) -> None:
        """What no operation of the Services API does cannot be done to a job that lives elsewhere."""
        with pytest.raises(ApiError) as refused:
            await hold_job(pair.here.context, Caller(MIRROR), "job-1", JobDeed())
        assert refused.value.says is LIVES_ELSEWHERE

    async def test_an_unknown_technician(self, pair: Mirrored) -> None:
        """Whom nobody has heard of here the source may know; if it does not, nothing is left of it but the refusal."""
        mine = await book(pair)
        assert (await assign(pair, mine, "stranger")).status_code == 200
        await pair.deliver()
        assert await states(pair) == ["DONE", "REFUSED"]
        (visit,) = (await pair.same("job-1"))["appointments"]
        assert "assignedTechnicians" not in visit


class TestRefused:
    """What the source does not take."""

    async def test_booking(self, pair: Mirrored) -> None:
        """The job is again as the source tells it; what stood on the booking is refused with it, the rest goes out."""
        mine = await book(pair, "2026-03-03T08:00:00Z")  # at night
        await assign(pair, mine, ANN)
        await cancel(pair)
        await pair.deliver()
        entries = (await list_outbox(pair.here.context)).entries
        assert [one.state for one in entries] == ["REFUSED", "REFUSED", "DONE"]
        assert "slot is not available" in (entries[0].said or "")
        assert f"entry {entries[0].sequence}" in (entries[1].said or "")
        assert [word for _, word in pair.wire.writes()] == ["appointments", "cancellations"]
        assert (await pair.same("job-1")).get("appointments") is None
        assert "outbox.refused" in await pair.here.kinds("job-1")

    async def test_again(self, pair: Mirrored) -> None:
        """An operator has it sent again under another key, and it is there when the source takes it."""
        await book(pair)
        pair.wire.before = lambda r: failing(422) if r.method == "POST" else None
        await pair.deliver()
        pair.wire.before = None
        (entry,) = (await list_outbox(pair.here.context, state="REFUSED")).entries
        mine, elsewhere = Caller(entry.seller_id), Caller("A9NOBODY")
        assert [one.sequence for one in await list_refused(pair.here.context, mine, 0)] == [entry.sequence]
        assert await list_refused(pair.here.context, elsewhere, 0) == []
        with pytest.raises(ApiError, match="404"):
            await retry_outbox_entry(pair.here.context, elsewhere, entry.sequence, "A9NOBODY")
        again = await retry_outbox_entry(pair.here.context, OPERATOR, entry.sequence)
        assert (again.state, again.tries) == ("WAITING", 0)
        await pair.deliver()
        assert await states(pair) == ["DONE"]
        assert len((await pair.same("job-1"))["appointments"]) == 1
        keys = [one.headers[HEADER] for one in pair.wire.asked if one.method == "POST"]
        assert len(set(keys)) == 2

    async def test_dropped(self, pair: Mirrored) -> None:
        """What an operator gives up does not go out, and the job is again as the source tells it."""
        await book(pair)
        (entry,) = (await list_outbox(pair.here.context)).entries
        assert (await drop_outbox_entry(pair.here.context, OPERATOR, entry.sequence)).state == "DROPPED"
        await pair.deliver()
        assert pair.wire.writes() == []
        assert (await pair.same("job-1")).get("appointments") is None
        assert "outbox.dropped" in await pair.here.kinds("job-1")
        pair.here.clock.advance(31 * DAY)
        await purge_outbox(pair.here.context)
        assert await states(pair) == []

    async def test_job_that_is_gone(self, pair: Mirrored) -> None:
        """Of a job that the source has no longer the last telling stays, without what was changed here."""
        before = await get_ordered_job(pair.here.context, Caller(MIRROR), "job-1")
        await book(pair)
        pair.wire.before = lambda r: failing(404)
        await pair.deliver()
        assert await get_ordered_job(pair.here.context, Caller(MIRROR), "job-1") == before
        assert len((await list_mirrors(pair.here.context)).accounts[0].faults) == 1


class TestFaults:
    """Answers that are lost, and sources that are away."""

    @ON_ONE_DATABASE
    @pytest.mark.parametrize("knows_keys", [True, False])
    @pytest.mark.parametrize("operation", ["add", "reschedule", "assign", "cancel", "complete"])
    async def test_answer_lost(
        self, pair: Mirrored, operation: str, knows_keys: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A write whose answer is lost is carried out once, whether or not the source knows keys."""
        monkeypatch.setattr(type(pair.source), "knows_keys", knows_keys)
        mine = ""
        if operation != "add":
            mine = await book(pair)
            await pair.deliver()
        pair.wire.asked.clear()
        match operation:
            case "add":
                await book(pair)
            case "reschedule":
                await move(pair, mine, NOON)
            case "assign":
                await assign(pair, mine, ANN)
            case "cancel":
                await cancel(pair)
            case "complete":
                await pair.call("PUT", "serviceJobs/job-1/completions")
        lost: list[httpx2.Request] = []

        def loses(request: httpx2.Request) -> httpx2.Response | None:
            if request.method != "GET" and not lost:
                lost.append(request)
                raise httpx2.ReadError("cut")
            return None

        pair.wire.after = loses
        assert await pair.deliver() == 0
        assert (await list_outbox(pair.here.context, state="WAITING")).entries[0].tries == 1
        assert await pair.deliver(later=True) == 1
        assert set(await states(pair)) == {"DONE"}
        assert len(pair.wire.writes()) == 1  # it was found to be done, and not sent again
        await pair.same("job-1")
        done = [one for one in await pair.there.kinds("job-1") if not one.startswith("job.ordered")]
        assert len(done) == (1 if operation == "add" else 2)

    async def test_refusal_that_is_an_echo(self, pair: Mirrored) -> None:
        """A booking that was carried out late, between the look and the second try, is not taken for a refusal."""
        await book(pair)

        def late(request: httpx2.Request) -> httpx2.Response | None:
            if request.method == "POST":
                raise httpx2.ReadError("cut")
            return None

        pair.wire.before = late  # it has not arrived …
        await pair.deliver()
        booked = []

        async def arrive() -> None:
            booked.append(await pair.there.book("job-1", TEN))

        inner = pair.wire.inner

        class Slow(httpx2.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
                if request.method == "POST" and not booked:
                    await arrive()  # … until now
                return await inner.handle_async_request(request)

        pair.wire.before, pair.wire.inner = None, Slow()
        await pair.deliver(later=True)
        assert await states(pair) == ["DONE"]
        assert (await pair.same("job-1"))["appointments"][0]["appointmentId"] == booked[0]

    @ON_ONE_DATABASE
    @pytest.mark.parametrize("answer", [failing(429), failing(503), failing(500), failing(403)])
    async def test_waits(self, pair: Mirrored, answer: httpx2.Response) -> None:
        """Trouble that may pass is waited for, and what the source said is shown."""
        await cancel(pair)
        pair.wire.before = lambda r: answer if r.method == "PUT" else None
        assert await pair.deliver() == 0
        (entry,) = (await list_outbox(pair.here.context)).entries
        assert (entry.state, entry.tries) == ("WAITING", 1)
        assert "There is trouble." in (entry.said or "")
        pair.wire.before = None
        assert await pair.deliver() == 0  # not yet
        assert await pair.deliver(later=True) == 1
        await pair.same("job-1")

    async def test_retry_after(self, pair: Mirrored) -> None:
        """A source that asks for patience gets it; an operator may ask for haste."""
        await cancel(pair)
        pair.wire.before = lambda r: failing(429, **{"Retry-After": "290"}) if r.method == "PUT" else None
        await pair.deliver()
        pair.wire.before = None
        pair.here.clock.advance(280 * 1_000_000)
        assert await deliver(pair.here.context, pair.source) == 0
        (entry,) = (await list_outbox(pair.here.context)).entries
        await retry_outbox_entry(pair.here.context, OPERATOR, entry.sequence)
        assert await deliver(pair.here.context, pair.source) == 1

    async def test_from_a_backup(self, pair: Mirrored) -> None:
        """An entry of a restored backup, which was carried out after it was taken, is found and not sent again."""
        mine = await book(pair)
        await pair.deliver()
        booked = (await pair.same("job-1"))["appointments"][0]["appointmentId"]
        await pair.here.write(
            lambda c: c.execute("UPDATE outbox SET state = 'WAITING', settled = 0, tries = 0, ended_at = NULL")
        )
        await pair.here.write(lambda c: c.execute("DELETE FROM appointment_aliases"))
        pair.wire.asked.clear()
        assert await pair.deliver(later=True) == 1
        assert pair.wire.writes() == []
        assert await pair.here.read(lambda c: mirrors.real_id(c, MIRROR, mine)) == booked

    async def test_one_job_does_not_wait_for_another(self, pair: Mirrored) -> None:
        """A write that is in trouble keeps back its own job's, and no others."""
        await pair.there.order()
        await pair.sync()
        await book(pair, TEN)
        await cancel(pair)
        await cancel(pair, "job-2")
        pair.wire.before = lambda r: failing(500) if named(r, "job-1/appointments") else None
        assert await pair.deliver() == 1
        assert await states(pair) == ["WAITING", "WAITING", "DONE"]
        assert (await pair.there.job("job-2"))["serviceJobStatus"] == "CANCELLED"

    async def test_readings_leave_what_waits(self, pair: Mirrored) -> None:
        """What was changed here, and the source does not have yet, is not undone by a reading."""
        mine = await book(pair)
        assert (await pair.sync()).taken.left == 1
        assert (await pair.here.job("job-1", MIRROR))["appointments"][0]["appointmentId"] == mine

    @pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
    async def test_reading_that_waited_for_a_write(self, pair: Mirrored) -> None:
        """A page that waits for a job's lock sees what was queued under it, and leaves the job alone."""
        locked, asked = asyncio.Event(), asyncio.Event()
        document = (await pair.here.job("job-1", MIRROR)) | {"serviceJobStatus": "HOLD"}

        async def write(c: Connection) -> None:
            job = await jobs.find(c, MIRROR, "job-1", lock=True)
            assert job is not None
            locked.set()
            await asked.wait()
            await asyncio.sleep(0.1)  # by now the page waits
            await send_out(pair.here.context, c, Caller(MIRROR), job, "completeServiceJobByServiceJobId", {})

        writing = asyncio.ensure_future(pair.here.write(write))
        await locked.wait()
        asked.set()
        telling = Telling("amazon", MIRROR, US, pair.here.clock.now() + 1, pair.here.clock.now() + 1)
        taken = await pair.here.write(lambda c: take_in(c, telling, [json.dumps(document).encode()]))
        await writing
        assert (taken.left, taken.changed) == (1, 0)

    async def test_settling_waits_for_the_source(self, pair: Mirrored) -> None:
        """A job that cannot be read after its writes is read later."""
        await cancel(pair)
        pair.wire.before = lambda r: failing(500) if r.method == "GET" else None
        assert await pair.deliver() == 1
        assert (await pair.there.job("job-1"))["serviceJobStatus"] == "CANCELLED"
        pair.wire.before = None
        await pair.deliver(later=True)
        await pair.same("job-1")

    async def test_upload_is_not_repeated(self, pair: Mirrored) -> None:
        """A document that was uploaded before the trouble is attached after it, and not uploaded again."""
        mine = await book(pair)
        here = await document(pair.here, seller=MIRROR)
        path = f"serviceJobs/job-1/appointments/{mine}/fulfillment"
        assert (await pair.call("PUT", path, json=attached(here))).status_code == 204
        pair.wire.before = lambda r: failing(503) if named(r, "fulfillment") else None
        await pair.deliver()
        pair.wire.before = None
        await pair.deliver(later=True)
        assert await states(pair) == ["DONE", "DONE"]
        assert [word for _, word in pair.wire.writes()].count("documents") == 1
