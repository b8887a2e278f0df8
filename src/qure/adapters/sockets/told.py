"""What one client has been told of its patient's tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

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


class Told:
    """Remembers the newest version of each of the last tokens; an older one is never news.

    Versions of a token have no gaps: what follows on what was told has left nothing out.
    """

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: dict[TokenId, Token] = {}

    def is_news(self, token: Token) -> bool:
        """Whether it has not been told of this version of the token or a newer one; now it has."""
        told = self._newest.pop(token.id, None)
        newest = token if told is None or token.version > told.version else told
        self._newest[token.id] = newest
        if len(self._newest) > REMEMBERED_TOKENS:
            del self._newest[next(iter(self._newest))]
        return newest is not told

    def news_of(self, name: str, token: Token) -> News:
        """What to tell of a change of the token that is announced as ``name``.

        After an outage changes may be announced out of their order. That the patient was called,
        and seen, is told all the same, and in order: what is announced too late goes before what
        came too early, as far as that still tells of it. A token that is back in the line tells of
        no call before.
        """
        told = self._newest.get(token.id)
        if not self.is_news(token):
            return []
        return [*_missed(told, name, token), (name, token)]

    def news_read(self, token: Token) -> News:
        """What to tell of an active token that was read."""
        told = self._newest.get(token.id)
        if not self.is_news(token):
            return []
        if token.status in STAGES:
            return [(STAGES[token.status], token)]
        # Of a token that waits a client learns only that it does so again.
        return [] if told is None else [(YOUR_TOKEN_CHANGED, token)]


def _missed(told: Token | None, name: str, token: Token) -> News:
    """That it was called, and started, before it became what it is now, unless that was told."""
    if told is None and name == YOUR_TOKEN_CHANGED and token.status in STAGES:
        return []  # A move was undone that was made before this client came.
    between = 2 if told is None else token.version - told.version - 1
    same_call = told is not None and told.called_at == token.called_at
    same_start = told is not None and same_call and told.started_at == token.started_at
    stages: News = []
    if token.called_at is not None and not same_call and name != YOUR_TOKEN_CALLED:
        stages.append((YOUR_TOKEN_CALLED, _at_call(token)))
    if token.started_at is not None and not same_start and name != YOUR_TOKEN_STARTED:
        stages.append((YOUR_TOKEN_STARTED, _at_start(token)))
    stages = stages[max(0, len(stages) - between) :]
    # Whatever their versions were: between what was told and what is told now.
    first = token.version - len(stages)
    return [
        (name, replace(one, version=first + position))
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
