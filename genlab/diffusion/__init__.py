"""Standalone parts of diffusion models: noise schedules, predictions, losses, samplers and the bound.

They use the terms of Karras et al. 2022, where a noisy image is x + σ ε. A sampler needs a denoiser, noise, and levels
of σ, and knows no model; the models that are built from these parts are in `genlab.models`.
"""

from genlab.diffusion.bound import last_part, prior_part, step_parts
from genlab.diffusion.denoisers import Denoise, Denoiser, clipped, completing, guided, watched
from genlab.diffusion.losses import DenoisingLoss, image_error, prediction_error
from genlab.diffusion.noise import CosineNoise, DiscreteNoise, KarrasNoise, LinearNoise, NoiseSchedule
from genlab.diffusion.predictions import (
    ImagePrediction,
    KarrasPrediction,
    NoisePrediction,
    Prediction,
    VelocityPrediction,
    converted,
)
from genlab.diffusion.samplers import SAMPLERS, Sampler, ancestral, ddim, dpm_solver, euler, heun, resampled
from genlab.diffusion.sampling import Sampling

__all__ = [
    "SAMPLERS",
    "CosineNoise",
    "Denoise",
    "Denoiser",
    "DenoisingLoss",
    "DiscreteNoise",
    "ImagePrediction",
    "KarrasNoise",
    "KarrasPrediction",
    "LinearNoise",
    "NoisePrediction",
    "NoiseSchedule",
    "Prediction",
    "Sampler",
    "Sampling",
    "VelocityPrediction",
    "ancestral",
    "clipped",
    "completing",
    "converted",
    "ddim",
    "dpm_solver",
    "euler",
    "guided",
    "heun",
    "image_error",
    "last_part",
    "prediction_error",
    "prior_part",
    "resampled",
    "step_parts",
    "watched",
]
