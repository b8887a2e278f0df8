"""``/api/queues``: a clinic's queue of the day, and calling the next patient."""

from litestar import Router, get, patch, post
from litestar.response.base import ASGIResponse

from qure.application.announcing.live_status import LiveStatus
from qure.application.queueing.desk import Desk
from qure.application.queueing.queues import Queues
from qure.domain.ids import ClinicId, QueueId
from qure.entrypoints.http import samples
from qure.entrypoints.http.answers import answer
from qure.entrypoints.http.bodies import read_json
from qure.entrypoints.http.calls import Call, ClinicIdInPath, Injected, QueueIdInPath
from qure.entrypoints.http.operation import operation
from qure.wire import requests, responses

TAG = "Queues"


@post(
    "/init/{clinicId:str}",
    **operation(
        "openQueue",
        "Open a clinic's queue of today",
        tag=TAG,
        message="The queue is open.",
        description="For admins and the clinic's staff. Today is the clinic's local day.",
        answer=responses.QueueBody,
        example=samples.QUEUE,
        status=201,
        body=requests.OpenQueue,
        body_optional=True,
        refusals={
            403: ("forbidden",),
            404: ("clinic_not_found",),
            409: ("queue_exists", "clinic_retired"),
        },
    ),
)
async def open_queue(
    request: Call, clinic_id: ClinicIdInPath, queues: Injected[Queues]
) -> ASGIResponse:
    given = await read_json(request, requests.OpenQueue)
    queue = await queues.open(
        ClinicId(clinic_id),
        max_size=given.max_queue_size,
        actor=request.user,
    )
    return answer(request, responses.QueueBody.of(queue))


@get(
    "/{clinicId:str}",
    **operation(
        "readTodaysQueue",
        "See a clinic's queue of today",
        tag=TAG,
        message="This is today's queue.",
        answer=responses.QueueBody,
        example=samples.QUEUE,
        refusals={404: ("clinic_not_found", "queue_not_found")},
    ),
)
async def todays_queue(
    request: Call, clinic_id: ClinicIdInPath, queues: Injected[Queues]
) -> ASGIResponse:
    queue = await queues.of_today(ClinicId(clinic_id))
    return answer(request, responses.QueueBody.of(queue))


@get(
    "/{queueId:str}/status",
    **operation(
        "readQueueStatus",
        "See how a queue stands",
        tag=TAG,
        message="This is how the queue stands.",
        description="Exact after every change; `version` grows by one with each.",
        answer=responses.StatusBody,
        example=samples.STATUS,
        refusals={404: ("queue_not_found",)},
    ),
)
async def read_status(
    request: Call, queue_id: QueueIdInPath, live_status: Injected[LiveStatus]
) -> ASGIResponse:
    status = await live_status.of(QueueId(queue_id))
    return answer(request, responses.StatusBody.of(status))


@patch(
    "/{queueId:str}/status",
    **operation(
        "setQueueActive",
        "Take new tokens, or no more",
        tag=TAG,
        message="The queue has been changed.",
        description="For admins and the clinic's staff. Standing tokens stay valid.",
        answer=responses.QueueBody,
        example=samples.QUEUE,
        body=requests.SetActive,
        refusals={403: ("forbidden",), 404: ("queue_not_found",)},
    ),
)
async def set_queue_active(
    request: Call, queue_id: QueueIdInPath, queues: Injected[Queues]
) -> ASGIResponse:
    given = await read_json(request, requests.SetActive)
    queue = await queues.set_active(
        QueueId(queue_id),
        active=given.is_active,
        actor=request.user,
    )
    return answer(request, responses.QueueBody.of(queue))


@post(
    "/{queueId:str}/call-next",
    **operation(
        "callNextToken",
        "Call the next patient",
        tag=TAG,
        message="The next patient has been called.",
        description="For admins and the clinic's staff. Completes what the same staff member "
        "had called or started before.",
        answer=responses.TokenBody,
        example=samples.CALLED,
        refusals={403: ("forbidden",), 404: ("queue_not_found",), 409: ("queue_empty",)},
    ),
)
async def call_next(request: Call, queue_id: QueueIdInPath, desk: Injected[Desk]) -> ASGIResponse:
    token = await desk.call_next(
        QueueId(queue_id),
        actor=request.user,
    )
    return answer(request, responses.TokenBody.of(token))


router = Router(
    "/api/queues",
    route_handlers=[open_queue, todays_queue, read_status, set_queue_active, call_next],
)
