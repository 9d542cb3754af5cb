"""Settings of Gibbs chains that generate images."""

from dataclasses import dataclass

from genlab.ranges import at_least, extent, if_given


@dataclass(frozen=True)
class GibbsSampling:
    """Settings of a Boltzmann machine's samples: `model.sampling = GibbsSampling(steps=5000)`.

    Args:
        steps: length of a chain from random pixels to its first image.
        thinning: steps between images of one chain; by default each image comes from its own chain.
    """

    steps: int = 1000
    thinning: int | None = None

    def __post_init__(self) -> None:
        """Raise GenlabError for numbers out of range."""
        extent(steps=self.steps)
        at_least(1, **if_given(thinning=self.thinning))
