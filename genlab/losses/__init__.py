"""Standalone losses: functions of tensors with one value per image, (B,), computed in float32."""

from genlab.losses.adversarial import (
    AdversarialLoss,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    Wasserstein,
)
from genlab.losses.annealing import Annealing, LinearAnnealing, SigmoidAnnealing
from genlab.losses.categorical import grid_log_prob, sentence_log_prob
from genlab.losses.evidence import kl_standard_normal
from genlab.losses.likelihood import (
    Bernoulli,
    DiscretizedLogistic,
    Gaussian,
    Laplace,
    Likelihood,
    PixelGaussian,
)
from genlab.losses.path_length import PathLength
from genlab.losses.penalties import R1, GradientPenalty, Penalty, ScaledR1
from genlab.losses.perceptual import Perceptual
from genlab.losses.reconstruction import (
    WeightedSum,
    absolute_error,
    cross_entropy,
    dissimilarity,
    gradient_error,
    squared_error,
)
from genlab.losses.regression import BetaNLL, NormalNLL, OptimalVariance, RegressionLoss
from genlab.losses.sparsity import L1, TargetRate

__all__ = [
    "L1",
    "R1",
    "AdversarialLoss",
    "Annealing",
    "Bernoulli",
    "BetaNLL",
    "DiscretizedLogistic",
    "Gaussian",
    "GradientPenalty",
    "Hinge",
    "Laplace",
    "LeastSquares",
    "Likelihood",
    "LinearAnnealing",
    "Minimax",
    "NonSaturating",
    "NormalNLL",
    "OptimalVariance",
    "PathLength",
    "Penalty",
    "Perceptual",
    "PixelGaussian",
    "RegressionLoss",
    "RelativisticAverage",
    "ScaledR1",
    "SigmoidAnnealing",
    "TargetRate",
    "Wasserstein",
    "WeightedSum",
    "absolute_error",
    "cross_entropy",
    "dissimilarity",
    "gradient_error",
    "grid_log_prob",
    "kl_standard_normal",
    "sentence_log_prob",
    "squared_error",
]
