"""log(1 + exp(x)) and its gradient, used in the cross-entropy of pixels and in free energies."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def softplus(x: Tensor) -> Tensor:
    """Compute log(1 + exp(x)) of each value, like torch's softplus, but on a CPU about three times as fast.

    Torch's log1p handles one number at a time there. Since 1 + exp(-|x|) is at least 1, a plain logarithm is accurate
    enough: the error is below 1e-6, or below the precision of larger results.
    """
    found: Tensor = Softplus.apply(x) if x.device.type == "cpu" else F.softplus(x)
    return found


class Softplus(torch.autograd.Function):
    """max(x, 0) + log(1 + exp(-|x|)), whose derivative is the logistic sigmoid."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.abs().neg_().exp_().add_(1).log_().add_(x.clamp(min=0))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        return gradient * x.sigmoid()
