"""What Pillow does with an image: runs in a process of its own, ``decoder``."""

from __future__ import annotations

from io import BytesIO

from PIL import ExifTags, Image, ImageCms
from pillow_heif import register_heif_opener

from qure.adapters.media.jpeg import number_of_scans

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
"""What Pillow may try: everything else (SVG, TIFF, BMP, EPS …) has no reader here."""

MAX_SIDE = 1024
JPEG_QUALITY = 70
WHITE = (255, 255, 255)

MAX_SCANS = 32
"""Of a progressive JPEG: each goes over all pixels, and may take next to no bytes. Encoders
write ten, and optimisers some twenty."""

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

register_heif_opener(thumbnails=False)
# Pillow's own bound, most often a warning only: ours is looked at in the same moment.
Image.MAX_IMAGE_PIXELS = None


class Refused(Exception):
    """It is no image that we read; the message is a sentence that says why."""


def check(content: bytes, *, max_pixels: int) -> bytes:
    """Unpack it once and return nothing. Raises ``Refused`` unless that goes well."""
    with _opened(content, max_pixels) as image:
        _unpack(image, smallest=1)
    return b""


def fit(content: bytes, *, max_pixels: int) -> bytes:
    """As a JPEG of quality 70 within 1024x1024, never enlarged, upright, in sRGB, on white.

    Of a moving image the first frame, and no other is unpacked; without any metadata. Raises
    ``Refused``.
    """
    with _opened(content, max_pixels) as image:
        _unpack(image, smallest=MAX_SIDE)
        return _fitted(image)


def _opened(content: bytes, max_pixels: int) -> Image.Image:
    """Its head read, and nothing unpacked yet: pixels and scans are within the bounds."""
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except MemoryError:
        raise
    except Exception as fault:
        raise Refused("This is not a JPEG, PNG, WebP, GIF or HEIC picture.") from fault
    if image.width * image.height > max_pixels:
        millions = max_pixels / 1_000_000
        raise Refused(f"The picture has more than {millions:g} million pixels.")
    if image.format in ("JPEG", "MPO") and number_of_scans(content) > MAX_SCANS:
        raise Refused(f"The picture is a JPEG of more than {MAX_SCANS} scans.")
    return image


def _unpack(image: Image.Image, *, smallest: int) -> None:
    """Its sides may be cut to near ``smallest`` by that."""
    try:
        if image.format in ("JPEG", "MPO"):
            # Its decoder can shrink while it reads: all bytes are seen, few are kept.
            image.draft(None, (smallest, smallest))
        image.load()
    except MemoryError:
        raise
    except Exception as fault:
        # Strange bytes make the decoders raise nearly anything.
        raise Refused("The picture is damaged.") from fault


def _fitted(image: Image.Image) -> bytes:
    turn = _UPRIGHT.get(_orientation(image))
    profile = image.info.get("icc_profile")
    plain = _with_plain_pixels(image)
    plain.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if turn is not None:
        plain = plain.transpose(turn)
    # Pasted onto a new image, because what an opened one carries (comments, for one) is saved.
    shown = Image.new("RGB", plain.size, WHITE)
    shown.paste(_in_srgb(plain, profile), mask=_opacity(plain))
    out = BytesIO()
    shown.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF raises nearly anything, and the image is fine
        return 1


def _with_plain_pixels(image: Image.Image) -> Image.Image:
    """As L, RGB, RGBA or CMYK: modes that can be resized and have a colour profile applied.

    The image itself if it is one of these: a copy is 200 MB at 50 million pixels.
    """
    if image.mode.startswith("I"):  # 16 bits a pixel
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _opacity(plain: Image.Image) -> Image.Image | None:
    return plain.getchannel("A") if plain.mode == "RGBA" else None


def _in_srgb(plain: Image.Image, profile: bytes | None) -> Image.Image:
    colours = plain.convert("RGB") if plain.mode == "RGBA" else plain
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                colours, ImageCms.ImageCmsProfile(BytesIO(profile)), _SRGB, outputMode="RGB"
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A damaged profile, or one for other channels than the image has: the plain
            # numbers are the best that is left, and what viewers show.
            return colours.convert("RGB")
    return colours.convert("RGB")
