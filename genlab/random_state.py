"""States of all random number generators that training draws from, as plain data."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from genlab.errors import GenlabError


def random_state() -> dict[str, Any]:
    """Return the states of this process's global generators: Python's, NumPy's, torch's and the current GPU's."""
    legacy: Any = np.random.get_state()
    kind, keys, *rest = legacy
    state = {"python": random.getstate(), "numpy": (kind, keys.tolist(), *rest), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Restore the states that `random_state` returned; if they lack a GPU's, the GPU draws from its own seed.

    Raises:
        GenlabError: for anything that is no such state.
    """
    try:
        random.setstate(state["python"])
        np.random.set_state(state["numpy"])
        torch.set_rng_state(state["torch"])
        if torch.cuda.is_available() and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"])
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise GenlabError(f"the checkpoint is damaged: it holds no random state ({error}); use another one") from None


def seed_torch(seed: int) -> None:
    """Seed those of torch's generators whose states `random_state` returns."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(seed)


def random_states() -> list[dict[str, Any]]:
    """Return the `random_state` of each process of the default group, in the order of ranks."""
    mine = random_state()
    if not torch.distributed.is_initialized():
        return [mine]
    states = [mine] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, mine)
    return states


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Draw random numbers inside the block from a fixed seed, and restore all generators after it."""
    before = random_state()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    try:
        yield
    finally:
        set_random_state(before)
