"""Groups of codes, found without labels, and how well they agree with labels."""

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
"""Of each code in the graph of spectral clustering."""


def cluster(codes: NDArray[np.floating], clusters: int, method: str, seed: int = 0) -> NDArray[np.integer]:
    """The cluster of each code: (N, D) to (N,).

    Args:
        codes: (N, D).
        clusters: how many to look for.
        method: one of METHODS. The mixture's Gaussians have full covariances, with a thousandth of the codes' variance
            added; spectral clustering is that of the graph of nearest neighbours.
        seed: of the starting points.
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
    """How well clusters (N,) fit labels (N,): each 1 for a perfect fit.

    "accuracy": with each cluster taken for a class of its own, as fits best; "nmi": normalised mutual information;
    "ari": adjusted Rand index, 0 for clusters by chance.
    """
    counts = contingency_matrix(labels, clusters)
    matched = counts[linear_sum_assignment(counts, maximize=True)].sum()
    return {
        "accuracy": float(matched / len(labels)),
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "ari": float(adjusted_rand_score(labels, clusters)),
    }
