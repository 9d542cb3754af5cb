"""Sheets of styles and noise, for a generator whose pixels show the style and noise of each layer."""

import torch

from genlab.models.shared.style_space import layer_groups
from genlab.sheets import mixes, noises

LAYERS = 4


class Transparent:
    """A generator of images (1, 1, 4): pixel l is the style of layer l plus its noise; the last layer has no noise."""

    num_layers, style_size, truncation = LAYERS, 1, 1.0
    fixed = 0.25

    def draw_noise(self, n, *, generator=None):
        return [torch.randn(n, 1, 1, 1, generator=generator) for _ in range(LAYERS - 1)]

    def synthesize(self, styles, *, noise=None):
        pixels = styles[:, :, 0].clone()
        for layer, one in enumerate(noise or [None] * (LAYERS - 1)):
            pixels[:, layer] += self.fixed if one is None else one[:, 0, 0, 0]
        return pixels[:, None, None]


def test_each_layer_of_a_mixed_image_has_the_style_that_it_is_to_have():
    sources = torch.arange(100.0, 112).view(3, LAYERS, 1)
    destinations = torch.arange(200.0, 208).view(2, LAYERS, 1)
    layers = {"coarse": [0, 1], "mixed": [1, 3]}
    sheet = mixes(Transparent(), sources, destinations, layers)
    assert sheet.tiles.shape == (5, 4, 1, 1, LAYERS)
    assert sheet.tiles[0, 0].isnan().all()
    noise = torch.tensor([0.25, 0.25, 0.25, 0.0])
    torch.testing.assert_close(sheet.tiles[0, 1:, 0, 0], sources[..., 0] + noise)
    for block, chosen in enumerate(layers.values()):
        for row, destination in enumerate(destinations):
            tiles = sheet.tiles[1 + 2 * block + row, :, 0, 0]
            torch.testing.assert_close(tiles[0], destination[:, 0] + noise)
            for column, source in enumerate(sources):
                mixed = torch.stack([(source if layer in chosen else destination)[layer, 0] for layer in range(LAYERS)])
                torch.testing.assert_close(tiles[1 + column], mixed + noise)
    assert sheet.row_labels == ["", "coarse\nlayers 0 to 1", "", "mixed\nlayers 1, 3", ""]
    assert (list(sheet.row_breaks), sheet.column_breaks) == ([1, 3], [1])


def test_other_noise_changes_chosen_layers_alone_by_its_deviation():
    styles = torch.zeros(2, LAYERS, 1)
    sheet = noises(Transparent(), styles, [0, 2], others=3, draws=250, generator=torch.Generator().manual_seed(0))
    assert sheet.tiles.shape == (2, 5, 1, 1, LAYERS)
    torch.testing.assert_close(sheet.tiles[:, 0, 0, 0], torch.tensor([[0.25, 0.25, 0.25, 0.0]]).expand(2, -1))
    others, deviation = sheet.tiles[:, 1:4, 0, 0], sheet.tiles[:, 4, 0, 0]
    assert (others[..., 1] == 0.25).all()
    assert (others[..., 3] == 0).all()
    assert others[..., [0, 2]].unique().numel() == 12
    largest = float(sheet.title.split("white: ")[1].removesuffix(")"))
    torch.testing.assert_close(deviation[:, [0, 2]] * largest, torch.ones(2, 2), atol=0.15, rtol=0)  # 3 sigma
    assert (deviation[:, [1, 3]] == 0).all()


def test_the_deviation_is_that_of_all_draws():
    generator = torch.Generator().manual_seed(3)
    sheet = noises(Transparent(), torch.zeros(1, LAYERS, 1), [0, 1, 2], others=0, draws=130, generator=generator)
    again, model = torch.Generator().manual_seed(3), Transparent()
    drawn = [torch.cat(model.draw_noise(n, generator=again), 1)[:, :, 0, 0] for n in (100, 30)]
    deviation = torch.cat(drawn).std(0, correction=0)
    torch.testing.assert_close(sheet.tiles[0, 1, 0, 0, :3], deviation / deviation.max())


def test_layers_are_divided_into_thirds():
    assert layer_groups(10) == {"coarse": [0, 1, 2, 3], "middle": [4, 5, 6], "fine": [7, 8, 9]}
    assert layer_groups(2) == {"coarse": [0], "middle": [1]}
