"""Logs are one line an event, hold the request's id and the traceback, and no secrets."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest
import structlog

from qure.entrypoints.observability.logs import OnceAMinute, configure_logging, without_secrets

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
    logging.getLogger("qure.application.announcing.relay").warning("left %d to the sweep", 3)
    structlog.get_logger("qure.access").info("request", status=200)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["event"] == "left 3 to the sweep"
    assert first["logger"] == "qure.application.announcing.relay"
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


# --- What strangers can put into a line, and how often ---

FORGED = "2026-01-01T00:00:00Z [info     ] forged"
HOSTILE = [
    f"a\n{FORGED}",
    f"a\r{FORGED}",
    f"a\r\n{FORGED}",
    f"a\x0b{FORGED}\x0c{FORGED}\x1c{FORGED}",
    f"a\x85{FORGED}",  # NEL, a line end among the C1 controls
    f"a\u2028{FORGED}\u2029{FORGED}",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "\x9b2Jcleared\x9d0;title\x9c",
    "a\x08\x08\x00\x7f",
    "\u202egnp.exe\u2066",  # turns the direction of what follows
    "half \ud800 a character",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_no_value_begins_a_line_or_speaks_to_the_terminal(hostile: str) -> None:
    stream = logged("console")
    logging.getLogger("qure").warning("refused %s", hostile)
    logging.getLogger("qure").warning(hostile)
    logging.getLogger(f"qure.{hostile}").warning("from a logger of that name")
    logging.getLogger("qure").warning("more", extra={"detail": hostile, "list": [hostile]})
    structlog.get_logger("qure").warning(hostile, detail=hostile, nested={hostile: hostile})
    structlog.get_logger("qure").warning("refused %s", hostile, code=Quoting(hostile))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6
    assert all(line.isprintable() and not line.startswith(FORGED) for line in lines)
    assert stream.getvalue().count("\n") == 6


class Quoting:
    """Something whose description holds what a stranger sent."""

    def __init__(self, quoted: str) -> None:
        self._quoted = quoted

    def __repr__(self) -> str:
        return f"<{self._quoted}>"


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_a_traceback_keeps_its_lines_but_begins_none_at_the_edge(hostile: str) -> None:
    stream = logged("console")
    try:
        raise ValueError(hostile)
    except ValueError:
        logging.getLogger("qure").exception("failed", stack_info=True)
    first, *others = stream.getvalue().splitlines()
    assert "failed" in first
    assert any("Traceback (most recent call last)" in line for line in others)
    assert all(line.isprintable() for line in others)
    # Between a stack and an exception there is a rule.
    assert all(line.startswith("    ") for line in others if line.strip("="))


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_in_json_every_event_is_one_line_that_says_what_was_sent(hostile: str) -> None:
    stream = logged("json")
    logging.getLogger("qure").warning("refused %s", hostile, extra={"detail": hostile})
    structlog.get_logger("qure").warning(hostile, detail=hostile)
    first, second = map(json.loads, stream.getvalue().split("\n")[:-1])
    assert (first["event"], first["detail"]) == (f"refused {hostile}", hostile)
    assert (second["event"], second["detail"]) == (hostile, hostile)
    assert stream.getvalue().replace("\n", "").isascii()
    assert "\x1b" not in stream.getvalue()


def test_what_prints_is_left_as_it_is() -> None:
    stream = logged("console")
    logging.getLogger("qure").warning("Zo\u00eb \u738b \u00abok\u00bb %d %s", 3, None)
    structlog.get_logger("qure").warning("counted", many=3, none=None, share=0.5, yes=True)
    first, second = stream.getvalue().splitlines()
    assert "Zo\u00eb \u738b \u00abok\u00bb 3 None" in first
    assert "many=3 none=None share=0.5 yes=True" in second


def test_what_any_client_can_cause_is_a_line_a_minute() -> None:
    now = 1000.0
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(OnceAMinute(now=lambda: now))
    server = logging.getLogger("uvicorn.error")
    server.addHandler(handler)

    def attack() -> None:
        for _ in range(1000):
            server.warning("Invalid HTTP request received.")
            server.warning("Unsupported upgrade request.")

    try:
        attack()
        now += 59.0
        attack()
        now += 1.0
        attack()
        server.error("a fault of our own")
        server.error("a fault of our own")
    finally:
        server.removeHandler(handler)
    assert stream.getvalue().splitlines() == [
        "Invalid HTTP request received.",
        "Unsupported upgrade request.",
        "Invalid HTTP request received. (and 1999 before)",
        "Unsupported upgrade request. (and 1999 before)",
        "a fault of our own",
        "a fault of our own",
    ]


def test_a_line_about_clients_is_logged_once_a_minute_with_the_number_of_the_rest() -> None:
    now = 1000.0
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(OnceAMinute(now=lambda: now))
    sockets = logging.getLogger("qure.adapters.sockets.testing")
    sockets.addHandler(handler)
    try:
        for number in range(100):
            sockets.warning("number %d", number)
        sockets.warning("something else")
        now += 60.0
        sockets.warning("number %d", 100)
        try:
            raise ValueError("a fault")
        except ValueError:
            sockets.exception("number %d", 101)
    finally:
        sockets.removeHandler(handler)
    lines = stream.getvalue().splitlines()
    assert lines.pop() == "ValueError: a fault"
    assert lines[:4] == [
        "number 0",
        "something else",
        "number 100 (and 99 before)",
        "number 101",
    ]


@pytest.mark.parametrize("format", ["json", "console"])
def test_ids_of_polling_sessions_are_not_logged(format: str) -> None:
    stream = logged(format)
    transport = logging.getLogger("qure.adapters.sockets.engineio")
    for sid in ("Zk3_l0-9aBcDeFgHiJkAAAB", "a.Zk3_l0-9aBcDeFgHiJkAAAB"):
        for line in (
            "Invalid session {} (further occurrences of this error will be logged with level INFO)",
            "'Session not found' {}",
            "'Session is disconnected' {}",
            "Cannot send to sid {}",
            "socket {} is dropped: its client does not read what it is sent",
            "GET /socket.io/?EIO=4&transport=polling&sid={}&t=1",
        ):
            transport.error(line.format(sid))
    assert "Zk3_l0" not in stream.getvalue()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 12
    assert all("<session>" in line for line in lines)
