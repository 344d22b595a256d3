"""The demo world keeps its promises, and is the same every time."""

import io
import json
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import apsw
import pytest

from fieldserve.app import opened
from fieldserve.config import Settings
from fieldserve.domain import documents as proof_rules
from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.domain.schedules import scheduled
from fieldserve.operations.documents import read_document
from fieldserve.operations.run import Caller, Context
from fieldserve.operations.slots import get_appointmment_slots_by_job_id
from fieldserve.sandbox.demo import folder, proofs
from fieldserve.sandbox.demo.plan import FATES, midnight, wishes
from fieldserve.sandbox.demo.walk import Life, WalkingClock, walk
from fieldserve.store import jobs, schedules
from fieldserve.wire.jobs import JOB_STATUSES
from tests import demo_world
from tests.proofs import StoppedClock

NOW = midnight(demo_world.DAY)
US, DE = "ANORTHGATEDEMO", "ARHEINWERKDEMO"
MARKETPLACES = {US: "ATVPDKIKX0DER", DE: "A1PA6795UKMFR9"}


@dataclass(frozen=True)
class Made:
    """The world's folder, and its rows."""

    settings: Settings
    connection: apsw.Connection

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return list(self.connection.execute(sql, values))

    def count(self, sql: str, *values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {sql}", *values)[0][0])  # noqa: S608 (written here)

    @asynccontextmanager
    async def context(self, now: int = NOW) -> AsyncIterator[Context]:
        """An open server's context on a copy of the world's database, its clock stopped."""
        with TemporaryDirectory() as place:
            copy = Path(place) / "copy.db"
            self.connection.execute("VACUUM INTO ?", (str(copy),))
            settings = replace(self.settings, database=f"sqlite:///{copy}")
            async with opened(settings, clock=StoppedClock(now), durable=False) as context:
                yield context


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The demo world, as the command makes it."""
    settings = demo_world.copy(tmp_path_factory)
    return Made(settings, apsw.Connection(str(settings.data / "fieldserve.db")))


def caller(seller_id: str) -> Caller:
    """The seller's application."""
    return Caller(seller_id, marketplaces=frozenset({MARKETPLACES[seller_id]}), actor="application:test")


class TestCast:
    """Who and what is there."""

    def test_sellers(self, world: Made) -> None:
        """Two sellers, each in a marketplace of another region."""
        found = {
            seller: json.loads(places) for seller, places in world.rows("SELECT seller_id, marketplaces FROM sellers")
        }
        assert found == {seller: [place] for seller, place in MARKETPLACES.items()}

    def test_stores(self, world: Made) -> None:
        """Five stores in four zones; both kinds of scheduling with each seller."""
        stores = world.rows(
            "SELECT s.seller_id, s.scheduling_type, r.time_zone FROM stores s"
            " JOIN resources r ON r.seller_id = s.seller_id AND r.resource_id = s.store_id"
        )
        assert len(stores) == 5
        assert {zone for _, _, zone in stores} == {
            "America/New_York",
            "America/Chicago",
            "America/Los_Angeles",
            "Europe/Berlin",
        }
        assert len({(seller, kind) for seller, kind, _ in stores}) == 4

    def test_technicians(self, world: Made) -> None:
        """24 technicians with skills, at home within 0.15 degrees of a store of theirs; all but two can be sent."""
        technicians = world.rows(
            "SELECT t.technician_id, t.skills, t.registered + t.background_checked,"
            " min(abs(t.home_latitude - s.latitude) + abs(t.home_longitude - s.longitude)) FROM technicians t"
            " JOIN store_technicians st ON st.seller_id = t.seller_id AND st.technician_id = t.technician_id"
            " JOIN stores s ON s.seller_id = st.seller_id AND s.store_id = st.store_id GROUP BY 1, 2, 3"
        )
        assert len(technicians) == 24
        assert all(json.loads(skills) for _, skills, _, _ in technicians)
        assert max(away for *_, away in technicians) < 0.15
        assert sum(able == 2 for _, _, able, _ in technicians) == 22

    def test_services(self, world: Made) -> None:
        """Twelve services, at the buyers' homes and in the store."""
        services = world.rows("SELECT service_location_type FROM services")
        assert len(services) == 12
        assert Counter(services)[("IN_STORE",)] == 2

    def test_absences(self, world: Made) -> None:
        """Vacations, trainings, travel, and breaks that repeat, as reservations."""
        kinds = dict(world.rows("SELECT type, count(*) FROM reservations GROUP BY type"))
        assert kinds.keys() == {"VACATION", "TRAINING", "TRAVEL", "BREAK"}
        assert kinds["VACATION"] >= 5
        assert world.count("reservations WHERE type = 'BREAK' AND recurs_until IS NULL") == 0

    def test_schedules_repeat(self, world: Made) -> None:
        """Everybody has hours that go on for at least a year."""
        ends = world.rows("SELECT resource_id, min(recurs_until) FROM schedule_records GROUP BY seller_id, resource_id")
        assert len(ends) == 5 + 24
        assert all(end > NOW + 365 * DAY for _, end in ends)


class TestJobs:
    """What has happened to jobs."""

    def test_many(self, world: Made) -> None:
        """2,000 jobs and more, of both sellers and all stores."""
        assert world.count("jobs") >= 2_000
        by_store = dict(world.rows("SELECT store_id, count(*) FROM jobs GROUP BY store_id"))
        assert len(by_store) == 5
        assert min(by_store.values()) >= 150

    @pytest.mark.parametrize("status", JOB_STATUSES)
    def test_every_state(self, world: Made, status: str) -> None:
        """No state is left out."""
        assert world.count("jobs WHERE status = ?", status) >= 10

    def test_span(self, world: Made) -> None:
        """Visits from about 60 days back to about 14 days ahead."""
        first, last = world.rows("SELECT min(start_at), max(start_at) FROM appointments WHERE status <> 'CANCELLED'")[0]
        assert NOW - 64 * DAY < first < NOW - 55 * DAY
        assert NOW + 9 * DAY < last < NOW + 35 * DAY
        assert world.count("appointments WHERE status = 'ACTIVE' AND start_at > ?", NOW) >= 80

    def test_visits(self, world: Made) -> None:
        """Expected arrivals, late starts, overruns, visits that nobody told of, and second visits."""
        done = world.rows(
            "SELECT start_at, end_at, fulfillment_start, fulfillment_end FROM appointments"
            " WHERE fulfillment_end IS NOT NULL"
        )
        assert len(done) >= 1_000
        assert sum(begun > start + 15 * MINUTE for start, _, begun, _ in done) >= 50
        assert sum(ended - begun > 1.1 * (end - start) for start, end, begun, ended in done) >= 50
        assert sum(begun < start for start, _, begun, _ in done) >= 50
        assert world.count("appointments WHERE arrival_start IS NOT NULL") >= 100
        assert world.count("appointments WHERE status = 'ACTIVE' AND end_at < ?", NOW - DAY) >= 3
        assert world.count("appointments WHERE status = 'COMPLETED' AND fulfillment_end IS NULL") >= 5
        seconds = "SELECT service_job_id FROM appointments WHERE status = 'COMPLETED' GROUP BY 1 HAVING count(*) > 1"
        assert world.count(f"({seconds})") >= 3

    def test_changes_of_plan(self, world: Made) -> None:
        """Moves before the visit and after nobody came, cancellations by buyer and provider, holds, releases."""
        moves = [json.loads(after)["reasonCode"] for (after,) in self._events(world, "appointment.rescheduled")]
        assert Counter(moves)["CUSTOMER_REQUEST"] >= 30
        assert Counter(moves)["TECHNICIAN_UNAVAILABLE"] >= 5
        missed = world.count(
            "events e JOIN appointments a ON a.seller_id = e.seller_id"
            " AND a.appointment_id = json_extract(e.before, '$.appointments[0].appointmentId')"
            " WHERE e.kind IN ('appointment.rescheduled', 'job.cancelled') AND e.at > a.start_at"
        )
        assert missed >= 20
        cancelled = [json.loads(after) for (after,) in self._events(world, "job.cancelled")]
        assert sum(one.get("causedBy") == "BUYER" for one in cancelled) >= 20
        assert sum("reasonCode" in one for one in cancelled) >= 20
        for kind, least in (("job.held", 20), ("job.released", 10), ("job.payment_declined", 10)):
            assert len(self._events(world, kind)) >= least, kind

    def test_feedback(self, world: Made) -> None:
        """Buyers gave stars of every kind, most of them five; a few claims, some of them granted."""
        stars = Counter(json.loads(after)["stars"] for (after,) in self._events(world, "job.rated"))
        assert stars.keys() == {1, 2, 3, 4, 5}
        assert 300 <= stars.total() / 2 <= stars[5]
        claims = Counter(json.loads(after)["claim"] for (after,) in self._events(world, "job.claimed"))
        assert claims.keys() == {"NONE", "FILED", "GRANTED"}
        assert claims["GRANTED"] <= claims.total() / 20

    def test_staff(self, world: Made) -> None:
        """A few visits are overbooked, a few of those to come have nobody yet; the rest have somebody able."""
        assert 3 <= world.count("appointment_technicians WHERE overbooked = 1") <= 100
        assert 2 <= world.count("appointments WHERE status = 'ACTIVE' AND waiting = 1 AND start_at > ?", NOW) <= 60
        skills = {
            one: set(json.loads(text)) for one, text in world.rows("SELECT technician_id, skills FROM technicians")
        }
        sent = world.rows(
            "SELECT t.technician_id, v.skills FROM appointment_technicians t"
            " JOIN appointments a ON a.seller_id = t.seller_id AND a.appointment_id = t.appointment_id"
            " JOIN jobs j ON j.seller_id = a.seller_id AND j.service_job_id = a.service_job_id"
            " JOIN services v ON v.seller_id = j.seller_id AND v.asin = j.asin"
        )
        assert all(set(json.loads(asked)) <= skills[one] for one, asked in sent)

    def test_demand(self, world: Made) -> None:
        """Searches that found something and searches that found nothing, and bookings that were refused."""
        found = [json.loads(after)["free"] for (after,) in self._events(world, "slots.searched")]
        assert len(found) >= 2_000
        assert 50 <= sum(free == 0 for free in found) <= len(found) / 2
        assert len(self._events(world, "booking.refused")) >= 10

    def test_payments(self, world: Made) -> None:
        """Each order is paid in the currency of its marketplace."""
        paid = Counter(
            (seller, payment["amount"]["currency"])
            for seller, document in world.rows("SELECT seller_id, document FROM jobs")
            for payment in json.loads(document)["payments"]
        )
        assert paid.keys() == {(US, "USD"), (DE, "EUR")}

    def _events(self, world: Made, kind: str) -> list[tuple[Any, ...]]:
        return world.rows("SELECT after FROM events WHERE kind = ?", kind)


class TestPending:
    """What a newcomer will want to schedule."""

    @pytest.mark.parametrize("seller", [US, DE])
    @pytest.mark.parametrize("hours", [9, 23])
    async def test_can_be_scheduled(self, world: Made, seller: str, hours: int) -> None:
        """At least 30 jobs of a seller wait and have free slots, in every store, early or late on the world's day."""
        waiting = world.rows(
            "SELECT service_job_id, store_id FROM jobs WHERE seller_id = ? AND status = 'PENDING_SCHEDULE'"
            " ORDER BY created_at, service_job_id",
            seller,
        )
        schedulable = Counter[str]()
        first: list[Any] = []
        async with world.context(NOW + hours * HOUR) as context:
            for job_id, store_id in waiting:
                answer = await get_appointmment_slots_by_job_id(
                    context, caller(seller), job_id, MARKETPLACES[seller], None
                )
                report = json.loads(answer)["payload"]
                free = [slot for slot in report["appointmentSlots"] if slot["capacity"] > 0]
                schedulable[store_id] += bool(free)
                first.append((report["schedulingType"], bool(free)))
        assert schedulable.total() >= 30
        assert len(schedulable) == world.count("stores WHERE seller_id = ?", seller)
        assert min(schedulable.values()) >= 5
        assert first[0] == ("REAL_TIME_SCHEDULING", True)
        assert first[-1][1]


class TestProofs:
    """Documents are really there."""

    async def test_documents_open(self, world: Made) -> None:
        """100 and more, attached, and each decrypts to a picture or a page."""
        found = world.rows("SELECT seller_id, upload_destination_id FROM documents WHERE attached_at IS NOT NULL")
        assert len(found) >= 100
        async with world.context() as context:
            for seller_id, document_id in found[::10]:
                document = await read_document(context, seller_id, document_id)
                assert document is not None
                assert proof_rules.has_type(document[1], document[0].content_type)

    def test_picture(self) -> None:
        """A picture is a PNG whose every chunk has its checksum, and whose pixels are all there."""
        file = io.BytesIO(proofs.picture(5))
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
        chunks = {}
        while head := file.read(8):
            length, kind = struct.unpack(">I4s", head)
            chunks[kind] = file.read(length)
            assert struct.unpack(">I", file.read(4))[0] == zlib.crc32(kind + chunks[kind])
        # 24 rows of a filter byte and 24 pixels of three bytes.
        assert len(zlib.decompress(chunks[b"IDAT"])) == 24 * (1 + 24 * 3)

    def test_receipt(self) -> None:
        """A page's cross-reference table points to its objects, and odd characters do not break it."""
        file = proofs.receipt("signed (twice) \\ by 木")
        table = file[int(file.split(b"startxref\n")[1].split()[0]) :].splitlines()
        for number, line in enumerate(table[3:7], 1):
            assert file[int(line[:10]) :].startswith(b"%d 0 obj" % number)
        assert rb"(signed \(twice\) \\ by ?)" in file


class TestHistory:
    """The log tells it as it happened."""

    def test_in_order(self, world: Made) -> None:
        """No event is older than the one before it, and none lies in the future of the world."""
        times = [at for (at,) in world.rows("SELECT at FROM events ORDER BY sequence")]
        assert times == sorted(times)
        assert times[-1] < NOW
        assert times[0] >= NOW - 71 * DAY

    def test_searches_come_before_what_they_led_to(self, world: Made) -> None:
        """Every booking of a job was searched for before, in the log's own order."""
        searched: set[str] = set()
        for kind, subject in world.rows("SELECT kind, subject FROM events ORDER BY sequence"):
            if kind == "slots.searched":
                searched.add(subject)
            elif kind == "appointment.added":
                assert subject in searched

    async def test_documents_are_what_the_tables_say(self, world: Made) -> None:
        """Each job's stored document is the one that its rows make."""
        async with world.context() as context:
            for seller_id, job_id, document in world.rows("SELECT seller_id, service_job_id, document FROM jobs"):
                job = await context.database.read(partial(jobs.find, seller_id=seller_id, service_job_id=job_id))
                assert job is not None
                assert jobs.document(job) == document.encode()

    @pytest.mark.parametrize("store_id", ["store-brooklyn", "store-chicago", "store-berlin"])
    async def test_capacity_is_never_exceeded(self, world: Made, store_id: str) -> None:
        """In a store that schedules in real time, no more visits go on at once than its hours have capacity for."""
        seller_id, zone = world.rows("SELECT seller_id, time_zone FROM resources WHERE resource_id = ?", store_id)[0]
        visits = world.rows(
            "SELECT start_at, end_at FROM appointments WHERE store_id = ? AND status <> 'CANCELLED' ORDER BY 1",
            store_id,
        )
        window = (NOW - 80 * DAY, NOW + 60 * DAY)
        async with world.context() as context:
            of_store = partial(schedules.of_resources, seller_id=seller_id, resource_ids=(store_id,), window=window)
            records = await context.database.read(of_store)
        hours = scheduled(records[store_id], ZoneInfo(zone), window)
        assert visits
        for start, end in visits:
            # Most visits begin where another does, so counting at every start finds the fullest moments.
            at_once = sum(other < end and start < until and other <= start for other, until in visits)
            assert at_once <= hours.minimum(start, start + 1)
            assert hours.minimum(start, end) >= 1


class TestSameAgain:
    """A function of seed and day."""

    def test_plan(self) -> None:
        """The same wishes for the same seed and day, others for others; every fate comes about."""
        plan = wishes(1, date(2025, 5, 5))
        assert plan == wishes(1, date(2025, 5, 5))
        assert plan != wishes(2, date(2025, 5, 5))
        assert plan != wishes(1, date(2025, 5, 6))
        assert {wish.fate for wish in plan} == {*FATES, "PENDING"}
        assert [wish.ordered_at for wish in plan] == sorted(wish.ordered_at for wish in plan)

    @pytest.mark.timeout(400)  # it makes a world or two
    def test_world(self, world: Made, tmp_path: Path) -> None:
        """Made a second time, all rows are the same but for secrets and what is made of them."""
        again = demo_world.make(tmp_path / "again")
        other = Made(again, apsw.Connection(str(again.data / "fieldserve.db")))
        for table in (
            "sellers",
            "resources",
            "stores",
            "technicians",
            "store_technicians",
            "services",
            "jobs",
            "job_keys",
            "schedule_records",
            "reservations",
            "appointments",
            "appointment_technicians",
        ):
            everything = f"SELECT * FROM {table}"  # noqa: S608 (named above)
            assert sorted(other.rows(everything), key=repr) == sorted(world.rows(everything), key=repr), table
        events = "SELECT * FROM events WHERE kind <> 'application.created' ORDER BY sequence"
        assert other.rows(events) == world.rows(events)
        documents = "SELECT upload_destination_id, appointment_id, content_sha256 FROM documents ORDER BY 1"
        assert other.rows(documents) == world.rows(documents)
        for secret in ("SELECT secret_hash FROM applications", "SELECT token_hash FROM tokens"):
            assert not set(other.rows(secret)) & set(world.rows(secret))


class TestFolder:
    """A world is there whole or not at all."""

    def test_whole(self, world: Made) -> None:
        """What was made is found, with its day, and nothing of the making is left."""
        assert folder.look(world.settings.data) == folder.Found("demo", demo_world.DAY)
        names = {path.name for path in world.settings.data.iterdir()} - {"fieldserve.db-wal", "fieldserve.db-shm"}
        assert names == {"fieldserve.db", "credentials.json", "documents", "master.key", "demo.json"}

    def test_nothing(self, tmp_path: Path) -> None:
        """A folder that is not there holds nothing."""
        assert folder.look(tmp_path / "none") == folder.Found("nothing")

    def test_cut_short(self, tmp_path: Path) -> None:
        """A draft is not taken for a world, and the next one clears it away."""
        left = folder.draft(tmp_path)
        (left / "fieldserve.db").write_bytes(b"half")
        assert folder.look(tmp_path) == folder.Found("nothing")
        folder.draft(tmp_path)
        assert not left.exists()

    def test_foreign(self, tmp_path: Path) -> None:
        """A database without the marker is somebody's own."""
        (tmp_path / "fieldserve.db").write_bytes(b"precious")
        assert folder.look(tmp_path) == folder.Found("foreign")

    def test_replaced(self, tmp_path: Path) -> None:
        """A new world takes the place of the old one, its documents and its write-ahead log."""
        for name in ("fieldserve.db", "fieldserve.db-wal", "demo.json", "credentials.json"):
            (tmp_path / name).write_text("{}")
        (tmp_path / "documents").mkdir()
        (tmp_path / "documents" / "old").write_text("old")
        draft = folder.draft(tmp_path)
        (draft / "documents").mkdir()
        for name in ("fieldserve.db", "credentials.json"):
            (draft / name).write_text("{}")
        folder.put_in_place(draft, tmp_path, 7, date(2025, 1, 2))
        assert folder.look(tmp_path) == folder.Found("demo", date(2025, 1, 2))
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "credentials.json",
            "demo.json",
            "documents",
            "fieldserve.db",
        ]
        assert not list((tmp_path / "documents").iterdir())

    def test_credentials(self, world: Made) -> None:
        """For the owner's eyes only, with all that a caller needs, and rewritten with the server's address."""
        told = folder.tell_address(world.settings.data, "http://127.0.0.1:1234")
        file = world.settings.data / "credentials.json"
        assert file.stat().st_mode & 0o777 == 0o600
        assert json.loads(file.read_text()) == told
        assert told["endpoint"] == "http://127.0.0.1:1234"
        assert told["token_endpoint"] == "http://127.0.0.1:1234/auth/o2/token"
        assert told["operator_key"].startswith("fsk_")
        assert (told["reschedule_reason_code"], told["cancellation_reason_code"]) == ("R1", "V1")
        assert [one["seller_id"] for one in told["accounts"]] == [US, DE]
        for account in told["accounts"]:
            assert account.keys() == {
                "seller_id",
                "client_id",
                "client_secret",
                "refresh_token",
                "marketplace_id",
                "stores",
                "services",
                "technicians",
            }
            assert account["refresh_token"].startswith("Atzr|")
            assert {one["time_zone"] for one in account["stores"]} <= {
                zone for (zone,) in world.rows("SELECT time_zone FROM resources")
            }
        assert sum(len(account["technicians"]) for account in told["accounts"]) == 24
        assert sum(len(account["services"]) for account in told["accounts"]) == 12


class TestWalk:
    """The clock goes from deed to deed."""

    async def test_in_time_order(self) -> None:
        """Lives take turns by time, `leaving` comes before the clock moves, and nothing happens beyond the end."""
        clock = WalkingClock(0)
        seen: list[tuple[str, int]] = []

        async def life(name: str, *times: int) -> Life:
            for time in times:
                yield time
                seen.append((name, clock.now()))

        async def leaving() -> None:
            seen.append(("leaving", clock.now()))

        days: list[int] = []
        await walk(clock, [life("a", 1, 5, DAY), life("b", 3, DAY + 2), life("c", 3)], DAY + 1, leaving, days.append)
        assert seen == [
            ("leaving", 0), ("a", 1), ("leaving", 1), ("b", 3), ("c", 3), ("leaving", 3), ("a", 5),
            ("leaving", 5), ("a", DAY), ("leaving", DAY),
        ]  # fmt: skip
        assert days == [DAY]
        assert clock.now() == DAY + 1

    def test_never_back(self) -> None:
        """The clock does not go back."""
        clock = WalkingClock(10)
        clock.move_to(5)
        assert clock.now() == 10
