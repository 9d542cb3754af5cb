"""Networks whose weights are a moving average of another's during training."""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genlab.ranges import share

Tensors = tuple[Tensor, ...] | list[Tensor]


class MovingAverage:
    """An EMA update that forgets fast in the beginning, so that untrained weights do not linger.

    Args:
        decay: weight of the averages in an update; after n updates at most (1 + n) / (10 + n).
    """

    def __init__(self, decay: float) -> None:
        share(ema_decay=decay)
        self.decay = decay

    def __call__(self, averages: Tensors, values: Tensors, count: Tensor | int) -> None:
        decay = min(self.decay, float((1 + count) / (10 + count)))
        get_ema_multi_avg_fn(decay)(averages, values, count)


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """Build an EMA of a network's weights and running statistics; `update_parameters` updates it."""
    return AveragedModel(network, multi_avg_fn=MovingAverage(decay), use_buffers=True).requires_grad_(False)
