"""A log to make facts of, without a server: entries as the server writes them, of a made-up but lively world."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldserve.analytics import building
from fieldserve.analytics.entries import Entry
from fieldserve.analytics.home import Home
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant
from fieldserve.wire.times import parse, render

SELLER = "ASELLER"
START = parse("2026-03-02T08:00:00Z")
"""A Monday; clocks change in New York on the next Sunday, in Berlin three weeks later."""


class Log:
    """Entries in order; `at` is the present, which the caller moves."""

    def __init__(self, at: Instant = START):
        self.entries: list[Entry] = []
        self.at = at

    def add(self, kind: str, subject: str, before: Any = None, after: Any = None, seller_id: str = SELLER) -> None:
        self.entries.append(Entry(len(self.entries) + 1, self.at, seller_id, kind, subject, before, after))

    # ---- what operators set up

    def store(self, store_id: str = "store", zone: str = "UTC", happened: str = "created") -> None:
        told = {
            "name": store_id.title(),
            "timeZone": zone,
            "marketplaceId": "ATVPDKIKX0DER",
            "schedulingType": "REAL_TIME_SCHEDULING",
        }
        self.add(f"store.{happened}", store_id, None, told)

    def technician(self, technician_id: str, store_id: str = "store", zone: str = "UTC") -> None:
        told = {
            "timeZone": zone,
            "marketplaceId": "ATVPDKIKX0DER",
            "storeIds": [store_id],
            "skills": ["TV"],
            "serviceLocationTypes": ["IN_HOME"],
            "registered": True,
            "backgroundChecked": True,
        }
        self.add("technician.created", technician_id, None, told)

    def service(self, asin: str = "B000000001") -> None:
        told = {
            "asin": asin,
            "title": "Mount a TV",
            "durationMinutes": 60,
            "noticeMinutes": 120,
            "serviceLocationType": "IN_HOME",
            "skills": ["TV"],
        }
        self.add("service.created", asin, None, told)

    def hours(self, resource_id: str, start: Instant, end: Instant, days: int | None = None, capacity: int = 1) -> None:
        record: dict[str, Any] = {"startTime": render(start), "endTime": render(end), "capacity": capacity}
        if days is not None:
            record["recurrence"] = {"endTime": render(start + days * DAY)}
        self.add("schedule.updated", resource_id, None, {"records": [record]})

    def reserve(self, reservation_id: str, resource_id: str, kind: str, start: Instant, end: Instant) -> dict[str, Any]:
        told = {
            "reservationId": reservation_id,
            "resourceId": resource_id,
            "type": kind,
            "availability": {"startTime": render(start), "endTime": render(end)},
        }
        self.add("reservation.created", reservation_id, None, told)
        return told

    # ---- jobs

    def order(self, job_id: str, *, store_id: str = "store", asin: str = "B000000001", **more: Any) -> "Told":
        ordered = {
            "status": "PENDING_SCHEDULE",
            "marketplaceId": "ATVPDKIKX0DER",
            "storeId": store_id,
            "asin": asin,
            "serviceOrderId": f"order-{job_id}",
            "quantity": 1,
            "serviceLocationType": "IN_HOME",
            "preferredAppointmentTimes": [],
            "payments": [{"amount": {"value": "99.90", "currency": "USD"}, "instrument": "CREDIT_CARD"}],
            **more,
        }
        self.add("job.ordered", job_id, None, ordered)
        return Told(self, job_id, store_id)

    def search(self, start: Instant, free: int, store_id: str = "store", asin: str = "B000000001") -> None:
        told = {"asin": asin, "storeId": store_id, "start": start, "end": start + 7 * DAY, "slots": 20, "free": free}
        self.add("slots.searched", store_id, None, told)


class Told:
    """A job, which tells the log what happens to it."""

    def __init__(self, log: Log, job_id: str, store_id: str):
        self._log, self._job_id, self._store_id = log, job_id, store_id
        self._status = "PENDING_SCHEDULE"
        self._count = 0
        self.visit: dict[str, Any] = {}

    def _tell(self, kind: str, status: str, visits: Sequence[dict[str, Any]], **more: Any) -> None:
        ids = {one["appointmentId"] for one in visits}
        before = [self._before] if self._before and self._before["appointmentId"] in ids else []
        self._log.add(
            kind,
            self._job_id,
            {"status": self._status, "appointments": before},
            {"status": status, "storeId": self._store_id, "appointments": [dict(one) for one in visits], **more},
        )
        self._status = status

    _before: dict[str, Any] | None = None

    def _change(self, **changes: Any) -> dict[str, Any]:
        self._before = dict(self.visit) if self.visit else None
        self.visit = {**self.visit, **changes}
        return self.visit

    def _new(self, start: Instant, length: int, technicians: list[str]) -> dict[str, Any]:
        self._count += 1
        return {
            "appointmentId": f"{self._job_id}_{self._count}",
            "status": "ACTIVE",
            "start": start,
            "end": start + length,
            "technicians": technicians,
        }

    def book(self, start: Instant, length: int = HOUR) -> None:
        self._before, self.visit = None, self._new(start, length, [])
        self._tell("appointment.added", "NOT_SERVICED", [self.visit])

    def refused(self, start: Instant) -> None:
        self._log.add("booking.refused", self._job_id, None, {"start": start, "durationInMinutes": 60})

    def assign(self, *technicians: str, overbooked: Sequence[str] = ()) -> None:
        visit = self._change(technicians=list(technicians))
        self._tell("appointment.assigned", "NOT_SERVICED", [visit], overbooked=list(overbooked))

    def move(self, start: Instant, reason: str = "CUSTOMER_REQUEST", length: int = HOUR) -> None:
        new = self._new(start, length, self.visit["technicians"])
        old = self._change(status="CANCELLED", rescheduledTo=new["appointmentId"])
        self._tell("appointment.rescheduled", "NOT_SERVICED", [old, new], reasonCode=reason)
        self.visit = new

    def announce(self, start: Instant, length: int = HOUR) -> None:
        visit = self._change(arrival=[start, start + length])
        self._tell("appointment.fulfilled", "NOT_SERVICED", [visit])

    def work(self, start: Instant, end: Instant, *, by: Sequence[str] | None = None, documents: int = 0) -> None:
        workers = list(by or self.visit["technicians"])
        visit = self._change(status="COMPLETED", worked=[start, end], workedBy=workers)
        more = {"documents": [f"upload-{one}" for one in range(documents)]} if documents else {}
        self._tell("appointment.fulfilled", "NOT_SERVICED", [visit], **more)

    def complete(self) -> None:
        is_active = self.visit.get("status") == "ACTIVE"
        self._tell("job.completed", "COMPLETED", [self._change(status="COMPLETED")] if is_active else [])

    def end(self, kind: str, status: str, **more: Any) -> None:
        is_active = self.visit.get("status") == "ACTIVE"
        self._tell(kind, status, [self._change(status="CANCELLED")] if is_active else [], **more)

    def rated(self, stars: int, day: str = "2026-03-02") -> None:
        self._log.add("job.rated", self._job_id, None, {"stars": stars, "date": day})

    def claimed(self, claim: str, day: str = "2026-03-02") -> None:
        self._log.add("job.claimed", self._job_id, None, {"claim": claim, "date": day})

    def cancel(self, reason: str = "CUSTOMER_REQUEST") -> None:
        self.end("job.cancelled", "CANCELLED", reasonCode=reason)

    def hold(self) -> None:
        self.end("job.held", "HOLD", causedBy="OPERATOR", cancelledAppointmentId=None)

    def release(self) -> None:
        self._tell("job.released", "PENDING_SCHEDULE", [], causedBy="OPERATOR", cancelledAppointmentId=None)


def lively(seed: int = 1, jobs: int = 120) -> list[Entry]:
    """Weeks of two stores in two zones, in which everything happens that the facts tell of, jobs side by side."""
    rng = random.Random(seed)
    log = Log()
    log.add("seller.created", SELLER, None, {"name": "Seller", "marketplaceIds": ["ATVPDKIKX0DER"], "settings": {}})
    log.service()
    log.service("B000000002")
    stores = {"brooklyn": "America/New_York", "berlin": "Europe/Berlin"}
    team = {store: [f"{store}-{number}" for number in (1, 2, 3)] for store in stores}
    for store, zone in stores.items():
        log.store(store, zone)
        log.hours(store, START, START + 9 * HOUR, 60, capacity=3)
        for technician in team[store]:
            log.technician(technician, store, zone)
            log.hours(technician, START, START + 8 * HOUR, 60)
    lives = [_life(log, rng, number, team) for number in range(jobs)]
    while lives:
        log.at += rng.randrange(90) * MINUTE
        life = rng.choice(lives[:15])
        if next(life, "ended") == "ended":
            lives.remove(life)
        if rng.random() < 0.1:
            log.search(log.at + DAY, rng.choice([0, 0, 3]), rng.choice(list(stores)), "B000000001")
        if rng.random() < 0.04:
            who = rng.choice(team[rng.choice(list(stores))])
            start = log.at + rng.randrange(72) * HOUR
            told = log.reserve(
                f"r{len(log.entries)}", who, rng.choice(["TRAVEL", "BREAK", "APPOINTMENT"]), start, start + HOUR
            )
            if rng.random() < 0.4:
                log.at += rng.randrange(100) * HOUR // 4
                log.add("reservation.cancelled", told["reservationId"], told, None)
        if rng.random() < 0.01:
            log.hours(rng.choice(team["berlin"]), log.at + DAY, log.at + DAY + 5 * HOUR, 3)
    log.store("berlin", "Europe/Athens", "updated")
    return log.entries


def _life(log: Log, rng: random.Random, number: int, team: dict[str, list[str]]) -> Any:
    store = rng.choice(list(team))
    wish = {"startTime": render(log.at + 2 * DAY), "durationInMinutes": 300}
    payments = [
        {
            "amount": {"value": f"{rng.randrange(1, 20000) / 100}", "currency": rng.choice(["USD", "EUR"])},
            "instrument": way,
        }
        for way in rng.sample(["CREDIT_CARD", "GIFT_CARD"], rng.choice([1, 1, 2]))
    ]
    asin = rng.choice(["B000000001", "B000000002"])
    job = log.order(f"job-{number}", store_id=store, asin=asin, preferredAppointmentTimes=[wish], payments=payments)
    yield
    if rng.random() < 0.2:
        job.refused(log.at + DAY)
        yield
    if rng.random() < 0.1:
        job.hold()
        yield
        job.release()
        yield
    if rng.random() < 0.08:
        return
    job.book(log.at + rng.randrange(1, 9) * DAY // 2)
    yield
    if rng.random() < 0.9:
        workers = rng.sample(team[store], rng.choice([1, 1, 1, 2]))
        job.assign(*workers, overbooked=workers[:1] if rng.random() < 0.1 else ())
        yield
    if rng.random() < 0.25:
        job.move(job.visit["start"] + DAY, rng.choice(["CUSTOMER_REQUEST", "TECHNICIAN_UNAVAILABLE", "WEATHER"]))
        yield
    if rng.random() < 0.12:
        job.cancel(rng.choice(["CUSTOMER_REQUEST", "NO_TECHNICIAN"]))
        return
    start = job.visit["start"]
    if rng.random() < 0.6:
        job.announce(start, HOUR)
        yield
    if rng.random() < 0.06:
        job.end("job.payment_declined", "PAYMENT_DECLINED", causedBy="BUYER", cancelledAppointmentId=None)
        return
    log.at = max(log.at, start + 2 * HOUR)
    if rng.random() < 0.9:
        begun = start + rng.randrange(-15, 90) * MINUTE
        others = [rng.choice(team[store])] if rng.random() < 0.2 or not job.visit["technicians"] else None
        job.work(begun, begun + rng.randrange(20, 120) * MINUTE, by=others, documents=rng.choice([0, 1, 1]))
        yield
    if rng.random() < 0.9:
        job.complete()
    if number % 3 == 0:
        yield
        job.rated(1 + number % 5)
        job.claimed(("NONE", "FILED", "GRANTED")[number % 9 // 3])


def histories(entries: Sequence[Entry], until: int) -> dict[tuple[str, str], list[Entry]]:
    """All that the log has up to a place about each job."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for one in entries:
        if one.sequence <= until and one.is_of_job:
            found.setdefault((one.seller_id, one.subject), []).append(one)
    return found


def build(folder: Path, entries: Sequence[Entry], cuts: Sequence[int] = ()) -> Home:
    """The facts of the log in the folder, in steps that end behind the cuts."""
    home = Home(folder)
    places = [*sorted(set(cuts)), len(entries)]
    done = home.manifest.watermark
    for place in places:
        some = [one for one in entries[:place] if one.sequence > done]
        if some:
            about = {(one.seller_id, one.subject) for one in some if one.is_of_job}
            known = histories(entries, some[-1].sequence)
            building.step(home, some, {key: known[key] for key in about})
            done = some[-1].sequence
    return home
