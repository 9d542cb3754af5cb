"""Questions about what models can do, and the names of capabilities in messages."""

from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

import torch
from torch import Tensor

from genlab.capabilities.protocols import (
    Bounds,
    Completes,
    Conditional,
    Corrupts,
    Decodes,
    Encodes,
    ExactLikelihood,
    HasLikelihood,
    HasPartition,
    KnowsWords,
    Quantizes,
    Reconstructs,
    Samples,
    SamplesInSteps,
    Styled,
    Translates,
)
from genlab.errors import GenlabError
from genlab.latent.paths import lerp

Capability = TypeVar("Capability")

VERBS: dict[type, str] = {
    Encodes: "encode",
    Decodes: "decode",
    Reconstructs: "reconstruct",
    Samples: "sample",
    Styled: "mix styles",
    Translates: "translate",
    HasLikelihood: "estimate likelihoods",
    ExactLikelihood: "compute likelihoods",
    Bounds: "bound likelihoods",
    HasPartition: "estimate its partition function",
    SamplesInSteps: "sample in steps",
    Completes: "complete images",
}
"""Names of capabilities in messages."""
TOOLS: dict[type, str] = {
    Translates: "`genlab translate` translates files and folders",
    Samples: "`genlab sample` draws new {}",
}
"""Tools to suggest for a model that predicts nothing; `{}` stands for what it models."""


def can(model: object, capability: type[Capability]) -> TypeGuard[Capability]:
    """Tell whether a model, or its class, has a capability.

    A class has the capabilities that it declares in `capabilities`; an instance of a class that declares nothing has
    those whose methods it has.
    """
    declared: tuple[type, ...] | None = getattr(model, "capabilities", None)
    if declared is not None:
        return capability in declared
    return not isinstance(model, type) and isinstance(model, capability)


def abilities(model: object) -> list[str]:
    """Name what a model can do, and for a conditional model also what it can do under a condition."""
    able = [verb for capability, verb in VERBS.items() if can(model, capability)]
    if not can(model, Conditional):
        return able
    given = [verb for capability, verb in VERBS.items() if can(model.given_as, capability)]
    return [*able, *(f"{verb} under a condition" for verb in given if verb not in able)]


def can_given(model: object, capability: type[Any]) -> bool:
    """Tell whether a model has a capability, for a conditional model under a condition."""
    return can(model.given_as if can(model, Conditional) else model, capability)


def seen_in(model: Any, batch: Any) -> tuple[Any, Tensor]:
    """Return the model and the images of a batch; a conditional model is put under their conditions."""
    if can(model, Conditional):
        return model.under(batch), model.images(batch)
    return model, batch["tokens" if can(model, KnowsWords) else "image"]


def as_seen(model: object, made: Tensor) -> Tensor | list[str]:
    """Return a model's output in a form for people: images as they are, sentences in words."""
    return model.sentences(made) if can(model, KnowsWords) else made


def default_path(model: Any) -> Callable[[Tensor, Tensor, int], Tensor]:
    """Return the path between two codes along which all tools interpolate by default.

    It is the model's `code_path`, for a conditional model that under a condition: slerp for diffusion models, whose
    codes are noise. For models without one it is lerp, which needs no origin; slerp, for codes drawn from a Gaussian
    prior (White 2016), has to be asked for.
    """
    path: Callable[[Tensor, Tensor, int], Tensor] = getattr(
        model.given_as if can(model, Conditional) else model, "code_path", lerp
    )
    return path


def flat_code_size(model: Any) -> int:
    """Return the size of a model's codes, for tools that move codes along real vectors.

    Raises:
        GenlabError: for codes of another kind, such as grids or whole numbers.
    """
    shape: tuple[int, ...] = model.code_shape
    if getattr(model, "discrete_codes", False):
        raise GenlabError(f"codes of the {type(model).__name__} are whole numbers; this tool needs real vectors")
    if len(shape) != 1:
        raise GenlabError(f"codes of the {type(model).__name__} are of shape {shape}; this tool needs vectors")
    return shape[0]


def with_real_codes(model: Any) -> None:
    """Make a model whose codes are grids encode to the vectors that they stand for, flattened, and decode these.

    This is for tools that move codes along real vectors; other models are left as they are.
    """
    if can(model, Quantizes):
        model.use_vectors()


def real_code_shape(model: Any) -> tuple[int, ...]:
    """Return the shape of a model's codes, for tools that interpolate between real numbers in any arrangement.

    Raises:
        GenlabError: for codes that are whole numbers.
    """
    if getattr(model, "discrete_codes", False):
        flat_code_size(model)  # raises the error
    shape: tuple[int, ...] = model.code_shape
    return shape


def reconstructed(model: Reconstructs, x: Tensor, generator: torch.Generator) -> list[Tensor]:
    """Reconstruct images (B, C, H, W).

    Returns:
        The images, for a denoising model its corrupted input, and the reconstructions: two or three tensors.
    """
    seen = model.corrupt(x, generator) if can(model, Corrupts) else x
    return [x, model.reconstruct(x)] if seen is x else [x, seen, model.reconstruct(seen)]
