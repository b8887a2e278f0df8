"""``/api/tokens``: a patient's place in a queue. What is done with it is in ``moves``."""

from qure.application.access import require_patient
from qure.application.queueing.board import Boards
from qure.application.queueing.issuing import Issuing
from qure.application.queueing.moves import Moves
from qure.application.queueing.once import Once
from qure.application.queueing.tokens import Tokens
from qure.domain.ids import QueueId, TokenId, UserId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire.requests import FilterTokens, IssueToken
from qure.wire.tokens import HistoryEntryBody, PlaceBody, StaffTokenBody, TokenBody, history

router = Api("/api/tokens", tag="Tokens")


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
        "queue_closed",
        "too_late_today",
        "idempotency_key_reused",
    ),
)
async def issue_token(
    request: Call, given: IssueToken, key: str | None, issuing: Issuing
) -> TokenBody:
    """Take a token.

    For patients with an account. Numbers run from 1 without gap, however many ask at once. A
    patient takes at most 3 numbers of one queue, and has at most 5 active tokens at once in all
    (the service may set another bound). With `active_token_exists` comes the active token in
    `meta.token`.
    """
    token = await issuing.issue(QueueId(given.queue_id), actor=request.user, once=Once(key=key))
    return TokenBody.of(token)


@router.call(
    "DELETE",
    "/{tokenId}",
    "You have left the queue.",
    example=samples.CANCELLED,
    refuses=("forbidden", "illegal_transition"),
    only=require_patient,
)
async def leave_queue(request: Call, token_id: TokenId, moves: Moves) -> TokenBody:
    """Leave the queue.

    For the token's patient, while it is WAITING.
    """
    return TokenBody.of(await moves.cancel(token_id, actor=request.user))


@router.call(
    "GET", "/{patientId}", "This is your active token, if you have one.", refuses=("forbidden",)
)
async def read_active_token(request: Call, patient_id: UserId, tokens: Tokens) -> TokenBody | None:
    """See your active token.

    For that patient: the active token of today with the lowest number, or null.
    """
    token = await tokens.active_of(patient_id, actor=request.user)
    return None if token is None else TokenBody.of(token)


@router.call(
    "GET",
    "/{patientId}/today",
    "These are your tokens of today.",
    refuses=("forbidden",),
)
async def list_tokens_of_today(
    request: Call, patient_id: UserId, tokens: Tokens
) -> list[TokenBody]:
    """See where you stand in line.

    For that patient: the tokens of today that are active, and those that were skipped and may come
    back; the lowest number first.
    """
    standing = await tokens.standing_of(patient_id, actor=request.user)
    return [TokenBody.of(token) for token in standing]


@router.call("GET", "/queue/{queueId}", "These are the queue's tokens.", refuses=("forbidden",))
async def list_tokens(
    request: Call, queue_id: QueueId, given: FilterTokens, tokens: Tokens
) -> list[StaffTokenBody] | StaffTokenBody | None:
    """See a queue's tokens.

    For admins and the clinic's staff. Without `tokenNumber` the list in order, with it that one
    token or null.
    """
    found = await tokens.list_all(
        queue_id, number=given.token_number, status=given.status, actor=request.user
    )
    bodies = [StaffTokenBody.of(token) for token in found]
    if given.token_number is None:
        return bodies
    return bodies[0] if bodies else None


@router.call("GET", "/{tokenId}/place", "This is its place in the line.", refuses=("forbidden",))
async def read_place(request: Call, token_id: TokenId, boards: Boards) -> PlaceBody:
    """See a token's place in the line.

    For its patient, the clinic's staff and admins. `ahead`: how many are called before it as
    things stand; null unless it is WAITING and not held. `wait` is when it will
    be called. `version` is the queue's.
    """
    return PlaceBody.of(await boards.place_of(token_id, actor=request.user))


@router.call("GET", "/{tokenId}/history", "This is what happened to it.", refuses=("forbidden",))
async def read_history(request: Call, token_id: TokenId, tokens: Tokens) -> list[HistoryEntryBody]:
    """See what happened to a token.

    For its patient, the clinic's staff and admins: every move, the oldest first. A patient sees
    the roles of those who made them, not who they are.
    """
    return history(await tokens.history_of(token_id, actor=request.user))
