"""Benefit of the adversarial loss: pix2pix on facades, against the same U-Net trained with L1 alone.

    python benchmarks/facades.py --epochs 50 --size 128 --channels 32  an hour and a half on two cores
    python benchmarks/facades.py                                       the paper's size, channels and epochs: for a GPU

Prints the result of `genlab evaluate` on the test split (sharpness is the mean gradient of brightness, relative to that
of the photographs), and draws facades.png: label maps, L1 alone, pix2pix, photographs. The runs stay in ./runs.
"""

import argparse
import logging
from pathlib import Path

import rounds
import torch
from torch import Tensor

import genlab
from genlab.cli.process import quieten
from genlab.losses import AdversarialLoss

CONFIG = Path(__file__).parents[1] / "configs" / "pix2pix_facades.yaml"
METRICS = ("l1", "psnr", "ssim", "sharpness")


class NoAdversarialLoss(AdversarialLoss):
    """Zero loss, so that the generator learns from L1 alone."""

    def of_real(self, logits: Tensor) -> Tensor:
        return 0 * logits

    of_fake = of_generated = of_real


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200, help="default 200")
    parser.add_argument("--size", type=int, default=256, help="height and width of images; default 256")
    parser.add_argument("--channels", type=int, default=64, help="channels of both networks' first stage; default 64")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    size = [f"--data.image_size={given.size}", f"--model.generator.channels={given.channels}"]
    ways = {
        "L1 alone": ["--model.loss=facades.NoAdversarialLoss", "--model.discriminator.channels=1"],
        "pix2pix": [f"--model.discriminator.channels={given.channels}"],
    }
    data = genlab.data.SideBySidePairs("facades", direction="BtoA", image_size=given.size)
    data.prepare_data()
    data.setup("test")
    batch = data.test_set[torch.arange(8)]
    rows = [batch["source"]]
    for name, options in ways.items():
        run = rounds.genlab_trained(str(CONFIG), 0, given.epochs, "runs", *size, *options).run
        found = rounds.evaluated(run)
        print(f"{run}: {name}", *(f"{figure} {found['a_to_b_' + figure]:.3f}" for figure in METRICS), flush=True)
        rows.append(genlab.load(run).translate(batch["source"]).detach())
    kinds = {"input": rows[0], **dict(zip(ways, rows[1:], strict=True)), "truth": batch["target"]}
    genlab.sheets.stacked(kinds, 8, title="Facades").save("facades.png")
    print("facades.png")


if __name__ == "__main__":
    main()
