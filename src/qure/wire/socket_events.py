"""The socket side of the contract: names of events, and who hears what of a change.

``deliveries`` is a pure function of a domain event; delivery only sends what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from qure.domain import events
from qure.domain.events import Event, TokenChanged
from qure.domain.ids import QueueId, SessionId, TokenId, UserId
from qure.domain.queue_status import QueueStatus
from qure.domain.token import Token, TokenStatus

AUTH = "auth"
AUTH_ERROR = "auth-error"

JOIN_QUEUE = "join-queue"
JOIN_QUEUE_ERROR = "join-queue-error"
LEAVE_QUEUE = "leave-queue"
JOIN_DESK = "join-desk"
JOIN_DESK_ERROR = "join-desk-error"
LEAVE_DESK = "leave-desk"
PING = "ping"

CALL_NEXT = "queue:call_next"
DESK_CALL_NEXT = "desk:call_next"
CALL_TOKEN = "queue:call_token"
RECALL_TOKEN = "queue:recall_token"
START_TOKEN = "queue:start_token"
SKIP_TOKEN = "queue:skip_token"
COMPLETE_TOKEN = "queue:complete_token"
REJOIN_TOKEN = "queue:rejoin_token"
RETURN_TOKEN = "queue:return_token"
HOLD_TOKEN = "queue:hold_token"
RESUME_TOKEN = "queue:resume_token"
TRANSFER_TOKEN = "queue:transfer_token"
CANCEL_TOKEN = "queue:cancel_token"
PRIORITY_TOKEN = "queue:priority_token"
UNDO = "queue:undo"

STATUS_UPDATE = "queue:status_update"
BOARD_UPDATE = "queue:board_update"
BOARD_WAITS = "queue:board_waits"
QUEUE_EMPTY = "queue:empty"
YOUR_PLACE = "queue:your_place"
YOUR_TOKEN_CALLED = "queue:your_token_called"
YOUR_TOKEN_STARTED = "queue:your_token_started"
YOUR_TOKEN_SKIPPED = "queue:your_token_skipped"
YOUR_TOKEN_COMPLETED = "queue:your_token_completed"
YOUR_TOKEN_CHANGED = "queue:your_token_changed"

STAFF_EVENTS = (
    CALL_NEXT,
    DESK_CALL_NEXT,
    CALL_TOKEN,
    RECALL_TOKEN,
    START_TOKEN,
    SKIP_TOKEN,
    COMPLETE_TOKEN,
    REJOIN_TOKEN,
    RETURN_TOKEN,
    HOLD_TOKEN,
    RESUME_TOKEN,
    TRANSFER_TOKEN,
    CANCEL_TOKEN,
    PRIORITY_TOKEN,
    UNDO,
)
"""What staff do with a queue and its tokens."""

ERROR_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        JOIN_QUEUE: JOIN_QUEUE_ERROR,
        JOIN_DESK: JOIN_DESK_ERROR,
        **{event: f"{event}_error" for event in STAFF_EVENTS},
    }
)
"""What the sender of an event hears when it is refused."""

STAGES: Mapping[TokenStatus, str] = MappingProxyType(
    {TokenStatus.CALLED: YOUR_TOKEN_CALLED, TokenStatus.IN_PROGRESS: YOUR_TOKEN_STARTED}
)
"""What a patient must not miss, and hears again on coming back while the token stands so."""

_TOLD: Mapping[type[Event], str] = MappingProxyType(
    {
        events.TokenCalled: YOUR_TOKEN_CALLED,
        events.TokenChosen: YOUR_TOKEN_CALLED,
        events.TokenRecalled: YOUR_TOKEN_CALLED,
        events.TokenStarted: YOUR_TOKEN_STARTED,
        events.TokenSkipped: YOUR_TOKEN_SKIPPED,
        events.TokenCompleted: YOUR_TOKEN_COMPLETED,
    }
)


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


@dataclass(frozen=True, slots=True)
class CheckUser:
    """What the user may see may be less now."""

    user_id: UserId


Delivery = ToRoom | ToPatient | CloseSession | CloseUser | CheckUser


def deliveries(event: Event) -> Iterator[Delivery]:
    """Who hears what of this event: the patient first, then the room."""
    if isinstance(event, TokenChanged):
        name = _told_by(event)
        if name is not None:
            yield ToPatient(event.token.patient_id, name, event.token)
    if isinstance(event, events.QueueChanged):
        yield ToRoom(event.queue)
    elif isinstance(event, events.SessionRevoked):
        yield CloseSession(event.session_id)
    elif isinstance(event, events.UserChanged):
        yield CheckUser(event.user_id) if event.is_active else CloseUser(event.user_id)


def _told_by(event: TokenChanged) -> str | None:
    if isinstance(event, events.TokenIssued) and event.token.transferred_from is None:
        return None  # Whoever took a number knows.
    return _TOLD.get(type(event), YOUR_TOKEN_CHANGED)


def place_head(token_id: TokenId, queue_id: QueueId) -> bytes:
    """A ``PlaceBody`` as JSON up to ``ahead``: it stays the same as long as the token waits."""
    return b'{"tokenId":"%b","queueId":"%b","ahead":' % (
        str(token_id).encode(),
        str(queue_id).encode(),
    )


def place(head: bytes, ahead: int | None, wait: bytes, version: int) -> bytes:
    """A whole ``PlaceBody`` as JSON: made cheaply, for a call moves everybody who waits."""
    shown = b"null" if ahead is None else b"%d" % ahead
    return b'%b%b,"wait":%b,"version":%d}' % (head, shown, wait, version)
