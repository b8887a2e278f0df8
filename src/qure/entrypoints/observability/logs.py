"""How the program logs: one line an event, for a person or as JSON, with the request's id in it.

Everything else only uses ``logging``. Nobody's address, name or secret belongs into a message; what
slips in all the same (an exception of a library may quote what it was given) is redacted here.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor, WrappedLogger

from qure.application import correlation

_REDACTIONS = (
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL), "<key>"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"), "<token>"),
    (re.compile(r"\b[0-9a-fA-F]{64,}\b"), "<secret>"),
    (re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"), "<hash>"),
    (re.compile(r"(?<=://)[^\s/@'\"]+@"), "<secret>@"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"\[parameters: .*\]"), "[parameters: <hidden>]"),
    (re.compile(r"(?i)\b((?:access_?)?token|password|secret)=[^\s&'\"]+"), r"\1=<hidden>"),
    # Whoever knows the id of a polling session can read and write in it. These words are ours and
    # Engine.IO's before one.
    (
        re.compile(
            r"(?i)\b((?:session(?: not found| is disconnected)?|socket|sid)['\"]?[ =:]+['\"]?)"
            r"[\w.-]{20,}"
        ),
        r"\1<session>",
    ),
)

_ANYBODY_CAN_CAUSE = frozenset(
    {"Invalid HTTP request received.", "Unsupported upgrade request."}  # uvicorn's
)
_ABOUT_CLIENTS = "qure.adapters.sockets."
_ONCE_IN_SECONDS = 60.0

_OF_MANY_LINES = ("exception", "stack")

_TOO_TALKATIVE = {
    "uvicorn.error": logging.WARNING,  # its INFO lines hold query strings
    "uvicorn.access": logging.CRITICAL,  # our own access log is structured
    "aiosqlite": logging.INFO,  # at DEBUG it writes every statement with its values
    "alembic": logging.WARNING,
    "saq": logging.ERROR,  # it warns of every end in order, and of Redis being away each second
    "urllib3": logging.INFO,
    "PIL": logging.INFO,
    "asyncio": logging.INFO,
}


def configure_logging(
    *, level: str = "INFO", format: str = "console", stream: TextIO | None = None
) -> None:
    """Send everything from ``level`` up to ``stream`` (standard error); format console or json.

    May be called again: the last call counts. Exceptions are logged with their traceback, never
    with the values of variables.
    """
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.addFilter(OnceAMinute())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[*_common(), *_rendering(format, stream)],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, least in _TOO_TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class OnceAMinute(logging.Filter):
    """Of what any client can cause as often as it likes, lets a line a minute pass.

    The line says how many there were since the one before. Lines are alike whatever they are filled
    in with. Tracebacks always pass: they are faults of ours.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._last: dict[str, float] = {}
        self._unsaid = Counter[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = str(record.msg), self._now()
        can_be_caused = kind in _ANYBODY_CAN_CAUSE or record.name.startswith(_ABOUT_CLIENTS)
        if not can_be_caused or record.exc_info:
            return True
        if now - self._last.get(kind, -_ONCE_IN_SECONDS) < _ONCE_IN_SECONDS:
            self._unsaid[kind] += 1
            return False
        self._last[kind] = now
        if unsaid := self._unsaid.pop(kind, 0):
            record.msg = f"{kind} (and {unsaid} before)"
        return True


def add_request_id(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Name the request that is being worked for, in its job too."""
    request_id = correlation.request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def redact(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace what looks like a secret or an e-mail address in every text of the event."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = without_secrets(value)
        elif isinstance(value, BaseException | list | tuple | dict):
            event[key] = without_secrets(str(value))
    return event


def without_secrets(text: str) -> str:
    """The text with what looks like a secret or an e-mail address replaced by what it was."""
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text


def keep_to_one_line(
    _logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Let nothing in the event begin a line of its own, or speak to the terminal.

    What does not print, line ends included, is escaped as in Python. A traceback keeps its lines;
    they are indented, so that only the program begins a line at its edge.
    """
    for key, value in event.items():
        if key in _OF_MANY_LINES and isinstance(value, str):
            lines = value.expandtabs().splitlines()
            event[key] = "\n".join("    " + _printable(line) for line in lines)
        elif not isinstance(value, int | float | None):
            event[key] = _printable(value if isinstance(value, str) else repr(value))
    return event


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        redact,
    ]


def _rendering(format: str, stream: TextIO) -> list[Processor]:
    if format == "json":
        return [structlog.processors.JSONRenderer(default=str)]
    return [
        keep_to_one_line,
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]
