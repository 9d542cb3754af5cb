"""Overhead of genlab and Lightning beyond the model itself, and the memory of long training.

    python benchmarks/overhead.py share     share of training time that is spent outside the model
    python benchmarks/overhead.py start     seconds from `genlab fit` to the first step
    python benchmarks/overhead.py memory    resident size over 20,000 steps
    python benchmarks/overhead.py compile   a step with and without torch.compile

Time inside the model is that of a training step of its LightningModule: forward, backward, optimizers, averages.
Outside are fetching and augmenting the batch, hooks, collecting metrics, and logging them. The second epoch of each run
counts, runs with different loggers take turns, and medians are printed.

Data are read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import rounds
import wandb
from lightning.pytorch import Callback, LightningModule, Trainer

CONFIGS = Path(__file__).parents[1] / "configs"
FAMILIES = (
    "autoencoder_mnist",
    "stacked_mnist",
    "vae_mnist",
    "cvae_mnist",
    "gan_mlp_mnist",
    "gan_mnist",
    "cgan_mnist",
    "pix2pix_mnist",
    "cyclegan_mnist",
)
LOGGERS = {
    "none": ["--trainer.log_every_n_steps=1000000"],
    "metrics.csv": [],
    "and TensorBoard": [f"--config={CONFIGS}/overlays/tensorboard.yaml"],
    "and W&B (offline)": [f"--config={CONFIGS}/overlays/wandb.yaml"],
}
QUIET = [
    "--trainer.num_sanity_val_steps=0",
    "--trainer.limit_val_batches=0",
    "--trainer.enable_model_summary=false",
    "--pictures.every_n_epochs=0",
]
SMALL = {
    "autoencoder_digits": [],
    "stacked_digits": ["--model.pretraining=[]", "--model.fine_tuning=[{epochs: 10000}]", "--model.classifier=[]"],
    "vae_digits": [],
    "cvae_digits": [],
    "gan_digits": [],
    "pix2pix_digits": ["--data.data.batch_size=2", "--model.generator.channels=4", "--model.discriminator.channels=4"],
    "cyclegan_digits": [
        "--data.pairs.data.batch_size=2",
        "--model.generator.channels=4",
        "--model.discriminator.channels=4",
    ],
}
"""Configs for which 20,000 steps take minutes, with their options."""
STEPS, FIRST = 20_000, 2_000


class Stopwatch(Callback):
    """Times the second epoch, and the time inside the model in it.

    Steps of automatic optimization happen inside `optimizer_step`, those of manual optimization in `training_step`.
    """

    inside, whole = 0.0, 0.0

    def on_fit_start(self, trainer: Trainer, model: LightningModule) -> None:
        step = "optimizer_step" if model.automatic_optimization else "training_step"
        setattr(model, step, self.timed(getattr(model, step), 1))
        model.log_batch = self.timed(model.log_batch, -1)

    def timed(self, function: Callable[..., Any], sign: int) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.inside += sign * (time.perf_counter() - began)

        return run

    def on_train_epoch_start(self, trainer: Trainer, model: LightningModule) -> None:
        self.inside, self.began = 0.0, time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:
        self.whole = time.perf_counter() - self.began


class ResidentSize(Callback):
    """Megabytes of the process after some numbers of steps."""

    def __init__(self) -> None:
        self.sizes: dict[int, float] = {}

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if trainer.global_step in (FIRST, STEPS // 2, STEPS):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.sizes[trainer.global_step] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def fit(config: str, callback: Callback, folder: str, options: Iterable[str]) -> None:
    """Run `genlab fit` with an additional callback, and nothing besides training."""
    place = f"--trainer.default_root_dir={folder}"
    rounds.watched(callback, f"--config={CONFIGS}/{config}.yaml", place, *QUIET, *options)
    wandb.finish()


def timed(family: str, contenders: dict[str, list[str]], repeats: int, batches: int) -> dict[str, list[Stopwatch]]:
    """Train a family with the options of each contender in turn, over several rounds."""
    length = ["--trainer.max_epochs=2", f"--trainer.limit_train_batches={batches}"]
    stopwatches: dict[str, list[Stopwatch]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, options in contenders.items():
            stopwatches[name].append(Stopwatch())
            with tempfile.TemporaryDirectory() as folder:
                fit(family, stopwatches[name][-1], folder, [*options, *length])
    return stopwatches


def share(repeats: int, batches: int, families: list[str]) -> None:
    print(f"share of time outside the model, medians of {repeats} rounds of {batches} batches")
    for family in families:
        stopwatches = timed(family, LOGGERS, repeats, batches)
        shares = {name: statistics.median(1 - s.inside / s.whole for s in of) for name, of in stopwatches.items()}
        inside = statistics.median(s.inside for of in stopwatches.values() for s in of) / batches
        told = ", ".join(f"{name} {value:.1%}" for name, value in shares.items())
        print(f"{family:18} {1e3 * inside:7.1f} ms a step; {told}", flush=True)


def compiled(repeats: int, batches: int, families: list[str]) -> None:
    contenders = {"as they are": [], "compiled": [f"--config={CONFIGS}/overlays/compile.yaml"]}
    for family in families:
        stopwatches = timed(family, contenders, repeats, batches)
        seconds = {name: [s.whole / batches for s in of] for name, of in stopwatches.items()}
        told = ", ".join(f"{name} {1e3 * statistics.median(values):.1f} ms a step" for name, values in seconds.items())
        ratio = statistics.median(a / b for a, b in zip(*seconds.values(), strict=True))
        print(f"{family:18} {told}: {ratio:.2f} times as fast compiled, median of {repeats}", flush=True)


def start(repeats: int) -> None:
    script = (
        "import sys, time\n"
        "from lightning.pytorch import Callback\n"
        "Callback.on_train_batch_start = lambda *args: print('FIRST', time.time(), flush=True)\n"
        "from genlab.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    contenders = {"import lightning.pytorch": ["import time, lightning.pytorch; print('FIRST', time.time())"]}
    contenders |= {
        f"genlab fit --config {name}.yaml": [script, "fit", f"--config={CONFIGS}/{name}.yaml", "--trainer.max_steps=1"]
        for name in ("vae_digits", "vae_mnist", "gan_mnist")
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, arguments in contenders.items():
            with tempfile.TemporaryDirectory() as folder:
                began = time.time()
                place = {"GENLAB_DATA_DIR": str(Path(os.environ.get("GENLAB_DATA_DIR", "data")).absolute())}
                command = [sys.executable, "-c", *arguments]
                done = subprocess.run(command, cwd=folder, env=os.environ | place, capture_output=True, text=True)
            first = next(line for line in done.stdout.splitlines() if line.startswith("FIRST"))
            seconds[name].append(float(first.split()[1]) - began)
    for name, values in seconds.items():
        print(f"{name:35} {statistics.median(values):.1f} s, median of {repeats}")


def memory(families: list[str]) -> None:
    length = ["--trainer.max_epochs=10000", f"--trainer.max_steps={STEPS}", LOGGERS["and TensorBoard"][0]]
    for family in families:
        sizes = ResidentSize()
        with tempfile.TemporaryDirectory() as folder:
            fit(family, sizes, folder, [*SMALL[family], *length])
        told = ", ".join(f"{step:,} steps {size:,.0f} MB" for step, size in sizes.sizes.items())
        print(f"{family:20} {told}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", choices=("share", "start", "memory", "compile"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--families", nargs="*", default=None)
    given = parser.parse_args()
    if given.measure == "share":
        share(given.rounds, given.batches, given.families or [*FAMILIES])
    elif given.measure == "start":
        start(given.rounds)
    elif given.measure == "compile":
        compiled(given.rounds, given.batches, given.families or ["vae_celeba", "gan_celeba", "pix2pix_mnist"])
    else:
        memory(given.families or [*SMALL])
