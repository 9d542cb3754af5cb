"""Health of quantized codes: warnings of a codebook that is hardly used, and of codes without information."""

from collections import Counter

from lightning.pytorch.utilities import rank_zero_warn

PATIENCE = 3
"""Bad epochs in a row before a warning."""
USED = 0.25
"""Share of the codes below which a codebook has collapsed, unless there are too few places to use them."""
SILENT = 0.01
"""Share of the maximum entropy below which codes carry almost no information."""


class CodeHealth:
    """Warnings at the end of a validation epoch, not repeated while the trouble lasts."""

    def __init__(self) -> None:
        self._bad: Counter[str] = Counter()

    def end_epoch(self, level: str, used: int, codes: int, places: int) -> None:
        """Warn of a codebook whose codes are mostly unused.

        Args:
            level: name of the level; empty if there is only one.
            used: number of codes that occurred in the epoch.
            codes: number of codes in the codebook.
            places: number of positions in the epoch's grids, where codes could have occurred.
        """
        self._bad[level] = self._bad[level] + 1 if is_collapsed(used, codes, places) else 0
        if self._bad[level] == PATIENCE:
            rank_zero_warn(collapsed(level, used, codes))

    def end_epoch_of_prior(self, level: str, nats: float, most: float) -> None:
        """Warn of codes that carry almost no information, given -log p of an image's codes and its maximum, in nats."""
        if is_silent(nats, most) and not self._bad[f"prior {level}"]:
            self._bad[f"prior {level}"] = 1
            rank_zero_warn(silent(level, nats, most))


def is_collapsed(used: int, codes: int, places: int) -> bool:
    """Whether few of the codes are used, although there are many more places than codes."""
    return places >= 4 * codes and used < USED * codes


def collapsed(level: str, used: int, codes: int) -> str:
    """Return the warning that a codebook has collapsed, and what to try."""
    name = f"the {level} codebook" if level else "the codebook"
    return (
        f"{name} has collapsed: {used} of its {codes} codes are in use. Start it with k-means and revive dead "
        "codes (kmeans_start, revive_below), or try a smaller learning rate, fewer codes, or FSQ"
    )


def is_silent(nats: float, most: float) -> bool:
    """Whether codes with so many nats, of the `most` that they could have, carry almost no information."""
    return nats < SILENT * most


def silent(level: str, nats: float, most: float) -> str:
    """Return the warning that codes are the same for nearly all images, and what to try."""
    name = f"codes of the {level} level" if level else "codes"
    return (
        f"{name} are almost the same for all images: their prior has {nats:.2g} nats per image of a possible "
        f"{most:.0f}. Try more codes or channels there, fewer codes elsewhere, or longer training of the autoencoder"
    )
