"""Networks whose weights are a moving average of another's during training."""

from functools import wraps
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genlab.errors import GenlabError
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
    """Build an EMA of a network's weights and running statistics; `follow` updates it.

    Raises:
        GenlabError: for a network with lazy layers, which have no weights yet.
    """
    if any(isinstance(parameter, UninitializedParameter) for parameter in network.parameters()):
        raise GenlabError(
            f"{type(network).__name__} has lazy layers, whose weights cannot be averaged before they are there: "
            "give the layers their sizes, or ema_decay None"
        )
    return AveragedModel(network, multi_avg_fn=MovingAverage(decay), use_buffers=True).requires_grad_(False)


def follow(average: AveragedModel, network: nn.Module, optimizer: Optimizer) -> None:
    """Update an EMA of a network after each step of its optimizer.

    (torch's own hooks run twice if a subclass's `step` calls that of its base class.)
    """
    step: Any = optimizer.step
    if getattr(step, "followed_by", None) is average:  # training starts again, after a search for a learning rate
        return

    @wraps(step)
    def step_and_follow(*args: Any, **kwargs: Any) -> Any:
        loss = step(*args, **kwargs)
        average.update_parameters(network)
        return loss

    step_and_follow.followed_by = average  # type: ignore[attr-defined]
    optimizer.step = step_and_follow  # type: ignore[method-assign]
