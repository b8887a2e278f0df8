"""Pictures for tests: drawn, saved in every kind that is read, and looked at again."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO
from typing import Any

from PIL import Image
from pillow_heif import register_heif_opener

register_heif_opener()

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


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
    return [(pixel[0], pixel[1], pixel[2]) for pixel in pixels if isinstance(pixel, tuple)]


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
