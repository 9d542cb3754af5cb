"""Densities fitted to codes, which make an autoencoder generative (Ghosh et al. 2020, section 4)."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from genlab.atomic import whole_file
from genlab.errors import GenlabError
from genlab.regular import require_regular

RIDGE = 1e-4
"""Share of the codes' mean variance added to every variance, for codes that do not fill their space."""
ROUNDING = 1e-5
"""Tolerance for rounding: of the sum of weights, and of negative variances relative to the largest."""
TENSORS = ("weights", "means", "covariances")


@dataclass(frozen=True)
class CodeDensity:
    """Mixture of K multivariate normal distributions of codes.

    Args:
        weights: weights of the components, (K,), which sum to 1.
        means: their means, (K, D).
        covariances: their covariances, (K, D, D), symmetric and positive semi-definite.
        fitted_to: name of what it was fitted to, by which a stale file is recognised.

    Raises:
        GenlabError: for tensors that do not form such a mixture.

    Example:
        >>> codes = torch.randn(500, 2)
        >>> density = CodeDensity.fitted(codes, components=3)
        >>> density.sample(4, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 2])
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    fitted_to: str = ""

    def __post_init__(self) -> None:
        components, dimensions = self.means.shape if self.means.ndim == 2 else (0, 0)
        if not components * dimensions:
            raise GenlabError(f"means are of shape {tuple(self.means.shape)}, not (components, dimensions)")
        shapes = {"weights": (components,), "covariances": (components, dimensions, dimensions)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise GenlabError(f"{name} are of shape {tuple(getattr(self, name).shape)}, not {shape}")
        for name in TENSORS:
            if not (getattr(self, name).is_floating_point() and getattr(self, name).isfinite().all()):
                raise GenlabError(f"{name} are not all finite floats")
        if self.weights.min() < 0 or abs(float(self.weights.double().sum()) - 1) > ROUNDING:
            raise GenlabError("weights are not positive with a sum of 1")
        away = (self.covariances - self.covariances.mT).abs().max()
        if away > ROUNDING * self.covariances.abs().max():
            raise GenlabError("covariances are not symmetric")
        _ = self.factors

    @classmethod
    def fitted(cls, codes: Tensor, components: int = 1, seed: int = 0, fitted_to: str = "") -> "CodeDensity":
        """Fit a density to codes.

        Args:
            codes: codes, (N, D).
            components: K; one has the codes' mean and covariance, several are found by expectation maximisation.
            seed: seed of expectation maximisation.
            fitted_to: name of what it is fitted to.
        """
        points = codes.double().cpu().numpy()
        ridge = RIDGE * float(points.var(0).mean()) + 1e-12
        if components == 1:
            covariance = np.atleast_2d(np.cov(points, rowvar=False)) + ridge * np.eye(points.shape[1])
            found = np.ones(1), points.mean(0)[None], covariance[None]
        else:
            from sklearn.mixture import GaussianMixture  # slow to import

            mixture = GaussianMixture(components, reg_covar=ridge, random_state=seed).fit(points)
            found = mixture.weights_, mixture.means_, mixture.covariances_
        weights, means, covariances = map(torch.from_numpy, found)
        return cls(weights, means, covariances, fitted_to)

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """Draw `n` codes, (n, D), in float32; `generator` is on the CPU."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator).double()
        codes = self.means.double()[chosen]
        for component, factor in enumerate(self.factors):
            codes[chosen == component] += noise[chosen == component] @ factor.mT
        return codes.float()

    @cached_property
    def factors(self) -> Tensor:
        """Matrices A with A A^T = covariance, (K, D, D), in float64, also for nearly singular covariances."""
        covariances = self.covariances.double()
        factors: Tensor
        factors, failed = torch.linalg.cholesky_ex(covariances)
        for component in failed.nonzero().flatten():
            variances, axes = torch.linalg.eigh(covariances[component])
            if variances[0] < -ROUNDING * variances.abs().max():
                raise GenlabError("covariances are not positive definite")
            factors[component] = axes * variances.clamp(min=0).sqrt()
        return factors

    def save(self, path: Path) -> None:
        """Write the density to a .npz file, whole or not at all."""
        with whole_file(path) as part, part.open("wb") as file:
            arrays: Any = {name: getattr(self, name).numpy() for name in TENSORS}
            np.savez_compressed(file, **arrays, fitted_to=np.array(self.fitted_to))

    @classmethod
    def load(cls, path: Path) -> "CodeDensity":
        """Read a density from a file without executing anything in it.

        Raises:
            GenlabError: for a file that is missing, damaged or holds no such density.
        """
        try:
            require_regular(path)
            with np.load(path, allow_pickle=False) as arrays:
                weights, means, covariances = (torch.from_numpy(arrays[name]) for name in TENSORS)
                fitted_to = str(arrays["fitted_to"]) if "fitted_to" in arrays else ""
        except Exception:  # damaged archives and arrays raise almost anything
            raise GenlabError(f"{path} cannot be read: it is missing, damaged, or not a density of codes") from None
        try:
            return cls(weights, means, covariances, fitted_to)
        except GenlabError as error:
            raise GenlabError(f"{path} holds no valid density of codes: {error}") from None
