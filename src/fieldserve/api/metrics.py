"""Prometheus metrics of every process of the server, at /metrics.

A scrape shows an operator's key (`Authorization: Bearer fsk_…`), unless the setting `metrics` is `open`. Behind a proxy
on the same machine every caller seems to come from loopback, so an address proves nothing here.

    fieldserve_requests_total{operation, status}            requests by what was asked and answered: 429 are throttled
    fieldserve_request_seconds{operation}                   a histogram of how long answers took
    fieldserve_bookings_total{outcome}                      booked, moved, refused
    fieldserve_database_faults_total{fault}                 conflict (tried again), unavailable
    fieldserve_webhook_deliveries_total{outcome}            tries: delivered, failed, dead, dropped
    fieldserve_writer_transactions_total, …_commits_total   SQLite: their ratio is the batch that shares an fsync
"""

import os
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.operations.operator_keys import verify_operator_key
from fieldserve.operations.run import Context
from fieldserve.store.engine import Unavailable
from fieldserve.store.observed import Observed
from fieldserve.wire import errors
from fieldserve.wire.encoding import encode
from fieldserve.wire.operator_keys import UNKNOWN_KEY

PATH = "/metrics"
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_BOOKS = "addAppointmentForServiceJobByServiceJobId"
_MOVES = "rescheduleAppointmentForServiceJobByServiceJobId"


class Meters:
    """What a process counts. `database` is looked at when somebody scrapes."""

    def __init__(self, database: Observed):
        # A registry of its own: a test, or a program that embeds the server, may make several.
        self._registry = CollectorRegistry()
        registry = self._registry
        self._requests = Counter("fieldserve_requests", "Requests.", ("operation", "status"), registry=registry)
        self._seconds = Histogram(
            "fieldserve_request_seconds", "Seconds to an answer.", ("operation",), buckets=_BUCKETS, registry=registry
        )
        self._bookings = Counter("fieldserve_bookings", "Appointments asked for.", ("outcome",), registry=registry)
        self._faults = Counter("fieldserve_database_faults", "Transactions that failed.", ("fault",), registry=registry)
        self._webhooks = Counter("fieldserve_webhook_deliveries", "Webhooks sent.", ("outcome",), registry=registry)
        self._known: dict[tuple[str, int], tuple[Any, Any]] = {}
        self._registry.register(_Writer(database))
        database.count_faults(lambda fault: self._faults.labels(fault).inc())

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        key = (operation, status)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (
                self._requests.labels(operation, str(status)),
                self._seconds.labels(operation),
            )
        known[0].inc()
        known[1].observe(seconds)
        if operation in (_BOOKS, _MOVES):
            done = "booked" if operation == _BOOKS else "moved"
            self._bookings.labels(done if status == 200 else "refused").inc()

    def webhook(self, outcome: str) -> None:
        """Count a try to deliver a webhook."""
        self._webhooks.labels(outcome).inc()

    def text(self) -> bytes:
        """All that was counted, by all processes, as Prometheus reads it."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


class _Writer(Collector):
    def __init__(self, database: Observed):
        self._database = database

    def collect(self) -> Iterable[Metric]:
        """What SQLite's writer has done; PostgreSQL has none."""
        if self._database.dialect == "sqlite":
            for name, says, value in (
                ("transactions", "Transactions of SQLite's writer.", self._database.writes),
                ("commits", "Commits of SQLite's writer, each with one fsync.", self._database.commits),
            ):
                yield CounterMetricFamily(f"fieldserve_writer_{name}", says, value=value)


def routes(meters: Meters) -> list[Route]:
    """GET /metrics."""

    async def show(request: Request) -> Response:
        context: Context = request.app.state.context
        try:
            if context.settings.metrics != "open" and not await _is_operator(context, request):
                fault = UNKNOWN_KEY.fault("The metrics take an operator's key: Authorization: Bearer …")
                headers = {"www-authenticate": "Bearer"}
                return Response(encode({"errors": [fault]}), 401, headers, media_type="application/json")
        except Unavailable:
            fault = errors.SERVICE_UNAVAILABLE.fault()
            return Response(encode({"errors": [fault]}), 503, media_type="application/json")
        return Response(meters.text(), headers={"cache-control": "no-store", "content-type": _CONTENT_TYPE})

    return [Route(PATH, show, methods=["GET"])]


async def _is_operator(context: Context, request: Request) -> bool:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and await verify_operator_key(context, key.strip()) is not None
