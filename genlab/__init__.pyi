"""The public names; the package reads this list and imports each one when it is first used."""

from . import boltzmann as boltzmann
from . import data as data
from . import diffusion as diffusion
from . import latent as latent
from . import losses as losses
from . import models as models
from . import networks as networks
from . import sheets as sheets
from .data import MNIST as MNIST
from .data import CelebA as CelebA
from .data import Digits as Digits
from .data import FreyFaces as FreyFaces
from .data import ImageFolder as ImageFolder
from .errors import GenlabError as GenlabError
from .images import to_pil as to_pil
from .models import CGAN as CGAN
from .models import CVAE as CVAE
from .models import DBN as DBN
from .models import GAN as GAN
from .models import RBM as RBM
from .models import VAE as VAE
from .models import VAEGAN as VAEGAN
from .models import VQVAE as VQVAE
from .models import VQVAE2 as VQVAE2
from .models import Autoencoder as Autoencoder
from .models import CodePrior as CodePrior
from .models import ConditionalDiffusion as ConditionalDiffusion
from .models import ConditionalPixelCNN as ConditionalPixelCNN
from .models import CStyleGAN as CStyleGAN
from .models import CycleGAN as CycleGAN
from .models import DeepFake as DeepFake
from .models import Diffusion as Diffusion
from .models import GaussianRegressor as GaussianRegressor
from .models import LabelledDBN as LabelledDBN
from .models import LatentDiffusion as LatentDiffusion
from .models import Pix2Pix as Pix2Pix
from .models import PixelCNN as PixelCNN
from .models import SentenceAutoencoder as SentenceAutoencoder
from .models import SentenceLM as SentenceLM
from .models import SentenceVAE as SentenceVAE
from .models import StackedAutoencoder as StackedAutoencoder
from .models import StyleGAN as StyleGAN
from .models import UnrolledDBN as UnrolledDBN
from .models import load as load

__version__: str
