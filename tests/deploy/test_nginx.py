"""The nginx configuration, in a real nginx, in front of processes that say who they are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import httpx
import pytest

from qure.entrypoints.routes import create_routes
from qure.settings import Settings
from tests.deploy.stand_ins import (
    DEPLOY,
    HOSTS,
    NETWORK,
    StandIn,
    ask,
    compose_configuration,
    nginx_before_three,
    stand_in,
    with_own_port,
)
from tests.support.servers.nginx import NginxServer, find_binary, running_nginx
from tests.support.servers.process import free_port, wait_until


@pytest.fixture(scope="module")
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def nginx(api_port: int) -> Iterator[NginxServer]:
    with nginx_before_three(api_port) as server:
        yield server


def test_the_main_file_is_well_formed_and_has_room_for_many_phones(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    processes = (DEPLOY / "processes" / "one-machine.conf").read_text()
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "qure.conf").write_text((DEPLOY / "qure.conf").read_text())
    (tmp_path / "conf.d" / "processes.conf").write_text(processes)
    (tmp_path / "mime.types").write_text("types { text/html html; }")
    text = text.replace("/etc/nginx/", f"{tmp_path}/")
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
    assert answer.json()["code"] == "service_unavailable"
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


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics%2f", "/apis", "/wss", "/x"])
def test_what_is_not_published_reaches_no_process(nginx: NginxServer, path: str) -> None:
    StandIn.hits.clear()
    answer = ask(nginx, path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert StandIn.hits == []


def test_every_address_of_the_service_is_published_but_the_figures(nginx: NginxServer) -> None:
    app = create_routes(Settings(metrics=True))
    paths = {route.path.split("{", 1)[0] for route in app.routes}
    assert "/metrics" in paths
    for path in paths - {"/metrics"}:
        assert ask(nginx, path).json()["path"] == path


def test_a_header_has_one_spelling(nginx: NginxServer) -> None:
    odd = {"X_Forwarded_For": "6.6.6.6", "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}
    assert "6.6.6.6" not in str(ask(nginx, "/api", **odd).json()["headers"])


def test_only_a_websocket_is_upgraded_to_and_only_where_there_is_one(nginx: NginxServer) -> None:
    def upgrade(path: str, protocol: str) -> str | None:
        headers = {"Connection": "upgrade", "Upgrade": protocol}
        passed_on: dict[str, str] = ask(nginx, path, **headers).json()["headers"]
        assert ("upgrade" in passed_on) is (passed_on.get("connection") == "upgrade")
        return passed_on.get("upgrade")

    for path in ("/ws", "/socket.io/?EIO=4&transport=websocket", "/socket.io"):
        assert upgrade(path, "WebSocket") == "websocket"
        assert upgrade(path, "h2c") is None
    assert upgrade("/api/clinic", "websocket") is None


def test_json_is_compressed_for_those_who_can_read_it(nginx: NginxServer) -> None:
    assert ask(nginx, "/api").headers["content-encoding"] == "gzip"
    plain = ask(nginx, "/api", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


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


def test_a_join_code_is_not_even_written_down_when_no_process_answers() -> None:
    port = free_port()
    with running_nginx(compose_configuration(port, free_port()), port=port) as alone:
        assert ask(alone, "/api/clinic/seen").status_code == 503
        assert ask(alone, "/api/join/unseen").status_code == 503
        assert ask(alone, "/join/unseen").status_code == 503
        assert "/api/clinic/seen" in alone.errors()
        assert "unseen" not in alone.errors()
