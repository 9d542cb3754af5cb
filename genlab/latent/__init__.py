"""What one does with codes."""

from genlab.latent.paths import normal_lattice

__all__ = ["normal_lattice"]
