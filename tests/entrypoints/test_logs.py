"""Logs are one line an event, hold the request's id and the traceback, and no secrets."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest
import structlog

from qure.entrypoints.logs import configure_logging, without_secrets

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpZCI6IjEifQ.c2lnbmF0dXJl"
SECRETS = [
    "maria@example.com",
    JWT,
    "0f" * 64,
    "$2b$10$" + "a" * 53,
    "hunter2",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
]


def logged(format: str, *, level: str = "INFO") -> StringIO:
    stream = StringIO()
    configure_logging(level=level, format=format, stream=stream)
    return stream


def test_the_standard_library_and_structlog_write_alike() -> None:
    stream = logged("json")
    structlog.contextvars.bind_contextvars(request_id="r-1")
    logging.getLogger("qure.application.relay").warning("left %d to the sweep", 3)
    structlog.get_logger("qure.access").info("request", status=200)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["event"] == "left 3 to the sweep"
    assert first["logger"] == "qure.application.relay"
    assert first["level"] == "warning"
    assert first["request_id"] == second["request_id"] == "r-1"
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["status"]) == ("request", 200)


@pytest.mark.parametrize("format", ["json", "console"])
def test_an_exception_is_logged_with_its_traceback_and_without_its_variables(format: str) -> None:
    stream = logged(format)
    marker = "".join(["value", "-of-a-", "variable"])
    try:
        raise RuntimeError("it broke" + marker[:0])
    except RuntimeError:
        logging.getLogger("qure").exception("something failed")
    text = stream.getvalue()
    assert "something failed" in text
    assert "Traceback (most recent call last)" in text
    assert "RuntimeError: it broke" in text
    assert marker not in text


@pytest.mark.parametrize("format", ["json", "console"])
def test_planted_secrets_do_not_come_out(format: str) -> None:
    stream = logged(format)
    logger = logging.getLogger("qure")
    for secret in SECRETS[:4]:
        logger.info("about %s", secret, extra={"detail": secret, "list": [secret]})
    try:
        raise ValueError(
            f"postgresql://qure:hunter2@host/qure refused {SECRETS[0]}\n"
            f"[parameters: ('{JWT}', 'Maria')]\n{SECRETS[5]}\n/ws?token=hunter2&x=1"
        )
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    for secret in [*SECRETS, "MIIE", "Maria"]:
        assert secret not in text
    assert "<e-mail>" in text


def test_what_is_no_secret_is_left_alone() -> None:
    harmless = "queue 0197f2a0-0000-7000-8000-000000000001 at http://127.0.0.1:3000/docs"
    assert without_secrets(harmless) == harmless


def test_the_level_is_kept_and_the_last_configuration_counts() -> None:
    first = logged("json")
    second = logged("json", level="ERROR")
    logging.getLogger("qure").warning("too soft")
    logging.getLogger("qure").error("loud enough")
    assert first.getvalue() == ""
    assert [json.loads(line)["event"] for line in second.getvalue().splitlines()] == ["loud enough"]


def test_the_servers_own_lines_about_requests_are_not_logged() -> None:
    stream = logged("console", level="DEBUG")
    logging.getLogger("uvicorn.error").info('"WebSocket /ws?token=%s" [accepted]', JWT)
    logging.getLogger("uvicorn.access").info("GET /")
    assert stream.getvalue() == ""
