"""Softplus against torch's: values, first and second derivatives, and extremes."""

import math

import pytest
import torch
import torch.nn.functional as F

from genlab.losses.softplus import softplus


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.float64, 1e-15)])
def test_values_and_gradients_are_those_of_torch(dtype, near):
    x = torch.linspace(-120, 120, 24_001, dtype=dtype, requires_grad=True)
    exact = x.detach().double().requires_grad_()
    found, expected = softplus(x), F.softplus(exact, threshold=1000)
    torch.testing.assert_close(found.double(), expected, atol=near, rtol=near)
    found.sum().backward()
    expected.sum().backward()
    torch.testing.assert_close(x.grad.double(), exact.grad, atol=near, rtol=near)


def test_extremes_are_finite_where_they_can_be():
    found = softplus(torch.tensor([-math.inf, -1e30, 1e30, math.inf, math.nan]))
    torch.testing.assert_close(found, torch.tensor([0, 0, 1e30, math.inf, math.nan]), equal_nan=True)


def test_it_can_be_differentiated_twice_and_by_torch_func():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(softplus, (x,))
    assert torch.autograd.gradgradcheck(softplus, (x,))
    slopes = torch.func.vmap(torch.func.grad(softplus))(x.detach().flatten())
    torch.testing.assert_close(slopes, x.detach().flatten().sigmoid())
