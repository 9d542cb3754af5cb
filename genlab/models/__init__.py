"""Model families, one LightningModule a file."""

from genlab.checkpoints import load
from genlab.models.autoencoder import Autoencoder
from genlab.models.base import ImageModel
from genlab.models.capabilities import Decodes, Encodes, Reconstructs, Samples
from genlab.models.cgan import CGAN
from genlab.models.cvae import CVAE
from genlab.models.cyclegan import CycleGAN
from genlab.models.encoder_features import EncoderFeatures
from genlab.models.gan import GAN
from genlab.models.pix2pix import Pix2Pix
from genlab.models.stacked import StackedAutoencoder
from genlab.models.stages import Schedule
from genlab.models.vae import VAE

__all__ = [
    "CGAN",
    "CVAE",
    "GAN",
    "VAE",
    "Autoencoder",
    "CycleGAN",
    "Decodes",
    "EncoderFeatures",
    "Encodes",
    "ImageModel",
    "Pix2Pix",
    "Reconstructs",
    "Samples",
    "Schedule",
    "StackedAutoencoder",
    "load",
]
