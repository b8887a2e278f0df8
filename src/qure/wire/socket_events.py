"""The socket side of the contract: names of events, and who hears what of a change.

``deliveries`` is a pure function of a domain event; delivery only sends what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from qure.domain import events
from qure.domain.events import Event
from qure.domain.ids import SessionId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus

JOIN_QUEUE = "join-queue"
JOIN_QUEUE_ERROR = "join-queue-error"
LEAVE_QUEUE = "leave-queue"
STATUS_UPDATE = "queue:status_update"
QUEUE_EMPTY = "queue:empty"
CALL_NEXT = "queue:call_next"
START_TOKEN = "queue:start_token"
SKIP_TOKEN = "queue:skip_token"
COMPLETE_TOKEN = "queue:complete_token"
YOUR_TOKEN_CALLED = "queue:your_token_called"
YOUR_TOKEN_STARTED = "queue:your_token_started"
YOUR_TOKEN_SKIPPED = "queue:your_token_skipped"
YOUR_TOKEN_COMPLETED = "queue:your_token_completed"
AUTH = "auth"
AUTH_ERROR = "auth-error"

ERROR_EVENTS = MappingProxyType(
    {
        JOIN_QUEUE: JOIN_QUEUE_ERROR,
        CALL_NEXT: "queue:call_next_error",
        START_TOKEN: "queue:start_token_error",
        SKIP_TOKEN: "queue:skip_token_error",
        COMPLETE_TOKEN: "queue:complete_token_error",
    }
)
"""What the sender of an event hears when it is refused."""

PERSONAL_EVENTS = MappingProxyType(
    {
        TokenStatus.CALLED: YOUR_TOKEN_CALLED,
        TokenStatus.IN_PROGRESS: YOUR_TOKEN_STARTED,
        TokenStatus.SKIPPED: YOUR_TOKEN_SKIPPED,
        TokenStatus.COMPLETED: YOUR_TOKEN_COMPLETED,
    }
)
"""What a patient hears when their token moves to a status; of the others they know already."""


@dataclass(frozen=True, slots=True)
class ToRoom:
    """The queue stands so now: for everyone who watches it."""

    status: QueueStatus


@dataclass(frozen=True, slots=True)
class ToPatient:
    """For every connection of one patient."""

    user_id: UserId
    name: str
    token: Token


@dataclass(frozen=True, slots=True)
class CloseSession:
    """The login has ended: its connections end."""

    session_id: SessionId


@dataclass(frozen=True, slots=True)
class CloseUser:
    """The user may not be here any more: all their connections end."""

    user_id: UserId


Delivery = ToRoom | ToPatient | CloseSession | CloseUser


def deliveries(event: Event) -> Iterator[Delivery]:
    """Who hears what of this event: the patient first, then the room."""
    if isinstance(event, events.TokenChanged) and event.token.status in PERSONAL_EVENTS:
        name = PERSONAL_EVENTS[event.token.status]
        yield ToPatient(event.token.patient_id, name, event.token)
    if isinstance(event, events.QueueChanged):
        yield ToRoom(event.queue)
    elif isinstance(event, events.SessionRevoked):
        yield CloseSession(event.session_id)
    elif isinstance(event, events.UserChanged) and not event.is_active:
        yield CloseUser(event.user_id)
