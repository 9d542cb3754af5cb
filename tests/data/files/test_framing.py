"""From an image file of any size to an array of one size."""

import io

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.data.celeba import CROP
from genlab.data.files.framing import Framing, height_and_width


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(width, height, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def test_an_image_of_the_right_size_is_kept_pixel_by_pixel():
    image = picture(20, 28)
    array = Framing((3, 28, 20)).decode(encoded(image))
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, np.asarray(image).transpose(2, 0, 1))


def test_celebas_crop_is_the_centre_of_148_official_pixels():
    image = picture(178, 218)
    expected = image.crop((15, 35, 163, 183)).resize((64, 64), Image.Resampling.BICUBIC)
    array = Framing((3, 64, 64), width_share=CROP).decode(encoded(image))
    assert np.abs(array.astype(int) - np.asarray(expected).transpose(2, 0, 1)).max() <= 2  # at the border of the crop


def test_copies_of_half_the_size_give_the_same_picture():
    framing = Framing((3, 32, 32), width_share=CROP)
    whole, half = picture(178, 218), picture(178, 218).resize((89, 109), Image.Resampling.BOX)
    difference = framing.decode(encoded(whole)).astype(int) - framing.decode(encoded(half))
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize(
    ("shape", "size", "box"),
    [
        ((3, 64, 64), (178, 218), (15, 35, 163, 183)),
        ((3, 64, 48), (178, 218), (15, 109 - 148 * 2 / 3, 163, 109 + 148 * 2 / 3)),
        ((3, 32, 64), (178, 218), (15, 72, 163, 146)),
        ((1, 100, 10), (178, 218), (89 - 10.9, 0, 89 + 10.9, 218)),
    ],
)
def test_the_box_has_the_targets_proportions(shape, size, box):
    assert Framing(shape, width_share=CROP).box(*size) == pytest.approx(box)


def test_a_crop_in_pixels_is_taken_from_the_centre():
    assert Framing((3, 8, 8), crop=(100, 100)).box(178, 218) == (39, 59, 139, 159)
    with pytest.raises(ValueError, match="90 x 109 pixels, smaller than the crop of 148 x 100"):
        Framing((3, 8, 8), crop=(100, 148)).box(90, 109)


def test_halves_are_framed_without_a_trace_of_each_other():
    both = Image.new("RGB", (41, 10), "red")
    both.paste("blue", (20, 0, 41, 10))
    left, right = (Framing((3, 7, 7), half=half).decode(encoded(both)) for half in ("left", "right"))
    assert {tuple(pixel) for pixel in left.reshape(3, -1).T} == {(255, 0, 0)}
    assert {tuple(pixel) for pixel in right.reshape(3, -1).T} == {(0, 0, 255)}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_kind_of_8_bit_image_becomes_grey_or_colour(mode):
    image = Image.new("RGB", (8, 8), "white").convert(mode)
    data = encoded(image, "TIFF")
    for channels in (1, 3):
        assert Framing((channels, 4, 4)).decode(data).min() > 250


def test_transparent_pixels_become_white():
    assert Framing((3, 2, 2)).decode(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 0)))).min() == 255


def test_photographs_are_turned_upright():
    upright = picture(12, 20)
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    lying = encoded(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)
    np.testing.assert_array_equal(Framing((3, 20, 12)).decode(lying), np.asarray(upright).transpose(2, 0, 1))


def test_16_bit_pixels_are_refused_rather_than_cut_off():
    with pytest.raises(genlab.GenlabError, match="more than 8 bits"):
        Framing((1, 4, 4)).decode(encoded(Image.fromarray(np.full((4, 4), 40_000, np.uint16))))


def test_sizes():
    assert height_and_width(64) == (64, 64)
    assert height_and_width((28, 20)) == (28, 20)
    with pytest.raises(genlab.GenlabError, match="height is 0; it must be a whole number from 1"):
        height_and_width((0, 20))


@pytest.mark.parametrize("target", [(28, 28), (64, 64), (100, 100), (64, 48), (300, 200)])
def test_the_box_never_leaves_the_image(target):
    for width in range(1, 400, 3):
        for height in (width, 218, 333):
            for framing in (Framing((3, *target)), Framing((3, *target), half="right")):
                left, top, right, bottom = framing.box(width + 1, height)
                assert 0 <= left < right <= width + 1
                assert 0 <= top < bottom <= height
