"""Codes in use per epoch of a VQ-VAE, with and without k-means initialization and revival of dead codes.

    python benchmarks/vqvae_usage.py                        vqvae_mnist.yaml, 10 epochs of the autoencoder
    python benchmarks/vqvae_usage.py --config vqvae_digits.yaml --epochs 40
    python benchmarks/vqvae_usage.py --out usage.png        where the picture is written

The four models differ only in these two settings, and start from the same weights. Codes are counted over the
validation images of an epoch. Data are read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import csv
import logging
import tempfile
from itertools import product
from pathlib import Path

import rounds
from matplotlib import pyplot as plt

from genlab.cli.process import quieten

CONFIGS = Path(__file__).parents[1] / "configs"


def usage(config: str, epochs: int, seed: int, starts: bool, revives: bool) -> tuple[list[float], list[float]]:
    """Return the codes in use and their perplexity after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        rounds.genlab_trained(
            str(CONFIGS / config),
            seed,
            None,
            folder,
            f"--model.autoencoder=[{{epochs: {epochs}, lr: 1.0e-3}}]",
            "--model.prior=[]",
            "--model.conditional=false",
            f"--model.quantizer.kmeans_start={str(starts).lower()}",
            *([] if revives else ["--model.quantizer.revive_below=0"]),
            "--pictures.every_n_epochs=0",
        )
        with next(Path(folder).rglob("metrics.csv")).open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("val/autoencoder/codes_used")]
    return tuple([float(row[f"val/autoencoder/{name}"]) for row in rows] for name in ("codes_used", "perplexity"))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="vqvae_mnist.yaml")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="usage.png")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for starts, revives in product((True, False), repeat=2):
        found = usage(given.config, given.epochs, given.seed, starts, revives)
        name = " and ".join([*["k-means start"] * starts, *["revival"] * revives]) or "neither"
        print(f"{name:25} {found[0][-1]:.0f} codes in use, perplexity {found[1][-1]:.1f}", flush=True)
        for axis, values in zip(axes, found, strict=True):
            axis.plot(range(1, len(values) + 1), values, "-" if starts else "--", label=name)  # lines may coincide
    for axis, what in zip(axes, ("codes in use", "perplexity"), strict=True):
        axis.set(xlabel="epoch", ylabel=what, ylim=(0, None))
        axis.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(f"{given.config.removesuffix('.yaml')}, validation images")
    figure.savefig(given.out)
    print(given.out)


if __name__ == "__main__":
    main()
