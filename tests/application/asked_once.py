"""Every kind of request that may carry an idempotency key, and a scene in which all can be made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from qure.application.accounts.guest_links import Admitted
from qure.application.clinics.clinics import ClinicFields
from qure.application.ports.lines import KeptAnswer
from qure.application.queueing.moves import ReturnTo
from qure.application.queueing.once import Once
from qure.domain.actor import Actor
from qure.domain.desk import Desk
from qure.domain.queue import Queue
from qure.domain.service import Service
from qure.domain.token import Priority, SkipReason, Token
from tests.application.world import World, holding
from tests.support.builders import build_actor

Answer = Token | tuple[Token, ...] | Admitted
Ask = Callable[[Once], Awaitable[Answer]]

KEY = Once(key="key-1")


@dataclass
class Scene:
    """A clinic with the queues of two services. In the first four have come: 1 was called by
    ``ada``, 2 was skipped, 3 and 4 wait. She sits at a desk that serves both."""

    world: World
    queue: Queue
    blood: Service
    of_blood: Queue
    desk: Desk
    ada: Actor
    code: str

    async def token(self, number: int) -> Token:
        return (await self.world.tokens_of(self.queue.id))[number - 1]

    async def everything(self) -> object:
        """All that a request may change."""
        return [
            [await self.world.queue_of(queue.id) for queue in (self.queue, self.of_blood)],
            [await self.world.tokens_of(queue.id) for queue in (self.queue, self.of_blood)],
            await self.world.desk_of(self.desk.id),
        ]

    async def kept(self) -> list[KeptAnswer]:
        async with self.world.storage.read() as uow:
            state = uow.kept_answers._state  # type: ignore[attr-defined]
        return list(state.kept_answers.values())


async def scene_of(world: World) -> Scene:
    clinic = await world.use.clinics.create(
        fields=ClinicFields(name="Harbour Clinic", latitude=40.7, longitude=-74, guest_join=True),
        reader=world.images,
        actor=await world.admin(),
    )
    code = world.use.clinics.join_code_of(clinic)
    assert code is not None
    blood = await world.service(clinic, prefix="B")
    queue, of_blood = await world.queue(clinic), await world.queue(clinic, service=blood)
    ada, desk = await world.staff_of(clinic.id), await world.desk(clinic.id)
    _, second, _, _ = await world.waiting_in(queue, 4)
    await world.use.moves.skip(second.id, actor=ada)
    await world.use.calling.call_next(queue.id, actor=ada)
    await world.use.desks.open(desk.id, actor=ada)
    world.forget_events()
    return Scene(world, queue, blood, of_blood, desk, ada, code)


Kind = Callable[[Scene], Awaitable[tuple[Ask, Ask]]]


def kind(number: int, ask: Callable[[Scene, Token, Once], Awaitable[Answer]], other: Any) -> Kind:
    """A request about the token of that number, and another one that must not have its key."""

    async def of(scene: Scene) -> tuple[Ask, Ask]:
        token = await scene.token(number)
        return (
            lambda once: ask(scene, token, once),
            lambda once: other(scene, token, once),
        )

    return of


def hold_4(scene: Scene, token: Token, once: Once) -> Awaitable[Token]:
    """Something else."""

    async def hold() -> Token:
        four = await scene.token(4)
        return await scene.world.use.moves.hold(four.id, actor=scene.ada, once=once)

    return hold()


async def undo_after_a_hold(scene: Scene) -> tuple[Ask, Ask]:
    await scene.world.use.moves.hold((await scene.token(4)).id, actor=scene.ada)
    scene.world.forget_events()
    token = await scene.token(1)
    return (
        lambda once: scene.world.use.undoing.undo(scene.queue.id, actor=scene.ada, once=once),
        lambda once: hold_4(scene, token, once),
    )


async def resume_after_a_hold(scene: Scene) -> tuple[Ask, Ask]:
    token = await scene.world.use.moves.hold((await scene.token(3)).id, actor=scene.ada)
    scene.world.forget_events()
    return (
        lambda once: scene.world.use.moves.resume(token.id, actor=scene.ada, once=once),
        lambda once: hold_4(scene, token, once),
    )


async def renew_a_walk_ins_link(scene: Scene) -> tuple[Ask, Ask]:
    admitted = await scene.world.use.guests.admit_walk_in(scene.queue.id, actor=scene.ada)
    scene.world.forget_events()
    return (
        lambda once: scene.world.use.guest_links.renew(
            admitted.token.id, actor=scene.ada, once=once
        ),
        lambda once: hold_4(scene, admitted.token, once),
    )


async def take_a_number(scene: Scene) -> tuple[Ask, Ask]:
    patient = build_actor()

    def issue(queue: Queue) -> Ask:
        return lambda once: scene.world.use.issuing.issue(queue.id, actor=patient, once=once)

    return issue(scene.queue), issue(scene.of_blood)


KINDS: dict[str, Kind] = {
    "issue": take_a_number,
    "walk-in": kind(
        1,
        lambda scene, _, once: scene.world.use.guests.admit_walk_in(
            scene.queue.id, name="Ada", actor=scene.ada, once=once
        ),
        lambda scene, _, once: scene.world.use.guests.admit_walk_in(
            scene.queue.id, name="Grace", actor=scene.ada, once=once
        ),
    ),
    "join": kind(
        1,
        lambda scene, _, once: scene.world.use.guests.join(
            scene.code, name="Ada", address=None, once=once
        ),
        lambda scene, _, once: scene.world.use.guests.join(
            scene.code, name="Ada", service_id=scene.blood.id, address=None, once=once
        ),
    ),
    "guest link": renew_a_walk_ins_link,
    "call next": kind(
        1,
        lambda scene, _, once: scene.world.use.calling.call_next(
            scene.queue.id, actor=scene.ada, once=once
        ),
        lambda scene, _, once: scene.world.use.calling.call_next(
            scene.of_blood.id, actor=scene.ada, once=once
        ),
    ),
    "call next at a desk": kind(
        1,
        lambda scene, _, once: scene.world.use.calling.call_next_at(
            scene.desk.id, actor=scene.ada, once=once
        ),
        lambda scene, _, once: scene.world.use.calling.call_next(
            scene.queue.id, actor=scene.ada, once=once
        ),
    ),
    "call": kind(
        4,
        lambda scene, token, once: scene.world.use.calling.call(
            token.id, reason="faint", actor=scene.ada, once=once
        ),
        lambda scene, token, once: scene.world.use.calling.call(
            token.id, reason="pale", actor=scene.ada, once=once
        ),
    ),
    "recall": kind(
        1,
        lambda scene, token, once: scene.world.use.calling.recall(
            token.id, actor=scene.ada, once=once
        ),
        hold_4,
    ),
    "start": kind(
        1,
        lambda scene, token, once: scene.world.use.moves.start(
            token.id, actor=scene.ada, once=once
        ),
        lambda scene, token, once: scene.world.use.moves.complete(
            token.id, actor=scene.ada, once=once
        ),
    ),
    "complete": kind(
        1,
        lambda scene, token, once: scene.world.use.moves.complete(
            token.id, actor=scene.ada, once=once
        ),
        hold_4,
    ),
    "skip": kind(
        1,
        lambda scene, token, once: scene.world.use.moves.skip(token.id, actor=scene.ada, once=once),
        lambda scene, token, once: scene.world.use.moves.skip(
            token.id, reason=SkipReason.STAFF, actor=scene.ada, once=once
        ),
    ),
    "return": kind(
        1,
        lambda scene, token, once: scene.world.use.moves.return_to_line(
            token.id, to=ReturnTo.AFTER, after=1, actor=scene.ada, once=once
        ),
        lambda scene, token, once: scene.world.use.moves.return_to_line(
            token.id, to=ReturnTo.AFTER, after=2, actor=scene.ada, once=once
        ),
    ),
    "rejoin": kind(
        2,
        lambda scene, token, once: scene.world.use.moves.rejoin(
            token.id, actor=scene.ada, once=once
        ),
        hold_4,
    ),
    "hold": kind(
        3,
        lambda scene, token, once: scene.world.use.moves.hold(token.id, actor=scene.ada, once=once),
        hold_4,
    ),
    "resume": resume_after_a_hold,
    "postpone": kind(
        3,
        lambda scene, token, once: scene.world.use.moves.postpone(
            token.id, passing=1, actor=holding(token), once=once
        ),
        lambda scene, token, once: scene.world.use.moves.postpone(
            token.id, passing=2, actor=holding(token), once=once
        ),
    ),
    "priority": kind(
        3,
        lambda scene, token, once: scene.world.use.moves.change_priority(
            token.id, priority=Priority.URGENT, actor=scene.ada, once=once
        ),
        lambda scene, token, once: scene.world.use.moves.change_priority(
            token.id, priority=Priority.PRIORITY, actor=scene.ada, once=once
        ),
    ),
    "cancel": kind(
        3,
        lambda scene, token, once: scene.world.use.moves.cancel(
            token.id, reason="came twice", actor=scene.ada, once=once
        ),
        lambda scene, token, once: scene.world.use.moves.cancel(
            token.id, actor=scene.ada, once=once
        ),
    ),
    "transfer": kind(
        3,
        lambda scene, token, once: scene.world.use.transferring.transfer(
            token.id, service_id=scene.blood.id, actor=scene.ada, once=once
        ),
        lambda scene, token, once: scene.world.use.transferring.transfer(
            token.id, service_id=scene.blood.id, first=True, actor=scene.ada, once=once
        ),
    ),
    "undo": undo_after_a_hold,
}
"""Whatever takes a key. Requests that were made once may all be made once more."""
