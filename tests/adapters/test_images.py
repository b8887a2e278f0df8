"""What every reader of pictures takes and refuses, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from qure.adapters.media.images import PillowImages
from qure.domain.errors import Invalid, Unavailable
from tests.support.drawing import (
    BLUE,
    GREEN,
    READABLE,
    RED,
    WHITE,
    corner_colours,
    corners,
    near,
    noise,
    opened,
    saved,
)


@pytest.fixture
async def images() -> AsyncIterator[PillowImages]:
    images = PillowImages()
    yield images
    await images.close()


UNREADABLE = {
    "nothing": b"",
    "text": b"hello",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<html><body>GIF89a</body></html>",
    "pdf": b"%PDF-1.7\n",
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "tiff": saved(corners(), "TIFF"),
    "bmp": saved(corners(), "BMP"),
    "ico": saved(corners((64, 64)), "ICO"),
    "ppm": saved(corners(), "PPM"),
    "jpeg 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\0" * 40,
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
}


@pytest.mark.parametrize("kind", READABLE)
async def test_each_kind_is_read_by_its_content(images: PillowImages, kind: str) -> None:
    content = READABLE[kind](corners())
    await images.check(content, path="image")
    fitted = opened(await images.fit(content))
    assert fitted.size == (80, 60)
    assert near(corner_colours(fitted), [RED, GREEN, BLUE, WHITE])


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_every_other_kind_is_refused(images: PillowImages, kind: str) -> None:
    for look in (partial(images.check, path="image"), images.fit):
        with pytest.raises(Invalid) as refusal:
            await look(UNREADABLE[kind])
        assert [error.path for error in refusal.value.errors] == ["image"]
        assert "JPEG, PNG, WebP, GIF or HEIC" in refusal.value.errors[0].message


async def test_more_bytes_than_the_bound_are_refused() -> None:
    content = saved(corners(), "PNG")
    await PillowImages(max_bytes=len(content)).check(content, path="image")
    with pytest.raises(Invalid, match="not valid") as refusal:
        await PillowImages(max_bytes=len(content) - 1).check(content, path="image")
    assert "larger than" in refusal.value.errors[0].message


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "heic"])
async def test_more_pixels_than_the_bound_are_refused(kind: str) -> None:
    content = READABLE[kind](corners((80, 60)))
    await PillowImages(max_pixels=80 * 60).check(content, path="image")
    small = PillowImages(max_pixels=4799)
    for look in (partial(small.check, path="image"), small.fit):
        with pytest.raises(Invalid) as refusal:
            await look(content)
        assert "million pixels" in refusal.value.errors[0].message


async def test_too_many_at_once_are_told_busy_and_the_rest_are_served() -> None:
    images = PillowImages(queue_limit=2)
    content = saved(noise((300, 300)), "PNG")
    answers = await asyncio.gather(
        *(images.check(content, path="image") for _ in range(8)), return_exceptions=True
    )
    assert answers.count(None) == 3
    refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert [refusal.code for refusal in refusals] == ["busy"] * 5
