"""People without the app: walk-ins, and strangers at the door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from qure.application.access import require_desk, require_desk_of
from qure.application.accounts.attempts import minute_limit, network_of, take_an_attempt
from qure.application.accounts.guest_links import Admitted, GuestSecrets
from qure.application.lookup import get_queue, get_service_of
from qure.application.ports.gateways import Clock, Ids, Throttle
from qure.application.ports.lines import KeptAnswer
from qure.application.ports.storage import Storage, UnitOfWork
from qure.application.queueing.once import PLAIN, Once, Question, answered, keep
from qure.application.secrets import secret_digest
from qure.application.transact import transact
from qure.domain import issuing
from qure.domain.actor import Actor
from qure.domain.clinic import Clinic
from qure.domain.errors import NotFound
from qure.domain.ids import QueueId, ServiceId, TokenId, UserId
from qure.domain.issuing import Holder
from qure.domain.queue import Queue
from qure.domain.token import Priority
from qure.domain.user import User

GUEST_NAME = "Guest"

JOINS_PER_CODE = 60
JOINS_PER_ADDRESS = 30
"""A minute each, of those who look and of those who take a number."""


@dataclass(frozen=True, slots=True)
class Door:
    """A clinic as it is shown at its door, and today's queues that take people."""

    clinic: Clinic
    queues: list[Queue]


class Guests:
    """Lets people in who have no login."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        secrets: GuestSecrets,
        throttle: Throttle,
        is_too_late: Callable[[QueueId], Awaitable[bool]],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._secrets = secrets
        self._throttle = throttle
        self._is_too_late = is_too_late

    # By staff

    async def admit_walk_in(
        self,
        queue_id: QueueId,
        *,
        name: str | None = None,
        phone: str | None = None,
        note: str | None = None,
        priority: Priority = Priority.NORMAL,
        actor: Actor,
        once: Once = PLAIN,
    ) -> Admitted:
        """A number for somebody at the desk. For staff of the clinic and admins.

        Raises ``NotFound``, ``Forbidden`` and what ``issuing.issue`` raises.
        """
        require_desk(actor)
        question = Question.of(once, actor.id, "walk-in", queue_id, name, phone, note, priority)

        async def admit(uow: UnitOfWork) -> Admitted:
            queue = await get_queue(uow, queue_id, lock=True)
            require_desk_of(actor, queue.clinic_id)
            holder = _Stranger(name, phone, note, priority)
            return await self._admitted(uow, queue, holder, question, actor, walk_in=True)

        return await transact(self._storage, admit)

    # At the door

    async def look(self, join_code: str, *, address: str | None) -> Door:
        """The clinic behind the code, and today's queues.

        Raises ``TooManyTries``, and ``NotFound`` (``join_code_not_found``) alike for unknown,
        renewed and switched-off codes.
        """
        await self._count(join_code, address)
        async with self._storage.read() as uow:
            clinic = await _clinic_behind(uow, join_code)
            queues = await uow.queues.of_clinic(clinic.id, now=self._clock.now())
        return Door(clinic, queues)

    async def join(
        self,
        join_code: str,
        *,
        service_id: ServiceId | None = None,
        name: str | None = None,
        address: str | None,
        actor: Actor | None = None,
        once: Once = PLAIN,
    ) -> Admitted:
        """A number for a stranger, in that service's queue of today or the default one's.

        ``actor`` is who asks, if they are somebody already: they get ``ActiveTokenExists`` as long
        as they have an active token. Raises what ``look`` and ``issuing.issue`` raise,
        ``NotFound`` (``service_not_found``) and ``Conflict`` (``queue_not_open``,
        ``too_late_today``).
        """
        await self._count(join_code, address)
        question = Question.of(once, f"join:{secret_digest(join_code)}", "join", service_id, name)
        is_too_late = await self._is_too_late_at_door(join_code, service_id)

        async def join(uow: UnitOfWork) -> Admitted:
            clinic = await _clinic_behind(uow, join_code)
            now = self._clock.now()
            # Whoever was let in with this key is told so again, even though they hold a number now
            # or the day is over; whether anybody is let in at this moment shows under the lock.
            kept = await answered(uow, question, now=now)
            if kept is not None:
                return self._again(kept)
            if actor is not None and actor.is_patient:
                issuing.refuse_second(await uow.tokens.active_of(actor.user_id, now=now))
            service = clinic.service
            if service_id is not None:
                service = await get_service_of(uow, clinic.id, service_id)
            if not service.is_active:
                raise NotFound("service_not_found", "This service is no longer offered.")
            queues = await uow.queues.of_services({service.id}, now=now, lock=True)
            if not queues:
                raise issuing.not_open()
            holder = _Stranger(name, None, None, Priority.NORMAL)
            if is_too_late:
                issuing.refuse_late(queues[0], taken=(), max_active=1, at=now)
            return await self._admitted(uow, queues[0], holder, question, None, walk_in=False)

        return await transact(self._storage, join)

    # Within

    async def _is_too_late_at_door(self, join_code: str, service_id: ServiceId | None) -> bool:
        """Asked before the queue is locked, and of no weight where nobody is let in anyway."""
        async with self._storage.read() as uow:
            clinic = await uow.clinics.by_join_digest(secret_digest(join_code))
            if clinic is None or not clinic.refuse_below:
                return False
            wanted = service_id or clinic.service.id
            queues = await uow.queues.of_services({wanted}, now=self._clock.now())
        return bool(queues) and await self._is_too_late(queues[0].id)

    async def _admitted(
        self,
        uow: UnitOfWork,
        queue: Queue,
        stranger: _Stranger,
        question: Question | None,
        actor: Actor | None,
        *,
        walk_in: bool,
    ) -> Admitted:
        now = self._clock.now()
        kept = await answered(uow, question, now=now)
        if kept is not None:
            return self._again(kept)
        user = User.without_login(
            id=UserId(self._ids.new_id()), name=stranger.name or GUEST_NAME, at=now
        )
        line = None
        if issuing.needs_line(queue, stranger.priority):
            line = await uow.tokens.line_for(queue.id, None)
        token = issuing.issue(
            queue,
            id=TokenId(self._ids.new_id()),
            holder=Holder(
                patient_id=user.id,
                guest=True,
                name=stranger.name,
                phone=stranger.phone,
                note=stranger.note,
            ),
            by=actor or Actor(kind=user.kind, id=user.id, role=user.role),
            taken=(),
            max_active=1,
            at=now,
            line=line,
            priority=stranger.priority,
            walk_in=walk_in,
        )
        await uow.users.add(user)
        await uow.guest_links.add(self._secrets.link(user.id, 1, queue, now))
        await uow.tokens.add([token])
        await uow.queues.save(queue)
        await keep(uow, question, token, now=now, generation=1)
        await uow.commit()
        return Admitted(token, self._secrets.of(user.id, 1))

    def _again(self, kept: KeptAnswer) -> Admitted:
        (token,) = kept.tokens
        return Admitted(token, self._secrets.of(token.patient_id, kept.generation or 1))

    async def _count(self, join_code: str, address: str | None) -> None:
        network = network_of(address)
        await take_an_attempt(
            self._throttle,
            [
                minute_limit(f"join:code:{secret_digest(join_code)}", JOINS_PER_CODE),
                minute_limit(f"join:network:{network}", JOINS_PER_ADDRESS),
            ],
            refusal="Too many people join at this moment. Please try again in a moment.",
        )


@dataclass(frozen=True, slots=True)
class _Stranger:
    name: str | None
    phone: str | None
    note: str | None
    priority: Priority


async def _clinic_behind(uow: UnitOfWork, join_code: str) -> Clinic:
    clinic = await uow.clinics.by_join_digest(secret_digest(join_code))
    if clinic is None or not clinic.guest_join or not clinic.is_active:
        raise NotFound("join_code_not_found", "This code is not valid. Please ask at the desk.")
    return clinic
