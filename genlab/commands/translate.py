"""`genlab translate`: translate images of one domain to another, as files or as a picture of test images."""

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from genlab import images, runs, sheets
from genlab.atomic import must_be_free, picture_format, require_folder_name, whole_file
from genlab.capabilities import Translates
from genlab.commands.shared.inputs import named_paths, real, tell_unreadable
from genlab.commands.shared.trained import Trained
from genlab.data.files.framing import attempt, opened, pixels
from genlab.data.files.image_files import LARGEST
from genlab.errors import GenlabError, counted, listed
from genlab.evaluation.domains import domains_of
from genlab.models.shared.tiles import in_tiles
from genlab.pictures.figures import described
from genlab.regular import is_folder, read_regular

QUALITY = 95
"""Quality of JPEG files, out of 100."""
DESCRIBED = ("JPEG", "PNG", "TIFF", "WEBP")
"""Pillow's names of formats whose metadata can describe an image."""


def main(args: argparse.Namespace) -> None:
    """Translate files, or draw test images above their translations."""
    if not args.input and (args.tile or args.side_by_side):
        raise GenlabError("--tile and --side-by-side are for files; give --input")
    if args.out and not args.input:
        picture_format(args.out, arrays=True)
    trained = Trained(args, into_folder=bool(args.input))
    model = trained.able_to(Translates)
    if args.direction not in model.directions:
        raise GenlabError(
            f"the {type(model).__name__} in {trained.checkpoint} translates {listed(model.directions)} only"
        )
    with torch.no_grad():
        (translate_files if args.input else draw_test_images)(trained, model)


def draw_test_images(trained: Trained, model: Translates) -> None:
    """Draw test images, chosen by the seed, in rows above their translations."""
    args = trained.args
    domains = domains_of(trained.splits)
    test = domains.translated(args.direction)
    random = torch.Generator().manual_seed(args.seed)
    chosen = torch.randperm(len(test.start), generator=random)[: args.count]
    x = test.start[chosen]["image"]
    truth = test.end[chosen]["image"] if domains.aligned else None
    sheet = sheets.translations(model, x, args.direction, truth, args.columns, random)
    trained.draw(sheet, f"pictures/{sheets.translation_name(args.direction)}.png")


def translate_files(trained: Trained, model: Translates) -> None:
    """Translate each image of --input to a file of the same name; unreadable ones are listed at the end.

    A single image is translated to the file --output, if that has an image extension.

    Raises:
        GenlabError: before anything is written, when an output already exists, would replace an input, or cannot be
            written in its format.
    """
    args = trained.args
    folder: Path = args.out or (runs.run_of(trained.checkpoint) or trained.checkpoint.parent) / "translated"
    found = found_files(args.input, folder)
    is_one = Image.registered_extensions().get(folder.suffix.lower()) in Image.OPEN and not is_folder(folder)
    if is_one:
        if len(found) > 1:
            raise GenlabError(f"{folder} is one file for {len(found)} images; give the name of a folder as --output")
        folder, found = folder.parent, dict.fromkeys([folder.name], *found.values())
    else:
        require_folder_name(folder)
    own = {real(path) for path in found.values()}
    for name in found:
        if format_of(folder / name) not in DESCRIBED and model.disclosure:
            raise GenlabError(
                f"{folder / name} could not be labelled as changed: images that a {type(model).__name__} changed are "
                f"written as {listed(DESCRIBED)}"
            )
        if real(folder / name) in own:
            raise GenlabError(f"{folder / name} is one of the images to translate; give another --output")
        must_be_free(folder / name, args.force)

    channels, *size = model.directions[args.direction]
    unreadable = []
    for name, path in tqdm(found.items(), "Translating", unit=" images"):
        image = attempt(lambda path=path: opened(read_regular(path, LARGEST), channels))  # type: ignore[misc]
        if isinstance(image, str):
            unreadable.append(f"{path}: {image}")
            continue
        x = torch.from_numpy(pixels(image).copy())[None] / 255

        def translation(part: Tensor) -> Tensor:
            random = torch.Generator().manual_seed(args.seed)
            return model.translate(part, direction=args.direction, generator=random)

        y = in_tiles(translation, x, *size) if args.tile else translation(x)
        if args.side_by_side:
            y = torch.cat([each.expand(-1, max(x.shape[1], y.shape[1]), -1, -1) for each in (x, y)], 3)
        save(y[0], folder / name, model.disclosure)
    if len(unreadable) == len(found):
        raise GenlabError(f"none of the images can be read: {listed(unreadable, separator='; ')}")
    print(args.out if is_one else f"{counted(len(found) - len(unreadable), 'image')} in {folder}")
    tell_unreadable(unreadable)


def found_files(texts: list[str], output: Path) -> dict[str, Path]:
    """Find the image files of paths and patterns, by the names of their translations; see `named_paths`.

    Raises:
        GenlabError: for two files of the same name.
    """
    found: dict[str, Path] = {}
    for name, path in named_paths(texts, output):
        if found.setdefault(name, path) != path:
            raise GenlabError(f"{found[name]} and {path} are both called {name}; translate them one by one")
    return found


def save(image: Tensor, path: Path, disclosure: str | None = None) -> None:
    """Write an image (C, H, W) in [0, 1] in the format of the file's extension, with `disclosure` in its metadata."""
    with whole_file(path) as part:
        images.picture_of(image).save(part, format=format_of(path), quality=QUALITY, exif=described(disclosure or ""))


def format_of(path: Path) -> str:
    """Return Pillow's name of a file's format.

    Raises:
        GenlabError: for a format that cannot be written.
    """
    kind = Image.registered_extensions().get(path.suffix.lower(), "")
    if kind not in Image.SAVE:
        raise GenlabError(f"{path} has no extension of a format that can be written, such as .png or .jpg; rename it")
    return kind
