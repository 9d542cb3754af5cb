"""CelebA by person: two or more people, each a domain."""

import torch
from torch import Tensor

from genlab.data.base import SPLITS, DomainDataModule
from genlab.data.batches.splits import held_out
from genlab.data.batches.tensors import DomainTensors
from genlab.data.celeba import CelebA, require_rows
from genlab.data.derived import DerivedDataModule
from genlab.data.files.celeba_files import identity_table
from genlab.errors import GenlabError, counted
from genlab.facts import DOMAINS

FEWEST = 3
"""Minimum number of images of a person: one each for training, validation and testing."""


class IdentityDomains(DerivedDataModule, DomainDataModule):
    """CelebA with a domain for each person: one person is a, another b, and so on.

    The table `identity_CelebA.txt` must be in `data_dir`/celeba, beside the images or in `Anno`. As each person occurs
    in only one of the official splits, their images are split by `seed`, a tenth each for validation and testing.

    Args:
        data: DataModule that provides images, batch size, order and augmentation.
        identities: numbers of two or more people in the table; or a count, which picks the people with the most
            training images.

    Raises:
        GenlabError: for fewer than two people, more people than letters, or the same person twice.
    """

    def __init__(self, data: CelebA, identities: int | list[int] = 2) -> None:
        super().__init__(data)
        self.data: CelebA
        self.a_shape = data.image_shape
        self.named = () if isinstance(identities, int) else tuple(identities)
        self.num_domains = identities if isinstance(identities, int) else len(identities)
        self.domain_names = tuple(map(str, self.named)) or DOMAINS[: self.num_domains]
        if not 2 <= self.num_domains <= len(DOMAINS) or len({*self.named}) < len(self.named):
            raise GenlabError(
                f"identities is {identities}; list the numbers of 2 to {len(DOMAINS)} people, such as [5, 9], or say "
                "how many, such as 2"
            )

    def prepare_data(self) -> None:
        """Look up the identities, and prepare CelebA."""
        self._require(identity_table(self.data.data_dir))  # before 200,000 images are decoded
        super().prepare_data()

    def setup(self, stage: str | None = None) -> None:
        """Open all three splits."""
        self.data.setup()
        table = identity_table(self.data.data_dir)
        self._require(table)
        require_rows(self.data.names, table, "identity_CelebA.txt")
        people = torch.tensor([table[name] for name in self.data.names])
        chosen = self.named or self._most_seen(people)
        self.domain_names = tuple(map(str, chosen))
        images = self.data.images
        domains = [self._split(identity, (people[images.rows] == identity).nonzero()[:, 0]) for identity in chosen]
        for split, rows in zip(SPLITS, zip(*domains, strict=True), strict=True):
            setattr(self, split, DomainTensors(*map(images.subset, rows)))
        self.train_set = self.train_set.transformed(self.data.augmentation)

    def _require(self, table: dict[str, int]) -> None:
        """Raise GenlabError for an identity that is not in the table."""
        known = {*table.values()}
        for identity in self.named:
            if identity not in known:
                raise GenlabError(
                    f"identity_CelebA.txt has no identity {identity}; they are numbered from {min(known)} to "
                    f"{max(known)}"
                )

    def _most_seen(self, people: Tensor) -> tuple[int, ...]:
        """Find the people with the most images in CelebA's training split; ties go to the smallest numbers."""
        counts = people[self.data.train_set.rows].bincount()
        if (there := int((counts > 0).sum())) < self.num_domains:
            raise GenlabError(
                f"the training images of CelebA here show {counted(there, 'person', 'people')}, fewer than "
                f"{self.num_domains}; get more of them"
            )
        return tuple(counts.argsort(descending=True, stable=True)[: self.num_domains].tolist())

    def _split(self, identity: int, rows: Tensor) -> list[Tensor]:
        """Split the positions of a person's images into training, validation and test positions."""
        if len(rows) < FEWEST:
            raise GenlabError(
                f"{counted(len(rows), 'image')} of identity {identity} here, too few for training, validation and "
                "testing; choose another"
            )
        return held_out(rows, self.seed, 2)
