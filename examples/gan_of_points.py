"""Modes that a GAN finds with each loss: eight normal distributions on a ring and twenty-five on a grid.

    python examples/gan_of_points.py [--epochs 60]

Points in the plane are images with one row and two columns, so that genlab's GAN learns them like any images. A mode is
covered when at least twenty of 2,500 samples lie within three standard deviations of its centre. Prints and draws the
modes that each loss covers. Ten minutes on two cores.
"""

import argparse
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Trainer, seed_everything
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.data import DataLoader

import genlab
from genlab.losses import (
    R1,
    GradientPenalty,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    Wasserstein,
)
from genlab.networks import MLPDecoder, MLPDiscriminator
from genlab.optimizers import GANAdam

DEVIATION = 0.01
SAMPLES = 2500
BATCHES = 100
MAGNIFIED = 5.0
"""Factor by which the plane is enlarged for discriminators, which otherwise take long to tell modes apart."""
LOSSES: dict[str, dict[str, Any]] = {
    "minimax": {"loss": Minimax},
    "non-saturating": {"loss": NonSaturating},
    "non-saturating, R1": {"loss": NonSaturating, "penalty": partial(R1, weight=0.02)},
    "least squares": {"loss": LeastSquares},
    "hinge": {"loss": Hinge},
    "Wasserstein, penalty": {"loss": Wasserstein, "penalty": partial(GradientPenalty, weight=0.1), "critic_steps": 5},
    "relativistic": {"loss": RelativisticAverage},
}


class PointDiscriminator(MLPDiscriminator):
    """Maps points (B, 1, 1, 2) to logits (B, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = super().forward(MAGNIFIED * x)
        return logits


def ring() -> Tensor:
    angles = torch.arange(8) * torch.pi / 4
    return 0.5 + 0.35 * torch.stack([angles.cos(), angles.sin()], 1)


def grid() -> Tensor:
    steps = torch.linspace(0.1, 0.9, 5)
    return torch.cartesian_prod(steps, steps)


def batches(centres: Tensor) -> list[dict[str, Tensor]]:
    points = centres[torch.randint(len(centres), (BATCHES, 256))]
    return [{"image": batch[:, None, None]} for batch in points + DEVIATION * torch.randn_like(points)]


def covered(points: Tensor, centres: Tensor) -> int:
    near = torch.cdist(points, centres) < 3 * DEVIATION
    return int((near.sum(0) >= 20).sum())


def points_of_a_gan(centres: Tensor, options: dict[str, Any], epochs: int) -> Tensor:
    seed_everything(0)
    adam = partial(GANAdam, lr=1e-3, betas=(0.5, 0.9))
    model = genlab.GAN(
        (1, 1, 2),
        2,
        partial(MLPDecoder, hidden=(128, 128, 128)),
        partial(PointDiscriminator, hidden=(128, 128, 128), dropout=0.0),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        **options,
    )
    trainer = Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.fit(model, DataLoader(batches(centres), batch_size=None, shuffle=True))
    with torch.no_grad():
        return model.eval().sample(SAMPLES)[:, 0, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60, help="of 100 batches (default 60)")
    epochs = parser.parse_args().epochs
    figure = Figure(figsize=(2.2 * len(LOSSES), 4.8), dpi=100, layout="constrained")
    found = []
    for row, centres in zip(figure.subplots(2, len(LOSSES)), (ring(), grid()), strict=True):
        for axes, (name, options) in zip(row, LOSSES.items(), strict=True):
            points = points_of_a_gan(centres, options, epochs)
            modes = f"{covered(points, centres)} of {len(centres)}"
            found.append(f"{name:22} {modes}")
            axes.scatter(*points.T, s=2, linewidths=0)
            axes.scatter(*centres.T, s=20, marker="+", color="C1", linewidths=0.5)
            axes.set(title=f"{name}: {modes}", xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=[], yticks=[])
            axes.title.set_fontsize(8)
    figure.savefig("gan_of_points.png")
    print("\n".join(["modes covered", *found, "gan_of_points.png"]))


if __name__ == "__main__":
    main()
