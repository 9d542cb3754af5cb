"""Plain networks: tensors in, tensors out.

An encoder is built by `encoder(image_shape, code_size)` and maps images (B, C, H, W) to codes (B, code_size);
a decoder is built by `decoder(image_shape, code_size)` and maps codes to the *logits* of images (B, C, H, W).
"""

from genlab.networks.conv import ConvDecoder, ConvEncoder, UpsamplingDecoder
from genlab.networks.corruption import Corruption, DroppedPatches, DroppedPixels, GaussianNoise
from genlab.networks.mlp import MLPDecoder, MLPEncoder

__all__ = [
    "ConvDecoder",
    "ConvEncoder",
    "Corruption",
    "DroppedPatches",
    "DroppedPixels",
    "GaussianNoise",
    "MLPDecoder",
    "MLPEncoder",
    "UpsamplingDecoder",
]
