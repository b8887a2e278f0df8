"""Whatever goes wrong, a client gets the envelope and a stable code."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from litestar.exceptions import InternalServerException

from qure.domain import errors
from qure.domain.errors import Unavailable
from qure.entrypoints.http.bodies import MAX_JSON_BYTES
from qure.entrypoints.http.errors import STATUS, status_of
from qure.settings import Settings
from tests.support.builders import FixedClock
from tests.support.http_service import HttpService, bad_fields, data_of, refused, running_service

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "path", ["/x", "/api", "/api/nothing", "/api/auth", "/api/tokens/a/b/c", "/health/x", "/apix"]
)
async def test_an_address_with_nothing_behind_it_is_404(service: HttpService, path: str) -> None:
    refused(await service.http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/auth/login", "OPTIONS, POST"),
        ("PATCH", "/api/clinic", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
        ("HEAD", "/api/auth/login", "OPTIONS, POST"),
        ("TRACE", "/api/auth/me", "GET, HEAD, OPTIONS, PUT"),
        ("QUERY", "/health/ready", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_method_that_an_address_does_not_know_is_405_and_says_which_it_does(
    service: HttpService, method: str, path: str, allowed: str
) -> None:
    response = await service.http.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    if method != "HEAD":
        refused(response, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"email": }',
        b"nonsense",
        b"\xff\xfe",
        b'{"email": "\\ud800"}',
        b'"\xed\xa0\x80"',
        b'{"a": 1e999}',
        b"[" * 50_000,
        b"NaN",
    ],
)
async def test_malformed_json_is_400(service: HttpService, body: bytes) -> None:
    response = await service.http.post("/api/auth/login", content=body, headers=JSON)
    refused(response, 400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"5"])
async def test_json_that_is_no_object_is_400(service: HttpService, body: bytes) -> None:
    response = await service.http.post("/api/auth/login", content=body, headers=JSON)
    assert bad_fields(response) == [""]


async def test_no_body_at_all_is_an_object_without_fields(service: HttpService) -> None:
    assert bad_fields(await service.http.post("/api/auth/login")) == ["email", "password"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data"],
)
async def test_a_body_that_is_not_json_is_415(service: HttpService, content_type: str) -> None:
    response = await service.http.post(
        "/api/auth/login", content=b"email=a", headers={"content-type": content_type}
    )
    refused(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_form_that_is_none_is_415(service: HttpService, content_type: str) -> None:
    patient = await service.patient()
    response = await patient.put(
        "/auth/me", content=b"firstName=Anna", headers={"content-type": content_type}
    )
    refused(response, 415, "unsupported_media_type")


async def test_a_packed_body_is_415(service: HttpService) -> None:
    response = await service.http.post(
        "/api/auth/login", content=b"\x1f\x8b", headers={**JSON, "content-encoding": "gzip"}
    )
    refused(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/merge-patch+json", ""]
)
async def test_json_is_known_by_any_of_its_names(service: HttpService, content_type: str) -> None:
    patient = await service.patient()
    headers = {"content-type": content_type} if content_type else {}
    response = await patient.put("/auth/me", content=b'{"firstName":"Anna"}', headers=headers)
    assert data_of(response)["firstName"] == "Anna"


async def test_a_json_body_over_the_bound_is_413(service: HttpService) -> None:
    fits, too_large = (
        b'{"x": "' + b"x" * (size - 9) + b'"}' for size in (MAX_JSON_BYTES, MAX_JSON_BYTES + 1)
    )
    response = await service.http.post("/api/auth/login", content=fits, headers=JSON)
    assert bad_fields(response) == ["email", "password"]
    response = await service.http.post("/api/auth/login", content=too_large, headers=JSON)
    refused(response, 413, "body_too_large")


class Endless:
    """A body that never says how long it is, and counts how much of it was taken."""

    def __init__(self, head: bytes = b"") -> None:
        self.head = head
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.head
        while self.taken < 500_000_000:
            self.taken += 16_384
            yield b"x" * 16_384


async def test_a_body_without_a_length_is_bounded_while_it_streams(service: HttpService) -> None:
    body = Endless()
    response = await service.http.post("/api/auth/login", content=body, headers=JSON)
    refused(response, 413, "body_too_large")
    assert body.taken <= 2 * MAX_JSON_BYTES


def part(name: str, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return f"--edge\r\nContent-Disposition: {disposition}\r\n\r\n".encode()


FORM = {"content-type": "multipart/form-data; boundary=edge"}


@pytest.mark.parametrize(
    ("head", "most"),
    [(part("firstName"), 200_000), (part("profilePicture", "a.jpg"), 2_000_000)],
)
async def test_every_part_of_a_form_is_bounded_while_it_streams(
    settings: Settings, clock: FixedClock, head: bytes, most: int
) -> None:
    async with running_service(replace(settings, max_image_bytes=1_000_000), clock) as service:
        patient = await service.patient()
        body = Endless(head)
        response = await patient.put("/auth/me", content=body, headers=FORM)
        refused(response, 413, "body_too_large")
        assert body.taken <= most


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "multipart/form-data"}, b"--edge--\r\n"),
        ({"content-type": 'multipart/form-data; boundary=""'}, b"--edge--\r\n"),
        (FORM, b"not a form"),
        (FORM, part("firstName") + b"Anna"),
        (FORM, part("firstName") + b"\xff\xfe\r\n--edge--\r\n"),
        (FORM, b"--edge\r\nNo-Disposition: x\r\n\r\nx\r\n--edge--\r\n"),
        (FORM, b""),
    ],
)
async def test_a_form_that_cannot_be_read_is_400(
    service: HttpService, headers: dict[str, str], body: bytes
) -> None:
    patient = await service.patient()
    refused(await patient.put("/auth/me", content=body, headers=headers), 400, "malformed_form")


async def test_a_form_of_too_many_parts_is_413(service: HttpService) -> None:
    patient = await service.patient()
    body = b"".join(part("x") + b"x\r\n" for _ in range(1000)) + b"--edge--\r\n"
    refused(await patient.put("/auth/me", content=body, headers=FORM), 413, "body_too_large")


async def test_what_follows_a_form_and_what_is_unknown_in_it_means_nothing(
    service: HttpService,
) -> None:
    patient = await service.patient()

    async def body() -> AsyncIterator[bytes]:
        yield part("firstName") + b"Anna\r\n" + part("role") + b"ADMIN\r\n"
        yield part("other", "x.bin") + b"\xff\xfe\r\n--edge--\r\n"
        yield b"epilogue"

    response = await patient.put("/auth/me", content=body(), headers=FORM)
    data = data_of(response)
    assert (data["firstName"], data["role"]) == ("Anna", "PATIENT")


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/clinic/17", "clinicId"),
        ("PUT", "/clinic/not-a-uuid", "clinicId"),
        ("GET", "/clinic/17/staff", "clinicId"),
        ("POST", "/clinic/17/staff", "clinicId"),
        ("POST", "/queues/init/17", "clinicId"),
        ("GET", "/queues/17", "clinicId"),
        ("GET", "/queues/17/status", "queueId"),
        ("PATCH", "/queues/17/status", "queueId"),
        ("POST", "/queues/17/call-next", "queueId"),
        ("DELETE", "/tokens/17", "tokenId"),
        ("GET", "/tokens/17", "patientId"),
        ("GET", "/tokens/queue/17", "queueId"),
        ("POST", "/tokens/17/start", "tokenId"),
        ("POST", "/tokens/17/complete", "tokenId"),
        ("POST", "/tokens/17/skip", "tokenId"),
        ("PATCH", "/users/17", "userId"),
        ("DELETE", "/auth/sessions/17", "sessionId"),
        ("GET", "/clinic/%00", "clinicId"),
        ("GET", "/clinic/%F0%9F%92%A9", "clinicId"),
    ],
)
async def test_an_id_in_a_path_that_is_no_uuid_is_400(
    service: HttpService, method: str, path: str, name: str
) -> None:
    admin = await service.admin()
    assert bad_fields(await admin.call(method, path)) == [name]


async def test_two_bad_ids_in_one_path_are_both_named(service: HttpService) -> None:
    admin = await service.admin()
    response = await admin.delete("/clinic/17/staff/18")
    assert bad_fields(response) == ["clinicId", "userId"]


@pytest.mark.parametrize("path", ["/clinic", "/clinic/", "/users/", "//clinic"])
async def test_a_slash_too_many_is_forgiven(service: HttpService, path: str) -> None:
    admin = await service.admin()
    data_of(await admin.get(path))


async def test_a_head_is_a_get_without_its_body(service: HttpService) -> None:
    patient = await service.patient()
    for path in ("/api/auth/me", "/health", "/docs"):
        headers = {"Authorization": f"Bearer {patient.access_token}"}
        got = await service.http.get(path, headers=headers)
        head = await service.http.head(path, headers=headers)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(got.content))
        assert head.headers["content-type"] == got.headers["content-type"]
    assert (await service.http.head("/api/auth/me")).status_code == 401


async def test_options_need_no_login_and_say_what_is_allowed(service: HttpService) -> None:
    response = await service.http.options("/api/clinic")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_an_unexpected_fault_is_500_with_an_id_and_no_internals(
    service: HttpService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is sesame")

    patient = await service.patient()
    monkeypatch.setattr(service.container.use_cases.tokens, "active_of", broken)
    with caplog.at_level(logging.ERROR):
        response = await patient.get(f"/tokens/{patient.id}")
    body = refused(response, 500, "internal_error")
    request_id = response.headers["x-request-id"]
    assert body["meta"] == {"requestId": request_id}
    assert "sesame" not in response.text
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert request_id in record.getMessage()
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the secret is sesame"
    assert patient.id not in record.getMessage()


async def test_a_fault_of_the_framework_is_a_500_like_any_other(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise InternalServerException("details of ours")

    patient = await service.patient()
    monkeypatch.setattr(service.container.use_cases.tokens, "active_of", broken)
    response = await patient.get(f"/tokens/{patient.id}")
    refused(response, 500, "internal_error")
    assert "details" not in response.text


async def test_a_websocket_where_there_is_none_is_closed(service: HttpService) -> None:
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/api/tokens",
        "raw_path": b"/api/tokens",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"qure.example")],
        "subprotocols": [],
        "scheme": "ws",
        "client": ("127.0.0.1", 5),
        "server": ("qure.example", 80),
    }
    await service.app(scope, receive, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_backend_that_is_away_is_503_and_says_when_to_try_again(
    service: HttpService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise Unavailable("The database is away for the moment.", retry_after=7)

    patient = await service.patient()
    monkeypatch.setattr(service.container.use_cases.tokens, "active_of", away)
    response = await patient.get(f"/tokens/{patient.id}")
    refused(response, 503, "service_unavailable")
    assert response.headers["retry-after"] == "7"


async def test_a_host_that_is_none_is_400(service: HttpService) -> None:
    response = await service.http.get("/health", headers={"host": "a b/c"})
    refused(response, 400, "bad_request")


async def test_a_client_that_hangs_up_in_its_body_is_no_fault_of_ours(
    service: HttpService, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[dict[str, object]] = []
    messages: Iterator[dict[str, object]] = iter(
        [
            {"type": "http.request", "body": b'{"email"', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/auth/login",
        "raw_path": b"/api/auth/login",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"qure.example"), (b"content-type", b"application/json")],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 5),
        "server": ("qure.example", 80),
    }
    await service.app(scope, receive, send)  # type: ignore[arg-type]
    assert sent[0]["status"] == 400
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_every_kind_of_refusal_has_exactly_one_status() -> None:
    kinds = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.DomainError)
        and kind is not errors.DomainError
    }
    assert kinds <= set(STATUS)
    assert status_of(errors.NotFound("x", "X.")) == 404
