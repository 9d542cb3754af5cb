"""GANAdam is fused where it can be, and equal to Adam everywhere."""

import pytest
import torch
from torch import nn
from torch.optim import Adam

from genlab.optimizers import GANAdam


def steps(optimizer, parameter) -> list[float]:
    for power in range(1, 6):
        optimizer.zero_grad()
        (parameter**power).abs().sum().backward()
        optimizer.step()
    return parameter.detach().tolist()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_fused_by_default_and_takes_the_steps_of_adam(dtype):
    fused, plain = (nn.Parameter(torch.tensor([1.0, -2.0], dtype=dtype)) for _ in range(2))
    adam = GANAdam([fused])
    assert adam.param_groups[0]["fused"]
    assert steps(adam, fused) == pytest.approx(steps(Adam([plain], 2e-4, betas=(0.5, 0.999)), plain), rel=1e-6)


def test_where_it_cannot_be_fused_it_is_not():
    complex_numbers = nn.Parameter(torch.tensor([1.0 + 2.0j]))
    elsewhere = nn.Parameter(torch.ones(2, device="meta"))
    for parameter in (complex_numbers, elsewhere):
        assert not GANAdam([nn.Parameter(torch.ones(2)), parameter]).param_groups[0]["fused"]
    assert steps(GANAdam([complex_numbers]), complex_numbers) != [1.0 + 2.0j]
    assert not GANAdam([nn.Parameter(torch.ones(2))], fused=False).param_groups[0]["fused"]


def test_groups_of_parameters_are_taken():
    weight, bias = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    adam = GANAdam(({"params": (p for p in [weight]), "lr": 1e-3}, {"params": [bias]}))
    assert [group["params"] for group in adam.param_groups] == [[weight], [bias]]
