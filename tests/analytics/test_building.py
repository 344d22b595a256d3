"""Facts of a log: the same however it is cut, whatever happens between two steps, and right by hand."""

import random
from pathlib import Path
from typing import Any

import pytest

from fieldserve.analytics import home
from fieldserve.analytics.facts import FACTS, TABLES
from fieldserve.analytics.home import Home, Manifest, read_manifest
from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.wire.times import parse
from tests.analytics.log import START, Log, build, lively


def files_of(manifest: Manifest | None) -> dict[str, list[tuple[str | None, str]]]:
    assert manifest is not None
    return {name: [(one.day, one.sha256) for one in files] for name, files in manifest.tables.items()}


def rows(facts: Home, name: str) -> list[dict[str, Any]]:
    return [row for day in [None, *facts.days()] for row in facts.read(name, day).to_pylist()]


class TestSteps:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_cuts(self, tmp_path: Path, seed: int) -> None:
        """Wherever the log is cut, the files are the same to the byte as those of one step from zero."""
        entries = lively(seed)
        cuts = random.Random(seed).sample(range(1, len(entries)), 12)
        whole = build(tmp_path / "whole", entries)
        assert files_of(build(tmp_path / "cut", entries, cuts).manifest) == files_of(whole.manifest)
        assert all(whole.manifest.tables[one.name] for one in FACTS)

    def test_crash(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A step that ends in its middle leaves the facts as they were, and the next one is as if it had not been."""
        entries = lively(4, jobs=60)
        half = len(entries) // 2
        build(tmp_path / "facts", entries[:half])
        before = (tmp_path / "facts" / "manifest.json").read_bytes()
        for moment in ("replace", "commit"):
            with monkeypatch.context() as patched:
                puts = iter(range(6))
                put = Home._put

                def dying(self: Home, path: str, content: bytes, put: Any = put, puts: Any = puts) -> None:
                    if next(puts, None) is None or path == home.MANIFEST:
                        raise KeyboardInterrupt
                    put(self, path, content)

                patched.setattr(Home, "_put", dying)
                if moment == "commit":
                    puts = iter(range(10_000))
                with pytest.raises(KeyboardInterrupt):
                    build(tmp_path / "facts", entries)
            assert (tmp_path / "facts" / "manifest.json").read_bytes() == before
        after = build(tmp_path / "facts", entries)
        assert files_of(after.manifest) == files_of(build(tmp_path / "whole", entries).manifest)

    def test_readers_keep_their_files(self, tmp_path: Path) -> None:
        """What a manifest names is there until the refresh after the next, and then only what counts."""
        entries = lively(5, jobs=40)
        third = len(entries) // 3
        folder = tmp_path / "facts"
        build(folder, entries[:third])
        first = read_manifest(folder)
        build(folder, entries[: 2 * third])
        assert first is not None
        assert all((folder / path).exists() for path in first.files)
        last = build(folder, entries).manifest
        there = {one.relative_to(folder).as_posix() for one in folder.rglob("*.parquet")}
        assert there == {*last.files, *(one for one in last.stale if one.endswith(".parquet"))}

    def test_late_event(self, tmp_path: Path) -> None:
        """An event that comes into the log late, with an earlier time, counts at its own time."""
        log = Log()
        log.store()
        log.at = START + 3 * DAY
        log.order("new")
        log.at = START + DAY
        log.order("late")
        facts = build(tmp_path, log.entries, [2])
        assert {row["service_job_id"]: row["local_date"].day for row in rows(facts, "job_facts")} == {
            "new": 5,
            "late": 3,
        }
        assert facts.manifest.as_of == START + 3 * DAY

    def test_another_version(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Facts with other columns are not mixed with: they are built anew."""
        log = Log()
        log.store()
        log.order("job")
        build(tmp_path, log.entries)
        monkeypatch.setattr(home, "SCHEMA_VERSION", 99)
        assert Home(tmp_path).manifest.watermark == 0


class TestAppointments:
    def test_fulfilled(self, tmp_path: Path) -> None:
        """Times as promised, told and done, with what lies between them."""
        log = Log()
        log.store(zone="America/New_York")
        job = log.order("job")
        log.at += HOUR
        job.book(START + DAY, 2 * HOUR)  # Tuesday 3 March, 08:00Z: 03:00 in New York
        job.assign("ann", "bob", overbooked=["bob"])
        log.at += HOUR
        job.announce(START + DAY + 30 * MINUTE)
        log.at += 2 * DAY
        job.work(START + DAY + 45 * MINUTE, START + DAY + 165 * MINUTE, by=["bob", "cid"], documents=2)
        [row] = rows(build(tmp_path, log.entries), "appointment_facts")
        assert (row["local_date"].isoformat(), row["local_hour"], row["weekday"]) == ("2026-03-03", 3, 2)
        assert row["lead_minutes"] == 23 * 60  # booked an hour after the start, a day ahead of it
        assert row["start_offset_minutes"] == 45
        assert row["end_offset_minutes"] == 45  # 165 of 120 minutes
        assert row["arrival_offset_minutes"] == 15  # 45 − 30
        assert row["on_site_minutes"] == 120
        assert (row["outcome"], row["broken_by"], row["proof_documents"], row["overbooked"]) == (
            "FULFILLED",
            None,
            2,
            True,
        )
        team = rows(Home(tmp_path), "appointment_technicians")
        # Bob was assigned and came, Cid came without; Ann did not work on it.
        assert [(one["technician_id"], one["assigned"], one["worked"], one["overbooked"]) for one in team] == [
            ("bob", True, True, True),
            ("cid", False, True, False),
        ]

    @pytest.mark.parametrize(
        ("reason", "by"), [("CUSTOMER_REQUEST", "BUYER"), ("WEATHER", "OTHER"), ("TECHNICIAN_UNAVAILABLE", "SELLER")]
    )
    def test_rescheduled(self, tmp_path: Path, reason: str, by: str) -> None:
        """The old appointment says who broke it, how long before, and where it went."""
        log = Log()
        log.store()
        job = log.order("job")
        job.book(START + DAY)
        log.at += 22 * HOUR
        job.move(START + 3 * DAY, reason)
        old, new = rows(build(tmp_path, log.entries), "appointment_facts")
        assert (old["outcome"], old["broken_by"], old["reason_code"]) == ("RESCHEDULED", by, reason)
        assert old["notice_minutes"] == 120  # 24 h − 22 h
        assert (old["rescheduled_to"], new["rescheduled_from"]) == ("job_2", "job_1")
        assert (new["outcome"], new["visit_number"]) == ("OPEN", 2)

    def test_mirrored(self, tmp_path: Path) -> None:
        """Of a mirrored job only what its source tells is known; the rest is null, not on time."""
        log = Log()
        visit = {
            "appointmentId": "a",
            "status": "CANCELLED",
            "start": START,
            "end": START + HOUR,
            "technicians": ["ann"],
        }
        told = {
            "status": "CANCELLED",
            "marketplaceId": "ATVPDKIKX0DER",
            "storeId": "elsewhere",
            "asin": "B000000001",
            "createdAt": START - DAY,
            "appointments": [visit],
            "asOf": START,
        }
        log.add("job.observed", "job", None, told)
        [row] = rows(build(tmp_path, log.entries), "appointment_facts")
        unknown = (
            "booked_at",
            "ended_at",
            "broken_by",
            "notice_minutes",
            "overbooked",
            "proof_attached",
            "assigned_at",
        )
        assert {name: row[name] for name in unknown} == dict.fromkeys(unknown)
        assert (row["mirrored"], row["outcome"], row["time_zone"]) == (True, "CANCELLED", "UTC")
        [job] = rows(Home(tmp_path), "job_facts")
        assert (job["closed_at"], job["waited_minutes"], job["ended_by"]) == (None, None, None)
        assert job["ordered_at"].isoformat() == "2026-03-01T08:00:00"


class TestJobs:
    def test_waits(self, tmp_path: Path) -> None:
        """A job waits until it is booked, and again from when it is released."""
        log = Log()
        log.store()
        job = log.order("job")
        log.at += 30 * MINUTE
        job.book(START + DAY)
        job.hold()
        log.at += HOUR
        job.release()
        facts = build(tmp_path, log.entries)
        [row] = rows(facts, "job_facts")
        assert (row["waited_minutes"], row["hold_count"], row["status"]) == (30, 1, "PENDING_SCHEDULE")
        assert row["waiting_since"].isoformat() == "2026-03-02T09:30:00"
        spans = [
            (one["kind"], one["wanted_minutes"])
            for one in rows(facts, "demand_facts")
            if one["kind"] in ("WAIT", "HOLD")
        ]
        assert sorted(spans, key=str) == [("HOLD", 60), ("WAIT", 30), ("WAIT", None)]

    def test_preferred(self, tmp_path: Path) -> None:
        """A preferred window is met where the first appointment starts in it: its end is not in it."""
        log = Log()
        log.store()
        window = {"startTime": "2026-03-03T08:00:00Z", "durationInMinutes": 60}
        log.order("met", preferredAppointmentTimes=[window]).book(parse("2026-03-03T08:59:00Z"))
        log.order("missed", preferredAppointmentTimes=[window]).book(parse("2026-03-03T09:00:00Z"))
        log.order("waits", preferredAppointmentTimes=[window])
        met = {row["service_job_id"]: row["preferred_met"] for row in rows(build(tmp_path, log.entries), "job_facts")}
        assert met == {"met": True, "missed": False, "waits": None}

    @pytest.mark.parametrize("how", ["PENDING", "EARNED", "DECLINED", "LOST"])
    def test_payments(self, tmp_path: Path, how: str) -> None:
        """A payment is earned when its job is completed, and lost when it is cancelled, to the cent."""
        log = Log()
        log.store()
        job = log.order("job", payments=[{"amount": {"value": "0.1", "currency": "USD"}, "instrument": "CARD"}])
        job.book(START + DAY)
        if how == "EARNED":
            job.complete()
        elif how == "DECLINED":
            job.end("job.payment_declined", "PAYMENT_DECLINED", causedBy="BUYER")
        elif how == "LOST":
            job.cancel()
        [row] = rows(build(tmp_path, log.entries), "payment_facts")
        assert (str(row["amount"]), row["state"], row["settled_at"] is None) == ("0.1000", how, how == "PENDING")


class TestCapacity:
    def hours(self, facts: Home, resource_id: str) -> dict[tuple[str, int], list[tuple[float, ...]]]:
        names = ("scheduled", "reserved", "travel", "encumbered", "available")
        found: dict[tuple[str, int], list[tuple[float, ...]]] = {}
        for row in rows(facts, "capacity_facts"):
            if row["resource_id"] == resource_id:
                at = (row["local_date"].isoformat(), row["local_hour"])
                found.setdefault(at, []).append(tuple(row[f"{name}_minutes"] for name in names))
        return found

    def test_an_hour(self, tmp_path: Path) -> None:
        """A store with three at once, a visit of half an hour, ten minutes of travel."""
        log = Log()
        log.store()
        log.hours("store", START, START + 2 * HOUR, capacity=3)
        log.reserve("r", "store", "TRAVEL", START + 50 * MINUTE, START + HOUR)
        log.at -= DAY
        log.order("job").book(START + 30 * MINUTE, HOUR)
        # 3 × 60; of them 10 travel and 30 of the visit. The second hour has the visit's other half.
        assert self.hours(build(tmp_path, log.entries), "store") == {
            ("2026-03-02", 8): [(180, 10, 10, 30, 140)],
            ("2026-03-02", 9): [(180, 0, 0, 30, 150)],
        }

    def test_called_off(self, tmp_path: Path) -> None:
        """A visit that is cancelled in its course took its time until then; one cancelled before took none."""
        log = Log()
        log.store()
        log.hours("store", START, START + 2 * HOUR)
        before, meanwhile = log.order("before"), log.order("meanwhile")
        log.at -= HOUR
        before.book(START)
        meanwhile.book(START + HOUR)
        before.cancel()
        log.at = START + HOUR + 15 * MINUTE
        meanwhile.cancel()
        found = self.hours(build(tmp_path, log.entries, [6]), "store")
        assert [found["2026-03-02", hour][0][3] for hour in (8, 9)] == [0, 15]

    def test_two_technicians(self, tmp_path: Path) -> None:
        """Both technicians of a visit are taken by it; one who is replaced is free again, in steps, too."""
        log = Log()
        log.store()
        for one in ("ann", "bob", "cid"):
            log.technician(one)
            log.hours(one, START, START + HOUR)
        log.at -= DAY
        job = log.order("job")
        job.book(START)
        job.assign("ann", "bob")
        job.assign("ann", "cid")
        facts = build(tmp_path, log.entries, range(7, len(log.entries)))
        taken = {one: self.hours(facts, one)["2026-03-02", 8][0][3] for one in ("ann", "bob", "cid")}
        assert taken == {"ann": 60, "bob": 0, "cid": 60}

    def test_clocks(self, tmp_path: Path) -> None:
        """An hour that clocks repeat is there twice, one that they skip is missing; wall-clock hours stay."""
        for month_day, expected in (("11-01", {1: 2, 2: 1}), ("03-08", {1: 1, 3: 1})):
            log = Log(parse(f"2026-{month_day}T00:00:00Z") - 3 * DAY)
            log.store("store", "America/New_York")
            # From midnight to 04:00 of New York, day by day; 05:00Z or 04:00Z
            start = log.at + (4 if month_day == "11-01" else 5) * HOUR
            log.hours("store", start, start + 4 * HOUR, 10)
            found = self.hours(build(tmp_path / month_day, log.entries), "store")
            day = {hour: len(found.get((f"2026-{month_day}", hour), [])) for hour in (1, 2, 3)}
            assert {hour: day[hour] for hour in expected} == expected
            assert sum(sum(one[0] for one in found[at]) for at in found if at[0] == f"2026-{month_day}") == (
                300 if month_day == "11-01" else 180
            )

    def test_zone_moves(self, tmp_path: Path) -> None:
        """A store that moves to another zone takes its hours along, also those of the past."""
        log = Log()
        log.store("store", "Europe/Berlin")
        log.hours("store", START, START + HOUR, 3)
        log.at += DAY
        log.store("store", "Europe/Athens", "updated")
        found = self.hours(build(tmp_path, log.entries, [2]), "store")
        assert {hour for _, hour in found} == {10}  # 08:00Z in Athens; the schedule repeats that time of the clock


def test_every_column_is_written(tmp_path: Path) -> None:
    """The tables have the columns that are declared, and in a lively world each has a value somewhere."""
    facts = build(tmp_path, lively())
    for name, table in TABLES.items():
        content = rows(facts, name)
        assert set(content[0]) == set(table.names)
        for one in table.columns:
            has_value = any(row[one.name] is not None for row in content)
            assert has_value, f"{name}.{one.name} is always null"
            if not one.null:
                assert all(row[one.name] is not None for row in content), f"{name}.{one.name} is null somewhere"


def test_only_one_refreshes(tmp_path: Path) -> None:
    """A second process that wants to refresh is told."""
    with home.held(tmp_path), pytest.raises(home.Busy, match="another process"), home.held(tmp_path):
        pass
