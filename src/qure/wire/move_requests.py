"""What may come along with a move: the body of its POST, the options of its socket event.

Only what is required has no default: a body or options may be absent where all may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from qure.application.queueing.moves import ReturnTo
from qure.application.queueing.once import Once
from qure.domain.errors import FieldError
from qure.wire import day_fields as d
from qure.wire import fields as f
from qure.wire.parsing import Fields
from qure.wire.rules import one_of

__all__ = [
    "CallToken",
    "CancelToken",
    "ChangePriority",
    "IdempotencyKey",
    "KeyHeader",
    "Move",
    "PostponeToken",
    "ReturnToken",
    "SkipToken",
    "TransferTo",
    "TransferToken",
]

IdempotencyKey = d.IdempotencyKey


class Move(Fields, kw_only=True):
    """Any move; ``expectedVersion`` is the token's, or the queue's of call-next and undo."""

    expected_version: d.Version | None = None

    def once(self, key: str | None = None) -> Once:
        """As the use cases know it, with the idempotency key that came along."""
        return Once(key=key, version=self.expected_version)


class KeyHeader(Fields):
    """The header that says which requests are one and the same."""

    key: IdempotencyKey | None = msgspec.field(name="Idempotency-Key", default=None)


class CallToken(Move, kw_only=True):
    """Call this one, out of order."""

    reason: d.Reason | None = None


class SkipToken(Move, kw_only=True):
    """Why it is skipped; by default what its state says."""

    reason: d.SkipWhy | None = None


class ReturnToken(Move, kw_only=True):
    """Where in the line of its class it comes back to."""

    to: d.ReturnPlace = ReturnTo.FIRST
    after: d.After | None = None

    def complaints(self) -> Iterator[FieldError]:
        if self.to is ReturnTo.AFTER and self.after is None:
            yield FieldError("after", "Say after how many, from 0 to 1000.")
        if self.to is not ReturnTo.AFTER and self.after is not None:
            yield FieldError("after", "Give this only with to: AFTER.")


class PostponeToken(Move, kw_only=True):
    """How many may pass."""

    passing: d.Passing = msgspec.field(name="pass")


class TransferTo(StrEnum):
    """Where in the other service's line."""

    LAST = "LAST"
    FIRST = "FIRST"


class TransferToken(Move, kw_only=True):
    """The service in whose queue the patient goes on."""

    service_id: f.Id
    to: Annotated[TransferTo, Meta(extra=one_of(TransferTo))] = TransferTo.LAST
    priority: d.PriorityName | None = None

    @property
    def first(self) -> bool:
        """Whether to the front of the line."""
        return self.to is TransferTo.FIRST


class CancelToken(Move, kw_only=True):
    """Why it is cancelled, in words."""

    reason: d.Reason | None = None


class ChangePriority(Move, kw_only=True):
    """The class that it shall have."""

    priority: d.PriorityName
