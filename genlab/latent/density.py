"""A density of codes, to draw new ones from: it makes an autoencoder generative (Ghosh et al. 2020, section 4)."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.mixture import GaussianMixture
from torch import Generator, Tensor

from genlab.outputs import whole_file

RIDGE = 1e-4
"""Share of the codes' mean variance that is added to every variance, for codes that do not fill their space."""


@dataclass(frozen=True)
class CodeDensity:
    """A mixture of K multivariate normal distributions in D dimensions.

    Args:
        weights: (K,), that sum to 1.
        means: (K, D).
        covariances: (K, D, D).
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    @classmethod
    def fitted(cls, codes: Tensor, components: int = 1, seed: int = 0) -> "CodeDensity":
        """The density of codes (N, D): their mean and covariance, or several by expectation maximisation."""
        points = codes.double().cpu().numpy()
        ridge = RIDGE * float(points.var(0).mean()) + 1e-12
        if components == 1:
            covariance = np.atleast_2d(np.cov(points, rowvar=False)) + ridge * np.eye(points.shape[1])
            found = np.ones(1), points.mean(0)[None], covariance[None]
        else:
            mixture = GaussianMixture(components, reg_covar=ridge, random_state=seed).fit(points)
            found = mixture.weights_, mixture.means_, mixture.covariances_
        return cls(*(torch.from_numpy(part).float() for part in found))

    def sample(self, n: int, generator: Generator | None = None) -> Tensor:
        """`n` codes, (n, D); `generator` is on the CPU."""
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        spread = torch.linalg.cholesky(self.covariances)[chosen]
        codes: Tensor = self.means[chosen] + (spread @ noise[:, :, None]).squeeze(2)
        return codes

    def save(self, path: Path) -> None:
        """Write it to a .npz file, whole or not at all."""
        with whole_file(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **{name: value.numpy() for name, value in asdict(self).items()})

    @classmethod
    def load(cls, path: Path) -> "CodeDensity":
        """Read it again."""
        with np.load(path) as arrays:
            return cls(*(torch.from_numpy(arrays[name]) for name in ("weights", "means", "covariances")))
