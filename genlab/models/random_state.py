"""The states of all random number generators that training draws from, as plain data."""

import random
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's global generators, and of the current GPU's, of this process."""
    legacy: Any = np.random.get_state()
    kind, keys, *rest = legacy
    state = {"python": random.getstate(), "numpy": (kind, keys.tolist(), *rest), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Go on with the states that `random_state` gave; a GPU where there was none draws from its own seed."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


def random_states() -> list[dict[str, Any]]:
    """The `random_state` of each process of the default group, in their order."""
    mine = random_state()
    if not torch.distributed.is_initialized():
        return [mine]
    states = [mine] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, mine)
    return states
