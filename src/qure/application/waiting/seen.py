"""What tokens show of how long patients take: visits of today and of earlier days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from qure.application.ports.journal import JournalRecord
from qure.application.ports.waiting import SeenDay, SeenToken
from qure.domain.ids import DeskId
from qure.domain.token import Priority, SkipReason, Token, TokenStatus
from qure.domain.waiting.visits import EarlierDays, Session, Visit
from qure.domain.waiting.visits import Pause as SeatPause


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody was called at that desk, from then to then; ``end`` None: it is not over."""

    desk_id: DeskId
    begin: datetime
    end: datetime | None

    def overlaps(self, begin: datetime, end: datetime) -> bool:
        """Whether any of it lies between these instants."""
        return self.begin < end and (self.end is None or self.end > begin)


def pauses_in(records: Iterable[JournalRecord]) -> list[Pause]:
    """From what happened to desks, oldest first."""
    found: list[Pause] = []
    open_since: dict[UUID, datetime] = {}
    for one in records:
        if one.desk_id is None:
            continue
        if one.event == "DeskPaused":
            open_since.setdefault(one.desk_id, one.created_at)
        elif one.event in ("DeskResumed", "DeskOpened", "DeskClosed"):
            begin = open_since.pop(one.desk_id, None)
            if begin is not None:
                found.append(Pause(one.desk_id, begin, one.created_at))
    found += [Pause(DeskId(id), begin, None) for id, begin in open_since.items()]
    return found


def visits_of(
    token: SeenToken | Token, pauses: Mapping[UUID, Sequence[Pause]], *, over_at: datetime | None
) -> list[Visit]:
    """Those that are over, and true: not one that was cleared at the day's end, nor one that
    stayed open over a pause of its desk."""
    visits = []
    if token.rejoins:
        came = token.created_at.timestamp()
        visits = [Visit(token.service_id, None, came, came, came=False, rejoined=True)]
    called_at = token.called_at
    if called_at is None:
        return visits
    if token.status is TokenStatus.COMPLETED:
        ended_at, came_then = token.completed_at, True
    elif token.status is TokenStatus.SKIPPED and token.skip_reason is SkipReason.NO_SHOW:
        ended_at, came_then = token.skipped_at, False
    else:
        return visits
    if ended_at is None or (over_at is not None and ended_at >= over_at):
        return visits
    seat = token.desk_id or token.assigned_to
    if token.desk_id is not None and any(
        pause.overlaps(called_at, ended_at) for pause in pauses.get(token.desk_id, ())
    ):
        return visits
    visit = Visit(
        token.service_id,
        seat,
        called_at.timestamp(),
        ended_at.timestamp(),
        came_then,
        caller_id=token.assigned_to if token.desk_id is None else None,
    )
    return [*visits, visit]


def by_desk(pauses: Iterable[Pause]) -> dict[UUID, list[Pause]]:
    """Each desk's own."""
    found: dict[UUID, list[Pause]] = defaultdict(list)
    for pause in pauses:
        found[pause.desk_id].append(pause)
    return found


def earlier_days(days: Iterable[SeenDay], pauses: Sequence[Pause]) -> EarlierDays:
    """What is learned from."""
    of_desk = by_desk(pauses)
    visits: list[Visit] = []
    sessions = []
    for day in days:
        for token in day.tokens:
            visits += visits_of(token, of_desk, over_at=day.over_at)
        sessions.append(_session(day))
    visits.sort(key=lambda one: one.ended_at)
    return EarlierDays(
        visits=tuple(visits),
        sessions=tuple(sessions),
        pauses=tuple(
            SeatPause(one.desk_id, one.begin.timestamp(), one.end.timestamp())
            for one in pauses
            if one.end is not None
        ),
    )


def _session(day: SeenDay) -> Session:
    called = [one.called_at for one in day.tokens if one.called_at is not None]
    came = [one.created_at for one in day.tokens]
    seats = {one.desk_id or one.assigned_to for one in day.tokens if one.called_at is not None}
    return Session(
        service_id=day.service_id,
        opens_at=day.start_time.timestamp(),
        first_arrival_at=min(came).timestamp() if came else None,
        first_call_at=min(called).timestamp() if called else None,
        seats=len(seats - {None}),
        overtakers=sum(one.priority is not Priority.NORMAL for one in day.tokens),
        hours=(day.end_time - day.start_time).total_seconds() / 3600,
    )
