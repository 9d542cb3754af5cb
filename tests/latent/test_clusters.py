"""Clusters and their agreement with labels."""

import numpy as np
import pytest

from genlab.latent import agreement, cluster
from genlab.latent.clusters import METHODS


@pytest.mark.parametrize("method", METHODS)
def test_groups_far_apart_are_found(method):
    random = np.random.default_rng(0)
    labels = np.arange(150) % 3
    codes = random.normal(size=(150, 4)) + 12 * np.eye(3, 4)[labels]
    assert agreement(cluster(codes, 3, method), labels) == pytest.approx({"accuracy": 1, "nmi": 1, "ari": 1})


def test_agreement_by_hand():
    labels, clusters = np.array([0, 0, 0, 1, 1, 2]), np.array([5, 5, 7, 7, 7, 7])
    found = agreement(clusters, labels)
    assert found["accuracy"] == pytest.approx(4 / 6)  # 5 is class 0, 7 is class 1
    # pairs: 7 in the same cluster, 4 in the same class, 2 in both, of 15; expected by chance: 7 * 4 / 15
    assert found["ari"] == pytest.approx((2 - 28 / 15) / ((7 + 4) / 2 - 28 / 15))


def test_renaming_clusters_changes_nothing_and_chance_is_worth_nothing():
    random = np.random.default_rng(0)
    labels, clusters = random.integers(0, 4, 4000), random.integers(0, 4, 4000)
    assert agreement(clusters, labels) == agreement((clusters + 3) * 10, labels)
    assert agreement(clusters, labels)["ari"] == pytest.approx(0, abs=0.01)
