"""The gated PixelCNN: what each value sees, its distribution, and samples with and without the cache."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import genlab
from genlab.networks import GatedPixelCNN, sample_grids

SMALL = {"channels": 6, "layers": 3, "kernel": 3, "embedding": 3}


def lively(network, seed=0):
    """Make weights large enough for distant values to matter, in double precision."""
    torch.manual_seed(seed)
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    return network.double().eval()


class Uncached(torch.nn.Module):
    """The same network, of which the sampler sees only the logits."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *given):
        return self.network(*given)


def seen_by(network, grid, channel, i, j):
    """Return whether each value of grids (B, C, H, W) reaches the logits of a given value, (C, H, W), by autograd."""
    embedded = []
    hook = network.embedding.register_forward_hook(
        lambda module, _, outputs: embedded.append(outputs.requires_grad_().retain_grad() or outputs)
    )
    network(grid)[..., channel, i, j].square().sum().backward()
    hook.remove()
    return embedded[0].grad.abs().sum((0, -1)) > 0


@pytest.mark.parametrize("shape", [(1, 9, 8), (2, 6, 7), (3, 5, 5)])
def test_each_value_sees_all_before_it_and_none_from_itself_on(shape):
    """By autograd: with enough layers to reach everywhere, there is no blind spot."""
    network = lively(GatedPixelCNN(shape, 4, channels=24, layers=8, kernel=3, embedding=2))
    grid = torch.randint(4, (8, *shape))  # several, since rectifiers block some gradients
    depth, height, width = shape
    order = torch.arange(height * width).view(1, height, width) * depth + torch.arange(depth).view(-1, 1, 1)
    for channel, i, j in itertools.product(*map(range, shape)):
        assert torch.equal(seen_by(network, grid, channel, i, j), order < order[channel, i, j])


def test_one_layer_reaches_as_far_as_its_kernel():
    network = lively(GatedPixelCNN((1, 12, 12), 2, channels=4, layers=2, kernel=5))
    seen = seen_by(network, torch.randint(2, (4, 1, 12, 12)), 0, 11, 6)[0]
    rows, columns = seen.nonzero().T
    assert rows.min() == 11 - 3 - 2
    assert (columns.min(), columns.max()) == (6 - 3 - 2, 6 + 3 + 2)


def test_probabilities_of_all_images_sum_to_one_and_samples_are_as_frequent():
    network = lively(GatedPixelCNN((1, 2, 3), 2, **SMALL))
    every = torch.tensor([*itertools.product((0, 1), repeat=6)]).view(-1, 1, 2, 3)
    with torch.no_grad():
        log_probs = -torch.nn.functional.cross_entropy(network(every), every, reduction="none").flatten(1).sum(1)
    probabilities = log_probs.exp()
    assert math.isclose(probabilities.sum(), 1, rel_tol=1e-12)
    count = 40_000
    samples = sample_grids(network, (1, 2, 3), count, generator=torch.Generator().manual_seed(0))
    found = (samples.flatten(1) * 2 ** torch.arange(5, -1, -1)).sum(1).bincount(minlength=64)
    expected = count * probabilities
    assert probabilities.max() < 0.5
    chi_squared = ((found - expected).square() / expected).sum()
    assert chi_squared < 63 + 4 * (2 * 63) ** 0.5


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 8, 8), {}),
        ((1, 9, 13), {"kernel": 1}),
        ((2, 10, 8), {"condition_size": 3, "kernel": 5}),
        ((3, 8, 9), {"map_channels": 2, "layers": 1}),
        ((1, 8, 9), {"condition_size": 2, "map_channels": 3}),
    ],
)
def test_samples_with_the_cache_equal_those_without_bit_for_bit(shape, options, precision):
    network = lively(GatedPixelCNN(shape, 5, **SMALL | options)).to(precision)
    given = {
        "condition": torch.randn(4, options["condition_size"]) if "condition_size" in options else None,
        "map": torch.randn(4, options["map_channels"], *shape[1:]) if "map_channels" in options else None,
    }
    cached, plain = (
        sample_grids(each, shape, 4, **given, generator=torch.Generator().manual_seed(0))
        for each in (network, Uncached(network))
    )
    assert torch.equal(cached, plain)
    assert len(plain.unique()) == 5


@settings(max_examples=10, deadline=None)
@given(shape=st.tuples(st.integers(1, 3), st.integers(8, 20), st.integers(8, 20)), values=st.sampled_from([2, 256]))
def test_logits_are_of_each_value(shape, values):
    network = GatedPixelCNN(shape, values, channels=4, layers=2, embedding=2)
    assert network(torch.randint(values, (2, *shape))).shape == (2, values, *shape)
    samples = sample_grids(network, shape, 2)
    assert samples.shape == (2, *shape)
    assert samples.dtype == torch.int64
    assert 0 <= samples.min() <= samples.max() < values


def test_conditions_and_maps_change_the_logits_of_their_grid_and_maps_at_their_places():
    network = lively(GatedPixelCNN((1, 8, 8), 3, 2, 1, **SMALL))
    grid, condition, places = torch.randint(3, (2, 1, 8, 8)), torch.randn(2, 2), torch.randn(2, 1, 8, 8)
    other_condition, other_places = condition.clone(), places.clone()
    other_condition[1] += 1
    other_places[1, :, 6, 7] += 1
    with torch.no_grad():
        logits = network(grid, condition, places)
        by_condition = (network(grid, other_condition, places) != logits).any(1)
        by_map = (network(grid, condition, other_places) != logits).any(1)
    assert not by_condition[0].any()
    assert by_condition[1].all()
    assert not by_map[0].any()
    assert by_map[1, 0, 6, 7]
    assert not by_map[1, 0, :6].any()  # no row above


def test_samples_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    network = lively(GatedPixelCNN((1, 8, 8), 3, 2, **SMALL))
    condition = torch.randn(5, 2)
    seeded = [torch.Generator().manual_seed(0) for _ in range(3)]
    at_once = sample_grids(network, (1, 8, 8), 5, condition=condition, generator=seeded[0])
    monkeypatch.setattr("genlab.networks.grid_sampling.AT_ONCE", 2 * 64)
    assert torch.equal(sample_grids(network, (1, 8, 8), 5, condition=condition, generator=seeded[1]), at_once)
    assert torch.equal(sample_grids(network, (1, 8, 8), 3, condition=condition[:3], generator=seeded[2]), at_once[:3])


def test_places_that_are_known_are_kept_and_the_others_follow_from_them():
    """A position's draws are the same, known or not: given the known samples, the rest comes out the same too."""
    network = lively(GatedPixelCNN((2, 8, 8), 3, **SMALL))
    samples = sample_grids(network, (2, 8, 8), 4, generator=torch.Generator().manual_seed(0))
    for start in (0, 1, 27, 64):
        known = samples.clone().flatten(2)
        known[..., start:] = 0
        random = torch.Generator().manual_seed(0)
        again = sample_grids(network, (2, 8, 8), 4, known=known.view_as(samples), start=start, generator=random)
        assert torch.equal(again, samples)
    other = sample_grids(network, (2, 8, 8), 4, known=(samples[:1] + 1) % 3, start=27, generator=random)
    assert torch.equal(other.flatten(2)[..., :27], ((samples[:1] + 1) % 3).flatten(2)[..., :27].expand(4, -1, -1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": 1}, "values is 1; it must be at least 2"),
        ({"kernel": 4}, "kernel is 4; it must be odd"),
        ({"channels": 2}, "channels is 2, fewer than the 3 of the grid"),
        ({"layers": 0}, "layers is 0"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, message):
    with pytest.raises(genlab.GenlabError, match=message):
        GatedPixelCNN((3, 8, 8), **{"values": 2} | options)
