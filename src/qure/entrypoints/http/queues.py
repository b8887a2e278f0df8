"""``/api/queues``: a clinic's queue of the day, and calling the next patient."""

from litestar import Router, get, patch, post
from litestar.response.base import ASGIResponse

from qure.application.queueing import desk
from qure.application.queueing import queues
from qure.domain.ids import ClinicId, QueueId
from qure.entrypoints.http import samples
from qure.entrypoints.http.answers import answer
from qure.entrypoints.http.bodies import read_json
from qure.entrypoints.http.calls import Call, ClinicIdInPath, Parts, QueueIdInPath
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
async def open_queue(request: Call, clinic_id: ClinicIdInPath, container: Parts) -> ASGIResponse:
    given = await read_json(request, requests.OpenQueue)
    queue = await queues.open_queue(
        ClinicId(clinic_id),
        max_size=given.max_queue_size,
        actor=request.user,
        storage=container.storage,
        clock=container.clock,
        randomness=container.randomness,
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
async def todays_queue(request: Call, clinic_id: ClinicIdInPath, container: Parts) -> ASGIResponse:
    queue = await queues.todays_queue(
        ClinicId(clinic_id), storage=container.storage, clock=container.clock
    )
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
async def read_status(request: Call, queue_id: QueueIdInPath, container: Parts) -> ASGIResponse:
    status = await queues.read_status(
        QueueId(queue_id), live_status=container.live_status, storage=container.storage
    )
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
    request: Call, queue_id: QueueIdInPath, container: Parts
) -> ASGIResponse:
    given = await read_json(request, requests.SetActive)
    queue = await queues.set_queue_active(
        QueueId(queue_id),
        active=given.is_active,
        actor=request.user,
        storage=container.storage,
        clock=container.clock,
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
async def call_next(request: Call, queue_id: QueueIdInPath, container: Parts) -> ASGIResponse:
    token = await desk.call_next_token(
        QueueId(queue_id),
        actor=request.user,
        storage=container.storage,
        clock=container.clock,
        randomness=container.randomness,
    )
    return answer(request, responses.TokenBody.of(token))


router = Router(
    "/api/queues",
    route_handlers=[open_queue, todays_queue, read_status, set_queue_active, call_next],
)
