"""Samples of waits, for the documentation."""

from uuid import UUID

from qure.wire import waits as w

WAIT = w.WaitBody(
    state="estimated",
    reason=None,
    low="2025-12-30T10:30:00.000Z",
    likely="2025-12-30T10:40:00.000Z",
    high="2025-12-30T10:50:00.000Z",
    leave_by="2025-12-30T10:25:00.000Z",
    basis="live",
    reasons=("slower_than_usual",),
    as_of="2025-12-30T10:00:00.000Z",
    version=21,
)
QUEUE_WAIT = w.QueueWaitBody(if_joined_now=WAIT, before_closing=0.98)
TOKEN_WAIT = w.TokenWaitBody(token_id=UUID("0193f3d0-0000-7000-8000-000000000006"), wait=WAIT)
PLAN = w.PlanBody(finish=WAIT, by_token=[TOKEN_WAIT])
WHAT_IF = w.WhatIfBody(now=PLAN, then=PLAN)
OF_SERVICE = w.ServiceAccuracyBody(
    service_id=UUID("0193f3d0-0000-7000-8000-000000000008"),
    samples=412,
    called_before_high=0.803,
    called_before_low=0.196,
    median_error_minutes=4.2,
)
ACCURACY = w.AccuracyBody(
    samples=412,
    called_before_high=0.803,
    called_before_low=0.196,
    median_error_minutes=4.2,
    by_service=[OF_SERVICE],
)
