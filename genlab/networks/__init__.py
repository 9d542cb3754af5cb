"""Plain networks: tensors in, tensors out.

An encoder is built by `encoder(image_shape, code_size)` and maps images (B, C, H, W) to codes (B, code_size);
a decoder is built by `decoder(image_shape, code_size)` and maps codes to the *logits* of images (B, C, H, W); a
discriminator is built by `discriminator(image_shape, size)` and maps images in [-1, 1] to logits (B, size).
"""

from genlab.networks.conv import ConvDecoder, ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, DroppedPatches, DroppedPixels, GaussianNoise
from genlab.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from genlab.networks.mlp import MLPDecoder, MLPDiscriminator, MLPEncoder
from genlab.networks.stack import ConvLayer, DenseLayer, LayerStack, StackLayer

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
    "StackLayer",
    "UpsamplingDecoder",
]
