"""Labels as visible units, and log-probabilities of all kinds of units, against enumeration and torch.distributions."""

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Normal

from genlab.boltzmann import BinaryUnits, GaussianUnits, LabelledUnits, log_partition

from .test_machine import all_states, machine_of

CLASSES = 3


def states_with_labels(count):
    binary, one_hot = all_states(count), torch.eye(CLASSES)
    return torch.cat([binary.repeat_interleave(CLASSES, 0), one_hot.repeat(len(binary), 1)], 1)


@pytest.fixture(scope="module")
def labelled():
    machine = machine_of(LabelledUnits(4 + CLASSES, CLASSES), hidden=5, scale=1.0)
    machine.visible.base.copy_(torch.randn(4 + CLASSES))
    return machine


def test_chains_visit_units_and_labels_as_often_as_they_are_likely(labelled):
    v = states_with_labels(4)
    chances = (-labelled.free_energy(v)).softmax(0)
    random = torch.Generator().manual_seed(0)
    drawn = labelled.gibbs(labelled.draw_base(20_000, random), 40, random)
    assert torch.equal(drawn[:, 4:].sum(1), torch.ones(20_000))
    torch.testing.assert_close(drawn.mean(0), chances @ v, atol=0.015, rtol=0)
    pairs = torch.einsum("ni,nj->ij", drawn, drawn) / 20_000
    torch.testing.assert_close(pairs, torch.einsum("n,ni,nj->ij", chances, v, v), atol=0.015, rtol=0)


def test_annealing_knows_that_one_label_is_on(labelled):
    exact = (-labelled.free_energy(states_with_labels(4)).double()).logsumexp(0).item()
    found = log_partition(labelled, 100, 500, torch.Generator().manual_seed(0))
    assert found.value == pytest.approx(exact, abs=0.1)
    assert found.low < exact < found.high


def test_log_probabilities_are_those_of_the_distributions(labelled):
    inputs = torch.randn(6, 7)
    units, v = labelled.visible, states_with_labels(4)[:6]
    logits = inputs + units.bias
    expected = Bernoulli(logits=logits[:, :4]).log_prob(v[:, :4]).sum(1)
    expected = expected + Categorical(logits=logits[:, 4:]).log_prob(v[:, 4:].argmax(1))
    torch.testing.assert_close(units.log_prob(v, inputs), expected)
    torch.testing.assert_close(units.mean(inputs)[:, 4:], logits[:, 4:].softmax(1))
    binary, gaussian = BinaryUnits(7), GaussianUnits(7, sigma=0.3)
    torch.nn.init.normal_(binary.bias)
    torch.nn.init.normal_(gaussian.bias)
    torch.testing.assert_close(binary.log_prob(v, inputs), Bernoulli(logits=inputs + binary.bias).log_prob(v).sum(1))
    torch.testing.assert_close(
        gaussian.log_prob(v, inputs), Normal(inputs + gaussian.bias, 0.3).log_prob(v).sum(1), rtol=1e-5, atol=1e-4
    )


def test_labels_start_with_their_shares():
    units = LabelledUnits(2 + CLASSES, CLASSES)
    labels = torch.tensor([0] * 79 + [1] * 14 + [2] * 4)
    units.measure(torch.cat([torch.tensor([[1.0, 0.0]]).expand(97, 2), torch.eye(CLASSES)[labels]], 1))
    shares = torch.tensor([0.80, 0.15, 0.05])
    for biases in (units.base, units.bias):
        torch.testing.assert_close(biases[2:].softmax(0), shares)
        torch.testing.assert_close(biases[:2].sigmoid(), torch.tensor([98 / 99, 1 / 99]))
