"""Traces reach a collector where one is set; where none is, nothing is wrapped."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from PIL import Image

from qure.bootstrap import build, schema_of
from qure.container import Container
from qure.entrypoints.asgi import create_asgi
from qure.settings import Settings
from qure.wire.asgi import AsgiApp
from tests.support.http_service import comes_true


class Collector:
    """Takes OTLP over HTTP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.raw = b""
        self.spans: list[Span] = []
        self.resources: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(resource.resource))
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def attributes(thing: Any) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in thing.attributes
    }


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever, args=(0.02,))
    thread.start()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()
    thread.join()


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path, bcrypt_rounds=4)
    await schema_of(settings).migrate()
    return settings


@asynccontextmanager
async def served(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application between its start and its end, as a server runs it."""
    app: AsgiApp = create_asgi(container)
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    lifespan = asyncio.ensure_future(
        app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, to_app.get, from_app.put)
    )
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://qure.example") as http:
        yield http
    await to_app.put({"type": "lifespan.shutdown"})
    assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
    await lifespan


async def register(http: httpx.AsyncClient) -> str:
    """The access JWT of a new patient."""
    person = {"email": "maria@example.org", "password": "correct horse"}
    answer = await http.post(
        "/api/auth/register",
        json=person
        | {"firstName": "Maria", "lastName": "Curie", "confirmPassword": person["password"]},
    )
    assert answer.status_code == 201
    login = await http.post("/api/auth/login", json=person)
    return str(login.json()["data"]["accessToken"])


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stream, "PNG")
    return stream.getvalue()


async def shown(http: httpx.AsyncClient, jwt: str) -> bool:
    me = await http.get("/api/auth/me", headers={"Authorization": f"Bearer {jwt}"})
    return "/media/" in me.json()["data"]["profilePicture"]


async def test_a_request_its_transactions_and_its_job_are_traced_under_its_id(
    settings: Settings, collector: Collector
) -> None:
    container = build(replace(settings, otlp_endpoint=collector.url))
    async with served(container) as http:
        jwt = await register(http)
        answer = await http.put(
            "/api/auth/me",
            files={"profilePicture": ("me.png", picture(), "image/png")},
            headers={"Authorization": f"Bearer {jwt}", "X-Request-ID": "upload-1"},
        )
        assert answer.status_code == 200, answer.text
        await comes_true(lambda: shown(http, jwt))

    [request] = collector.named("PUT /api/auth/me")
    assert request.kind == Span.SPAN_KIND_SERVER
    assert attributes(request) == {
        "http.request.method": "PUT",
        "http.route": "/api/auth/me",
        "http.response.status_code": 200,
        "qure.request_id": "upload-1",
    }
    [transaction] = collector.named("Profiles.update")
    assert transaction.parent_span_id == request.span_id
    assert transaction.trace_id == request.trace_id
    assert attributes(transaction)["qure.transaction"] == "write"
    [job] = collector.named("ProcessImage")
    assert attributes(job)["qure.request_id"] == "upload-1"
    in_job = [span for span in collector.spans if span.parent_span_id == job.span_id]
    assert {span.name for span in in_job} == {"read", "ImageJobs._process"}
    assert {one["service.name"] for one in collector.resources} == {"qure"}


async def test_a_trace_that_the_caller_began_is_continued(
    settings: Settings, collector: Collector
) -> None:
    async with served(build(replace(settings, otlp_endpoint=collector.url))) as http:
        trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        await http.get("/health", headers={"traceparent": f"00-{trace}-{span}-01"})
        await http.get("/health", headers={"traceparent": "nonsense"})
    continued, begun = collector.named("GET /health")
    assert (continued.trace_id.hex(), continued.parent_span_id.hex()) == (trace, span)
    assert begun.parent_span_id == b""


async def test_a_rule_that_says_no_is_no_error_and_a_fault_is_one(
    settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = build(replace(settings, otlp_endpoint=collector.url))
    async with served(container) as http:
        await register(http)
        await http.post("/api/auth/login", json={"email": "x@example.org", "password": "wrong"})
        monkeypatch.setattr(container.passwords, "verify", None)
        broken = await http.post(
            "/api/auth/login", json={"email": "x@example.org", "password": "wrong"}
        )
        assert broken.status_code == 500
    _, refused, faulty = collector.named("POST /api/auth/login")
    assert refused.status.code == Status.STATUS_CODE_UNSET
    assert attributes(refused)["http.response.status_code"] == 401
    assert faulty.status.code == Status.STATUS_CODE_ERROR


async def test_traces_name_nobody(settings: Settings, collector: Collector) -> None:
    async with served(build(replace(settings, otlp_endpoint=collector.url))) as http:
        jwt = await register(http)
        await http.get("/api/auth/me?who=maria", headers={"Authorization": f"Bearer {jwt}"})
        await http.get("/api/nowhere/maria")
    assert collector.spans
    for secret in (b"maria", b"Maria", b"Curie", b"horse", jwt.encode()[:40]):
        assert secret not in collector.raw


async def test_a_collector_that_is_away_holds_nobody_up(settings: Settings) -> None:
    container = build(replace(settings, otlp_endpoint="http://127.0.0.1:9"))
    async with asyncio.timeout(9), served(container) as http:
        assert (await http.get("/health")).status_code == 200


async def test_without_a_collector_nothing_is_wrapped(settings: Settings) -> None:
    container = build(settings)
    create_asgi(container)
    assert "write" not in vars(container.storage)
    assert "read" not in vars(container.storage)
