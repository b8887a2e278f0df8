"""Small clinics for tests of the forecast: who waits, who calls, and what has been seen so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from qure.domain.ids import QueueId, ServiceId, TokenId
from qure.domain.waiting.calibration import Calibration
from qure.domain.waiting.draws import Floats
from qure.domain.waiting.forecast import Forecast, Outlook, QueueForecast, forecast
from qure.domain.waiting.lanes import lanes_of
from qure.domain.waiting.pace import Pace
from qure.domain.waiting.paths import Play
from qure.domain.waiting.scene import InHand, Line, Scene, Seat, Waiting
from qure.domain.waiting.seating import seating
from qure.domain.waiting.slices import finished
from qure.domain.waiting.usual import Usual
from qure.domain.waiting.visits import EarlierDays, Pause, Session, Today, Visit
from tests.support import builders

NOW = builders.NOW.timestamp()
"""A Tuesday, 15:00 UTC."""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SERVICE, OTHER = (ServiceId(builders.sequential_id(number, series=3)) for number in range(2))
EXPECTED = {SERVICE: 10 * MINUTE, OTHER: 10 * MINUTE}


def token(number: int) -> TokenId:
    """The id of the one with that number."""
    return TokenId(builders.sequential_id(number, series=2))


def desk(number: int) -> UUID:
    """The id of that desk."""
    return builders.sequential_id(number, series=4)


def one(number: int, **fields: Any) -> Waiting:
    """Who waits since as many seconds as tell them apart: lower numbers for longer."""
    given: dict[str, Any] = {"since": NOW - 10 + number / 1000, **fields}
    return Waiting(token(number), **given)


def line(waiting: int | Iterable[Waiting] = 3, *, queue: int = 0, **fields: Any) -> Line:
    """An open queue in which so many wait, or these; it has begun, and closes in eight hours."""
    people = map(one, range(waiting)) if isinstance(waiting, int) else waiting
    given: dict[str, Any] = {
        "service_id": SERVICE,
        "opens_at": NOW - HOUR,
        "closes_at": NOW + 8 * HOUR,
        "has_begun": True,
        **fields,
    }
    return Line(queue_id=QueueId(desk(100 + queue)), waiting=tuple(people), **given)


def seat(number: int = 0, *, called_at: float | None = None, **fields: Any) -> Seat:
    """A desk that is free, or has somebody in hand who came, called then."""
    has_come = fields.pop("has_come", True)
    in_hand = None if called_at is None else InHand(SERVICE, called_at, has_come)
    given: dict[str, Any] = {"service_ids": frozenset({SERVICE}), "in_hand": in_hand, **fields}
    return Seat(id=desk(number), **given)


def scene(lines: int | Line | Sequence[Line] = 3, seats: int | Seat | Sequence[Seat] = 1) -> Scene:
    """A clinic now: a number of people in one line, a number of free desks."""
    if isinstance(lines, int):
        lines = line(lines)
    if isinstance(lines, Line):
        lines = (lines,)
    if isinstance(seats, int):
        seats = tuple(map(seat, range(seats)))
    if isinstance(seats, Seat):
        seats = (seats,)
    return Scene(now=NOW, lines=tuple(lines), seats=tuple(seats))


def visits(
    minutes: Iterable[float], *, days_ago: float = 1.0, at: int | None = 0, **fields: Any
) -> tuple[Visit, ...]:
    """One after the other, so long each, at that desk; the first was called so long ago."""
    found, called_at = [], NOW - days_ago * DAY
    where = None if at is None else desk(at)
    given: dict[str, Any] = {"service_id": SERVICE, "seat_id": where, **fields}
    for length in minutes:
        found.append(Visit(called_at=called_at, ended_at=called_at + length * MINUTE, **given))
        called_at = found[-1].ended_at
    return tuple(found)


def varied(mean: float, count: int) -> list[float]:
    """So many lengths around a mean: from half of it to half as much again."""
    return [mean * (0.5 + (number * 7 % count + 0.5) / count) for number in range(count)]


def session(days_ago: float, *, late: float | None = 0.0, **fields: Any) -> Session:
    """A day that began so many minutes late; None: nobody was called."""
    opens_at = NOW - days_ago * DAY
    first = None if late is None else opens_at + late * MINUTE
    given: dict[str, Any] = {"first_arrival_at": opens_at - MINUTE, "seats": 1, **fields}
    return Session(service_id=SERVICE, opens_at=opens_at, first_call_at=first, **given)


def usual(
    *seen: Visit,
    sessions: Sequence[Session] = (),
    pauses: Sequence[float] = (),
    breaks: Sequence[Pause] = (),
    expected: Mapping[ServiceId, float] = EXPECTED,
) -> Usual:
    """What is usual after these earlier days; visits are configured to take ten minutes, and
    pauses, so many seconds long, were those of a desk that is not there any more."""
    away = tuple(Pause(desk(90), NOW - DAY, NOW - DAY + length) for length in pauses)
    days = EarlierDays(visits=seen, sessions=tuple(sessions), pauses=(*away, *breaks))
    return finished(Usual.learned(expected, days, now=NOW))


def today(*seen: Visit, overtakers: int = 0, opened_at: float | None = None) -> Today:
    """What has ended today."""
    opened = {} if opened_at is None else {SERVICE: opened_at}
    return Today(list(seen), {SERVICE: overtakers} if overtakers else {}, opened)


def pace(known: Usual | None = None, so_far: Today | None = None) -> Pace:
    """Of a clinic of which nothing is known but what is given."""
    return Pace(known or usual(), so_far or today())


Calibrations = Mapping[tuple[ServiceId, int], Calibration]


def whole_forecast(
    there: Scene, known: Pace | Usual | None = None, calibrations: Calibrations | None = None
) -> Forecast:
    """Of every queue of the scene."""
    at = known if isinstance(known, Pace) else pace(known)
    return finished(forecast(there, at, calibrations or {}))


def forecast_of(
    there: Scene, known: Pace | Usual | None = None, calibrations: Calibrations | None = None
) -> QueueForecast:
    """Of the scene's first queue."""
    return whole_forecast(there, known, calibrations)[there.lines[0].queue_id]


def outlooks(found: QueueForecast) -> list[Outlook]:
    """Of all who wait, in line order, and of a newcomer last."""
    assert found.if_joined is not None
    return [*found.waiting.values(), found.if_joined]


def likely(found: QueueForecast) -> list[float]:
    """In how many minutes each will likely be called; a newcomer last."""
    return [(one.range.likely - NOW) / MINUTE for one in outlooks(found)]


def called(there: Scene, known: Pace | Usual | None = None) -> dict[UUID, Floats]:
    """When each is called on each path."""
    at = known if isinstance(known, Pace) else pace(known)
    asking = {line.queue_id: UUID(int=number) for number, line in enumerate(there.lines)}
    play = Play(there, lanes_of(there, asking, at), seating(there, at), at)
    finished(play.run())
    return play.called
