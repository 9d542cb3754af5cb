"""Faces in models: the quality and sharpness of reconstructions, the bits they take, and the effects of edited codes.

    python benchmarks/faces.py compare runs/vqvae_celeba runs/vae_celeba      reconstructions of test images
    python benchmarks/faces.py edit runs/vae_celeba runs/vaegan_celeba        attributes added to test images
    python benchmarks/faces.py swap runs/vqvae2_celeba --out swap.png         two levels of codes

PSNR is that of reconstructions; sharpness, of reconstructions and of samples, is the mean length of gradients relative
to that of the images. Bits are those of an image's code: under a VQ-VAE's prior, or for equally likely codes if it has
none; for a VAE, the KL divergence, which is the cost of bits-back coding. `edit` adds an attribute's vector, as `genlab
edit` does, to the codes of test images without the attribute (and in whose reconstructions a classifier does not see
it), and prints the share in which the classifier then sees it. `swap` draws faces with the top codes of one face and
the bottom codes of another. Runs are made by `genlab fit --config vae_celeba.yaml`, and so on.
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
from genlab.data.batches.augmentation import unaugmented
from genlab.evaluation.extractors import trained_classifier
from genlab.latent import attribute_vector
from genlab.losses.reconstruction import sobel
from genlab.pictures.drawing import Sheet, save
from genlab.runs import find_checkpoint

AT_ONCE = 100
SAMPLES = 200
ATTRIBUTES = ("Smiling", "Male", "Blond_Hair", "Black_Hair", "Bangs", "Eyeglasses", "Heavy_Makeup", "Wearing_Hat")
STRENGTHS = (1.0, 1.5, 2.0)


def data_of(run: str) -> Any:
    """Return a run's data."""
    checkpoint = find_checkpoint(run)
    data: Any = rebuilt_data(read(checkpoint).stated_data(), checkpoint)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    return data


def test_images(run: str, count: int) -> Tensor:
    """Return the first test images of a run's data."""
    images = data_of(run).test_set
    return images[torch.arange(min(count, len(images)))]["image"]


def length(images: Tensor) -> Tensor:
    """Return the mean length of the gradients of images: (B,)."""
    across, down = sobel(images).unflatten(1, (-1, 2)).unbind(2)
    return (across.square() + down.square()).sqrt().flatten(1).mean(1)


def bits(model: Any, x: Tensor) -> Tensor:
    """Return the bits of the codes of images: (B,)."""
    if can(model, Quantizes):
        return sum(nats for name, nats in model.description(x).items() if name.startswith("prior")) / math.log(2)
    mean, log_variance = model.posterior(x)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1) / math.log(2)


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
        torch.manual_seed(0)
        sampled = length(model.sample(SAMPLES)).mean() / length(images).mean()
        print(
            f"{type(model).__name__} in {run}, {len(found)} test images: PSNR {psnr:.2f} ± {psnr_error:.2f} dB, "
            f"sharpness {sharp:.3f} ± {sharp_error:.3f}, of {SAMPLES} samples {sampled:.3f}, "
            f"{size:,.0f} ± {size_error:,.0f} bits"
        )


@torch.no_grad()
def edit(runs: list[str], count: int) -> None:
    data = data_of(runs[0])
    classifier, accuracy = trained_classifier(data)
    print(f"the classifier of attributes is right about {accuracy:.1%} of those of test images")

    def seen(images: Tensor, attribute: int) -> Tensor:
        return classifier.of_features(classifier.features(images))[:, attribute] > 0

    known, test = (images[torch.arange(len(images))] for images in (unaugmented(data.train_set), data.test_set))
    for run in runs:
        model = genlab.load(run)
        shares: list[Tensor] = []
        codes, own = (torch.cat([model.encode(x) for x in at["image"].split(AT_ONCE)]) for at in (known, test))
        for name in ATTRIBUTES:
            attribute = data.attribute_names.index(name)
            direction = attribute_vector(codes, known["attributes"][:, attribute] > 0)
            without = own[test["attributes"][:, attribute] <= 0][:count]
            without = without[~seen(model.decode(without), attribute)]
            moved = [model.decode(without + strength * direction) for strength in STRENGTHS]
            shares.append(torch.stack([seen(images, attribute).float().mean() for images in moved]))
            print(f"{run}: {name} of {len(without)} images at {told(shares[-1])}")
        print(f"{run}, {type(model).__name__}: on average at {told(torch.stack(shares).mean(0))}")


def told(shares: Tensor) -> str:
    """Format the share at each strength."""
    return ", ".join(f"{strength:g} {share:.2f}" for strength, share in zip(STRENGTHS, shares.tolist(), strict=True))


@torch.no_grad()
def swap(run: str, count: int, out: str) -> None:
    """Draw faces with the top codes of one face per row, and the bottom codes of another per column."""
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
    parser.add_argument("what", choices=["compare", "edit", "swap"])
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--count", type=int, help="test images at most; default 1000, 6 to swap")
    parser.add_argument("--out", default="swap.png")
    given = parser.parse_args()
    if given.what == "swap":
        swap(given.runs[0], given.count or 6, given.out)
    else:
        {"compare": compare, "edit": edit}[given.what](given.runs, given.count or 1000)


if __name__ == "__main__":
    main()
