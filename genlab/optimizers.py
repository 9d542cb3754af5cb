"""Optimizers with the defaults of a paper, and how one is built."""

from collections.abc import Iterable

from torch import nn
from torch.optim import Adam, Optimizer

from genlab.errors import GenlabError
from genlab.types import OptimizerFactory


class GANAdam(Adam):
    """Adam with the learning rate and the little momentum of DCGAN (Radford et al. 2016, section 4)."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.999),
        fused: bool = False,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, fused=fused)


def built(factory: OptimizerFactory, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Build an optimizer; raises GenlabError for numbers that it refuses, such as a negative learning rate."""
    try:
        return factory(parameters)
    except ValueError as error:
        raise GenlabError(f"the optimizer refuses its arguments: {error}") from None
