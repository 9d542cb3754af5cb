"""Memory and messages of a training process."""

import contextlib
import ctypes
import logging
import warnings

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Options of malloc.h: the number of bytes from which freed memory is returned to the system."""

HINTS = (
    "Tip:",
    "to estimate number of stepping batches",
    "`weights_only` was not set",
    "TPU available",
    "model summary callbacks",
)
"""Parts of Lightning's unhelpful messages."""


def keep_freed_memory() -> None:
    """Let glibc keep freed memory: on a CPU, new pages for the gradients take a tenth of every step."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # raised with another C library, or on Windows
        libc = ctypes.CDLL(None)
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            libc.mallopt(option, 2**30)


def quieten() -> None:
    """Silence Lightning's advertisements, and its warnings that do not apply to batches cut from memory."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: not any(hint in str(record.msg) for hint in HINTS)
    )
    for message in (
        ".*is not supported by the model summary.*",
        ".*does not have many workers.*",
        ".*smaller than the logging interval.*",
        ".*Couldn't infer the batch indices.*",
        ".*args parameter is intended to run from within Python.*",
        ".*isinstance.treespec, LeafSpec.*",
        ".*manual optimization and every_n_train_steps.*",
        ".*could not find the monitored key.*",  # when training ends before the first validation
        ".*Checkpoint directory .* exists and is not empty.*",  # when training resumes
        ".*Detected call of `lr_scheduler.step.*",  # from a player that does not step with every batch
    ):
        warnings.filterwarnings("ignore", message)
