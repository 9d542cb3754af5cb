"""What mixed styles change, for a generator whose pixels show the style of each layer."""

from types import SimpleNamespace

import pytest
import torch

import genlab
from genlab.capabilities import Decodes, DrawsCodes, Samples, Styled
from genlab.data.batches.tensors import ImageTensors
from genlab.evaluation import mixing

LAYERS, SAMPLES = 3, 150


class Shares:
    """A generator of images (1, 1, 3): pixel l is the style of layer l; the last one also has noise."""

    capabilities = (Decodes, DrawsCodes, Samples, Styled)
    num_layers, style_size, truncation, code_shape = LAYERS, 1, 1.0, (1,)

    def draw_codes(self, n, *, generator=None):
        return torch.rand(n, 1, generator=generator)

    def styles(self, z, *, truncation=1.0):
        return z[:, None].expand(-1, LAYERS, -1)

    def draw_noise(self, n, *, generator=None):
        return [torch.full((n, 1, 1, 1), 0.5)]

    def synthesize(self, styles, *, noise=None):
        images = styles[:, None, None, :, 0].clone()
        if noise:
            images[..., -1] += noise[0][..., 0]
        return images


@pytest.mark.parametrize("labels", [True, False])
def test_classes_change_with_the_layers_that_decide_them(labels, monkeypatch):
    """The class is whether the first pixel is above 0.5; one of two attributes is the same, the other is constant."""
    seer = SimpleNamespace(
        features=lambda images: images.flatten(1)[:, :1] - 0.5,
        of_features=lambda first: torch.cat([-first, first] if labels else [first, torch.ones_like(first)], 1),
    )
    monkeypatch.setattr(mixing, "trained_classifier", lambda data, device: (seer, 0.9))
    data = SimpleNamespace(num_classes=2 if labels else 0, attribute_names=("left", "constant"))
    images = ImageTensors(torch.zeros(SAMPLES, 1, 1, 3, dtype=torch.uint8))
    rows = mixing.judge_mixing(Shares(), images, data, torch.Generator().manual_seed(0))
    found = {row.name: row.value for row in rows}
    random, drawn = torch.Generator().manual_seed(0), []
    for count in (100, 50):
        drawn.append(torch.stack([torch.rand(count, 1, generator=random) for _ in range(2)]))
    own, other = torch.cat(drawn, 1)[..., 0]
    changed = ((own > 0.5) != (other > 0.5)).float().mean().item() * (1 if labels else 0.5)
    assert 0.1 < changed < 0.9
    expected = {"coarse_styles": changed, "middle_styles": 0, "fine_styles": 0, "all_styles": changed, "noise": 0}
    assert {name: found[f"classes_changed_by_{name}"] for name in expected} == pytest.approx(expected)
    way = (own - other).abs().mean().item()
    assert found["pixels_changed_by_all_styles"] == pytest.approx(way)
    for group in ("coarse", "middle", "fine"):
        assert found[f"pixels_changed_by_{group}_styles"] == pytest.approx(way / 3)
    assert found["pixels_changed_by_noise"] == pytest.approx(0.5 / 3)
    assert (
        rows[0]
        .stamp["mixing"]
        .startswith(
            f"150 samples, seen by genlab's classifier of SimpleNamespace's {'labels' if labels else 'attributes'}"
        )
    )


def test_a_model_without_styles_is_refused():
    with pytest.raises(genlab.GenlabError, match="--mixing is for styles, and the GAN has none"):
        mixing.require_styles(genlab.GAN((1, 8, 8)))
