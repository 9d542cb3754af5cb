"""Share of images whose class changes with the styles of some layers, or with noise."""

from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from genlab.capabilities import Styled, can_given, seen_in
from genlab.data import BatchDataModule
from genlab.data.batches.tensors import ImageTensors
from genlab.devices import CPU
from genlab.errors import GenlabError
from genlab.evaluation.extractors import classifier_name, trained_classifier
from genlab.evaluation.rows import Row, averages
from genlab.metrics.classifier import Classifier
from genlab.models.shared.style_space import layer_groups

AT_ONCE = 100
"""Number of images sampled together."""


def require_styles(model: Any) -> None:
    """Raise GenlabError for a model without styles."""
    if not can_given(model, Styled):
        raise GenlabError(f"--mixing is for styles, and the {type(model).__name__} has none; leave it out")


@torch.no_grad()
def judge_mixing(
    model: Any, images: ImageTensors, data: BatchDataModule, random: Generator, device: torch.device = CPU
) -> list[Row]:
    """Measure how often a sample's class changes with another code's styles in some layers, or with other noise.

    The class is what a classifier of the data's labels sees; for attributes, the share that changes counts. The mean
    change of a pixel, in [0, 1], is measured too.

    Args:
        model: model with styles; a conditional one samples under the images' conditions.
        images: images of a data set; there are as many samples.
        data: data that the classifier learns from, set up for "fit" and "test".
        random: generator for codes and noise, on the CPU.
        device: device of the classifier.

    Raises:
        GenlabError: for data with neither labels nor attributes.
    """
    classifier, accuracy = trained_classifier(data, device)
    classes: dict[str, list[Tensor]] = {}
    pixels: dict[str, list[Tensor]] = {}
    with tqdm(total=len(images), desc="Mixing styles", unit=" images") as bar:
        for rows in torch.arange(len(images)).split(AT_ONCE):
            able, _ = seen_in(model, images[rows])
            own, other = (
                able.styles(able.draw_codes(len(rows), generator=random), truncation=able.truncation) for _ in range(2)
            )
            groups = layer_groups(own.shape[1])
            styles = {name: mixed(own, other, layers) for name, layers in groups.items()} | {"all": other}
            made = {f"{name}_styles": able.synthesize(of_group) for name, of_group in styles.items()}
            made["noise"] = able.synthesize(own, noise=able.draw_noise(len(rows), generator=random))
            before = able.synthesize(own)
            seen = classes_of(classifier, before, data)
            for name, after in made.items():
                differs = (classes_of(classifier, after, data) != seen).float().mean(1)
                classes.setdefault(f"classes_changed_by_{name}", []).append(differs)
                pixels.setdefault(f"pixels_changed_by_{name}", []).append((after - before).abs().flatten(1).mean(1))
            bar.update(len(rows))
    stamp = {"mixing": f"{len(images)} samples, seen by {classifier_name(data, accuracy)}"}
    return averages(classes | pixels, stamp)


def mixed(own: Tensor, other: Tensor, layers: list[int]) -> Tensor:
    """Replace the styles (B, layers, size) of some layers with those of another code."""
    styles = own.clone()
    styles[:, layers] = other[:, layers]
    return styles


def classes_of(classifier: Classifier, images: Tensor, data: BatchDataModule) -> Tensor:
    """Return the class of each image, (B, 1), or whether it has each attribute, (B, attributes)."""
    outputs = classifier.of_features(classifier.features(images))
    return outputs.argmax(1, keepdim=True) if data.num_classes else outputs > 0
