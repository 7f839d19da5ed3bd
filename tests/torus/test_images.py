"""Pictures as people have them: every mode and depth gives the density of the same picture, or is refused."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.Image import Transpose

import torusflow as tfl
from torusflow import densities

TORUS = tfl.Torus((32, 24), 1)
Y, X = np.mgrid[0:30, 0:50]
GREY = (255 * (0.5 + 0.5 * np.sin(X / 8) * np.cos(Y / 6)) * (X < 40)).round().astype(np.uint8)
PICTURE = Image.fromarray(GREY)
COLOURED = PICTURE.convert("RGB")
DEEP = Image.fromarray(GREY.astype(np.uint16) * 257)
# Densities of pictures that are grey to 1/255, whose mean is a half; JPEG and colour spaces round once more.
QUANTUM = 2 / 255
# What stretching overshoots by is cut off above white, if white is known.
RINGING = 0.05


def saved(tmp_path, picture, suffix="png", **options):
    path = tmp_path / f"picture.{suffix}"
    try:
        picture.save(path, **options)
    except OSError as error:
        pytest.skip(f"this Pillow cannot write it: {error}")
    return path


def density(path, dark=False):
    return densities.from_image(TORUS, path, dark=dark).values


def with_profile(mode):
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile(mode)
    return ImageCms.applyTransform(COLOURED, ImageCms.buildTransform(*profiles, "RGB", mode))


SAME = {
    "1 byte, TIFF": (PICTURE, "tif"),
    "1 byte, BMP": (PICTURE, "bmp"),
    "colours": (COLOURED, "png"),
    "colours, JPEG": (COLOURED, "jpg", {"quality": 100}),
    "palette": (PICTURE.convert("P"), "png"),
    "palette, GIF": (PICTURE.convert("P"), "gif"),
    "opaque colours": (PICTURE.convert("RGBA"), "png"),
    "opaque grey": (PICTURE.convert("LA"), "png"),
    "two bytes, PNG": (DEEP, "png"),
    "two bytes, TIFF": (DEEP, "tif"),
    "two bytes, packed TIFF": (DEEP, "tif", {"compression": "tiff_deflate"}),
    "two bytes, big end first": (Image.fromarray((GREY.astype(np.uint16) * 257).astype(">u2")), "tif"),
    "two bytes, JPEG 2000": (DEEP, "jp2", {"irreversible": False}),
    "two bytes, PGM": (Image.fromarray(GREY.astype(np.int32) * 257), "pgm"),
    "whole numbers to 255": (Image.fromarray(GREY.astype(np.int32)), "tif"),
    "whole numbers to 2 10^7": (Image.fromarray(GREY.astype(np.int32) * 100_000), "tif"),
    "floats to 1": (Image.fromarray((GREY / 255).astype(np.float32)), "tif"),
    "floats to 255": (Image.fromarray(GREY.astype(np.float32)), "tif"),
    "floats to 10^-6": (Image.fromarray((GREY * 4e-9).astype(np.float32)), "tif"),
    "inks": (COLOURED.convert("CMYK"), "tif"),
    "inks, JPEG": (COLOURED.convert("CMYK"), "jpg", {"quality": 100}),
    "luminance and chroma": (COLOURED.convert("YCbCr"), "jpg", {"quality": 100}),
    "lightness and two colours": (with_profile("LAB"), "tif"),
}
NO_WHITE = {"floats to 10^-6"}  # whose dark parts cannot be told


@pytest.mark.parametrize("name", SAME)
def test_a_picture_is_the_same_in_every_mode_and_depth(tmp_path, name):
    picture, suffix, options = (*SAME[name], {})[:3]
    path = saved(tmp_path, picture, suffix, **options)
    (tmp_path / "plain").mkdir()
    plain = saved(tmp_path / "plain", PICTURE)
    for dark in (False, True)[: 2 - (name in NO_WHITE)]:
        expected = density(plain, dark)
        assert np.ptp(expected) > 1
        atol = RINGING if name in NO_WHITE else QUANTUM
        np.testing.assert_allclose(density(path, dark), expected, rtol=0, atol=atol)


def test_black_and_white(tmp_path):
    ink = GREY > 127
    path = saved(tmp_path, Image.fromarray(ink), "png")
    expected = density(saved(tmp_path, Image.fromarray(ink * np.uint8(255)), "bmp"))
    np.testing.assert_array_equal(density(path), expected)


@pytest.mark.parametrize("dark", [False, True])
def test_sixteen_bits_that_count_from_white(tmp_path, dark):
    """The tag 262 of a TIFF file is 0 in place of 1."""
    path = saved(tmp_path, Image.fromarray((65535 - GREY.astype(np.uint16) * 257).astype(np.uint16)), "tif")
    content, entry = path.read_bytes(), struct.pack("<HHI", 262, 3, 1)
    place = content.index(entry) + len(entry)
    path.write_bytes(content[:place] + b"\0\0" + content[place + 2 :])
    np.testing.assert_allclose(density(path, dark), density(saved(tmp_path, PICTURE), dark), rtol=0, atol=QUANTUM)


TURNS = {2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE}
TURNS |= {6: Transpose.ROTATE_90, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_270}


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
@pytest.mark.parametrize("orientation", TURNS)
def test_a_photograph_is_turned_as_its_file_says(tmp_path, suffix, orientation):
    expected = density(saved(tmp_path, PICTURE, "bmp"))
    tags = Image.Exif()
    tags[274] = orientation
    options = {"quality": 100} if suffix == "jpg" else {}
    path = saved(tmp_path, PICTURE.transpose(TURNS[orientation]), suffix, exif=tags, **options)
    np.testing.assert_allclose(density(path), expected, rtol=0, atol=QUANTUM)


OPAQUE = np.where((X > 10) & (X < 35) & (Y > 5), np.uint8(255), np.uint8(0))
SOFT = np.minimum(5 * X, 255).astype(np.uint8)


def mass(alpha, dark):
    """Of the picture with an alpha channel, as floats, and so of a picture without one."""
    return Image.fromarray((alpha / 255 * (255 - GREY if dark else GREY) / 255).astype(np.float32))


def with_alpha(mode, alpha):
    picture = PICTURE.convert(mode.removesuffix("A"))
    picture.putalpha(Image.fromarray(alpha))
    return picture


def keyed(picture, key):
    """Grey values with one that stands for transparent."""
    values = np.asarray(picture).copy()
    values[values == key] = key + 1
    values[OPAQUE == 0] = key
    return Image.fromarray(values)


TRANSPARENT = {
    "colours": (with_alpha("RGBA", OPAQUE), OPAQUE, "png", {}),
    "grey": (with_alpha("LA", OPAQUE), OPAQUE, "png", {}),
    "soft edges": (with_alpha("RGBA", SOFT), SOFT, "png", {}),
    "soft edges, TIFF": (with_alpha("LA", SOFT), SOFT, "tif", {}),
    "soft edges, WebP": (with_alpha("RGBA", SOFT), SOFT, "webp", {"lossless": True, "exact": True}),
    "a transparent grey": (keyed(PICTURE, 77), OPAQUE, "png", {"transparency": 77}),
    "a transparent colour": (keyed(PICTURE, 77).convert("RGB"), OPAQUE, "png", {"transparency": (77, 77, 77)}),
    "a transparent entry of a palette": (keyed(PICTURE, 77).convert("P"), OPAQUE, "gif", {"transparency": 77}),
    "a palette with opacities": (
        keyed(PICTURE, 77).convert("P"),
        OPAQUE,
        "png",
        {"transparency": bytes(0 if i == 77 else 255 for i in range(256))},
    ),
    "a transparent depth": (keyed(DEEP, 7777), OPAQUE, "png", {"transparency": 7777}),
}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", TRANSPARENT)
def test_what_is_transparent_carries_no_mass(tmp_path, name, dark):
    picture, alpha, suffix, options = TRANSPARENT[name]
    found = density(saved(tmp_path, picture, suffix, **options), dark)
    expected = density(saved(tmp_path, mass(alpha, dark), "tif"))
    np.testing.assert_allclose(found, expected, rtol=0, atol=QUANTUM)


@pytest.mark.parametrize("hidden", [0, 255])
def test_a_logo_of_black_ink_on_nothing(tmp_path, hidden):
    """Whatever colour lies below the transparent pixels."""
    ink = np.where(OPAQUE > 0, 0, hidden).astype(np.uint8)
    logo = Image.merge("LA", [Image.fromarray(ink), Image.fromarray(OPAQUE)])
    expected = density(saved(tmp_path, Image.fromarray(OPAQUE), "bmp"))
    np.testing.assert_allclose(density(saved(tmp_path, logo), dark=True), expected, rtol=0, atol=QUANTUM)


@pytest.mark.parametrize("suffix", ["gif", "tif"])
def test_of_several_pictures_the_first_is_read(tmp_path, suffix):
    path = saved(tmp_path, PICTURE, suffix, save_all=True, append_images=[Image.new("L", PICTURE.size, 9)])
    with Image.open(path) as several:
        assert several.n_frames == 2
    np.testing.assert_allclose(density(path), density(saved(tmp_path, PICTURE, "bmp")), rtol=0, atol=QUANTUM)


def number(value):
    values = (GREY / 255).astype(np.float32)
    values[3, 4] = value
    return Image.fromarray(values)


NOTHING = np.zeros_like(GREY)
REFUSED = {
    "no number": (number(np.nan), "tif", False, "1 pixels without a number"),
    "infinity": (number(np.inf), "tif", False, "1 pixels without a number"),
    "negative float": (number(-0.25), "tif", False, r"pixels down to -0\.25, but black is 0\. Add 0\.25"),
    "negative whole": (Image.fromarray(GREY.astype(np.int32) - 9), "tif", False, "pixels down to -9"),
    "all transparent": (with_alpha("LA", NOTHING), "png", False, "is all black or transparent, so it carries no mass"),
    "all transparent, dark": (with_alpha("RGBA", NOTHING), "png", True, "is all white or transparent"),
    "all black": (Image.fromarray(NOTHING), "png", False, "is all black"),
    "all white": (Image.fromarray(~NOTHING), "png", True, "is all white"),
    "all white in two bytes": (Image.fromarray(NOTHING + np.uint16(65535)), "png", True, "is all white"),
    "all black floats": (Image.fromarray(NOTHING.astype(np.float32)), "tif", False, "is all black"),
    "white where it is opaque": (
        Image.merge("LA", [Image.fromarray(~NOTHING), Image.fromarray(SOFT)]),
        "png",
        True,
        "is all white",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tmp_path, name):
    picture, suffix, dark, words = REFUSED[name]
    with pytest.raises(tfl.InputError, match=words):
        density(saved(tmp_path, picture, suffix), dark)


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "gif", "webp"])
def test_files_cut_short_are_refused(tmp_path, suffix):
    content = io.BytesIO()
    COLOURED.save(content, {"tif": "tiff", "jpg": "jpeg"}.get(suffix, suffix))
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(content.getvalue()[: len(content.getvalue()) // 2])
    with pytest.raises(tfl.InputError, match="cannot read an image from"):
        density(path)
