"""Losses of networks that predict a normal distribution: mean and log standard deviation of each value of an image.

All are (B, C, H, W), means and targets in [0, 1]; each loss is one value per image, (B,), in nats, in float32.

The larger the predicted variance, the less the likelihood pulls the mean towards the target; so values that are hard at
first may stay so, with a variance that explains everything. `BetaNLL` and `OptimalVariance` are remedies.
"""

from abc import abstractmethod

from torch import Tensor

from genlab.losses.likelihood import normal_log_density
from genlab.precision import computed_in_float32
from genlab.ranges import between


class RegressionLoss:
    """Loss of a normal distribution.

    Example:
        >>> loss = NormalNLL()
        >>> mean, log_sigma = torch.full((2, 1, 4, 4), 0.5), torch.full((2, 1, 4, 4), 0.1).log()
        >>> loss(mean, log_sigma, mean)  # 16 * (log 0.1 + log(2 pi) / 2)
        tensor([-22.1383, -22.1383])
    """

    is_likelihood = False
    """Whether it is the negative log-likelihood of the image."""

    def __call__(self, mean: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each image, (B,)."""
        return computed_in_float32(self.of_values, mean, log_sigma, target).flatten(1).sum(1)

    @abstractmethod
    def of_values(self, mean: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of each value: (B, C, H, W)."""


class NormalNLL(RegressionLoss):
    """Negative log-likelihood (Nix & Weigend 1994)."""

    is_likelihood = True

    def of_values(self, mean: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
        return -normal_log_density(target - mean, log_sigma)


class BetaNLL(RegressionLoss):
    """Negative log-likelihood of each value, weighted by its variance to a power (Seitzer et al. 2022, equation 6).

    No gradient flows through the weight. With a power of 1, means learn as from the squared error.

    Args:
        beta: the power, from 0 (the negative log-likelihood itself) to 1.
    """

    def __init__(self, beta: float = 0.5) -> None:
        between(0, 1, beta=beta)
        self.beta = beta

    def of_values(self, mean: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
        weight: Tensor = (2 * self.beta * log_sigma.detach()).exp()
        return -weight * normal_log_density(target - mean, log_sigma)


class OptimalVariance(RegressionLoss):
    """Negative log-likelihood of means under the variance that is best for the batch, their mean squared error.

    See Rybkin et al. 2021, equation 5.

    Deviations learn from a likelihood that passes no gradient to the means.
    """

    def of_values(self, mean: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
        best = 0.5 * (mean - target).square().mean().detach().clamp(min=1e-12).log()
        return -normal_log_density(target - mean, best) - normal_log_density(target - mean.detach(), log_sigma)
