"""Optimizers with the defaults of a paper."""

from collections.abc import Iterable

from torch import nn
from torch.optim import Adam


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
