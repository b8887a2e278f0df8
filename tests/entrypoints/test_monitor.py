"""A worker answers those who look after it, and nobody else finds anything there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from qure.application.ports.setup import SetupError
from qure.bootstrap import build, schema_of
from qure.entrypoints.observability.metrics import Metrics
from qure.entrypoints.process.monitor import watched
from qure.settings import Settings
from tests.support.servers.process import free_port
from tests.support.servers.qure import QureProcess


@pytest.fixture
async def metrics(tmp_path: Path) -> AsyncIterator[Metrics]:
    settings = Settings(data_dir=tmp_path, bcrypt_rounds=4)
    await schema_of(settings).migrate()
    container = build(settings)
    async with container.running():
        yield Metrics(container)


async def ask(port: int, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.request(method, f"http://127.0.0.1:{port}{path}")


async def test_it_says_that_it_lives_and_shows_its_metrics(metrics: Metrics) -> None:
    async with watched("127.0.0.1", 0, metrics) as port:
        health = await ask(port, "/health")
        assert (health.status_code, health.json()) == (200, {"health": "ok"})
        shown = await ask(port, "/metrics?x=1")
        assert shown.headers["content-type"].startswith("text/plain; version=")
        assert "qure_outbox_depth 0.0" in shown.text


async def test_without_metrics_it_still_says_that_it_lives() -> None:
    async with watched("127.0.0.1", 0, None) as port:
        assert (await ask(port, "/health")).status_code == 200
        assert (await ask(port, "/metrics")).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", "/health"), ("GET", "/"), ("GET", "/api")])
async def test_there_is_nothing_else(method: str, path: str) -> None:
    async with watched("127.0.0.1", 0, None) as port:
        assert (await ask(port, path, method)).status_code == 404


async def test_nonsense_and_hanging_up_do_it_no_harm() -> None:
    async with watched("127.0.0.1", 0, None) as port:
        for sent in (b"\r\n\r\n", b"x" * 40_000, b"GET", b""):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            writer.close()
        assert (await ask(port, "/health")).status_code == 200


async def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qure.entrypoints.process.protocols.http.HEAD_SECONDS", 0.05)
    async with watched("127.0.0.1", 0, None) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=rf"^port {port} is in use: .*\.$"):
            async with watched("127.0.0.1", port, None):
                pass


def test_the_command_answers_on_the_port_that_it_is_given(redis_database: str) -> None:
    port = free_port()
    worker = QureProcess({"REDIS_URL": redis_database}, "worker", "--port", str(port))
    try:
        worker.command("migrate")
        worker.start()
        assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=10).status_code == 200
        shown = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
        assert 'qure_backend_up{backend="redis"} 1.0' in shown
        assert 'qure_jobs{state="queued"} 0.0' in shown
        worker.stop()
    finally:
        worker.close()
