"""The conditional variational autoencoder (Sohn et al. 2015; Kingma et al. 2014, model M2, with all labels known)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Adam

from genlab.conditions import Source, condition_of
from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood, usual_likelihood
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.latent_variable import LatentVariableModel
from genlab.models.shared.output_check import expect
from genlab.models.vae import VariationalModel
from genlab.networks.condition import repeated
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.ranges import extent
from genlab.types import Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class Given(LatentVariableModel):
    """A CVAE under given conditions, one for each image or one for all: a latent-variable model like a VAE."""

    def __init__(self, model: "CVAE", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_shape, self.likelihood = model.code_shape, model.likelihood
        self.device, self.dtype = model.device, model.dtype
        self.seen = model.seen
        self.num_samples, self.importance_weighted = model.num_samples, model.importance_weighted
        self.beta = model.beta
        numbers = model.numbers(condition)
        channels = model.channel(numbers) if model.channel else condition
        self.encoder = lambda x: model.encoder(torch.cat([x, repeated(channels, x.shape[0])], 1))
        self.decoder = lambda z: model.decoder(torch.cat([z, repeated(numbers, z.shape[0])], 1))


class CVAE(ConditionalModel, VariationalModel):
    """A VAE whose encoder and decoder both see a condition c: p(x | z, c) and q(z | x, c), with the prior N(0, I).

    The condition is what the data provide: another image (the source of a pair, whose target is x), else a label, else
    attributes. The decoder sees it as extra numbers of the code, the encoder as extra channels of the image.
    `given(condition)` does all that a VAE does: it encodes, decodes, reconstructs, samples and estimates likelihoods.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        source_shape: (C', H, W) of images used as conditions.
        code_size: dimensions of the code.
        encoder: builds the network from images with the condition's channels to the posterior's mean and log-variance
            (B, 2 code_size).
        decoder: builds the network from codes and the condition's embedding to the likelihood's outputs.
        condition_size: size of the condition's embedding.
        condition_encoder: builds the network from images used as conditions to embeddings; not used for labels and
            attributes.
        likelihood: builds the distribution of images; see `genlab.losses.likelihood`. By default it is `Bernoulli` for
            grey images, and `Gaussian` with a learned variance for images in colour.
        beta: weight of the KL divergence in the loss.
        warmup_epochs: epochs of training over which beta grows from 0 to its value.
        num_samples: codes per image in training and validation.
        importance_weighted: train on the importance-weighted bound instead of the ELBO.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Raises:
        GenlabError: for data without conditions, and for more or fewer names than classes.
    """

    given_as: type[Given] = Given
    """Class of the object that `given` returns. A subclass may have its own `evidence`, with another "loss"."""

    def __init__(
        self,
        image_shape: Shape,
        num_classes: int = 0,
        attribute_names: tuple[str, ...] = (),
        class_names: tuple[str, ...] = (),
        source_shape: Shape | None = None,
        code_size: int = 20,
        encoder: NetworkFactory = MLPEncoder,
        decoder: NetworkFactory = MLPDecoder,
        condition_size: int = 64,
        condition_encoder: NetworkFactory = MLPEncoder,
        likelihood: Callable[[], Likelihood] | None = None,
        beta: float = 1.0,
        warmup_epochs: int = 0,
        num_samples: int = 1,
        importance_weighted: bool = False,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(
            image_shape,
            beta=beta,
            warmup_epochs=warmup_epochs,
            num_samples=num_samples,
            importance_weighted=importance_weighted,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
        )
        extent(condition_size=condition_size)
        likelihood = likelihood or usual_likelihood(self.image_shape)
        self.save_hyperparameters()
        condition = condition_of(num_classes, class_names, attribute_names)
        if source_shape is not None:
            condition = Source((source_shape[0], source_shape[1], source_shape[2]), condition_encoder)
        if condition is None:
            raise GenlabError("a CVAE needs data with labels, attributes or pairs of images; otherwise use a VAE")
        self.condition = condition
        self.numbers = condition.embedding(condition_size)
        self.channel: nn.Module | None = None
        channels = 1
        if condition.image_shape:
            self.batch_names = (condition.key, "target")
            expect(self.numbers, (condition_size,), f"CVAE with condition_size {condition_size}")
            channels = condition.image_shape[0]
        else:
            self.batch_names = ("image", condition.key)
            sides = (1, *self.image_shape[1:])
            self.channel = nn.Sequential(nn.Linear(condition_size, sides[1] * sides[2]), nn.Unflatten(1, sides))
        self.build(code_size, encoder, decoder, likelihood(), channels=channels, numbers=condition_size)
