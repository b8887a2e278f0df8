"""The servers that other tests lean on do what those tests believe."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.support.servers.nginx import running_nginx
from tests.support.servers.pgbouncer import running_pgbouncer
from tests.support.servers.postgres import PostgresServer, fresh_database, template_database
from tests.support.servers.process import (
    LOOPBACK,
    ServerError,
    ServerProcess,
    free_port,
    is_alive,
    wait_until,
)
from tests.support.servers.redis import RedisServer, running_redis, url_of


async def fetch_value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_fresh_database_is_empty_and_gone_afterwards(postgres_server: str) -> None:
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    async with fresh_database(postgres_server) as dsn:
        assert await fetch_value(dsn, tables) == 0
        await execute(dsn, "CREATE TABLE t (x int)")
        async with fresh_database(postgres_server) as other:
            assert await fetch_value(other, tables) == 0
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(dsn)


async def test_a_database_cloned_from_a_template_has_its_tables(postgres_server: str) -> None:
    async def migrate(dsn: str) -> None:
        await execute(dsn, "CREATE TABLE migrated AS SELECT 42 AS answer")

    async with (
        template_database(postgres_server, migrate) as template,
        fresh_database(postgres_server, template=template) as first,
        fresh_database(postgres_server, template=template) as second,
    ):
        await execute(first, "UPDATE migrated SET answer = 0")
        assert await fetch_value(second, "SELECT answer FROM migrated") == 42


async def test_postgres_compares_letters_beyond_ascii_without_case(postgres_server: str) -> None:
    assert await fetch_value(postgres_server, "SELECT 'CLÍNICA' ILIKE '%clínica%'") is True


async def test_postgres_keeps_its_port_and_data_through_stop_kill_and_start(
    own_postgres: PostgresServer,
) -> None:
    await execute(own_postgres.dsn, "CREATE TABLE kept AS SELECT 1 AS x")
    for end in (own_postgres.stop, own_postgres.kill):
        end()
        with pytest.raises(OSError, match=r"refused|Connect"):
            await asyncpg.connect(own_postgres.dsn, timeout=5)
        own_postgres.start()
        assert await fetch_value(own_postgres.dsn, "SELECT x FROM kept") == 1


async def test_a_paused_postgres_hangs_and_goes_on_when_resumed(
    own_postgres: PostgresServer,
) -> None:
    connection = await asyncpg.connect(own_postgres.dsn)
    own_postgres.pause()
    query = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(query), 0.3)
    own_postgres.resume()
    assert await asyncio.wait_for(query, 5) == 1
    await connection.close()


async def test_redis_keeps_its_port_through_stop_and_start(own_redis: RedisServer) -> None:
    async with Redis.from_url(own_redis.url, socket_timeout=0.3, retry=None) as client:
        await client.set("key", "value")
        own_redis.pause()
        with pytest.raises(RedisTimeoutError):
            await client.get("key")
        own_redis.resume()
        assert await client.get("key") == b"value"
        own_redis.stop()
        with pytest.raises(RedisConnectionError):
            await client.get("key")
        own_redis.start()
        assert await client.get("key") is None


@pytest.mark.parametrize("time", ["first", "second"])
async def test_a_redis_database_starts_empty_each_time(redis_database: str, time: str) -> None:
    async with Redis.from_url(redis_database) as client:
        assert await client.dbsize() == 0
        await client.set("left behind", time)


def test_each_worker_counts_on_from_the_redis_database_that_was_given() -> None:
    assert url_of("redis://host:1/3", database=2) == "redis://host:1/5"
    assert url_of("redis://:secret@host", database=0) == "redis://:secret@host/0"


async def test_a_persistent_redis_keeps_its_data_through_kill_and_start() -> None:
    with running_redis(persistent=True) as server:
        async with Redis.from_url(server.url) as client:
            await client.set("key", "value")
        server.kill()
        server.start()
        async with Redis.from_url(server.url) as client:
            assert await client.get("key") == b"value"


async def test_pgbouncer_passes_transactions_on_to_any_database(postgres_server: str) -> None:
    async with fresh_database(postgres_server) as dsn:
        with running_pgbouncer(postgres_server) as bouncer:
            through = bouncer.through(dsn)
            connection = await asyncpg.connect(through, statement_cache_size=0)
            async with connection.transaction():
                await connection.execute("CREATE TABLE passed_on AS SELECT 7 AS x")
            await connection.close()
        assert await fetch_value(dsn, "SELECT x FROM passed_on") == 7


async def test_nginx_serves_its_configuration_and_a_reloaded_one() -> None:
    port = free_port()
    server = "server {{ listen {host}:{port}; location / {{ return 200 '{answer}'; }} }}"

    def configuration(answer: str) -> str:
        return server.format(host=LOOPBACK, port=port, answer=answer)

    def answer() -> str:
        return httpx.get(f"http://{LOOPBACK}:{port}/").text

    with running_nginx(configuration("first"), port=port) as nginx:
        assert answer() == "first"
        nginx.configure(configuration("second"))
        nginx.reload()
        wait_until(lambda: answer() == "second", 5, "the reload")
        assert nginx.errors() == ""


def test_a_server_that_does_not_start_shows_why(tmp_path: Path) -> None:
    broken = ServerProcess(
        [sys.executable, "-c", "raise SystemExit('no luck today')"],
        log=tmp_path / "log",
        port=free_port(),
    )
    with pytest.raises(ServerError, match="no luck today"):
        broken.start()


def test_servers_end_when_the_test_run_is_killed() -> None:
    program = (
        "import time\n"
        "from tests.support.servers.redis import RedisServer\n"
        "server = RedisServer(); server.start()\n"
        "print(server.pid, server.folder, flush=True)\n"
        "time.sleep(600)\n"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root
    ) as run:
        assert run.stdout is not None
        pid, folder = run.stdout.readline().split()
        orphan = psutil.Process(int(pid))
        assert is_alive(orphan)
        assert Path(folder).is_dir()
        run.kill()
    wait_until(lambda: not is_alive(orphan), 10, "the end of the orphan")
    wait_until(lambda: not Path(folder).exists(), 10, "the removal of its folder")
