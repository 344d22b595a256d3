"""A mirror of a seller who lives elsewhere: what is read, what is made up, and that nothing is missed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from fieldserve.client import SellingApiBadRequestException, SellingApiConnectionException, SellingApiException
from fieldserve.domain.intervals import HOUR, SECOND
from fieldserve.operations import mirrored_jobs
from fieldserve.operations.mirrors import Held, MirrorRefused, acquire, read_source, release
from fieldserve.operations.outbox import get_job_source, list_mirrors
from fieldserve.operations.run import Caller
from fieldserve.operations.stores import get_store, update_store
from fieldserve.store import jobs, mirrors, services, stores, technicians
from fieldserve.store.engine import Database
from fieldserve.store.events import read as read_events
from fieldserve.wire.stores import UpdateStore
from tests.desk import ON_ONE_DATABASE
from tests.mirroring import ACCOUNT, MIRROR, Mirrored, failing, mirrored
from tests.world import ANN, ASIN, CANADA, SELLER, STORE, US

TEN = "2026-03-03T15:00:00Z"  # 10:00 in New York


@pytest.fixture
async def pair(database: Database, migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Mirrored]:
    """A source and its mirror, which is of either kind of database."""
    async with mirrored(database, migrated_sqlite, tmp_path) as pair:
        yield pair


async def ids(pair: Mirrored) -> set[str]:
    rows = await pair.here.read(lambda c: c.fetch("SELECT service_job_id FROM jobs WHERE mirrored_from IS NOT NULL"))
    return {row[0] for row in rows}


class TestReading:
    """What is read, and when."""

    async def test_everything_first(self, pair: Mirrored) -> None:
        """45 jobs are three pages of 20, and are answered here as there."""
        wanted = {await pair.there.order() for _ in range(45)}
        appointment = await pair.there.book("job-7", TEN)
        await pair.there.assign("job-7", appointment, ANN)
        await pair.open()
        assert await ids(pair) == wanted
        assert len(pair.wire.asked) == 3
        assert (await pair.same("job-7"))["appointments"][0]["assignedTechnicians"][0]["technicianId"] == ANN
        for job_id in wanted:
            await pair.same(job_id)

    async def test_then_what_changed(self, pair: Mirrored) -> None:
        """The next reading asks for changes alone; what it has read already it takes for what it is."""
        for _ in range(3):
            await pair.there.order()
        await pair.open()
        for _ in range(2):
            await pair.sync()
            pair.there.clock.advance(HOUR)
            pair.here.clock.advance(HOUR)
        await pair.there.book("job-2", TEN)
        progress = await pair.sync()
        assert (progress.taken.new, progress.taken.changed, progress.taken.same) == (0, 1, 0)
        await pair.same("job-2")
        # Within the overlap of two minutes it is read again, and nothing is written about it.
        events = await pair.here.kinds("job-2")
        assert (await pair.sync()).taken.same == 1
        assert await pair.here.kinds("job-2") == events == ["job.observed", "job.observed"]

    async def test_changes_while_pages_are_read(self, pair: Mirrored) -> None:
        """A job that changes behind the page that is read is read by the next reading, whatever the clocks say."""
        for _ in range(45):
            await pair.there.order()
            pair.there.clock.advance(SECOND)
        pair.here.clock.instant = pair.there.clock.instant - 60 * SECOND  # our clock is a minute behind
        changed: list[str] = []

        async def change() -> None:
            # One that was read, one that is still to be read, and a new one behind the last page.
            if not changed:
                changed.extend(["job-3", "job-44", await pair.there.order()])
                await pair.there.book("job-3", TEN)
                await pair.there.book("job-44", "2026-03-03T16:00:00Z")

        await pair.open()
        assert await ids(pair) == {f"job-{number}" for number in range(1, 46)}
        await read_source(pair.here.context, pair.source, US, MIRROR, everything=True, between=change)
        await pair.sync()
        for job_id in changed:
            await pair.same(job_id)

    async def test_equal_stamps(self, pair: Mirrored) -> None:
        """Thirty jobs of one microsecond are all read, a page apart."""
        wanted = {await pair.there.order() for _ in range(30)}
        await pair.open()
        assert await ids(pair) == wanted

    async def test_goes_on_where_it_was(self, pair: Mirrored) -> None:
        """A reading that broke goes on behind the last page that was stored."""
        for _ in range(45):
            await pair.there.order()

        def breaks(_: httpx2.Request) -> httpx2.Response | None:
            if len(pair.wire.asked) == 3:
                raise httpx2.ReadError("cut")
            return None

        pair.wire.before = breaks
        with pytest.raises(SellingApiConnectionException):
            await pair.sync()
        assert len(await ids(pair)) == 40
        pair.wire.before = None
        assert (await pair.sync()).taken.new == 5
        assert len(pair.wire.asked) == 4

    async def test_token_that_ended(self, pair: Mirrored) -> None:
        """A page token that is good for nothing any more costs nothing but reading some jobs again."""
        for _ in range(45):
            await pair.there.order()
            pair.there.clock.advance(10 * SECOND)
        refused: list[httpx2.Request] = []

        def refuses(request: httpx2.Request) -> httpx2.Response | None:
            if request.url.params.get("pageToken") and not refused:
                refused.append(request)
                return failing(400)
            return None

        pair.wire.before = refuses
        await pair.open()
        assert len(await ids(pair)) == 45
        # 20, the refusal, then from the creation of job 20 on: 20 to 39, 40 to 45.
        assert len(pair.wire.asked) == 4

    async def test_token_that_ended_in_another_order(self, pair: Mirrored) -> None:
        """Where a source lists jobs in an order of its own, a token that ended costs reading from the start."""
        page = [
            {"serviceJobId": one, "serviceJobStatus": "HOLD", "createTime": f"2026-01-0{at}T00:00:00Z"}
            for one, at in (("a", 2), ("b", 1))
        ]

        def answers(request: httpx2.Request) -> httpx2.Response:
            if request.url.params.get("pageToken"):
                return failing(400)
            more = {} if len(pair.wire.asked) > 1 else {"nextPageToken": "t"}
            return httpx2.Response(200, json={"payload": {"jobs": page, **more}})

        pair.wire.before = answers
        await pair.open()
        asked = [one.url.params["createdAfter"] for one in pair.wire.asked]
        assert asked == ["2000-01-01T00:00:00Z"] * 3

    async def test_something_else_answers(self, pair: Mirrored) -> None:
        """A page of a proxy is no listing, and may pass."""
        pair.wire.before = lambda _: httpx2.Response(200, content=b"<html>")
        with pytest.raises(SellingApiException, match="not a Services API") as fault:
            await pair.sync()
        assert fault.value.status == 502

    async def test_refusal_without_a_token(self, pair: Mirrored) -> None:
        """A question that is refused for what it says is not asked for ever."""
        pair.wire.before = lambda _: failing(400)
        with pytest.raises(SellingApiBadRequestException):
            await pair.sync()
        assert len(pair.wire.asked) == 1

    async def test_full_finds_what_is_gone(self, pair: Mirrored) -> None:
        """A job that the source has no longer stays, and is told of."""
        await pair.there.order()
        await pair.there.order()
        await pair.open()
        await pair.there.write(lambda c: c.run_script("DELETE FROM job_keys; DELETE FROM jobs"))
        await pair.there.order("job-2")
        assert (await pair.sync(everything=True)).taken.faults == 1
        listing = await list_mirrors(pair.here.context)
        assert [(one.service_job_id, one.reason) for one in listing.accounts[0].faults] == [
            ("job-1", mirrored_jobs.GONE)
        ]
        assert await ids(pair) == {"job-1", "job-2"}

    async def test_nothing_there_yet(self, pair: Mirrored) -> None:
        """A seller without jobs is mirrored, too."""
        await pair.open()
        assert (await list_mirrors(pair.here.context)).accounts[0].mirrors[0].jobs == 0

    async def test_whose_they_are(self, pair: Mirrored) -> None:
        """Without a seller's id it is the one that the jobs name; a mirror does not change its seller."""
        assert (await read_source(pair.here.context, pair.source, US)).jobs == 0
        await pair.there.order()
        with pytest.raises(MirrorRefused, match="name the seller"):
            await read_source(pair.here.context, pair.source, US)
        with pytest.raises(MirrorRefused, match="capitals"):
            await read_source(pair.here.context, pair.source, US, "a seller")
        await pair.open()
        with pytest.raises(MirrorRefused, match="already"):
            await read_source(pair.here.context, pair.source, US, "A4OTHER")

    async def test_another_marketplace(self, pair: Mirrored) -> None:
        """Each marketplace is read on its own, and the seller takes part in all of them."""
        await pair.there.order()
        await pair.open()
        pair.wire.before = lambda _: httpx2.Response(200, json={"payload": {"totalResultSize": 0, "jobs": []}})
        await read_source(pair.here.context, pair.source, CANADA, MIRROR)
        found = (await list_mirrors(pair.here.context)).accounts[0].mirrors
        assert [(one.marketplace_id, one.jobs) for one in found] == [(CANADA, 0), (US, 1)]


class TestOneAtATime:
    """Who mirrors an account."""

    async def test_lease(self, pair: Mirrored) -> None:
        """A second process is told to wait; the first learns when it has lost its place."""
        other = type(pair.source)(ACCOUNT, "http://source", None, pair.source.services, holder="elsewhere:1:a")
        with pytest.raises(Held, match="mirrored by process"):
            await acquire(pair.here.context, other)
        pair.here.clock.advance(31 * SECOND)
        await acquire(pair.here.context, other)
        await pair.there.order()
        with pytest.raises(Held, match="another process"):
            await pair.sync()
        assert await ids(pair) == set()
        await release(pair.here.context, other)
        await acquire(pair.here.context, pair.source)
        await pair.sync()
        assert await ids(pair) == {"job-1"}

    async def test_a_process_that_was_killed(self, pair: Mirrored) -> None:
        """Nobody waits for a process of this machine that is no more."""
        host = pair.source.holder.rsplit(":", 2)[0]
        dead = type(pair.source)(ACCOUNT, "http://source", None, pair.source.services, holder=f"{host}:4194304:a")
        await release(pair.here.context, pair.source)
        await acquire(pair.here.context, dead)
        await acquire(pair.here.context, pair.source)


class TestWhatBecomesOfIt:
    """Rows, events, and what is not known."""

    async def test_made_up(self, pair: Mirrored) -> None:
        """Store, service and technician are there and marked; what an operator sets up is not touched."""
        job_id = await pair.there.order()
        await pair.there.assign(job_id, await pair.there.book(job_id, TEN), ANN)
        await pair.open()
        store = await pair.here.read(lambda c: stores.find(c, MIRROR, STORE))
        person = await pair.here.read(lambda c: technicians.find(c, MIRROR, ANN))
        service = await pair.here.read(lambda c: services.find(c, MIRROR, ASIN))
        assert (store.time_zone, store.latitude, store.scheduling_type) == ("UTC", None, "NON_REAL_TIME_SCHEDULING")
        assert (person.name, person.store_ids, person.skills, person.registered) == ("Ann", (STORE,), (), False)
        assert (service.title, service.skills, service.rules.duration) == ("Something done", ("TV",), HOUR)
        marked = await pair.here.read(
            lambda c: c.fetch("SELECT resource_id FROM resources WHERE mirrored_from = $1 ORDER BY 1", ACCOUNT)
        )
        assert [row[0] for row in marked] == [ANN, STORE]
        # As soon as an operator says something about one, it is set up.
        assert (await get_store(pair.here.context, Caller(MIRROR), STORE)).mirrored_from == ACCOUNT
        mended = await update_store(pair.here.context, Caller(MIRROR), STORE, UpdateStore(time_zone="Europe/Berlin"))
        assert mended.mirrored_from is None
        await pair.there.order()
        await pair.sync()
        assert (await get_store(pair.here.context, Caller(MIRROR), STORE)) == mended

    async def test_observed(self, pair: Mirrored) -> None:
        """The event log says that it was observed, by whom, and as of when."""
        await pair.there.order()
        await pair.open()
        (event,) = await pair.here.read(lambda c: read_events(c, subject="job-1", seller_id=MIRROR))
        assert (event.event.kind, event.event.actor) == ("job.observed", f"mirror:{ACCOUNT}")
        assert (event.event.before, event.event.after["status"]) == (None, "PENDING_SCHEDULE")
        assert event.event.after["asOf"] == pair.here.clock.instant

    async def test_source_of_a_job(self, pair: Mirrored) -> None:
        """A mirrored job names its source and what nobody has told; one that lives here has none."""
        await pair.there.order()
        await pair.open()
        found = await get_job_source(pair.here.context, Caller(MIRROR), "job-1")
        assert (found.mirrored_from, found.waiting_writes) == (ACCOUNT, 0)
        assert found.synced_at is not None
        assert "estimatedArrivalTime" in found.unknown
        assert "the service's duration, buffers and notice" in found.unknown
        own = await pair.here.order("own-1")
        assert (await get_job_source(pair.here.context, Caller(SELLER), own)).unknown == []

    async def test_members_that_nobody_knows(self, pair: Mirrored) -> None:
        """A document is kept as it came: digits, order and members that the model does not have."""
        text = (
            b'{"serviceJobStatus":"NOT_SERVICED","serviceJobId":"strange","newMember":{"a":[1,null]},'
            b'"createTime":"2026-03-01T10:00:00.00-05","payments":[{"amount":{"value":10.10,"currency":"USD"}}]}'
        )
        pair.wire.before = lambda _: httpx2.Response(200, content=b'{"payload":{"jobs":[' + text + b"]}}")
        await pair.open()
        answer = await pair.call("GET", "serviceJobs/strange")
        assert answer.content == b'{"payload":' + text + b"}"
        stored = await pair.here.read(lambda c: jobs.find(c, MIRROR, "strange"))
        assert (stored.store_id, stored.asin, stored.marketplace_id) == (
            mirrored_jobs.NO_STORE,
            mirrored_jobs.NO_ASIN,
            US,
        )

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ({"serviceJobId": "a", "serviceJobStatus": "NEW"}, "not of the model's shape"),
            ({"serviceJobId": "a" * 64, "serviceJobStatus": "HOLD"}, "1 to 63 characters"),
            ({"serviceJobId": "a"}, "no serviceJobStatus"),
            ({"serviceJobId": "a", "serviceJobStatus": "HOLD", "createTime": "soon"}, "no ISO 8601 time"),
            ({"serviceJobId": "a", "serviceJobStatus": "HOLD", "scopeOfWork": {"asin": "B0"}}, "10 characters"),
        ],
    )
    async def test_unreadable(self, pair: Mirrored, document: dict[str, Any], reason: str) -> None:
        """A job that cannot be kept is told of, does not keep others out, and is tried again."""
        good = {"serviceJobId": "good", "serviceJobStatus": "HOLD"}
        pair.wire.before = lambda r: httpx2.Response(
            200, json={"payload": {"jobs": [document, good]} if r.url.path.endswith("serviceJobs") else document}
        )
        progress = await pair.sync()
        assert (progress.taken.new, progress.taken.faults) == (1, 1)
        (fault,) = (await list_mirrors(pair.here.context)).accounts[0].faults
        assert reason in fault.reason
        mended = {"serviceJobId": document["serviceJobId"][:60], "serviceJobStatus": "HOLD"}
        pair.wire.before = lambda r: httpx2.Response(
            200, json={"payload": {"jobs": []} if r.url.path.endswith("serviceJobs") else mended}
        )
        await pair.sync()
        assert mended["serviceJobId"] in await ids(pair)

    async def test_an_id_that_is_taken(self, pair: Mirrored) -> None:
        """A job that lives here is not overwritten by one from elsewhere that has its id."""
        await pair.there.order("both")
        await pair.here.order("both")
        progress = await read_source(pair.here.context, pair.source, US, SELLER)
        assert progress.taken.faults == 1
        own = await pair.here.read(lambda c: jobs.find(c, SELLER, "both"))
        assert own.mirrored_from is None

    async def test_two_at_once(self, pair: Mirrored) -> None:
        """A technician whom the source has in two places at once is there twice, and marked."""
        for job_id in ("one", "two"):
            await pair.there.order(job_id)
            await pair.there.assign(job_id, await pair.there.book(job_id, TEN), ANN)
        await pair.open()
        flags = await pair.here.read(
            lambda c: c.fetch("SELECT overbooked FROM appointment_technicians WHERE seller_id = $1 ORDER BY 1", MIRROR)
        )
        assert [row[0] for row in flags] == [0, 1]

    async def test_moved_and_done(self, pair: Mirrored) -> None:
        """A visit that moved, was worked and has its proof: rows and answer alike."""
        job_id = await pair.there.order()
        first = await pair.there.book(job_id, TEN)
        await pair.open()
        path = f"/service/v1/serviceJobs/{job_id}/appointments/{first}"
        body = {"appointmentTime": {"startTime": "2026-03-03T17:00:00Z"}, "rescheduleReasonCode": "R1"}
        second = (await pair.there.call("POST", path, json=body)).json()["appointmentId"]
        await pair.there.assign(job_id, second, ANN)
        worked = {"startTime": "2026-03-01T17:00:00Z", "endTime": "2026-03-01T18:00:00Z"}
        path = f"/service/v1/serviceJobs/{job_id}/appointments/{second}/fulfillment"
        assert (await pair.there.call("PUT", path, json={"fulfillmentTime": worked})).status_code == 204
        await pair.sync()
        await pair.same(job_id)
        stored = await pair.here.read(lambda c: jobs.find(c, MIRROR, job_id))
        assert [(one.appointment_id, one.status, one.rescheduled_to) for one in stored.appointments] == [
            (first, "CANCELLED", second),
            (second, "COMPLETED", None),
        ]
        assert stored.appointments[1].worked is not None
        assert stored.appointments[1].arrival is None  # the API does not tell it

    async def test_erased_stays_erased(self, pair: Mirrored) -> None:
        """What is personal of a job and was erased here does not come back."""
        await pair.there.order()
        await pair.open()
        await pair.here.write(lambda c: c.execute("UPDATE jobs SET erased_at = 1 WHERE seller_id = $1", MIRROR))
        await pair.there.call("PUT", "/service/v1/serviceJobs/job-1/cancellations?cancellationReasonCode=V1")
        assert (await pair.sync()).taken.left == 1

    async def test_older_news(self, pair: Mirrored) -> None:
        """What was asked before something newer was stored does not replace it."""
        await pair.there.order()
        await pair.open()
        stored = (await pair.here.write(lambda c: jobs.mirrored(c, MIRROR, ["job-1"])))["job-1"]
        old = mirrored_jobs.Telling(ACCOUNT, MIRROR, US, stored.synced_at - 1, pair.here.clock.now())
        document = stored.document.replace(b"PENDING_SCHEDULE", b"HOLD")
        assert (await pair.here.write(lambda c: mirrored_jobs.take_in(c, old, [document]))).left == 1
        assert (await pair.here.read(lambda c: mirrors.source_of(c, MIRROR, "job-1")))[1] == stored.synced_at
