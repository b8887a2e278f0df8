"""What is read as a picture, what is refused, and what a fitted one looks like."""

from __future__ import annotations

import asyncio
import random
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin
from pillow_heif import register_heif_opener

from qure.adapters.media.images import PillowImages
from qure.domain.errors import Invalid, Unavailable

register_heif_opener()

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
MARKER = b"52.520008,13.404954"  # a place that must not get out


@pytest.fixture
async def images() -> AsyncIterator[PillowImages]:
    images = PillowImages()
    yield images
    images.close()


def corners(size: tuple[int, int] = (80, 60), mode: str = "RGB") -> Image.Image:
    """Red at the top left, green at the top right, blue at the bottom left, white else."""
    image = Image.new("RGB", size, WHITE)
    half = (size[0] // 2, size[1] // 2)
    image.paste(RED, (0, 0, *half))
    image.paste(GREEN, (half[0], 0, size[0], half[1]))
    image.paste(BLUE, (0, half[1], half[0], size[1]))
    return image.convert(mode)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    assert image.format == "JPEG"
    return image


def corner_colours(image: Image.Image) -> list[tuple[int, int, int]]:
    width, height = image.size
    places = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
    pixels = [image.convert("RGB").getpixel((int(width * x), int(height * y))) for x, y in places]
    return [pixel for pixel in pixels if isinstance(pixel, tuple)]


def near(seen: Any, meant: Any, by: int = 30) -> bool:
    return all(
        abs(a - b) <= by
        for pixel, wanted in zip(seen, meant, strict=True)
        for a, b in zip(pixel, wanted, strict=True)
    )


def noise(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    length = size[0] * size[1] * len(mode)
    return Image.frombytes(mode, size, random.Random(7).randbytes(length))


READABLE: dict[str, Callable[[Image.Image], bytes]] = {
    "jpeg": lambda image: saved(image, "JPEG", quality=95, subsampling=0),
    "progressive jpeg": lambda image: saved(
        image, "JPEG", quality=95, progressive=True, subsampling=0
    ),
    "mpo": lambda image: saved(
        image, "MPO", save_all=True, append_images=[Image.new("RGB", image.size)], quality=95
    ),
    "png": lambda image: saved(image, "PNG"),
    "webp": lambda image: saved(image, "WEBP", lossless=True),
    "gif": lambda image: saved(image, "GIF"),
    "heic": lambda image: saved(image, "HEIF", quality=95),
}

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


@pytest.mark.parametrize("kind", READABLE)
async def test_a_picture_that_was_cut_short_is_refused(images: PillowImages, kind: str) -> None:
    content = READABLE[kind](noise((200, 150)))
    for part in (0.5, 0.9):
        with pytest.raises(Invalid):
            await images.check(content[: int(len(content) * part)], path="image")


@pytest.mark.parametrize("kind", READABLE)
async def test_damaged_bytes_never_cause_more_than_a_refusal(
    images: PillowImages, kind: str
) -> None:
    content = READABLE[kind](noise((64, 48)))
    chance = random.Random(kind)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            await images.check(bytes(damaged), path="image")
        except Invalid:
            continue
        await images.fit(bytes(damaged))


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


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1_000_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def jpeg_that_claims(width: int, height: int) -> bytes:
    content = bytearray(saved(corners(), "JPEG"))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def gif_that_claims(width: int, height: int) -> bytes:
    content = bytearray(saved(corners(), "GIF"))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


@pytest.mark.parametrize(
    "bomb",
    [
        png_that_claims(60_000, 60_000),
        png_that_claims(10_000, 9_000),
        jpeg_that_claims(65_000, 65_000),
        gif_that_claims(65_000, 65_000),
    ],
    ids=["png", "png that Pillow would only warn of", "jpeg", "gif"],
)
@pytest.mark.filterwarnings("error")
async def test_a_bomb_is_refused_before_it_is_unpacked(
    images: PillowImages, bomb: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Image.core, "new", lambda *_: pytest.fail("room was made for the pixels"), raising=True
    )
    with pytest.raises(Invalid) as refusal:
        await images.check(bomb, path="image")
    assert "million pixels" in refusal.value.errors[0].message


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((80, 60), (80, 60)),
        ((1024, 1024), (1024, 1024)),
        ((2048, 1024), (1024, 512)),
        ((1000, 3000), (341, 1024)),
        ((5000, 3), (1024, 1)),
        ((1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
async def test_it_is_fitted_into_1024_by_1024_and_never_enlarged(
    images: PillowImages, size: tuple[int, int], fitted: tuple[int, int], kind: str
) -> None:
    content = READABLE[kind](Image.new("RGB", size, RED))
    width, height = opened(await images.fit(content)).size
    assert (abs(width - fitted[0]) <= 1, abs(height - fitted[1]) <= 1) == (True, True)
    assert max(width, height) <= 1024


async def test_the_quality_is_70(images: PillowImages) -> None:
    fitted = opened(await images.fit(saved(corners(), "PNG")))
    expected = opened(saved(corners(), "JPEG", quality=70))
    assert fitted.quantization == expected.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_it_is_turned_upright_by_its_exif(
    images: PillowImages, orientation: int, kind: str
) -> None:
    # How a camera held in each way would have stored the same scene.
    laid_down = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = corners() if laid_down is None else corners().transpose(laid_down)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    fitted = opened(await images.fit(saved(stored, kind, exif=exif)))
    assert fitted.size == (80, 60)
    assert near(corner_colours(fitted), [RED, GREEN, BLUE, WHITE], by=60)


def spoken_orientation() -> bytes:
    """One entry of type ASCII where a number belongs."""
    entry = struct.pack("<HHI4s", ExifTags.Base.Orientation, 2, 3, b"up\0\0")
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + b"\0\0\0\0"


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0no TIFF header",
        b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 50,
        b"Exif\0\0MM",
        spoken_orientation(),
    ],
    ids=["garbage", "offset", "short", "text"],
)
async def test_broken_exif_does_not_spoil_a_good_picture(images: PillowImages, exif: bytes) -> None:
    content = saved(corners(), "JPEG", exif=exif)
    await images.check(content, path="image")
    assert opened(await images.fit(content)).size == (80, 60)


def with_metadata(kind: str) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = MARKER.decode()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSProcessingMethod] = MARKER
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + MARKER + b"</x:xmpmeta>"
    options: dict[str, Any] = {"exif": exif, "xmp": xmp}
    if kind == "JPEG":
        options["comment"] = MARKER
    if kind == "PNG":
        options = {"exif": exif, "pnginfo": PngImagePlugin.PngInfo()}
        options["pnginfo"].add_text("Comment", MARKER.decode())
    if kind == "GIF":
        options = {"comment": MARKER}
    return saved(corners(), kind, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "HEIF"])
async def test_no_metadata_gets_out(images: PillowImages, kind: str) -> None:
    content = with_metadata(kind)
    assert MARKER in content
    fitted = await images.fit(content)
    assert MARKER not in fitted
    assert set(opened(fitted).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not opened(fitted).getexif()


async def test_what_is_hidden_behind_a_picture_is_left_behind(images: PillowImages) -> None:
    fitted = await images.fit(saved(corners(), "JPEG") + b"<script>alert(1)</script>")
    assert b"script" not in fitted


def half_clear(mode: str) -> Image.Image:
    image = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 40, 60))
    return image.convert(mode)


@pytest.mark.parametrize(
    "content",
    [
        saved(half_clear("RGBA"), "PNG"),
        saved(half_clear("LA"), "PNG"),
        saved(half_clear("RGBA").quantize(8), "PNG"),
        saved(Image.new("RGB", (80, 60), RED), "PNG", transparency=RED),
        saved(half_clear("RGBA"), "WEBP", lossless=True),
        saved(half_clear("RGBA"), "GIF"),
        saved(half_clear("RGBA"), "HEIF", quality=90),
    ],
    ids=["png", "grey png", "palette png", "keyed png", "webp", "gif", "heic"],
)
async def test_what_is_clear_becomes_white(images: PillowImages, content: bytes) -> None:
    fitted = opened(await images.fit(content))
    assert near([corner_colours(fitted)[1]], [WHITE])


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.new("CMYK", (80, 60), (0, 255, 255, 0)), "JPEG"),
        saved(Image.new("RGB", (80, 60), RED).quantize(4), "PNG"),
    ],
    ids=["cmyk", "palette"],
)
async def test_other_colour_models_become_rgb(images: PillowImages, content: bytes) -> None:
    await images.check(content, path="image")
    fitted = opened(await images.fit(content))
    assert fitted.mode == "RGB"
    assert near(corner_colours(fitted), [RED] * 4)


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.new("L", (80, 60), 128), "PNG"),
        saved(Image.new("L", (80, 60), 128), "JPEG"),
        saved(Image.new("I;16", (80, 60), 128 * 256), "PNG"),
        saved(Image.new("I;16", (2000, 60), 128 * 256), "PNG"),
    ],
    ids=["png", "jpeg", "16 bits", "16 bits, large"],
)
async def test_shades_of_grey_keep_their_brightness(images: PillowImages, content: bytes) -> None:
    fitted = opened(await images.fit(content))
    assert near([corner_colours(fitted)[0]], [(128, 128, 128)], by=3)


async def test_black_and_white_is_read(images: PillowImages) -> None:
    fitted = opened(await images.fit(saved(Image.new("1", (80, 60), 1), "PNG")))
    assert near(corner_colours(fitted), [WHITE] * 4)


async def test_of_a_moving_picture_the_first_frame_is_shown(images: PillowImages) -> None:
    frames = [Image.new("RGB", (80, 60), colour) for colour in (GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
        fitted = opened(await images.fit(content))
        assert near(corner_colours(fitted), [GREEN] * 4)


async def test_colours_are_brought_from_the_pictures_profile_to_srgb(images: PillowImages) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile in which the first channel means blue and the third one red.
    swapped = srgb.replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    seen = {srgb: RED, swapped: BLUE, lab: RED, b"not a profile": RED}
    for profile, colour in seen.items():
        for picture in (
            saved(Image.new("RGB", (80, 60), RED), "PNG", icc_profile=profile),
            saved(Image.new("RGBA", (80, 60), (*RED, 255)), "PNG", icc_profile=profile),
            saved(Image.new("RGB", (80, 60), RED), "JPEG", icc_profile=profile),
        ):
            fitted = await images.fit(picture)
            assert near(corner_colours(opened(fitted)), [colour] * 4)
            assert b"ICC_PROFILE" not in fitted


async def test_too_many_at_once_are_told_busy_and_the_rest_are_served() -> None:
    images = PillowImages(threads=1, queue_limit=2)
    content = saved(noise((300, 300)), "PNG")
    answers = await asyncio.gather(
        *(images.check(content, path="image") for _ in range(8)), return_exceptions=True
    )
    assert answers.count(None) == 3
    refusals = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert [refusal.code for refusal in refusals] == ["busy"] * 5
