"""Health of quantized codes: warnings of a codebook that is hardly used, and of codes that say nothing."""

from collections import Counter

from lightning.pytorch.utilities import rank_zero_warn

PATIENCE = 3
"""Epochs in a row that are bad before it is said."""
USED = 0.25
"""Share of the codes below which a codebook has collapsed, unless there are too few places to use them."""
SILENT = 0.01
"""Share of the largest entropy below which codes say almost nothing."""


class CodeHealth:
    """Warnings at the end of an epoch's validation, each once."""

    def __init__(self) -> None:
        self._bad: Counter[str] = Counter()

    def end_epoch(self, level: str, used: int, codes: int, places: int) -> None:
        """Warn of a codebook of which few codes are in use.

        Args:
            level: its name; empty where there is one level.
            used: codes that occurred in the epoch.
            codes: how many there are.
            places: how many could have occurred.
        """
        self._bad[level] = self._bad[level] + 1 if is_collapsed(used, codes, places) else 0
        if self._bad[level] == PATIENCE:
            rank_zero_warn(collapsed(level, used, codes))

    def end_epoch_of_prior(self, level: str, nats: float, most: float) -> None:
        """Warn of codes that say almost nothing: -log p of an image's under their prior, and what it is at most."""
        if is_silent(nats, most) and not self._bad[f"prior {level}"]:
            self._bad[f"prior {level}"] = 1
            rank_zero_warn(silent(level, nats, most))


def is_collapsed(used: int, codes: int, places: int) -> bool:
    """Whether few of the codes are used, where there are many more places than codes."""
    return places >= 4 * codes and used < USED * codes


def collapsed(level: str, used: int, codes: int) -> str:
    """Say that a codebook has collapsed, and what to try."""
    name = f"the {level} codebook" if level else "the codebook"
    return (
        f"{name} has collapsed: {used} of its {codes} codes are in use. Let it start with k-means and revive dead "
        "codes (kmeans_start, revive_below), or try a smaller learning rate, fewer codes, or FSQ"
    )


def is_silent(nats: float, most: float) -> bool:
    """Whether codes with so many nats, of `most` that they could have, say almost nothing."""
    return nats < SILENT * most


def silent(level: str, nats: float, most: float) -> str:
    """Say that codes are the same for nearly all images, and what to try."""
    name = f"codes of the {level} level" if level else "codes"
    return (
        f"{name} are almost the same for all images: their prior has {nats:.2g} nats an image, where {most:.0f} are "
        "possible. Try more codes or channels there, fewer codes elsewhere, or a longer training of the autoencoder"
    )
