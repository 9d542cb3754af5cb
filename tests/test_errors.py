"""What the command line says about any error."""

import numpy as np
import pytest
import torch

from genlab.errors import GenlabError, in_one_line


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (GenlabError("give more"), "give more"),
        (caused(ValueError("some\nlines"), GenlabError("give more")), "give more"),
        (RuntimeError("two\n  lines"), "RuntimeError: two lines; run it again with --debug for the traceback"),
        (
            caused(ValueError("Does not validate against any of the Union subtypes"), TypeError("no")),
            "TypeError: no; run it again with --debug for the traceback",
        ),
        (PermissionError(13, "Permission denied", "x.yaml"), "Permission denied: x.yaml"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_an_error_is_one_line(error, line):
    assert in_one_line(error) == line


def test_a_memory_that_is_not_enough_is_told_as_that():
    for ask in (lambda: np.empty(2**50), lambda: torch.empty(2**50), lambda: bytearray(2**50)):
        with pytest.raises((MemoryError, RuntimeError)) as error:
            ask()
        line = in_one_line(error.value)
        assert line.startswith("out of memory (")
        assert line.endswith("; lower data.batch_size, or use smaller images or networks")
