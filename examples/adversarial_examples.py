"""Adversarial examples: digits that a classifier takes for others, though no human would.

    python examples/adversarial_examples.py [--epochs 5]

Trains a small classifier on MNIST and changes test images so that it errs:

- by gradient descent on the loss of a target class, until the classifier is sure of it (Szegedy et al. 2014);
- by the fast gradient sign method: one step of the same size for every pixel, up the loss of the true class
  (Goodfellow et al. 2015, section 4).

Draws the digits, the perturbation (grey is zero) and the sum, with the classifier's answers. A minute on two cores.
"""

import argparse

import torch
import torch.nn.functional as F
from lightning.pytorch import seed_everything
from matplotlib.figure import Figure
from torch import Tensor

import genlab
from genlab.metrics.classifier import Classifier

EPSILON = 0.2
COLUMNS = 10


def by_gradient(classifier: Classifier, images: Tensor, wanted: Tensor, rate: float = 0.5, most: int = 300) -> Tensor:
    """Change images (B, C, H, W), in as many steps as it takes, until they are surely of the wanted classes (B,)."""
    changed = images.clone()
    for _ in range(most):
        changed.requires_grad_()
        logits = classifier(changed)
        unsure = logits.softmax(1).gather(1, wanted[:, None])[:, 0] < 0.9
        if not unsure.any():
            break
        (gradient,) = torch.autograd.grad(F.cross_entropy(logits, wanted, reduction="sum"), changed)
        step = rate * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None].clamp(min=1e-12)
        changed = (changed - unsure[:, None, None, None] * step).clamp(0, 1).detach()
    return changed.detach()


def by_sign(classifier: Classifier, images: Tensor, labels: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Move each pixel of images (B, C, H, W) by epsilon, away from the true labels (B,)."""
    images = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(classifier(images), labels, reduction="sum"), images)
    return (images + epsilon * gradient.sign()).clamp(0, 1).detach()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    epochs = parser.parse_args().epochs
    seed_everything(0)
    data = genlab.MNIST()
    data.prepare_data()
    data.setup()
    batches = (batch for _ in range(epochs) for batch in data.train_dataloader())
    classifier = Classifier(data.image_shape, 10).learn(batches)

    images, labels = data.test_set.images[:1000] / 255, data.test_set.labels[:1000]
    wanted = (labels + 1) % 10
    attacks = {
        "gradient": by_gradient(classifier, images, wanted),
        "gradient sign": by_sign(classifier, images, labels),
    }
    said = {"untouched": classifier(images).argmax(1)} | {n: classifier(x).argmax(1) for n, x in attacks.items()}
    for name, answers in said.items():
        print(f"{name:20} right about {(answers == labels).float().mean():.1%} of 1,000 test images")

    right = said["untouched"] == labels
    shown = torch.stack([(right & (labels == digit)).nonzero()[0, 0] for digit in range(COLUMNS)])
    figure = Figure(figsize=(COLUMNS, 6), dpi=100, layout="constrained")
    pictures: list[tuple[str, Tensor, Tensor | None]] = [("digit", images, said["untouched"])]
    for name, changed in attacks.items():
        pictures += [("added", (changed - images + 1) / 2, None), (name, changed, said[name])]
    for row, (name, values, answers) in zip(figure.subplots(len(pictures), COLUMNS), pictures, strict=True):
        row[0].set_ylabel(name)
        for axes, index in zip(row, shown.tolist(), strict=True):
            axes.imshow(values[index, 0], cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[], title="" if answers is None else f"“{answers[index].item()}”")
    figure.savefig("adversarial_examples.png")
    print("adversarial_examples.png")


if __name__ == "__main__":
    main()
