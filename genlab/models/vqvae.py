"""VQ-VAE (van den Oord et al. 2017, arXiv:1711.00937): an autoencoder of discrete codes, then a prior over them."""

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.optim import Adam

from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood, usual_likelihood
from genlab.models.shared.grid_coder import GridCoder
from genlab.models.shared.output_check import expect
from genlab.models.shared.quantized import QuantizedModel
from genlab.models.shared.staged import StageSchedule
from genlab.networks.codebooks import EMACodebook
from genlab.networks.pixelcnn import GatedPixelCNN
from genlab.networks.quantizers import Quantized, Quantizer
from genlab.networks.strided import StridedDecoder, StridedEncoder
from genlab.ranges import extent
from genlab.recorded import as_network
from genlab.types import GridNetworkFactory, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape

QuantizerFactory = Callable[[int], Quantizer]
"""Builds a quantizer from the size of the vectors that it quantizes; see `genlab.networks`."""


class VQCoder(GridCoder):
    """Encoder, quantizer and decoder of a VQ-VAE, with one grid of codes.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: channels of the quantized maps.
        encoder: builds the network from images to maps (B, code_size, h, w), whose size it gives as `map_size`.
        decoder: builds the network from quantized maps to the likelihood's outputs.
        quantizer: builds the quantizer.
        likelihood: distribution of images, given the decoder's outputs.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        quantizer: QuantizerFactory,
        likelihood: Likelihood,
    ) -> None:
        extent(code_size=code_size)
        depth, height, width = image_shape
        outputs = likelihood.outputs * depth, height, width
        encode = as_network(encoder, image_shape, code_size)
        grid = map_size_of(encode)
        super().__init__([""], [grid], [as_network(quantizer, code_size)], likelihood)
        self.encoder, self.decoder = encode, as_network(decoder, outputs, code_size)
        expect(self.encoder, (code_size, *grid), f"VQVAE with code_size {code_size}")
        expect(self.decoder, outputs, f"VQVAE with a {type(likelihood).__name__} likelihood")

    def quantize(self, x: Tensor) -> list[Quantized]:
        return [self.quantizer(0)(self.encoder(x))]

    def outputs(self, vectors: Sequence[Tensor]) -> Tensor:
        outputs: Tensor = self.decoder(vectors[0])
        return outputs


class VQVAE(QuantizedModel):
    """An autoencoder whose codes are grids of positions in a codebook, and an autoregressive prior over these grids.

    The autoencoder is trained on equation 3: -log p(x | z_q) in nats per image, plus what the quantizer adds, such as
    the commitment β |z_e - sg(z_q)|². Then it is frozen, and the prior is trained on the codes of the images. Samples
    are codes drawn from the prior, decoded. Without a schedule there is no prior; `CodePrior` can train one later.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: channels of the quantized maps, the size of a code's vector.
        encoder: builds the network from images (B, C, H, W) to maps (B, code_size, h, w).
        decoder: builds the network from quantized maps to the likelihood's outputs; it is given the shape
            (outputs * C, H, W).
        quantizer: builds the quantizer: `EMACodebook`, `GradientCodebook` or `FSQ`.
        likelihood: builds the distribution of images given the decoder's outputs; see `genlab.losses.likelihood`. By
            default it is `Bernoulli` for grey images, and `Gaussian` with a learned variance for images in colour.
        autoencoder: schedules of the autoencoder, one after the other.
        prior: schedule of the prior, one or none.
        prior_network: builds the prior's network from the shape of grids (1, h, w), the number of codes, the size of a
            condition's embedding, and the channels of a map, here 0.
        conditional: condition the prior on the data's labels, or else their attributes.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        condition_size: size of a condition's embedding in the prior's network.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" or each "epoch".
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Raises:
        GenlabError: for stages that do not fit, images too small for the encoder, and numbers out of range.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 64,
        encoder: NetworkFactory = StridedEncoder,
        decoder: NetworkFactory = StridedDecoder,
        quantizer: QuantizerFactory = EMACodebook,
        likelihood: Callable[[], Likelihood] | None = None,
        autoencoder: Sequence[StageSchedule] = (StageSchedule(20),),
        prior: Sequence[StageSchedule] = (StageSchedule(20),),
        prior_network: GridNetworkFactory = GatedPixelCNN,
        conditional: bool = False,
        num_classes: int = 0,
        attribute_names: tuple[str, ...] = (),
        class_names: tuple[str, ...] = (),
        condition_size: int = 64,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        code_memory: float = 4.0,
    ) -> None:
        super().__init__(image_shape)
        likelihood = likelihood or usual_likelihood(self.image_shape)
        self.save_hyperparameters()
        if len(prior) > 1:
            raise GenlabError(f"prior has {len(prior)} schedules; a VQVAE has one prior: give one schedule, or none")
        self.coder = VQCoder(self.image_shape, code_size, encoder, decoder, quantizer, likelihood())
        self.build(
            autoencoder,
            prior,
            prior_network,
            conditional=conditional,
            num_classes=num_classes,
            class_names=class_names,
            attribute_names=attribute_names,
            condition_size=condition_size,
        )
        self.train_by(optimizer, schedule, schedule_interval, code_memory)


def map_size_of(encoder: object) -> tuple[int, int]:
    """Return the height and width of an encoder's maps.

    Raises:
        GenlabError: for an encoder whose codes are not maps.
    """
    size: tuple[int, int] | None = getattr(encoder, "map_size", None)
    if size is None:
        raise GenlabError(
            f"a {type(encoder).__name__} has no map_size, but codes of a VQVAE are maps; use a StridedEncoder"
        )
    return size
