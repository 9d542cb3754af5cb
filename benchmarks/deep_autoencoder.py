"""Value of initial weights for a deep autoencoder of MNIST: 784-1000-500-250-30, sigmoid units, a linear code.

    python benchmarks/deep_autoencoder.py
    python benchmarks/deep_autoencoder.py --only machines --seed 1

Prints the squared error of a reconstructed test image after the fine-tuning of unrolled_mnist.yaml, at the best epoch
by validation. It starts from a stack of Boltzmann machines (narrow_dbn_mnist.yaml; 3.00 in Hinton & Salakhutdinov
2006), from a stack of layers trained to restore dropped pixels and units, or from random weights. MNIST is read from
GENLAB_DATA_DIR, else from ./data, and downloaded if missing; runs stay in ./runs.
"""

import argparse
import json
import logging
import time
from pathlib import Path

import rounds
import yaml

from genlab.cli.process import quieten

CONFIGS = Path(__file__).parents[1] / "configs"
SIZES, CODE = (1000, 500, 250), 30
STARTS = ("machines", "denoising", "random")


def error(start: str, seed: int) -> float:
    """Return the error of the autoencoder with a given start."""
    config, options = "unrolled_mnist.yaml", {}
    if start == "machines":
        run = rounds.genlab_trained(str(CONFIGS / "narrow_dbn_mnist.yaml"), seed, None, "runs").run
        options = {"net.path": str(run)}
    else:
        unrolled = yaml.safe_load((CONFIGS / config).read_text())["model"]["init_args"]
        config = "stacked_mnist.yaml"
        layers = [{"class_path": "DenseLayer", "init_args": {"size": size}} for size in SIZES]
        linear = {"class_path": "DenseLayer", "init_args": {"size": CODE, "activation": "torch.nn.Identity"}}
        options = {name: json.dumps(unrolled[name]) for name in ("fine_tuning", "optimizer")}
        options |= {"layers": json.dumps([*layers, linear]), "classifier": "[]"}
        options |= {"corruption": "DroppedPixels"} if start == "denoising" else {"pretraining": "[]"}
    arguments = [f"--model.{name}={value}" for name, value in options.items()]
    return rounds.genlab_test_metrics(str(CONFIGS / config), seed, -1, "runs", *arguments)["test/reconstruction"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=STARTS, default=STARTS, help="some of the starts")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    args = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    for start in args.only:
        began = time.perf_counter()
        print(f"{start:10} {error(start, args.seed):.2f}, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
