"""Pictures through Pillow: known by their content, bounded, and made fit for showing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

from PIL import ExifTags, Image, ImageCms
from pillow_heif import register_heif_opener

from qure.adapters.threads import BoundedThreads
from qure.domain.errors import Invalid

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
"""What Pillow may try: everything else (SVG, TIFF, BMP, EPS …) has no reader here."""

MAX_SIDE = 1024
JPEG_QUALITY = 70
WHITE = (255, 255, 255)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (TIFF 6.0, tag 274)."""

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

T = TypeVar("T")


class PillowImages:
    """Reads JPEG, PNG, WebP, GIF and HEIC of at most ``max_bytes`` and ``max_pixels``.

    The number of pixels is taken from the header, before anything is unpacked; a picture at the
    bound takes some 8 bytes a pixel while it is worked on. At most ``threads`` are worked on at
    once and ``queue_limit`` wait; the next caller gets ``Unavailable`` (``busy``).
    """

    def __init__(
        self,
        *,
        max_bytes: int = 10 * 1024 * 1024,
        max_pixels: int = 50_000_000,
        threads: int = 2,
        queue_limit: int = 64,
    ) -> None:
        register_heif_opener(thumbnails=False)
        # Our own bound is the lower one, and it is an error, not a warning.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._threads = BoundedThreads("pictures", threads=threads, queue_limit=queue_limit)

    async def check(self, content: bytes, *, path: str) -> None:
        """Unpack it once. Raises ``Invalid`` about ``path`` unless that goes well."""
        if len(content) > self._max_bytes:
            sentence = f"The picture is larger than {_mebibytes(self._max_bytes)} MiB."
            raise Invalid.field(path, sentence)
        try:
            await self._threads.run(self._unpacked, content, _seen, smallest=1)
        except Invalid as refusal:
            raise Invalid.field(path, refusal.errors[0].message) from refusal

    async def fit(self, content: bytes) -> bytes:
        """As a JPEG of quality 70 within 1024x1024, never enlarged, upright, in sRGB, on white.

        Of a moving picture the first frame; without any metadata. Raises ``Invalid``.
        """
        return await self._threads.run(self._unpacked, content, _fitted, smallest=MAX_SIDE)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.close()

    def _unpacked(self, content: bytes, use: Callable[[Image.Image], T], *, smallest: int) -> T:
        """Call ``use`` with the picture, whose sides may have been cut to near ``smallest``."""
        try:
            image = Image.open(BytesIO(content), formats=FORMATS)
        except Image.DecompressionBombError:
            raise self._too_many_pixels() from None
        except Exception as fault:
            raise _refusal("This is not a JPEG, PNG, WebP, GIF or HEIC picture.") from fault
        with image:
            if image.width * image.height > self._max_pixels:
                raise self._too_many_pixels()
            try:
                if image.format in ("JPEG", "MPO"):
                    # Its decoder can shrink while it reads: all bytes are seen, few are kept.
                    image.draft(None, (smallest, smallest))
                image.load()
            except Exception as fault:
                # Strange bytes make the decoders raise nearly anything.
                raise _refusal("The picture is damaged.") from fault
            return use(image)

    def _too_many_pixels(self) -> Invalid:
        millions = self._max_pixels / 1_000_000
        return _refusal(f"The picture has more than {millions:g} million pixels.")


def _seen(_: Image.Image) -> None:
    """All that a check wants: it could be unpacked."""


def _fitted(image: Image.Image) -> bytes:
    turn = _UPRIGHT.get(_orientation(image))
    profile = image.info.get("icc_profile")
    picture = _with_plain_pixels(image)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if turn is not None:
        picture = picture.transpose(turn)
    # Pasted onto a new image, because what an opened one carries (comments, for one) is saved.
    shown = Image.new("RGB", picture.size, WHITE)
    shown.paste(_in_srgb(picture, profile), mask=_opacity(picture))
    out = BytesIO()
    shown.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF raises nearly anything, and the picture is fine
        return 1


def _with_plain_pixels(image: Image.Image) -> Image.Image:
    """As L, RGB, RGBA or CMYK: modes that can be resized and have a colour profile applied."""
    if image.mode.startswith("I"):  # 16 bits a pixel
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _opacity(picture: Image.Image) -> Image.Image | None:
    return picture.getchannel("A") if picture.mode == "RGBA" else None


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    colours = picture.convert("RGB") if picture.mode == "RGBA" else picture
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                colours, ImageCms.ImageCmsProfile(BytesIO(profile)), _SRGB, outputMode="RGB"
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A damaged profile, or one for other channels than the picture has: the plain
            # numbers are the best that is left, and what viewers show.
            return colours.convert("RGB")
    return colours.convert("RGB")


def _refusal(sentence: str) -> Invalid:
    return Invalid.field("image", sentence)


def _mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:g}"
