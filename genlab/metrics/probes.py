"""What a linear classifier makes of codes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from genlab.errors import GenlabError, counted

Array = NDArray[Any]


def few_label_accuracy(
    train: Array, train_labels: Array, test: Array, test_labels: Array, per_class: int | None, seed: int = 0
) -> float:
    """The share of test codes that logistic regression labels rightly after seeing few labels.

    Codes are moved and scaled as a whole, by one mean and one factor that make their mean square 1: so scikit-learn's
    default regularisation means the same for codes of any scale.

    Args:
        train: codes (N, D).
        train_labels: (N,).
        test: codes (M, D).
        test_labels: (M,).
        per_class: labelled codes of each class, drawn by `seed`; None for all codes.

    Raises GenlabError when a class has fewer.
    """
    chosen = np.arange(len(train)) if per_class is None else draw(train_labels, per_class, seed)
    centre = train.mean(0)
    scale = np.sqrt(np.square(train - centre).mean()) + 1e-12
    classifier = LogisticRegression(max_iter=1000).fit((train[chosen] - centre) / scale, train_labels[chosen])
    return float(classifier.score((test - centre) / scale, test_labels))


def draw(labels: Array, per_class: int, seed: int) -> Array:
    """Positions of `per_class` random labels of each class."""
    random = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        if len(places) < per_class:
            raise GenlabError(f"class {label} has {counted(len(places), 'image')}, fewer than {per_class}")
        chosen.append(random.choice(places, per_class, replace=False))
    return np.concatenate(chosen)
