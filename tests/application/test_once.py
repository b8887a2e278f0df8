"""Twice is once: the same request with the same key gets the first answer and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from qure.application.clinics.clinics import ClinicFields
from qure.application.ports.lines import ANSWERS_KEPT_FOR, KeptAnswer
from qure.application.queueing.issuing import Issuing
from qure.application.queueing.once import Once
from qure.domain.errors import Conflict, DomainError
from qure.domain.token import Priority, Token, TokenStatus
from tests.application.asked_once import KEY, KINDS, Scene, scene_of
from tests.application.world import MAX_ACTIVE, World, acting, outcomes
from tests.support.builders import build_actor, build_token
from tests.support.memory.queues import MemoryKeptAnswers

OF_A_TOKEN = sorted(
    KINDS.keys() - {"issue", "walk-in", "join", "call next", "call next at a desk", "undo"}
)


@pytest.fixture
async def scene(world: World) -> Scene:
    return await scene_of(world)


@pytest.mark.parametrize("name", KINDS)
async def test_the_same_key_gets_the_first_answer_and_nothing_is_done_twice(
    scene: Scene, name: str
) -> None:
    ask, _ = await KINDS[name](scene)
    first = await ask(KEY)
    after = await scene.everything()
    told = list(scene.world.told)
    for _ in range(2):
        scene.world.clock.advance(minutes=1)
        assert await ask(KEY) == first
    assert (await scene.everything(), scene.world.told) == (after, told)
    assert len(await scene.kept()) == 1


@pytest.mark.parametrize("name", KINDS)
async def test_the_first_answer_comes_again_whatever_has_happened_since(
    scene: Scene, name: str
) -> None:
    ask, _ = await KINDS[name](scene)
    first = await ask(KEY)
    scene.world.clock.advance(hours=1)
    await scene.world.use.closing.close(scene.queue.id, actor=scene.ada)
    await scene.world.use.closing.close(scene.of_blood.id, actor=scene.ada)
    assert await ask(KEY) == first


@pytest.mark.parametrize("name", KINDS)
async def test_when_both_come_at_one_moment_both_get_the_same_answer(
    scene: Scene, name: str
) -> None:
    ask, _ = await KINDS[name](scene)
    answers, refused = await outcomes(ask(KEY) for _ in range(3))
    assert refused == []
    assert answers == [answers[0]] * 3
    changes = [entry for entry in scene.world.told if entry.events]
    assert len(changes) == (0 if name == "guest link" else 1)


@pytest.mark.parametrize("name", KINDS)
async def test_the_same_key_for_something_else_is_refused_and_changes_nothing(
    scene: Scene, name: str
) -> None:
    ask, other = await KINDS[name](scene)
    first = await ask(KEY)
    after = await scene.everything()
    with pytest.raises(Conflict) as refused:
        await other(KEY)
    assert refused.value.code == "idempotency_key_reused"
    assert await scene.everything() == after
    assert await ask(KEY) == first


@pytest.mark.parametrize("name", KINDS)
async def test_another_key_or_none_is_another_request(scene: Scene, name: str) -> None:
    ask, _ = await KINDS[name](scene)
    first = await ask(KEY)
    for once in (Once(key="key-2"), Once()):
        try:
            again = await ask(once)
        except DomainError:
            continue  # It is not possible once more, as it would not be without a key.
        assert again != first


@pytest.mark.parametrize("name", KINDS)
async def test_an_answer_is_kept_for_24_hours_and_then_the_key_is_new(
    scene: Scene, name: str
) -> None:
    assert timedelta(hours=24) == ANSWERS_KEPT_FOR
    ask, _ = await KINDS[name](scene)
    first = await ask(KEY)
    scene.world.clock.advance(hours=24, milliseconds=-1)
    assert await ask(KEY) == first
    scene.world.clock.advance(milliseconds=1)
    try:
        again = await ask(KEY)
    except DomainError as refusal:
        assert refusal.code != "idempotency_key_reused"  # noqa: PT017 - either may happen
    else:
        assert again != first
        assert await ask(KEY) == again
        assert len(await scene.kept()) == 1


async def test_after_24_hours_it_is_done_and_kept_anew(scene: Scene) -> None:
    token = await scene.token(1)

    async def recall() -> int:
        again = await scene.world.use.calling.recall(token.id, actor=scene.ada, once=KEY)
        return again.recall_count

    assert [await recall(), await recall()] == [1, 1]
    scene.world.clock.advance(hours=24)
    assert [await recall(), await recall()] == [2, 2]


async def test_the_key_belongs_to_whoever_asks(scene: Scene) -> None:
    grace = await scene.world.staff_of(scene.queue.clinic_id)
    calls = [
        await scene.world.use.calling.call_next(scene.queue.id, actor=who, once=KEY)
        for who in (scene.ada, grace, scene.ada, grace)
    ]
    assert [token.number for token in calls] == [3, 4, 3, 4]


async def test_strangers_at_one_door_share_their_keys_and_other_doors_do_not(
    scene: Scene,
) -> None:
    world = scene.world
    other = await world.use.clinics.create(
        fields=ClinicFields(name="Hill Clinic", latitude=41, longitude=-74, guest_join=True),
        reader=world.images,
        actor=await world.admin(),
    )
    there = await world.queue(other)
    code = world.use.clinics.join_code_of(other)
    assert code is not None
    first = await world.use.guests.join(scene.code, address=None, once=KEY)
    again = await world.use.guests.join(scene.code, address="203.0.113.9", once=KEY)
    assert (again.token, again.secret) == (first.token, first.secret)
    assert (await world.use.guests.join(code, address=None, once=KEY)).token.queue_id == there.id


async def test_a_guest_who_repeats_what_let_them_in_gets_that_even_with_an_access_token(
    scene: Scene,
) -> None:
    world = scene.world
    first = await world.use.guests.join(scene.code, address=None, once=KEY)
    guest = acting(await world.user_of(first.token.patient_id))
    again = await world.use.guests.join(scene.code, address=None, actor=guest, once=KEY)
    assert again == first


# Refusals


async def test_refusals_are_not_kept(scene: Scene) -> None:
    token = await scene.token(2)
    with pytest.raises(Conflict):
        await scene.world.use.moves.hold(token.id, actor=scene.ada, once=KEY)
    assert await scene.kept() == []
    await scene.world.use.moves.rejoin(token.id, actor=scene.ada)
    held = await scene.world.use.moves.hold(token.id, actor=scene.ada, once=KEY)
    assert held.on_hold
    with pytest.raises(Conflict) as refused:
        await scene.world.use.calling.call_next(scene.of_blood.id, actor=scene.ada)
    assert refused.value.code == "queue_empty"


async def test_a_refused_request_may_be_mended_under_its_key(scene: Scene) -> None:
    token = await scene.token(3)
    with pytest.raises(DomainError):
        await scene.world.use.transferring.transfer(
            token.id, service_id=scene.queue.service_id, actor=scene.ada, once=KEY
        )
    gone = await scene.world.use.transferring.transfer(
        token.id, service_id=scene.blood.id, actor=scene.ada, once=KEY
    )
    assert gone.status is TokenStatus.CANCELLED


# Taking a number, where those who ask at one moment are served together


async def test_of_one_batch_the_same_key_with_another_request_is_refused(scene: Scene) -> None:
    patient = build_actor()
    before = scene.world.storage.writes
    issued, refused = await outcomes(
        scene.world.use.issuing.issue(scene.queue.id, actor=patient, once=once)
        for once in (KEY, KEY, Once(key=KEY.key, version=7))
    )
    assert scene.world.storage.writes == before + 1
    assert (len(issued), issued[0]) == (2, issued[1])
    assert [error.code for error in refused] == ["idempotency_key_reused"]


async def test_each_of_a_batch_has_a_key_of_their_own(scene: Scene) -> None:
    asking = [build_actor() for _ in range(3)]
    issued, refused = await outcomes(
        scene.world.use.issuing.issue(scene.queue.id, actor=one, once=KEY)
        for one in (*asking, *asking)
    )
    assert refused == []
    assert [token.number for token in issued] == [5, 6, 7] * 2


async def test_on_two_processes_at_one_moment_one_number_is_given(scene: Scene) -> None:
    world, patient = scene.world, build_actor()
    there = Issuing(
        world.storage,
        world.clock,
        world.ids,
        max_active=MAX_ACTIVE,
        is_too_late=world.use.waits.is_too_late,
    )
    issued, refused = await outcomes(
        process.issue(scene.queue.id, actor=patient, once=KEY)
        for process in (world.use.issuing, there)
    )
    assert refused == []
    assert issued[0] == issued[1]
    assert len(world.told) == 1


async def test_a_key_that_somebody_keeps_at_this_very_moment_for_another_queue_is_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = build_actor()
    await scene.world.use.issuing.issue(scene.queue.id, actor=patient, once=KEY)
    get: Callable[..., Awaitable[KeptAnswer | None]] = MemoryKeptAnswers.get
    looks = 0

    async def not_there_yet(answers: MemoryKeptAnswers, scope: str, key: str) -> object:
        nonlocal looks
        looks += 1
        return None if looks == 1 else await get(answers, scope, key)

    monkeypatch.setattr(MemoryKeptAnswers, "get", not_there_yet)
    with pytest.raises(Conflict) as refused:
        await scene.world.use.issuing.issue(scene.of_blood.id, actor=patient, once=KEY)
    assert refused.value.code == "idempotency_key_reused"
    assert await scene.world.tokens_of(scene.of_blood.id) == []


# What is kept


async def test_secrets_of_guests_are_not_in_what_is_kept(scene: Scene) -> None:
    world = scene.world
    walked_in = await world.use.guests.admit_walk_in(scene.queue.id, actor=scene.ada, once=KEY)
    joined = await world.use.guests.join(scene.code, address=None, once=KEY)
    renewed = await world.use.guest_links.renew(
        joined.token.id, actor=scene.ada, once=Once(key="key-2")
    )
    kept = await scene.kept()
    assert sorted(answer.generation or 0 for answer in kept) == [1, 1, 2]
    for secret in (walked_in.secret, joined.secret, renewed.secret, scene.code):
        assert secret not in repr(kept)


async def test_without_a_key_nothing_is_kept(scene: Scene) -> None:
    ask, _ = await KINDS["hold"](scene)
    await ask(Once())
    assert await scene.kept() == []


# Versions


@pytest.mark.parametrize("name", OF_A_TOKEN)
async def test_a_move_at_a_version_that_the_token_no_longer_has_is_refused(
    scene: Scene, name: str
) -> None:
    ask, _ = await KINDS[name](scene)
    before = await scene.everything()
    with pytest.raises(Conflict) as refused:
        await ask(Once(version=99))
    assert refused.value.code == "version_conflict"
    assert (await scene.everything(), scene.world.told) == (before, [])


@pytest.mark.parametrize(
    ("name", "number"),
    [("start", 1), ("hold", 3), ("call", 4), ("recall", 1), ("transfer", 3), ("rejoin", 2)],
)
async def test_a_move_at_the_version_that_the_token_has_is_made(
    scene: Scene, name: str, number: int
) -> None:
    ask, _ = await KINDS[name](scene)
    version = (await scene.token(number)).version
    moved = await ask(Once(version=version))
    assert isinstance(moved, Token)
    assert moved.version == version + 1
    with pytest.raises(Conflict) as refused:
        await ask(Once(version=version))
    assert refused.value.code == "version_conflict"


@pytest.mark.parametrize("name", ["call next", "undo"])
async def test_calling_the_next_and_undoing_go_by_the_version_of_the_queue(
    scene: Scene, name: str
) -> None:
    ask, _ = await KINDS[name](scene)
    version = (await scene.world.queue_of(scene.queue.id)).version
    before = await scene.everything()
    with pytest.raises(Conflict) as refused:
        await ask(Once(version=version - 1))
    assert refused.value.code == "version_conflict"
    assert await scene.everything() == before
    await ask(Once(version=version))
    assert (await scene.world.queue_of(scene.queue.id)).version == version + 1


async def test_the_version_belongs_to_what_was_asked(scene: Scene) -> None:
    token = await scene.token(3)
    once = Once(key="key-1", version=token.version)
    first = await scene.world.use.moves.hold(token.id, actor=scene.ada, once=once)
    assert await scene.world.use.moves.hold(token.id, actor=scene.ada, once=once) == first
    with pytest.raises(Conflict) as refused:
        await scene.world.use.moves.hold(token.id, actor=scene.ada, once=KEY)
    assert refused.value.code == "idempotency_key_reused"


async def test_of_two_at_one_moment_and_one_version_one_is_made(scene: Scene) -> None:
    token = build_token(scene.queue, number=9)
    await scene.world.keep(token)
    once = Once(version=token.version)
    moves = scene.world.use.moves
    made, refused = await outcomes(
        moves.change_priority(token.id, priority=priority, actor=scene.ada, once=once)
        for priority in (Priority.URGENT, Priority.PRIORITY)
    )
    assert [one.priority for one in made] == [Priority.URGENT]
    assert [error.code for error in refused] == ["version_conflict"]
