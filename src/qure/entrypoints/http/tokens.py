"""``/api/tokens``: a patient's place in a queue, and what staff do with it."""

from litestar import Router, delete, get, post
from litestar.response.base import ASGIResponse

from qure.application.queueing.desk import Desk
from qure.application.queueing.issuing import Issuing
from qure.application.queueing.tokens import Tokens
from qure.domain.ids import QueueId, TokenId, UserId
from qure.entrypoints.http import samples
from qure.entrypoints.http.answers import answer
from qure.entrypoints.http.bodies import read_json, read_query
from qure.entrypoints.http.calls import (
    Call,
    Injected,
    PatientIdInPath,
    QueueIdInPath,
    TokenIdInPath,
)
from qure.entrypoints.http.operation import operation
from qure.wire import requests, responses

TAG = "Tokens"
_DESK_REFUSALS = {
    403: ("forbidden",),
    404: ("token_not_found",),
    409: ("illegal_transition",),
}


@post(
    "/",
    **operation(
        "issueToken",
        "Take a token",
        tag=TAG,
        message="You have a token.",
        description="For patients. Numbers run from 1 without gap, however many ask at once. "
        "A patient takes at most 3 numbers of one queue, and has at most 5 active tokens at once "
        "in all (the service may set another bound). "
        "With `active_token_exists` comes the standing token in `meta.token`.",
        answer=responses.TokenBody,
        example=samples.TOKEN,
        status=201,
        body=requests.IssueToken,
        refusals={
            403: ("forbidden",),
            404: ("queue_not_found",),
            409: (
                "active_token_exists",
                "too_many_takes",
                "too_many_active_tokens",
                "queue_full",
                "queue_inactive",
            ),
        },
    ),
)
async def issue_token(request: Call, issuing: Injected[Issuing]) -> ASGIResponse:
    given = await read_json(request, requests.IssueToken)
    token = await issuing.issue(QueueId(given.queue_id), actor=request.user)
    return answer(request, responses.TokenBody.of(token))


@delete(
    "/{tokenId:str}",
    **operation(
        "cancelToken",
        "Leave the queue",
        tag=TAG,
        message="You have left the queue.",
        description="For the token's patient, while it is WAITING.",
        answer=responses.TokenBody,
        example=samples.CANCELLED,
        refusals=_DESK_REFUSALS,
    ),
)
async def cancel_token(
    request: Call, token_id: TokenIdInPath, tokens: Injected[Tokens]
) -> ASGIResponse:
    token = await tokens.cancel(
        TokenId(token_id),
        actor=request.user,
    )
    return answer(request, responses.TokenBody.of(token))


@get(
    "/{patientId:str}",
    **operation(
        "readActiveToken",
        "See your active token",
        tag=TAG,
        message="This is your active token, if you have one.",
        description="For that patient: the active token of today with the lowest number, or null.",
        answer=responses.TokenBody | None,
        example=samples.TOKEN,
        refusals={403: ("forbidden",)},
    ),
)
async def read_active_token(
    request: Call, patient_id: PatientIdInPath, tokens: Injected[Tokens]
) -> ASGIResponse:
    token = await tokens.active_of(
        UserId(patient_id),
        actor=request.user,
    )
    return answer(request, None if token is None else responses.TokenBody.of(token))


@get(
    "/queue/{queueId:str}",
    **operation(
        "listTokens",
        "See a queue's tokens",
        tag=TAG,
        message="These are the queue's tokens.",
        description="For admins and the clinic's staff. Without `tokenNumber` the list in "
        "order, with it that one token or null.",
        answer=list[responses.TokenBody] | responses.TokenBody | None,
        example=[samples.TOKEN],
        query=requests.FilterTokens,
        refusals={403: ("forbidden",), 404: ("queue_not_found",)},
    ),
)
async def list_tokens(
    request: Call, queue_id: QueueIdInPath, tokens: Injected[Tokens]
) -> ASGIResponse:
    given = read_query(request.scope, requests.FilterTokens)
    found = await tokens.list_all(
        QueueId(queue_id),
        number=given.token_number,
        status=given.status,
        actor=request.user,
    )
    bodies = [responses.TokenBody.of(token) for token in found]
    if given.token_number is None:
        return answer(request, bodies)
    return answer(request, bodies[0] if bodies else None)


@post(
    "/{tokenId:str}/start",
    **operation(
        "startToken",
        "The called patient is being seen",
        tag=TAG,
        message="The patient is being seen.",
        description="For admins and the clinic's staff.",
        answer=responses.TokenBody,
        example=samples.STARTED,
        refusals=_DESK_REFUSALS,
    ),
)
async def start_token(request: Call, token_id: TokenIdInPath, desk: Injected[Desk]) -> ASGIResponse:
    token = await desk.start(
        TokenId(token_id),
        actor=request.user,
    )
    return answer(request, responses.TokenBody.of(token))


@post(
    "/{tokenId:str}/complete",
    **operation(
        "completeToken",
        "The patient was served",
        tag=TAG,
        message="The patient was served.",
        description="For admins and the clinic's staff.",
        answer=responses.TokenBody,
        example=samples.COMPLETED,
        refusals=_DESK_REFUSALS,
    ),
)
async def complete_token(
    request: Call, token_id: TokenIdInPath, desk: Injected[Desk]
) -> ASGIResponse:
    token = await desk.complete(
        TokenId(token_id),
        actor=request.user,
    )
    return answer(request, responses.TokenBody.of(token))


@post(
    "/{tokenId:str}/skip",
    **operation(
        "skipToken",
        "The patient is not there",
        tag=TAG,
        message="The patient was skipped.",
        description="For admins and the clinic's staff.",
        answer=responses.TokenBody,
        example=samples.SKIPPED,
        refusals=_DESK_REFUSALS,
    ),
)
async def skip_token(request: Call, token_id: TokenIdInPath, desk: Injected[Desk]) -> ASGIResponse:
    token = await desk.skip(
        TokenId(token_id),
        actor=request.user,
    )
    return answer(request, responses.TokenBody.of(token))


router = Router(
    "/api/tokens",
    route_handlers=[
        issue_token,
        cancel_token,
        read_active_token,
        list_tokens,
        start_token,
        complete_token,
        skip_token,
    ],
)
