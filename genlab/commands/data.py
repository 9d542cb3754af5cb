"""`genlab data`: download and decode data sets ahead of time, and check them."""

import argparse
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import yaml
from lightning.pytorch import LightningDataModule
from lightning.pytorch.cli import instantiate_module
from torch import Tensor

from genlab import sheets
from genlab.atomic import must_be_free
from genlab.commands.shared.sentences import batch_of, described
from genlab.configs import find_config
from genlab.data import (
    MNIST,
    BatchDataModule,
    CelebA,
    Digits,
    DomainDataModule,
    FolderDomains,
    FreyFaces,
    Sentences,
    SideBySidePairs,
)
from genlab.data.base import SPLITS
from genlab.data.files.berkeley import CYCLEGAN, PIX2PIX
from genlab.data.own import as_genlabs
from genlab.errors import GenlabError, counted, listed, suggestion
from genlab.parsing import safe_yaml
from genlab.pictures.drawing import Sheet, save
from genlab.renames import translated

NAMED: dict[str, Callable[[], BatchDataModule]] = {
    "digits": Digits,
    "mnist": MNIST,
    "frey": FreyFaces,
    "celeba": CelebA,
    "sentences": Sentences,
    **{name: partial(SideBySidePairs, name) for name in PIX2PIX},
    **{name: partial(FolderDomains, name) for name in CYCLEGAN},
}
OFFICIAL = {
    "digits": (1437, 180, 180),
    "mnist": (54_000, 6_000, 10_000),
    "frey": (1_565, 200, 200),
    "celeba": (162_770, 19_867, 19_962),
}
"""Sizes of the splits of complete data sets."""
SHOWN, COLUMNS = 32, 8
"""Number of images in the picture of a batch, and in one of its rows."""
MOST_CLASSES = 40
"""Maximum number of classes that are listed."""


def main(args: argparse.Namespace) -> None:
    """Prepare or check a data set."""
    if args.data_dir:
        os.environ["GENLAB_DATA_DIR"] = args.data_dir
    if args.out:
        must_be_free(args.out, args.force)
    data = find_data(args.name)
    if args.action == "prepare":
        data.prepare_data()
    data.setup()
    print(table(data, OFFICIAL.get(args.name)))
    if args.out:
        batch = next(iter(data.train_dataloader()))
        if data.vocabulary:
            drawn: Sheet | sheets.Lines = batch_of(data, batch["tokens"])
        else:
            print(describe(data, batch))
            drawn = draw(batch)
        save(drawn.of(args.name), args.out, scale=args.scale, labels=not args.no_labels, dpi=args.dpi)
        print(args.out)


def find_data(name: str) -> BatchDataModule:
    """Build the data set with a given name, or the one in a config.

    Raises:
        GenlabError: for an unknown name, and for a config whose data cannot be built.
    """
    if name in NAMED:
        return NAMED[name]()
    if not name.endswith(".yaml"):
        raise GenlabError(f"there is no data set called {name}; {suggestion(name, NAMED)}")
    try:
        config = translated(safe_yaml.load(find_config(name).read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise GenlabError(f"{name} is not valid YAML: {' '.join(str(error).split())}") from None
    section = config.get("data") if isinstance(config, dict) else None
    section = {"class_path": section} if isinstance(section, str) else section
    if not section or "class_path" not in section:
        raise GenlabError(f"{name} has no data section; add one, or name another config")
    if unknown := section.keys() - {"class_path", "init_args"}:
        raise GenlabError(
            f"the data section of {name} has {listed(sorted(unknown))} beside class_path and init_args; "
            "move them to init_args"
        )
    description = {"_class_path": section["class_path"], **(section.get("init_args") or {})}
    try:
        data = instantiate_module(LightningDataModule, description)
    except (ValueError, TypeError, argparse.ArgumentError) as error:
        reason: BaseException = error
        while reason.__cause__:  # jsonargparse wraps what a constructor raises
            reason = reason.__cause__
        raise GenlabError(f"the data of {name} cannot be built: {' '.join(str(reason).split())}") from None
    return as_genlabs(data)


def table(data: BatchDataModule, official: tuple[int, ...] | None) -> str:
    """Describe the splits in lines of text: sizes, and the shapes and mean brightness of a batch, or sentences."""
    if data.vocabulary:
        return "\n".join(described(cast(Sentences, data)))
    classes = counted(data.num_classes, "class", "classes")
    lines = [f"{type(data).__name__}: {classes}, {counted(len(data.attribute_names), 'attribute')}"]
    for position, split in enumerate(SPLITS):
        content = getattr(data, split, None)
        if content is None:  # a user's own data may lack a split
            continue
        count = f"{len(content):,}"
        if isinstance(data, DomainDataModule):
            count = ", ".join(
                f"{length:,} {name}" for length, name in zip(content.lengths, data.domain_names, strict=True)
            )
        if official and len(content) != official[position]:
            count += f" of {official[position]:,}"
        batch: dict[str, Tensor] = next(iter(data.loader(content, shuffle=False)), {})
        parts = [
            name
            + (f" {tuple(value.shape[1:])}" if value.ndim > 1 else "")
            + (f" mean {value.mean():.3f}" if value.ndim == 4 else "")
            for name, value in batch.items()
            if name != "index"
        ]
        lines.append(f"  {split.removesuffix('_set'):6}{count:>20}  {', '.join(parts)}")
    return "\n".join([*lines, *class_counts(data)])


def class_counts(data: BatchDataModule) -> list[str]:
    """Count the images of each class in each split, one line per class; no lines without labels."""
    labels: dict[str, Tensor | None] = {
        split.removesuffix("_set"): getattr(getattr(data, split, None), "labels", None) for split in SPLITS
    }
    counts = {
        split: of_split.bincount(minlength=data.num_classes).tolist()
        for split, of_split in labels.items()
        if of_split is not None
    }
    if not counts:
        return []
    names = [*data.class_names] or [*map(str, range(data.num_classes))]
    width = max(map(len, ["class", *names]))
    lines = [f"  {'class':{width}}" + "".join(f"{split:>9}" for split in counts)]
    lines += [
        f"  {name:{width}}" + "".join(f"{of_class[label]:9,}" for of_class in counts.values())
        for label, name in enumerate(names[:MOST_CLASSES])
    ]
    return lines + [f"  and {counted(len(names) - MOST_CLASSES, 'more class', 'more classes')}"] * (
        len(names) > MOST_CLASSES
    )


def describe(data: BatchDataModule, batch: Mapping[str, Tensor]) -> str:
    """Describe the images in the first row of the picture by their labels or attributes."""
    if "label" in batch:
        labels = batch["label"][:COLUMNS].tolist()
        return f"labels: {' '.join(data.class_names[label] if data.class_names else str(label) for label in labels)}"
    if "attributes" in batch:
        rows = batch["attributes"][:COLUMNS].tolist()
        return "\n".join(
            f"{number}: {' '.join(name for name, has in zip(data.attribute_names, row, strict=True) if has)}"
            for number, row in enumerate(rows, 1)
        )
    return " above ".join(batch)


def draw(batch: Mapping[str, Tensor]) -> Sheet:
    """Draw the images of a batch as a sheet, with the images of a pair or of domains one above the other."""
    kinds = {name: value[:SHOWN] for name, value in batch.items() if value.ndim == 4}
    if len(kinds) == 1:
        return sheets.in_rows(next(iter(kinds.values())), COLUMNS, title="Training images")
    return sheets.stacked(kinds, COLUMNS, title="Training images")
