"""Why a generator needs a discriminator: the same network, trained to match random images, and as a GAN.

    python examples/naive_generator.py [--epochs 40]

The naive generator gets a random code and a random digit, and learns to minimize the squared error between its image
and the digit. The code does not tell it which digit is meant, so its optimum is the mean of all: one grey image. The
discriminator does not ask for a certain digit, only for one that could be real. Three minutes on two cores.
"""

import argparse
from functools import partial

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import Tensor

import genlab
from genlab.networks import MLPDecoder, MLPDiscriminator
from genlab.optimizers import GANAdam
from genlab.types import ImageBatch

CODE_SIZE = 64
generator = partial(MLPDecoder, hidden=(256, 512))
adam = partial(GANAdam, lr=5e-4)


class NaiveGenerator(LightningModule):
    """Minimizes E ||G(z) - x||^2 over codes and images that are independent of each other."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = generator((1, 28, 28), CODE_SIZE)

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        return (self.sample(len(batch["image"])) - batch["image"]).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam(self.parameters())

    def sample(self, n: int) -> Tensor:
        return self.generator(torch.randn(n, CODE_SIZE, device=self.device)).sigmoid()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    epochs = parser.parse_args().epochs
    gan = partial(genlab.GAN, (1, 28, 28), CODE_SIZE, generator, partial(MLPDiscriminator, hidden=(512, 256)))
    rows = []
    for build in (NaiveGenerator, partial(gan, generator_optimizer=adam, discriminator_optimizer=adam)):
        seed_everything(0)
        model = build()
        Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False).fit(model, genlab.MNIST())
        with torch.no_grad():
            rows.append(model.eval().sample(24))
    names = ["naive"] * 2 + ["GAN"] * 2
    sheet = genlab.sheets.in_rows(torch.cat(rows), 12, title="Samples", row_labels=names, row_breaks=[2])
    sheet.save("naive_generator.png")
    print("naive_generator.png")


if __name__ == "__main__":
    main()
