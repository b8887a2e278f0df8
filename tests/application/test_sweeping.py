"""What is over is forgotten, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.jobs.sweeping import ANSWERS_AT_ONCE, FAILED_KEPT_FOR
from qure.application.ports.lines import ANSWERS_KEPT_FOR
from qure.application.ports.storage import TransactionConflict
from qure.domain.errors import Unavailable
from qure.domain.image import StagedImage
from tests.application.world import World
from tests.support.builders import (
    NOW,
    build_guest,
    build_guest_link,
    build_kept_answer,
    build_pairing,
    build_session,
    build_staged_image,
    build_user,
)

MOMENT = timedelta(seconds=1)


async def staged_of(world: World, image: StagedImage) -> StagedImage | None:
    async with world.storage.read() as uow:
        return await uow.staged_images.get(image.id)


async def test_what_has_expired_is_swept_away_and_the_rest_stays(world: World) -> None:
    user = build_user()
    stands = build_session(user.id)
    over = build_session(user.id, expires_at=NOW - MOMENT)
    long_failed = build_staged_image(failed_at=NOW - FAILED_KEPT_FOR - MOMENT)
    lately_failed = build_staged_image(failed_at=NOW - FAILED_KEPT_FOR)
    waiting = build_staged_image(created_at=NOW - timedelta(days=365))
    await world.keep(user, stands, over, long_failed, lately_failed, waiting)
    await world.sweeping.sweep()
    async with world.storage.read() as uow:
        assert await uow.sessions.get(stands.id) is not None
        assert await uow.sessions.get(over.id) is None
    assert await staged_of(world, long_failed) is None
    assert await staged_of(world, lately_failed) is not None
    assert await staged_of(world, waiting) is not None


async def test_links_and_pairings_that_have_expired_go_the_guests_themselves_stay(
    world: World,
) -> None:
    guests = [build_guest(), build_guest()]
    await world.keep(*guests)
    dead = build_guest_link(guests[0].id, expires_at=NOW - MOMENT)
    live = build_guest_link(guests[1].id)
    expired, asks = build_pairing(expires_at=NOW - MOMENT), build_pairing()
    async with world.storage.write() as uow:
        for link in (dead, live):
            await uow.guest_links.add(link)
        for pairing in (expired, asks):
            await uow.displays.add_pairing(pairing)
        await uow.commit()
    await world.sweeping.sweep()
    async with world.storage.read() as uow:
        assert await uow.guest_links.of_user(guests[0].id) is None
        assert await uow.guest_links.of_user(guests[1].id) == live
        assert await uow.displays.pairing(expired.digest) is None
        assert await uow.displays.pairing(asks.digest) == asks
        assert await uow.users.get(guests[0].id) is not None


async def test_answers_are_kept_for_a_day_and_go_in_pieces(world: World) -> None:
    over = [
        build_kept_answer(created_at=NOW - ANSWERS_KEPT_FOR - MOMENT)
        for _ in range(ANSWERS_AT_ONCE + 1)
    ]
    stands = build_kept_answer(created_at=NOW - ANSWERS_KEPT_FOR)
    async with world.storage.write() as uow:
        for answer in [*over, stands]:
            await uow.kept_answers.add([answer])
        await uow.commit()
    writes = world.storage.writes
    await world.sweeping.sweep()
    assert world.storage.writes == writes + 3
    async with world.storage.read() as uow:
        left = [one for one in [*over, stands] if await uow.kept_answers.get(one.scope, one.key)]
    assert left == [stands]


async def test_a_sweep_that_lost_a_race_is_made_again(world: World) -> None:
    long_failed = build_staged_image(failed_at=NOW - FAILED_KEPT_FOR - MOMENT)
    await world.keep(long_failed)
    world.storage.commit_errors.append(TransactionConflict())
    await world.sweeping.sweep()
    assert await staged_of(world, long_failed) is None


async def test_an_absent_database_is_owned_up_to(world: World) -> None:
    world.storage.write_errors.append(Unavailable("The database is away."))
    with pytest.raises(Unavailable):
        await world.sweeping.sweep()
