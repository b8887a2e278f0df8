"""What of a picture is unpacked, what is refused, and what a fitted one looks like."""

from __future__ import annotations

import random
import struct
import zlib
from functools import partial
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from qure.adapters.media import decoding
from qure.adapters.media.decoding import Refused
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

MARKER = b"52.520008,13.404954"  # a place that must not get out

check = partial(decoding.check, max_pixels=50_000_000)
fit = partial(decoding.fit, max_pixels=50_000_000)


@pytest.mark.parametrize("kind", READABLE)
def test_a_picture_that_was_cut_short_is_refused(kind: str) -> None:
    content = READABLE[kind](noise((200, 150)))
    for part in (0.5, 0.9):
        with pytest.raises(Refused):
            check(content[: int(len(content) * part)])


@pytest.mark.parametrize("kind", READABLE)
def test_damaged_bytes_never_cause_more_than_a_refusal(kind: str) -> None:
    content = READABLE[kind](noise((64, 48)))
    chance = random.Random(kind)
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            check(bytes(damaged))
        except Refused:
            continue
        fit(bytes(damaged))


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
def test_a_bomb_is_refused_before_it_is_unpacked(
    bomb: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "PIL.Image.core.new", lambda *_: pytest.fail("room was made for the pixels"), raising=True
    )
    with pytest.raises(Refused) as refusal:
        check(bomb)
    assert "million pixels" in str(refusal.value)


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
def test_it_is_fitted_into_1024_by_1024_and_never_enlarged(
    size: tuple[int, int], fitted: tuple[int, int], kind: str
) -> None:
    content = READABLE[kind](Image.new("RGB", size, RED))
    width, height = opened(fit(content)).size
    assert (abs(width - fitted[0]) <= 1, abs(height - fitted[1]) <= 1) == (True, True)
    assert max(width, height) <= 1024


def test_the_quality_is_70() -> None:
    fitted = opened(fit(saved(corners(), "PNG")))
    expected = opened(saved(corners(), "JPEG", quality=70))
    assert fitted.quantization == expected.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_is_turned_upright_by_its_exif(orientation: int, kind: str) -> None:
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
    fitted = opened(fit(saved(stored, kind, exif=exif)))
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
def test_broken_exif_does_not_spoil_a_good_picture(exif: bytes) -> None:
    content = saved(corners(), "JPEG", exif=exif)
    check(content)
    assert opened(fit(content)).size == (80, 60)


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
def test_no_metadata_gets_out(kind: str) -> None:
    content = with_metadata(kind)
    assert MARKER in content
    fitted = fit(content)
    assert MARKER not in fitted
    assert set(opened(fitted).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not opened(fitted).getexif()


def test_what_is_hidden_behind_a_picture_is_left_behind() -> None:
    fitted = fit(saved(corners(), "JPEG") + b"<script>alert(1)</script>")
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
def test_what_is_clear_becomes_white(content: bytes) -> None:
    fitted = opened(fit(content))
    assert near([corner_colours(fitted)[1]], [WHITE])


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.new("CMYK", (80, 60), (0, 255, 255, 0)), "JPEG"),
        saved(Image.new("RGB", (80, 60), RED).quantize(4), "PNG"),
    ],
    ids=["cmyk", "palette"],
)
def test_other_colour_models_become_rgb(content: bytes) -> None:
    check(content)
    fitted = opened(fit(content))
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
def test_shades_of_grey_keep_their_brightness(content: bytes) -> None:
    fitted = opened(fit(content))
    assert near([corner_colours(fitted)[0]], [(128, 128, 128)], by=3)


def test_black_and_white_is_read() -> None:
    fitted = opened(fit(saved(Image.new("1", (80, 60), 1), "PNG")))
    assert near(corner_colours(fitted), [WHITE] * 4)


def test_of_a_moving_picture_the_first_frame_is_shown() -> None:
    frames = [Image.new("RGB", (80, 60), colour) for colour in (GREEN, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
        fitted = opened(fit(content))
        assert near(corner_colours(fitted), [GREEN] * 4)


def test_colours_are_brought_from_the_pictures_profile_to_srgb() -> None:
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
            fitted = fit(picture)
            assert near(corner_colours(opened(fitted)), [colour] * 4)
            assert b"ICC_PROFILE" not in fitted
