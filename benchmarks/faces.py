"""How sharp a VQ-VAE's reconstructions are beside a VAE's, at how many bits; and what two levels of codes hold.

    python benchmarks/vqvae_faces.py compare runs/vqvae_celeba runs/vqvae2_celeba runs/vae_celeba
    python benchmarks/vqvae_faces.py swap runs/vqvae2_celeba --out swap.png

Of test images: PSNR, and sharpness, the mean length of the gradients of reconstructions relative to that of the
images. Bits are those of an image's code: by a VQ-VAE's prior, or where there is none of codes that are equally likely;
of a VAE, the KL divergence, which is what bits-back coding takes. `swap` draws faces with the top codes of one and the
bottom codes of another. Runs are made by `genlab fit --config vqvae_celeba.yaml`, and so on.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import genlab
from genlab.capabilities import Quantizes, can
from genlab.checkpoints import read, rebuilt_data
from genlab.losses.reconstruction import sobel
from genlab.pictures.drawing import Sheet, save
from genlab.runs import find_checkpoint

AT_ONCE = 100


def test_images(run: str, count: int) -> Tensor:
    """The first test images of a run's data."""
    checkpoint = find_checkpoint(run)
    data: Any = rebuilt_data(read(checkpoint).stated_data(), checkpoint)
    data.prepare_data()
    data.setup("test")
    return data.test_set[torch.arange(min(count, len(data.test_set)))]["image"]


def length(images: Tensor) -> Tensor:
    """The mean length of the gradients of images: (B,)."""
    across, down = sobel(images).unflatten(1, (-1, 2)).unbind(2)
    return (across.square() + down.square()).sqrt().flatten(1).mean(1)


def bits(model: Any, x: Tensor) -> Tensor:
    """Bits of the codes of images: (B,)."""
    if can(model, Quantizes):
        return sum(nats for name, nats in model.description(x).items() if name.startswith("prior")) / math.log(2)
    mean, log_variance = model.posterior(x)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / math.log(2)


@torch.no_grad()
def compare(runs: list[str], count: int) -> None:
    for run in runs:
        model, images = genlab.load(run), test_images(run, count)
        parts = []
        for x in images.split(AT_ONCE):
            y = model.reconstruct(x)
            psnr = -10 * (y - x).square().flatten(1).mean(1).log10()
            parts.append(torch.stack([psnr, length(y) / length(x), bits(model, x)], 1))
        found = torch.cat(parts)
        errors = found.std(0) / len(found) ** 0.5
        (psnr, sharp, size), (psnr_error, sharp_error, size_error) = found.mean(0).tolist(), errors.tolist()
        print(
            f"{type(model).__name__} in {run}, {len(found)} test images: PSNR {psnr:.2f} ± {psnr_error:.2f} dB, "
            f"sharpness {sharp:.3f} ± {sharp_error:.3f}, {size:,.0f} ± {size_error:,.0f} bits"
        )


@torch.no_grad()
def swap(run: str, count: int, out: str) -> None:
    """Draw faces with the top codes of one, in each row, and the bottom codes of another, in each column."""
    model, x = genlab.load(run), test_images(run, count)
    top, bottom = model.coder.split(model.encode(x))
    rows = [model.decode(model.coder.joined([one.expand_as(top), bottom])) for one in top[:, None]]
    blank = torch.full_like(x[:1], torch.nan)
    tiles = [torch.cat([blank, x]), *(torch.cat([face[None], row]) for face, row in zip(x, rows, strict=True))]
    sheet = Sheet(
        torch.stack(tiles),
        title="Top codes of the face on the left, bottom codes of the face above",
        subject="VQVAE2",
        row_breaks=[1],
        column_breaks=[1],
    )
    save(sheet, Path(out))
    print(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["compare", "swap"])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--count", type=int, help="test images: 1000 to compare, 6 to swap")
    parser.add_argument("--out", default="swap.png")
    given = parser.parse_args()
    if given.what == "compare":
        compare(given.runs, given.count or 1000)
    else:
        swap(given.runs[0], given.count or 6, given.out)


if __name__ == "__main__":
    main()
