"""Quality of genlab's diffusion models, compared with its other families after the same training time.

    python benchmarks/diffusion_quality.py mnist      whole MNIST, an hour of two cores for each family
    python benchmarks/diffusion_quality.py celeba     CelebA at 64 x 64, an hour and a half for each
    python benchmarks/diffusion_quality.py mnist --minutes 20 --only diffusion_mnist --limit 2000

Each config is trained for as many steps as two cores take in --minutes, so that a faster machine reaches the same
metrics sooner. Prints the result of `genlab evaluate` for as many samples as test images: for MNIST in features of
genlab's own classifier, for CelebA in those of EfficientNet-Lite0, against training images, as test images are few. For
a diffusion model of MNIST also: 20 steps of DPM-Solver++ and of Heun's method beside 1,000 ancestral ones, samples with
weights that are not averaged, and the bound. Runs stay in ./runs.
"""

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rounds

import genlab
from genlab.cli import main as genlab_command
from genlab.cli.process import quieten
from genlab.evaluation.rows import as_dict
from genlab.evaluation.samples import judge_samples
from genlab.evaluation.splits import Options, Splits

CONFIGS = Path(__file__).parents[1] / "configs"
METRICS = ("fid", "kid", "precision", "recall")
PACE = {
    "diffusion_mnist": 166,
    "gan_mnist": 1330,
    "vae_mnist": 12_800,
    "map_vae_celeba": 111,
    "latent_diffusion_celeba": 88,
    "vae_celeba": 1110,
    "gan_celeba": 280,
}
"""Steps per minute on two cores (Intel Xeon, AVX-512)."""
FIRST_STAGE = 0.3
"""Share of latent diffusion's time for its first stage."""


def trained(config: str, minutes: float, seed: int, *options: str) -> Path:
    """Train a config for as many steps as two cores take in some minutes."""
    steps = round(PACE[config] * minutes)
    length = ["--trainer.max_epochs=-1", f"--trainer.max_steps={steps}"]
    run: Path = rounds.genlab_trained(str(CONFIGS / f"{config}.yaml"), seed, None, "runs", *length, *options).run
    print(f"{run}: {steps:,} steps, seed {seed}", flush=True)
    return run


def judge(run: Path, name: str, limit: int, *options: str) -> None:
    """Print what `genlab evaluate` reports on a run's samples."""
    out = run / "evaluate.json"
    with rounds.silence():
        genlab_command(["evaluate", f"--ckpt={run}", f"--out={out}", "--force", f"--limit={limit}", *options])
    found: dict[str, Any] = json.loads(out.read_text())
    for row, metrics in found.get("samplings", {name: found}).items():
        tell(row, metrics)


def tell(name: str, metrics: Mapping[str, Any]) -> None:
    """Print a row of metrics."""
    print(f"{name:32} {', '.join(f'{metric} {metrics[metric]:.3f}' for metric in METRICS)}", flush=True)


def mnist(minutes: float, seed: int, only: Sequence[str], limit: int) -> None:
    """Compare unconditional families on MNIST, and ways to sample from the diffusion model."""
    for config in only or ("vae_mnist", "gan_mnist", "diffusion_mnist"):
        run = trained(config, minutes, seed)
        judge(run, config, limit, "--fid")
        if config == "diffusion_mnist":
            judge(run, "", limit, "--sampler", "dpm", "heun", "--steps", "20")
            judge(run, "ancestral 1000 steps", limit, "--sampler", "ancestral", "--steps", "1000")
            tell("without EMA", as_dict(judge_samples(without_average(run), Splits(genlab.MNIST()), Options(limit))))
            genlab_command(["evaluate", f"--ckpt={run}", f"--limit={limit}"])


def without_average(run: Path) -> Any:
    """Load a run's diffusion model with its trained weights instead of their average."""
    model = genlab.load(run)
    model.average = None
    return model


def celeba(minutes: float, seed: int, only: Sequence[str], limit: int) -> None:
    """Compare latent diffusion with a VAE and a GAN of faces."""
    for config in only or ("vae_celeba", "gan_celeba", "latent_diffusion_celeba"):
        if config == "latent_diffusion_celeba":
            first = trained("map_vae_celeba", FIRST_STAGE * minutes, seed)
            run = trained(config, (1 - FIRST_STAGE) * minutes, seed, f"--model.first_stage.path={first}")
        else:
            run = trained(config, minutes, seed)
        judge(run, config, limit, "--features=efficientnet", "--split=train")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["mnist", "celeba"])
    parser.add_argument("--minutes", type=float, help="of two cores; default 60 for MNIST, 90 for CelebA")
    parser.add_argument("--only", nargs="+", default=(), metavar="CONFIG", help="some of the configs")
    parser.add_argument("--limit", type=int, default=10_000, help="images that are compared; default 10,000")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    args = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    compare, minutes = (mnist, 60) if args.data == "mnist" else (celeba, 90)
    compare(args.minutes or minutes, args.seed, args.only, args.limit)


if __name__ == "__main__":
    main()
