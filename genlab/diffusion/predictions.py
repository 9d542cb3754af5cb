"""Predictions of a network from a noisy image: noise, image or velocity, with conversions between them.

Each is a linear function of the noisy image and the image (Karras et al. 2022, equation 7): the estimate of the image
is D(x; σ) = c_skip x + c_out F(c_in x), where F is the network and x = image + σ noise.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor

from genlab.ranges import above


class Scalings(NamedTuple):
    """Factors of equation 7, each shaped like σ or a scalar."""

    skip: Tensor
    """Factor on the noisy image in the estimate."""
    out: Tensor
    """Factor on the network's output in the estimate."""
    input: Tensor
    """Factor on the noisy image as the network's input, so that its variance is about 1."""


class Prediction(ABC):
    """Meaning of a network's output.

    Noisy images, outputs and images are (B, C, H, W), levels σ are (B, 1, 1, 1) or broadcast against these.
    """

    @abstractmethod
    def scalings(self, sigma: Tensor) -> Scalings:
        """Return the factors of equation 7."""

    def image(self, output: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Return the image that an output stands for."""
        skip, out, _ = self.scalings(sigma)
        return skip * noisy + out * output

    def output(self, image: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
        """Return the output that stands for an image: what a network learns to predict."""
        skip, out, _ = self.scalings(sigma)
        return (image - skip * noisy) / out


class NoisePrediction(Prediction):
    """The noise ε (Ho et al. 2020, section 3.2)."""

    def scalings(self, sigma: Tensor) -> Scalings:
        return Scalings(sigma.new_ones(()), -sigma, (1 + sigma.square()).rsqrt())


class ImagePrediction(Prediction):
    """The image itself."""

    def scalings(self, sigma: Tensor) -> Scalings:
        return Scalings(sigma.new_zeros(()), sigma.new_ones(()), (1 + sigma.square()).rsqrt())


class VelocityPrediction(Prediction):
    """The velocity v = √ᾱ ε - √(1 - ᾱ) image, with ᾱ = 1 / (1 + σ²) (Salimans & Ho 2022, section 4 and appendix D)."""

    def scalings(self, sigma: Tensor) -> Scalings:
        signal = (1 + sigma.square()).rsqrt()
        return Scalings(signal.square(), -sigma * signal, signal)


class KarrasPrediction(Prediction):
    """Mixture of image and noise with variance 1 at each level, for images of a given variance (Karras et al. 2022).

    For a standard deviation of 1, it is the negative velocity.

    Args:
        sigma_data: standard deviation of the values of images in [-1, 1].
    """

    def __init__(self, sigma_data: float = 0.5) -> None:
        above(0, sigma_data=sigma_data)
        self.sigma_data = sigma_data

    def scalings(self, sigma: Tensor) -> Scalings:
        whole = (sigma.square() + self.sigma_data**2).rsqrt()
        return Scalings((self.sigma_data * whole).square(), sigma * self.sigma_data * whole, whole)


def converted(output: Tensor, noisy: Tensor, sigma: Tensor, old: Prediction, new: Prediction) -> Tensor:
    """Convert one prediction to another, such as noise to velocity."""
    return new.output(old.image(output, noisy, sigma), noisy, sigma)
