"""The face of a queue: what everyone who watches it sees, at one version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from qure.domain.ids import ClinicId, DeskId, QueueId, ServiceId, TokenId
from qure.domain.token import Priority

SHOWN_CALLS = 6
"""So many calls are shown, the newest first."""

SHOWN_NEXT = 5
"""So many labels of those who are next are shown."""


class NoticeKind(StrEnum):
    """What a notice says. DELAY and PAUSE enter the wait."""

    DELAY = "DELAY"
    PAUSE = "PAUSE"
    NOTE = "NOTE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What staff tell everyone who watches the queue.

    Given ``at``; a DELAY of ``minutes``. It ends by itself at ``until``, if there is one.
    """

    kind: NoticeKind
    minutes: int | None = None
    until: datetime | None = None
    text: str | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """That a token was called: ``called_at`` is its first call, ``recall_count`` the repeats."""

    token_id: TokenId
    label: str
    number: int
    desk_id: DeskId | None
    desk_name: str | None
    called_at: datetime
    recall_count: int = 0


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One of those who are next, as far as the queue itself has to know."""

    label: str
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue as it stood at ``version``. Numbers are 0 when no token was called or served yet.

    ``next`` are the labels of the next ``SHOWN_NEXT``, ``calls`` the last ``SHOWN_CALLS``.
    ``waiting_count`` counts the held ones too. ``priority_run`` is what the order of calls needs
    to know of the past (see ``calling_order``), and is not shown.
    """

    queue_id: QueueId
    clinic_id: ClinicId
    service_id: ServiceId
    service_name: str
    prefix: str
    now_serving: int
    waiting_count: int
    on_hold_count: int = 0
    open_desks: int = 0
    start_time: datetime
    end_time: datetime
    is_active: bool
    is_closed: bool = False
    last_served_number: int
    next: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    notice: Notice | None = None
    priority_run: int = 0
    version: int
