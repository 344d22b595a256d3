"""What operators see of requests: metrics, log lines and traces."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fieldserve.api import request_log
from fieldserve.api.json_lines import JsonLines
from fieldserve.api.traces import Traces, open_traces
from fieldserve.app import create_app
from fieldserve.store.engine import Conflict
from tests.desk import ON_ONE_DATABASE, Desk, refused
from tests.world import SELLER, World

JOBS = "/service/v1/serviceJobs"


def sample(text: str, name: str) -> float:
    """The value of a line of the metrics; 0 where there is none."""
    lines = (line.rpartition(" ") for line in text.splitlines())
    return next((float(value) for told, _, value in lines if told == name), 0.0)


class TestMetrics:
    async def test_anonymous(self, desk: Desk) -> None:
        """Nothing without an operator's key, and nothing with one that is unknown."""
        refused_ = await desk.client.get("/metrics")
        assert refused_.status_code == 401
        refused(refused_, 401, "key")
        wrong = await desk.client.get("/metrics", headers={"authorization": "Bearer fsk_wrong"})
        assert wrong.status_code == 401

    async def test_webhooks(self, desk: Desk) -> None:
        """What becomes of a webhook is counted by whoever sends it."""
        app = create_app(desk.world.context)
        assert app.count_webhook is not None
        app.count_webhook("delivered")
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            text = (await client.get("/metrics", headers={"authorization": f"Bearer {desk.key}"})).text
        assert sample(text, 'fieldserve_webhook_deliveries_total{outcome="delivered"}') == 1

    async def test_what_is_counted(self, desk: Desk) -> None:
        """Requests by operation and status, bookings and refusals, and the writer's batches."""
        world = desk.world
        token = {"x-amz-access-token": world.tokens[SELLER]}
        first, second = await world.order(), await world.order()
        for job_id, start in ((first, "2026-03-03T15:00:00Z"), (second, "2026-03-03T03:00:00Z")):
            body = {"appointmentTime": {"startTime": start}}
            await desk.client.post(f"{JOBS}/{job_id}/appointments", json=body, headers=token)
        await desk.client.get(JOBS)
        await desk.client.get("/no/such/path?with=a-secret")
        text = (await desk.client.get("/metrics", headers={"authorization": f"Bearer {desk.key}"})).text
        booked = "addAppointmentForServiceJobByServiceJobId"
        assert sample(text, f'fieldserve_requests_total{{operation="{booked}",status="200"}}') == 1
        assert sample(text, 'fieldserve_requests_total{operation="getServiceJobs",status="403"}') == 1
        assert sample(text, 'fieldserve_requests_total{operation="other",status="404"}') == 1
        assert sample(text, 'fieldserve_bookings_total{outcome="booked"}') == 1
        assert sample(text, 'fieldserve_bookings_total{outcome="refused"}') == 1
        assert sample(text, f'fieldserve_request_seconds_count{{operation="{booked}"}}') == 2
        if world.context.database.dialect == "sqlite":
            assert sample(text, "fieldserve_writer_transactions_total") >= 1
            assert sample(text, "fieldserve_writer_commits_total") >= 1
        assert "a-secret" not in text

    @ON_ONE_DATABASE
    @pytest.mark.parametrize(("setting", "status"), [("open", 200), ("off", 404)])
    async def test_settings(self, world: World, setting: Any, status: int) -> None:
        """Open to everybody, or not there at all."""
        context = replace(world.context, settings=replace(world.context.settings, metrics=setting))
        async with client_of(create_app(context)) as client:
            assert (await client.get("/metrics")).status_code == status

    @ON_ONE_DATABASE
    async def test_conflicts(self, world: World) -> None:
        """A transaction that another came in between of is counted, though its caller never hears of it."""
        database = world.context.database
        times = 0

        class Contended:
            dialect = database.dialect
            commits = 0

            async def read(self, use: Any, *, snapshot: bool = True) -> Any:
                return await database.read(use, snapshot=snapshot)

            async def write(self, use: Any) -> Any:
                nonlocal times
                times += 1
                if times == 1:
                    raise Conflict("another came in between")
                return await database.write(use)

        settings = replace(world.context.settings, metrics="open")
        contended: Any = Contended()
        context = replace(world.context, settings=settings, database=contended)
        async with client_of(create_app(context)) as client:
            announced = {"contentType": "PNG", "contentLength": 10}
            headers = {"x-amz-access-token": world.tokens[SELLER]}
            assert (await client.post("/service/v1/documents", json=announced, headers=headers)).status_code == 200
            text = (await client.get("/metrics")).text
        assert sample(text, 'fieldserve_database_faults_total{fault="conflict"}') == 1


def client_of(app: Any) -> httpx2.AsyncClient:
    """A client in process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1")


class TestLog:
    @ON_ONE_DATABASE
    async def test_a_request(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A line has what finds a request again, and nothing of what it carried."""
        monkeypatch.setattr(request_log, "_as_json", True)
        caplog.set_level(logging.INFO, "fieldserve")
        job_id = await desk.world.order()
        token = {"x-amz-access-token": desk.world.tokens[SELLER]}
        answer = await desk.client.get(f"{JOBS}/{job_id}?note=a-secret", headers=token)
        await desk.call("GET", "/operator/v1/sellers")
        await desk.client.get("/service/v1/a%0Aforged%20line", headers=token)
        await asyncio.sleep(0.2)
        told = "\n".join(one.getMessage() for one in caplog.records if one.name == "fieldserve.answers")
        assert "a-secret" not in told
        first, second, third = map(json.loads, told.splitlines())
        assert first.pop("milliseconds") > 0
        assert first.pop("at").endswith("Z")
        assert first.pop("applicationId")
        assert first == {
            "level": "info",
            "logger": "fieldserve.requests",
            "requestId": answer.headers["x-amzn-requestid"],
            "operation": "getServiceJobByServiceJobId",
            "status": 200,
            "sellerId": SELLER,
        }
        assert (second["actor"], second["operation"]) == ("operator:desk", "listSellers")
        assert (third["operation"], third["status"]) == ("unknown-path", 404)

    def test_a_defect(self) -> None:
        """An exception's trace is in the line of its own, line feeds and all."""
        try:
            raise ValueError("broken")
        except ValueError:
            record = logging.LogRecord("fieldserve", logging.ERROR, "", 1, "a %s", ("defect",), sys.exc_info())
        told = JsonLines().format(record)
        assert "\n" not in told
        line = json.loads(told)
        assert (line["level"], line["message"]) == ("error", "a defect")
        assert line["trace"].endswith("ValueError: broken")


@pytest.fixture
async def traced(world: World) -> AsyncIterator[tuple[httpx2.AsyncClient, InMemorySpanExporter]]:
    """A client of the server, and where its spans go."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with client_of(create_app(world.context, Traces(provider.get_tracer("test")))) as client:
        yield client, exporter


@ON_ONE_DATABASE
class TestTraces:
    async def test_a_request(self, world: World, traced: tuple[httpx2.AsyncClient, InMemorySpanExporter]) -> None:
        """A span for the request, under its caller's, and one for each of its transactions, with nothing secret."""
        client, exporter = traced
        announced = {"contentType": "PNG", "contentLength": 10}
        trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        headers = {"x-amz-access-token": world.tokens[SELLER], "traceparent": f"00-{trace_id}-{span_id}-01"}
        answer = await client.post("/service/v1/documents?note=a-secret", json=announced, headers=headers)
        assert answer.status_code == 200
        spans = exporter.get_finished_spans()
        request = next(one for one in spans if one.name == "createServiceDocumentUploadDestination")
        assert request.context is not None
        assert request.parent is not None
        assert f"{request.context.trace_id:032x}" == trace_id
        assert f"{request.parent.span_id:016x}" == span_id
        inside = [one for one in spans if one is not request]
        assert "database write" in {one.name for one in inside}
        assert all(one.parent and one.parent.span_id == request.context.span_id for one in inside)
        assert dict(request.attributes or {}) == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "fieldserve.operation": "createServiceDocumentUploadDestination",
            "fieldserve.request_id": answer.headers["x-amzn-requestid"],
        }
        everything = "".join(one.to_json() for one in spans)
        assert "a-secret" not in everything
        assert world.tokens[SELLER] not in everything


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}],
)
def test_not_asked_for(environment: dict[str, str]) -> None:
    """No traces unless the environment says where to."""
    assert open_traces(environment) is None


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for without the packages, the operator is told what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ValueError, match=r"fieldserve\[otel\]"):
        open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
