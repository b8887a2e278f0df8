"""What patients do with a token; most of it staff may do for them. Each sees it as they may."""

from qure.application.queueing.moves import Moves
from qure.domain.ids import TokenId
from qure.entrypoints.http import samples
from qure.entrypoints.http.calls import Call
from qure.entrypoints.http.moves import REFUSALS
from qure.entrypoints.http.routing import Api
from qure.wire import move_requests as m
from qure.wire.tokens import TokenBody, token_for

router = Api("/api/tokens", tag="Moves")


@router.call(
    "POST",
    "/{tokenId}/cancel",
    "The token has been cancelled.",
    example=samples.CANCELLED,
    body_optional=True,
    refuses=REFUSALS,
)
async def cancel_token(
    request: Call, token_id: TokenId, given: m.CancelToken, key: str | None, moves: Moves
) -> TokenBody:
    """Cancel a token.

    For its patient while it is WAITING, for admins and the clinic's staff while it is CALLED too.
    """
    token = await moves.cancel(
        token_id, reason=given.reason, actor=request.user, once=given.once(key)
    )
    return token_for(request.user, token)


@router.call(
    "POST",
    "/{tokenId}/rejoin",
    "The patient waits again.",
    body_optional=True,
    refuses=(*REFUSALS, "queue_closed", "active_token_exists"),
)
async def rejoin_queue(
    request: Call, token_id: TokenId, given: m.Move, key: str | None, moves: Moves
) -> TokenBody:
    """Come back after having been skipped.

    For its patient until `rejoinUntil` and as often as the clinic allows, for admins and the
    clinic's staff all day. It comes in behind the next few.
    """
    token = await moves.rejoin(token_id, actor=request.user, once=given.once(key))
    return token_for(request.user, token)


@router.call("POST", "/{tokenId}/hold", "The token is held.", body_optional=True, refuses=REFUSALS)
async def hold_token(
    request: Call, token_id: TokenId, given: m.Move, key: str | None, moves: Moves
) -> TokenBody:
    """Pass a token over for a while.

    For its patient, admins and the clinic's staff, while it is WAITING; it keeps its place.
    """
    token = await moves.hold(token_id, actor=request.user, once=given.once(key))
    return token_for(request.user, token)


@router.call(
    "POST",
    "/{tokenId}/resume",
    "The token is held no more.",
    body_optional=True,
    refuses=REFUSALS,
)
async def resume_token(
    request: Call, token_id: TokenId, given: m.Move, key: str | None, moves: Moves
) -> TokenBody:
    """Pass a token over no more.

    For its patient, admins and the clinic's staff.
    """
    token = await moves.resume(token_id, actor=request.user, once=given.once(key))
    return token_for(request.user, token)


@router.call(
    "POST",
    "/{tokenId}/postpone",
    "You have let others pass.",
    refuses=(*REFUSALS, "nobody_behind"),
)
async def postpone_token(
    request: Call, token_id: TokenId, given: m.PostponeToken, key: str | None, moves: Moves
) -> TokenBody:
    """Let others pass.

    For its patient, while it is WAITING, at most 3 times: so many of the same class, or all there
    are.
    """
    token = await moves.postpone(
        token_id, passing=given.passing, actor=request.user, once=given.once(key)
    )
    return TokenBody.of(token)
