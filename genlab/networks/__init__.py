"""Plain networks: tensors in, tensors out.

| role | built by | maps |
|---|---|---|
| encoder | `encoder(image_shape, code_size)` | images (B, C, H, W) to codes (B, code_size) |
| decoder | `decoder(image_shape, code_size)` | codes (B, code_size) to outputs (B, C, H, W) |
| discriminator | `discriminator(image_shape, size)` | images to logits (B, size), or (B, size, H', W') of patches |
| translator | `translator(image_shape, out_channels)` | images (B, C, H, W) to outputs (B, out_channels, H, W) |
| quantizer | `quantizer(code_size)` | vectors (B, code_size, ...) to `Quantized` ones |
| denoiser | `denoiser(image_shape, out_channels, condition_size)` | noisy images and times (B,) to outputs |
| sentence encoder | `encoder(vocabulary_size, code_size)` | sentences (B, T) to codes (B, code_size) |
| sentence decoder | `decoder(vocabulary_size, code_size)` | words and codes to logits of the next words |
| autoregressive | `network(grid_shape, values, condition_size, map_channels)` | grids (B, C, H, W) to logits |

Outputs are unbounded: models and likelihoods apply the output activation, such as a sigmoid or tanh. All networks are
`Recorded`: models take the class, a partial of it, or a network that is already built.
"""

from genlab.networks.adaptive_augmentation import AdaptiveAugmentation
from genlab.networks.code_maps import MapDecoder, MapEncoder
from genlab.networks.codebooks import Codebook, EMACodebook, GradientCodebook
from genlab.networks.condition import ConditionChannel, Projection
from genlab.networks.conv import ConvDecoder, ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, DroppedPatches, DroppedPixels, ElasticWarp, GaussianNoise
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.networks.decoding import beam_search, greedy, sample_tokens
from genlab.networks.denoising_unet import DenoisingUNet
from genlab.networks.grid_sampling import sample_grids
from genlab.networks.mlp import MLPDecoder, MLPDiscriminator, MLPEncoder
from genlab.networks.patch import PatchDiscriminator
from genlab.networks.pixelcnn import GatedPixelCNN
from genlab.networks.quantizers import FSQ, Quantizer
from genlab.networks.recurrent import GRULayer, LSTMLayer, RecurrentDecoder, RecurrentEncoder
from genlab.networks.residual_discriminator import ResidualDiscriminator
from genlab.networks.resnet import ResNetGenerator
from genlab.networks.stack import ConvLayer, DenseLayer, LayerStack, StackLayer
from genlab.networks.strided import StridedDecoder, StridedEncoder
from genlab.networks.style_generator import StyleGenerator
from genlab.networks.unet import UNet
from genlab.recorded import Recorded

__all__ = [
    "FSQ",
    "AdaptiveAugmentation",
    "Codebook",
    "ConditionChannel",
    "ConvDecoder",
    "ConvEncoder",
    "ConvLayer",
    "Corruption",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DenoisingUNet",
    "DenseLayer",
    "DroppedPatches",
    "DroppedPixels",
    "EMACodebook",
    "ElasticWarp",
    "GRULayer",
    "GatedPixelCNN",
    "GaussianNoise",
    "GradientCodebook",
    "LSTMLayer",
    "LayerStack",
    "MLPDecoder",
    "MLPDiscriminator",
    "MLPEncoder",
    "MapDecoder",
    "MapEncoder",
    "PatchDiscriminator",
    "Projection",
    "Quantizer",
    "Recorded",
    "RecurrentDecoder",
    "RecurrentEncoder",
    "ResNetGenerator",
    "ResidualDiscriminator",
    "StackLayer",
    "StridedDecoder",
    "StridedEncoder",
    "StyleGenerator",
    "UNet",
    "UpsamplingDecoder",
    "beam_search",
    "greedy",
    "sample_grids",
    "sample_tokens",
]
