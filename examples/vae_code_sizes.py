"""VAEs with codes of 2, 5, 10, 20 and 200 dimensions: how they learn, and what they sample.

    python examples/vae_code_sizes.py [--epochs 50]

Trains one VAE of each size on MNIST, 45 s each on two cores, and draws two pictures:

- vae_code_sizes-elbo.png: the ELBO of training and of test images against the number of training images seen, as in
  Kingma & Welling 2013, figure 2. More dimensions than needed do no harm: the KL divergence switches them off.
- vae_code_sizes-samples.png: samples, one size per row, as in figure 5.
"""

import argparse
from functools import partial

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from matplotlib.figure import Figure
from torch import Tensor

import genlab

CODE_SIZES = (2, 5, 10, 20, 200)
SAMPLES = 12


class Curve(Callback):
    """ELBO of some training and test images after every epoch."""

    def __init__(self, data: genlab.MNIST) -> None:
        self.sets = [split.images[:1000] / 255 for split in (data.train_set, data.test_set)]
        self.seen: list[int] = []
        self.elbos: list[list[float]] = []

    @torch.no_grad()
    def on_train_epoch_end(self, trainer: Trainer, model: LightningModule) -> None:
        self.seen.append(trainer.global_step * trainer.datamodule.batch_size)
        self.elbos.append([model.evidence(x.to(model.device))["elbo"].item() for x in self.sets])


def trained(code_size: int, data: genlab.MNIST, epochs: int) -> tuple[genlab.VAE, Curve]:
    seed_everything(0)
    model = genlab.VAE(data.image_shape, code_size, optimizer=partial(torch.optim.Adam, lr=1e-3, fused=True))
    curve = Curve(data)
    Trainer(max_epochs=epochs, callbacks=[curve], logger=False, enable_checkpointing=False).fit(model, datamodule=data)
    return model.eval(), curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=50)
    epochs = parser.parse_args().epochs
    data = genlab.MNIST()
    data.prepare_data()
    data.setup()

    figure = Figure(figsize=(14, 3.5), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(CODE_SIZES), sharey=True)
    samples: list[Tensor] = []
    for code_size, axes in zip(CODE_SIZES, panels, strict=True):
        model, curve = trained(code_size, data, epochs)
        with torch.no_grad():
            samples.append(model.sample(SAMPLES, generator=torch.Generator().manual_seed(0)))
        train, test = zip(*curve.elbos, strict=True)
        axes.plot(curve.seen, train, label="training images")
        axes.plot(curve.seen, test, label="test images")
        axes.set(xscale="log", xlabel="images learned from", title=f"{code_size}-D code: test {test[-1]:.1f}")
    panels[0].set(ylabel="ELBO (nats)", ylim=(-200, -90))
    panels[0].legend()
    figure.savefig("vae_code_sizes-elbo.png")
    names = [f"{code_size}-D code" for code_size in CODE_SIZES]
    sheet = genlab.sheets.in_rows(torch.cat(samples), SAMPLES, title="Samples", row_labels=names)
    sheet.save("vae_code_sizes-samples.png")
    print("vae_code_sizes-elbo.png\nvae_code_sizes-samples.png")


if __name__ == "__main__":
    main()
