"""What a DeepFake keeps and changes when it swaps two digits, and how the warp helps.

    python benchmarks/deepfake.py                  threes and eights of MNIST, ten minutes on two cores
    python benchmarks/deepfake.py --a 4 --b 9

Trains a DeepFake with the warp and one without it, and a plain autoencoder of each domain with the same networks, warp
and epochs. For test images, prints the error of reconstructions beside that of the plain autoencoders, the share of
swapped images that a classifier takes for the other digit, and the correlation of the slant before and after, beside
that with the slants of other images. Draws deepfake.png: digits, swapped with the warp, and swapped without it.
"""

import argparse
import logging
from functools import partial

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch import Tensor
from torch.utils.data import DataLoader

import genlab
from genlab.cli.process import quieten
from genlab.data import MNIST, ClassDomains
from genlab.evaluation.extractors import own_classifier
from genlab.losses import absolute_error
from genlab.networks import ConvEncoder, ElasticWarp, UpsamplingDecoder

SHAPE = (1, 28, 28)
PARTS = {
    "encoder": ConvEncoder,
    "decoder": UpsamplingDecoder,
    "loss": absolute_error,
    "optimizer": partial(torch.optim.Adam, lr=1e-3),
}


def fit(model: LightningModule, data: object, epochs: int) -> LightningModule:
    seed_everything(0)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    Trainer(max_epochs=epochs, **quiet).fit(model, data)
    return model.eval()


def slants(images: Tensor) -> Tensor:
    """Slants of digits, in columns to the left per row down, from moments of their ink: (B,)."""
    ink = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True).clamp(min=1e-6)
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    down = rows - (ink * rows).sum((1, 2), keepdim=True)
    right = columns - (ink * columns).sum((1, 2), keepdim=True)
    return -(ink * down * right).sum((1, 2)) / (ink * down.square()).sum((1, 2)).clamp(min=1e-6)


def correlation(one: Tensor, other: Tensor) -> float:
    return torch.corrcoef(torch.stack([one, other]))[0, 1].item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--a", type=int, default=3, help="default 3")
    parser.add_argument("--b", type=int, default=8, help="default 8")
    parser.add_argument("--code-size", type=int, default=8, help="default 8; the larger, the more the warp is needed")
    parser.add_argument("--epochs", type=int, default=20, help="default 20")
    args = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    domains = ClassDomains(MNIST(batch_size=64), args.a, args.b)
    domains.prepare_data()
    domains.setup()
    digits = MNIST()
    digits.setup()
    classifier = own_classifier(digits, torch.device("cpu")).classifier
    test = {
        domain: images[torch.arange(len(images))]["image"]
        for domain, images in zip("ab", domains.test_set.sides(), strict=True)
    }
    labels = {"a": args.a, "b": args.b}

    plain = {}
    for domain, images in zip("ab", domains.train_set.sides(), strict=True):
        loader = DataLoader([images[i] for i in range(len(images))], batch_size=64, shuffle=True)
        model = fit(genlab.Autoencoder(SHAPE, args.code_size, corruption=ElasticWarp, **PARTS), loader, args.epochs)
        plain[domain] = (model.reconstruct(test[domain]) - test[domain]).abs().mean().item()

    rows, names = [test["a"][:12]], ["digits"]
    for name, warp in {"with the warp": ElasticWarp, "without": None}.items():
        model = fit(genlab.DeepFake(SHAPE, SHAPE, args.code_size, corruption=warp, **PARTS), domains, args.epochs)
        with torch.no_grad():
            for way, start, end in (("a_to_b", "a", "b"), ("b_to_a", "b", "a")):
                x = test[start]
                swapped = model.translate(x, direction=way)
                error = (model.decoded(x, start) - x).abs().mean().item()
                seen = (classifier.of_features(classifier.features(swapped)).argmax(1) == labels[end]).float().mean()
                before, after = slants(x), slants(swapped)
                others = before[torch.randperm(len(before))]
                print(
                    f"{name}, {labels[start]} to {labels[end]}: L1 of reconstructions {error:.4f} (plain autoencoder "
                    f"{plain[start]:.4f}), taken for the other digit {seen:.1%}, slant kept "
                    f"{correlation(before, after):.2f} (of others {correlation(others, after):.2f})",
                    flush=True,
                )
        rows.append(model.translate(test["a"][:12]).detach())
        names.append(name)
    genlab.sheets.in_rows(torch.cat(rows), 12, title="Swapped digits", row_labels=names).save("deepfake.png")
    print("deepfake.png")


if __name__ == "__main__":
    main()
