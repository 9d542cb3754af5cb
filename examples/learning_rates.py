"""Loss curves of four learning rates: too high, high, good, and too low.

    python examples/learning_rates.py [--epochs 60]

The same autoencoder of the embedded digits is trained from the same weights by plain gradient descent. With a rate that
is too high, it learns nothing; with a high one, it is fast at first, then fluctuates where a lower one still improves;
with one that is too low, it improves, but takes forever. Half a minute.
"""

import argparse
from functools import partial

from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from matplotlib.figure import Figure
from torch.optim import SGD

import genlab

RATES = {"too high": 2.0, "high": 1.0, "good": 0.3, "too low": 0.01}


class Losses(Callback):
    """Keeps the validation loss of each epoch."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_validation_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        self.values.append(trainer.callback_metrics["val/loss"].item())


def losses(rate: float, epochs: int) -> list[float]:
    """Train at a learning rate, and return the validation loss before training and after each epoch."""
    seed_everything(0)
    kept = Losses()
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=[kept],
        num_sanity_val_steps=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(genlab.Autoencoder((1, 8, 8), 16, optimizer=partial(SGD, lr=rate)), genlab.Digits())
    return kept.values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    epochs = parser.parse_args().epochs
    figure = Figure(figsize=(6, 4), dpi=100, layout="constrained")
    axes = figure.subplots()
    for name, rate in RATES.items():
        values = losses(rate, epochs)
        axes.plot(values, label=f"{name}: {rate:g}")
        print(f"{name:9} {rate:5g}: {values[-1]:.2f}")
    axes.set(xlabel="epoch", ylabel="validation loss: squared error of an image")
    axes.legend(title="learning rate")
    figure.savefig("learning_rates.png")
    print("learning_rates.png")


if __name__ == "__main__":
    main()
