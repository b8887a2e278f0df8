"""What happened: facts in the past tense, stored with the change that made them.

Everything outside the transaction (sockets, caches, jobs) learns of a change from these and
from nothing else. ``actor_id`` is who did it, None for the clock or an operator's command.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from qure.domain.actor import Actor
from qure.domain.ids import ClinicId, DeskId, ImageId, ServiceId, SessionId, UserId
from qure.domain.queue_status import Call, QueueStatus
from qure.domain.token import Token, TokenStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened, ``at`` an instant, by ``actor``."""

    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueChanged(Event):
    """A queue changed; ``queue`` is how it stands after the change."""

    queue: QueueStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOpened(QueueChanged):
    """A clinic's queue of the day exists now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueActivated(QueueChanged):
    """The queue takes tokens again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDeactivated(QueueChanged):
    """The queue takes no new tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueClosed(QueueChanged):
    """The queue's day has ended: it never takes a token again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueNoticeChanged(QueueChanged):
    """Staff have something to tell, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDesksChanged(QueueChanged):
    """So many desks call for the queue now, or its service has another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpacedOut(QueueChanged):
    """The places of its tokens are other numbers now, in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a move of staff took away, so that undoing can give it back."""

    token: Token
    now_serving: int
    last_served_number: int
    priority_run: int
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChanged(QueueChanged):
    """A token moved from ``from_status`` (None: it did not exist) to ``token.status``.

    ``reason`` is what was given for it, if anything; ``before`` is there when it can be undone.
    """

    token: Token
    from_status: TokenStatus | None
    reason: str | None = None
    before: Before | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(TokenChanged):
    """A patient took a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkInIssued(TokenIssued):
    """Staff gave a number to somebody without the app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCalled(TokenChanged):
    """It is the patient's turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChosen(TokenCalled):
    """Called out of order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecalled(TokenChanged):
    """Called again: the patient did not come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStarted(TokenChanged):
    """The patient is being seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCompleted(TokenChanged):
    """The patient was served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSkipped(TokenChanged):
    """The patient was not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCancelled(TokenChanged):
    """The patient left, or staff or the day's end took the token out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRejoined(TokenChanged):
    """Whoever was skipped is back in line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReturned(TokenChanged):
    """Whoever was called or being seen is back in line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenHeld(TokenChanged):
    """The patient stepped out: passed over, the place kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResumed(TokenChanged):
    """The patient is back from stepping out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPostponed(TokenChanged):
    """The patient lets others pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPriorityChanged(TokenChanged):
    """It is of another class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTransferred(TokenChanged):
    """The patient goes on in another service's queue, with another token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRestored(TokenChanged):
    """The last move was undone."""


class DeskState(StrEnum):
    """Whether patients are called to a desk."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskChanged(Event):
    """A desk is new, or named otherwise, or no longer in use.

    ``staff_id`` sits there, or did until now.
    """

    clinic_id: ClinicId
    desk_id: DeskId
    desk_name: str
    staff_id: UserId | None
    service_ids: tuple[ServiceId, ...]
    paused_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOpened(DeskChanged):
    """Somebody sat down, or calls for other services now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPaused(DeskChanged):
    """Nobody is called there for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskResumed(DeskChanged):
    """The pause is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskClosed(DeskChanged):
    """Nobody sits there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged(Event):
    """Something others may see of a user changed: profile, role, clinic, or being allowed in.

    ``clinic_ids`` are the clinics whose staff lists show this user, before or after.
    """

    user_id: UserId
    is_active: bool
    clinic_ids: tuple[ClinicId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRevoked(Event):
    """A login ended before its time."""

    session_id: SessionId
    user_id: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicChanged(Event):
    """A clinic was created or changed."""

    clinic_id: ClinicId


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStaged(Event):
    """An upload was accepted and waits for its job."""

    image_id: ImageId


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReplaced(Event):
    """A stored image is no longer shown anywhere; ``url`` is where the image store put it."""

    url: str
