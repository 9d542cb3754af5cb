"""Quality of genlab's GANs on MNIST, three seeds each.

    python benchmarks/gan_quality.py                   half an hour on two cores
    python benchmarks/gan_quality.py --seeds 1         one seed of each, to run several at once

Trains gan_mnist.yaml (DCGAN) and gan_mlp_mnist.yaml (fully connected) and prints the result of `genlab evaluate` on
10,000 samples: FID and KID in the features of genlab's own classifier of MNIST, beside those of training images, which
show what is perfect; precision and recall; the classes that occur, and their entropy.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import rounds

from genlab.cli.process import quieten

CONFIGS = Path(__file__).parents[1] / "configs"
FIGURES = ("fid", "kid", "precision", "recall", "classes_hit", "class_entropy", "fid_of_training_images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default 0 1 2")
    parser.add_argument("--configs", nargs="+", default=["gan_mnist.yaml", "gan_mlp_mnist.yaml"], metavar="CONFIG")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for config in given.configs:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as folder:
                found = rounds.evaluated(rounds.genlab_trained(str(CONFIGS / config), seed, None, folder).run)
            metrics = (
                f"{name} {value if isinstance(value := found[name], str) else f'{value:.3f}'}" for name in FIGURES
            )
            print(f"{config} seed {seed}: {', '.join(metrics)}", flush=True)


if __name__ == "__main__":
    main()
