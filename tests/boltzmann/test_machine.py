"""Boltzmann machines against enumeration: energies, conditionals, Gibbs chains, gradients and partition functions."""

import math
from functools import partial
from itertools import product

import pytest
import torch
from torch import nn

import genlab
from genlab.boltzmann import (
    BinaryUnits,
    BoltzmannMachine,
    GaussianUnits,
    LinearHiddenUnits,
    inverse_temperatures,
    log_partition,
)

VISIBLE, HIDDEN = 12, 8


def all_states(count):
    return torch.tensor(list(product((0.0, 1.0), repeat=count)))


def machine_of(units, hidden=HIDDEN, scale=0.6, seed=0):
    torch.manual_seed(seed)
    machine = BoltzmannMachine(units, hidden)
    for parameter in (machine.hidden.weight, machine.hidden.bias, machine.visible.bias):
        nn.init.normal_(parameter, std=scale)
    return machine


@pytest.fixture(scope="module")
def binary():
    return machine_of(BinaryUnits(VISIBLE))


@pytest.fixture(scope="module")
def log_joint(binary):
    """log of exp(-E(v, h)) for each v and h, term by term: (4096, 256), in float64."""
    v, h = all_states(VISIBLE).double(), all_states(HIDDEN).double()
    weight, c, b = (p.detach().double() for p in (binary.hidden.weight, binary.hidden.bias, binary.visible.bias))
    return (v @ b)[:, None] + (h @ c)[None, :] + torch.einsum("vi,ji,hj->vh", v, weight, h)


def test_free_energy_is_that_of_the_sum_over_hidden_units(binary, log_joint):
    found = binary.free_energy(all_states(VISIBLE))
    torch.testing.assert_close(found.double(), -log_joint.logsumexp(1), rtol=1e-5, atol=1e-5)


def test_conditionals_are_those_of_the_joint_distribution(binary, log_joint):
    v, h = all_states(VISIBLE), all_states(HIDDEN)
    hidden = log_joint.softmax(1) @ h.double()
    torch.testing.assert_close(binary.inputs(v).sigmoid().double(), hidden, rtol=1e-5, atol=1e-5)
    visible = log_joint.softmax(0).T @ v.double()
    found = binary.visible.mean(binary.inputs_of_visible(h))
    torch.testing.assert_close(found.double(), visible, rtol=1e-5, atol=1e-5)


def test_the_gradient_of_free_energy_is_that_of_energy_averaged_over_hidden_units(binary):
    v = all_states(VISIBLE)[::100]
    weight, bias, visible = torch.autograd.grad(
        binary.free_energy(v).sum(), (binary.hidden.weight, binary.hidden.bias, binary.visible.bias)
    )
    h = (v @ binary.hidden.weight.T + binary.hidden.bias).sigmoid()
    torch.testing.assert_close(weight, -h.T @ v)
    torch.testing.assert_close(bias, -h.sum(0))
    torch.testing.assert_close(visible, -v.sum(0))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("hidden_units", [None, LinearHiddenUnits()])
@pytest.mark.parametrize("units", [BinaryUnits, partial(GaussianUnits, learned=True)])
def test_the_divergence_has_the_gradients_of_free_energies_though_inputs_are_known(units, hidden_units, precision):
    torch.manual_seed(0)
    machine = BoltzmannMachine(units(VISIBLE), HIDDEN, hidden_units)
    v, negative = (torch.rand(20, VISIBLE) < 0.3).float(), (torch.rand(7, VISIBLE) < 0.6).float()
    parameters = [*machine.parameters()]
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        with torch.no_grad():
            inputs = machine.inputs(v)
        found, given = machine.divergence(v, negative, inputs)
        expected = machine.free_energy(v).mean() - machine.free_energy(negative).mean()
    near = {"rtol": 1e-4, "atol": 1e-5} if precision == torch.float32 else {"rtol": 0.05, "atol": 0.01}
    torch.testing.assert_close(found, expected, **near)
    assert torch.equal(given, inputs)
    for mine, theirs in zip(
        torch.autograd.grad(found, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        torch.testing.assert_close(mine, theirs, **near)


def test_gibbs_frequencies_are_probabilities():
    machine = machine_of(BinaryUnits(4), hidden=3, scale=1.0)
    chances = (-machine.free_energy(all_states(4))).softmax(0)
    random = torch.Generator().manual_seed(0)
    v = machine.gibbs(machine.draw_base(50_000, random), 30, random)
    positions = (v @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long()
    counts = torch.bincount(positions, minlength=16)
    expected = 50_000 * chances.double()
    chi_squared = ((counts - expected) ** 2 / expected).sum().item()
    assert chi_squared < 37.7  # the 99.9th percentile for 15 degrees of freedom
    one_step = machine.gibbs(v, 1, random)
    torch.testing.assert_close(one_step.mean(0), chances @ all_states(4), atol=0.01, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_annealing_finds_the_partition_function_and_its_interval_holds_it(seed):
    machine = machine_of(BinaryUnits(VISIBLE), scale=1.0, seed=seed)
    machine.visible.base.copy_(0.3 * torch.randn(VISIBLE))
    exact = (-machine.free_energy(all_states(VISIBLE)).double()).logsumexp(0).item()
    found = log_partition(machine, 100, 500, torch.Generator().manual_seed(seed))
    assert found.value == pytest.approx(exact, abs=0.1)
    assert found.low < exact < found.high
    assert found.high - found.low < 0.5
    rough = log_partition(machine, 100, 5, torch.Generator().manual_seed(seed))
    assert rough.high - rough.low > 2 * (found.high - found.low)


def test_the_base_rate_model_alone_has_the_partition_function_that_it_says():
    units = BinaryUnits(5)
    units.measure(torch.rand(50, 5).round())
    exact = (-units.base_energy(all_states(5)).double()).logsumexp(0)
    torch.testing.assert_close(units.base_log_partition(), exact, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(units.bias.detach(), units.base)


def test_linear_hidden_units_are_integrated_over_and_drawn_with_their_noise():
    machine = machine_of(BinaryUnits(5), hidden=2)
    machine.hidden_units = LinearHiddenUnits()
    v, axis = all_states(5).double(), torch.linspace(-12, 12, 400, dtype=torch.float64)
    h = torch.cartesian_prod(axis, axis)
    weight, c, b = (p.detach().double() for p in (machine.hidden.weight, machine.hidden.bias, machine.visible.bias))
    log_joint = (v @ b)[:, None] + (v @ weight.T + c) @ h.T - 0.5 * h.square().sum(1)
    exact = log_joint.logsumexp(1) + 2 * (axis[1] - axis[0]).log()
    torch.testing.assert_close(-machine.free_energy(v.float()).double(), exact, rtol=1e-5, atol=1e-5)
    random = torch.Generator().manual_seed(0)
    found = log_partition(machine, 200, 500, random)
    assert found.value == pytest.approx(exact.logsumexp(0).item(), abs=0.1)
    assert found.low < exact.logsumexp(0) < found.high
    drawn = machine.gibbs(machine.draw_base(20_000, random), 30, random)
    torch.testing.assert_close(drawn.mean(0).double(), exact.softmax(0) @ v, atol=0.02, rtol=0)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_gaussian_units_take_weights_of_half_precision(precision):
    machine = machine_of(GaussianUnits(6), 4).to(precision)
    v = machine.gibbs(machine.draw_base(3), steps=2)
    assert v.isfinite().all()
    assert machine.free_energy(v).isfinite().all()


def test_pixels_that_a_resize_has_overshot_count_as_black_or_white():
    units, pixels = BinaryUnits(2), torch.tensor([[-0.04, 1.04]]).expand(100, 2)
    units.measure(pixels)
    torch.testing.assert_close(units.bias.detach().sigmoid(), torch.tensor([1 / 102, 101 / 102]))


def test_temperatures_are_spaced_as_in_the_paper():
    betas = inverse_temperatures(14_500)
    assert betas[499].item() == pytest.approx(0.5)
    assert betas[4499].item() == pytest.approx(0.9)
    assert betas[-1].item() == pytest.approx(1.0)
    torch.testing.assert_close(betas[:499].diff(), torch.full((498,), 0.001, dtype=torch.float64))
    torch.testing.assert_close(betas[-9000:].diff(), torch.full((8999,), 1e-5, dtype=torch.float64))
    assert inverse_temperatures(3)[-1] == 1


def gaussian():
    units = GaussianUnits(5, sigma=0.7)
    machine = machine_of(units, hidden=6)
    units.log_variance.copy_(0.3 * torch.randn(5) - 0.7)
    return machine


def log_weight_of_hidden(machine):
    """Return the log of the integral of exp(-E(v, h)) over v, in closed form: (64,)."""
    h = all_states(6).double()
    variance = machine.visible.log_variance.double().exp()
    b, c = machine.visible.bias.detach().double(), machine.hidden.bias.detach().double()
    mean = b + h @ machine.hidden.weight.detach().double()
    squares = ((mean.square() - b.square()) / (2 * variance)).sum(1)
    return h @ c + squares + 0.5 * (2 * math.pi * variance).log().sum()


def test_gaussian_units_have_the_free_energy_of_a_mixture_and_its_partition_function():
    machine = gaussian()
    weights = log_weight_of_hidden(machine)
    variance = machine.visible.log_variance.exp()
    means = machine.visible.bias + all_states(6) @ machine.hidden.weight
    mixture = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=weights.float()),
        torch.distributions.Independent(torch.distributions.Normal(means, variance.sqrt()), 1),
    )
    v = torch.randn(20, 5)
    log_z = weights.logsumexp(0)
    torch.testing.assert_close(-machine.free_energy(v) - log_z.float(), mixture.log_prob(v), rtol=1e-4, atol=1e-4)
    found = log_partition(machine, 200, 1000, torch.Generator().manual_seed(0))
    assert found.value == pytest.approx(log_z.item(), abs=0.1)
    assert found.low < log_z < found.high
    random = torch.Generator().manual_seed(0)
    drawn = machine.gibbs(machine.draw_base(20_000, random), 50, random)
    torch.testing.assert_close(drawn.mean(0), mixture.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.var(0), mixture.variance, atol=0.06, rtol=0)


def test_gaussian_units_have_densities_of_images():
    units = GaussianUnits(6)
    pixels = torch.rand(500, 6) * torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.0]) + 0.2
    units.measure(pixels)
    v = units.from_pixels(pixels)
    torch.testing.assert_close(v[:, :5].mean(0), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(v[:, :5].std(0, correction=0), torch.ones(5))
    torch.testing.assert_close(units.to_pixels(v), pixels)
    deviation = torch.cat([pixels[:, :5].std(0, correction=0), torch.tensor([0.01])])
    density = torch.distributions.Normal(pixels.mean(0), deviation).log_prob(pixels).sum(1)
    found = -units.base_energy(v) - units.base_log_partition() - units.log_volume()
    torch.testing.assert_close(found.float(), density, rtol=1e-4, atol=1e-3)


def rbm(binary, **options):
    model = genlab.RBM((1, 3, 4), HIDDEN, **options)
    model.machine.load_state_dict(binary.state_dict())
    return model


def images(count=20_000):
    """Return binary images from another distribution than the machine's."""
    random = torch.Generator().manual_seed(1)
    patterns = (torch.rand(6, VISIBLE, generator=random) < 0.5).float()
    return patterns[torch.randint(6, (count,), generator=random)]


def exact_gradient(binary, log_joint, v):
    """Return the gradient of -log p(v) with respect to the weights, averaged over images, by enumeration."""
    chances = log_joint.flatten().softmax(0).view_as(log_joint)
    expected = torch.einsum("vh,vi,hj->ji", chances, all_states(VISIBLE).double(), all_states(HIDDEN).double())
    given = (v @ binary.hidden.weight.T + binary.hidden.bias).sigmoid()
    return expected - (given.T @ v / len(v)).double()


def loss_gradient(model, v, negative):
    loss = model.machine.free_energy(v).mean() - model.machine.free_energy(negative).mean()
    return torch.autograd.grad(loss, model.machine.hidden.weight)[0].double()


def test_the_gradient_of_contrastive_divergence_comes_to_that_of_the_likelihood_as_k_grows(binary, log_joint):
    v = images()
    exact, errors = exact_gradient(binary, log_joint, v), []
    random = torch.Generator().manual_seed(0)
    states = all_states(VISIBLE).double()
    to_hidden, to_visible = log_joint.softmax(1), log_joint.softmax(0).T
    chances = torch.zeros(len(states), dtype=torch.float64)
    chances.index_put_(
        ((v @ 2.0 ** torch.arange(VISIBLE - 1, -1, -1)).long(),), torch.tensor(1 / len(v)).double(), True
    )
    for k in range(1, 31):
        chances = chances @ to_hidden @ to_visible
        if k not in (1, 3, 30):
            continue
        model = rbm(binary, gibbs_steps=k)
        found = loss_gradient(model, v, model.negatives(v, random))
        given = (v @ binary.hidden.weight.T + binary.hidden.bias).sigmoid().detach().double()
        expected = (to_hidden @ all_states(HIDDEN).double()).T @ (
            chances[:, None] * states
        ) - given.T @ v.double() / len(v)
        assert (found - expected).norm() < 0.035  # from 20,000 negative samples
        errors.append((expected - exact).norm().item())
    assert errors[0] > 3 * errors[1] > 1000 * errors[2]
    assert errors[0] > 0.2


def test_persistent_chains_have_the_gradient_of_the_likelihood_on_average(binary, log_joint):
    v = images(500)
    exact = exact_gradient(binary, log_joint, v)
    model, random = rbm(binary, chains=200), torch.Generator().manual_seed(0)
    gradients = []
    for step in range(330):
        model.chains.copy_(model.negatives(v, random))
        if step >= 30:
            gradients.append(loss_gradient(model, v, model.chains))
    error = (torch.stack(gradients).mean(0) - exact).norm().item()
    single = (gradients[-1] - exact).norm().item()
    assert error < 0.03 * exact.norm().item()
    assert error < 0.2 * single


def test_samples_and_completions_have_the_exact_means(binary, log_joint):
    model = rbm(binary)
    model.sampling = genlab.boltzmann.GibbsSampling(steps=40)
    v = all_states(VISIBLE).double()
    chances = log_joint.logsumexp(1).softmax(0)
    found = model.sample(20_000, seed=0).flatten(1).mean(0)
    torch.testing.assert_close(found.double(), chances @ v, atol=0.012, rtol=0)
    image = images(1).view(1, 1, 3, 4)
    mask = torch.zeros(3, 4)
    mask[1:] = 1
    fits = (v[:, :4] == image.flatten()[:4]).all(1)
    expected = (chances[fits] @ v[fits]) / chances[fits].sum()
    made = model.complete(image.expand(20_000, -1, -1, -1), mask, seed=0)
    assert torch.equal(made[:, 0, 0], image[0, 0, :1].expand(20_000, -1))
    torch.testing.assert_close(made.flatten(1).mean(0).double(), expected, atol=0.012, rtol=0)


def test_images_of_one_chain_are_as_far_apart_as_thinning_says(binary):
    model = rbm(binary)
    model.sampling = genlab.boltzmann.GibbsSampling(steps=7, thinning=5)
    random, seen = torch.Generator().manual_seed(0), []
    v = model.start(1, random)
    for steps in (7, 5, 5):
        v = model.machine.gibbs(v, steps, random)
        seen.append(v)
    expected = model.pictures(torch.cat(seen), random)
    assert torch.equal(model.sample(3, seed=0), expected)
    assert len(model.sample(0)) == 0
    settings = partial(genlab.boltzmann.GibbsSampling, thinning=0)
    with pytest.raises(genlab.GenlabError, match="thinning is 0; it must be at least 1"):
        settings()


def test_the_likelihood_is_the_exact_one(binary, log_joint):
    model = rbm(binary)
    v = images(10)
    exact = log_joint.logsumexp(1)[(v @ 2.0 ** torch.arange(VISIBLE - 1, -1, -1)).long()] - log_joint.logsumexp((0, 1))
    z = model.log_partition(100, 1000, torch.Generator().manual_seed(0))
    found = model.unnormalized(v.view(-1, 1, 3, 4)) - z.value
    torch.testing.assert_close(found, exact, atol=0.1, rtol=0)
