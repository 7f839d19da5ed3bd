"""How bright, or how dark, the pixels of an image are, whatever the file keeps them in."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import cast

import numpy as np

from ..errors import InputError

# Tags of TIFF files.
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0
# What Pillow raises where it meets damaged files.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, struct.error)
DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # modes of one channel with more than eight bits


def brightness(file: Path, shape: tuple[int, ...], dark: bool = False) -> np.ndarray:
    """The brightness of an image stretched to a grid: 0 (black) to 1 (white), or reversed if dark, times the opacity.

    Eight and sixteen bits are scaled by their range; 32-bit integers and floats, which have none, by their largest
    value if that is above 1. An image is turned as its file says; of several the first is read.

    Parameters
    ----------
    file : path
    shape : tuple of two int
    dark : bool

    Returns
    -------
    array (*shape)
        The image's width along the first axis, its height upwards along the second.

    Raises
    ------
    InputError
        If the file is not an image, or a pixel is negative or not finite.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        # From memory: what Pillow maps from a TIFF file that lies on its side comes out scrambled.
        with Image.open(io.BytesIO(file.read_bytes())) as image:
            image.load()
            turned = image if image.format == "TIFF" else ImageOps.exif_transpose(image)  # Pillow turns TIFF itself
            pixels = _pixels(turned, _white(image), dark, str(file))
    except UnidentifiedImageError:
        raise InputError(f"cannot read an image from {str(file)!r}: Pillow does not know its format.") from None
    except Image.DecompressionBombError:
        raise InputError(f"the image {str(file)!r} has too many pixels; make it smaller first.") from None
    except InputError:
        raise
    except DAMAGED as error:
        reason = getattr(error, "strerror", None) or "the file is damaged"
        raise InputError(f"cannot read an image from {str(file)!r}: {reason.lower()}.") from None
    white = 255 if pixels.mode == "L" else 1
    stretched = (
        np.asarray(pixels.resize(cast(tuple[int, int], shape), Image.Resampling.LANCZOS), float).T[:, ::-1] / white
    )
    return np.clip(1 - stretched if dark and pixels.mode == "L" else stretched, 0, 1)


def _white(image) -> tuple[float | None, bool]:
    """What white is in one deep channel, None if the file does not say; and whether the file counts from white."""
    tags = getattr(image, "tag_v2", {})  # of TIFF
    if image.mode.startswith("I;16"):
        white = 2.0 ** min(tags.get(BITS, (16,))[0], 16) - 1
    else:  # where Pillow has no mode of its own for sixteen bits, or had none
        white = 65535.0 if image.mode == "I" and image.format in ("PNG", "PPM") else None
    return white, tags.get(PHOTOMETRIC) == WHITE_IS_ZERO


def _pixels(image, white: tuple[float | None, bool], dark: bool, file: str):
    """What is asked for, mode F; or, where pixels are opaque and have eight bits, their brightness alone, mode L."""
    from PIL import Image

    opacity = _opacity(image)
    opaque = opacity is None or opacity.getextrema() == (255, 255)
    if opaque and image.mode not in DEEP:
        return _grey(image)
    light = _scaled(np.asarray(image), *white, file) if image.mode in DEEP else np.asarray(_grey(image), float) / 255
    light = 1 - light if dark else light
    return Image.fromarray((light if opaque else light * (np.asarray(opacity, float) / 255)).astype(np.float32))


def _scaled(values, white: float | None, inverted: bool, file: str) -> np.ndarray:
    """The pixels of an image of one deep channel, from 0 for black to 1 for white."""
    values = values.astype(float)
    if not np.all(np.isfinite(values)):
        raise InputError(f"the image {file!r} has {np.count_nonzero(~np.isfinite(values))} pixels without a number.")
    lowest, largest = float(values.min()), float(values.max())
    if lowest < 0:
        raise InputError(
            f"the image {file!r} has pixels down to {lowest:g}, but black is 0. Add {-lowest:g} to all of them first."
        )
    values /= white or max(1.0, largest)
    return 1 - values if inverted else values


def _grey(image):
    """An image of eight bits or one, in whatever colours, as one of grey."""
    # Pillow knows no direct way for these, or warns of it.
    by_way_of = {"LAB": "RGB", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}.get(image.mode)
    if image.mode == "P" and "transparency" in image.info:
        by_way_of = "RGBA"
    return (image.convert(by_way_of) if by_way_of else image).convert("L")


def _opacity(image):
    """The alpha channel, of mode L, of an image that has one or a transparent colour; otherwise None."""
    from PIL import Image

    colour = image.info.get("transparency")
    if image.mode in DEEP:
        return None if colour is None else Image.fromarray(np.uint8(255) * (np.asarray(image) != colour))
    if image.mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    if colour is None and image.mode not in ("LA", "PA", "RGBA"):
        return None
    return image.convert("RGBA").getchannel("A")
