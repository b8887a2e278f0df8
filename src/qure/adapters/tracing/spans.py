"""Traces for an OpenTelemetry collector. Imported only where one is configured.

A span each for a request, a transaction, and an attempt at a job; their names and attributes say
what was done and how it went, and nothing about whom.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qure.application import correlation
from qure.application.ports.gateways import Job
from qure.application.ports.storage import Storage, UnitOfWork
from qure.domain.errors import DomainError, Unavailable
from qure.wire.asgi import AsgiApp, Receive, Scope, Send

EXPORT_SECONDS = 2.0
REQUEST_ID = "qure.request_id"


class Tracing:
    """Makes spans and sends them to the collector at ``endpoint``; ``close`` sends what is left."""

    def __init__(self, *, endpoint: str, role: str) -> None:
        release = version("qure")
        self._provider = TracerProvider(
            resource=Resource.create(
                {SERVICE_NAME: "qure", SERVICE_VERSION: release, "qure.role": role}
            ),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("qure", release)
        self._propagator = TraceContextTextMapPropagator()

    async def close(self) -> None:
        """Send what is left, as far as the collector takes it within some seconds."""
        await asyncio.to_thread(self._provider.shutdown)

    def around(self, app: AsgiApp) -> AsgiApp:
        """The same application, a span for each of its HTTP requests."""

        async def traced(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            caller = next(
                (value for name, value in scope["headers"] if name == b"traceparent"), b""
            )
            context = self._propagator.extract({"traceparent": caller.decode("latin-1")})
            status = 500

            async def send_noted(message: MutableMapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            method = scope["method"]
            with self.span(method, kind=SpanKind.SERVER, context=context) as span:
                try:
                    await app(scope, receive, send_noted)
                finally:
                    route = scope.get("path_template") or "(none)"
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.request.method", method)
                    span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:
                        span.set_status(Status(StatusCode.ERROR))

        return traced

    @contextmanager
    def job(self, job: Job) -> Iterator[None]:
        """One attempt at a job: the block."""
        with self.span(type(job).__name__, kind=SpanKind.CONSUMER):
            yield

    @contextmanager
    def span(self, name: str, **options: Any) -> Iterator[Span]:
        """What the block does, under that name."""
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False, **options
        ) as span:
            try:
                yield span
            except BaseException as error:
                # The type alone: a message may quote what somebody wrote.
                span.set_attribute("error.type", type(error).__name__)
                if not isinstance(error, DomainError) or isinstance(error, Unavailable):
                    span.set_status(Status(StatusCode.ERROR))  # A rule that says no is none.
                raise
            finally:
                request_id = correlation.request_id.get()
                if request_id is not None:
                    span.set_attribute(REQUEST_ID, request_id)


class TracedStorage:
    """A storage, a span for each of its transactions. See ``ports.storage.Storage``."""

    def __init__(self, storage: Storage, tracing: Tracing) -> None:
        self._storage = storage
        self._tracing = tracing

    @asynccontextmanager
    async def write(self, purpose: str = "write") -> AsyncIterator[UnitOfWork]:
        with self._tracing.span(purpose) as span:
            span.set_attribute("qure.transaction", "write")
            async with self._storage.write(purpose) as uow:
                yield uow

    @asynccontextmanager
    async def read(self, purpose: str = "read") -> AsyncIterator[UnitOfWork]:
        with self._tracing.span(purpose) as span:
            span.set_attribute("qure.transaction", "read")
            async with self._storage.read(purpose) as uow:
                yield uow

    async def ping(self) -> None:
        """Raises ``Unavailable`` when the database does not answer."""
        await self._storage.ping()
