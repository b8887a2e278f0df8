"""What Prometheus may know of this process: counts and durations, nobody's data.

What changes with every request is counted as it happens; what can be looked up is looked up when
somebody asks.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

from qure.application.ports.gateways import Job
from qure.application.ports.journal import JournalEntry
from qure.container import Container
from qure.domain.errors import Unavailable

T = TypeVar("T")

TIMEOUT_SECONDS = 1.0
"""A backend that takes longer is left out of the metrics: its absence is one too."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "(none)"

_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)
_JOB_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of one process. Observes the container it is made for."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._registry = registry = CollectorRegistry()
        self._routes: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "qure_http_requests",
            "Answered HTTP requests.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "qure_http_request_seconds",
            "From the request to the first byte of its answer.",
            ("method", "route"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._events = Counter(
            "qure_events",
            "What this process has committed, by the name of the event.",
            ("event",),
            registry=registry,
        )
        self._lag = Histogram(
            "qure_fan_out_lag_seconds",
            "From a commit, anywhere, until every socket of this process has been given it.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self._job_seconds = Histogram(
            "qure_job_seconds",
            "Attempts at jobs in this process, and how they ended.",
            ("job", "outcome"),
            buckets=_JOB_BUCKETS,
            registry=registry,
        )
        self._sockets = Gauge(
            "qure_sockets", "Open sockets, by protocol.", ("protocol",), registry=registry
        )
        self._watched = Gauge(
            "qure_watched_queues", "Queues that a socket here listens to.", registry=registry
        )
        self._backends = Gauge(
            "qure_backend_up", "1 if it answers, else 0.", ("backend",), registry=registry
        )
        self._outbox = Gauge(
            "qure_outbox_depth", "Committed entries that wait to be sent off.", registry=registry
        )
        self._jobs = Gauge(
            "qure_jobs",
            "Jobs of all processes, by what becomes of them.",
            ("state",),
            registry=registry,
        )
        self._failed_images = Gauge(
            "qure_failed_images", "Pictures that were given up.", registry=registry
        )
        self._pool = Gauge(
            "qure_database_connections",
            "Connections of this process.",
            ("state",),
            registry=registry,
        )
        container.observers.of_commits.append(self._count_events)
        container.observers.of_deliveries.append(self._observe_lag)
        container.observers.of_jobs.append(self._time_job)

    def count_request(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """A request was answered."""
        method = scope["method"]
        key = (method, scope.get("path_template") or NO_ROUTE, status)
        found = self._routes.get(key)
        if found is None:
            # Anybody can make up methods: each would be a series of its own, for ever.
            shown = method if method in METHODS else "OTHER"
            found = (
                self._requests.labels(shown, key[1], str(status)),
                self._request_seconds.labels(shown, key[1]),
            )
            if shown == method:
                self._routes[key] = found
        found[0].inc()
        found[1].observe(seconds)

    async def render(self) -> bytes:
        """Everything, in Prometheus' text format."""
        container = self._container
        outbox, jobs, failed = await asyncio.gather(
            _within_timeout(self._outbox_depth()),
            _within_timeout(container.jobs.counts()),
            _within_timeout(self._failed_image_count()),
        )
        self._backends.labels("database").set(outbox is not None)
        self._backends.labels("jobs").set(jobs is not None)
        if container.settings.redis_url is not None:
            self._backends.labels("redis").set(container.bus.generation() is not None)
        # NaN is Prometheus' word for "not known": the last known number would look alive.
        self._outbox.set(float("nan") if outbox is None else outbox)
        self._failed_images.set(float("nan") if failed is None else failed)
        for state in ("queued", "running", "retrying", "done", "failed"):
            self._jobs.labels(state).set(float("nan") if jobs is None else getattr(jobs, state))
        pool = container.pool_use()
        self._pool.labels("size").set(pool.size)
        self._pool.labels("in use").set(pool.in_use)
        self._pool.labels("waited for").set(pool.waiting)
        open_sockets = Tally(client.listener.protocol for client in container.hub.clients())
        for protocol in ("socket.io-polling", "socket.io-websocket", "websocket"):
            self._sockets.labels(protocol).set(open_sockets[protocol])
        self._watched.set(container.hub.watched_queues())
        return generate_latest(self._registry)

    async def _outbox_depth(self) -> int:
        async with self._container.storage.read() as uow:
            return await uow.journal.depth()

    async def _failed_image_count(self) -> int:
        async with self._container.storage.read() as uow:
            return await uow.staged_images.failed_count()

    def _count_events(self, entry: JournalEntry) -> None:
        for event in entry.events:
            self._events.labels(type(event).__name__).inc()

    def _observe_lag(self, committed_at: datetime) -> None:
        lag = (self._container.clock.now() - committed_at).total_seconds()
        self._lag.observe(max(0.0, lag))  # Clocks of two machines may differ.

    @contextmanager
    def _time_job(self, job: Job) -> Iterator[None]:
        began, outcome = time.perf_counter(), "failed"
        try:
            yield
            outcome = "done"
        finally:
            took = time.perf_counter() - began
            self._job_seconds.labels(type(job).__name__, outcome).observe(took)


async def _within_timeout(asked: Awaitable[T]) -> T | None:
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await asked
    except (Unavailable, TimeoutError):
        return None
