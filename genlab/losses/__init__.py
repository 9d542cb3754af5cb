"""Losses that stand alone: plain functions of tensors with one value per image, shape (B,), computed in float32."""

from genlab.losses.divergence import kl_standard_normal
from genlab.losses.likelihood import Bernoulli
from genlab.losses.reconstruction import absolute_error, cross_entropy, squared_error

__all__ = ["Bernoulli", "absolute_error", "cross_entropy", "kl_standard_normal", "squared_error"]
