"""Truncation of styles, as set on the command line."""

from genlab.capabilities import Styled, can_given
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError


def set_truncation(trained: Trained, truncation: float | None) -> None:
    """Set a model's truncation; None leaves it unchanged.

    Raises:
        GenlabError: for a model without styles.
    """
    if truncation is None:
        return
    if not can_given(trained.model, Styled):
        raise GenlabError(
            f"--truncation is for styles, and the {type(trained.model).__name__} in {trained.checkpoint} has none; "
            "leave it out"
        )
    trained.model.truncation = truncation  # type: ignore[assignment]
