"""A Services API in this process: clients, clock, states, faults, and what was sent."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from fieldserve.client import (
    SellingApiConnectionException,
    SellingApiException,
    SellingApiRequestThrottledException,
    SellingApiTemporarilyUnavailableException,
    Services,
)
from fieldserve.sandbox.scenario import ScenarioFault
from fieldserve.testing import ServicesApi, running_services_api
from fieldserve.wire.errors import ApiError

SINCE = "2020-01-01T00:00:00Z"
NOON = "2027-03-01T17:00:00Z"  # a Monday, noon in New York


@pytest.fixture(scope="module")
def running() -> Iterator[ServicesApi]:
    with running_services_api() as api:
        yield api


@pytest.fixture
def api(running: ServicesApi) -> ServicesApi:
    running.reset()
    return running


def jobs(services: Services) -> dict[str, str]:
    """Each job's status."""
    found = services.get_service_jobs(createdAfter=SINCE).payload["jobs"]
    return {one["serviceJobId"]: one["serviceJobStatus"] for one in found}


def first_slot(api: ServicesApi, job_id: str) -> str:
    """The first slot with room."""
    payload = api.client.get_appointment_slots_by_job_id(job_id).payload
    start: str = next(one["startTime"] for one in payload["appointmentSlots"] if one["capacity"] > 0)
    return start


def book(api: ServicesApi, job_id: str) -> str:
    """Book it; answers the appointment's id."""
    time = {"startTime": first_slot(api, job_id)}
    booked = api.client.add_appointment_for_service_job_by_service_job_id(job_id, appointmentTime=time)
    appointment_id: str = booked.payload["appointmentId"]
    return appointment_id


class TestClients:
    def test_small(self, api: ServicesApi) -> None:
        """The scenario that is there already has three jobs to be scheduled."""
        assert jobs(api.client) == dict.fromkeys(("job-1", "job-2", "job-3"), "PENDING_SCHEDULE")

    def test_asyncio(self, api: ServicesApi) -> None:
        """Tasks of another loop call it, many at once."""

        async def read() -> list[Any]:
            calls = (api.async_client.get_service_job_by_service_job_id(f"job-{1 + n % 3}") for n in range(60))
            return [one.payload["serviceJobId"] for one in await asyncio.gather(*calls)]

        assert sorted(set(asyncio.run(read()))) == ["job-1", "job-2", "job-3"]

    def test_documents(self, api: ServicesApi, tmp_path: Path) -> None:
        """Uploads go the same way."""
        proof = tmp_path / "proof.pdf"
        proof.write_bytes(b"%PDF-1.4 signed")
        assert api.client.upload_document(proof).upload_destination_id

    def test_orders(self, api: ServicesApi) -> None:
        """A buyer orders; what is not said is taken from the scenario."""
        job_id = api.place_order(buyer={"name": "Alex Moe"})
        assert jobs(api.client)[job_id] == "PENDING_SCHEDULE"
        job = api.client.get_service_job_by_service_job_id(job_id).payload
        assert (job["buyer"]["name"], job["storeId"]) == ("Alex Moe", "store-1")

    def test_operator_refuses(self, api: ServicesApi) -> None:
        """What the operator API refuses is told."""
        with pytest.raises(RuntimeError, match="404"):
            api.operator("GET", "sellers/nobody")

    def test_unknown_application(self, api: ServicesApi) -> None:
        """Names that are there are listed."""
        with pytest.raises(KeyError, match="Tests"):
            api.client_of("Others")


class TestClock:
    def test_freeze_and_advance(self, api: ServicesApi) -> None:
        """It stands where it is put, and moves by what is said: 3 days and an hour."""
        api.freeze(NOON)
        assert api.now == datetime(2027, 3, 1, 17, tzinfo=UTC)
        api.advance(days=3, hours=1)
        api.advance(timedelta(minutes=30))
        assert api.now == datetime(2027, 3, 4, 18, 30, tzinfo=UTC)
        api.set_clock(datetime(2027, 1, 1, tzinfo=UTC))
        assert api.now == datetime(2027, 1, 1, tzinfo=UTC)
        api.thaw()
        assert api.now > datetime(2027, 1, 1, tzinfo=UTC)

    def test_slots_go_by_it(self, api: ServicesApi) -> None:
        """Notice is two hours: at noon the first slot of the store, which opens at 8, is at 14:00, 19:00Z."""
        api.freeze(NOON)
        assert first_slot(api, "job-1") == "2027-03-01T19:00:00Z"
        api.advance(hours=12)
        assert first_slot(api, "job-1") == "2027-03-02T13:00:00Z"

    def test_tokens_go_by_it(self, api: ServicesApi) -> None:
        """A token that has expired is refused, and the client fetches another by itself."""
        jobs(api.client)
        api.advance(days=1)
        assert len(jobs(api.client)) == 3
        assert [one.status for one in api.requests("getServiceJobs")] == [200, 403, 200]

    def test_without_zone(self, api: ServicesApi) -> None:
        """A datetime says where its clock is."""
        with pytest.raises(ValueError, match="zone"):
            api.freeze(datetime(2027, 3, 1))  # noqa: DTZ001


class TestStates:
    def test_snapshot_and_restore(self, api: ServicesApi) -> None:
        """Everything returns, the clock included."""
        api.freeze(NOON)
        api.snapshot()
        book(api, "job-1")
        api.advance(days=3)
        assert jobs(api.client)["job-1"] == "NOT_SERVICED"
        api.restore()
        assert (jobs(api.client)["job-1"], api.now.day) == ("PENDING_SCHEDULE", 1)

    def test_reset(self, api: ServicesApi) -> None:
        """Back to the beginning; the same seed makes the same ids, another makes others."""
        api.freeze(NOON)
        first = book(api, "job-1")
        api.reset()
        assert jobs(api.client)["job-1"] == "PENDING_SCHEDULE"
        api.freeze(NOON)
        assert book(api, "job-1") == first
        api.reset(seed=8)
        api.freeze(NOON)
        assert book(api, "job-1") != first

    def test_unknown_state(self, api: ServicesApi) -> None:
        """What was not kept cannot be put back."""
        with pytest.raises(ApiError, match="No state"):
            api.restore("elsewhere")


class TestFaults:
    def test_throttled(self, api: ServicesApi) -> None:
        """As often as asked for, and then no more."""
        api.fault("429", operation="getServiceJobs", times=2)
        client = api.client_of("Tests", retries=0)
        for _ in range(2):
            with pytest.raises(SellingApiRequestThrottledException):
                jobs(client)
        assert len(jobs(client)) == 3

    def test_the_client_tries_again(self, api: ServicesApi) -> None:
        """One 503 is got over without the caller noticing."""
        api.fault("503", operation="getServiceJobs")
        assert len(jobs(api.client)) == 3

    @pytest.mark.parametrize("kind", ["cut", "lost"])
    def test_connections_that_end(self, api: ServicesApi, kind: str) -> None:
        """As if the network was gone in the middle."""
        api.fault(kind, operation="getServiceJobs")
        with pytest.raises(SellingApiConnectionException):
            jobs(api.client_of("Tests", retries=0))

    def test_timeout(self, api: ServicesApi) -> None:
        """No answer within the client's patience."""
        api.fault("timeout", operation="getServiceJobs", seconds=5)
        client = api.client_of("Tests", retries=0, timeout=0.05)
        with pytest.raises(SellingApiConnectionException, match="Timeout"):
            jobs(client)
        api.fault("timeout", operation="getServiceJobs", seconds=5)
        later = api.async_client_of("Tests", retries=0, timeout=0.05)
        with pytest.raises(SellingApiConnectionException, match="Timeout"):
            asyncio.run(later.get_service_jobs(createdAfter=SINCE))

    def test_until_cleared(self, api: ServicesApi) -> None:
        """Without a number it goes on."""
        api.fault("503", operation="getServiceJobByServiceJobId", times=None)
        client = api.client_of("Tests", retries=0)
        for _ in range(3):
            with pytest.raises(SellingApiTemporarilyUnavailableException):
                client.get_service_job_by_service_job_id("job-1")
        api.clear_faults()
        assert len(jobs(client)) == 3

    @pytest.mark.parametrize(("kind", "operation"), [("418", None), ("429", "getJobs")])
    def test_unknown(self, api: ServicesApi, kind: str, operation: str | None) -> None:
        """A fault or an operation that does not exist is refused, and never waits in vain."""
        with pytest.raises(ValueError, match=r"418|getJobs|Invalid"):
            api.fault(kind, operation)


class TestRequests:
    def test_in_order(self, api: ServicesApi) -> None:
        """What was sent since the test began, the oldest first, with its status."""
        jobs(api.client)
        with pytest.raises(SellingApiException):
            api.client.get_service_job_by_service_job_id("nothing")
        told = [(one.operation_id, one.status) for one in api.requests()]
        assert told == [("token", 200), ("getServiceJobs", 200), ("getServiceJobByServiceJobId", 404)]
        api.reset()
        assert api.requests() == []

    def test_our_client_is_clean(self, api: ServicesApi) -> None:
        """Lint finds nothing in what the client sends."""
        book(api, "job-1")
        assert [one.findings for one in api.requests() if one.findings] == []


class TestScenarios:
    SCENARIO: ClassVar[dict[str, Any]] = {
        "now": "2026-05-04T08:00:00Z",
        "frozen": True,
        "applications": [
            {"name": "One", "sellerId": "A1ONE"},
            {"name": "Two", "sellerId": "A2TWO", "usagePlan": {"getServiceJobs": {"rate": 1, "burst": 2}}},
        ],
        "sellers": [{"sellerId": one, "name": one, "marketplaceIds": ["ATVPDKIKX0DER"]} for one in ("A1ONE", "A2TWO")],
    }

    def write(self, folder: Path, **changes: Any) -> str:
        """A scenario of one's own."""
        path = folder / "two.json"
        path.write_text(json.dumps(self.SCENARIO | changes))
        return str(path)

    def test_of_ones_own(self, tmp_path: Path) -> None:
        """Its clock, its sellers, one client for each; the second has a usage plan of its own."""
        with running_services_api(self.write(tmp_path)) as api:
            assert api.now == datetime(2026, 5, 4, 8, tzinfo=UTC)
            one, two = (api.client_of(name).get_service_jobs(createdAfter=SINCE) for name in ("One", "Two"))
            assert (one.payload["jobs"], two.rate_limit, one.rate_limit) == ([], "1.0", "10000.0")

    def test_mistaken(self, tmp_path: Path) -> None:
        """What is wrong in it is named."""
        applications = [{"name": "One", "sellerId": "A1ONE", "usagePlan": {"getJobs": {"rate": 1, "burst": 1}}}]
        with (
            pytest.raises(ScenarioFault, match="getJobs"),
            running_services_api(self.write(tmp_path, applications=applications)),
        ):
            pass
        with pytest.raises(ScenarioFault, match="cannot be read"), running_services_api("nowhere.toml"):
            pass


class TestSocket:
    def test_other_clients(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a port anybody calls it: bare HTTP, and a client that is made from the environment alone."""
        with running_services_api(socket=True) as api:
            assert httpx2.get(f"{api.endpoint}/healthz").status_code == 200
            assert len(jobs(api.client)) == 3
            for name, value in api.environment.items():
                monkeypatch.setenv(name, value)
            assert len(jobs(Services())) == 3
            api.fault("timeout", operation="getServiceJobs", seconds=0.1)
            with pytest.raises(SellingApiConnectionException):
                jobs(api.client_of("Tests", retries=0))

    def test_published_limits(self) -> None:
        """If asked for, the published usage plans hold: a burst of 40 jobs is told by the header of its rate."""
        with running_services_api(published_limits=True) as api:
            assert api.client.get_service_jobs(createdAfter=SINCE).rate_limit == "10.0"
