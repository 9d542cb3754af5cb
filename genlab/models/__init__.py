"""Model families, one LightningModule per file."""

from genlab.capabilities import Decodes, Encodes, Reconstructs, Samples
from genlab.checkpoints import load
from genlab.models.adversarial_deepfake import AdversarialDeepFake
from genlab.models.autoencoder import Autoencoder
from genlab.models.cgan import CGAN
from genlab.models.code_prior import CodePrior
from genlab.models.conditional_diffusion import ConditionalDiffusion
from genlab.models.cstylegan import CStyleGAN
from genlab.models.cvae import CVAE
from genlab.models.cyclegan import CycleGAN
from genlab.models.dbn import DBN, LabelledDBN
from genlab.models.deepfake import DeepFake
from genlab.models.diffusion import Diffusion
from genlab.models.gan import GAN
from genlab.models.latent_diffusion import LatentDiffusion
from genlab.models.pix2pix import Pix2Pix
from genlab.models.pixelcnn import ConditionalPixelCNN, PixelCNN
from genlab.models.rbm import RBM
from genlab.models.regression import GaussianRegressor
from genlab.models.sentence_autoencoder import SentenceAutoencoder
from genlab.models.sentence_lm import SentenceLM
from genlab.models.sentence_vae import SentenceVAE
from genlab.models.shared.adversarial import Players
from genlab.models.shared.base import Model, frozen
from genlab.models.shared.codes import Codec, Prior
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.encoder_features import EncoderFeatures
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.sentence_model import SentenceModel
from genlab.models.shared.staged import StagedModel, StageSchedule
from genlab.models.shared.style_space import StyleSpace
from genlab.models.shared.translation import Translator
from genlab.models.stacked import StackedAutoencoder
from genlab.models.stylegan import StyleGAN
from genlab.models.unrolled import UnrolledDBN
from genlab.models.vae import VAE
from genlab.models.vaegan import VAEGAN
from genlab.models.vqvae import VQVAE
from genlab.models.vqvae2 import VQVAE2

__all__ = [
    "CGAN",
    "CVAE",
    "DBN",
    "GAN",
    "RBM",
    "VAE",
    "VAEGAN",
    "VQVAE",
    "VQVAE2",
    "AdversarialDeepFake",
    "Autoencoder",
    "CStyleGAN",
    "CodePrior",
    "Codec",
    "ConditionalDiffusion",
    "ConditionalModel",
    "ConditionalPixelCNN",
    "CycleGAN",
    "Decodes",
    "DeepFake",
    "Diffusion",
    "EncoderFeatures",
    "Encodes",
    "GaussianRegressor",
    "ImageModel",
    "LabelledDBN",
    "LatentDiffusion",
    "Model",
    "Pix2Pix",
    "PixelCNN",
    "Players",
    "Prior",
    "Reconstructs",
    "Samples",
    "SentenceAutoencoder",
    "SentenceLM",
    "SentenceModel",
    "SentenceVAE",
    "StackedAutoencoder",
    "StageSchedule",
    "StagedModel",
    "StyleGAN",
    "StyleSpace",
    "Translator",
    "UnrolledDBN",
    "frozen",
    "load",
]
