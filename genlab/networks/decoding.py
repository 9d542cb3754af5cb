"""Decoding of sentences from step-by-step logits: greedy, sampling, and beam search, for any network.

Each function takes `step`, which maps tokens (B,) and a state, tensors (B, ...), to the logits (B, vocabulary size) of
the next tokens and the next state; the state before the first token; and a number of steps. It returns tokens
(B, steps), int64: words, `<end>`, then `<pad>`. Sentences that have not ended after these steps are cut off. With their
other arguments fixed by `functools.partial`, the functions are interchangeable.
"""

from collections.abc import Callable, Collection

import torch
from torch import Generator, Tensor

from genlab.networks.grid_sampling import chosen
from genlab.networks.recurrent import State
from genlab.precision import double_of, doubled
from genlab.ranges import above, between, extent
from genlab.vocabulary import END, PAD, START, UNKNOWN

Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""Maps tokens (B,) and a state to logits of the next tokens, (B, vocabulary size), and the next state."""
Decoding = Callable[..., Tensor]
"""One of the functions of this module, or a partial of it."""
NO_WORDS = (PAD, START, UNKNOWN)
"""Tokens that no sentence contains, unless unknown words are asked for."""


def greedy(
    step: Step, state: State, steps: int, *, banned: Collection[int] = NO_WORDS, generator: Generator | None = None
) -> Tensor:
    """Take the most probable token at each step.

    Args:
        step: computes logits and the next state, a `Step`.
        state: state before the first token.
        steps: maximum number of tokens, `<end>` included.
        banned: tokens that are never taken.
        generator: not used, since nothing is drawn.

    Example:
        >>> step = lambda token, state: (torch.tensor([[0.0, 0.0, 0.0, 0.5, 1.0]]).roll(-int(token == 4), 1), state)
        >>> greedy(step, (torch.zeros(1, 0),), steps=4)  # the word 4, and then the end
        tensor([[4, 3, 0, 0]])
    """
    return _one_by_one(step, state, steps, banned, lambda logits, _: logits.argmax(1))


def sample_tokens(
    step: Step,
    state: State,
    steps: int,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    banned: Collection[int] = NO_WORDS,
    generator: Generator | None = None,
) -> Tensor:
    """Draw the token at each step.

    Args:
        step: computes logits and the next state, a `Step`.
        state: state before the first token.
        steps: maximum number of tokens, `<end>` included.
        temperature: divides the logits: below 1, probable tokens are drawn more often.
        top_p: draw only from the most probable tokens that make up this probability (Holtzman et al. 2020,
            section 3.1).
        banned: tokens that are never drawn.
        generator: generator for the draws, on the CPU; by default torch's global one.

    Raises:
        GenlabError: for numbers out of range.
    """
    above(0, temperature=temperature, top_p=top_p)
    between(0, 1, top_p=top_p)
    device = state[0].device
    draws = torch.rand(len(state[0]), steps, generator=generator, dtype=torch.float64).to(double_of(device)).to(device)

    def drawn(logits: Tensor, position: int) -> Tensor:
        return chosen(nucleus(doubled(logits) / temperature, top_p), draws[:, position])

    return _one_by_one(step, state, steps, banned, drawn)


def beam_search(
    step: Step,
    state: State,
    steps: int,
    *,
    width: int = 5,
    banned: Collection[int] = NO_WORDS,
    generator: Generator | None = None,
) -> Tensor:
    """Find probable sentences: at each step, keep the most probable beginnings; at the end, take the best sentence.

    Probabilities are those of whole sentences, not normalised by length.

    Args:
        step: computes logits and the next state, a `Step`.
        state: state before the first token.
        steps: maximum number of tokens, `<end>` included.
        width: number of beginnings kept for each sentence.
        banned: tokens that are never taken.
        generator: not used, since nothing is drawn.

    Raises:
        GenlabError: for a width out of range.
    """
    extent(width=width)
    count, device = len(state[0]), state[0].device
    tokens = torch.full((count, 1, 1), START, device=device)  # (B, beginnings, length)
    scores = torch.zeros(count, 1, dtype=double_of(device), device=device)
    for _ in range(steps):
        last = tokens[:, :, -1].flatten()
        logits, state = step(last, state)
        log_probs = doubled(_without(logits, banned)).log_softmax(1)
        ended = (last == END) | (last == PAD)
        log_probs[ended] = -torch.inf
        log_probs[ended, PAD] = 0
        total = (scores.flatten()[:, None] + log_probs).view(count, -1)
        scores, best = total.topk(min(width, total.shape[1]))
        parent, token = best // logits.shape[1], best % logits.shape[1]
        rows = (parent + torch.arange(count, device=device)[:, None] * tokens.shape[1]).flatten()
        state = tuple(part[rows] for part in state)
        tokens = torch.cat([tokens.flatten(0, 1)[rows].view(*parent.shape, -1), token[:, :, None]], 2)
    return tokens[:, 0, 1:]


def nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Set logits (B, V) to -inf, except for the fewest tokens whose probabilities add up to `top_p` or more."""
    if top_p >= 1:
        return logits
    probabilities, order = logits.softmax(1).sort(1, descending=True)
    before = probabilities.cumsum(1) - probabilities
    return logits.masked_fill((before >= top_p).gather(1, order.argsort(1)), -torch.inf)


def _one_by_one(
    step: Step, state: State, steps: int, banned: Collection[int], choose: Callable[[Tensor, int], Tensor]
) -> Tensor:
    """Choose a token at each step, from logits (B, vocabulary size) and the position, until all sentences end."""
    count, device = len(state[0]), state[0].device
    tokens = torch.full((count, steps), PAD, device=device)
    token, ended = torch.full((count,), START, device=device), torch.zeros(count, dtype=torch.bool, device=device)
    for position in range(steps):
        logits, state = step(token, state)
        token = choose(_without(logits, banned), position).masked_fill(ended, PAD)
        tokens[:, position] = token
        ended |= token == END
        if ended.all():
            break
    return tokens


def _without(logits: Tensor, banned: Collection[int]) -> Tensor:
    """Return logits with -inf for banned tokens."""
    return logits.index_fill(1, torch.tensor([*banned], dtype=torch.int64, device=logits.device), -torch.inf)
