"""VQ-VAE-2 (Razavi et al. 2019, arXiv:1906.00446): codes on two levels, and a prior over each."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Adam

from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood, usual_likelihood
from genlab.models.shared.grid_coder import GridCoder
from genlab.models.shared.output_check import expect
from genlab.models.shared.quantized import QuantizedModel
from genlab.models.shared.staged import StageSchedule
from genlab.models.vqvae import QuantizerFactory, map_size_of
from genlab.networks.codebooks import EMACodebook
from genlab.networks.pixelcnn import GatedPixelCNN
from genlab.networks.quantizers import Quantized
from genlab.networks.strided import StridedDecoder, StridedEncoder
from genlab.ranges import extent
from genlab.recorded import another, as_network
from genlab.types import GridNetworkFactory, Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class TwoLevelCoder(GridCoder):
    """Encoders, quantizers and decoders of a VQ-VAE-2 (algorithm 1).

    Args:
        image_shape: (C, H, W) of the images.
        code_size: channels of the quantized maps of each level.
        features: channels of the features that both levels are encoded from.
        encoder: builds the network from images to features (B, features, h, w).
        decoder: builds the network from the vectors of both levels to the likelihood's outputs.
        top_encoder: builds the network from features to maps (B, code_size, h', w').
        top_decoder: builds the network from the top level's vectors to maps of the bottom level's size.
        quantizer: builds each level's quantizer.
        likelihood: distribution of images, given the decoder's outputs.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int,
        features: int,
        *,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        top_encoder: NetworkFactory,
        top_decoder: NetworkFactory,
        quantizer: QuantizerFactory,
        likelihood: Likelihood,
    ) -> None:
        extent(code_size=code_size, features=features)
        depth, height, width = image_shape
        outputs = likelihood.outputs * depth, height, width
        encode = as_network(encoder, image_shape, features)
        bottom = map_size_of(encode)
        encode_top = as_network(top_encoder, (features, *bottom), code_size)
        top = map_size_of(encode_top)
        quantizers = [as_network(quantizer, code_size), as_network(another(quantizer), code_size)]
        super().__init__(["top", "bottom"], [top, bottom], quantizers, likelihood)
        self.encoder, self.top_encoder = encode, encode_top
        self.top_decoder = as_network(top_decoder, (code_size, *bottom), code_size)
        self.bottom = nn.Conv2d(features + code_size, code_size, 1)
        self.decoder = as_network(decoder, outputs, 2 * code_size)
        expect(self.encoder, (features, *bottom), f"VQVAE2 with features {features}")
        expect(self.top_encoder, (code_size, *top), f"VQVAE2 with code_size {code_size}")
        expect(self.top_decoder, (code_size, *bottom), f"VQVAE2 with a bottom grid of {bottom}")
        expect(self.decoder, outputs, f"VQVAE2 with a {type(likelihood).__name__} likelihood")

    def quantize(self, x: Tensor) -> list[Quantized]:
        features = self.encoder(x)
        top = self.quantizer(0)(self.top_encoder(features))
        bottom = self.quantizer(1)(self.bottom(torch.cat([features, self.top_decoder(top.vectors)], 1)))
        return [top, bottom]

    def outputs(self, vectors: Sequence[Tensor]) -> Tensor:
        top, bottom = vectors
        outputs: Tensor = self.decoder(torch.cat([self.top_decoder(top), bottom], 1))
        return outputs


class VQVAE2(QuantizedModel):
    """A VQ-VAE with two levels of codes, and an autoregressive prior over each.

    The top level, on a coarse grid, holds what an image looks like as a whole. The bottom level is encoded from the
    image and the top level, and holds details. The image is decoded from both. Then the autoencoder is frozen, and the
    priors are trained: of top codes, and of bottom codes given the top ones. Without schedules there are no priors;
    `CodePrior` can train them later.

    Args:
        image_shape: (C, H, W) of the images.
        code_size: channels of the quantized maps of each level, the size of a code's vector.
        features: channels of the features that both levels are encoded from.
        encoder: builds the network from images (B, C, H, W) to features (B, features, h, w).
        decoder: builds the network from maps (B, 2 code_size, h, w) to the likelihood's outputs.
        top_encoder: builds the network from features to maps (B, code_size, h', w'); by default a `StridedEncoder` that
            halves once.
        top_decoder: builds the network from the top level's vectors to maps (B, code_size, h, w); by default a
            `StridedDecoder` that doubles once.
        quantizer: builds each level's quantizer: `EMACodebook`, `GradientCodebook` or `FSQ`.
        likelihood: builds the distribution of images given the decoder's outputs; see `genlab.losses.likelihood`. By
            default it is `Bernoulli` for grey images, and `Gaussian` with a learned variance for images in colour.
        autoencoder: schedules of the autoencoder, one after the other.
        top_prior: schedule of the top level's prior, one or none.
        bottom_prior: schedule of the bottom level's prior, one or none.
        prior_network: builds each prior's network from the shape of grids (1, h, w), the number of codes, the size of a
            condition's embedding, and the channels of the map through which the bottom level sees the top one.
        conditional: condition the priors on the data's labels, or else their attributes.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        condition_size: size of a condition's embedding in each prior's network.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" or each "epoch".
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Raises:
        GenlabError: for stages that do not fit, images too small for the encoders, and numbers out of range.
    """

    def __init__(
        self,
        image_shape: Shape,
        code_size: int = 64,
        features: int = 128,
        encoder: NetworkFactory = StridedEncoder,
        decoder: NetworkFactory = StridedDecoder,
        top_encoder: NetworkFactory | None = None,
        top_decoder: NetworkFactory | None = None,
        quantizer: QuantizerFactory = EMACodebook,
        likelihood: Callable[[], Likelihood] | None = None,
        autoencoder: Sequence[StageSchedule] = (StageSchedule(20),),
        top_prior: Sequence[StageSchedule] = (StageSchedule(20),),
        bottom_prior: Sequence[StageSchedule] = (StageSchedule(20),),
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
        top_encoder = top_encoder or partial(StridedEncoder, halvings=1)
        top_decoder = top_decoder or partial(StridedDecoder, halvings=1)
        self.save_hyperparameters()
        if len(top_prior) != len(bottom_prior) or len(top_prior) > 1:
            raise GenlabError(
                f"top_prior has {len(top_prior)} schedules and bottom_prior {len(bottom_prior)}; give each one, or none"
            )
        self.coder = TwoLevelCoder(
            self.image_shape,
            code_size,
            features,
            encoder=encoder,
            decoder=decoder,
            top_encoder=top_encoder,
            top_decoder=top_decoder,
            quantizer=quantizer,
            likelihood=likelihood(),
        )
        self.build(
            autoencoder,
            [*top_prior, *bottom_prior],
            prior_network,
            conditional=conditional,
            num_classes=num_classes,
            class_names=class_names,
            attribute_names=attribute_names,
            condition_size=condition_size,
        )
        self.train_by(optimizer, schedule, schedule_interval, code_memory)
