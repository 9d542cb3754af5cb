"""Perceptual path length: how much images change along paths between codes (Karras et al. 2019, section 4.1)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from genlab.capabilities import DrawsCodes, Styled, can, can_given, flat_code_size, seen_in
from genlab.data.batches.tensors import ImageTensors
from genlab.errors import GenlabError
from genlab.evaluation.extractors import Extractor
from genlab.evaluation.rows import Row, averages
from genlab.latent.paths import lerp_at, slerp_at
from genlab.models.shared.style_space import StyleSpace

EPSILON = 1e-4
"""Size of a step along a path, as a share of the path."""
AT_ONCE = 100
"""Number of pairs of codes whose images are compared at a time."""

Function = Callable[[Tensor], Tensor]


def require_paths(model: Any) -> None:
    """Raise GenlabError for a model whose codes are not real vectors from a prior."""
    if not can_given(model, DrawsCodes):
        raise GenlabError(f"--ppl needs codes from a prior, and the {type(model).__name__} has none; leave it out")
    flat_code_size(model)


@torch.no_grad()
def path_lengths(model: Any, images: ImageTensors, network: Extractor, random: Generator) -> list[Row]:
    """Measure the perceptual path length in Z and, for a model with styles, in W.

    It is the mean of |f(G(p(t + ε))) - f(G(p(t)))|² / ε², where f are a network's features of images that are not
    rounded to 8 bits, t is uniform in [0, 1], the whole path, and p leads from one code to another: spherically in Z,
    linearly in W. All pairs count, even those with the longest steps.

    Args:
        model: draws and decodes codes; a conditional one does so under the images' conditions.
        images: images of a data set; there are as many pairs of codes.
        network: network that compares images.
        random: generator for codes and t, on the CPU.

    Raises:
        GenlabError: for a network that only takes rounded images.
    """
    if network.unrounded is None:
        raise GenlabError(f"{network.name} rounds images, so that no small step changes them; give other --features")
    lengths: dict[str, list[Tensor]] = {}
    with tqdm(total=len(images), desc="Measuring paths", unit=" pairs") as bar:
        for rows in torch.arange(len(images)).split(AT_ONCE):
            able, _ = seen_in(model, images[rows])
            start, end = (able.draw_codes(len(rows), generator=random) for _ in range(2))
            share = torch.rand(len(rows), 1, generator=random)
            path = [slerp_at(start, end, share + step) for step in (0, EPSILON)]
            lengths.setdefault("path_length_z", []).append(lengths_of(path, able.decode, network.unrounded))
            if can(able, Styled):
                start, end = (able.styles(z, truncation=able.truncation)[:, 0] for z in (start, end))
                path = [lerp_at(start, end, share + step) for step in (0, EPSILON)]
                decode = StyleSpace(able).decode
                lengths.setdefault("path_length_w", []).append(lengths_of(path, decode, network.unrounded))
            bar.update(len(rows))
    stamp = {**network.stamp, "paths": f"{len(images)} pairs of codes, ε = {EPSILON:g}, whole way, images unrounded"}
    return averages(lengths, stamp)


def lengths_of(path: list[Tensor], decode: Function, features: Function) -> Tensor:
    """Measure the squared speed of features between the two codes of each path, (B, D): (B,)."""
    start, end = (features(decode(codes)) for codes in path)
    return ((end - start) / EPSILON).square().sum(1)
