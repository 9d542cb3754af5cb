"""The stacked autoencoder, trained greedily layer by layer (Hinton & Salakhutdinov 2006; Bengio et al. 2007).

Optionally denoising (Vincent et al. 2010).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.batches import check_labels
from genlab.capabilities import Decodes, Encodes, Reconstructs
from genlab.errors import GenlabError
from genlab.losses.reconstruction import ReconstructionError, squared_error, sum_of_squares
from genlab.models.shared.calls import of_codes, of_images
from genlab.models.shared.codes import Codec
from genlab.models.shared.image_model import ImageModel
from genlab.models.shared.output_check import expect
from genlab.models.shared.staged import Plan, Stage, StagedModel, StageSchedule
from genlab.networks.corruption import Corruption
from genlab.networks.stack import LayerFactory, LayerStack, StackLayer
from genlab.ranges import at_least
from genlab.types import ImageBatch, Interval, OptimizerFactory, ScheduleFactory, Shape


class Objective(Enum):
    """Objective of a stage."""

    LAYER = auto()
    """The lowest layer that is not frozen reconstructs its input."""
    STACK = auto()
    """All layers together reconstruct images."""
    LABELS = auto()
    """A classifier and the layers that are not frozen predict labels."""


@dataclass(frozen=True)
class StackStage(Stage):
    """A stage of the training of a stack of layers.

    Args:
        objective: what the stage is trained for.
        depth_frozen: number of lower layers that are frozen.
    """

    objective: Objective
    depth_frozen: int


class StackedAutoencoder(Codec, StagedModel[StackStage], ImageModel):
    """Layers that are trained one after the other, then together, then with a classifier on top.

    1. "layer1", "layer2", ...: each layer is an autoencoder of the codes of the frozen layers below it.
    2. "fine_tuning": the stack, unrolled into a deep autoencoder, is trained as a whole.
    3. "classifier": a linear classifier is trained on the codes of the frozen stack.
    4. "classifier_fine_tuning": the classifier and the encoders are trained together.

    One `fit` runs all stages; it ends with the last one, even if the Trainer's `max_epochs` is larger. The codes of
    frozen layers are computed in a stage's first epoch and cached, if batches say which images they hold. During
    training, the model encodes and decodes with the layers trained so far.

    Args:
        image_shape: (C, H, W) of the images.
        layers: build the layers from the shapes of their inputs, lowest first; see `genlab.networks.stack`.
        pretraining: a schedule for each layer, or one for all layers; none leaves the layers to fine-tuning.
        fine_tuning: schedules of fine-tuning, one after the other.
        classifier: schedules of the classifier on the frozen stack.
        classifier_fine_tuning: schedules of the classifier together with the encoders.
        num_classes: number of classes of the classifier.
        loss: error of a reconstructed image, from logits and the image to (B,); see `genlab.losses.reconstruction`.
            Layers above the first are trained on the sum of squared differences to their input.
        corruption: builds a corruption of a layer's input in pretraining, which the layer learns to undo.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" or each "epoch".
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Raises:
        GenlabError: for schedules that do not fit the layers or the data.
    """

    capabilities: tuple[type, ...] = (Encodes, Decodes, Reconstructs)

    def __init__(
        self,
        image_shape: Shape,
        layers: Sequence[LayerFactory],
        pretraining: Sequence[StageSchedule],
        fine_tuning: Sequence[StageSchedule] = (),
        classifier: Sequence[StageSchedule] = (),
        classifier_fine_tuning: Sequence[StageSchedule] = (),
        num_classes: int = 0,
        loss: ReconstructionError = squared_error,
        corruption: Callable[[], Corruption] | None = None,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        code_memory: float = 4.0,
    ) -> None:
        super().__init__(image_shape)
        self.save_hyperparameters()
        at_least(0, code_memory=code_memory)
        depth, classifies = len(layers), bool(classifier or classifier_fine_tuning)
        if len(pretraining) not in (0, 1, depth):
            raise GenlabError(
                f"there are {depth} layers but {len(pretraining)} schedules of pretraining; give one per "
                "layer, one for all of them, or none"
            )
        if not layers:
            raise GenlabError("a stack needs at least one layer")
        self.corruption = corruption() if corruption else None
        if depth > 1 and pretraining and self.corruption and type(self.corruption).of_codes is Corruption.of_codes:
            raise GenlabError(f"{type(self.corruption).__name__} is for images only, but upper layers see codes")
        if classifies and not num_classes:
            raise GenlabError("a classifier needs data with labels; leave out its stages, or use other data")
        self.stack = LayerStack(self.image_shape, layers)
        for level, (below, above) in enumerate(pairwise(self.stack.shapes)):
            layer, needed_by = self.stack.layer(level), f"layer {level + 1} of this StackedAutoencoder"
            if type(layer).encode is StackLayer.encode:
                expect(layer.encoder, above, needed_by)
            if type(layer).decode is StackLayer.decode:
                expect(layer.decoder, below, needed_by)
        self.batch_names = ("image", "label") if classifies else ("image",)
        self.classifier = nn.Linear(math.prod(self.stack.shapes[-1]), num_classes) if classifies else None
        layer_schedules = [*pretraining] * (depth if len(pretraining) == 1 else 1)
        labels = Objective.LABELS
        self.plan = Plan(
            [
                *(StackStage(f"layer{i + 1}", each, Objective.LAYER, i) for i, each in enumerate(layer_schedules)),
                *(StackStage("fine_tuning", each, Objective.STACK, 0) for each in fine_tuning),
                *(StackStage("classifier", each, labels, depth) for each in classifier),
                *(StackStage("classifier_fine_tuning", each, labels, 0) for each in classifier_fine_tuning),
            ]
        )
        self.loss = loss
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.code_memory = code_memory

    @property
    def depth(self) -> int:
        """Number of layers trained so far, including the current one."""
        return self.stage.depth_frozen + 1 if self.stage.objective is Objective.LAYER else len(self.stack)

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of a code of the layers trained so far."""
        return (math.prod(self.stack.shapes[self.depth]),)

    def stage_metrics(self, split: str, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:
        if self.classifier is not None and split == "train":
            self.labels(batch)  # fails now, not hours later
        named, frozen = self.named(batch), self.stage.depth_frozen
        x = inputs = self.images(named)
        if frozen:
            values = math.prod(self.stack.shapes[frozen])
            inputs = self.frozen_outputs(split, named, x, lambda new: self.stack.encode(new, frozen), values)
        same_each_time = None if split == "train" else torch.Generator().manual_seed(batch_idx)
        return self.metrics_of(batch, inputs, same_each_time)

    def evaluation_step(self, stage: str, batch: ImageBatch, batch_idx: int) -> None:
        if stage != "test":
            super().evaluation_step(stage, batch, batch_idx)
            return
        metrics = self.stage_metrics("test", batch, batch_idx)
        metrics["reconstruction"] = self.reconstruction_error(self.images(batch))
        self.log_epoch("test", metrics, batch, progress_bar="loss")

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:
        found = super().predict_step(batch, batch_idx)
        if self.stage.objective is Objective.LABELS:
            found["class_probability"] = self._scores(found["code"]).softmax(1)
        return found

    def metrics_of(self, batch: ImageBatch, inputs: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """Return the loss in the current stage and, for a classifier, the share of wrong labels, as scalars.

        Args:
            batch: images, with labels for a classifier.
            inputs: the images' codes from the frozen layers; the images themselves if none is frozen.
            generator: generator of the corruption.
        """
        if self.stage.objective is Objective.LAYER:
            return {"loss": self.layer_error(self.stage.depth_frozen, inputs, generator)}
        if self.stage.objective is Objective.STACK:
            return {"loss": self.reconstruction_error(inputs)}
        codes = inputs.flatten(1) if self.stage.depth_frozen else self.encode(inputs)
        return self.classification_errors(codes, batch)

    def layer_error(self, level: int, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        """Return the mean error of a layer, counted from 0, as an autoencoder of its inputs: a scalar."""
        seen = inputs
        if self.corruption is not None:
            seen = self.corruption.of_codes(inputs, generator) if level else self.corruption(inputs, generator)
        outputs = self.stack.decode_layer(level, self.stack.layer(level).encode(seen))
        error = sum_of_squares if level else self.loss
        return torch.as_tensor(error(outputs, inputs)).mean()

    def reconstruction_error(self, x: Tensor) -> Tensor:
        """Return the mean error of images (B, C, H, W) reconstructed from their codes: a scalar."""
        return torch.as_tensor(self.loss(self._logits(self.encode(x)), x)).mean()

    def classification_errors(self, codes: Tensor, batch: ImageBatch) -> dict[str, Tensor]:
        """Return the mean cross-entropy of labels given codes (B, code_size), in nats, and the error rate: scalars.

        Raises:
            GenlabError: for a batch without labels, or with labels that the classifier does not know.
        """
        scores, labels = self._scores(codes), self.labels(batch)
        return {"loss": F.cross_entropy(scores, labels), "error_rate": (scores.argmax(1) != labels).float().mean()}

    def labels(self, batch: ImageBatch) -> Tensor:
        """Return a batch's labels (B,), after checking that the classifier was built for them.

        Raises:
            GenlabError: for a batch without labels, or with unknown ones.
        """
        assert self.classifier is not None
        batch = self.named(batch)
        if "label" not in batch:
            raise GenlabError("the classifier of a StackedAutoencoder needs batches with a 'label'")
        labels: Tensor = batch["label"]
        if self.looks_at(labels, "label"):
            check_labels(labels, self.classifier.out_features)
        return labels

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """Encode images (B, C, H, W) to codes (B, code_size)."""
        return self.stack.encode(self.seen(x), self.depth).flatten(1)

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """Decode codes (B, code_size) to images (B, C, H, W) in [0, 1]."""
        return self._logits(z).sigmoid()

    def trained_in(self, stage: StackStage) -> nn.Module:
        layers = list(self.stack)[stage.depth_frozen :]
        if stage.objective is Objective.LAYER:
            return nn.ModuleList(layers[:1])
        if stage.objective is Objective.STACK:
            return nn.ModuleList(layers)
        assert self.classifier is not None
        return nn.ModuleList([*layers, self.classifier])

    def frozen_in(self, stage: StackStage) -> Sequence[nn.Module]:
        return list(self.stack)[: stage.depth_frozen]

    def _logits(self, z: Tensor) -> Tensor:
        return self.stack.decode(z.unflatten(1, self.stack.shapes[self.depth]), self.depth)

    def _scores(self, codes: Tensor) -> Tensor:
        assert self.classifier is not None
        scores: Tensor = self.classifier(codes)
        return scores.float()
