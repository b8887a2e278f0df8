"""What the outside sees of services, queues, desks and the board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import structs

from qure.application.queueing.board import BoardSnapshot
from qure.application.waiting.told import QueueWaits
from qure.domain.board import Board
from qure.domain.desk import Desk
from qure.domain.queue import Queue
from qure.domain.queue_status import Call, Notice, QueueStatus
from qure.domain.service import Service
from qure.domain.token import Token
from qure.wire.body import Body, calendar_date, instant, optional_instant
from qure.wire.tokens import BoardTokenBody, DeskNameBody, desk_name
from qure.wire.waits import QueueWaitBody


class ServiceBody(Body):
    """What patients stand in line for."""

    id: UUID
    clinic_id: UUID
    name: str
    prefix: str
    expected_minutes: int
    max_queue_size: int
    auto_open_queue: bool
    is_default: bool
    is_active: bool
    position: int
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, service: Service) -> ServiceBody:
        return cls(
            service.id,
            service.clinic_id,
            service.name,
            service.prefix,
            service.expected_minutes,
            service.max_queue_size,
            service.auto_open_queue,
            service.is_default,
            service.is_active,
            service.position,
            instant(service.created_at),
            instant(service.updated_at),
        )


class SeatedBody(Body):
    """Who sits at a desk."""

    id: UUID
    first_name: str


class DeskBody(Body):
    """Where patients go; ``since`` is when its state began."""

    id: UUID
    clinic_id: UUID
    name: str
    is_active: bool
    state: str
    staff: SeatedBody | None
    service_ids: tuple[UUID, ...]
    since: str
    paused_until: str | None

    @classmethod
    def of(cls, desk: Desk) -> DeskBody:
        seated = None if desk.staff_id is None else SeatedBody(desk.staff_id, desk.staff_name or "")
        return cls(
            desk.id,
            desk.clinic_id,
            desk.name,
            desk.is_active,
            desk.state.value,
            seated,
            desk.service_ids,
            instant(desk.since),
            optional_instant(desk.paused_until),
        )


class QueueBody(Body):
    """A service's queue of one local day."""

    id: UUID
    clinic_id: UUID
    queue_date: str
    current_token_no: int
    max_queue_size: int
    start_time: str
    end_time: str
    is_active: bool
    created_at: str
    updated_at: str
    version: int
    service_id: UUID
    service_name: str
    prefix: str
    is_closed: bool

    @classmethod
    def of(cls, queue: Queue) -> QueueBody:
        return cls(
            queue.id,
            queue.clinic_id,
            calendar_date(queue.date),
            queue.now_serving,
            queue.max_size,
            instant(queue.start_time),
            instant(queue.end_time),
            queue.is_active,
            instant(queue.created_at),
            instant(queue.updated_at),
            queue.version,
            queue.service_id,
            queue.service_name,
            queue.prefix,
            queue.is_closed,
        )


class CallBody(Body):
    """That somebody was called."""

    label: str
    token_number: int
    desk: DeskNameBody | None
    called_at: str
    recall_count: int

    @classmethod
    def of(cls, call: Call) -> CallBody:
        return cls(
            call.label,
            call.number,
            desk_name(call.desk_id, call.desk_name),
            instant(call.called_at),
            call.recall_count,
        )


class NoticeBody(Body):
    """What staff tell everyone who watches; ``at`` is when it was given."""

    kind: str
    minutes: int | None
    until: str | None
    text: str | None
    at: str

    @classmethod
    def of(cls, notice: Notice) -> NoticeBody:
        return cls(
            notice.kind.value,
            notice.minutes,
            optional_instant(notice.until),
            notice.text,
            instant(notice.at),
        )


class StatusBody(Body):
    """How a queue stands. Token numbers are 0 while no token was called or served.

    ``next`` are the labels of the next 5, ``calls`` the last 6 calls, the newest first.
    ``waitingCount`` counts those ``onHoldCount`` too.
    """

    queue_id: UUID
    clinic_id: UUID
    current_token_no: int
    waiting_count: int
    start_time: str
    end_time: str
    is_active: bool
    last_served_token_number: int
    version: int
    service_id: UUID
    service_name: str
    prefix: str
    open_desks: int
    on_hold_count: int
    next: tuple[str, ...]
    calls: list[CallBody]
    notice: NoticeBody | None
    is_closed: bool

    @classmethod
    def of(cls, status: QueueStatus) -> StatusBody:
        return cls(
            status.queue_id,
            status.clinic_id,
            status.now_serving,
            status.waiting_count,
            instant(status.start_time),
            instant(status.end_time),
            status.is_active,
            status.last_served_number,
            status.version,
            status.service_id,
            status.service_name,
            status.prefix,
            status.open_desks,
            status.on_hold_count,
            status.next,
            [CallBody.of(call) for call in status.calls],
            None if status.notice is None else NoticeBody.of(status.notice),
            status.is_closed,
        )


class QueueOfDayBody(StatusBody):
    """How a queue of today stands, and what whoever joins it now has to wait."""

    wait: QueueWaitBody

    @classmethod
    def with_wait(cls, status: QueueStatus, waits: QueueWaits | None) -> QueueOfDayBody:
        """As both are now."""
        return cls(**structs.asdict(StatusBody.of(status)), wait=QueueWaitBody.of(waits))


class BoardBody(Body):
    """What staff see of a queue: its tokens in call order, at ``version``."""

    queue: QueueBody
    status: StatusBody
    version: int
    tokens: list[BoardTokenBody]

    @classmethod
    def of(cls, snapshot: BoardSnapshot) -> BoardBody:
        queue, board = snapshot.queue, snapshot.board
        return cls(
            QueueBody.of(queue),
            StatusBody.of(queue.status()),
            queue.version,
            board_tokens(board, board.order, snapshot.waits),
        )


class BoardUpdateBody(Body):
    """What one change made of a board: the tokens that changed, and the new order of all.

    ``version`` is one more than before. A token that is not in ``order`` has left the board; how
    many are ahead of one that waits follows from it: those that wait and come before.
    """

    queue_id: UUID
    version: int
    status: StatusBody
    changed: list[BoardTokenBody]
    order: list[UUID]

    @classmethod
    def of(
        cls,
        board: Board,
        status: QueueStatus,
        changed: Sequence[Token],
        waits: QueueWaits | None = None,
    ) -> BoardUpdateBody:
        order: list[Any] = [token.id for token in board.order]
        return cls(
            board.queue_id,
            board.version,
            StatusBody.of(status),
            board_tokens(board, changed, waits),
            order,
        )


def board_tokens(
    board: Board, tokens: Sequence[Token], waits: QueueWaits | None
) -> list[BoardTokenBody]:
    """These tokens at their positions."""
    ahead = board.ahead
    return [
        BoardTokenBody.at(token, ahead.get(token.id), None if waits is None else waits.of(token))
        for token in tokens
    ]
