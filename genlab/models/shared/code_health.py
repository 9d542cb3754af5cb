"""Health of quantized codes: warnings of a codebook that is hardly used, and of codes without information."""

from genlab.models.shared.alarm import Alarm

USED = 0.25
"""Share of the codes below which a codebook has collapsed, unless there are too few places to use them."""
PLACES = 4
"""Places for each code that show whether a codebook has collapsed."""
SILENT = 0.01
"""Share of the maximum entropy below which codes carry almost no information."""


class CodeHealth(Alarm):
    """Warnings at the end of a validation epoch."""

    def end_epoch(self, level: str, used: int, codes: int, places: int) -> None:
        """Warn of a codebook whose codes are mostly unused, if there are many more places than codes.

        Args:
            level: name of the level; empty if there is only one.
            used: number of codes that occurred in the epoch.
            codes: number of codes in the codebook.
            places: number of positions in the epoch's grids, where codes could have occurred.
        """
        if places >= PLACES * codes:
            recovery = f"{codebook(level)} has recovered: {used} codes are in use"
            self.say(is_collapsed(used, codes, places), level, collapsed(level, used, codes), recovery)

    def end_epoch_of_prior(self, level: str, nats: float, most: float) -> None:
        """Warn of codes that carry almost no information, given -log p of an image's codes and its maximum, in nats."""
        recovery = f"{codes_of(level)} differ between images: their prior has {nats:.2g} nats per image"
        self.say(is_silent(nats, most), f"prior {level}", silent(level, nats, most), recovery, patience=1)


def codebook(level: str) -> str:
    """Name the codebook of a level in a sentence."""
    return f"the {level} codebook" if level else "the codebook"


def codes_of(level: str) -> str:
    """Name the codes of a level in a sentence."""
    return f"codes of the {level} level" if level else "codes"


def is_collapsed(used: int, codes: int, places: int) -> bool:
    """Whether few of the codes are used, although there are many more places than codes."""
    return places >= PLACES * codes and used < USED * codes


def collapsed(level: str, used: int, codes: int) -> str:
    """Return the warning that a codebook has collapsed, and what to try."""
    return (
        f"{codebook(level)} has collapsed: {used} of its {codes} codes are in use. Start it with k-means and revive "
        "dead codes (kmeans_start, revive_below), or try a smaller learning rate, fewer codes, or FSQ"
    )


def is_silent(nats: float, most: float) -> bool:
    """Whether codes with so many nats, of the `most` that they could have, carry almost no information."""
    return nats < SILENT * most


def silent(level: str, nats: float, most: float) -> str:
    """Return the warning that codes are the same for nearly all images, and what to try."""
    return (
        f"{codes_of(level)} are almost the same for all images: their prior has {nats:.2g} nats per image of a "
        f"possible {most:.0f}. Try more codes or channels there, fewer codes elsewhere, or longer training of the "
        "autoencoder"
    )
