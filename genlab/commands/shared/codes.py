"""Codes that tools edit: from files that `genlab project` or `genlab predict` wrote, or drawn from the prior."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab.atomic import whole_file
from genlab.capabilities import Conditional, Decodes, DrawsCodes, Encodes, can, can_given, flat_code_size
from genlab.commands.shared.shown import condition_asked
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError
from genlab.models.shared.style_space import StyleSpace, movable
from genlab.regular import require_regular


@dataclass(frozen=True)
class Codes:
    """Codes and their decoder.

    Args:
        codes: (N, D).
        decoder: the model or its `StyleSpace`; for a conditional model, under the given condition.
    """

    codes: Tensor
    decoder: Any

    @property
    def each(self) -> tuple[Tensor, list[Any], Tensor]:
        """The codes, the decoder of each, and their images, (N, C, H, W)."""
        with torch.no_grad():
            return self.codes, [self.decoder] * len(self.codes), self.decoder.decode(self.codes)


def decoder_asked(trained: Trained) -> Any:
    """Return the decoder of codes (N, D), under the condition of the command; for a model with styles, it decodes W.

    Raises:
        GenlabError: for a model that does not decode vectors, and if a condition is missing.
    """
    trained.require(Decodes)
    flat_code_size(trained.model)
    condition = condition_asked(trained)
    if condition is None and can(trained.model, Conditional):
        raise GenlabError(
            f"the {type(trained.model).__name__} in {trained.checkpoint} decodes under a condition; give one, such as "
            f"--condition {trained.model.condition.example}"
        )
    return movable(trained.able_under(condition, Decodes))


def require_no_input(trained: Trained) -> None:
    """Check that --input is not combined with --codes, or given to a model that cannot encode.

    Raises:
        GenlabError: if it is.
    """
    if trained.inputs and trained.args.codes:
        raise GenlabError("give --input or --codes, not both")
    if trained.inputs and not can_given(trained.model, Encodes):
        raise GenlabError(
            f"the {type(trained.model).__name__} in {trained.checkpoint} cannot encode --input; find codes of images "
            "with `genlab project`, and give these as --codes"
        )


def codes_asked(trained: Trained, count: int | None, default: int, random: torch.Generator) -> Codes:
    """Return the first `count` codes in the files of --codes, or else draw `count` codes from the prior.

    Args:
        trained: the model, with the command's arguments.
        count: maximum number of codes; None for all of --codes, or for `default` codes from the prior.
        default: see `count`.
        random: generator to draw codes with.

    Raises:
        GenlabError: for files without such codes, and for a model without a prior.
    """
    decoder = decoder_asked(trained)
    if trained.args.codes:
        return Codes(read_codes(trained.args.codes, decoder)[:count], decoder)
    return Codes(drawn_codes(trained, decoder, count or default, random), decoder)


@torch.no_grad()
def drawn_codes(trained: Trained, decoder: Any, count: int, random: torch.Generator) -> Tensor:
    """Draw codes for a decoder from the prior, (count, D).

    Raises:
        GenlabError: for a model without a prior.
    """
    trained.require(DrawsCodes)
    codes: Tensor = decoder.draw_codes(count, generator=random)
    return codes


def write_codes(file: Path, codes: Tensor, decoder: Any, **arrays: Any) -> None:
    """Write codes (N, D), and arrays with N rows each, to a .npz file, completely or not at all."""
    with whole_file(file) as part, part.open("wb") as opened:
        np.savez_compressed(opened, **{_name(decoder): codes.numpy()}, **arrays)  # type: ignore[arg-type]


def read_codes(paths: Sequence[Path], decoder: Any) -> Tensor:
    """Read the codes in files, and concatenate them: (N, D).

    Raises:
        GenlabError: for files without codes that the decoder accepts.
    """
    return torch.cat([_codes_in(path, decoder) for path in paths])


def _codes_in(path: Path, decoder: Any) -> Tensor:
    name, size = _name(decoder), flat_code_size(decoder)
    try:
        require_regular(path)
        with np.load(path, allow_pickle=False) as arrays:
            found = torch.from_numpy(arrays[name].astype(np.float32)) if name in arrays else None
            there = [other for other in ("code", "style") if other in arrays]
    except Exception:  # damaged archives and arrays raise almost anything
        raise GenlabError(
            f"{path} cannot be read: it is missing, damaged, or not a file of codes; `genlab project` writes one"
        ) from None
    if found is None:
        holds = f"{there[0]}s" if there else "no codes"
    elif found.shape[1:] != (size,) or not len(found):
        holds = f"{name}s of shape {tuple(found.shape)}"
    elif not found.isfinite().all():
        holds = f"{name}s that are not finite"
    else:
        return found
    raise GenlabError(f"{path} holds {holds}, but this model takes {name}s of {size} finite numbers, (N, {size})")


def _name(decoder: Any) -> str:
    """Return the name of a decoder's codes in files: "style" for W, or "code", as in `genlab predict`, for z."""
    return "style" if isinstance(decoder, StyleSpace) else "code"
