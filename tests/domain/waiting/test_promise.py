"""What was told at joining, and whether it still stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from qure.domain.token import TokenStatus
from qure.domain.waiting.promise import Promise, is_kept_waiting
from qure.domain.waiting.wait import Basis, Range, instant_of
from tests.domain.waiting.scenes import NOW, SERVICE
from tests.support.builders import build_queue, build_token

QUEUE = build_queue()
TOKEN = build_token(QUEUE)


def test_a_promise_is_kept_as_the_range_that_was_told() -> None:
    promise = Promise(
        token_id=TOKEN.id,
        clinic_id=QUEUE.clinic_id,
        service_id=SERVICE,
        queue_id=TOKEN.queue_id,
        ahead=3,
        as_of=instant_of(NOW),
        low=instant_of(NOW + 200),
        likely=instant_of(NOW + 300),
        high=instant_of(NOW + 400),
        leave_by=instant_of(NOW + 100),
        basis=Basis.LIVE,
        version=1,
    )
    assert promise.range == Range(NOW + 100, NOW + 200, NOW + 300, NOW + 400)
    assert promise.is_open


def test_it_stands_while_they_wait() -> None:
    assert is_kept_waiting(TOKEN)


@pytest.mark.parametrize(
    "fields",
    [
        *({"status": status} for status in TokenStatus if status is not TokenStatus.WAITING),
        {"on_hold": True},
        {"postpones": 1},
        {"rejoins": 1},
    ],
    ids=str,
)
def test_it_stands_no_more_once_they_did_something_else(fields: dict[str, Any]) -> None:
    assert not is_kept_waiting(replace(TOKEN, **fields))
