"""Sampling in steps, as set on the command line: its settings, and images made from another image."""

import argparse
import inspect
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Completes, Conditional, SamplesInSteps, can, can_given
from genlab.commands.shared.shown import read_image
from genlab.commands.shared.trained import Trained
from genlab.data.files.framing import attempt, upright_size
from genlab.data.files.image_files import LARGEST
from genlab.diffusion.samplers import SAMPLERS
from genlab.errors import GenlabError
from genlab.ranges import if_given
from genlab.regular import read_regular

TAKE_ETA = [name for name, sampler in SAMPLERS.items() if "eta" in inspect.signature(sampler).parameters]
"""Samplers with a setting `eta`, which replaces predicted noise by new noise."""


def set_sampling(trained: Trained, name: str | None, count: int | None, guidance: float | None) -> None:
    """Set a model's sampler by name, its number of steps, its guidance, and the other settings of the command.

    Raises:
        GenlabError: for a model that does not sample in steps or lacks the setting, for more steps than it has, and for
            guidance of an unconditional model.
    """
    args, model = trained.args, trained.model
    given = {"sampler": name, "steps": count, "guidance": guidance, "eta": args.eta, "thinning": args.thinning}
    asked = [f"--{option}" for option, value in given.items() if value is not None]
    if not can_given(model, SamplesInSteps):
        if asked:
            raise GenlabError(
                f"the {type(model).__name__} in {trained.checkpoint} does not sample in steps; "
                f"leave out {', '.join(asked)}"
            )
        return
    settings: dict[str, Any] = {}
    known = ["steps", "thinning"] if hasattr(model.sampling, "thinning") else ["sampler", "steps", "guidance", "eta"]
    if unknown := [option for option in asked if option.removeprefix("--") not in known]:
        raise GenlabError(
            f"the {type(model).__name__} in {trained.checkpoint} samples with --{', --'.join(known)}; "
            f"leave out {', '.join(unknown)}"
        )
    if args.thinning is not None:
        settings["thinning"] = args.thinning
    sampler: Any = SAMPLERS[name] if name else getattr(model.sampling, "sampler", None)
    if args.eta is not None:
        if "eta" not in inspect.signature(sampler).parameters:
            raise GenlabError(f"--eta is for {' and '.join(TAKE_ETA)}: give --sampler {TAKE_ETA[0]}")
        sampler = partial(sampler, eta=args.eta)
    if sampler:
        settings["sampler"] = sampler
    if count is not None:
        if hasattr(model, "noise"):
            model.noise.levels(count)  # type: ignore[operator,union-attr]  # raises an error for too many
        settings["steps"] = count
    if guidance is not None:
        if not can(model, Conditional):
            raise GenlabError(
                f"--guidance is for conditions, and the {type(model).__name__} in {trained.checkpoint} takes none"
            )
        settings["guidance"] = guidance
    model.sampling = replace(model.sampling, **settings)  # type: ignore[type-var]


def from_image(trained: Trained, condition: Tensor | None, count: int, random: torch.Generator) -> Tensor:
    """Make images from the one of --from-image, or complete it where --mask is white: (count, C, H, W).

    Raises:
        GenlabError: for a model that cannot do this, and for unreadable or unsuitable files.
    """
    args = trained.args
    image = read_image(args.from_image, trained.model.image_shape)  # type: ignore[arg-type]
    several = image.expand(count, -1, -1, -1)
    if args.mask is None:
        able = trained.able_under(condition, SamplesInSteps)
        return able.vary(several, **if_given(strength=args.strength), generator=random)
    completes = trained.able_under(condition, Completes)
    return completes.complete(several, read_mask(args.mask, image.shape[-2:]), generator=random)


def read_mask(path: Path, size: torch.Size) -> Tensor:
    """Read a mask of size (H, W): 1 where the file is white, else 0.

    Raises:
        GenlabError: for an unreadable file, and for one of another size, as a resized mask would not match the pixels.
    """
    found = attempt(lambda: upright_size(read_regular(path, LARGEST)))
    if isinstance(found, str):
        raise GenlabError(f"{path} cannot be read as an image: {found}")
    height, width = size
    if found != (width, height):
        raise GenlabError(
            f"the mask {path} has {found[0]} x {found[1]} pixels; the model's images have {width} x {height}"
        )
    return (read_image(path, (1, height, width))[0, 0] > 0.5).float()


def require_consistent(args: argparse.Namespace) -> None:
    """Raise GenlabError for contradictory options."""
    if args.mask and not args.from_image:
        raise GenlabError("--mask completes an image: give it with --from-image FILE")
    for option in ("sampler", "eta"):
        if args.mask and getattr(args, option) is not None:
            raise GenlabError(f"an image is completed by ancestral sampling, as RePaint does; leave out --{option}")
    if args.strength is not None and (args.mask or not args.from_image):
        raise GenlabError(
            "--strength is for images like that of --from-image FILE: give it with that, and without --mask"
        )
    if args.strip and (args.from_image or args.prior or args.per_class):
        raise GenlabError(
            "--strip shows samples on their way from noise; leave out --from-image, --prior and --per-class"
        )
    if args.thinning is not None and (args.strip or args.from_image):
        raise GenlabError("--thinning is for samples of one chain; leave out --strip and --from-image")
    if args.from_image and (args.prior or args.per_class):
        raise GenlabError("--from-image starts from an image; leave out --prior and --per-class")
