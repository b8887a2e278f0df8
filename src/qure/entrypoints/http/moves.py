"""What staff do with a token, each move at an address of its own."""

from qure.application.access import require_desk
from qure.application.queueing.calling import Calling
from qure.application.queueing.moves import Moves
from qure.application.queueing.transferring import Transferring
from qure.domain.ids import ServiceId, TokenId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.routing import Api
from qure.wire import move_requests as m
from qure.wire.tokens import StaffTokenBody

router = Api("/api/tokens", tag="Moves")

REFUSALS = ("forbidden", "illegal_transition", "version_conflict", "idempotency_key_reused")


@router.call(
    "POST",
    "/{tokenId}/call",
    "The patient has been called.",
    example=samples.staff_token("CALLED"),
    body_optional=True,
    refuses=REFUSALS,
    only=require_desk,
)
async def call_token(
    request: Call, token_id: TokenId, given: m.CallToken, key: str | None, calling: Calling
) -> StaffTokenBody:
    """Call this patient, out of order.

    For admins and the clinic's staff; a held one too. Completes what the same staff member had
    called or started before.
    """
    token = await calling.call(
        token_id, reason=given.reason, actor=request.user, once=given.once(key)
    )
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/{tokenId}/recall",
    "The patient has been called again.",
    example=samples.staff_token("CALLED"),
    body_optional=True,
    refuses=REFUSALS,
    only=require_desk,
)
async def recall_token(
    request: Call, token_id: TokenId, given: m.Move, key: str | None, calling: Calling
) -> StaffTokenBody:
    """Call a called patient again.

    For admins and the clinic's staff. The patient hears it again, displays show it again.
    """
    token = await calling.recall(token_id, actor=request.user, once=given.once(key))
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/{tokenId}/start",
    "The patient is being seen.",
    example=samples.staff_token("IN_PROGRESS"),
    body_optional=True,
    refuses=REFUSALS,
    only=require_desk,
)
async def start_token(
    request: Call, token_id: TokenId, given: m.Move, key: str | None, moves: Moves
) -> StaffTokenBody:
    """The called patient is being seen.

    For admins and the clinic's staff.
    """
    token = await moves.start(token_id, actor=request.user, once=given.once(key))
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/{tokenId}/complete",
    "The patient was served.",
    example=samples.staff_token("COMPLETED"),
    body_optional=True,
    refuses=REFUSALS,
    only=require_desk,
)
async def complete_token(
    request: Call, token_id: TokenId, given: m.Move, key: str | None, moves: Moves
) -> StaffTokenBody:
    """The patient was served.

    For admins and the clinic's staff.
    """
    token = await moves.complete(token_id, actor=request.user, once=given.once(key))
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/{tokenId}/skip",
    "The patient was skipped.",
    example=samples.staff_token("SKIPPED"),
    body_optional=True,
    refuses=REFUSALS,
    only=require_desk,
)
async def skip_token(
    request: Call, token_id: TokenId, given: m.SkipToken, key: str | None, moves: Moves
) -> StaffTokenBody:
    """The patient is not there.

    For admins and the clinic's staff. By default the reason is NO_SHOW for a called one, STAFF
    for one who waits.
    """
    token = await moves.skip(
        token_id, reason=given.reason, actor=request.user, once=given.once(key)
    )
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/{tokenId}/return",
    "The patient waits again.",
    body_optional=True,
    refuses=(*REFUSALS, "queue_closed"),
    only=require_desk,
)
async def return_token(
    request: Call, token_id: TokenId, given: m.ReturnToken, key: str | None, moves: Moves
) -> StaffTokenBody:
    """Send a patient back into the line.

    For admins and the clinic's staff: one who is called or being seen comes FIRST or LAST of
    those of the same class, or AFTER the next `after` of them.
    """
    token = await moves.return_to_line(
        token_id,
        to=given.to,
        after=given.after or 0,
        actor=request.user,
        once=given.once(key),
    )
    return StaffTokenBody.of(token)


@router.call(
    "POST",
    "/{tokenId}/transfer",
    "The patient goes on in another queue.",
    example=samples.TRANSFERRED,
    refuses=(
        *REFUSALS,
        "service_not_found",
        "queue_not_open",
        "queue_full",
        "active_token_exists",
    ),
    only=require_desk,
)
async def transfer_token(
    request: Call,
    token_id: TokenId,
    given: m.TransferToken,
    key: str | None,
    transferring: Transferring,
) -> StaffTokenBody:
    """Hand a patient over to another service.

    For admins and the clinic's staff. The patient gets a new token in that service's queue of
    today; this one names it in `transferredTo`.
    """
    token = await transferring.transfer(
        token_id,
        service_id=ServiceId(given.service_id),
        first=given.first,
        priority=given.priority,
        actor=request.user,
        once=given.once(key),
    )
    return StaffTokenBody.of(token)


@router.call(
    "PUT",
    "/{tokenId}/priority",
    "The patient's class has been changed.",
    refuses=REFUSALS,
    only=require_desk,
)
async def change_priority(
    request: Call, token_id: TokenId, given: m.ChangePriority, key: str | None, moves: Moves
) -> StaffTokenBody:
    """Change a patient's class.

    For admins and the clinic's staff, while the token is WAITING; it keeps its place.
    """
    token = await moves.change_priority(
        token_id, priority=given.priority, actor=request.user, once=given.once(key)
    )
    return StaffTokenBody.of(token)
