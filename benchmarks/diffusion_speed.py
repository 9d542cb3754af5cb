"""Speed of genlab's diffusion models against a hand-written PyTorch loop and Hugging Face diffusers' sampling.

    python benchmarks/diffusion_speed.py train     diffusion_mnist.yaml, 10 batches of 128 per round
    python benchmarks/diffusion_speed.py sample    64 images in 20 steps of DDIM, with peak memory

For how training is timed, see `rounds.py` beside this file. The hand-written loop has the same U-Net, and an average of
its weights. Samples are from an untrained network, which costs the same; rivals take turns. diffusers takes part if it
is installed. Data are read from GENLAB_DATA_DIR, else from ./data, and downloaded if missing.
"""

import argparse
import copy
import logging
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import rounds
import torch
from torch import Tensor

import genlab
from genlab.cli.process import quieten
from genlab.diffusion import Sampling, ddim
from genlab.networks import DenoisingUNet

CONFIG = Path(__file__).parents[1] / "configs" / "diffusion_mnist.yaml"
BATCHES, BATCH = 10, 128
STEPS, IMAGES = 20, 64
network = partial(DenoisingUNet, channels=32, patch=2)


def bare_rival(images: Tensor) -> Iterator[float]:
    """Yield the seconds of each epoch of a hand-written loop on uint8 images: velocity, cosine noise, an average."""
    model = network((1, 28, 28), 1, 0)
    kept = copy.deepcopy(model).requires_grad_(False)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    angles = torch.linspace(0.012, 1.5707, 1000)
    while True:
        began = time.perf_counter()
        for index in torch.randperm(len(images)).split(BATCH):
            x = images[index] / 127.5 - 1
            angle = angles[torch.randint(1000, (len(x),))].view(-1, 1, 1, 1)
            noise = torch.randn_like(x)
            signal, share = angle.cos(), angle.sin()
            output = model(signal * x + share * noise, angle.flatten().tan().log() / 4)
            loss = (output - (signal * noise - share * x)).square().sum((1, 2, 3)).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            with torch.no_grad():
                torch._foreach_lerp_(list(kept.parameters()), list(model.parameters()), 0.001)
        yield time.perf_counter() - began


def diffusers_sampler(model: genlab.Diffusion) -> Callable[[], Tensor] | None:
    """Return DDIM as in diffusers' pipelines, with the model's network; None if diffusers is not installed."""
    try:
        from diffusers import DDIMScheduler
    except ImportError:
        return None
    scheduler = DDIMScheduler(1000, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction")
    signal = scheduler.alphas_cumprod
    times = ((1 - signal) / signal).sqrt().log() / 4

    @torch.no_grad()
    def sample() -> Tensor:
        x = torch.randn(IMAGES, 1, 28, 28)
        scheduler.set_timesteps(STEPS)
        for t in scheduler.timesteps:
            output = model.best_network(x, times[t].expand(IMAGES))
            x = scheduler.step(output, t, x).prev_sample
        return x

    return sample


def samplers() -> dict[str, Callable[[], Tensor]]:
    """Return each rival's function that samples images from the same network."""
    torch.manual_seed(0)
    model = genlab.Diffusion((1, 28, 28), network).eval()
    model.sampling = Sampling(ddim, steps=STEPS)
    other = diffusers_sampler(model)
    return {"genlab": lambda: model.sample(IMAGES)} | ({"diffusers": other} if other else {})


def remembering(name: str, answers: Any) -> None:
    """Report a process's memory in MB before it samples with one of the rivals, and its peak."""
    sample = samplers()[name]
    held = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    sample()
    answers.put([*held, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024])


def memories(names: Iterable[str]) -> dict[str, list[float]]:
    """Return the memory of each rival, in its own process, which starts with the peak of its parent."""
    spawn, found = multiprocessing.get_context("spawn"), {}
    for name in names:
        answers = spawn.Queue()
        process = spawn.Process(target=remembering, args=(name, answers))
        process.start()
        found[name] = answers.get(timeout=600)
        process.join()
    return found


def sampling() -> None:
    rivals = samplers()
    memory = memories(rivals)  # before this process samples
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(9):
        for name, sample in rivals.items():
            began = time.perf_counter()
            sample()
            seconds[name].append(time.perf_counter() - began)
    for name, values in seconds.items():
        before, peak = memory[name]
        ratio = statistics.median(value / own for value, own in zip(values, seconds["genlab"], strict=True))
        rate = statistics.median(values[2:]) / STEPS
        print(
            f"{name:10} {1000 * rate:6.1f} ms a step of {IMAGES} images   genlab is {ratio:.2f} times as fast   "
            f"peak memory {peak:,.0f} MB, {peak - before:,.0f} of it new"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "sample"])
    parser.add_argument("--epochs", type=int, default=9, help="rounds, and two for warming up; default 9")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if given.what == "sample":
        sampling()
        return
    data = genlab.MNIST()
    data.prepare_data()
    data.setup("fit")
    rivals = {"bare loop": bare_rival(data.train_set.images[: BATCH * BATCHES])}
    limits = [
        f"--trainer.limit_train_batches={BATCHES}",
        "--trainer.limit_val_batches=1",
        "--pictures.every_n_epochs=0",
    ]
    with tempfile.TemporaryDirectory() as folder:
        rounds.speed(str(CONFIG), given.epochs, folder, rivals, BATCHES * BATCH, *limits)


if __name__ == "__main__":
    main()
