"""Linear classifiers on few labels."""

import numpy as np
import pytest

import genlab
from genlab.metrics import few_label_accuracy
from genlab.metrics.probes import draw

RANDOM = np.random.default_rng(0)
LABELS = np.arange(300) % 3
CODES = RANDOM.normal(size=(300, 5)) + 2 * np.eye(3, 5)[LABELS]


def accuracy(per_class, seed=0, scale=1.0, shift=0.0):
    codes = CODES * scale + shift
    return few_label_accuracy(codes[:200], LABELS[:200], codes[200:], LABELS[200:], per_class, seed)


def test_more_labels_are_better():
    few = np.mean([accuracy(1, seed) for seed in range(10)])
    assert few < 0.8 < min(accuracy(30), accuracy(None))


def test_scale_and_origin_of_codes_do_not_matter():
    assert accuracy(10) == accuracy(10, scale=1000, shift=-7) == accuracy(10, scale=1e-3)


def test_labels_are_drawn_by_seed_equally_from_each_class():
    chosen = draw(LABELS, 4, seed=1)
    assert np.bincount(LABELS[chosen]).tolist() == [4, 4, 4]
    assert len(set(chosen)) == 12
    assert draw(LABELS, 4, seed=1).tolist() == chosen.tolist() != draw(LABELS, 4, seed=2).tolist()


def test_a_class_too_small_is_named():
    with pytest.raises(genlab.GenlabError, match="class 0 has 100 images, fewer than 101"):
        draw(LABELS, 101, seed=0)
