"""Uploads wait for their job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from qure.application.ports.storage import Storage
from qure.domain.ids import ImageId
from qure.domain.image import ImagePurpose
from tests.contracts.storage.given import given
from tests.support.builders import NOW, build_staged_image, new_id


async def test_a_staged_image_comes_back_with_its_bytes(storage: Storage) -> None:
    image = build_staged_image(
        purpose=ImagePurpose.CLINIC_IMAGE, position=3, content=bytes(range(256)) * 4096
    )
    async with storage.write() as db:
        await db.staged_images.add([image, build_staged_image()])
        await db.staged_images.add([])
        await db.commit()
    async with storage.read() as db:
        assert await db.staged_images.get(image.id) == image
        assert await db.staged_images.get(ImageId(new_id())) is None


async def test_attempts_are_counted_until_the_last_is_final(storage: Storage) -> None:
    image, other = build_staged_image(), build_staged_image()
    await given(storage, image, other)
    async with storage.write() as db:
        assert await db.staged_images.record_attempt(image.id, failed_at=None) == 1
        await db.commit()
    async with storage.write() as db:
        assert await db.staged_images.record_attempt(image.id, failed_at=NOW) == 2
        assert await db.staged_images.record_attempt(ImageId(new_id()), failed_at=None) == 0
        await db.commit()
    async with storage.read() as db:
        failed = await db.staged_images.get(image.id)
        assert await db.staged_images.get(other.id) == other
        assert await db.staged_images.failed_count() == 1
    assert failed is not None
    assert (failed.attempts, failed.failed_at) == (2, NOW)


async def test_a_deleted_image_is_gone_and_may_be_deleted_again(storage: Storage) -> None:
    image = build_staged_image()
    await given(storage, image)
    for _ in range(2):
        async with storage.write() as db:
            await db.staged_images.delete(image)
            await db.commit()
    async with storage.read() as db:
        assert await db.staged_images.get(image.id) is None


async def test_images_wait_oldest_first_unless_they_failed_for_good(storage: Storage) -> None:
    def age(seconds: int) -> dict[str, Any]:
        return {"created_at": NOW - timedelta(seconds=seconds)}

    young, middle, old = (build_staged_image(**age(seconds)) for seconds in (0, 5, 9))
    failed = build_staged_image(**age(7), failed_at=NOW, attempts=5)
    tried = build_staged_image(**age(6), attempts=2)
    await given(storage, young, middle, old, failed, tried)
    async with storage.read() as db:
        waiting = await db.staged_images.waiting(before=NOW, limit=10)
        assert waiting == [old.id, tried.id, middle.id]
        assert await db.staged_images.waiting(before=NOW, limit=1) == [old.id]
        assert await db.staged_images.waiting(before=NOW - timedelta(days=1), limit=10) == []


async def test_images_that_failed_long_ago_are_forgotten(storage: Storage) -> None:
    long_ago = build_staged_image(failed_at=NOW - timedelta(days=7, milliseconds=1))
    lately = build_staged_image(failed_at=NOW - timedelta(days=7))
    waiting = build_staged_image(created_at=NOW - timedelta(days=30))
    await given(storage, long_ago, lately, waiting)
    async with storage.write() as db:
        deleted = await db.staged_images.delete_failed(before=NOW - timedelta(days=7))
        await db.commit()
    assert deleted == 1
    async with storage.read() as db:
        assert await db.staged_images.get(long_ago.id) is None
        assert await db.staged_images.get(lately.id) == lately
        assert await db.staged_images.get(waiting.id) == waiting
