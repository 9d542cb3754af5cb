"""What one does with codes."""

from genlab.latent.attributes import attribute_vector
from genlab.latent.paths import arc, line, normal_lattice, square

__all__ = ["arc", "attribute_vector", "line", "normal_lattice", "square"]
