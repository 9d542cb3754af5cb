"""The deep belief net, with and without labels (Hinton, Osindero & Teh 2006)."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Generator, Tensor

from genlab.boltzmann.hidden import BinaryHiddenUnits, HiddenUnits
from genlab.boltzmann.machine import BoltzmannMachine
from genlab.boltzmann.units import BinaryUnits, VisibleUnits
from genlab.capabilities import (
    Completes,
    Conditional,
    Decodes,
    Encodes,
    HasPartition,
    Reconstructs,
    Samples,
    SamplesInSteps,
)
from genlab.conditions import condition_of
from genlab.errors import GenlabError
from genlab.models.shared.belief import BeliefModel
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec
from genlab.models.shared.conditional import ConditionalModel
from genlab.models.shared.gibbs import GibbsChains
from genlab.models.shared.staged import StageSchedule
from genlab.networks.condition import repeated
from genlab.optimizers import MachineSGD
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape


class DBN(Codec, BeliefModel):
    """A deep belief net: layers of hidden units, each trained as a restricted Boltzmann machine on the layer below.

    1. "layer1", "layer2", ...: each machine models the outputs of the frozen ones below, which are computed once per
       stage and cached if batches say which images they hold. Hidden units are drawn again in each batch.
    2. "up_down": all layers together, with separate weights for the way up and down, by the wake-sleep algorithm.

    One `fit` runs all stages. Samples come from Gibbs chains in the top machine and one pass down. `unnormalized` with
    `log_partition` bounds log p(x) from below. `UnrolledDBN` turns it into a deep autoencoder.

    Args:
        image_shape: (C, H, W) of the images.
        hidden: numbers of hidden units, lowest layer first; at least two layers.
        visible: builds the visible units: `BinaryUnits`, or `GaussianUnits` for real values; see `genlab.boltzmann`.
        top: builds the highest hidden units: `BinaryHiddenUnits`, or `LinearHiddenUnits` for a low-dimensional code.
        pretraining: a schedule for each machine, or one for all machines.
        up_down: schedules for all layers together, one after the other.
        gibbs_steps: Gibbs steps, from data or of chains, to negative samples: the k of CD-k.
        chains: number of persistent chains of each machine; 0 for contrastive divergence.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" or each "epoch".
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Example:
        >>> model = genlab.DBN((1, 8, 8), [50, 100], pretraining=[genlab.models.StageSchedule(epochs=5, lr=0.05)])
        >>> len(model.plan.stages)
        2
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, Samples, SamplesInSteps, Completes, HasPartition)

    def __init__(
        self,
        image_shape: Shape,
        hidden: Sequence[int],
        pretraining: Sequence[StageSchedule],
        up_down: Sequence[StageSchedule] = (),
        visible: Callable[[int], VisibleUnits] = BinaryUnits,
        top: Callable[[], HiddenUnits] = BinaryHiddenUnits,
        gibbs_steps: int = 1,
        chains: int = 0,
        optimizer: OptimizerFactory = MachineSGD,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        code_memory: float = 4.0,
    ) -> None:
        super().__init__(
            image_shape,
            hidden,
            classes=0,
            visible=visible,
            top=top,
            pretraining=pretraining,
            up_down=up_down,
            gibbs_steps=gibbs_steps,
            chains=chains,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
            code_memory=code_memory,
        )
        self.save_hyperparameters()

    def labels(self, batch: Any) -> None:
        """Return None: this model sees no labels."""

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images (B, C, H, W) to the means of the highest hidden units: (B, hidden[-1])."""
        return self.recognised(self.seen(x).flatten(1), self.depth)

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode values of the highest hidden units (B, hidden[-1]) to images (B, C, H, W) in [0, 1]."""
        return self.mean_pixels(z).view(-1, *self.image_shape)


class Given(Codec, GibbsChains):
    """A LabelledDBN under given labels, one for each image or one for all."""

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs, Samples, SamplesInSteps, Completes)

    def __init__(self, model: "LabelledDBN", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.code_shape, self.device = model.code_shape, model.device

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images (B, C, H, W) to the probabilities of the highest hidden units: (B, hidden[-1])."""
        return self.model.recognised(self.model.seen(x).flatten(1), self.model.depth, self._labels(len(x)))

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode values of the highest hidden units (B, hidden[-1]) to images (B, C, H, W) in [0, 1]."""
        return self.model.mean_pixels(z).view(-1, *self.model.image_shape)

    @property
    def top(self) -> BoltzmannMachine:
        """The machine in which chains run."""
        return self.model.top

    def start(self, n: int, generator: Generator) -> Tensor:
        """Draw where chains start, with the label clamped.

        Raises:
            GenlabError: before the stage that trains the highest layer; pictures during training may come earlier.
        """
        if not self.model.in_trainer:
            self.model.require_labels()
        return self._clamped(self.model.start(n, generator))

    def step(self, v: Tensor, generator: Generator) -> Tensor:
        """Run chains for one more step, with the label clamped."""
        return self._clamped(self.model.step(v, generator))

    def states(self, pixels: Tensor, generator: Generator | None = None) -> Tensor:
        """Draw visible units of the highest machine given flattened images (B, pixels), with the label clamped."""
        return self._clamped(self.model.states(pixels, generator))

    def pictures(self, v: Tensor, generator: Generator) -> Tensor:
        """Return images (B, C, H, W) as means of pixels, drawing the layers from the highest one down."""
        return self.model.pictures(v, generator)

    def held(self, v: Tensor, pixels: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """Return visible units of the highest machine for the same images, with given pixels where a mask is 0."""
        return self._clamped(self.model.held(v, pixels, mask, generator))

    def _clamped(self, v: Tensor) -> Tensor:
        model = self.model
        return model.labelled(model.unlabelled(v), self._labels(len(v))) if model.sees_labels else v

    def _labels(self, count: int) -> Tensor:
        return repeated(self.condition, count)


class LabelledDBN(ConditionalModel, BeliefModel):
    """A DBN whose top machine sees labels beside the layer below (Hinton et al. 2006, figure 1).

    `given(label)` samples images of a class, by chains in which the label is clamped; `classify` finds the classes of
    images by free energy. The stages are those of a `DBN`.

    Args:
        image_shape: (C, H, W) of the images.
        hidden: numbers of hidden units, lowest layer first; at least two layers.
        pretraining: a schedule for each machine, or one for all machines.
        up_down: schedules for all layers together, one after the other.
        num_classes: number of classes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        visible: builds the visible units: `BinaryUnits`, or `GaussianUnits` for real values.
        gibbs_steps: Gibbs steps, from data or of chains, to negative samples: the k of CD-k.
        chains: number of persistent chains of each machine; 0 for contrastive divergence.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" or each "epoch".
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Raises:
        GenlabError: for data without labels.
    """

    capabilities: tuple[type, ...] = (Conditional, Samples)
    given_as: type[Given] = Given

    def __init__(
        self,
        image_shape: Shape,
        hidden: Sequence[int],
        pretraining: Sequence[StageSchedule],
        up_down: Sequence[StageSchedule] = (),
        num_classes: int = 0,
        class_names: tuple[str, ...] = (),
        visible: Callable[[int], VisibleUnits] = BinaryUnits,
        gibbs_steps: int = 1,
        chains: int = 0,
        optimizer: OptimizerFactory = MachineSGD,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        code_memory: float = 4.0,
    ) -> None:
        super().__init__(
            image_shape,
            hidden,
            classes=num_classes,
            visible=visible,
            pretraining=pretraining,
            up_down=up_down,
            gibbs_steps=gibbs_steps,
            chains=chains,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
            code_memory=code_memory,
        )
        self.save_hyperparameters()
        condition = condition_of(num_classes, class_names, ())
        if condition is None:
            raise GenlabError("a LabelledDBN needs data with labels; otherwise use a DBN")
        self.condition, self.batch_names = condition, ("image", condition.key)

    def labels(self, batch: Any) -> Tensor:
        """Return the labels of a batch: (B,)."""
        return self.condition.find(batch, self)

    @of_images
    def classify(self, x: Tensor) -> Tensor:
        """Return the class probabilities of images (B, C, H, W), by free energy: (B, num_classes).

        Raises:
            GenlabError: before the stage that trains the highest layer, which sees labels.
        """
        self.require_labels()
        return self.class_scores(self.seen(x).flatten(1)).softmax(1)

    def require_labels(self) -> None:
        """Raise GenlabError before the stage that trains the highest layer, which sees labels."""
        if not self.sees_labels:
            raise GenlabError(
                f"this LabelledDBN is in stage {self.stage.name}, but learns labels only in layer{len(self.machines)}: "
                "resume its training"
            )

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Predict the "class_probability" of each image."""
        return {"class_probability": self.classify(self.images(batch))}
