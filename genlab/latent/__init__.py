"""What one does with codes."""

from genlab.latent.attributes import attribute_vector
from genlab.latent.clusters import agreement, cluster
from genlab.latent.density import CodeDensity
from genlab.latent.paths import arc, line, normal_lattice, square

__all__ = ["CodeDensity", "agreement", "arc", "attribute_vector", "cluster", "line", "normal_lattice", "square"]
