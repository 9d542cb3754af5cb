"""Networks whose weights are an average of those of another while it is trained."""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Tensors = tuple[Tensor, ...] | list[Tensor]


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a network's weights and running statistics, for `update_parameters` to update.

    In the beginning the decay is smaller, (1 + n) / (10 + n) after n updates, so that the average soon forgets what the
    network was like before it learned anything.
    """

    def update(averages: Tensors, values: Tensors, count: Tensor | int) -> None:
        get_ema_multi_avg_fn(min(decay, float((1 + count) / (10 + count))))(averages, values, count)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True).requires_grad_(False)
