"""Divergences between distributions of codes."""

from torch import Tensor

from genlab.losses.precision import in_float32


@in_float32
def kl_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, diag exp(log_variance)) || N(0, I)) in nats: two tensors (B, D) to (B,).

    Kingma & Welling 2013, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
