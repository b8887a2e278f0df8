"""``/join/<code>``: a clinic's door, with what its services offer now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_time
from litestar import Router, get
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from qure.application.accounts.guests import Door
from qure.application.waiting.told import QueueWaits
from qure.domain.errors import DomainError, NotFound, TooManyTries, Unavailable
from qure.domain.queue import Queue
from qure.domain.waiting.wait import Wait, WaitState
from qure.entrypoints.http.bearer import PUBLIC
from qure.entrypoints.http.callers import address_of
from qure.entrypoints.http.calls import PublicCall, parts_of
from qure.entrypoints.http.errors import status_of
from qure.entrypoints.http.guests import plausible_code
from qure.entrypoints.web.languages import Language
from qure.entrypoints.web.pages import page_answer, spoken_by
from qure.entrypoints.web.rendering import Page, render

_PAGE = Page("join")
_LONG_MINUTES = 120  # As LONG in static/core/waits.js.


@dataclass(frozen=True, slots=True)
class Offer:
    """A service as the page shows it; with ``refusal`` nobody gets a number of it now."""

    id: str
    name: str
    waiting: str
    wait: str
    refusal: str | None
    opens: datetime | None
    opens_at: str


@get("/join/{join_code:str}", opt={PUBLIC: True}, name="page-join")
async def show_door(request: PublicCall, join_code: FromPath[str]) -> ASGIResponse:
    container = parts_of(request.scope).container
    use = container.use_cases
    now = container.clock.now()
    try:
        address = address_of(request, container.settings)
        door = await use.guests.look(plausible_code(join_code), address=address)
        waits = await use.waits.of_clinic(door.clinic.id) if door.queues else {}
        late = {one.id for one in door.queues if await use.waits.is_too_late(one.id)}
    except (NotFound, TooManyTries, Unavailable) as error:
        return _refused(request, error)
    spoken = spoken_by(request, offered=tuple(one.value for one in door.clinic.languages))
    html = render(
        _PAGE,
        spoken,
        refused=None,
        clinic=door.clinic,
        hours=_hours(door, spoken),
        offers=[
            _offer(queue, waits.get(queue.id), spoken, door, now=now, late=queue.id in late)
            for queue in door.queues
        ],
        data={
            "code": join_code,
            "zone": door.clinic.timezone,
            "queues": [str(queue.id) for queue in door.queues],
        },
    )
    return page_answer(request, html, cache="no-store")


def _refused(request: PublicCall, error: DomainError) -> ASGIResponse:
    """The same page, without a clinic: what is wrong, and what to do."""
    html = render(
        _PAGE, spoken_by(request), refused="dead" if isinstance(error, NotFound) else "busy"
    )
    answer = page_answer(request, html, status=status_of(error), cache="no-store")
    if isinstance(error, TooManyTries | Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _offer(
    queue: Queue,
    waits: QueueWaits | None,
    spoken: Language,
    door: Door,
    *,
    now: datetime,
    late: bool,
) -> Offer:
    opens = queue.start_time if queue.start_time > now else None
    zone = ZoneInfo(door.clinic.timezone)
    refusal = _refusal(queue, late=late)
    return Offer(
        id=str(queue.service_id),
        name=queue.service_name,
        waiting=spoken.say("page", "waiting", count=queue.waiting_count)
        if queue.waiting_count
        else "",
        wait=how_long(None if waits is None else waits.if_joined, spoken, now=now),
        refusal=None if refusal is None else spoken.say("errors", refusal),
        opens=opens,
        opens_at=format_time(opens, "short", tzinfo=zone, locale=spoken.code) if opens else "",
    )


def _refusal(queue: Queue, *, late: bool) -> str | None:
    """The code that whoever asked for a number now would be refused with, as ``issuing`` does."""
    if queue.is_closed:
        return "queue_closed"
    if not queue.is_active:
        return "queue_inactive"
    if queue.last_issued_number >= queue.max_size:
        return "queue_full"
    return "too_late_today" if late else None


def how_long(wait: Wait | None, spoken: Language, *, now: datetime) -> str:
    """How long from now, in the words of ``howLong`` in ``static/core/waits.js``."""
    if wait is None:
        return spoken.say("wait", "not_yet")
    if wait.state is WaitState.NEXT:
        return spoken.say("wait", "no_wait")
    if wait.low is None or wait.high is None:
        key = "" if wait.unknown is None else f"unknown_{wait.unknown.value}"
        return spoken.say("wait", key if key in spoken.sections["wait"] else "not_yet")
    low, high = (max(0, round((at - now).total_seconds() / 60)) for at in (wait.low, wait.high))
    return _span(low, high, spoken)


def _span(low: int, high: int, spoken: Language) -> str:
    if high == 0:
        return spoken.say("wait", "no_wait")
    if low >= _LONG_MINUTES:
        return spoken.say("wait", "hours", **{"from": low // 60, "count": high // 60 + 1})
    if low == high:
        return spoken.say("wait", "minutes", count=high)
    return spoken.say("wait", "range", **{"from": low, "count": high})


def _hours(door: Door, spoken: Language) -> str:
    hours = door.clinic.opening_hours

    def said(at: time) -> str:
        return format_time(at, "short", locale=spoken.code)

    return spoken.say("page", "opening_hours", **{"from": said(hours.start), "to": said(hours.end)})


router = Router("/", route_handlers=[show_door])
