"""Pictures: staged with what needs them, made fit by a job, shown unless they were overtaken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from qure.application.correlation import request_id
from qure.application.jobs.images import (
    FORGOTTEN_AFTER,
    stage_images,
)
from qure.application.ports.gateways import DeleteImage, ProcessImage
from qure.domain import events
from qure.domain.actor import SYSTEM
from qure.domain.clinic import Clinic, ClinicImage
from qure.domain.errors import Unavailable
from qure.domain.ids import ImageId, UserId
from qure.domain.image import ImagePurpose, StagedImage
from qure.domain.user import User
from tests.application.world import World
from tests.support.builders import (
    NOW,
    build_clinic,
    build_staff,
    build_staged_image,
    build_user,
    new_id,
)

OLD = "https://media.example.org/old.jpg"


def url_of(image: StagedImage) -> str:
    return f"https://media.example.org/{image.id}.jpg"


async def run(world: World, image: StagedImage, *, last_attempt: bool = False) -> None:
    await world.image_jobs.do(
        ProcessImage(image.id),
        last_attempt,
    )


async def staged_of(world: World, image: StagedImage) -> StagedImage | None:
    async with world.storage.read() as uow:
        return await uow.staged_images.get(image.id)


async def with_profile_picture(
    world: World, user: User | None = None, **fields: object
) -> tuple[User, StagedImage]:
    """A user who has just given a picture."""
    user = user or build_user(profile_picture=OLD)
    image = build_staged_image(user.id, **fields)
    user.pending_picture = image.id
    await world.keep(user, image)
    return user, image


async def with_logo(world: World, **fields: object) -> tuple[Clinic, StagedImage]:
    clinic = build_clinic(**fields)
    image = build_staged_image(clinic.id, purpose=ImagePurpose.CLINIC_LOGO)
    clinic.pending_logo = image.id
    await world.keep(clinic, image)
    return clinic, image


async def with_pictures(world: World, number: int) -> tuple[Clinic, list[StagedImage]]:
    clinic, batch = build_clinic(), new_id()
    images = [
        build_staged_image(
            clinic.id, purpose=ImagePurpose.CLINIC_IMAGE, batch=batch, position=position
        )
        for position in reversed(range(number))
    ]
    clinic.images_batch = batch
    await world.keep(clinic, *images)
    return clinic, images[::-1]


async def test_staging_keeps_the_bytes_in_order_and_asks_for_a_job_each(world: World) -> None:
    actor, owner, batch = await world.patient(), new_id(), new_id()
    async with world.storage.write() as uow:
        given = await stage_images(
            uow,
            [b"one", b"two"],
            purpose=ImagePurpose.CLINIC_IMAGE,
            owner_id=owner,
            batch=batch,
            ids=world.ids,
            by=actor,
            at=NOW,
        )
        await uow.commit()
    ids = [image.id for image in given]
    async with world.storage.read() as uow:
        staged = [await uow.staged_images.get(id) for id in ids]
    assert (
        staged
        == given
        == [
            StagedImage(
                id=id,
                purpose=ImagePurpose.CLINIC_IMAGE,
                owner_id=owner,
                batch=batch,
                position=position,
                content=content,
                created_at=NOW,
            )
            for position, (id, content) in enumerate(zip(ids, [b"one", b"two"], strict=True))
        ]
    )
    assert world.events == [events.ImageStaged(image_id=id, actor=actor, at=NOW) for id in ids]


async def test_the_request_that_brought_a_picture_is_known_to_the_last_log_line_of_its_job(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    actor = await world.patient()

    async def upload() -> ImageId:
        request_id.set("request-1")
        async with world.storage.write() as uow:
            (image,) = await stage_images(
                uow,
                [b"picture"],
                purpose=ImagePurpose.PROFILE_PICTURE,
                owner_id=actor.user_id,
                batch=new_id(),
                ids=world.ids,
                by=actor,
                at=NOW,
            )
            await uow.commit()
        return image.id

    async def work(image_id: ImageId) -> str | None:
        assert request_id.get() is None
        await world.image_jobs.do(ProcessImage(image_id), False)
        return request_id.get()

    image_id = await asyncio.create_task(upload())
    with caplog.at_level(logging.INFO):
        assert await asyncio.create_task(work(image_id)) == "request-1"
    assert f"image {image_id} is no longer wanted" in caplog.text


async def test_a_profile_picture_is_made_fit_shown_and_told(world: World) -> None:
    user, image = await with_profile_picture(world)
    at = world.clock.advance(seconds=5)
    await run(world, image)
    assert world.media.shown == {url_of(image): b"fitted picture"}
    shown = await world.user_of(user.id)
    assert (shown.profile_picture, shown.pending_picture) == (url_of(image), None)
    assert shown.updated_at == at
    assert await staged_of(world, image) is None
    assert world.events == [
        events.ImageReplaced(url=OLD, actor=SYSTEM, at=at),
        events.UserChanged(user_id=user.id, is_active=True, actor=SYSTEM, at=at),
    ]


async def test_staff_are_shown_anew_to_their_clinic(world: World) -> None:
    clinic = await world.clinic()
    _, image = await with_profile_picture(world, build_staff(clinic.id))
    await run(world, image)
    told = world.events[-1]
    assert isinstance(told, events.UserChanged)
    assert told.clinic_ids == (clinic.id,)


async def test_the_picture_that_is_shown_already_is_not_taken_away(world: World) -> None:
    image = build_staged_image()
    user = build_user(
        id=UserId(image.owner_id), profile_picture=url_of(image), pending_picture=image.id
    )
    await world.keep(user, image)
    await run(world, image)
    assert [type(event) for event in world.events] == [events.UserChanged]


@pytest.mark.parametrize("old", [None, OLD])
async def test_a_logo_takes_the_place_of_the_one_before(world: World, old: str | None) -> None:
    clinic, image = await with_logo(world, logo=old)
    await run(world, image)
    shown = await world.clinic_of(clinic.id)
    assert (shown.logo, shown.pending_logo) == (url_of(image), None)
    replaced = [] if old is None else [events.ImageReplaced(url=OLD, actor=SYSTEM, at=NOW)]
    changed = events.ClinicChanged(clinic_id=clinic.id, actor=SYSTEM, at=NOW)
    assert world.events == [*replaced, changed]


async def test_a_logo_that_is_shown_already_is_not_taken_away(world: World) -> None:
    clinic, image = await with_logo(world)
    async with world.storage.write() as uow:
        await uow.clinics.save(replace(clinic, logo=url_of(image)))
        await uow.commit()
    await run(world, image)
    assert [type(event) for event in world.events] == [events.ClinicChanged]


async def test_pictures_are_shown_in_the_order_in_which_they_were_given(world: World) -> None:
    clinic, images = await with_pictures(world, 3)
    for image in (images[2], images[0], images[1]):
        await run(world, image)
    shown = await world.clinic_of(clinic.id)
    assert shown.images == tuple(
        ClinicImage(image.id, image.position, url_of(image)) for image in images
    )
    assert [type(event) for event in world.events] == [events.ClinicChanged] * 3


async def test_a_picture_that_is_shown_already_is_not_shown_twice(world: World) -> None:
    clinic, (image,) = await with_pictures(world, 1)
    async with world.storage.write() as uow:
        shown = ClinicImage(image.id, 0, OLD)
        await uow.clinics.save(replace(clinic, images=(shown,)))
        await uow.commit()
    await run(world, image)
    assert (await world.clinic_of(clinic.id)).images == (ClinicImage(image.id, 0, url_of(image)),)


Upload = Callable[[World], Awaitable[tuple[StagedImage, Callable[[], Awaitable[object]]]]]


async def overtaken_profile_picture(
    world: World,
) -> tuple[StagedImage, Callable[[], Awaitable[object]]]:
    user, image = await with_profile_picture(world)
    async with world.storage.write() as uow:
        await uow.users.save(replace(user, pending_picture=ImageId(new_id())))
        await uow.commit()
    return image, lambda: world.user_of(user.id)


async def overtaken_logo(
    world: World,
) -> tuple[StagedImage, Callable[[], Awaitable[object]]]:
    clinic, image = await with_logo(world, logo=OLD)
    async with world.storage.write() as uow:
        await uow.clinics.save(replace(clinic, pending_logo=None))
        await uow.commit()
    return image, lambda: world.clinic_of(clinic.id)


async def overtaken_pictures(
    world: World,
) -> tuple[StagedImage, Callable[[], Awaitable[object]]]:
    clinic, (image,) = await with_pictures(world, 1)
    async with world.storage.write() as uow:
        await uow.clinics.save(replace(clinic, images_batch=new_id()))
        await uow.commit()
    return image, lambda: world.clinic_of(clinic.id)


@pytest.mark.parametrize("upload", [overtaken_profile_picture, overtaken_logo, overtaken_pictures])
async def test_what_a_newer_upload_has_overtaken_is_not_shown_and_is_thrown_away(
    world: World, upload: Upload
) -> None:
    image, owner = await upload(world)
    before = await owner()
    await run(world, image)
    assert await owner() == before
    assert await staged_of(world, image) is None
    assert world.events == [events.ImageReplaced(url=url_of(image), actor=SYSTEM, at=NOW)]


@pytest.mark.parametrize("purpose", ImagePurpose)
async def test_a_picture_whose_owner_is_gone_is_thrown_away(
    world: World, purpose: ImagePurpose
) -> None:
    image = build_staged_image(purpose=purpose)
    await world.keep(image)
    await run(world, image)
    assert await staged_of(world, image) is None
    assert world.events == [events.ImageReplaced(url=url_of(image), actor=SYSTEM, at=NOW)]


async def test_a_job_that_is_done_again_does_nothing(world: World) -> None:
    _, image = await with_profile_picture(world)
    await run(world, image)
    world.forget_events()
    world.media.shown.clear()
    await run(world, image)
    assert (world.events, world.media.shown) == ([], {})


async def test_a_job_that_is_done_twice_at_once_does_not_throw_its_own_picture_away(
    world: World,
) -> None:
    user, image = await with_profile_picture(world)

    async def the_other_is_quicker() -> None:
        await run(world, image)

    world.storage.before_read = the_other_is_quicker
    await run(world, image)
    shown = await world.user_of(user.id)
    assert shown.profile_picture == url_of(image)
    replaced = [one.url for one in world.events if isinstance(one, events.ImageReplaced)]
    assert replaced == [OLD]


async def test_a_picture_that_cannot_be_read_is_given_up_at_once_and_visibly(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    user, image = await with_profile_picture(world, content=b"picture torn in two")
    with caplog.at_level(logging.ERROR):
        await run(world, image)
    failed = await staged_of(world, image)
    assert failed is not None
    assert (failed.failed_at, failed.attempts) == (NOW, 1)
    assert str(image.id) in caplog.text
    async with world.storage.read() as uow:
        assert await uow.staged_images.failed_count() == 1
    assert (await world.user_of(user.id)).profile_picture == OLD
    await run(world, image)
    again = await staged_of(world, image)
    assert again is not None
    assert again.attempts == 1, "what was given up is not tried again"


async def test_a_failure_is_counted_and_raised_so_that_the_job_is_tried_again(
    world: World,
) -> None:
    _, image = await with_profile_picture(world)
    world.media.is_away = True
    for attempt in (1, 2):
        with pytest.raises(Unavailable):
            await run(world, image)
        staged = await staged_of(world, image)
        assert staged is not None
        assert (staged.attempts, staged.failed_at) == (attempt, None)
    world.media.is_away = False
    await run(world, image)
    assert await staged_of(world, image) is None


async def test_the_last_failure_is_for_good_and_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _, image = await with_profile_picture(world)
    world.media.is_away = True
    with pytest.raises(Unavailable), caplog.at_level(logging.ERROR):
        await run(world, image, last_attempt=True)
    staged = await staged_of(world, image)
    assert staged is not None
    assert staged.failed_at == NOW
    assert "for good after 1 attempts" in caplog.text


async def test_nothing_is_shown_of_a_picture_whose_change_could_not_be_stored(
    world: World,
) -> None:
    user, image = await with_profile_picture(world)
    world.storage.commit_errors.append(Unavailable("The database is away."))
    with pytest.raises(Unavailable):
        await run(world, image)
    assert (await world.user_of(user.id)).profile_picture == OLD
    await run(world, image)
    assert (await world.user_of(user.id)).profile_picture == url_of(image)


async def test_a_replaced_picture_is_taken_out_of_the_store(world: World) -> None:
    world.media.shown[OLD] = b"old"
    await world.image_jobs.do(
        DeleteImage(OLD),
        False,
    )
    assert world.media.shown == {}


async def test_forgotten_pictures_are_enqueued_again(world: World) -> None:
    forgotten = build_staged_image(created_at=NOW - FORGOTTEN_AFTER - timedelta(milliseconds=1))
    fresh = build_staged_image(created_at=NOW - FORGOTTEN_AFTER)
    failed = build_staged_image(created_at=NOW - timedelta(days=1), failed_at=NOW)
    await world.keep(forgotten, fresh, failed)
    resumed = await world.resumption.resume()
    assert resumed == 1
    assert world.jobs.enqueued == [ProcessImage(forgotten.id)]


async def test_after_a_restart_everything_staged_is_enqueued_oldest_first(
    world: World,
) -> None:
    older = build_staged_image(created_at=NOW - timedelta(seconds=2))
    newer = build_staged_image(created_at=NOW - timedelta(seconds=1))
    await world.keep(newer, older)
    assert await world.resumption.resume(all=True) == 2
    assert world.jobs.enqueued == [ProcessImage(older.id), ProcessImage(newer.id)]


async def test_absent_jobs_are_owned_up_to_and_nothing_is_lost(world: World) -> None:
    image = build_staged_image(created_at=NOW - timedelta(hours=1))
    await world.keep(image)
    world.jobs.is_away = True
    with pytest.raises(Unavailable):
        await world.resumption.resume()
    assert await staged_of(world, image) is not None


async def test_a_picture_that_is_not_staged_is_no_work(world: World) -> None:
    await world.image_jobs.do(ProcessImage(ImageId(new_id())), False)
    assert world.media.shown == {}
