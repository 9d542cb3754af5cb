"""The conditional variational autoencoder (Sohn et al. 2015; Kingma et al. 2014, model M2, with all labels known)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.errors import GenlabError
from genlab.losses.likelihood import Likelihood, usual_likelihood
from genlab.metrics.active_units import ActiveUnits
from genlab.models.base import ImageModel
from genlab.models.checks import expect, names_of_classes
from genlab.models.inputs import Condition, attributes_of, images_of, labels_of
from genlab.models.latent_variable import LatentVariableModel
from genlab.networks.condition import embedding, repeated
from genlab.networks.mlp import MLPDecoder, MLPEncoder
from genlab.ranges import at_least, extent
from genlab.recorded import as_network
from genlab.types import Interval, NetworkFactory, OptimizerFactory, ScheduleFactory, Shape


class Given(LatentVariableModel):
    """A CVAE under a condition, one for each image or one for all: a latent-variable model like a VAE."""

    def __init__(self, model: "CVAE", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_size, self.likelihood = model.code_size, model.likelihood
        self.device, self.dtype = model.device, model.dtype
        self.seen = model.seen
        self.num_samples, self.importance_weighted = model.num_samples, model.importance_weighted
        numbers = model.numbers(condition)
        channels = condition if model.source_shape else model.channel(numbers)
        self.encoder = lambda x: model.encoder(torch.cat([x, repeated(channels, len(x))], 1))
        self.decoder = lambda z: model.decoder(torch.cat([z, repeated(numbers, len(z))], 1))


class CVAE(ImageModel):
    """A VAE whose encoder and decoder both see a condition c: p(x | z, c) and q(z | x, c), with the prior N(0, I).

    The condition is what the data know: another image (the source of a pair, whose target is x), else a label, else
    attributes. The decoder sees it as further numbers of the code, the encoder as further channels of the image.
    `given(condition)` is all that a VAE is: it encodes, decodes, reconstructs, samples and estimates likelihoods.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: of labels.
        attribute_names: of attributes.
        class_names: what the classes are called, in the order of their labels; by default 0, 1, 2 and so on.
        source_shape: (C', H, W) of images that are conditions.
        code_size: dimensions of the code.
        encoder: builds the network from images with the condition's channels to the posterior's mean and log-variance
            (B, 2 code_size).
        decoder: builds the network from codes and the condition's numbers to the likelihood's outputs.
        condition_size: how many numbers of the decoder a condition becomes.
        condition_encoder: builds the network from images that are conditions to these numbers; labels and attributes
            are embedded.
        likelihood: builds the distribution of images; see `genlab.losses.likelihood`. By default it is `Bernoulli` for
            grey images, and `Gaussian` with a learned variance for images in colour.
        beta: weight of the KL divergence in the loss.
        warmup_epochs: in training, beta grows from 0 to its value in so many epochs.
        num_samples: codes per image in training and validation.
        importance_weighted: train on the importance-weighted bound instead.
        optimizer: builds the optimizer of all parameters.
        schedule: builds the schedule of its learning rate; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Raises GenlabError for data that know no condition, and for more or fewer names than classes.
    """

    given_as: type[Given] = Given
    """What `given` returns. A subclass of it may have an `evidence` of its own, whose "loss" is then minimised."""

    def __init__(
        self,
        image_shape: Shape,
        num_classes: int = 0,
        attribute_names: Sequence[str] = (),
        class_names: Sequence[str] = (),
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
        super().__init__(image_shape)
        extent(code_size=code_size, condition_size=condition_size, num_samples=num_samples)
        at_least(0, beta=beta, warmup_epochs=warmup_epochs)
        likelihood = likelihood or usual_likelihood(self.image_shape)
        self.save_hyperparameters()
        channels, height, width = self.image_shape
        self.num_classes, self.attribute_names = num_classes, tuple(attribute_names)
        self.class_names = names_of_classes(num_classes, class_names)
        self.source_shape: Shape | None = None
        if source_shape is not None:
            self.source_shape = (source_shape[0], source_shape[1], source_shape[2])
            self.batch_names = ("source", "target")
            self.numbers = as_network(condition_encoder, self.source_shape, condition_size)
            expect(self.numbers, (condition_size,), f"CVAE with condition_size {condition_size}")
            further = self.source_shape[0]
        elif num_classes or self.attribute_names:
            self.batch_names = ("image", "label" if num_classes else "attributes")
            self.numbers = embedding(num_classes, len(self.attribute_names), condition_size)
            self.channel = nn.Sequential(nn.Linear(condition_size, height * width), nn.Unflatten(1, (1, height, width)))
            further = 1
        else:
            raise GenlabError("a CVAE needs data with labels, attributes or pairs of images; otherwise take a VAE")
        self.code_size = code_size
        self.likelihood = likelihood()
        self.encoder = as_network(encoder, (channels + further, height, width), 2 * code_size)
        outputs = (self.likelihood.outputs * channels, height, width)
        self.decoder = as_network(decoder, outputs, code_size + condition_size)
        expect(self.encoder, (2 * code_size,), f"CVAE with code_size {code_size}")
        expect(self.decoder, outputs, f"CVAE with a {type(self.likelihood).__name__} likelihood")
        self.beta, self.warmup_epochs = beta, warmup_epochs
        self.num_samples, self.importance_weighted = num_samples, importance_weighted
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.active_units = ActiveUnits(code_size)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        grown = min(1.0, self.current_epoch / self.warmup_epochs) if self.warmup_epochs else 1.0
        figures = self.given(self.condition(batch)).evidence(self.images(batch), grown * self.beta)
        self.log_batch(figures, progress_bar="elbo")
        return figures["loss"]

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        given = self.given(self.condition(batch))
        codes = given.encode(self.images(batch))
        return {"code": codes, "reconstruction": given.decode(codes)}

    def configure_optimizers(self) -> Any:
        return self.scheduled(self.optimizer, self.parameters(), self.schedule)

    def given(self, condition: Condition) -> Given:
        """The model of images under a condition: one for each image, or one for all.

        Args:
            condition: labels (B,), int64, or one or a list of these or of names of classes; or attributes
                (B, number of attributes), 0 or 1, or one or a list of dicts of these by name, others being 0; or images
                of `source_shape`, as `encode` takes them.

        Raises GenlabError for anything else.
        """
        if self.source_shape:
            asked = images_of(condition, self.source_shape, self)[0]
        elif self.num_classes:
            asked = labels_of(condition, self.class_names)
        else:
            asked = attributes_of(condition, self.attribute_names)
        with self.inference(asked):
            return self.given_as(self, self._known(asked).to(self.device))

    def sample(
        self,
        n: int,
        *,
        condition: Condition | None = None,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """`n` images under a condition, as `given` takes it; without one, each class in turn.

        Raises GenlabError when there is none and the conditions are no classes.
        """
        if condition is None:
            if self.source_shape or not self.num_classes:
                raise GenlabError("say under which condition to sample: attributes, or images")
            condition = torch.arange(n) % self.num_classes
        return self.given(condition).sample(n, seed=seed, generator=generator)

    def condition(self, batch: Any) -> Tensor:
        """The condition in a batch, as `given` takes it; raises GenlabError when there is none."""
        name = self.batch_names[0 if self.source_shape else 1]
        batch = self.named(batch)
        if not isinstance(batch, Mapping) or name not in batch:
            raise GenlabError(f"this CVAE's condition is the '{name}' of a batch, which has none")
        return self._known(batch[name])

    def images(self, batch: Any) -> Tensor:
        """The batch's images, or of pairs the targets: (B, C, H, W); see `ImageModel.images`."""
        batch = self.named(batch)
        paired = isinstance(batch, Mapping) and "target" in batch
        return self.part(batch, "target" if paired else "image", self.image_shape)

    def on_validation_epoch_end(self) -> None:
        """Warn of a posterior that has collapsed."""
        super().on_validation_epoch_end()
        if not self.trainer.sanity_checking:
            self.active_units.warn_of_collapse(self.global_step)

    def _known(self, condition: Tensor) -> Tensor:
        if self.source_shape:
            return self.seen(condition, self.source_shape, "source")
        if self.num_classes:
            return self.known_labels(condition, self.num_classes)
        return self.known_attributes(condition, len(self.attribute_names))

    def _evaluate(self, stage: str, batch: Any) -> None:
        x, given = self.images(batch), self.given(self.condition(batch))
        figures = given.evidence(x, self.beta)
        figures["bits_per_dim"] = given.bits_per_dim(figures, x)
        self.log_epoch(stage, figures, batch, progress_bar="elbo")
        self.active_units.update(given.encode(x))
        self.log(f"{stage}/active_units", self.active_units)
