"""A clinic's scene, from its boards, its desks and what today has shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from qure.domain.board import Board
from qure.domain.calling_order import call_order
from qure.domain.desk import Desk
from qure.domain.events import DeskState
from qure.domain.ids import DeskId, ServiceId
from qure.domain.queue_status import Notice, NoticeKind, QueueStatus
from qure.domain.token import ASSIGNED, Comeback, Token, TokenStatus
from qure.domain.waiting.scene import InHand, Line, Scene, Seat, Waiting
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import Visit

CALLERS_REACH_BACK: Final = 3600.0
"""Whoever called without a desk within so many seconds is thought to go on."""

HELD_CHANCE: Final = 0.5
"""That somebody who stepped out is back when their turn comes."""

_NOBODY: Final = UUID("2f1bb1c1-50ce-4a5f-8a3f-6a7a3a7d0c55")


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A queue of today, as it stands."""

    status: QueueStatus
    board: Board


def scene_of(
    queues: Sequence[OpenQueue],
    desks: Iterable[Desk],
    visits: Sequence[Visit],
    usual: Usual,
    comeback: Comeback,
    *,
    paused: Collection[DeskId],
    now: datetime,
) -> Scene:
    """``visits`` are those of today that are over, in the order in which they ended; ``paused`` the
    desks that have made a break today."""
    in_hand = [
        token
        for queue in queues
        for token in queue.board.tokens.values()
        if token.status in ASSIGNED
    ]
    seats = [
        replace(_desk_seat(desk, in_hand, visits, now), has_paused=desk.id in paused)
        for desk in sorted(desks, key=lambda one: one.id)
        if desk.state is not DeskState.CLOSED
    ]
    seats += _people_without_desk(in_hand, visits, seats, now)
    for queue in queues:
        if not any(queue.status.service_id in seat.service_ids for seat in seats):
            seats += _usual_seats(queue, usual, now)
    lines = tuple(_line(queue, usual, comeback, now) for queue in queues)
    return Scene(now=now.timestamp(), lines=lines, seats=tuple(seats))


def _desk_seat(
    desk: Desk, in_hand: Sequence[Token], visits: Sequence[Visit], now: datetime
) -> Seat:
    here = [token for token in in_hand if token.desk_id == desk.id]
    away: tuple[tuple[float, float], ...] = ()
    paused_since = None
    if desk.state is DeskState.PAUSED:
        if desk.paused_until is not None and desk.paused_until > now:
            away = ((desk.since.timestamp(), desk.paused_until.timestamp()),)
        else:
            paused_since = desk.since.timestamp()
    ended = [one.ended_at for one in visits if one.seat_id == desk.id]
    return Seat(
        id=desk.id,
        service_ids=frozenset(desk.service_ids),
        in_hand=_in_hand(here),
        idle_since=max([desk.since.timestamp(), *ended[-1:]]),
        paused_since=paused_since,
        away=away,
    )


def _in_hand(tokens: Sequence[Token]) -> InHand | None:
    called = [(token.called_at, token) for token in tokens if token.called_at is not None]
    if not called:
        return None
    called_at, token = max(called, key=lambda one: (one[0], one[1].number))
    return InHand(token.service_id, called_at.timestamp(), token.status is TokenStatus.IN_PROGRESS)


def _people_without_desk(
    in_hand: Sequence[Token], visits: Sequence[Visit], at_desks: Sequence[Seat], now: datetime
) -> list[Seat]:
    """Those who have somebody in hand, and those who have called in the last hour for what no desk
    serves: each is one seat, for all that they call for."""
    by_person: dict[UUID, list[Token]] = defaultdict(list)
    services: dict[UUID, set[ServiceId]] = defaultdict(set)
    for token in in_hand:
        if token.desk_id is None and token.assigned_to is not None:
            by_person[token.assigned_to].append(token)
            services[token.assigned_to].add(token.service_id)
    since = now.timestamp() - CALLERS_REACH_BACK
    served = {service_id for seat in at_desks for service_id in seat.service_ids}
    last: dict[UUID, float] = {}
    for one in visits:
        if one.caller_id is not None and one.called_at >= since and one.service_id not in served:
            services[one.caller_id].add(one.service_id)
            last[one.caller_id] = one.ended_at
    return [
        Seat(
            id=person,
            service_ids=frozenset(services[person]),
            in_hand=_in_hand(by_person[person]),
            idle_since=None if by_person[person] else last[person],
        )
        for person in sorted(services)
    ]


def _usual_seats(queue: OpenQueue, usual: Usual, now: datetime) -> list[Seat]:
    """Nobody has called yet today: as many as the last time, if there was one."""
    status = queue.status
    known = usual.of.get(status.service_id)
    if status.now_serving or known is None or now >= status.end_time:
        return []
    return [
        Seat(
            id=uuid5(_NOBODY, f"{status.queue_id} {number}"),
            service_ids=frozenset({status.service_id}),
        )
        for number in range(known.seats)
    ]


def _line(queue: OpenQueue, usual: Usual, comeback: Comeback, now: datetime) -> Line:
    status, board = queue.status, queue.board
    not_before, is_paused = _held_up(status.notice)
    return Line(
        queue_id=status.queue_id,
        service_id=status.service_id,
        waiting=tuple(_waiting(board, usual, comeback, now)),
        opens_at=status.start_time.timestamp(),
        closes_at=status.end_time.timestamp(),
        has_begun=status.now_serving > 0,
        is_closed=status.is_closed,
        not_before=None if not_before is None else not_before.timestamp(),
        is_break=status.notice is not None and status.notice.kind is NoticeKind.PAUSE,
        is_paused=is_paused,
    )


def _held_up(notice: Notice | None) -> tuple[datetime | None, bool]:
    """Until when nobody is called, by what staff tell; and whether nobody knows until when."""
    if notice is None or notice.kind is NoticeKind.NOTE:
        return None, False
    if notice.kind is NoticeKind.PAUSE:
        return notice.until, notice.until is None
    if notice.minutes is None:
        return notice.until, False
    ends = notice.at + timedelta(minutes=notice.minutes)
    if notice.until is not None:
        ends = min(ends, notice.until)
    return ends, False


def _waiting(board: Board, usual: Usual, comeback: Comeback, now: datetime) -> list[Waiting]:
    """Those who wait, in the order of calls; those who stepped out, at the place they keep; and
    those who were not there and may come back, where they would come in."""
    there = [token for token in board.tokens.values() if token.status is TokenStatus.WAITING]
    order = [
        Waiting(
            token.id,
            token.created_at.timestamp(),
            token.priority,
            HELD_CHANCE if token.on_hold else 1.0,
        )
        for token in call_order(there, priority_run=board.priority_run)
    ]
    skipped = [token for token in board.tokens.values() if token.status is TokenStatus.SKIPPED]
    for token in sorted(skipped, key=lambda one: one.number):
        left = _may_come_back(token, comeback, now)
        if left > 0:
            back = Waiting(token.id, now.timestamp(), token.priority, usual.comeback * left)
            order.insert(min(comeback.after, len(order)), back)
    return order


def _may_come_back(token: Token, comeback: Comeback, now: datetime) -> float:
    """How much of the time that they have for it is left (0..1)."""
    if token.rejoin_until is None or token.rejoins >= comeback.at_most or not comeback.within:
        return 0.0
    return max(0.0, min(1.0, (token.rejoin_until - now) / comeback.within))
