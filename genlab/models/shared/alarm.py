"""Warnings of trouble in training that lasts."""

from collections import Counter

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

PATIENCE = 3
"""Bad epochs in a row before a warning."""


class Alarm:
    """Warnings of what has been bad for epochs in a row, each given once, until it has recovered."""

    def __init__(self) -> None:
        self._bad: Counter[str] = Counter()
        self._said: set[str] = set()

    def say(self, bad: bool, what: str, warning: str, recovery: str, patience: int = PATIENCE) -> None:
        """Warn of something that is bad for so many epochs in a row; report when it no longer is."""
        self._bad[what] = self._bad[what] + 1 if bad else 0
        if self._bad[what] == patience and what not in self._said:
            self._said.add(what)
            rank_zero_warn(warning)
        elif not bad and what in self._said:
            self._said.remove(what)
            rank_zero_info(recovery)
