"""docs/operations.md is true: its table of settings, and its commands for backup and restore."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from qure.bootstrap import build, schema_of
from qure.settings import Settings, load_settings
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.process import LOOPBACK

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()


def table() -> dict[str, str]:
    """Variable to default, as the document says."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\| .{10,} \|$", TEXT, re.MULTILINE)
    return dict(rows)


def example() -> dict[str, str]:
    """Variable to default, as the example says (which a test holds against settings.py)."""
    text = (ROOT / ".env.example").read_text().split("# --- Only for docker compose")[0]
    return dict(re.findall(r"^# ([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))


def test_the_table_has_every_setting_with_its_default_and_no_other() -> None:
    assert table() == example()
    assert len(table()) > 20


def test_the_defaults_in_the_table_are_those_of_the_program() -> None:
    assert load_settings(table(), env_file=None) == Settings()


def test_what_compose_alone_reads_is_named() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    for name in set(re.findall(r"\$\{([A-Z0-9_]+)", compose)):
        assert f"`{name}`" in TEXT, name


def test_every_figure_that_is_named_exists() -> None:
    figures = (ROOT / "src" / "qure" / "entrypoints" / "observability" / "metrics.py").read_text()
    for name in set(re.findall(r"`(qure_[a-z_]+)", TEXT)):
        assert f'"{name.removesuffix("_total")}"' in figures, name


def commands(chapter: str, kind: str) -> list[str]:
    """The lines of the code block that begins with ``# kind`` under that heading."""
    section = TEXT.split(f"### {chapter}\n", 1)[1]
    block = re.search(rf"```sh\n# {kind}\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block[1].strip().splitlines()


def run(lines: list[str], folder: Path, **environment: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line in lines:
        subprocess.run(
            line, shell=True, cwd=folder, check=True, env=os.environ | {"PATH": path} | environment
        )


async def add_people(settings: Settings, *names: str) -> None:
    container = build(settings)
    async with container.running():
        for name in names:
            await container.use_cases.registration.register(
                first_name=name,
                last_name="Curie",
                email=f"{name}@example.org",
                password="correct horse",
            )


def people_in(database: Path) -> set[str]:
    with sqlite3.connect(database) as connection:
        return {row[0] for row in connection.execute("SELECT first_name FROM users")}


async def test_the_embedded_service_is_backed_up_while_it_runs_and_restored(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = Settings(data_dir=data, bcrypt_rounds=4)
    await schema_of(settings).migrate()
    await add_people(settings, "maria", "irene")
    container = build(settings)
    async with container.running(), container.storage.write():
        # Even a writer in mid-transaction does not stop it.
        (data / "media").mkdir(exist_ok=True)
        (data / "media" / "a.jpg").write_bytes(b"picture")
        await asyncio.to_thread(run, commands("Embedded (SQLite)", "backup"), tmp_path)
    key = (data / "keys" / "jwt-private-key.pem").read_bytes()
    await add_people(settings, "eve")
    (data / "keys" / "jwt-private-key.pem").unlink()
    (data / "media" / "a.jpg").unlink()
    assert people_in(data / "qure.db") == {"maria", "irene", "eve"}

    run(commands("Embedded (SQLite)", "restore"), tmp_path)

    assert people_in(data / "qure.db") == {"maria", "irene"}
    assert (data / "keys" / "jwt-private-key.pem").read_bytes() == key
    assert (data / "media" / "a.jpg").read_bytes() == b"picture"
    await add_people(settings, "pierre")  # It is a whole database, not only a readable one.


@pytest.fixture
def postgres(own_postgres: PostgresServer) -> tuple[str, dict[str, str]]:
    """As in compose: a user and a database `qure`; and what makes Postgres' tools find it."""

    async def prepare() -> None:
        connection = await asyncpg.connect(own_postgres.dsn)
        await connection.execute("CREATE ROLE qure LOGIN PASSWORD 'given' SUPERUSER")
        await connection.execute("CREATE DATABASE qure OWNER qure")
        await connection.close()

    asyncio.run(prepare())
    dsn = f"postgresql://qure:given@{LOOPBACK}:{own_postgres.port}/qure"
    tools = {
        "PGHOST": LOOPBACK,
        "PGPORT": str(own_postgres.port),
        "PGPASSWORD": "given",
        "PATH": f"{own_postgres.binaries}{os.pathsep}{os.environ['PATH']}",
    }
    return dsn, tools


def of_postgres(kind: str) -> list[str]:
    """The commands that run in the container of Postgres, as they run there."""
    inside = "docker compose exec -T postgres "
    found = commands("Postgres (compose)", kind)
    return [line.removeprefix(inside) for line in found if line.startswith(inside)]


def test_postgres_is_backed_up_and_restored(
    postgres: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    dsn, tools = postgres
    settings = Settings(
        data_dir=tmp_path, database_url=dsn, database_direct_url=dsn, bcrypt_rounds=4
    )

    async def people() -> set[str]:
        connection = await asyncpg.connect(dsn)
        found = {row[0] for row in await connection.fetch("SELECT first_name FROM users")}
        await connection.close()
        return found

    asyncio.run(schema_of(settings).migrate())
    asyncio.run(add_people(settings, "maria", "irene"))
    assert len(of_postgres("backup")) == len(of_postgres("restore")) == 1
    run(of_postgres("backup"), tmp_path, **tools)
    asyncio.run(add_people(settings, "eve"))
    run(of_postgres("restore"), tmp_path, **tools)
    assert asyncio.run(people()) == {"maria", "irene"}
    asyncio.run(add_people(settings, "pierre"))
    assert asyncio.run(people()) == {"maria", "irene", "pierre"}
