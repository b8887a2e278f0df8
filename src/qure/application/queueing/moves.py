"""What staff and patients do with a token beside calling: each move by those who may make it."""

from __future__ import annotations

from enum import StrEnum

from qure.application.access import require_patient, require_self
from qure.application.lookup import get_clinic
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage
from qure.application.queueing.mover import At, Mover
from qure.application.queueing.once import PLAIN, Once
from qure.application.queueing.placing import place_after, place_letting_pass
from qure.domain import moves, places
from qure.domain.actor import Actor
from qure.domain.ids import QueueId, TokenId
from qure.domain.token import Move, Priority, SkipReason, Token


class ReturnTo(StrEnum):
    """Where in the line somebody comes back to."""

    FIRST = "FIRST"
    LAST = "LAST"
    AFTER = "AFTER"


class Moves:
    """Each raises ``NotFound``, ``Forbidden`` for others than are named, and ``Conflict``.

    ``once.version`` is the token's.
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._mover = Mover(storage, clock)

    # Staff of the clinic, and admins

    async def start(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """The called patient is being seen."""

        async def start(at: At) -> Token:
            return moves.start(at.queue, at.token, by=actor, at=at.now)

        return await self._mover.by_staff(start, token_id, queue_id, actor, once)

    async def complete(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """The patient was served."""

        async def complete(at: At) -> Token:
            return moves.complete(at.queue, at.token, by=actor, at=at.now)

        return await self._mover.by_staff(complete, token_id, queue_id, actor, once)

    async def skip(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        reason: SkipReason | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """The patient is not there."""

        async def skip(at: At) -> Token:
            clinic = await get_clinic(at.uow, at.queue.clinic_id)
            return moves.skip(
                at.queue,
                at.token,
                await at.line_if_waiting(),
                comeback=clinic.comeback,
                why=reason,
                by=actor,
                at=at.now,
            )

        return await self._mover.by_staff(skip, token_id, queue_id, actor, once, reason)

    async def return_to_line(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        to: ReturnTo = ReturnTo.FIRST,
        after: int = 0,
        reason: str | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Back into the line: first or last of its class, or ``after`` so many of it."""

        async def return_to_line(at: At) -> Token:
            at.token.require(Move.RETURN)
            if to is ReturnTo.AFTER and after > 0:
                place = await place_after(at.uow, at.queue, at.token, after, at=at.now)
                line = await at.line()  # Only now: looking may have numbered the places anew.
            else:
                line = await at.line()
                if to is ReturnTo.LAST:
                    place = places.end_of_line(at.queue)
                else:
                    place = places.front_of_line(at.queue, line, at.token.priority)
            return moves.return_to_line(
                at.queue, at.token, line, place=place, by=actor, at=at.now, reason=reason
            )

        return await self._mover.by_staff(
            return_to_line, token_id, queue_id, actor, once, to, after, reason
        )

    async def change_priority(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        priority: Priority,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Into that class, at the place it has."""

        async def change_priority(at: At) -> Token:
            return moves.change_priority(
                at.queue, at.token, await at.line(), priority=priority, by=actor, at=at.now
            )

        return await self._mover.by_staff(
            change_priority, token_id, queue_id, actor, once, priority
        )

    # The token's patient, or staff

    async def cancel(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        reason: str | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Take it out: its patient while it is WAITING, staff while it is CALLED too."""

        async def cancel(at: At) -> Token:
            line = await at.line_if_waiting()
            return moves.cancel(at.queue, at.token, line, by=actor, at=at.now, reason=reason)

        return await self._mover.by_holder_or_staff(cancel, token_id, queue_id, actor, once, reason)

    async def rejoin(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """A skipped one comes back, behind the next few: see ``moves.rejoin``."""

        async def rejoin(at: At) -> Token:
            comeback = (await get_clinic(at.uow, at.queue.clinic_id)).comeback
            # Before a place is looked for: looking may number the places anew.
            moves.require_may_rejoin(at.queue, at.token, comeback=comeback, by=actor, at=at.now)
            patient = at.token.patient_id
            taken = await at.uow.tokens.taken_by({patient}, queue_id=at.queue.id, now=at.now)
            place = await place_after(at.uow, at.queue, at.token, comeback.after, at=at.now)
            return moves.rejoin(
                at.queue,
                at.token,
                await at.line(),
                place=place,
                taken=taken[patient],
                comeback=comeback,
                by=actor,
                at=at.now,
            )

        return await self._mover.by_holder_or_staff(rejoin, token_id, queue_id, actor, once)

    async def hold(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Pass it over until it is resumed; its place is kept."""

        async def hold(at: At) -> Token:
            return moves.hold(at.queue, at.token, await at.line(), by=actor, at=at.now)

        return await self._mover.by_holder_or_staff(hold, token_id, queue_id, actor, once)

    async def resume(
        self,
        token_id: TokenId,
        *,
        queue_id: QueueId | None = None,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Token:
        """Pass it over no more."""

        async def resume(at: At) -> Token:
            return moves.resume(at.queue, at.token, await at.line(), by=actor, at=at.now)

        return await self._mover.by_holder_or_staff(resume, token_id, queue_id, actor, once)

    # The token's patient alone

    async def postpone(
        self, token_id: TokenId, *, passing: int, actor: Actor, once: Once = PLAIN
    ) -> Token:
        """Let so many of the same class pass, or all there are.

        ``Conflict`` is ``nobody_behind`` when nobody could.
        """
        require_patient(actor)

        def may(at: At) -> None:
            require_self(actor, at.token.patient_id)

        async def postpone(at: At) -> Token:
            moves.require_may_postpone(at.token)
            token, place = await place_letting_pass(at.uow, at.queue, at.token, passing, at=at.now)
            return moves.postpone(
                at.queue, token, await at.line(), place=place, by=actor, at=at.now
            )

        return await self._mover.move(postpone, may, token_id, None, actor, once, passing)
