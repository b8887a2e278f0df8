"""What one client has been told of its patient's tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from qure.domain.ids import TokenId
from qure.domain.token import Token, TokenStatus
from qure.wire.socket_events import (
    STAGES,
    YOUR_TOKEN_CALLED,
    YOUR_TOKEN_CHANGED,
    YOUR_TOKEN_STARTED,
)

REMEMBERED_TOKENS: Final = 32

News = list[tuple[str, Token]]
"""Names of events and the token as it was then, in order."""


class _Heard(NamedTuple):
    """What was told of a token: its newest version, its last call, and its last start."""

    version: int
    called_at: datetime | None
    started_at: datetime | None

    def and_now(self, token: Token) -> _Heard:
        """The token is told of as it is now."""
        called, started = token.called_at or self.called_at, token.started_at or self.started_at
        return _Heard(token.version, called, started)


_NOTHING: Final = _Heard(0, None, None)


class Told:
    """Remembers what was told of each of the last tokens; an older version is never news.

    The last call is remembered after it was taken back too: undoing that brings it back.
    """

    __slots__ = ("_heard",)

    def __init__(self) -> None:
        self._heard: dict[TokenId, _Heard] = {}

    def is_news(self, token: Token) -> bool:
        """Whether it has not been told of this version of the token or a newer one; now it has."""
        told = self._heard.pop(token.id, _NOTHING)
        is_news = token.version > told.version
        self._heard[token.id] = told.and_now(token) if is_news else told
        if len(self._heard) > REMEMBERED_TOKENS:
            del self._heard[next(iter(self._heard))]
        return is_news

    def news_of(self, name: str, token: Token) -> News:
        """What to tell of a change of the token that is announced as ``name``.

        After an outage changes may be announced out of their order. That the patient was called,
        and seen, is told all the same, and in order: what is announced too late goes before what
        came too early, as far as that still tells of it. A token that is back in the line tells of
        no call before, unless that it came back is undone.
        """
        told = self._heard.get(token.id)
        if not self.is_news(token):
            return []
        return [*_missed(told, name, token), (name, token)]

    def news_read(self, token: Token) -> News:
        """What to tell of an active token that was read."""
        told = self._heard.get(token.id)
        if not self.is_news(token):
            return []
        if token.status in STAGES:
            return [(STAGES[token.status], token)]
        # Of a token that waits a client learns only that it does so again.
        return [] if told is None else [(YOUR_TOKEN_CHANGED, token)]


def _missed(told: _Heard | None, name: str, token: Token) -> News:
    """That it was called, and started, before it became what it is now, unless that was told."""
    if told is None and name == YOUR_TOKEN_CHANGED and token.status in STAGES:
        return []  # A move was undone that was made before this client came.
    told = told or _NOTHING
    stages: News = []
    if token.called_at not in (None, told.called_at) and name != YOUR_TOKEN_CALLED:
        stages.append((YOUR_TOKEN_CALLED, _at_call(token)))
    if token.started_at not in (None, told.started_at) and name != YOUR_TOKEN_STARTED:
        stages.append((YOUR_TOKEN_STARTED, _at_start(token)))
    # Whatever their versions were: between what was told and what is told now. Where none is left
    # between, they have that of what was told, so that the newest is told once, and last.
    first = token.version - len(stages)
    return [
        (name, replace(one, version=max(told.version, first + position)))
        for position, (name, one) in enumerate(stages)
    ]


def _at_call(token: Token) -> Token:
    return replace(_at_start(token), status=TokenStatus.CALLED, started_at=None)


def _at_start(token: Token) -> Token:
    return replace(
        token,
        status=TokenStatus.IN_PROGRESS,
        on_hold=False,
        completed_at=None,
        skipped_at=None,
        cancelled_at=None,
        skip_reason=None,
        cancel_reason=None,
        rejoin_until=None,
        transferred_to=None,
    )
