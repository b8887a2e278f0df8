"""``/api/queues``: a clinic's queue of the day, and calling the next patient."""

from qure.application.announcing.live_status import LiveStatus
from qure.application.queueing.desk import Desk
from qure.application.queueing.queues import Queues
from qure.domain.ids import ClinicId, QueueId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.requests import OpenQueue, SetActive
from qure.wire.responses import QueueBody, StatusBody, TokenBody

router = Api("/api/queues", tag="Queues")


@router.call(
    "POST",
    "/init/{clinicId}",
    "The queue is open.",
    status=201,
    body_optional=True,
    refuses=("forbidden", "queue_exists", "clinic_retired"),
)
async def open_queue(
    request: Call, clinic_id: ClinicId, given: OpenQueue, queues: Queues
) -> QueueBody:
    """Open a clinic's queue of today.

    For admins and the clinic's staff. Today is the clinic's local day.
    """
    queue = await queues.open(clinic_id, max_size=given.max_queue_size, actor=request.user)
    return QueueBody.of(queue)


@router.call("GET", "/{clinicId}", "This is today's queue.", refuses=("queue_not_found",))
async def read_todays_queue(clinic_id: ClinicId, queues: Queues) -> QueueBody:
    """See a clinic's queue of today."""
    return QueueBody.of(await queues.of_today(clinic_id))


@router.call("GET", "/{queueId}/status", "This is how the queue stands.")
async def read_queue_status(queue_id: QueueId, live_status: LiveStatus) -> StatusBody:
    """See how a queue stands.

    Exact after every change; `version` grows by one with each.
    """
    return StatusBody.of(await live_status.of(queue_id))


@router.call("PATCH", "/{queueId}/status", "The queue has been changed.", refuses=("forbidden",))
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
    "/{queueId}/call-next",
    "The next patient has been called.",
    example=samples.CALLED,
    refuses=("forbidden", "queue_empty"),
)
async def call_next_token(request: Call, queue_id: QueueId, desk: Desk) -> TokenBody:
    """Call the next patient.

    For admins and the clinic's staff. Completes what the same staff member had called or started
    before.
    """
    return TokenBody.of(await desk.call_next(queue_id, actor=request.user))


# The name that ``hot_reads`` asks for.
