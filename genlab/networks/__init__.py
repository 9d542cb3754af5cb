"""Plain networks: tensors in, tensors out.

An encoder is built by `encoder(image_shape, code_size)` and maps images (B, C, H, W) to codes (B, code_size);
a decoder is built by `decoder(image_shape, code_size)` and maps codes to the *logits* of images (B, C, H, W).
"""

from genlab.networks.conv import ConvDecoder, ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, DroppedPatches, DroppedPixels, GaussianNoise
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.networks.stack import ConvLayer, DenseLayer, LayerStack, StackLayer

__all__ = [
    "ConvDecoder",
    "ConvEncoder",
    "ConvLayer",
    "Corruption",
    "DenseLayer",
    "DroppedPatches",
    "DroppedPixels",
    "GaussianNoise",
    "LayerStack",
    "MLPDecoder",
    "MLPEncoder",
    "StackLayer",
    "UpsamplingDecoder",
]
