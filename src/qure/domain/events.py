"""What happened: facts in the past tense, stored with the change that made them.

Everything outside the transaction (sockets, caches, jobs) learns of a change from these and
from nothing else. ``actor_id`` is who did it, None for the clock or an operator's command.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qure.domain.actor import Actor
from qure.domain.ids import ClinicId, ImageId, SessionId, UserId
from qure.domain.queue_status import QueueStatus
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
class TokenChanged(QueueChanged):
    """A token moved from ``from_status`` (None: it did not exist) to ``token.status``.

    ``reason`` is what was given for it, if anything.
    """

    token: Token
    from_status: TokenStatus | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIssued(TokenChanged):
    """A patient took a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCalled(TokenChanged):
    """It is the patient's turn."""


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
    """The patient left."""


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
