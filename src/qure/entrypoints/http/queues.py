"""``/api/queues``: the queues of the day, and what staff do with a whole one."""

from qure.application.access import require_sees
from qure.application.announcing.live_status import LiveStatus
from qure.application.queueing.board import Boards
from qure.application.queueing.calling import Calling
from qure.application.queueing.closing import Closing
from qure.application.queueing.queues import Queues
from qure.application.queueing.undoing import Undoing
from qure.application.waiting.waits import Waits
from qure.domain.ids import ClinicId, QueueId, ServiceId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.clinic_requests import GiveNotice
from qure.wire.move_requests import Move
from qure.wire.queues import BoardBody, QueueBody, QueueOfDayBody, StatusBody
from qure.wire.requests import OfService, OpenQueue, SetActive
from qure.wire.tokens import StaffTokenBody, UndoneBody

router = Api("/api", tag="Queues")


@router.call(
    "POST",
    "/queues/init/{clinicId}",
    "The queue is open.",
    status=201,
    body_optional=True,
    refuses=(
        "forbidden",
        "service_not_found",
        "queue_exists",
        "clinic_retired",
        "service_retired",
    ),
)
async def open_queue(
    request: Call, clinic_id: ClinicId, given: OpenQueue, queues: Queues
) -> QueueBody:
    """Open a service's queue of today.

    For admins and the clinic's staff. Today is the clinic's local day. Without `serviceId` it is
    the clinic's default service.
    """
    queue = await queues.open(
        clinic_id,
        service_id=_service(given),
        max_size=given.max_queue_size,
        actor=request.user,
    )
    return QueueBody.of(queue)


@router.call(
    "GET",
    "/queues/{clinicId}",
    "This is today's queue.",
    refuses=("forbidden", "queue_not_found", "service_not_found"),
)
async def read_todays_queue(
    request: Call, clinic_id: ClinicId, given: OfService, queues: Queues
) -> QueueBody:
    """See a service's queue of today.

    Without `serviceId` that of the clinic's default service.
    """
    queue = await queues.of_today(clinic_id, service_id=_service(given), actor=request.user)
    return QueueBody.of(queue)


@router.call(
    "GET",
    "/clinic/{clinicId}/queues",
    "These are today's queues.",
    refuses=("forbidden",),
)
async def list_todays_queues(
    request: Call, clinic_id: ClinicId, queues: Queues, waits: Waits
) -> list[QueueOfDayBody]:
    """See how all queues of a clinic stand today.

    One for each service that has a queue today, by the services' position, with what whoever
    joins it now has to wait.
    """
    found = await queues.all_of_today(clinic_id, actor=request.user)
    waiting = await waits.of_clinic(clinic_id) if found else {}
    return [QueueOfDayBody.with_wait(one.status(), waiting.get(one.id)) for one in found]


@router.call(
    "GET", "/queues/{queueId}/status", "This is how the queue stands.", refuses=("forbidden",)
)
async def read_queue_status(
    request: Call, queue_id: QueueId, live_status: LiveStatus
) -> StatusBody:
    """See how a queue stands.

    Exact after every change; `version` grows by one with each. A display sees its own clinic's
    queues.
    """
    status = await live_status.of(queue_id)
    require_sees(request.user, status.clinic_id)
    return StatusBody.of(status)


@router.call(
    "PATCH",
    "/queues/{queueId}/status",
    "The queue has been changed.",
    refuses=("forbidden", "queue_closed"),
)
async def set_queue_active(
    request: Call, queue_id: QueueId, given: SetActive, queues: Queues
) -> QueueBody:
    """Take new tokens, or no more.

    For admins and the clinic's staff. Active tokens stay valid.
    """
    queue = await queues.set_active(queue_id, active=given.is_active, actor=request.user)
    return QueueBody.of(queue)


@router.call(
    "POST",
    "/queues/{queueId}/close",
    "The queue is closed for today.",
    example=samples.CLOSED_QUEUE,
    refuses=("forbidden",),
)
async def close_queue(request: Call, queue_id: QueueId, closing: Closing) -> QueueBody:
    """End a queue's day.

    For admins and the clinic's staff. Who waits or is called is cancelled (`DAY_ENDED`), who is
    being seen is completed. It issues nothing any more. A closed queue stays as it is.
    """
    return QueueBody.of(await closing.close(queue_id, actor=request.user))


@router.call(
    "PUT",
    "/queues/{queueId}/notice",
    "Everyone who watches the queue is told.",
    refuses=("forbidden", "queue_closed"),
)
async def give_notice(
    request: Call, queue_id: QueueId, given: GiveNotice, queues: Queues
) -> StatusBody:
    """Tell everyone who watches a queue.

    For admins and the clinic's staff. A DELAY needs `minutes`, a NOTE needs `text` and has no
    `minutes`, a PAUSE needs neither. The notice goes by itself at `until`, or without one when its
    minutes are over; a new one takes its place.
    """
    queue = await queues.give_notice(
        queue_id,
        kind=given.kind,
        minutes=given.minutes,
        until=given.ends_at,
        text=given.text,
        actor=request.user,
    )
    return StatusBody.of(queue.status())


@router.call(
    "DELETE",
    "/queues/{queueId}/notice",
    "The notice has been taken away.",
    refuses=("forbidden",),
)
async def take_notice_away(request: Call, queue_id: QueueId, queues: Queues) -> StatusBody:
    """Take a queue's notice away.

    For admins and the clinic's staff. It is fine if there is none.
    """
    queue = await queues.take_notice_away(queue_id, actor=request.user)
    return StatusBody.of(queue.status())


@router.call("GET", "/queues/{queueId}/board", "This is the queue's board.", refuses=("forbidden",))
async def read_board(request: Call, queue_id: QueueId, boards: Boards) -> BoardBody:
    """See a queue as its staff do.

    For admins and the clinic's staff: today's tokens that are active, held, or skipped and able
    to come back, in the order of calls, each with how many are `ahead` and its
    `wait`.
    """
    return BoardBody.of(await boards.read(queue_id, actor=request.user))


@router.call(
    "POST",
    "/queues/{queueId}/call-next",
    "The next patient has been called.",
    example=samples.staff_token("CALLED"),
    body_optional=True,
    refuses=("forbidden", "queue_empty", "version_conflict", "idempotency_key_reused"),
)
async def call_next_token(
    request: Call, queue_id: QueueId, given: Move, key: str | None, calling: Calling
) -> StaffTokenBody:
    """Call the next patient.

    For admins and the clinic's staff. Completes what the same staff member had called or started
    before. `expectedVersion` is the queue's.
    """
    token = await calling.call_next(queue_id, actor=request.user, once=given.once(key))
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/queues/{queueId}/undo",
    "Your last move has been taken back.",
    body_optional=True,
    refuses=(
        "forbidden",
        "nothing_to_undo",
        "active_token_exists",
        "version_conflict",
        "idempotency_key_reused",
    ),
)
async def undo_last_move(
    request: Call, queue_id: QueueId, given: Move, key: str | None, undoing: Undoing
) -> UndoneBody:
    """Take back your last move in a queue.

    For admins and the clinic's staff: once, within 60 seconds, unless one of its tokens has moved
    since. A call goes back with the completion that it made, and a transfer's new token is
    cancelled. `expectedVersion` is the queue's.
    """
    tokens = await undoing.undo(queue_id, actor=request.user, once=given.once(key))
    return UndoneBody.of(tokens)


def _service(given: OfService) -> ServiceId | None:
    return None if given.service_id is None else ServiceId(given.service_id)
