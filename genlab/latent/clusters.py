"""Clusters of codes, found without labels, and their agreement with labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.mixture import GaussianMixture

METHODS = ("k-means", "GMM", "spectral")
NEIGHBOURS = 10
"""Number of neighbours of each code in the graph of spectral clustering."""


def cluster(codes: NDArray[np.floating], clusters: int, method: str, seed: int = 0) -> NDArray[np.integer]:
    """Assign each code to a cluster: (N, D) to (N,).

    Args:
        codes: codes, (N, D).
        clusters: number of clusters.
        method: one of METHODS. The Gaussian mixture has full covariances, plus a thousandth of the codes' variance;
            spectral clustering uses the graph of nearest neighbours.
        seed: seed for the starting points.
    """
    found: dict[str, Any] = {
        "k-means": KMeans(clusters, n_init=10, random_state=seed),
        "GMM": GaussianMixture(clusters, reg_covar=1e-3 * float(codes.var(0).mean()) + 1e-9, random_state=seed),
        "spectral": SpectralClustering(
            clusters, affinity="nearest_neighbors", n_neighbors=NEIGHBOURS, random_state=seed
        ),
    }
    labels: NDArray[np.integer] = found[method].fit_predict(codes)
    return labels


def agreement(clusters: NDArray[np.integer], labels: NDArray[np.integer]) -> dict[str, float]:
    """Measure how well clusters agree with labels; 1 is perfect.

    Args:
        clusters: the cluster of each code, (N,).
        labels: the label of each code, (N,).

    Returns:
        "accuracy", under the best one-to-one assignment of clusters to classes; "nmi", normalised mutual information;
        "ari", the adjusted Rand index, which is 0 for random clusters.

    Example:
        >>> agreement(np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1]))
        {'accuracy': 1.0, 'nmi': 1.0, 'ari': 1.0}
    """
    counts = contingency_matrix(labels, clusters)
    matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return {
        "accuracy": float(matched / len(labels)),
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "ari": float(adjusted_rand_score(labels, clusters)),
    }
