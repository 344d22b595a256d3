"""OpenTelemetry traces: a span for each request, and within it one for each transaction.

They are made where the extra `otel` is installed and the environment says where to send them, by
OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_TRACES_EXPORTER. W3C's traceparent is taken from the request. A span has what the
request log has, and nothing more: no path, no query, no header, no body.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_ASKED_FOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")


class Traces:
    """Makes spans of requests and transactions."""

    def __init__(self, tracer: "Tracer"):
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = tracer
        self._kind = trace.SpanKind.SERVER
        self._failed = trace.Status(trace.StatusCode.ERROR)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, method: str, headers: list[tuple[bytes, bytes]]) -> Iterator[Callable[[str, int, str], None]]:
        """A span of a request; what it yields tells it the operation, the status and the request's id."""
        carrier = {"traceparent": _header(headers, b"traceparent"), "tracestate": _header(headers, b"tracestate")}
        parent = self._propagator.extract(carrier)
        with self._tracer.start_as_current_span(method, parent, self._kind, record_exception=False) as span:

            def tell(operation: str, status: int, request_id: str) -> None:
                span.update_name(operation)
                span.set_attribute("http.request.method", method)
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("fieldserve.operation", operation)
                span.set_attribute("fieldserve.request_id", request_id)
                if status >= 500:
                    span.set_status(self._failed)

            yield tell

    def transaction(self, kind: str) -> AbstractContextManager[Any]:
        """A span of a transaction. What goes wrong in it is told by the log only."""
        return self._tracer.start_as_current_span(f"database {kind}", record_exception=False)


def _header(headers: list[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def open_traces(environment: Mapping[str, str] = os.environ) -> Traces | None:
    """Traces, if the environment asks for them. Raises ValueError where it does and the packages are missing."""
    wanted = any(environment.get(name) for name in _ASKED_FOR) and environment.get("OTEL_TRACES_EXPORTER") != "none"
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ValueError("OTEL_… asks for traces; install them with pip install 'fieldserve[otel]'") from None
    name = environment.get("OTEL_SERVICE_NAME", "fieldserve")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider.get_tracer("fieldserve"))
