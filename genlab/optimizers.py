"""Optimizers with the defaults of papers, and how optimizers are built."""

from collections.abc import Iterable
from functools import partial

from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from genlab.errors import GenlabError
from genlab.types import OptimizerFactory

FUSED = ("cpu", "cuda")
"""Types of devices on which fused Adam has been tried."""


class GANAdam(Adam):
    """Adam with the learning rate and the low momentum of DCGAN (Radford et al. 2016, section 4).

    Args:
        params: the parameters to train.
        lr: learning rate.
        betas: decay rates of the averages of gradients, and of their squares.
        fused: update all parameters in one kernel, if their device has it: faster, equal up to rounding.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        fused: bool = True,
    ) -> None:
        params = list(params)
        possible = all(p.device.type in FUSED and p.is_floating_point() for p in params if isinstance(p, Tensor))
        super().__init__(params, lr=lr, betas=betas, fused=fused and possible)


class StyleAdam(GANAdam):
    """Adam with the learning rate of StyleGAN2-ADA, and no momentum (Karras et al. 2020b, appendix D).

    Args:
        params: the parameters to train.
        lr: learning rate.
        betas: decay rates of the averages of gradients, and of their squares.
        fused: update all parameters in one kernel, if their device has it.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 2.5e-3,
        betas: tuple[float, float] = (0.0, 0.99),
        fused: bool = True,
    ) -> None:
        super().__init__(params, lr, betas, fused)


class MachineSGD(SGD):
    """Gradient descent with the learning rate of restricted Boltzmann machines (Salakhutdinov & Murray 2008).

    Args:
        params: the parameters to train.
        lr: learning rate.
        momentum: share of the last step in the next one; Hinton 2010, section 9, raises it from 0.5 to 0.9.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 0.05, momentum: float = 0.0) -> None:
        super().__init__(params, lr=lr, momentum=momentum)


def built(factory: OptimizerFactory, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Build an optimizer.

    Raises:
        GenlabError: for arguments that it refuses, such as a negative learning rate.
    """
    try:
        return factory(parameters)
    except ValueError as error:
        raise GenlabError(f"the optimizer rejects its arguments: {error}") from None


def let_scaler_unscale(optimizer: Optimizer, clips: bool) -> None:
    """Let a gradient scaler unscale gradients before the step, unless they are not clipped and the step is fused."""
    if clips or not all(group.get("fused") for group in optimizer.param_groups):
        optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]


def lazily(factory: OptimizerFactory, every: int) -> OptimizerFactory:
    """Adapt a factory to lazy regularization: one extra step per `every` batches must not speed up training.

    Learning rates, and exponents of decay rates, become every / (every + 1) of what they were (Karras et al. 2020, B).
    """
    return partial(_corrected, factory, every / (every + 1))


def _corrected(factory: OptimizerFactory, ratio: float, parameters: Iterable[nn.Parameter]) -> Optimizer:
    optimizer = built(factory, parameters)
    for group in optimizer.param_groups:
        group["lr"] *= ratio
        if "betas" in group:
            group["betas"] = tuple(beta**ratio for beta in group["betas"])
    return optimizer
