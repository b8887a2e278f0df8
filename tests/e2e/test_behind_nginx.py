"""Several processes behind the shipped nginx configuration, and the JavaScript client before it.

The proxy spreads what it may, so a polling client that is not sent back to the process of its
session fails at once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.support.servers.nginx import NginxServer, running_nginx
from tests.support.servers.postgres import running_postgres
from tests.support.servers.process import free_port
from tests.support.servers.qure import QureProcess
from tests.support.servers.redis import running_redis

pytestmark = pytest.mark.timeout(300)  # Five servers are started in the first one's time.

ROOT = Path(__file__).parents[2]
NGINX = ROOT / "deploy" / "nginx"
ADMIN = {"email": "admin@example.org", "password": "correct horse"}
NETWORK = "127.30.84"
HOSTS = (2, 3)
HANDSHAKE = "/socket.io/?EIO=4&transport=polling"


@dataclass(slots=True)
class Deployment:
    """Processes, and the proxy before them."""

    nginx: NginxServer
    processes: list[QureProcess]
    marks: set[str]

    @property
    def url(self) -> str:
        """Where clients go."""
        return self.nginx.url


def free_ports_in_a_row(count: int) -> int:
    """The first of so many loopback ports that nothing listens on at this moment."""
    while True:
        first = free_port()
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    probe = stack.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return first


@pytest.fixture(
    scope="module", params=["workers of one command", "replicas with addresses of their own"]
)
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """As on one machine with a list of processes, and as in compose with a network of replicas."""
    with ExitStack() as stack:
        backends = {
            "DATABASE_URL": stack.enter_context(running_postgres()).dsn,
            "REDIS_URL": stack.enter_context(running_redis()).url,
        }
        port = free_port()
        server = (
            (NGINX / "qure.conf").read_text().replace("listen 8080;", f"listen 127.0.0.1:{port};")
        )
        settings = {**backends, "QURE_TRUSTED_PROXIES": "127.0.0.1"}
        if "workers" in request.param:
            first = free_ports_in_a_row(3)
            settings |= {"PORT": str(first), "QURE_PROCESS_MARK": "m"}
            processes = [QureProcess(settings, "serve", "--workers", "2")]
            marks = {"mw1", "mw2"}
            text = (NGINX / "processes" / "one-machine.conf").read_text()
            text = "\n".join(line for line in text.splitlines() if not re.search("300[34]", line))
            text = re.sub(r"300([12])", lambda found: str(first + int(found[1])), text)
        else:
            api_port = free_port()
            # One data folder for all, as in compose: the signing keys are in it.
            settings |= {
                "PORT": str(api_port),
                "QURE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
            }
            processes = [
                QureProcess(
                    settings | {"QURE_HOST": f"{NETWORK}.{host}", "QURE_PROCESS_MARK": str(host)},
                    "serve",
                )
                for host in HOSTS
            ]
            marks = {str(host) for host in HOSTS}
            members = "".join(
                f"server {NETWORK}.{host}:{api_port} fail_timeout=1s;" for host in HOSTS
            )
            text = (NGINX / "processes" / "compose.conf").read_text()
            text = (
                text.replace("server api:3000 resolve fail_timeout=1s;", members)
                .replace("${QURE_EDGE_NETWORK}", NETWORK)
                .replace(":3000", f":{api_port}")
            )
        for process in processes:
            stack.callback(process.close)
            process.start()
        processes[0].command("create-admin", ADMIN["email"], "--password", ADMIN["password"])
        nginx = stack.enter_context(running_nginx(text + "\n" + server, port=port))
        yield Deployment(nginx, processes, marks)
        for process in processes:
            began = monotonic()
            process.stop()
            assert monotonic() - began < 10


def session_ids(deployment: Deployment, count: int) -> list[str]:
    found = []
    for _ in range(count):
        answer = httpx.get(f"{deployment.url}{HANDSHAKE}")
        assert answer.status_code == 200
        found.append(json.loads(answer.text[1:])["sid"])
    return found


def test_the_javascript_client_lives_through_every_transport(deployment: Deployment) -> None:
    if shutil.which("node") is None:
        pytest.fail("node is missing: install Node.js 18 or newer with npm")
    subprocess.run([ROOT / "scripts" / "install-js", "tests/support/js"], cwd=ROOT, check=True)
    done = subprocess.run(
        [
            "node",
            "--test",
            *sorted(map(str, (ROOT / "tests" / "support" / "js").glob("*.test.mjs"))),
        ],
        cwd=ROOT,
        env=os.environ | {"QURE_TEST_URL": deployment.url, "QURE_TEST_ADMIN": json.dumps(ADMIN)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_sessions_are_spread_and_each_is_found_again(deployment: Deployment) -> None:
    sids = session_ids(deployment, 24)
    spread = Counter(sid.split(".")[0] for sid in sids)
    assert set(spread) == deployment.marks
    for sid in sids:
        # A process that does not know the session answers 400.
        answer = httpx.post(f"{deployment.url}{HANDSHAKE}&sid={sid}", content="40{}")
        assert (answer.status_code, answer.text) == (200, "ok")


def test_a_session_under_another_mark_is_refused(deployment: Deployment) -> None:
    sid = session_ids(deployment, 1)[0]
    mark, _, rest = sid.partition(".")
    other = next(iter(deployment.marks - {mark}))
    answer = httpx.post(f"{deployment.url}{HANDSHAKE}&sid={other}.{rest}", content="40{}")
    assert answer.status_code == 400


def test_a_login_remembers_the_address_that_the_proxy_saw(deployment: Deployment) -> None:
    login = httpx.post(
        f"{deployment.url}/api/auth/login", json=ADMIN, headers={"X-Forwarded-For": "6.6.6.6"}
    ).json()["data"]
    sessions = httpx.get(
        f"{deployment.url}/api/auth/sessions",
        headers={"Authorization": f"Bearer {login['accessToken']}"},
    ).json()["data"]
    assert {session["ipAddress"] for session in sessions} == {"127.0.0.1"}
