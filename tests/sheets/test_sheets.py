"""Sheets: what models do with batches, titled, labelled and drawn pixel by pixel."""

import re
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab import sheets
from genlab.errors import GenlabError
from genlab.images import eight_bits
from genlab.pictures.drawing import ColorMap, Sheet, enlargement, save
from genlab.pictures.figures import rgb


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def words(sheet: Sheet, **options) -> list[str]:
    """Return the texts in the figure of a sheet."""
    return [text.get_text() for text in sheet.figure(**options).texts]


def find(tile: torch.Tensor, picture: np.ndarray, scale: int) -> list[tuple[int, int]]:
    """List the positions of a tile (C, H, W) in a picture, with each pixel enlarged."""
    wanted = eight_bits(tile).expand(3, -1, -1).permute(1, 2, 0).numpy().repeat(scale, 0).repeat(scale, 1)
    windows = np.lib.stride_tricks.sliding_window_view(picture, wanted.shape)[:, :, 0]
    corner = (windows[:, :, 0, 0] == wanted[0, 0]).all(-1)
    return [(y, x) for y, x in np.argwhere(corner).tolist() if (windows[y, x] == wanted).all()]


SHAPES = {
    "one tile": (1, 1, 1, 8, 8),
    "grey": (2, 3, 1, 8, 8),
    "not square": (3, 2, 1, 28, 20),
    "RGB": (2, 2, 3, 33, 47),
    "wide": (1, 40, 1, 4, 4),
}


@pytest.mark.parametrize(("dpi", "scale"), [(100, None), (100, 3), (72, None), (237, None)])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_tile_is_in_the_file_pixel_by_pixel(shape, dpi, scale):
    tiles = noise(*shape)
    sheet = Sheet(tiles, "Noise", "nothing", [f"row {i}" for i in range(shape[0])], ["column"] * shape[1], "y", "x")
    sheet.save("sheet.png", dpi=dpi, scale=scale)
    picture = np.asarray(Image.open("sheet.png").convert("RGB"))
    factor = scale or enlargement(shape[-2:], dpi)
    assert scale or min(shape[-2:]) * factor >= 64
    places = np.array([[find(tile, picture, factor) for tile in row] for row in tiles])
    assert places.shape == (*shape[:2], 1, 2)  # each exactly once
    height, width = (side * factor for side in shape[-2:])
    assert (np.diff(places[:, :, 0, 0], axis=0) > height).all()
    assert (np.diff(places[:, :, 0, 1], axis=1) > width).all()


def test_at_more_dots_per_inch_tiles_and_text_keep_their_size_on_paper():
    assert [enlargement((8, 8), dpi) for dpi in (50, 100, 200, 300)] == [8, 8, 16, 24]
    inches = [Sheet(noise(2, 3, 1, 8, 8), "Noise").figure(dpi=dpi).get_size_inches() for dpi in (100, 300)]
    np.testing.assert_allclose(*inches, rtol=0.03)


def test_no_text_is_clipped_and_none_covers_another():
    names = ["5_o_Clock_Shadow", "Smiling", "Wearing_Necktie", "No_Beard"] * 10
    long = "most common attributes of all that there are"
    for shape, scale in (((3, 40, 3, 16, 16), None), ((3, 4, 1, 8, 8), None), ((3, 1, 1, 8, 8), 1)):
        sheet = Sheet(noise(*shape), "A title of some words that does not fit one line", "VAE on Digits, epoch 20",
            ["one", long, "three"], names[: shape[1]], "a name for the rows", "a name for the columns")  # fmt: skip
        figure = sheet.figure(scale=scale)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in figure.texts]
        assert len(boxes) == 3 + 3 + shape[1]
        for box in boxes:
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width
            assert 0 <= box.y0 < box.y1 <= figure.bbox.height
        if scale is None:
            upright = [b for text, b in zip(figure.texts, boxes, strict=True) if text.get_rotation() in (0, 90)]
            grid = figure.axes[0].get_window_extent()
            assert not any(a.overlaps(b) for i, a in enumerate(upright) for b in [grid, *upright[:i]])


def test_names_of_axes_that_are_longer_than_the_grid_leave_no_gap_between_other_texts():
    axes = "what the images of this row have in common with one another", "what the images of a column have in common"
    figure = Sheet(noise(1, 2, 1, 8, 8), "Title", "model", ["row"], ["one", "two"], *axes).figure()
    figure.draw_without_rendering()
    boxes = {text.get_text().replace("\n", " "): text.get_window_extent() for text in figure.texts}
    rows, columns = (boxes[name] for name in axes)
    size = boxes["row"].height
    assert 0 < columns.y0 - boxes["one"].y1 < size
    assert 0 < boxes["Title · model"].y0 - columns.y1 < size
    assert 0 <= rows.y0 < rows.y1 <= figure.bbox.height < 3.5 * figure.axes[0].get_window_extent().height


def test_labels_are_words_as_they_are_also_with_dollars_and_can_be_left_out():
    sheet = Sheet(noise(1, 2, 1, 8, 8), "Title", "model", ["$row_1$"], ["a", "b"], "rows", "columns")
    assert sorted(words(sheet)) == ["$row_1$", "Title · model", "a", "b", "columns", "rows"]
    assert words(sheet, labels=False) == []
    width, height = (2 * 64 + 3 * 3, 64 + 2 * 3)
    assert rgb(sheet.figure(labels=False)).shape == (height, width, 3)


def test_pdf_and_svg_have_text_as_text_and_are_the_same_each_time():
    sheet = Sheet(noise(2, 2, 1, 8, 8), "Searchable title", row_labels=["first", "second"])
    contents = []
    for name in ("a.svg", "b.svg", "a.pdf", "b.pdf"):
        sheet.save(name)
        contents.append(Path(name).read_bytes())
    svg, again, pdf, pdf_again = contents
    assert (svg, pdf) == (again, pdf_again)
    assert b"<svg" in svg
    assert re.findall(r"<text[^>]*>(\w[\w ]*)</text>", svg.decode()) == ["first", "second", "Searchable title"]
    assert svg.count(b"<image") == 1
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Subtype /Image") == 1
    streams = [zlib.decompress(part) for part in re.findall(rb"stream\r?\n(\x78.*?)\r?\nendstream", pdf, re.DOTALL)]
    assert any((b" Tf" in stream and b"TJ" in stream) or b"Tj" in stream for stream in streams)  # glyphs of a font


def test_arrays_hold_tiles_and_labels():
    tiles = noise(2, 3, 1, 8, 8)
    Sheet(tiles, "Noise", row_labels=["a", "b"], column_axis="code").save("sheet.npz")
    with np.load("sheet.npz") as arrays:
        np.testing.assert_array_equal(arrays["tiles"], tiles)
        assert arrays["row_labels"].tolist() == ["a", "b"]
        assert (str(arrays["title"]), str(arrays["column_axis"])) == ("Noise", "code")


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.JPG", b"\xff\xd8"), ("a.jpeg", b"\xff\xd8")])
def test_the_ending_says_the_format(name, start):
    save(Sheet(noise(1, 1, 1, 8, 8)), Path(name))
    assert Path(name).read_bytes().startswith(start)
    with pytest.raises(GenlabError, match=r"a.bmp has no picture extension; give one of .png, .jpg, .jpeg, .pdf"):
        save(Sheet(noise(1, 1, 1, 8, 8)), Path("a.bmp"))


def test_what_is_too_large_to_draw_is_said_but_its_arrays_are_kept():
    sheet = Sheet(torch.zeros(2000, 1, 1, 28, 28))
    with pytest.raises(GenlabError, match=r"of 84 x 175,996 pixels is too large; give fewer images, a smaller --scale"):
        sheet.save("large.png")
    sheet.save("large.npz")


def test_values_become_colours_that_a_bar_explains():
    values = torch.tensor([-2.0, 0.0, 2.0, torch.nan]).view(1, 4, 1, 1, 1).expand(-1, -1, -1, 8, 8)
    figure = Sheet(values, colors=ColorMap("RdBu_r", -2, 2, "weight")).figure()
    grid, bar = figure.axes
    assert bar.get_ylabel() == "weight"
    assert bar.get_yticks().tolist() == [-2, 0, 2]
    figure.draw_without_rendering()
    assert all(label.get_window_extent().y0 >= 0 for label in bar.get_yticklabels())
    blue, white, red, blank = (grid.images[0].get_array()[5, x].tolist() for x in (5, 75, 140, 210))
    assert blue[2] > 80 > blue[0]
    assert min(white) > 240
    assert red[0] > 80 > red[2]
    assert blank == [255] * 3


@pytest.fixture(scope="module")
def digits():
    data = genlab.Digits()
    data.setup()
    return data.test_set[torch.arange(10)]


def test_in_rows_leaves_the_rest_of_the_last_row_blank():
    images = noise(5, 1, 8, 8)
    sheet = sheets.in_rows(images, 3)
    torch.testing.assert_close(sheet.tiles.flatten(0, 1)[:5], images)
    assert sheet.tiles[1, 2].isnan().all()
    assert sheets.in_rows(images, 9).tiles.shape[:2] == (1, 5)


def test_reconstructions_stand_below_images_in_groups(digits):
    model = genlab.VAE((1, 8, 8), 2).eval()
    sheet = sheets.reconstructions(model, digits, columns=8)
    assert sheet.row_labels == ["input", "output"] * 2
    assert [*sheet.row_breaks] == [0, 2]
    torch.testing.assert_close(sheet.tiles[0], digits["image"][:8])
    torch.testing.assert_close(sheet.tiles[3, :2], model.reconstruct(digits["image"][8:]))
    assert words(sheet)[-1] == "Reconstructions · VAE"
    alone = sheets.reconstructions(model, digits["image"])
    torch.testing.assert_close(alone.tiles, sheet.tiles, equal_nan=True)
    assert not sheet.tiles.requires_grad


def test_a_denoising_models_input_is_noisy(digits):
    model = genlab.Autoencoder((1, 8, 8), 2, corruption=genlab.networks.GaussianNoise).eval()
    sheet = sheets.reconstructions(model, digits, columns=10)
    assert sheet.row_labels == ["original", "input", "output"]
    assert (sheet.tiles[1] - sheet.tiles[0]).std() > 0.1


def test_samples_by_condition_have_a_row_for_each(digits):
    model = genlab.CVAE((1, 8, 8), num_classes=3, class_names=("cat", "dog", "cow"), code_size=2).eval()
    conditions, names = model.condition.every({}, lambda: torch.zeros(0))
    sheet = sheets.samples_by_condition(model, conditions, names, 4, torch.Generator().manual_seed(1))
    assert [*sheet.row_labels] == ["cat", "dog", "cow"]
    assert sheet.column_labels[0] == "sample 1"
    codes = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(sheet.tiles[1], model.given(torch.tensor([1])).decode(codes).detach())


def test_images_as_conditions_stand_beside_samples_and_the_truth(digits):
    model = genlab.CVAE((3, 8, 8), source_shape=(1, 8, 8), code_size=2).eval()
    truth = digits["image"][:2].expand(-1, 3, -1, -1)
    sheet = sheets.samples_by_condition(model, digits["image"][:2], columns=3, truth=truth)
    assert sheet.column_labels == ["input", "sample 1", "sample 2", "sample 3", "truth"]
    assert sheet.tiles.shape == (2, 5, 3, 8, 8)
    torch.testing.assert_close(sheet.tiles[:, 0], sheet.tiles[:, 4])


def test_translations_stand_between_images_and_the_truth(digits):
    model = genlab.Pix2Pix((1, 8, 8), (1, 8, 8)).eval()
    sheet = sheets.translations(model, digits["image"], truth=1 - digits["image"])
    assert sheet.row_labels[:3] == ["input", "output", "truth"]
    torch.testing.assert_close(sheet.tiles[2], 1 - digits["image"][:8])
    assert sheet.title == "Translations a → b"


def test_the_subject_says_model_data_and_epoch():
    model = genlab.VAE((1, 8, 8), 2)
    digits = {"_class_path": "genlab.data.digits.Digits"}
    edges = {"_class_path": "genlab.DegradedPairs", "data": {"class_path": "genlab.Digits", "init_args": {}}}
    photos = {"_class_path": "genlab.ImageFolder", "folder": "data/photos"}
    assert sheets.subject_of(model) == "VAE"
    assert sheets.subject_of(model, digits, 20) == "VAE on Digits, epoch 20"
    assert sheets.subject_of(model, edges) == "VAE on Digits"
    unpaired = {
        "_class_path": "genlab.data.DomainsFromPairs",
        "pairs": {"class_path": "DegradedPairs", "init_args": edges},
    }
    assert sheets.subject_of(model, unpaired) == "VAE on Digits"
    assert sheets.subject_of(model, photos, 1) == "VAE on photos, epoch 1"


class Named(torch.nn.Module):
    """Samples images of a grey level under conditions, with noise, but draws no codes."""

    def given(self, condition):
        level = condition.float().mean()
        return SimpleNamespace(sample=lambda n, generator: level + torch.rand(n, 1, 2, 2, generator=generator) / 9)


def test_what_samples_under_conditions_is_drawn_with_the_same_noise_under_each():
    sheet = sheets.samples_by_condition(Named(), torch.tensor([0.0, 0.5]), columns=3, generator=torch.Generator())
    torch.testing.assert_close(sheet.tiles[0] + 0.5, sheet.tiles[1])
    assert not torch.equal(sheet.tiles[0, 0], sheet.tiles[0, 1])
