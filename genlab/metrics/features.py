"""Networks whose feature maps tell how similar two images look."""

from collections.abc import Sequence
from urllib.error import URLError

from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg16

from genlab.errors import GenlabError

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's colours, with which torchvision's networks expect images normalised."""


class FeatureMaps(nn.Module):
    """Outputs of some layers of a sequential network: images (B, C, H, W) in [0, 1] to a list of tensors (B, ...).

    Args:
        layers: layers of the network, in order.
        taken: positions of the layers whose outputs are returned, ascending; layers after the last are dropped.

    Example:
        >>> maps = FeatureMaps([nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten()], taken=[1])
        >>> [features.shape for features in maps(torch.rand(2, 1, 8, 8))]
        [torch.Size([2, 4, 6, 6])]
    """

    def __init__(self, layers: Sequence[nn.Module], taken: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers[: taken[-1] + 1])
        self.taken = set(taken)

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = []
        for position, layer in enumerate(self.layers):
            images = layer(images)
            if position in self.taken:
                maps.append(images)
        return maps


class VGG16Features(FeatureMaps):
    """First rectified maps of the first three blocks of VGG16, trained on ImageNet (Simonyan & Zisserman 2015).

    Grey images are repeated to three channels. torchvision downloads the weights if they are missing.

    Raises:
        GenlabError: if the weights cannot be downloaded.
    """

    def __init__(self) -> None:
        try:
            network = vgg16(weights=VGG16_Weights.IMAGENET1K_V1)
        except (URLError, OSError, RuntimeError) as error:
            raise GenlabError(
                f"VGG16's weights cannot be downloaded ({' '.join(str(error).split())}); put the file "
                f"{VGG16_Weights.IMAGENET1K_V1.url} into torch's folder ~/.cache/torch/hub/checkpoints, "
                "or use another network to compare images"
            ) from None
        super().__init__([Colours(), *network.features], [2, 7, 12])


class Colours(nn.Module):
    """Normalise images (B, 1 or 3, H, W) in [0, 1] as torchvision's networks expect them: (B, 3, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        mean, deviation = (images.new_tensor(colours).view(3, 1, 1) for colours in (MEAN, DEVIATION))
        return (images.expand(-1, 3, -1, -1) - mean) / deviation
