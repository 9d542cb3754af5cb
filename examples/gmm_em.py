"""Hidden variables by expectation maximisation: a Gaussian mixture in the plane, and a Bernoulli mixture of MNIST.

    python examples/gmm_em.py [--components 10] [--epochs 60]

In the E-step, each point is divided among the components by their posterior given the point; in the M-step, each
component is fitted to its shares. The log-likelihood never falls (that of a Bernoulli mixture, together with the prior
of its pseudocounts). The plane is spanned by two principal components of the embedded digits; MNIST is binarised once.
Draws the responsibilities at several steps, and the components of MNIST as images. Ten seconds for 10 components, a
minute or two for 500.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch import Tensor
from torch.distributions import MultivariateNormal

import genlab

SHOWN = (0, 1, 5)
"""Steps to draw in addition to the last."""
PSEUDOCOUNT = 0.1
"""Number of black and of white observations added to each pixel of a component, so that no pixel is impossible."""


@dataclass
class GaussianMixture:
    """Weights (K,), means (K, D) and covariances (K, D, D) of normal distributions."""

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def joint(self, x: Tensor) -> Tensor:
        """Return log p(x, k) of points (N, D): (N, K)."""
        return self.weights.log() + MultivariateNormal(self.means, self.covariances).log_prob(x[:, None])

    @staticmethod
    def fitted(x: Tensor, shares: Tensor) -> "GaussianMixture":
        """Fit each component to its shares (N, K) of points: the M-step."""
        count = shares.sum(0)
        means = shares.T @ x / count[:, None]
        away = x[:, None] - means
        covariances = torch.einsum("nk,nki,nkj->kij", shares, away, away) / count[:, None, None]
        return GaussianMixture(count / len(x), means, covariances)


@dataclass
class BernoulliMixture:
    """Weights (K,), and probabilities (K, D) that a pixel is white."""

    weights: Tensor
    means: Tensor

    def joint(self, x: Tensor) -> Tensor:
        """Return log p(x, k) of black and white images (N, D): (N, K)."""
        return self.weights.log() + x @ self.means.logit().T + (1 - self.means).log().sum(1)

    @staticmethod
    def fitted(x: Tensor, shares: Tensor) -> "BernoulliMixture":
        """Fit each component to its shares (N, K) of images: the M-step."""
        count = shares.sum(0)
        means = (shares.T @ x + PSEUDOCOUNT) / (count[:, None] + 2 * PSEUDOCOUNT)
        return BernoulliMixture(count / len(x), means)


Mixture = GaussianMixture | BernoulliMixture


def responsibilities(mixture: Mixture, x: Tensor) -> tuple[Tensor, float]:
    """Return p(k | x) of points, (N, K), and the mean of log p(x): the E-step."""
    joint = mixture.joint(x)
    return joint.softmax(1), joint.logsumexp(1).mean().item()


def expectation_maximisation(mixture: Mixture, x: Tensor, steps: int) -> Iterator[tuple[Mixture, Tensor, float]]:
    """Yield the mixture, the responsibilities and the mean log-likelihood before each step, and after the last."""
    for step in range(steps + 1):
        shares, log_likelihood = responsibilities(mixture, x)
        yield mixture, shares, log_likelihood
        if step < steps:
            mixture = mixture.fitted(x, shares)


def in_the_plane(steps: int) -> None:
    """Draw how five normal distributions find groups of digits."""
    x = torch.from_numpy(PCA(2).fit_transform(load_digits().data))
    chosen = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:5]
    begin = GaussianMixture(torch.full((5,), 0.2, dtype=x.dtype), x[chosen], x.T.cov().expand(5, 2, 2))
    path = [*expectation_maximisation(begin, x, steps)]
    drawn = sorted({min(step, steps) for step in (*SHOWN, steps)})
    figure = Figure(figsize=(3 * len(drawn) + 3.4, 3), dpi=100, layout="constrained")
    *panels, curve = figure.subplots(1, len(drawn) + 1)
    colours = torch.tensor(colormaps["Set1"].colors[:5], dtype=x.dtype)
    for axes, step in zip(panels, drawn, strict=True):
        mixture, shares, _ = path[step]
        axes.scatter(*x.T, s=3, linewidths=0, c=shares @ colours)
        axes.scatter(*mixture.means.T, s=60, marker="X", c=colours, edgecolors="black")
        axes.set(title=f"step {step}", xticks=[], yticks=[])
    curve.plot([log_likelihood for *_, log_likelihood in path])
    curve.set(title="mean log-likelihood", xlabel="step", ylabel="nats a point")
    figure.savefig("gmm_em.png")
    print(f"normal distributions: {path[0][2]:.3f} to {path[-1][2]:.3f} nats a point\ngmm_em.png")


def of_images(components: int, steps: int) -> None:
    """Draw the components of black and white digits, the most frequent first."""
    data = genlab.MNIST(binarize="fixed")
    data.prepare_data()
    data.setup()
    train, test = (images[torch.arange(len(images))]["image"].flatten(1) for images in (data.train_set, data.test_set))
    random = torch.Generator().manual_seed(0)
    begin = BernoulliMixture.fitted(train, torch.rand(len(train), components, generator=random).softmax(1))
    for mixture, _, log_likelihood in expectation_maximisation(begin, train, steps):  # noqa: B007 - the last is wanted
        pass
    tested = responsibilities(mixture, test)[1]
    order = mixture.weights.argsort(descending=True)[:20]
    sheet = genlab.sheets.in_rows(mixture.means[order].view(-1, 1, 28, 28), 10, title="Most frequent components")
    sheet.save("gmm_em_digits.png")
    print(f"{components} Bernoulli components: {log_likelihood:.2f} nats an image, of test images {tested:.2f}")
    print("gmm_em_digits.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--components", type=int, default=10, help="of MNIST (default 10)")
    parser.add_argument("--epochs", type=int, default=60, help="steps (default 60)")
    args = parser.parse_args()
    in_the_plane(args.epochs)
    of_images(args.components, args.epochs)


if __name__ == "__main__":
    main()
