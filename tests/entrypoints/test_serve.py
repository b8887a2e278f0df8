"""`qure serve` as a stranger starts it: what it says, what it keeps, how it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import socketio

from tests.entrypoints.commands import run, running, serving
from tests.support.servers.process import accepts_connections, free_port, is_alive, wait_until

ADMIN = {"email": "ada@clinic.example", "password": "correct horse"}
END_SECONDS = 10.0

pytestmark = pytest.mark.timeout(240)


def login(url: str) -> dict[str, Any]:
    answer = httpx.post(f"{url}/api/auth/login", json=ADMIN, timeout=30)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def workers_of(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children()
    alive = [one for one in children if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in alive if "spawn_main" in " ".join(one.cmdline())]


def test_a_strangers_first_day_and_second_start(alone: Path) -> None:
    with serving(folder=alone) as (first, url):
        assert f"Documentation   http://localhost:{port_of(url)}/docs" in first.output
        assert f"Data folder     {alone}/data" in first.output
        assert "create-admin you@example.com" in first.output
        assert f"First admin     http://localhost:{port_of(url)}/setup#" in first.output
        assert httpx.get(f"{url}/docs").status_code == 200

        # Beside the running service, on the same file.
        made = run("create-admin", ADMIN["email"], "--password", ADMIN["password"], folder=alone)
        assert made.returncode == 0, made.stderr
        admin = login(url)
        assert admin["user"]["role"] == "ADMIN"
        given = {"name": "City Clinic", "latitude": 1, "longitude": 1}
        headers = {"Authorization": f"Bearer {admin['accessToken']}"}
        created = httpx.post(f"{url}/api/clinic", json=given, headers=headers)
        assert created.status_code == 201

        code, seconds = first.end(signal.SIGINT)
        assert (code, seconds < END_SECONDS) == (0, True)
        assert "Traceback" not in first.errors
        assert not accepts_connections(port_of(url))

    with serving(folder=alone) as (second, url):
        assert "/setup" not in second.output
        # An access JWT of yesterday's keys, and yesterday's clinic.
        found = httpx.get(f"{url}/api/clinic", headers=headers)
        assert [one["name"] for one in found.json()["data"]["clinics"]] == ["City Clinic"]
        assert second.end()[0] == 0


def test_a_promotion_reaches_the_running_service(alone: Path) -> None:
    with serving(folder=alone) as (_, url):
        names = {"firstName": "Ada", "lastName": "Lovelace"}
        person = {**names, **ADMIN, "confirmPassword": ADMIN["password"]}
        assert httpx.post(f"{url}/api/auth/register", json=person).status_code == 201
        headers = {"Authorization": f"Bearer {login(url)['accessToken']}"}
        assert httpx.get(f"{url}/api/users", headers=headers).status_code == 403
        assert run("create-admin", ADMIN["email"], folder=alone).returncode == 0
        wait_until(
            lambda: httpx.get(f"{url}/api/users", headers=headers).status_code == 200,
            5,
            "the promotion",
        )


async def test_it_ends_within_ten_seconds_with_sockets_open(alone: Path) -> None:
    with serving(folder=alone) as (command, url):
        run("create-admin", ADMIN["email"], "--password", ADMIN["password"], folder=alone)
        token = login(url)["accessToken"]
        clients = [socketio.AsyncClient(reconnection=False) for _ in range(2)]
        for client, transport in zip(clients, ("polling", "websocket"), strict=True):
            await client.connect(url, auth={"token": token}, transports=[transport])
        command.process.send_signal(signal.SIGTERM)
        for client in clients:
            await client.wait()
            await client.shutdown()
        assert command.process.wait(END_SECONDS) == 0
        assert "Traceback" not in command.errors


def become_admin(url: str, code: str) -> int:
    """How that is answered."""
    names = {"firstName": "Ada", "lastName": "Lovelace", "code": code}
    given = {**names, **ADMIN, "confirmPassword": ADMIN["password"]}
    return httpx.post(f"{url}/api/setup", json=given, timeout=30).status_code


@pytest.mark.parametrize("workers", [1, 2])
def test_the_code_that_is_shown_makes_the_first_admin_in_any_process(
    alone: Path, redis_database: str, workers: int
) -> None:
    given = ("--workers", str(workers))
    with serving(*given, folder=alone, REDIS_URL=redis_database) as (command, url):
        shown = command.wait_for(r"First admin +http://\S+/setup#(\S+) \(code (\S+)\)\n")
        assert shown[1] == shown[2]
        assert become_admin(url, "AAAA-AAAA-AAAA") == 403
        assert become_admin(url, shown[1]) == 201
        assert login(url)["user"]["role"] == "ADMIN"
        # Each connection is another one's turn.
        assert {become_admin(url, shown[1]) for _ in range(4)} == {409}
        assert shown[1] not in command.errors
        command.end()
        assert shown[1] not in command.errors


def test_a_database_that_is_away_behind_its_pooler_does_not_stop_the_start(
    alone: Path, postgres_database: str, redis_database: str
) -> None:
    pooler = f"postgresql://qure@127.0.0.1:{free_port()}/qure"
    away = {"DATABASE_URL": pooler, "DATABASE_DIRECT_URL": postgres_database}
    away |= {"REDIS_URL": redis_database}  # Without it the server does its own jobs, and must wait.
    with serving(folder=alone, **away) as (command, url):
        assert "/setup" not in command.output
        assert httpx.get(f"{url}/health", timeout=30).status_code == 200


def test_several_workers_serve_one_port_and_are_replaced_when_they_die(
    alone: Path, redis_database: str
) -> None:
    with serving("--workers", "2", folder=alone, REDIS_URL=redis_database) as (command, url):
        assert "over WebSocket only" in command.output
        pid = command.process.pid
        first, other = workers_of(pid)
        first.kill()
        assert httpx.get(f"{url}/health", timeout=30).status_code == 200
        wait_until(
            lambda: len(workers_of(pid)) == 2 and first not in workers_of(pid), 30, "a new worker"
        )
        assert other in workers_of(pid)
        assert "is started again" in command.errors
        members = workers_of(pid)
        code, seconds = command.end(signal.SIGINT)
        assert (code, seconds < END_SECONDS) == (0, True)
        assert not any(map(is_alive, members))
        assert "Traceback" not in command.errors


def test_workers_end_when_the_process_that_started_them_is_killed(
    alone: Path, redis_database: str
) -> None:
    with serving("--workers", "2", folder=alone, REDIS_URL=redis_database) as (command, url):
        members = workers_of(command.process.pid)
        command.process.kill()
        command.process.wait()
        wait_until(lambda: not any(map(is_alive, members)), 20, "the end of the workers")
        assert not accepts_connections(port_of(url))


def test_workers_that_cannot_start_end_the_command_with_one_line(
    alone: Path, redis_database: str
) -> None:
    (alone / "data" / "keys").mkdir(parents=True)
    (alone / "data" / "keys" / "jwt-private-key.pem").write_text("damaged")
    ended = run(*("serve", "--port", "0", "--workers", "2"), folder=alone, REDIS_URL=redis_database)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("qure: the keys in data cannot be used: ")


@pytest.mark.parametrize("moment", [".", "qure.db", "keys"])
def test_an_interrupt_while_it_starts_leaves_no_traceback(alone: Path, moment: str) -> None:
    with running("serve", "--port", "0", folder=alone) as command:
        wait_until(lambda: (alone / "data" / moment).exists(), 60, "that moment")
        os.kill(command.process.pid, signal.SIGINT)
        assert command.process.wait(30) in (0, 130)
        assert "Traceback" not in command.errors
