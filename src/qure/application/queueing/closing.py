"""What the clock does: no-shows, the end of a day, notices that are over.

Each is found by an index, and done under the lock of its queue by looking once more: any number of
processes may do the same at once, and what happened while none ran is made up for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from qure.application.access import require_desk, require_desk_of
from qure.application.lookup import get_clinic, get_queue, lock_with_queue
from qure.application.one_by_one import see_to_all
from qure.application.ports.gateways import Clock
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.transact import transact
from qure.domain import moves
from qure.domain.actor import SYSTEM, Actor
from qure.domain.ids import QueueId, TokenId
from qure.domain.queue import Queue
from qure.domain.token import SkipReason, TokenStatus

FOUND_AT_ONCE = 100
ENDED_AT_ONCE = 100
"""So many tokens are ended by one transaction: the rest of the process goes on in between."""


class Closing:
    """Ends days, by the clock or by staff, and counts who did not come."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def close(self, queue_id: QueueId, *, actor: Actor) -> Queue:
        """End the queue's day now. For staff of the clinic and admins.

        WAITING and CALLED tokens are cancelled, those IN_PROGRESS completed. A closed one stays
        as it is. Raises ``NotFound``, ``Forbidden``.
        """
        require_desk(actor)

        def may_end(queue: Queue) -> bool:
            require_desk_of(actor, queue.clinic_id)
            return True

        queue, _ = await self._end(queue_id, may_end, by=actor)
        return queue

    async def end_days(self, *, batch: int = FOUND_AT_ONCE) -> int:
        """End every day that is over by the clinic's clock; how many queues were ended."""

        def is_over(queue: Queue) -> bool:
            return queue.is_closed or queue.day_ends_at <= self._clock.now()

        async def end(queue_id: QueueId) -> bool:
            _, ended = await self._end(queue_id, is_over, by=SYSTEM)
            return ended

        async def find(uow: UnitOfWork) -> Sequence[QueueId]:
            return await uow.queues.to_end(now=self._clock.now(), limit=batch)

        return await see_to_all(
            self._storage, find, end, batch=batch, failure="the day of queue %s could not be ended"
        )

    async def skip_no_shows(self, *, batch: int = FOUND_AT_ONCE) -> int:
        """Skip whoever was called so long ago that their clinic waits no more; how many."""

        async def find(uow: UnitOfWork) -> Sequence[TokenId]:
            return await uow.tokens.not_shown_up(now=self._clock.now(), limit=batch)

        return await see_to_all(
            self._storage,
            find,
            self._skip_no_show,
            batch=batch,
            failure="token %s could not be counted as a no-show",
        )

    async def end_notices(self, *, batch: int = FOUND_AT_ONCE) -> int:
        """Take away the notices that have ended; how many."""

        async def end(queue_id: QueueId) -> bool:
            async def end_if_over(uow: UnitOfWork) -> bool:
                queue = await get_queue(uow, queue_id, lock=True)
                now = self._clock.now()
                until = None if queue.notice is None else queue.notice.until
                if until is None or until > now:
                    return False
                queue.give_notice(None, by=SYSTEM, at=now)
                await uow.queues.save(queue)
                await uow.commit()
                return True

            return await transact(self._storage, end_if_over)

        async def find(uow: UnitOfWork) -> Sequence[QueueId]:
            return await uow.queues.with_notice_over(now=self._clock.now(), limit=batch)

        return await see_to_all(
            self._storage,
            find,
            end,
            batch=batch,
            failure="the notice of queue %s could not be ended",
        )

    async def _end(
        self, queue_id: QueueId, may_end: Callable[[Queue], bool], *, by: Actor
    ) -> tuple[Queue, bool]:
        """End the queue's day, some tokens in each transaction; whether this has ended it."""

        async def end_some(uow: UnitOfWork) -> tuple[Queue, bool]:
            queue = await get_queue(uow, queue_id, lock=True)
            if not may_end(queue) or queue.ended_at is not None:
                return queue, False  # Another process was here first.
            now = self._clock.now()
            queue.close(by=by, at=now)
            active = await uow.tokens.active_in(queue.id, limit=ENDED_AT_ONCE)
            await uow.tokens.save(moves.end_day(queue, active, by=by, at=now))
            if len(active) < ENDED_AT_ONCE:
                queue.ended_at = now
            await uow.queues.save(queue)
            await uow.commit()
            return queue, True

        while True:
            queue, has_worked = await transact(self._storage, end_some)
            if not has_worked or queue.ended_at is not None:
                return queue, has_worked

    async def _skip_no_show(self, token_id: TokenId) -> bool:
        async def skip(uow: UnitOfWork) -> bool:
            token, queue = await lock_with_queue(uow, token_id)
            clinic = await get_clinic(uow, queue.clinic_id)
            now = self._clock.now()
            minutes, called = clinic.no_show_minutes, token.last_called_at
            if token.status is not TokenStatus.CALLED or minutes is None or called is None:
                return False  # Somebody else was here first.
            if now - called < timedelta(minutes=minutes):
                return False
            skipped = moves.skip(
                queue,
                token,
                None,
                comeback=clinic.comeback,
                why=SkipReason.NO_SHOW,
                by=SYSTEM,
                at=now,
            )
            await uow.tokens.save([skipped])
            await uow.queues.save(queue)
            await uow.commit()
            return True

        return await transact(self._storage, skip)
