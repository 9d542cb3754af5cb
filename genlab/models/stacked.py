"""The stacked autoencoder, trained greedily layer by layer (Hinton & Salakhutdinov 2006; Bengio et al. 2007).

If wished denoising (Vincent et al. 2010).
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.types import LRSchedulerConfig
from torch import Generator, Tensor, nn
from torch.optim import Adam

from genlab.errors import GenlabError, counted
from genlab.losses.reconstruction import ReconstructionError, squared_error, sum_of_squares
from genlab.models.base import ImageModel
from genlab.models.checks import expect
from genlab.models.code_cache import CodeCache
from genlab.models.codec import Codec
from genlab.models.inputs import of_codes, of_images
from genlab.models.stages import Course, Goal, Schedule, Stage
from genlab.networks.corruption import Corruption
from genlab.networks.stack import LayerFactory, LayerStack, StackLayer
from genlab.optimizers import built
from genlab.ranges import at_least
from genlab.schedules import steps_per_epoch, with_schedule
from genlab.types import ImageBatch, Interval, OptimizerFactory, ScheduleFactory, Shape


class StackedAutoencoder(Codec, ImageModel):
    """Layers that are trained one after the other, then together, then with a classifier on top.

    1. "layer1", "layer2", ...: each layer is an autoencoder of the codes of the frozen layers below it.
    2. "fine_tuning": the stack, unrolled into a deep autoencoder, is trained as a whole.
    3. "classifier": a linear classifier is trained on the codes of the frozen stack.
    4. "classifier_fine_tuning": the classifier and the encoders are trained together.

    One `fit` does all of it; it ends with the last stage, whatever larger `max_epochs` the Trainer has. The codes of
    frozen layers are computed in a stage's first epoch and kept, for batches that say which images they hold. While in
    training, the model encodes and decodes with the layers trained so far.

    Args:
        image_shape: (C, H, W) of the images.
        layers: build the layers from the shapes of their inputs, the lowest first; see `genlab.networks.stack`.
        pretraining: a schedule for each layer, or one that is every layer's; none leaves the layers to fine-tuning.
        fine_tuning: schedules of fine-tuning, one after the other.
        classifier: schedules of the classifier on the frozen stack.
        classifier_fine_tuning: schedules of the classifier together with the encoders.
        num_classes: what the classifier tells apart.
        loss: error of a reconstructed image, from logits and the image to (B,); see `genlab.losses.reconstruction`.
            Layers above the first are trained on the sum of squared differences to their input.
        corruption: builds what is done to a layer's input in pretraining, of which it gives back the original.
        optimizer: builds the optimizer of a stage, which gets the stage's learning rate.
        schedule: builds the schedule of that learning rate over a stage; see `genlab.schedules`.
        schedule_interval: what it counts, each "step" or each "epoch".
        code_memory: gigabytes of codes that are kept at most; of data whose codes are more, none are.

    Raises GenlabError for schedules that do not fit the layers or the data.
    """

    def __init__(
        self,
        image_shape: Shape,
        layers: Sequence[LayerFactory],
        pretraining: Sequence[Schedule],
        fine_tuning: Sequence[Schedule] = (),
        classifier: Sequence[Schedule] = (),
        classifier_fine_tuning: Sequence[Schedule] = (),
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
                f"there are {depth} layers but {len(pretraining)} schedules of pretraining; give one a layer, "
                "one for all of them, or none"
            )
        if not layers:
            raise GenlabError("a stack needs at least one layer")
        self.corruption = corruption() if corruption else None
        if depth > 1 and pretraining and self.corruption and type(self.corruption).of_codes is Corruption.of_codes:
            raise GenlabError(f"{type(self.corruption).__name__} is for images alone, and upper layers see codes")
        if classifies and not num_classes:
            raise GenlabError("a classifier needs data with labels; leave out its stages, or take other data")
        self.automatic_optimization = False
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
        self.course = Course(
            [
                *(Stage(f"layer{i + 1}", Goal.LAYER, i, schedule) for i, schedule in enumerate(layer_schedules)),
                *(Stage("fine_tuning", Goal.STACK, 0, schedule) for schedule in fine_tuning),
                *(Stage("classifier", Goal.LABELS, depth, schedule) for schedule in classifier),
                *(Stage("classifier_fine_tuning", Goal.LABELS, 0, schedule) for schedule in classifier_fine_tuning),
            ]
        )
        self.loss = loss
        self.optimizer, self.schedule, self.schedule_interval = optimizer, schedule, schedule_interval
        self.code_memory = code_memory
        self._position = 0
        self._kept: dict[str, CodeCache] = {}

    @property
    def stage(self) -> Stage:
        """The stage at hand; once trained, the last one."""
        return self.course.stages[self._position]

    @property
    def depth(self) -> int:
        """How many layers are trained, the one at hand included."""
        return self.stage.frozen + 1 if self.stage.goal is Goal.LAYER else len(self.stack)

    @property
    def code_size(self) -> int:
        """The size of a code."""
        return math.prod(self.stack.shapes[self.depth])

    def training_step(self, batch: ImageBatch, batch_idx: int) -> None:
        if self.classifier is not None:
            self.labels(batch)  # whose stage may be hours away
        figures = self.figures(batch, self._frozen_codes("train", batch))
        self.log_batch(self._with_stage(figures), progress_bar="loss")
        optimizer = self._optimizers()[self._position]
        self.manual_backward(figures["loss"] / self.trainer.accumulate_grad_batches)
        if self.trainer.fit_loop.epoch_loop._should_accumulate():
            return
        optimizer.step()
        optimizer.zero_grad()
        for config in self.schedules():
            if config.interval == "step" or self.trainer.is_last_batch:
                self.lr_scheduler_step(config.scheduler, None)

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        same_each_time = torch.Generator().manual_seed(batch_idx)
        figures = self.figures(batch, self._frozen_codes("val", batch), same_each_time)
        self.log_epoch("val", self._with_stage(figures), batch, progress_bar="loss")

    def test_step(self, batch: ImageBatch, batch_idx: int) -> None:
        x = self.images(batch)
        same_each_time = torch.Generator().manual_seed(batch_idx)
        figures = self.figures(batch, self.stack.encode(x, self.stage.frozen), same_each_time)
        figures["reconstruction"] = self.reconstruction_error(x)
        self.log_epoch("test", figures, batch, progress_bar="loss")

    def predict_step(self, batch: ImageBatch, batch_idx: int) -> dict[str, Tensor]:
        codes = self.encode(self.images(batch))
        found = {"code": codes, "reconstruction": self.decode(codes)}
        if self.stage.goal is Goal.LABELS:
            found["class_probability"] = self._scores(codes).softmax(1)
        return found

    def configure_optimizers(self) -> Any:
        return [self._optimizer(stage) for stage in self.course.stages]

    def schedules(self) -> list[LRSchedulerConfig]:
        """Return the schedule of the stage at hand, if there is one."""
        return super().schedules()[self._position : self._position + 1]

    def learning_rates(self) -> dict[str, float]:
        """Return the learning rate of the stage at hand, as it is logged."""
        return {"lr": float(self._optimizers()[self._position].param_groups[0]["lr"])}

    def figures(self, batch: ImageBatch, inputs: Tensor, generator: Generator | None = None) -> dict[str, Tensor]:
        """The loss in the stage at hand, and of a classifier the share of wrong labels: scalars.

        Args:
            batch: images, with labels for a classifier.
            inputs: the images' codes by the frozen layers; the images themselves when none is frozen.
            generator: the corruption's.
        """
        if self.stage.goal is Goal.LAYER:
            return {"loss": self.layer_error(self.stage.frozen, inputs, generator)}
        if self.stage.goal is Goal.STACK:
            return {"loss": self.reconstruction_error(inputs)}
        codes = inputs.flatten(1) if self.stage.frozen else self.encode(inputs)
        return self.classification_errors(codes, batch)

    def layer_error(self, level: int, inputs: Tensor, generator: Generator | None = None) -> Tensor:
        """The mean error of a layer, counted from 0, as an autoencoder of its inputs: a scalar."""
        seen = inputs
        if self.corruption is not None:
            seen = self.corruption.of_codes(inputs, generator) if level else self.corruption(inputs, generator)
        outputs = self.stack.decode_layer(level, self.stack.layer(level).encode(seen))
        error = sum_of_squares if level else self.loss
        return torch.as_tensor(error(outputs, inputs)).mean()

    def reconstruction_error(self, x: Tensor) -> Tensor:
        """The mean error of images (B, C, H, W) through the code and back: a scalar."""
        return torch.as_tensor(self.loss(self._logits(self.encode(x)), x)).mean()

    def classification_errors(self, codes: Tensor, batch: ImageBatch) -> dict[str, Tensor]:
        """The mean cross-entropy of labels given codes (B, code_size), in nats, and the share of wrong ones: scalars.

        Raises GenlabError for a batch without labels, or with ones that the classifier does not know.
        """
        scores, labels = self._scores(codes), self.labels(batch)
        return {"loss": F.cross_entropy(scores, labels), "error_rate": (scores.argmax(1) != labels).float().mean()}

    def labels(self, batch: ImageBatch) -> Tensor:
        """The batch's labels (B,), once they are found to be what the classifier was built for; else GenlabError."""
        assert self.classifier is not None
        batch = self.named(batch)
        if "label" not in batch:
            raise GenlabError("the classifier of a StackedAutoencoder needs batches with a 'label'")
        return self.known_labels(batch["label"], self.classifier.out_features)

    @of_images
    def encode(self, x: Tensor) -> Tensor:
        """The codes of images: (B, C, H, W) to (B, code_size)."""
        return self.stack.encode(self.seen(x), self.depth).flatten(1)

    @of_codes
    def decode(self, z: Tensor) -> Tensor:
        """The images of codes: (B, code_size) to (B, C, H, W) in [0, 1]."""
        return self._logits(z).sigmoid()

    forward = Codec.reconstruct

    def setup(self, stage: str) -> None:
        """Let `fit` end with the last stage; warn when it is going to end before."""
        super().setup(stage)
        self._kept.clear()  # codes of other data
        if stage != "fit":
            return
        if isinstance(self.trainer.strategy, DDPStrategy):  # each stage trains a part of the parameters
            self.trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)
        limit = self.trainer.max_epochs
        if limit in (None, -1) or limit >= self.course.epochs:
            self.trainer.fit_loop.max_epochs = self.course.epochs
        else:
            last = self.course.stages[self.course.position(limit - 1)].name
            rank_zero_warn(f"max_epochs={limit} ends training in {last}; all stages take {self.course.epochs} epochs")

    def on_train_start(self) -> None:
        """Say which stage it is; freeze layers, also when training is taken up inside an epoch."""
        super().on_train_start()
        self._announce()
        self._freeze()

    def on_train_epoch_start(self) -> None:
        """Go on to the next stage, when it is time to."""
        position = self.course.position(self.current_epoch)
        if position != self._position:
            self.trainer.optimizers[self._position].state.clear()  # it needs no memory any more
            self._position = position
            self._kept.clear()
            self._announce()
        self._freeze()

    def on_train_end(self) -> None:
        """Give back the memory of the codes."""
        super().on_train_end()
        self._kept.clear()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write down which stage it is."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["stage"] = self._position

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Know again which stage the checkpoint is from."""
        super().on_load_checkpoint(checkpoint)
        self._position = checkpoint["stage"]
        self._kept.clear()

    def _freeze(self) -> None:
        self.train()
        for layer in list(self.stack)[: self.stage.frozen]:
            layer.eval()

    def _announce(self) -> None:
        number, stages, schedule = self._position + 1, len(self.course.stages), self.stage.schedule
        rank_zero_info(
            f"stage {number} of {stages}: {self.stage.name}, {counted(schedule.epochs, 'epoch')}, "
            f"learning rate {schedule.lr:g}"
        )

    @torch.no_grad()
    def _frozen_codes(self, split: str, batch: ImageBatch) -> Tensor:
        """The batch's images through the frozen layers, each image once a stage where its codes can be kept."""
        batch = self.named(batch)
        x, frozen = self.images(batch), self.stage.frozen
        if not frozen or "index" not in batch:
            return self.stack.encode(x, frozen)
        loader: Any = self.trainer.train_dataloader if split == "train" else self.trainer.val_dataloaders
        images = len(loader.dataset)
        if images * math.prod(self.stack.shapes[frozen]) * x.element_size() > self.code_memory * 2**30:
            return self.stack.encode(x, frozen)
        kept = self._kept.setdefault(split, CodeCache(images))
        return kept.codes(x, batch["index"], lambda new: self.stack.encode(new, frozen))

    def _logits(self, z: Tensor) -> Tensor:
        return self.stack.decode(z.unflatten(1, self.stack.shapes[self.depth]), self.depth)

    def _scores(self, codes: Tensor) -> Tensor:
        assert self.classifier is not None
        scores: Tensor = self.classifier(codes)
        return scores.float()

    def _with_stage(self, figures: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss under its own name and, like all others, under the stage's: losses of two stages do not compare."""
        return {"loss": figures["loss"]} | {f"{self.stage.name}/{name}": value for name, value in figures.items()}

    def _optimizers(self) -> list[Any]:
        optimizers = self.optimizers()
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def _trained(self, stage: Stage) -> nn.ModuleList:
        layers = list(self.stack)[stage.frozen :]
        if stage.goal is Goal.LAYER:
            return nn.ModuleList(layers[:1])
        if stage.goal is Goal.STACK:
            return nn.ModuleList(layers)
        assert self.classifier is not None
        return nn.ModuleList([*layers, self.classifier])

    def _optimizer(self, stage: Stage) -> dict[str, Any]:
        optimizer = built(self.optimizer, self._trained(stage).parameters())
        for group in optimizer.param_groups:
            group["lr"] = stage.schedule.lr
        epochs, by_step = stage.schedule.epochs, self.schedule_interval == "step"
        return with_schedule(
            optimizer,
            self.schedule,
            self.schedule_interval,
            lambda: epochs * steps_per_epoch(self.trainer) if by_step else epochs,
        )
