"""Speed of genlab's softplus on a CPU, with which the cross-entropy of pixels and free energies are computed.

    python benchmarks/softplus.py

Forward and backward on 128 images of 28 x 28, beside torch's softplus and torch's cross-entropy of logits, in turn.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.losses.softplus import softplus

ROUNDS = 300


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    logits, pixels = torch.randn(128, 784).requires_grad_(), torch.rand(128, 784)
    contenders: dict[str, Callable[[], Tensor]] = {
        "genlab, softplus": lambda: softplus(logits),
        "torch, softplus": lambda: F.softplus(logits),
        "genlab, cross-entropy": lambda: softplus(logits) - logits * pixels,
        "torch, cross-entropy": lambda: F.binary_cross_entropy_with_logits(logits, pixels, reduction="none"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, compute in contenders.items():
            began = time.perf_counter()
            compute().sum().backward()
            seconds[name].append(time.perf_counter() - began)
    print(f"{ROUNDS} rounds, {torch.get_num_threads()} threads")
    for name, times in seconds.items():
        print(f"{name:22} {1e6 * statistics.median(times):6,.0f} microseconds, median")


if __name__ == "__main__":
    main()
