"""The nginx configuration, in a real nginx, in front of processes that say who they are.

The stand-ins for API processes have loopback addresses of one network and the same port, as
containers would. What only Docker can do (resolving `api`) is replaced by their addresses.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import ClassVar

import httpx
import pytest

from tests.servers.nginx import NginxServer, find_binary, running_nginx
from tests.servers.process import free_port, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy" / "nginx"
NETWORK = "127.30.83"
HOSTS = (2, 31, 254)


class StandIn(BaseHTTPRequestHandler):
    """Answers everything with its own address and what it was asked."""

    protocol_version = "HTTP/1.1"
    hits: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        own = str(self.server.server_address[0])
        self.hits.append(own)
        body = json.dumps(
            {
                "address": own,
                "port": self.server.server_address[1],
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "padding": "x" * 2000,
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stand_in(address: str, port: int) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer((address, port), StandIn)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def with_own_port(text: str, port: int) -> str:
    assert "listen 8080;" in text
    return text.replace("listen 8080;", f"listen 127.0.0.1:{port};")


def compose_configuration(port: int, api_port: int) -> str:
    processes = (DEPLOY / "processes" / "compose.conf").read_text()
    members = "".join(f"server {NETWORK}.{host}:{api_port} fail_timeout=1s;" for host in HOSTS)
    assert "server api:3000 resolve fail_timeout=1s;" in processes
    processes = (
        processes.replace("server api:3000 resolve fail_timeout=1s;", members)
        .replace("${QURE_EDGE_NETWORK}", NETWORK)
        .replace(":3000", f":{api_port}")
    )
    return processes + with_own_port((DEPLOY / "qure.conf").read_text(), port)


@pytest.fixture(scope="module")
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def nginx(api_port: int) -> Iterator[NginxServer]:
    """In front of three processes; `.1` is the machine itself, where something else listens."""
    with ExitStack() as stack:
        for host in (1, *HOSTS):
            stack.enter_context(stand_in(f"{NETWORK}.{host}", api_port))
        port = free_port()
        configuration = compose_configuration(port, api_port)
        yield stack.enter_context(running_nginx(configuration, port=port))


def test_the_main_file_is_well_formed_and_has_room_for_many_phones(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    processes = (DEPLOY / "processes" / "one-machine.conf").read_text()
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "qure.conf").write_text((DEPLOY / "qure.conf").read_text())
    (tmp_path / "conf.d" / "processes.conf").write_text(processes)
    text = text.replace("/etc/nginx/conf.d", str(tmp_path / "conf.d"))
    text = text.replace("/run/nginx.pid", str(tmp_path / "pid"))
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        text = text.replace("http {", f"http {{\n    {name}_temp_path {tmp_path}/{name};", 1)
    (tmp_path / "nginx.conf").write_text(text)
    done = subprocess.run(
        [find_binary(), "-t", "-p", tmp_path, "-c", "nginx.conf"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
    assert int(re.findall(r"worker_connections (\d+);", text)[0]) >= 2 * 10_000


def ask(nginx: NginxServer, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{nginx.url}{path}", headers=headers, timeout=10)


def poll(nginx: NginxServer, sid: str) -> str:
    answer = ask(nginx, f"/socket.io/?EIO=4&transport=polling&sid={sid}")
    assert answer.status_code == 200
    return str(answer.json()["address"])


def test_polling_requests_reach_the_process_that_the_session_id_is_marked_with(
    nginx: NginxServer,
) -> None:
    for host in HOSTS:
        reached = {poll(nginx, f"{host}.Zk3_-{number}") for number in range(8)}
        assert reached == {f"{NETWORK}.{host}"}


def test_requests_without_a_session_are_spread(nginx: NginxServer) -> None:
    everywhere = {f"{NETWORK}.{host}" for host in HOSTS}
    for path in ("/socket.io/?EIO=4&transport=polling", "/api/clinic", "/ws"):
        assert {ask(nginx, path).json()["address"] for _ in range(24)} == everywhere


@pytest.mark.parametrize(
    "sid",
    [
        "1.machine-itself",
        "0.x",
        "255.x",
        "256.x",
        "02.x",
        "1",
        "2",
        "mw1.x",
        "2:22.x",
        "2%3A22.x",
        "evil.example.x",
        "@evil.example",
        "2@evil.example.x",
        "2/..%2f.x",
        "%32.x",
        ".x",
        "",
        "2%0a.x",
    ],
)
def test_a_forged_mark_leads_nowhere_but_to_a_process_of_ours(nginx: NginxServer, sid: str) -> None:
    StandIn.hits.clear()
    for _ in range(4):
        answer = ask(nginx, f"/socket.io/?EIO=4&transport=polling&sid={sid}")
        assert answer.status_code == 200
    assert set(StandIn.hits) <= {f"{NETWORK}.{host}" for host in HOSTS}
    assert len(set(StandIn.hits)) > 1  # No mark: spread like any other request.


def test_a_mark_that_looks_like_an_address_is_read_up_to_its_first_dot(nginx: NginxServer) -> None:
    StandIn.hits.clear()
    assert ask(nginx, "/socket.io/?sid=127.0.0.1.x").status_code == 503  # Nobody is .127 here.
    assert StandIn.hits == []


def test_a_session_of_a_process_that_is_gone_is_refused_soon_and_in_our_envelope(
    nginx: NginxServer,
) -> None:
    began = monotonic()
    answer = ask(nginx, "/socket.io/?EIO=4&transport=polling&sid=77.x")
    assert monotonic() - began < 3
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["code"] == "unavailable"
    assert answer.json()["success"] is False


def test_a_process_that_is_gone_costs_no_request_while_others_stand(api_port: int) -> None:
    with ExitStack() as stack:
        stack.enter_context(stand_in(f"{NETWORK}.{HOSTS[1]}", free := free_port()))
        port = free_port()
        nginx = stack.enter_context(running_nginx(compose_configuration(port, free), port=port))
        for _ in range(12):
            answer = httpx.post(f"{nginx.url}/api/tokens", json={"queueId": "x"}, timeout=10)
            assert answer.json()["address"] == f"{NETWORK}.{HOSTS[1]}"


def test_one_that_is_back_takes_over_at_once_from_one_that_goes(api_port: int) -> None:
    with ExitStack() as stack:
        free, port = free_port(), free_port()
        first, second = (f"{NETWORK}.{host}" for host in HOSTS[:2])
        nginx = stack.enter_context(running_nginx(compose_configuration(port, free), port=port))
        with stand_in(second, free):  # The first one is away, and nginx has noticed.
            assert {ask(nginx, "/api").json()["address"] for _ in range(6)} == {second}
            stack.enter_context(stand_in(first, free))
            wait_until(lambda: ask(nginx, "/api").json()["address"] == first, 3, "its return")
        began = monotonic()
        wait_until(lambda: ask(nginx, "/api").status_code == 200, 3, "an answer")
        assert ask(nginx, "/api").json()["address"] == first
        assert monotonic() - began < 2


def test_the_client_address_is_what_nginx_saw(nginx: NginxServer) -> None:
    headers = ask(
        nginx, "/api/auth/me", **{"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
    ).json()["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert "forwarded" not in headers


def test_the_host_is_passed_on_with_its_port(nginx: NginxServer) -> None:
    # Same-origin checks compare it with the Origin header.
    assert ask(nginx, "/api").json()["headers"]["host"] == f"127.0.0.1:{nginx.port}"


def test_a_well_formed_request_id_is_kept_and_any_other_replaced(nginx: NginxServer) -> None:
    kept = ask(nginx, "/api", **{"X-Request-ID": "phone-7_a.1"}).json()["headers"]
    assert kept["x-request-id"] == "phone-7_a.1"
    for odd in ("a b", "x" * 65, '";drop'):
        given = ask(nginx, "/api", **{"X-Request-ID": odd}).json()["headers"]["x-request-id"]
        assert len(given) == 32
        assert given.isalnum()


def test_figures_are_not_published(nginx: NginxServer) -> None:
    StandIn.hits.clear()
    assert ask(nginx, "/metrics").status_code == 404
    assert ask(nginx, "//metrics").status_code == 404
    assert ask(nginx, "/x/../metrics").status_code == 404
    assert ask(nginx, "/%6detrics").status_code == 404
    assert StandIn.hits == []


def test_json_is_compressed_for_those_who_can_read_it(nginx: NginxServer) -> None:
    assert ask(nginx, "/api").headers["content-encoding"] == "gzip"
    plain = ask(nginx, "/api", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


def answer_to_announced_body(port: int, length: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(
            b"POST /api/clinic HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" % length
        )
        client.settimeout(0.5)
        received = b""
        with suppress(TimeoutError):
            while more := client.recv(65536):
                received += more
        return received


def test_as_large_a_body_is_let_through_as_the_service_takes(nginx: NginxServer) -> None:
    eleven_pictures = 11 * 10 * 1024 * 1024 + 256 * 1024
    assert answer_to_announced_body(nginx.port, eleven_pictures) == b""  # It waits for the body.
    refused = answer_to_announced_body(nginx.port, 112 * 1024 * 1024)
    assert refused.startswith(b"HTTP/1.1 413 ")
    assert json.loads(refused.split(b"\r\n\r\n", 1)[1])["code"] == "body_too_large"


def test_the_list_of_a_fixed_set_of_processes_leads_to_each_of_them() -> None:
    text = (DEPLOY / "processes" / "one-machine.conf").read_text()
    with ExitStack() as stack:
        ports = {}
        for number in range(1, 5):
            ports[number] = port = free_port()
            stack.enter_context(stand_in("127.0.0.1", port))
            assert text.count(f"127.0.0.1:{3000 + number}") == 2
            text = text.replace(f"127.0.0.1:{3000 + number}", f"127.0.0.1:{port}")
        port = free_port()
        text += with_own_port((DEPLOY / "qure.conf").read_text(), port)
        nginx = stack.enter_context(running_nginx(text, port=port))
        for number, own in ports.items():
            answers = [
                ask(nginx, f"/socket.io/?EIO=4&transport=polling&sid=mw{number}.{turn}").json()
                for turn in range(6)
            ]
            assert {answer["port"] for answer in answers} == {own}
        spread = {ask(nginx, "/socket.io/?sid=mw9.x").json()["port"] for _ in range(24)}
        assert spread == set(ports.values())
