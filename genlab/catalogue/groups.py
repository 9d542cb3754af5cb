"""Groups of interchangeable classes, and the values that an argument can take. Imports nothing heavy."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from genlab.catalogue import source as catalogue
from genlab.catalogue.source import Argument, Entry
from genlab.facts import FACTS


@dataclass(frozen=True)
class Group:
    """Group of classes that can replace one another."""

    title: str
    names: tuple[str, ...]
    given: int = 0
    """Number of leading arguments that the model supplies."""
    or_any: str = ""
    """Description of other values that are accepted."""


ANY_MODULE = "any torch.nn.Module by its import path"


def network_groups() -> list[Group]:
    """Group genlab's networks by role."""
    layers = tuple(catalogue.subclasses("networks", "StackLayer"))
    quantizers = tuple(catalogue.subclasses("networks", "Quantizer"))
    corruptions = tuple(catalogue.subclasses("networks", "Corruption"))
    return [
        Group(
            "encoders: images to codes", ("ConvEncoder", "MapEncoder", "MLPEncoder", "StridedEncoder"), 2, ANY_MODULE
        ),
        Group(
            "decoders and generators: codes to images",
            (
                "ConvDecoder",
                "DCGANGenerator",
                "MapDecoder",
                "MLPDecoder",
                "StridedDecoder",
                "StyleGenerator",
                "UpsamplingDecoder",
            ),
            2,
            ANY_MODULE,
        ),
        Group(
            "discriminators: images to logits",
            ("DCGANDiscriminator", "MLPDiscriminator", "PatchDiscriminator", "ResidualDiscriminator"),
            2,
            ANY_MODULE,
        ),
        Group("translators: images to images", ("ResNetGenerator", "UNet"), 2, ANY_MODULE),
        Group("denoisers, for diffusion models", ("DenoisingUNet",), 3, ANY_MODULE),
        Group("quantizers, for VQ-VAEs", quantizers, 1, "any Quantizer by its import path"),
        Group("autoregressive networks, for PixelCNNs", ("GatedPixelCNN",), 4, ANY_MODULE),
        Group("encoders of sentences: words to codes", ("RecurrentEncoder",), 2, ANY_MODULE),
        Group("decoders of sentences: words and codes to logits", ("RecurrentDecoder",), 2, ANY_MODULE),
        Group("conditioning of a CGAN's discriminator", ("ConditionChannel", "Projection"), 4, ANY_MODULE),
        Group("layers of a stacked autoencoder", layers, 1, "any StackLayer by its import path"),
        Group("augmentation of what a StyleGAN's discriminator sees", ("AdaptiveAugmentation",), 0, ANY_MODULE),
        Group("corruptions of what a denoising model sees", corruptions, 0, "any Corruption by its import path"),
    ]


def loss_groups() -> list[Group]:
    """Group genlab's losses by role."""
    functions = (name for name, entry in catalogue.public("losses").items() if _of_logits_and_image(entry))
    return [
        Group("reconstruction, for autoencoders", (*functions, "WeightedSum"), 0, "any function of logits and images"),
        *(
            Group(title, tuple(catalogue.subclasses("losses", base)), 0, f"any {base} by its import path")
            for title, base in (
                ("likelihoods, for VAEs", "Likelihood"),
                ("regression, with a deviation for each value", "RegressionLoss"),
                ("adversarial losses, for GANs and translators", "AdversarialLoss"),
                ("penalties, for discriminators", "Penalty"),
                ("annealing of the KL divergence, for VAEs of sentences", "Annealing"),
            )
        ),
        Group("path lengths, for a StyleGAN's generator", ("PathLength",), 0, "any PathLength by its import path"),
        Group(
            "sparsity, for an autoencoder's codes", ("L1", "TargetRate"), 0, "any torch.nn.Module by its import path"
        ),
    ]


def data_groups() -> list[Group]:
    """Group genlab's data sets by the content of their batches, and its degradations."""
    by_base = [
        Group(title, tuple(catalogue.subclasses("data", base)), 0, f"any {base} by its import path")
        for title, base in (
            ("images", "ImageDataModule"),
            ("aligned pairs", "PairDataModule"),
            ("domains", "DomainDataModule"),
            ("degradations, for DegradedPairs", "Degradation"),
        )
    ]
    sentences = Group("sentences", ("Sentences",), 0, "any LightningDataModule by its import path")
    return [*by_base[:-1], sentences, by_base[-1]]


def model_groups() -> list[Group]:
    """Group genlab's models."""
    bases = ("ImageModel", "ConditionalModel", "SentenceModel")
    names = tuple(name for name in catalogue.subclasses("models", "LightningModule") if name not in bases)
    return [Group("models", names, 0, "any LightningModule by its import path")]


def schedule_groups() -> list[Group]:
    """Group genlab's learning-rate schedules."""
    names = tuple(catalogue.subclasses("schedules", "TrainingSchedule"))
    return [Group("schedules of learning rates", names, 1, "any class of torch.optim.lr_scheduler by its import path")]


GROUPS = {
    "models": model_groups,
    "datasets": data_groups,
    "networks": network_groups,
    "losses": loss_groups,
    "schedules": schedule_groups,
}
"""Groups of each listing command."""


def all_groups() -> Iterator[Group]:
    """Iterate over all groups."""
    for groups in GROUPS.values():
        yield from groups()


def group_of(name: str) -> Group | None:
    """Find the group of a class."""
    return next((group for group in all_groups() if name in group.names), None)


def choices(argument: Argument) -> Group | None:
    """Find the group for an argument that takes a class or function of genlab."""
    default = (argument.default or "").rpartition(".")[2]
    if argument.annotation == "ReconstructionError" or default in catalogue.public("networks"):
        return group_of(default)
    if "LayerFactory" in argument.annotation or argument.name == "sparsity":
        return group_of("L1" if argument.name == "sparsity" else "DenseLayer")
    if "ScheduleFactory" in argument.annotation:
        return schedule_groups()[0]
    for word in re.findall(r"\w+", argument.annotation):
        if group := group_of(word):
            return group
        for package in catalogue.PACKAGES:
            found = tuple(catalogue.subclasses(package, word))
            if found and word != "Module":
                return group_of(found[0])
    return None


def settable(entry: Entry) -> list[Argument]:
    """List the arguments that the user sets, rather than the data or the model."""
    if _of_logits_and_image(entry):
        return []
    group = group_of(entry.name)
    return [argument for argument in entry.arguments[group.given if group else 0 :] if argument.name not in FACTS]


def _of_logits_and_image(entry: Entry) -> bool:
    return entry.is_function and [argument.name for argument in entry.arguments] == ["logits", "image"]
