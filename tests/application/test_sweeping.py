"""What is over is forgotten, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qure.application.jobs.sweeping import FAILED_KEPT_FOR
from qure.application.ports.storage import TransactionConflict
from qure.domain.errors import Unavailable
from qure.domain.image import StagedImage
from tests.application.world import World
from tests.support.builders import NOW, build_session, build_staged_image, build_user


async def staged_of(world: World, image: StagedImage) -> StagedImage | None:
    async with world.storage.read() as uow:
        return await uow.staged_images.get(image.id)


async def test_what_has_expired_is_swept_away_and_the_rest_stays(world: World) -> None:
    user = build_user()
    stands = build_session(user.id)
    over = build_session(user.id, expires_at=NOW - timedelta(seconds=1))
    long_failed = build_staged_image(failed_at=NOW - FAILED_KEPT_FOR - timedelta(seconds=1))
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


async def test_a_sweep_that_lost_a_race_is_made_again(world: World) -> None:
    long_failed = build_staged_image(failed_at=NOW - FAILED_KEPT_FOR - timedelta(seconds=1))
    await world.keep(long_failed)
    world.storage.commit_errors.append(TransactionConflict())
    await world.sweeping.sweep()
    assert await staged_of(world, long_failed) is None


async def test_an_absent_database_is_owned_up_to(world: World) -> None:
    world.storage.write_errors.append(Unavailable("The database is away."))
    with pytest.raises(Unavailable):
        await world.sweeping.sweep()
