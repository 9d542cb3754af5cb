"""Output of an untrained generator: the density of 100,000 codes pushed through random layers.

    python examples/random_generator.py

Codes are N(0, I) in two dimensions; the network has twelve hidden layers of a hundred ReLU units and two outputs, with
weights initialized as in He et al. (2015). Even random weights bend a round cloud into thin curved sheets: the problem
is not what a generator can represent, but finding the right weights.
"""

import torch
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import nn

from genlab.networks.mlp import mlp

POINTS = 100_000
SEEDS = 4


def main() -> None:
    figure = Figure(figsize=(4 * SEEDS, 4), dpi=100, layout="constrained")
    for seed, axes in enumerate(figure.subplots(1, SEEDS)):
        torch.manual_seed(seed)
        generator = nn.Sequential(*mlp((2, *[100] * 12, 2), nn.ReLU))
        for layer in generator[::2]:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.normal_(layer.bias, std=0.1)
        with torch.no_grad():
            points = generator(torch.randn(POINTS, 2))
        low, high = points.quantile(0.005, 0), points.quantile(0.995, 0)
        across, up = zip(low.tolist(), high.tolist(), strict=True)
        axes.hist2d(*points.T.numpy(), bins=300, range=(across, up), norm=LogNorm(), cmap="magma")
        axes.set(xticks=[], yticks=[], title=f"seed {seed}")
        axes.set_facecolor("black")
    figure.savefig("random_generator.png")
    print("random_generator.png")


if __name__ == "__main__":
    main()
