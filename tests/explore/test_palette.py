"""Palettes of drawings; photographs have none."""

import torch

from genlab.explore.palette import palette_of

RED, BLUE, GREEN = (220, 0, 0), (0, 48, 255), (0, 180, 60)


def label_map(*colors: tuple[int, int, int]) -> torch.Tensor:
    """Return images of vertical stripes, the first one widest, with a little noise as from compression."""
    image = torch.zeros(4, 3, 32, 32)
    left = 0
    for position, color in enumerate(colors):
        right = 32 if position == len(colors) - 1 else left + 16 - 4 * position
        image[..., left:right] = torch.tensor(color, dtype=torch.float32)[:, None, None]
        left = right
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return (image + 0.7 * noise).clamp(0, 255).round().byte()


def test_the_colours_of_label_maps_are_found_by_their_area():
    found = palette_of(label_map(BLUE, RED, GREEN))
    assert found is not None
    assert len(found) == 3
    for color, expected in zip(found, (BLUE, RED, GREEN), strict=True):
        assert max(abs(a - b) for a, b in zip(color, expected, strict=True)) <= 2


def test_thin_lines_are_a_colour_too():
    images = torch.full((4, 1, 32, 32), 255, dtype=torch.uint8)
    images[:, :, ::8] = 10
    assert palette_of(images) == [[255, 255, 255], [10, 10, 10]]


def test_photographs_have_no_palette():
    rows = torch.linspace(0, 255, 32)
    smooth = (rows[:, None] + rows) / 2 + 6 * torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert palette_of(smooth.clamp(0, 255).byte()) is None
    assert palette_of(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)) is None


def test_images_of_other_channels_have_none():
    assert palette_of(torch.zeros(2, 4, 8, 8, dtype=torch.uint8)) is None
    assert palette_of(torch.zeros(2, 1, 2, 2, dtype=torch.uint8)) is None
