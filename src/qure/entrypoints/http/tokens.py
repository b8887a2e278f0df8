"""``/api/tokens``: a patient's place in a queue, and what staff do with it."""

from qure.application.queueing.desk import Desk
from qure.application.queueing.issuing import Issuing
from qure.application.queueing.tokens import Tokens
from qure.domain.ids import QueueId, TokenId, UserId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.requests import FilterTokens, IssueToken
from qure.wire.responses import TokenBody

router = Api("/api/tokens", tag="Tokens")

MOVE_REFUSALS = ("forbidden", "illegal_transition")


@router.call(
    "POST",
    "/",
    "You have a token.",
    status=201,
    refuses=(
        "forbidden",
        "queue_not_found",
        "active_token_exists",
        "too_many_takes",
        "too_many_active_tokens",
        "queue_full",
        "queue_inactive",
    ),
)
async def issue_token(request: Call, given: IssueToken, issuing: Issuing) -> TokenBody:
    """Take a token.

    For patients. Numbers run from 1 without gap, however many ask at once. A patient takes at
    most 3 numbers of one queue, and has at most 5 active tokens at once in all (the service may
    set another bound). With `active_token_exists` comes the active token in `meta.token`.
    """
    return TokenBody.of(await issuing.issue(QueueId(given.queue_id), actor=request.user))


@router.call(
    "DELETE",
    "/{tokenId}",
    "You have left the queue.",
    example=samples.CANCELLED,
    refuses=MOVE_REFUSALS,
)
async def cancel_token(request: Call, token_id: TokenId, tokens: Tokens) -> TokenBody:
    """Leave the queue.

    For the token's patient, while it is WAITING.
    """
    return TokenBody.of(await tokens.cancel(token_id, actor=request.user))


@router.call(
    "GET", "/{patientId}", "This is your active token, if you have one.", refuses=("forbidden",)
)
async def read_active_token(request: Call, patient_id: UserId, tokens: Tokens) -> TokenBody | None:
    """See your active token.

    For that patient: the active token of today with the lowest number, or null.
    """
    token = await tokens.active_of(patient_id, actor=request.user)
    return None if token is None else TokenBody.of(token)


@router.call("GET", "/queue/{queueId}", "These are the queue's tokens.", refuses=("forbidden",))
async def list_tokens(
    request: Call, queue_id: QueueId, given: FilterTokens, tokens: Tokens
) -> list[TokenBody] | TokenBody | None:
    """See a queue's tokens.

    For admins and the clinic's staff. Without `tokenNumber` the list in order, with it that one
    token or null.
    """
    found = await tokens.list_all(
        queue_id, number=given.token_number, status=given.status, actor=request.user
    )
    bodies = [TokenBody.of(token) for token in found]
    if given.token_number is None:
        return bodies
    return bodies[0] if bodies else None


@router.call(
    "POST",
    "/{tokenId}/start",
    "The patient is being seen.",
    example=samples.STARTED,
    refuses=MOVE_REFUSALS,
)
async def start_token(request: Call, token_id: TokenId, desk: Desk) -> TokenBody:
    """The called patient is being seen.

    For admins and the clinic's staff.
    """
    return TokenBody.of(await desk.start(token_id, actor=request.user))


@router.call(
    "POST",
    "/{tokenId}/complete",
    "The patient was served.",
    example=samples.COMPLETED,
    refuses=MOVE_REFUSALS,
)
async def complete_token(request: Call, token_id: TokenId, desk: Desk) -> TokenBody:
    """The patient was served.

    For admins and the clinic's staff.
    """
    return TokenBody.of(await desk.complete(token_id, actor=request.user))


@router.call(
    "POST",
    "/{tokenId}/skip",
    "The patient was skipped.",
    example=samples.SKIPPED,
    refuses=MOVE_REFUSALS,
)
async def skip_token(request: Call, token_id: TokenId, desk: Desk) -> TokenBody:
    """The patient is not there.

    For admins and the clinic's staff.
    """
    return TokenBody.of(await desk.skip(token_id, actor=request.user))
