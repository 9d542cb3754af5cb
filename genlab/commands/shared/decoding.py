"""Decoding of sentences, as set on the command line."""

import argparse
from collections.abc import Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import KnowsWords, can
from genlab.errors import GenlabError
from genlab.networks.decoding import NO_WORDS, beam_search, greedy, sample_tokens
from genlab.ranges import above, if_given
from genlab.vocabulary import UNKNOWN


def set_decoding(model: Any, args: argparse.Namespace) -> None:
    """Set how a model decodes sentences, as the options say; sampling is reproducible by --seed.

    Without --decoding, --beam implies beam search, and --temperature or --top_p implies sampling.

    Raises:
        GenlabError: for a model that does not write sentences, and for contradictory options.
    """
    settings = if_given(beam=args.beam, temperature=args.temperature, top_p=args.top_p)
    asked = [*settings, *if_given(decoding=args.decoding), *["unknown"] * args.unknown]
    if not asked:
        return
    if not can(model, KnowsWords):
        raise GenlabError(
            f"--{asked[0]} is for models of sentences, and this is a {type(model).__name__}; leave it out"
        )
    drawing = "sample" if settings.keys() & {"temperature", "top_p"} else None
    kind = args.decoding or ("beam" if args.beam else drawing)
    if args.beam and kind != "beam":
        raise GenlabError("--beam is for beam search: give it with --decoding beam, without --temperature and --top_p")
    if drawing and kind != "sample":
        raise GenlabError("--temperature and --top_p are for drawing words: give them with --decoding sample")
    above(0, **settings)
    if kind == "beam":
        model.decoding = partial(beam_search, **if_given(width=args.beam))
    elif kind == "sample":
        model.decoding = partial(drawn, torch.Generator().manual_seed(args.seed), **settings)
    elif kind == "greedy":
        model.decoding = greedy
    if args.unknown:
        model.banned = tuple(number for number in NO_WORDS if number != UNKNOWN)


def drawn(
    random: torch.Generator,
    step: Any,
    state: Any,
    steps: int,
    *,
    banned: Collection[int],
    generator: torch.Generator | None = None,
    **settings: float,
) -> Tensor:
    """Sample the token at each step, with the generator `random` if the caller passes none."""
    return sample_tokens(step, state, steps, banned=banned, generator=generator or random, **settings)
