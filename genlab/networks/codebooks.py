"""Codebooks: quantizers that learn the vectors they quantize to (van den Oord et al. 2017, arXiv:1711.00937)."""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn

from genlab.networks.quantizers import Quantizer
from genlab.precision import at_least_float32
from genlab.ranges import at_least, share

AT_ONCE = {"cpu": 2**18, "cuda": 2**25}
"""Number of distances held at a time; a CPU is fastest with what fits into its cache."""
ITERATIONS = 10
"""Iterations of k-means before the first training step."""
REVIVAL_EVERY = 50
"""Number of training batches between checks for dead codes."""
SMOOTHING = 1e-5
"""Laplace smoothing of the moving counts, as in the authors' code."""


class Codebook(Quantizer):
    """Quantizer to the nearest vector of a learned codebook.

    Two things keep codes in use. The codebook starts as the centres that k-means finds among the first batch's vectors;
    and every 50 batches, dead codes, which were hardly used since the last check, are moved to vectors of the batch,
    drawn with probabilities proportional to the squared distance to the nearest code (as in k-means++).

    Under DDP, sums over the batch are over all processes, and the codebooks stay the same.

    Args:
        code_size: dimensions of a vector.
        codes: number of codes, at least 2.
        commitment: weight of the squared distance that keeps vectors near their codes, β in equation 3.
        kmeans_start: start with k-means on the first batch; otherwise at random.
        revive_below: codes used less often than this share of the mean are dead; 0 revives none.

    Raises:
        GenlabError: for numbers out of range.
    """

    recent: Tensor
    """How many vectors each code was nearest to since the last check for dead codes, (codes,)."""

    def __init__(
        self,
        code_size: int,
        codes: int = 512,
        commitment: float = 0.25,
        kmeans_start: bool = True,
        revive_below: float = 0.05,
    ) -> None:
        super().__init__(code_size, codes)
        at_least(0, commitment=commitment)
        share(revive_below=revive_below)
        self.commitment, self.kmeans_start, self.revive_below = commitment, kmeans_start, revive_below
        self.register_buffer("recent", torch.zeros(codes))
        self.batches = 0
        """Number of training batches so far: the same in all processes, so that all communicate at the same time."""

    @property
    @abstractmethod
    def book(self) -> Tensor:
        """The vectors of all codes, (codes, code_size)."""

    @abstractmethod
    def place(self, book: Tensor, counts: Tensor, which: Tensor) -> None:
        """Move codes, and reset their statistics.

        Args:
            book: new vectors, (codes, code_size).
            counts: expected number of vectors of a batch that are nearest to each code, (codes,).
            which: codes to move, (codes,), bool.
        """

    def learn(self, counts: Tensor, sums: Tensor) -> None:
        """Learn from the number of vectors nearest to each code, (codes,), and their sums, (codes, code_size)."""

    @abstractmethod
    def loss(self, z: Tensor, nearest: Tensor) -> Tensor:
        """Return the loss of vectors given their codes, each (N, code_size): (N,)."""

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # counting batches would recompile for each
    def quantize(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = z.detach()
        if self.training and self.batches == 0 and self.kmeans_start:
            self.start(found)
        indices = nearest(found, at_least_float32(self.book.detach()))
        vectors = at_least_float32(F.embedding(indices, self.book))
        loss = self.loss(z, vectors)
        vectors = vectors.detach()
        if self.training:
            counts, sums = totals(found, indices, self.codes)
            self.learn(counts, sums)
            self.batches += 1
            self.recent += counts
            if self.revive_below and self.batches % REVIVAL_EVERY == 0:
                self.revive(found, (found - vectors).square().sum(1))
        return vectors + (z - found), indices, loss

    def of_indices(self, indices: Tensor) -> Tensor:
        return F.embedding(indices, self.book)

    @torch.no_grad()
    def start(self, z: Tensor) -> None:
        """Set the codebook to the k-means centres of vectors (N, code_size) of all processes."""
        rows = torch.randperm(len(z))[torch.arange(self.codes) % len(z)].to(z.device)
        centres = of_first_process(z[rows])
        for _ in range(ITERATIONS):
            counts, sums = totals(z, nearest(z, centres), self.codes)
            centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
        counts, _ = totals(z, nearest(z, centres), self.codes)
        self.place(centres, counts.clamp(min=1), torch.ones_like(counts, dtype=torch.bool))

    @torch.no_grad()
    def revive(self, z: Tensor, distances: Tensor) -> None:
        """Move dead codes to vectors (N, code_size) of the first process, preferably far, (N,), from their codes."""
        weights = distances.nan_to_num(0, 0) + torch.finfo(z.dtype).tiny  # NaN if training has diverged and will end
        drawn = torch.multinomial(weights, self.codes, replacement=len(z) < self.codes)
        mean = self.recent.mean()
        dead = self.recent < self.revive_below * mean
        candidates = of_first_process(z[drawn])[dead.cumsum(0) - 1]  # the first draws, which are the likeliest
        self.place(candidates, (mean / REVIVAL_EVERY).expand_as(dead), dead)
        self.recent.zero_()

    def get_extra_state(self) -> Tensor:
        """Save the number of batches with the weights, and so whether the codebook has started."""
        return torch.tensor(self.batches)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the number of batches."""
        self.batches = int(state)


class EMACodebook(Codebook):
    """Codebook of moving averages: each code is the mean of the vectors that it was nearest to (appendix A.1).

    Its loss is the commitment, β |z - sg(e)|². It needs no optimizer.

    Args:
        code_size: dimensions of a vector.
        codes: number of codes, at least 2.
        commitment: weight of the squared distance that keeps vectors near their codes, β in equation 3.
        decay: decay rate of the moving averages.
        kmeans_start: start with k-means on the first batch; otherwise at random.
        revive_below: codes used less often than this share of the mean are dead; 0 revives none.
    """

    averages: Tensor
    counts: Tensor
    """Moving average of the number of a batch's vectors nearest to each code, (codes,)."""
    sums: Tensor
    """Moving average of the sum of these vectors, (codes, code_size)."""

    def __init__(
        self,
        code_size: int,
        codes: int = 512,
        commitment: float = 0.25,
        decay: float = 0.99,
        kmeans_start: bool = True,
        revive_below: float = 0.05,
    ) -> None:
        super().__init__(code_size, codes, commitment, kmeans_start, revive_below)
        share(decay=decay)
        self.decay = decay
        self.register_buffer("averages", at_random(codes, code_size))
        self.register_buffer("counts", torch.ones(codes))
        self.register_buffer("sums", self.averages.clone())

    @property
    def book(self) -> Tensor:
        return self.averages

    def place(self, book: Tensor, counts: Tensor, which: Tensor) -> None:
        rows = which[:, None]
        self.averages.copy_(torch.where(rows, book, self.averages))
        self.counts.copy_(torch.where(which, counts, self.counts))
        self.sums.copy_(torch.where(rows, book * counts[:, None], self.sums))  # old sums would pull the code back

    @torch.no_grad()
    def learn(self, counts: Tensor, sums: Tensor) -> None:
        self.counts.lerp_(counts.to(self.counts), 1 - self.decay)
        self.sums.lerp_(sums.to(self.sums), 1 - self.decay)
        self.averages.copy_(self.sums / smoothed(self.counts)[:, None])

    def loss(self, z: Tensor, nearest: Tensor) -> Tensor:
        return self.commitment * (z - nearest).square().sum(1)


class GradientCodebook(Codebook):
    """Codebook of parameters: codes follow the vectors that they are nearest to by gradient descent (equation 3).

    Its loss is |sg(z) - e|² + β |z - sg(e)|².
    """

    def __init__(
        self,
        code_size: int,
        codes: int = 512,
        commitment: float = 0.25,
        kmeans_start: bool = True,
        revive_below: float = 0.05,
    ) -> None:
        super().__init__(code_size, codes, commitment, kmeans_start, revive_below)
        self.weight = nn.Parameter(at_random(codes, code_size))

    @property
    def book(self) -> Tensor:
        return self.weight

    @torch.no_grad()
    def place(self, book: Tensor, counts: Tensor, which: Tensor) -> None:
        self.weight.copy_(torch.where(which[:, None], book, self.weight))

    def loss(self, z: Tensor, nearest: Tensor) -> Tensor:
        moved = (z.detach() - nearest).square().sum(1)
        return moved + self.commitment * (z - nearest.detach()).square().sum(1)


def at_random(codes: int, code_size: int) -> Tensor:
    """Draw a codebook, (codes, code_size), uniformly with variance 1 / code_size."""
    edge: float = (3 / code_size) ** 0.5
    return torch.empty(codes, code_size).uniform_(-edge, edge)


def nearest(z: Tensor, book: Tensor) -> Tensor:
    """Find the nearest code, in a codebook (codes, code_size), of each of vectors (N, code_size): indices (N,)."""
    norms = book.square().sum(1)
    parts = z.split(max(1, AT_ONCE.get(z.device.type, 2**22) // len(book)))
    return torch.cat([torch.addmm(norms, some, book.T, alpha=-2).argmin(1) for some in parts])


def totals(z: Tensor, indices: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """Count and sum the vectors of each code, over all processes.

    Args:
        z: vectors, (N, code_size).
        indices: indices of their codes, (N,).
        codes: number of codes.

    Returns:
        Counts (codes,), and sums (codes, code_size).
    """
    counts = indices.bincount(minlength=codes).to(z)
    sums = z.new_zeros(codes, z.shape[1]).index_add_(0, indices, z)
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(counts)
        distributed.all_reduce(sums)
    return counts, sums


def smoothed(counts: Tensor) -> Tensor:
    """Smooth counts (codes,) so that none is 0, keeping their sum."""
    total = counts.sum()
    return (counts + SMOOTHING) / (total + len(counts) * SMOOTHING) * total


def of_first_process(values: Tensor) -> Tensor:
    """Return the first process's values in every process."""
    if distributed.is_available() and distributed.is_initialized():
        values = values.contiguous()
        distributed.broadcast(values, 0)
    return values
