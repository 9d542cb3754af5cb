"""Feature maps of a trained model's encoder."""

from torch import nn

from genlab.capabilities import Encodes, can
from genlab.checkpoints import load
from genlab.errors import GenlabError
from genlab.metrics.features import FeatureMaps


class EncoderFeatures(FeatureMaps):
    """Feature maps of a trained encoder: the inputs of its convolutions and linear layers.

    Args:
        checkpoint: a file or a run folder of a model whose encoder is an `nn.Sequential`.

    Raises:
        GenlabError: for any other model.
    """

    def __init__(self, checkpoint: str) -> None:
        model = load(checkpoint)
        encoder = getattr(model, "encoder", None)
        layers = list(encoder) if isinstance(encoder, nn.Sequential) and can(model, Encodes) else []
        taken = [
            position
            for position, following in enumerate(layers[1:])
            if isinstance(following, nn.Conv2d | nn.Linear | nn.Flatten)
            and not isinstance(layers[position], nn.Flatten)
        ]
        if not taken:
            raise GenlabError(f"{checkpoint} has no encoder with hidden layers in a sequence")
        super().__init__(layers, taken)
