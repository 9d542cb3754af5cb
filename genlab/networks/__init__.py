"""Plain networks: tensors in, tensors out.

An encoder is built by `encoder(image_shape, code_size)` and maps images (B, C, H, W) to codes (B, code_size);
a decoder is built by `decoder(image_shape, code_size)` and maps codes to the *logits* of images (B, C, H, W); a
discriminator is built by `discriminator(image_shape, size)` and maps images in [-1, 1] to logits (B, size), or to as
many for each of its patches (B, size, H', W'). A translator is built by `translator(image_shape, channels)` and maps
images in [-1, 1] to the logits of images (B, channels, H, W), whose tanh they are. All of them are `Recorded`: models
take the class, a partial of it, or a network that is built already.
"""

from genlab.networks.conv import ConvDecoder, ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, DroppedPatches, DroppedPixels, GaussianNoise
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.networks.mlp import MLPDecoder, MLPDiscriminator, MLPEncoder
from genlab.networks.patch import PatchDiscriminator
from genlab.networks.resnet import ResNetGenerator
from genlab.networks.stack import ConvLayer, DenseLayer, LayerStack, StackLayer
from genlab.networks.unet import UNet
from genlab.recorded import Recorded

__all__ = [
    "ConvDecoder",
    "ConvEncoder",
    "ConvLayer",
    "Corruption",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "DenseLayer",
    "DroppedPatches",
    "DroppedPixels",
    "GaussianNoise",
    "LayerStack",
    "MLPDecoder",
    "MLPDiscriminator",
    "MLPEncoder",
    "PatchDiscriminator",
    "Recorded",
    "ResNetGenerator",
    "StackLayer",
    "UNet",
    "UpsamplingDecoder",
]
