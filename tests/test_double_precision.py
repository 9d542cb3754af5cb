"""What is computed in double precision: on a device without it, compared with one that has it."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import genlab
from genlab import precision
from genlab.boltzmann import annealing
from genlab.boltzmann.machine import BoltzmannMachine
from genlab.boltzmann.units import BinaryUnits, GaussianUnits, LabelledUnits
from genlab.networks.decoding import beam_search, sample_tokens
from genlab.networks.grid_sampling import chosen, sample_grids
from genlab.networks.pixelcnn import GatedPixelCNN

DRAWS = {torch.ops.aten.rand.default, torch.ops.aten.rand.generator, torch.ops.aten._to_copy.default}
"""Operations that may give float64: numbers are drawn on the CPU, and converted."""


class NoDoubles(TorchDispatchMode):
    """Refuses float64."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = operation(*args, **(kwargs or {}))
        if operation not in DRAWS:
            assert getattr(found, "dtype", None) != torch.float64, operation
        return found


def test_devices_without_float64_have_float32():
    found = [precision.double_of(torch.device(name)) for name in ("cpu", "cuda:1", "mps")]
    assert found == [torch.float64, torch.float64, torch.float32]


def step(token, state):
    return torch.arange(40.0).view(1, 8, 5)[:, :, 0].expand(len(token), -1).sin() + token[:, None], state


def unnormalized(visible):
    torch.manual_seed(0)
    model = genlab.RBM((1, 2, 2), 3, visible).eval()
    return model.unnormalized(torch.full((4, 1, 2, 2), 0.3), torch.Generator().manual_seed(0))


def grids():
    torch.manual_seed(0)
    network = GatedPixelCNN((1, 3, 3), values=4, channels=4, layers=1)
    return sample_grids(network, (1, 3, 3), 5, generator=torch.Generator().manual_seed(0))


STATE = (torch.zeros(6, 1),)
COMPUTED = {
    "drawn": lambda: sample_tokens(step, STATE, 5, top_p=0.8, generator=torch.Generator().manual_seed(0)),
    "beams": lambda: beam_search(step, STATE, 5, width=3),
    "grids": grids,
    "binary": lambda: unnormalized(BinaryUnits),
    "gaussian": lambda: unnormalized(GaussianUnits),
    **{units.__name__: units(6).base_log_partition for units in (BinaryUnits, GaussianUnits)},
    "LabelledUnits": LabelledUnits(6, 2).base_log_partition,
}


@pytest.mark.parametrize("name", COMPUTED)
def test_results_are_those_of_float64_up_to_rounding(name, monkeypatch):
    expected = COMPUTED[name]()
    monkeypatch.setattr(precision, "WITHOUT_DOUBLE", ("cpu",))
    with NoDoubles():
        found = COMPUTED[name]()
    torch.testing.assert_close(found, expected, check_dtype=False)


def test_importance_weights_are_of_a_type_that_the_device_has(monkeypatch):
    seen, average = [], annealing.averaged
    monkeypatch.setattr(
        annealing, "averaged", lambda weights, base: (seen.append(weights.dtype), average(weights, base))[1]
    )
    machine = BoltzmannMachine(BinaryUnits(4), 3)
    for without in ((), ("cpu",)):
        monkeypatch.setattr(precision, "WITHOUT_DOUBLE", without)
        annealing.log_partition(machine, 5, 10)
    assert seen == [torch.float64, torch.float32]


def test_a_draw_that_rounds_to_one_chooses_what_has_a_probability():
    logits = torch.tensor([[0.0, 1.0, -torch.inf]]).repeat(2, 1)
    assert chosen(logits, torch.tensor([0.0, 1.0])).tolist() == [0, 1]
