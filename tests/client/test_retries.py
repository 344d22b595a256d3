"""Asking again: only where it is safe, after a random while, and never much more than what succeeds."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from fieldserve.client import (
    Retries,
    SellingApiConnectionException,
    SellingApiException,
    SellingApiServerException,
    SellingApiTemporarilyUnavailableException,
    SellingApiTimeoutException,
    idempotency_key,
)
from fieldserve.client.retries import Attempts, Budget, may_repeat, read
from fieldserve.wire.operations import BY_ID, OPERATIONS
from tests.client.calling import CALLS, FakeClock, Recorder, answering, connect, settle

READS = {one.id for one in OPERATIONS if one.id.startswith("get")}
AGAIN = READS | {"assignAppointmentResources", "createServiceDocumentUploadDestination"}


async def tries(kind: Any, operation_id: str, answer: Any, **given: Any) -> tuple[int, Exception]:
    """How often a call is sent before it fails, and how it fails."""
    recorder = Recorder(answer)
    services = connect(kind, recorder, FakeClock(), **given)
    ids, values = CALLS[operation_id]
    with pytest.raises(SellingApiException) as failed:
        await settle(getattr(services, BY_ID[operation_id].name)(*ids, **values))
    return len(recorder.requests), failed.value


def breaking(fault: type[httpx2.TransportError]) -> Any:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise fault("broken")

    return answer


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.id)
class TestOperation:
    """What is repeated where nobody knows whether it was carried out."""

    async def test_no_answer(self, kind: Any, operation: Any) -> None:
        """Reads, and the two writes that are the same twice as once."""
        count, failed = await tries(kind, operation.id, breaking(httpx2.ReadTimeout))
        assert count == (3 if operation.id in AGAIN else 1)
        assert isinstance(failed, SellingApiTimeoutException)
        assert isinstance(failed.__cause__, httpx2.ReadTimeout)

    async def test_server_error(self, kind: Any, operation: Any) -> None:
        """A 500 may come after the deed."""
        count, failed = await tries(kind, operation.id, lambda _: httpx2.Response(500))
        assert count == (3 if operation.id in AGAIN else 1)
        assert isinstance(failed, SellingApiServerException)

    async def test_not_sent(self, kind: Any, operation: Any) -> None:
        """What never reached the server is sent again, whatever it is."""
        count, failed = await tries(kind, operation.id, breaking(httpx2.ConnectError))
        assert count == 3
        assert type(failed) is SellingApiConnectionException
        assert (failed.status, failed.amzn_code) == (0, "ConnectError")

    async def test_idempotency_keys(self, kind: Any, operation: Any) -> None:
        """With keys every write is repeated, all its tries under one key; reads have none."""
        keys = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            keys.append(request.headers.get("idempotency-key"))
            raise httpx2.ReadError("broken")

        count, _ = await tries(kind, operation.id, answer, retries=Retries(idempotency_keys=True))
        assert count == 3
        assert len(set(keys)) == 1
        assert (keys[0] is not None) == operation.changes

    async def test_a_key_of_the_callers(self, kind: Any, operation: Any) -> None:
        """Within `idempotency_key` a write carries that key, and is repeated; reads and what comes after do not."""
        keys = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            keys.append(request.headers.get("idempotency-key"))
            raise httpx2.ReadError("broken")

        with idempotency_key("order-17"):
            await tries(kind, operation.id, answer)
        assert keys == (["order-17"] if operation.changes else [None]) * 3
        keys.clear()
        await tries(kind, operation.id, answer)
        assert set(keys) == {None}


class TestPolicy:
    """How many, and how long between."""

    async def test_success_after_a_fault(self, kind: Any) -> None:
        """What passes is waited for."""
        answers = iter([httpx2.Response(503), httpx2.Response(200, json={"payload": {"serviceJobId": "j"}})])
        services = connect(kind, Recorder(lambda _: next(answers)), FakeClock())
        assert (await settle(services.get_service_job_by_service_job_id("j"))).serviceJobId == "j"

    @pytest.mark.parametrize(("retries", "count"), [(0, 1), (1, 2), (2, 3), (None, 3)])
    async def test_number(self, kind: Any, retries: int | None, count: int) -> None:
        """`retries` are the tries after the first."""
        found, failed = await tries(kind, "getServiceJobs", lambda _: httpx2.Response(503), retries=retries)
        assert found == count
        assert isinstance(failed, SellingApiTemporarilyUnavailableException)

    def test_no_more_than_two(self) -> None:
        """Three requests for one are the most."""
        with pytest.raises(ValueError, match="from 0 to 2"):
            read(3)

    @pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 415, 422])
    async def test_refusals_stand(self, kind: Any, status: int) -> None:
        """What is refused for a reason is refused the next time, too."""
        count, failed = await tries(kind, "getServiceJobs", lambda _: httpx2.Response(status))
        assert count == 1
        assert isinstance(failed, SellingApiException)
        assert (failed.status, failed.code) == (status, status)

    def test_full_jitter(self) -> None:
        """From nothing to 0.25 s, then to 0.5 s; never the same for everybody."""
        firsts, seconds = [], []
        for _ in range(200):
            attempts = Attempts(Retries(), Budget(), True)
            firsts.append(attempts.after_answer(503, {}) or 0)
            seconds.append(attempts.after_answer(503, {}) or 0)
            assert attempts.after_answer(503, {}) is None
        assert 0 <= min(firsts) < 0.05
        assert 0.2 < max(firsts) <= 0.25
        assert min(seconds) < 0.1
        assert 0.4 < max(seconds) <= 0.5

    def test_retry_after(self) -> None:
        """Seconds or a date: that long at least. What is too long is not waited for."""
        soon = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
        for text, least in (("3", 3), (soon, 8.5), ("soon", 0), ("-5", 0)):
            wait = Attempts(Retries(), Budget(), True).after_answer(429, {"Retry-After": text})
            assert wait is not None
            assert least <= wait <= max(least, 10) + 0.25
        assert Attempts(Retries(), Budget(), True).after_answer(429, {"Retry-After": "21"}) is None

    def test_safe_operations(self) -> None:
        """The whole list."""
        assert {one.id for one in OPERATIONS if may_repeat(one, None)} == AGAIN


class TestBudget:
    """Amplification: requests sent for each that was asked."""

    async def test_while_all_fails(self, kind: Any) -> None:
        """200 calls that fail cost 200 requests and the 10 retries saved up: 1.05 for one."""
        clock, recorder = FakeClock(), answering(503)
        services = connect(kind, recorder, clock)
        for _ in range(200):
            with pytest.raises(SellingApiTemporarilyUnavailableException):
                await settle(services.get_service_job_by_service_job_id("j"))
        assert len(recorder.requests) == 210

    async def test_while_some_fail(self, kind: Any) -> None:
        """Of every four requests one fails: all calls succeed but for bad luck, and one earns a fifth of a retry."""
        count = 0

        def answer(_: httpx2.Request) -> httpx2.Response:
            nonlocal count
            count += 1
            return httpx2.Response(503) if count % 8 == 0 else httpx2.Response(200, json={"payload": {}})

        services = connect(kind, Recorder(answer), FakeClock())
        for _ in range(350):
            await settle(services.get_service_job_by_service_job_id("j"))
        # Seven of eight succeed: 350 calls are 400 requests less the last one's.
        assert 399 <= count <= 400

    def test_never_more_than_three(self) -> None:
        """Whatever the outcomes, a call has three requests at most, and all together 10 + a fifth of the successes."""
        budget, spent = Budget(), 0
        while budget.spend():
            spent += 1
        assert spent == 10
        for _ in range(50):
            budget.earn()
        while budget.spend():
            spent += 1
        assert spent in (19, 20)  # 50 × 0.2 = 10, less what rounding takes
