"""Linear probes: how well a linear classifier works on codes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from genlab.errors import GenlabError, counted

Array = NDArray[Any]


def few_label_accuracy(
    train: Array, train_labels: Array, test: Array, test_labels: Array, per_class: int | None, seed: int = 0
) -> float:
    """Compute the accuracy on test codes of a logistic regression that is trained on few labelled codes.

    Codes are centred, and scaled by one factor to a mean square of 1, so that scikit-learn's default regularisation is
    equally strong for codes of any scale.

    Args:
        train: training codes, (N, D).
        train_labels: their labels, (N,).
        test: test codes, (M, D).
        test_labels: their labels, (M,).
        per_class: number of labelled codes of each class; None for all codes.
        seed: seed for drawing these.

    Raises:
        GenlabError: if a class has fewer codes.
    """
    chosen = np.arange(len(train)) if per_class is None else draw(train_labels, per_class, seed)
    centre = train.mean(0)
    scale = np.sqrt(np.square(train - centre).mean()) + 1e-12
    classifier = LogisticRegression(max_iter=1000).fit((train[chosen] - centre) / scale, train_labels[chosen])
    return float(classifier.score((test - centre) / scale, test_labels))


def draw(labels: Array, per_class: int, seed: int) -> Array:
    """Draw the positions of `per_class` labels of each class.

    Raises:
        GenlabError: if a class has fewer.
    """
    random = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        if len(places) < per_class:
            raise GenlabError(
                f"class {label} has {counted(len(places), 'image')}, fewer than {per_class}; give a smaller number"
            )
        chosen.append(random.choice(places, per_class, replace=False))
    return np.concatenate(chosen)
