"""Networks whose weights are an average of those of another while it is trained."""

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genlab.ranges import share

Tensors = tuple[Tensor, ...] | list[Tensor]


class MovingAverage:
    """An update of averages that, in the beginning, soon forgets what there was before anything was learned.

    Args:
        decay: the averages' share after an update; after n updates at most (1 + n) / (10 + n).
    """

    def __init__(self, decay: float) -> None:
        share(ema_decay=decay)
        self.decay = decay

    def __call__(self, averages: Tensors, values: Tensors, count: Tensor | int) -> None:
        decay = min(self.decay, float((1 + count) / (10 + count)))
        get_ema_multi_avg_fn(decay)(averages, values, count)


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a network's weights and running statistics; `update_parameters` updates it."""
    return AveragedModel(network, multi_avg_fn=MovingAverage(decay), use_buffers=True).requires_grad_(False)
