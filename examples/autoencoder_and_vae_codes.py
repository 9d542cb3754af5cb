"""Where an autoencoder and a VAE put their codes: the same network, with a code of two dimensions, on MNIST.

    python examples/autoencoder_and_vae_codes.py [--epochs 30]

The autoencoder's codes spread out freely, with holes that contain no image; the VAE's fill the prior N(0, I), whose
circles of one, two and three standard deviations are drawn. Two minutes on two cores.
"""

import argparse
from functools import partial

import torch
from lightning.pytorch import Trainer, seed_everything
from matplotlib.figure import Figure
from matplotlib.patches import Circle

import genlab
from genlab.networks import MLPDecoder, MLPEncoder
from genlab.pictures.code_map import project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    epochs = parser.parse_args().epochs
    data = genlab.MNIST()
    parts = {
        "code_size": 2,
        "encoder": partial(MLPEncoder, hidden=(500, 200)),
        "decoder": partial(MLPDecoder, hidden=(200, 500)),
        "optimizer": partial(torch.optim.Adam, lr=1e-3, fused=True),
    }
    figure = Figure(figsize=(12, 6), dpi=100, layout="constrained")
    for family, axes in zip((genlab.Autoencoder, genlab.VAE), figure.subplots(1, 2), strict=True):
        seed_everything(0)
        model = family(data.image_shape, **parts)
        Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False).fit(model, datamodule=data)
        data.setup("test")
        with torch.no_grad():
            codes = model.eval().encode(data.test_set.images / 255)
        mapped = project(codes).colored(data.test_set.labels)
        mapped.draw(axes)
        axes.set(title=f"codes of a 2-D {family.__name__}")
    for radius in (1, 2, 3):
        axes.add_patch(Circle((0, 0), radius, fill=False, linestyle=":"))
    mapped.draw_legend(figure, axes)
    figure.savefig("autoencoder_and_vae_codes.png")
    print("autoencoder_and_vae_codes.png")


if __name__ == "__main__":
    main()
