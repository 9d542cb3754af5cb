"""The U-Net of diffusion models, for images of any shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import genlab
from genlab.networks import DenoisingUNet

sides = st.integers(8, 33)


def lively(network):
    """Make all weights nonzero, including those with which residuals start at zero."""
    torch.manual_seed(0)
    for weights in network.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.1)
    return network.eval()


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), sides, sides),
    stages=st.lists(st.integers(1, 2), min_size=1, max_size=3),
    patch=st.integers(1, 2),
    attention=st.sampled_from([0, 8, 16]),
)
def test_outputs_have_the_shape_of_the_input(shape, stages, patch, attention):
    network = DenoisingUNet(shape, 2, 0, channels=4, multipliers=stages, blocks=1, patch=patch, attention=attention)
    assert network(torch.randn(3, *shape), torch.zeros(3)).shape == (3, 2, *shape[1:])


@pytest.mark.parametrize("patch", [1, 2])
def test_every_pixel_reaches_every_output_through_attention_and_the_stages(patch):
    network = lively(DenoisingUNet((1, 28, 20), 1, 0, channels=8, patch=patch, attention=8)).double()
    x = torch.randn(1, 1, 28, 20, dtype=torch.float64, requires_grad=True)
    network(x, torch.zeros(1, dtype=torch.float64))[0, 0, 0, 0].backward()
    assert (x.grad != 0).all()


def test_it_sees_the_time_and_the_condition():
    network = lively(DenoisingUNet((1, 8, 8), 1, 5, channels=8, multipliers=(1, 2)))
    x, condition = torch.randn(1, 1, 8, 8).expand(3, -1, -1, -1), torch.randn(3, 5)
    with torch.no_grad():
        by_time = network(x, torch.tensor([-1.0, -0.99, 2.0]), condition[:1].expand(3, -1))
        by_condition = network(x, torch.zeros(3), condition)
    for outputs in (by_time, by_condition):
        assert torch.pdist(outputs.flatten(1)).min() > 1e-3


def test_attention_is_only_where_it_is_asked_for():
    def heads(size):
        network = DenoisingUNet((1, 32, 40), 1, 0, channels=8, attention=size, blocks=1)
        return sum(type(layer).__name__ == "Attention" for layer in network.modules())

    assert [heads(size) for size in (0, 8, 16, 32)] == [0, 1 + 3, 1 + 6, 1 + 9]


def test_it_begins_as_nothing_and_learns_at_once():
    network = DenoisingUNet((1, 8, 8), 1, 0, channels=8, multipliers=(1, 2))
    x = torch.randn(4, 1, 8, 8)
    assert network(x, torch.zeros(4)).abs().max() == 0
    (network(x, torch.zeros(4)) - x).square().sum().backward()
    assert network.last[-1].weight.grad.abs().max() > 0


@pytest.mark.parametrize(("shape", "options"), [((1, 8, 8), {"multipliers": (1,) * 5}), ((1, 28, 28), {"patch": 16})])
def test_more_stages_than_halvings_are_refused(shape, options):
    with pytest.raises(genlab.GenlabError, match=r"multipliers are .* has at most [24] stages"):
        DenoisingUNet(shape, 1, 0, **options)
