"""Which request is being worked for, from the gateway to the last log line of the job it caused."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""None for work that nobody asked for: the clock's, an operator's."""
