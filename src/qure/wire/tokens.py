"""What the outside sees of tokens: everybody, and staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from qure.application.ports.journal import JournalRecord
from qure.application.queueing.board import Place
from qure.application.queueing.tokens import History
from qure.domain.actor import Actor, ActorKind
from qure.domain.ids import UserId
from qure.domain.token import Token
from qure.domain.waiting.wait import Wait
from qure.wire.body import Body, instant, optional_instant
from qure.wire.waits import WaitBody, optional_wait


class DeskNameBody(Body):
    """Where somebody is called to."""

    id: UUID
    name: str


def desk_name(id: UUID | None, name: str | None) -> DeskNameBody | None:
    """A desk, or null."""
    return None if id is None or name is None else DeskNameBody(id, name)


class TokenBody(Body):
    """A token."""

    id: UUID
    queue_id: UUID
    patient_id: UUID
    token_number: int
    status: str
    created_at: str
    called_at: str | None
    started_at: str | None
    completed_at: str | None
    skipped_at: str | None
    cancelled_at: str | None
    label: str
    service_id: UUID
    priority: str
    on_hold: bool
    desk: DeskNameBody | None
    recall_count: int
    last_called_at: str | None
    skip_reason: str | None
    cancel_reason: str | None
    rejoin_until: str | None
    postpones_left: int
    transferred_from: UUID | None
    transferred_to: UUID | None
    guest: bool
    version: int

    @classmethod
    def of(cls, token: Token) -> TokenBody:
        return cls(*_seen(token))


class StaffTokenBody(TokenBody):
    """A token, as staff see it: with the name of its patient and what was noted."""

    name: str | None
    phone: str | None
    note: str | None

    @classmethod
    def of(cls, token: Token) -> StaffTokenBody:
        return cls(*(*_seen(token), token.name, token.phone, token.note))


class BoardTokenBody(StaffTokenBody):
    """A token on the board: how many are called before it, null unless it waits, and when it
    will be called, null as long as nothing was forecast."""

    ahead: int | None
    wait: WaitBody | None

    @classmethod
    def at(cls, token: Token, ahead: int | None, wait: Wait | None) -> BoardTokenBody:
        """At that position."""
        seen = (*_seen(token), token.name, token.phone, token.note)
        return cls(*(*seen, ahead, optional_wait(wait)))


def _seen(token: Token) -> tuple[Any, ...]:
    """The fields of ``TokenBody``, in their order."""
    return (
        token.id,
        token.queue_id,
        token.patient_id,
        token.number,
        token.status.value,
        instant(token.created_at),
        optional_instant(token.called_at),
        optional_instant(token.started_at),
        optional_instant(token.completed_at),
        optional_instant(token.skipped_at),
        optional_instant(token.cancelled_at),
        token.label,
        token.service_id,
        token.priority.value,
        token.on_hold,
        desk_name(token.desk_id, token.desk_name),
        token.recall_count,
        optional_instant(token.last_called_at),
        None if token.skip_reason is None else token.skip_reason.value,
        None if token.cancel_reason is None else token.cancel_reason.value,
        optional_instant(token.rejoin_until),
        token.postpones_left,
        token.transferred_from,
        token.transferred_to,
        token.guest,
        token.version,
    )


def token_for(actor: Actor, token: Token) -> TokenBody:
    """A token as who asks may see it: what is noted of a patient is not for patients."""
    return TokenBody.of(token) if actor.is_patient else StaffTokenBody.of(token)


class UndoneBody(Body):
    """The tokens of a move that was taken back, as they stand again."""

    tokens: list[StaffTokenBody]

    @classmethod
    def of(cls, tokens: Sequence[Token]) -> UndoneBody:
        return cls([StaffTokenBody.of(token) for token in tokens])


class PlaceBody(Body):
    """How many are called before a token as things stand, null unless it waits.

    ``wait`` is when it will be called, null as long as nothing was forecast; ``version`` is the
    queue's.
    """

    token_id: UUID
    queue_id: UUID
    ahead: int | None
    wait: WaitBody | None
    version: int

    @classmethod
    def of(cls, place: Place) -> PlaceBody:
        wait = optional_wait(place.wait)
        return cls(place.token_id, place.queue_id, place.ahead, wait, place.version)


class ActorBody(Body):
    """Who did something: a patient sees the role alone."""

    id: UUID | None
    name: str | None
    role: str


ACTIONS = {
    "TokenIssued": "ISSUE",
    "WalkInIssued": "WALK_IN",
    "TokenCalled": "CALL",
    "TokenChosen": "CALL_SPECIFIC",
    "TokenRecalled": "RECALL",
    "TokenStarted": "START",
    "TokenCompleted": "COMPLETE",
    "TokenSkipped": "SKIP",
    "TokenCancelled": "CANCEL",
    "TokenRejoined": "REJOIN",
    "TokenReturned": "RETURN",
    "TokenHeld": "HOLD",
    "TokenResumed": "RESUME",
    "TokenPostponed": "POSTPONE",
    "TokenPriorityChanged": "PRIORITY",
    "TokenTransferred": "TRANSFER",
    "TokenRestored": "UNDO",
}
"""What clients call each event of a token's history."""


class HistoryEntryBody(Body):
    """One move of a token; the first is its issuing, from null. ``by`` is null for the clock.

    ``wait`` is what the patient was told when they joined, at the issuing alone."""

    at: str
    action: str
    from_: str | None = msgspec.field(name="from")
    to: str | None
    by: ActorBody | None
    desk: DeskNameBody | None
    reason: str | None
    wait: WaitBody | None = None


def history(of: History) -> list[HistoryEntryBody]:
    """Every move, oldest first."""
    return [_entry(one, of) for one in of.records if one.event in ACTIONS]


def _entry(one: JournalRecord, history: History) -> HistoryEntryBody:
    return HistoryEntryBody(
        instant(one.created_at),
        ACTIONS[one.event],
        None if one.from_status is None else one.from_status.value,
        None if one.to_status is None else one.to_status.value,
        _by(one, history),
        desk_name(one.desk_id, one.desk_name),
        one.reason,
        _told(one, history),
    )


def _told(one: JournalRecord, history: History) -> WaitBody | None:
    if history.promise is None or one.from_status is not None:
        return None
    return WaitBody.of_promise(history.promise)


def _by(one: JournalRecord, history: History) -> ActorBody | None:
    if one.actor_kind is ActorKind.SYSTEM:
        return None
    role = "PATIENT" if one.actor_role is None else one.actor_role.value
    if not history.is_for_staff or one.actor_id is None:
        return ActorBody(None, None, role)
    return ActorBody(one.actor_id, history.names.get(UserId(one.actor_id)), role)
