"""CelebA (Liu et al. 2015): 202,599 aligned faces with 40 attributes."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from genlab.data.base import ImageDataModule
from genlab.data.batches.splits import held_out
from genlab.data.batches.tensors import ImageTensors
from genlab.data.decoded import DecodedDataModule
from genlab.data.files.celeba_files import CelebAFiles, download_missing, locate
from genlab.data.files.framing import Framing
from genlab.data.files.image_files import ImageFiles
from genlab.data.files.places import data_folder
from genlab.errors import GenlabError, suggestion

NAMES = """
5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry
Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
Wearing_Necktie Young
"""
ATTRIBUTES = tuple(NAMES.split())
CROP = 148 / 178
"""Share of the width that is kept: 148 of the official files' 178 pixels (Larsen et al. 2016 and many since)."""


class CelebA(DecodedDataModule, ImageDataModule):
    """Colour or grey faces with attributes, in their official split.

    The centre of each image, 148 of its 178 columns (the same share in copies of any resolution), is resized to
    `image_size` and kept decoded in a cache (`genlab.data.files.cache`). Files are expected in `data_dir`/celeba: the
    official zip archive or its folder, with the tables, or Kaggle's; missing ones are downloaded. If only some of the
    images exist, those are used; if that leaves an official split empty, all are split by `seed`, a tenth each for
    validation and testing.

    Args:
        data_dir: folder of data sets; by default the environment variable GENLAB_DATA_DIR, else ./data.
        image_size: height and width in pixels, or one number for a square.
        channels: 3 for colour, 1 for grey; images are converted.
        attributes: names of the attributes in batches, in this order; by default all forty.
        flip: mirror half of the training images left to right.
        skip_unreadable: leave out images that cannot be decoded, instead of stopping.
        batch_size: images per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest.
        seed: seed of the order of batches, and of the split if it is not the official one.

    Raises:
        GenlabError: for an attribute that CelebA does not have, and for numbers out of range.
    """

    names: list[str]
    """Names of the stored images without their folders; like `images`, available after `setup`."""
    images: ImageTensors
    """All readable images, of all splits."""

    def __init__(
        self,
        data_dir: str | None = None,
        image_size: int | tuple[int, int] = 64,
        channels: Literal[1, 3] = 3,
        attributes: list[str] | None = None,
        flip: bool = False,
        skip_unreadable: bool = False,
        batch_size: int = 128,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(data_dir, image_size, channels, flip, 1.0, skip_unreadable, batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.data_dir = data_folder(data_dir)
        self.attribute_names = ATTRIBUTES if attributes is None else tuple(attributes)
        _positions(self.attribute_names, ATTRIBUTES)

    @cached_property
    def framing(self) -> Framing:
        """Crop a photograph to its centre, keeping the same share of its width as of CelebA's."""
        return Framing(self.image_shape, width_share=CROP)

    def prepare_data(self) -> None:
        """Download what is missing, and decode the images."""
        found = download_missing(self.data_dir)
        self.decoded((self._present(found, found.partition_table()), self.framing))

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        found = locate(self.data_dir)
        partition = found.partition_table()
        files = self._present(found, partition)
        if len(files.names) < len(partition):
            rank_zero_info(f"CelebA: {len(files.names):,} of {len(partition):,} images are in {files.place}")
        names = [_base(name) for name in files.names]
        (content,) = self.decoded((files, self.framing))
        images = ImageTensors(content.path, {"attributes": self._attributes(found, names)})
        self.names, self.images = names, images.subset(content.readable)
        part = torch.tensor([partition[name] for name in names])
        rows = [((part == number) & content.readable).nonzero()[:, 0] for number in range(3)]
        if not all(map(len, rows)):
            rank_zero_info(
                f"CelebA: the official training, validation and test splits have {[len(of_part) for of_part in rows]} "
                "images here, and none may be empty; all are split again, a tenth each for validation and testing"
            )
            if content.readable.sum() < 3:
                raise GenlabError(f"{files.place} has too few images for training, validation and testing")
            rows = held_out(content.readable.nonzero()[:, 0], self.seed, 2)
        train_set, self.val_set, self.test_set = map(images.subset, rows)
        self.train_set = train_set.transformed(self.augmentation)

    def _present(self, found: CelebAFiles, partition: Mapping[str, int]) -> ImageFiles:
        """Return the existing image files that the partition names, in its order."""
        files = found.image_files()
        paths = {_base(name): name for name in files.names}
        present = [paths[name] for name in partition if name in paths]
        if not present:
            raise GenlabError(f"none of the {len(partition):,} images that {found.partition} names is in {files.place}")
        return files.only(present)

    def _attributes(self, found: CelebAFiles, names: Sequence[str]) -> Tensor:
        """Return attributes, (number of images, number of attributes): 1.0 if an image has the attribute, else 0.0."""
        columns, known, values = found.attribute_table()
        chosen = _positions(self.attribute_names, columns)
        rows = {name: row for row, name in enumerate(known)}
        require_rows(names, rows, f"{found.attributes}")
        return torch.from_numpy(values[[rows[name] for name in names]][:, chosen] > 0).float()


def require_rows(names: Sequence[str], rows: Mapping[str, int], table: str) -> None:
    """Raise GenlabError if a table lacks the rows of some images."""
    missing = [name for name in names if name not in rows]
    if missing:
        raise GenlabError(
            f"{table} has no row for {len(missing):,} of {len(names):,} images ({missing[0]}, ...); "
            "use the table that belongs to them"
        )


def _positions(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Return the positions of names among the known ones.

    Raises:
        GenlabError: for an unknown name, suggesting the nearest known one.
    """
    for name in names:
        if name not in known:
            raise GenlabError(f"CelebA has no attribute {name}; {suggestion(name, known)}")
    return [known.index(name) for name in names]


def _base(name: str) -> str:
    """Remove the folders from a file's name."""
    return name.rpartition("/")[2]
