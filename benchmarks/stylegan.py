"""Speed of genlab's StyleGAN, the cost of its penalties, and its samples beside DCGAN's.

    python benchmarks/stylegan.py speed       stylegan_mnist.yaml against a bare loop of the same networks
    python benchmarks/stylegan.py penalties   cost of lazy R1 and path lengths, in percent of a step
    python benchmarks/stylegan.py images      seconds per image, beside modulated weights and grouped convolutions
    python benchmarks/stylegan.py quality     stylegan_mnist.yaml and gan_mnist.yaml, an hour each (--minutes)

For how training is timed, see `rounds.py` beside this file; a round has 16 batches, one of which has the penalty. The
bare loop has the same networks, mixed styles, noise, penalty and average of weights. The last part prints the result of
`genlab evaluate` for both: distances and path lengths, then those of truncated samples, and what coarse, middle and
fine styles decide. `--runs` takes runs that are already trained. Data are read from GENLAB_DATA_DIR, else from ./data,
and downloaded if missing.
"""

import argparse
import copy
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import rounds
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import genlab
from genlab.cli import main as main_of_genlab
from genlab.cli.process import quieten
from genlab.losses import PathLength
from genlab.networks import ResidualDiscriminator, StyleGenerator
from genlab.networks.style_generator import ModulatedConv, StyledLayer

CONFIGS = Path(__file__).parents[1] / "configs"
SHAPE, SIZE, BATCH, BATCHES = (1, 28, 28), 64, 32, 16


def players() -> tuple[Any, Any]:
    """Return the networks of stylegan_mnist.yaml."""
    generator = StyleGenerator(SHAPE, SIZE, style_size=SIZE, channels=16, max_channels=64)
    return generator, ResidualDiscriminator(SHAPE, 1, channels=16, max_channels=64)


def bare_rival(images: Tensor) -> Iterator[float]:
    """Yield the seconds of each round of a hand-written loop on uint8 images."""
    g, d = players()
    average = copy.deepcopy(g).requires_grad_(False)
    mean, layers = torch.zeros(SIZE), g.synthesis.num_layers
    adam_d = torch.optim.Adam(d.parameters(), 2.5e-3 * 16 / 17, (0.0, 0.99 ** (16 / 17)), fused=True)
    adam_g = torch.optim.Adam(g.parameters(), 2.5e-3, (0.0, 0.99), fused=True)
    while True:
        began = time.perf_counter()
        for step, index in enumerate(torch.randperm(len(images)).split(BATCH)):
            real = images[index] / 127.5 - 1
            first, second = (g.to_each_layer(g.mapping(torch.randn(BATCH, SIZE))) for _ in range(2))
            cut = torch.where(torch.rand(BATCH) < 0.9, torch.randint(1, layers, (BATCH,)), layers)
            styles = torch.where((torch.arange(layers) < cut[:, None])[:, :, None], first, second)
            fake = g.synthesis(styles, [torch.randn(BATCH, 1, *size) for size in g.synthesis.noise_shapes]).tanh()
            mean.lerp_(first[:, 0].detach().mean(0), 0.005)
            loss = (F.softplus(-d(real)) + F.softplus(d(fake.detach()))).mean()
            adam_d.zero_grad()
            loss.backward()
            adam_d.step()
            if step == 0:
                adam_d.zero_grad()
                (16 * r1(d, real)).backward()
                adam_d.step()
            d.requires_grad_(False)
            adam_g.zero_grad()
            F.softplus(-d(fake)).mean().backward()
            adam_g.step()
            d.requires_grad_(True)
            with torch.no_grad():
                for old, new in zip(average.parameters(), g.parameters(), strict=True):
                    old.lerp_(new, 0.002)
        yield time.perf_counter() - began


def r1(d: nn.Module, real: Tensor) -> Tensor:
    x = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    return 1e-4 * 784 / BATCH * slope.square().sum((1, 2, 3)).mean()


def speed(epochs: int) -> None:
    data = genlab.MNIST()
    data.prepare_data()
    data.setup("fit")
    images = BATCH * BATCHES
    options = [
        f"--trainer.limit_train_batches={BATCHES}",
        "--trainer.limit_val_batches=1",
        "--pictures.every_n_epochs=0",
    ]
    rivals = {"bare loop": bare_rival(data.train_set.images[:images])}
    with tempfile.TemporaryDirectory() as folder:
        rounds.speed(str(CONFIGS / "stylegan_mnist.yaml"), epochs, folder, rivals, images, *options)


def penalties(times: int) -> None:
    g, d = players()
    real = torch.rand(BATCH, *SHAPE)

    def step() -> None:
        fake = g(torch.randn(BATCH, SIZE)).tanh()
        (F.softplus(-d(real)) + F.softplus(d(fake.detach()))).mean().backward()
        d.requires_grad_(False)
        F.softplus(-d(fake)).mean().backward()
        d.requires_grad_(True)

    def paths() -> None:
        penalty = PathLength()
        styles = g.to_each_layer(g.mapping(torch.randn(BATCH // 2, SIZE)))
        images = g.synthesis(styles).tanh()
        penalty(penalty.lengths(images, styles, torch.randn_like(images))).mean().backward()

    found = in_turn({"step": step, "R1": lambda: r1(d, real).backward(), "path lengths": paths}, times)
    print(f"a step without penalties: {1000 * found['step']:.0f} ms, {BATCH} images, {torch.get_num_threads()} threads")
    for name, every in (("R1", 16), ("path lengths", 4)):
        share = 100 * found[name] / every / found["step"]
        print(f"{name}: {1000 * found[name]:.0f} ms, with every {every}th batch {share:.1f} % of a step")


def in_turn(works: dict[str, Callable[[], Any]], times: int) -> dict[str, float]:
    """Return the median processor seconds of each piece of work."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(times + 2):
        for name, work in works.items():
            began = time.process_time()
            work()
            if turn > 1:
                seconds[name].append(time.process_time() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


class WeightModulated(ModulatedConv):
    """The paper's convolution: separate weights for each image, in one grouped convolution."""

    def forward(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor | None]:
        count, channels, height, width = x.shape
        weight = self.scale * self.weight * self.style(w)[:, None, :, None, None]
        if self.demodulates:
            weight = self.gain * weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = x.reshape(1, count * channels, height, width)
        if self.filter is None:
            x = F.conv2d(x, weight.flatten(0, 1), padding=self.padding, groups=count)
        else:
            x = F.conv_transpose2d(x, weight.transpose(1, 2).flatten(0, 1), stride=2, groups=count)
        x = x.view(count, -1, *x.shape[2:])
        return x if self.filter is None else self.filter.after_doubling(x), torch.ones(1) if self.demodulates else None


def trained_once(net: StyleGenerator, z: Tensor) -> None:
    net(z).mean().backward()


def weight_modulated(generator: StyleGenerator) -> StyleGenerator:
    """Return the same generator with modulated weights."""
    other = copy.deepcopy(generator).to(memory_format=torch.contiguous_format)
    for module in other.modules():
        if isinstance(module, ModulatedConv):
            module.__class__ = WeightModulated
    return other


def images(times: int) -> None:
    for shape, channels in ((SHAPE, 16), ((3, 32, 32), 32), ((3, 64, 64), 16)):
        ours = StyleGenerator(shape, SIZE, channels=channels, max_channels=128)
        theirs = weight_modulated(ours)
        for layer in (each for net in (ours, theirs) for each in net.modules() if isinstance(each, StyledLayer)):
            layer.noise_strength.data.fill_(0.1)
        z = torch.randn(BATCH, SIZE)
        with torch.no_grad():
            torch.testing.assert_close(ours(z), theirs(z), rtol=1e-3, atol=1e-3)
        works: dict[str, Callable[[], Any]] = {}
        for name, net in {"activations": ours, "weights": theirs}.items():
            works[f"{name}, images"] = partial(torch.no_grad()(net), z)
            works[f"{name}, training"] = partial(trained_once, net, z)
        found = in_turn(works, times)
        told = (f"{name} {1000 * seconds / BATCH:.2f} ms" for name, seconds in found.items())
        print(f"{shape}, {channels} channels, processor time an image: {', '.join(told)}")


def trained(config: str, minutes: float, seed: int, folder: str) -> Path:
    options = [f"--trainer.max_time=00:00:{int(minutes):02d}:{round(60 * minutes) % 60:02d}"]
    return Path(rounds.genlab_trained(str(CONFIGS / config), seed, 10_000, folder, *options).run)


def quality(minutes: float, seed: int, limit: int, runs: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        configs = ("stylegan_mnist.yaml", "gan_mnist.yaml")
        for run in runs or [trained(config, minutes, seed, folder) for config in configs]:
            evaluate = ["evaluate", "--ckpt", str(run), "--fid", "--ppl", "--limit", str(limit)]
            main_of_genlab(evaluate)
            if isinstance(genlab.load(run), genlab.StyleGAN):
                main_of_genlab([*evaluate, "--truncation", "1", "0.7", "0.5", "0.3"])
                main_of_genlab([*evaluate, "--mixing"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "penalties", "images", "quality"])
    parser.add_argument(
        "--times", type=int, default=13, help="rounds or repetitions, and two for warming up; default 13"
    )
    parser.add_argument("--minutes", type=float, default=60, help="of training, each model; default 60")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--limit", type=int, default=10_000, help="samples that are judged; default 10,000")
    parser.add_argument("--runs", nargs="+", default=[], help="runs to be judged, in place of training")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if given.what == "quality":
        quality(given.minutes, given.seed, given.limit, given.runs)
    else:
        {"speed": speed, "penalties": penalties, "images": images}[given.what](given.times)


if __name__ == "__main__":
    main()
