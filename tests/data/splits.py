"""Data splits, set up for tests."""

from typing import Any


def set_up(data: Any) -> Any:
    """Return data after reading their files."""
    data.prepare_data()
    data.setup()
    return data


def sizes(data: Any) -> list[int]:
    """Return the number of images or pairs for training, validation and testing."""
    return [len(part) for part in (data.train_set, data.val_set, data.test_set)]
