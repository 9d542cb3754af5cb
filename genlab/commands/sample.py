"""`genlab sample`: draw new images from a trained model."""

import argparse
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from genlab import images, runs, sheets
from genlab.atomic import picture_format, require_folder_name, whole_folder
from genlab.capabilities import (
    Completes,
    Conditional,
    Decodes,
    Encodes,
    Samples,
    SamplesInSteps,
    as_seen,
    can,
    flat_code_size,
)
from genlab.commands.shared.prior import require_prior
from genlab.commands.shared.shown import condition_asked, named_condition, usual_attributes
from genlab.commands.shared.stepwise import from_image, require_consistent, set_sampling
from genlab.commands.shared.trained import BATCH, Trained, encoded
from genlab.commands.shared.truncation import set_truncation
from genlab.errors import GenlabError
from genlab.latent import CodeDensity
from genlab.pictures.drawing import Drawable

COUNT = 64
"""Number of samples, unless --count is given."""
ROWS = 8
"""Maximum number of samples in a strip."""
FITTED_ON = 10_000
"""Maximum number of training images to whose codes a density is fitted."""
COMPONENTS = 10
"""Number of normal distributions in a mixture, unless --components is given."""
DENSITIES = {"gaussian": "normal distribution", "gmm": "mixture"}
"""Densities that --prior fits, as a picture's title calls them."""
PAIRS = 8
"""Number of test images whose sources are the conditions in a picture."""


def main(args: argparse.Namespace) -> None:
    """Draw new images from a trained model."""
    if args.per_class and (args.condition or args.condition_image):
        raise GenlabError("--per-class writes images of every class; leave out the condition")
    if args.components is not None and args.prior != "gmm":
        raise GenlabError("--components is for a mixture; give it with --prior gmm")
    require_consistent(args)
    if args.out and not args.per_class:
        picture_format(args.out, arrays=True, text=True)
    trained = Trained(args, into_folder=bool(args.per_class))
    random = torch.Generator().manual_seed(args.seed)
    model = trained.model
    if not can(model, Conditional) and (args.condition or args.condition_image or args.per_class):
        require_prior(trained)
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} takes no conditions")
    if args.without_average:
        if getattr(model, "average", None) is None:
            raise GenlabError(
                f"the {type(model).__name__} in {trained.checkpoint} keeps no moving average; "
                "leave out --without-average"
            )
        model.average = None  # type: ignore[assignment]
    set_sampling(trained, args.sampler, args.steps, args.guidance)
    set_truncation(trained, args.truncation)
    if args.from_image or args.strip:
        draw_in_steps(trained, random)
    elif not can(model, Conditional):
        title = f"Samples of codes from a fitted {DENSITIES[args.prior]}" if args.prior else "Samples"
        sheet = sheets.of_samples(drawn(trained, args, random), args.columns, title=title)
        trained.draw(sheet, f"pictures/sample-{args.prior}.png" if args.prior else "pictures/sample.png")
    elif args.prior:
        raise GenlabError("a conditional model has a prior of its own; leave out --prior")
    elif args.per_class:
        print(write_classes(model, trained, random))
    else:
        trained.draw(*conditional_sheet(model, trained, random))


@torch.no_grad()
def draw_in_steps(trained: Trained, random: torch.Generator) -> None:
    """Draw images made from another image, or samples on their way from noise.

    Raises:
        GenlabError: for a model that cannot do this, or that needs a condition.
    """
    args, model = trained.args, trained.model
    trained.require(Completes if args.mask else SamplesInSteps)
    condition = condition_asked(trained)
    if can(model, Conditional) and condition is None:
        raise GenlabError(
            f"the {type(model).__name__} samples under a condition; give --condition or --condition-image"
        )
    if args.from_image:
        made = from_image(trained, condition, args.count or COUNT, random)
        title = f"{'Completions' if args.mask else 'Variations'} of {args.from_image.name}"
        sheet = sheets.of_samples(made, args.columns, title=title)
        trained.draw(named_condition(trained, sheet), "pictures/sample-from-image.png")
    else:
        able = trained.able_under(condition, SamplesInSteps)
        sheet = sheets.on_the_way(able, min(args.count or COUNT, ROWS), args.strip, random)
        trained.draw(named_condition(trained, sheet), "pictures/sample-strip.png")


@torch.no_grad()
def drawn(trained: Trained, args: argparse.Namespace, random: torch.Generator) -> Tensor | Sequence[str]:
    """Sample from the model's own prior or from a fitted density: images (count, C, H, W), or texts."""
    count = args.count or COUNT
    if args.prior:
        decoder = trained.able_to(Decodes)
        return as_seen(decoder, decoder.decode(code_density(trained, args).sample(count, random)))
    model = trained.model
    if not can(model, Samples) and can(model, Encodes) and can(model, Decodes):
        require_prior(trained)
        raise GenlabError(
            f"the {type(model).__name__} in {trained.checkpoint} has no prior to sample from; "
            "fit one to its codes with --prior gaussian or --prior gmm"
        )
    return as_seen(model, trained.able_to(Samples).sample(count, generator=random))


def code_density(trained: Trained, args: argparse.Namespace) -> CodeDensity:
    """Fit a density to the codes of training images, or load the one saved beside the checkpoint."""
    components = 1 if args.prior == "gaussian" else args.components or COMPONENTS
    found = kept_density(trained, components, args.seed)
    if found is not None:
        return found
    codes = training_codes(trained, args.seed)
    if components > len(codes):
        raise GenlabError(f"{components} components are more than the {len(codes)} images they are fitted to")
    density = CodeDensity.fitted(codes, components, args.seed, fitted_to(trained, args.seed))
    density.save(density_file(trained, components))
    print(density_file(trained, components))
    return density


def kept_density(trained: Trained, components: int, seed: int) -> CodeDensity | None:
    """Load the density saved beside the checkpoint; None if there is none, or if it was fitted to something else.

    It is used if it was fitted with the same model and data (the checkpoint's content and the command line's changes),
    seed and number of images. Modification times are ignored, as copying a run changes them.
    """
    size = flat_code_size(trained.able_to(Encodes))
    kept = density_file(trained, components)
    if not kept.exists():
        return None
    try:
        density = CodeDensity.load(kept)
    except GenlabError as error:
        warnings.warn(f"{error}; fitting it again", stacklevel=2)
        return None
    fits = density.fitted_to == fitted_to(trained, seed) and density.means.shape == (components, size)
    return density if fits else None


def training_codes(trained: Trained, seed: int) -> Tensor:
    """Encode at most FITTED_ON training images, drawn by a seed: (N, code_size)."""
    train_set = trained.splits.training_images()
    chosen = torch.randperm(len(train_set), generator=torch.Generator().manual_seed(seed))[:FITTED_ON]
    return encoded(trained, train_set, chosen)


def density_file(trained: Trained, components: int) -> Path:
    """Return the path beside the checkpoint where a density with this number of components is saved."""
    name = "gaussian" if components == 1 else f"gmm{components}"
    return trained.checkpoint.with_name(f"{trained.checkpoint.stem}-{name}.npz")


def fitted_to(trained: Trained, seed: int) -> str:
    """Describe what a density is fitted to, as text that can be compared."""
    args = trained.args
    described = {"data": args.data, "changed": args.data_settings} if args.data or args.data_settings else {}
    return json.dumps({"checkpoint": trained.digest, "seed": seed, "images_at_most": FITTED_ON, **described})


@torch.no_grad()
def conditional_sheet(model: Conditional, trained: Trained, random: torch.Generator) -> tuple[Drawable, str]:
    """Draw samples under the condition of the command, or under each in turn; return the sheet and its file's name."""
    args = trained.args
    asked = condition_asked(trained)
    if asked is not None:
        words = args.condition or args.condition_image.stem
        sheet = sheets.samples(model.given(asked), args.count or COUNT, args.columns, random)
        name = re.sub(r"[^\w=,.+-]", "_", words)
        return replace(sheet, title=f"Samples {model.condition.joined} {words}"), f"pictures/sample-{name}.png"
    batch = {}
    if model.condition.image_shape:
        test_set = trained.images()
        batch = test_set[torch.randperm(len(test_set), generator=random)[:PAIRS]]
    conditions, names = model.condition.every(batch, lambda: usual_attributes(trained))
    each, truth = args.count or args.columns, batch.get("target")
    return sheets.samples_by_condition(model, conditions, names, each, random, truth), "pictures/sample.png"


@torch.no_grad()
def write_classes(model: Conditional, trained: Trained, random: torch.Generator) -> Path:
    """Write images of each class into subfolders, as torchvision's ImageFolder reads them; all or none.

    Raises:
        GenlabError: for a model without classes, and for a folder that already exists, as none is ever replaced.
    """
    args = trained.args
    if not model.condition.class_names:
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} has no classes to sample from")
    folder: Path = args.out or (runs.run_of(trained.checkpoint) or trained.checkpoint.parent) / "samples"
    require_folder_name(folder)
    with whole_folder(folder) as part:
        named = _folders(model.condition.class_names)
        for label, name in enumerate(tqdm(named, "Sampling", unit=" classes")):
            inside = part / name
            inside.mkdir()
            given = model.given(torch.tensor([label]))
            for first in range(0, args.per_class, BATCH):
                samples = given.sample(min(BATCH, args.per_class - first), generator=random)
                for number, sample in enumerate(samples, first):
                    images.picture_of(sample).save(inside / f"{number:05}.png")
    return folder


def _folders(names: tuple[str, ...]) -> list[str]:
    """Return a folder name for each class, so that torchvision's ImageFolder, which sorts them, gives the same labels.

    Folders have the names of the classes, or numbers if the names are not sorted or are not valid folder names.
    """
    if [*names] == sorted(names) and all(map(_names_a_folder, names)):
        return [*names]
    return [str(label).zfill(len(str(len(names) - 1))) for label in range(len(names))]


def _names_a_folder(name: str) -> bool:
    return name.isprintable() and Path(name).name == name != ".."
