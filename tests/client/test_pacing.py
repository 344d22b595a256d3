"""The client keeps to the usage plan: as fast as it allows, and not one request more."""

import asyncio
import threading
from typing import Any

import httpx2
import pytest

from fieldserve.client import AsyncServices, SellingApiRequestThrottledException
from fieldserve.client.pacing import Account, Bucket, account
from fieldserve.wire.operations import BY_ID
from tests.client.calling import FakeClock, Recorder, answering, connect, credentials, settle

LISTING = BY_ID["getServiceJobs"]  # 10 a second, 40 at once


class Plan:
    """The server's side: a bucket that starts full and refuses what is too much."""

    def __init__(self, clock: FakeClock, rate: float, burst: float):
        self._clock, self._rate, self._burst = clock, rate, burst
        self._left, self._at = burst, clock.time
        self.refused = 0

    def take(self) -> bool:
        now = self._clock.time
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            self.refused += 1
            return False
        self._left -= 1
        return True


def listing(plan: Plan, pages: int) -> Recorder:
    """Pages of 20 jobs, as fast as the plan allows."""
    count = 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal count
        if not plan.take():
            return httpx2.Response(429, json={"errors": [{"code": "QuotaExceeded", "message": "Too many"}]})
        count += 1
        jobs = [{"serviceJobId": f"{count}-{number}"} for number in range(20)]
        page: dict[str, Any] = {"jobs": jobs} | ({"nextPageToken": str(count)} if count < pages else {})
        return httpx2.Response(200, json={"payload": page}, headers={"x-amzn-RateLimit-Limit": "10.0"})

    return Recorder(answer)


async def test_ten_thousand_jobs(kind: Any) -> None:
    """500 pages at 98 % of the plan's rate or better, and never a 429.

    The plan lets 40 through at once and then 10 a second: 500 take (500 − 40) / 10 = 46 s at best."""
    clock = FakeClock()
    plan = Plan(clock, 10, 40)
    services = connect(kind, listing(plan, 500), clock)
    jobs = await settle(services.iter_service_jobs(createdAfter="2026-01-01T00:00:00Z"))
    assert len({job.service_job_id for job in jobs}) == 10_000
    assert plan.refused == 0
    assert (clock.time - 1000) * 0.98 <= 46


class TestBucket:
    """Times are worked out by hand; a tenth of the burst stays with the server, and a thousandth of the rate."""

    def test_burst(self) -> None:
        """Of a burst of 20 the first 18 go at once, the next after 1 / (5 × 0.999) = 0.2002 s."""
        bucket = Bucket(5, 20)
        waits = [bucket.reserve(0) for _ in range(20)]
        assert waits[:18] == [0] * 18
        assert waits[18:] == [pytest.approx(0.2002, abs=0.0001), pytest.approx(0.4004, abs=0.0001)]

    def test_it_fills_again(self) -> None:
        """After a second of rest five more go, and never more than the burst."""
        bucket = Bucket(5, 20)
        for _ in range(18):
            bucket.reserve(0)
        assert [bucket.reserve(1.01) > 0 for _ in range(6)] == [False] * 5 + [True]
        assert [bucket.reserve(1000) > 0 for _ in range(19)] == [False] * 18 + [True]

    def test_smallest(self) -> None:
        """assignAppointmentResources has 1 a second and 2 at once: one goes, the other waits."""
        bucket = Bucket(1, 2)
        assert [round(bucket.reserve(0), 2) for _ in range(3)] == [0, 1.0, 2.0]

    def test_the_server_tells_another_rate(self) -> None:
        """From then on that rate counts; nonsense does not."""
        told = Account()
        bucket = told.bucket(LISTING)
        for text in ("2.0", "0", "nan", "fast"):
            told.heard(LISTING, 200, {"x-amzn-RateLimit-Limit": text}, 0)
        for _ in range(36):
            assert bucket.reserve(0) == 0
        assert bucket.reserve(0) == pytest.approx(1 / (2 * 0.999))

    def test_refused(self) -> None:
        """A 429 empties the bucket and halves what is believed of the burst, once for all answers of a second."""
        bucket = Bucket(10, 40)
        bucket.refused(100)
        bucket.refused(100.5)
        assert bucket.reserve(100.5) == pytest.approx(1 / 9.99)
        waits = [bucket.reserve(200) for _ in range(19)]
        assert waits[:18] == pytest.approx([0] * 18)  # 36 / 2
        assert waits[18] == pytest.approx(1 / 9.99)

    def test_given_back(self) -> None:
        """A place that was not used is free again."""
        bucket = Bucket(1, 2)
        bucket.reserve(0)
        bucket.reserve(0)
        bucket.give_back()
        assert bucket.reserve(0) == pytest.approx(1 / 0.999)

    def test_threads(self) -> None:
        """However many threads ask, places are handed out once each."""
        bucket = Bucket(10, 40)
        waits: list[float] = []

        def take() -> None:
            waits.extend(bucket.reserve(0) for _ in range(50))

        threads = [threading.Thread(target=take) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sum(wait == 0 for wait in waits) == 36
        assert max(waits) == pytest.approx((400 - 36) / 9.99)


class TestShared:
    """Who shares a plan shares the bucket."""

    async def test_clients(self, kind: Any) -> None:
        """Two clients with the same credentials have one bucket: 36 requests together, not each."""
        clock, shared = FakeClock(), credentials()
        recorder = answering(200, {"payload": {"jobs": []}})
        clients = [connect(kind, recorder, clock, credentials=shared) for _ in range(2)]
        for number in range(37):
            await settle(clients[number % 2].get_service_jobs(createdAfter="2026-01-01T00:00:00Z"))
        assert len(clock.slept) == 1

    def test_others(self) -> None:
        """Another endpoint, application or seller has another plan."""
        base = account("https://a", "client", "seller")
        assert account("https://a", "client", "seller") is base
        for other in (
            ("https://b", "client", "seller"),
            ("https://a", "other", "seller"),
            ("https://a", "client", None),
        ):
            assert account(*other) is not base

    async def test_another_process_drinks_along(self, kind: Any) -> None:
        """A bucket that somebody else has emptied costs a 429 or two, and then the rate is kept to."""
        clock = FakeClock()
        plan = Plan(clock, 10, 40)
        plan._left = 0
        recorder = listing(plan, 60)
        services = connect(kind, recorder, clock)
        await settle(services.iter_service_jobs(createdAfter="2026-01-01T00:00:00Z"))
        assert plan.refused <= 3

    async def test_refused_to_the_end(self, kind: Any) -> None:
        """Three tries, and then the exception."""
        clock, recorder = FakeClock(), answering(429, {"errors": [{"code": "QuotaExceeded", "message": "Too many"}]})
        with pytest.raises(SellingApiRequestThrottledException):
            await settle(connect(kind, recorder, clock).get_service_jobs(createdAfter="2026-01-01T00:00:00Z"))
        assert len(recorder.requests) == 3

    async def test_cancelled_while_it_waits(self) -> None:
        """A task that gives up leaves its place to the others."""
        services = connect(AsyncServices, answering(200, {"payload": {}}))
        await services.assign_appointment_resources("j", "a", resources=[{}])
        waiting = asyncio.create_task(services.assign_appointment_resources("j", "a", resources=[{}]))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        bucket = services._account.bucket(BY_ID["assignAppointmentResources"])
        assert bucket.reserve(services._http.clock.now()) < 1
