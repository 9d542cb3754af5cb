"""A prior over a trained VQ-VAE's codes, as a model of its own (van den Oord et al. 2017, section 3.3)."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import LightningModule
from torch.optim import Adam

from genlab.capabilities import Quantizes, can
from genlab.errors import GenlabError
from genlab.models.shared.base import frozen
from genlab.models.shared.grid_coder import GridCoder
from genlab.models.shared.quantized import QuantizedModel
from genlab.models.shared.staged import StageSchedule
from genlab.networks.pixelcnn import GatedPixelCNN
from genlab.types import GridNetworkFactory, Interval, OptimizerFactory, ScheduleFactory, Shape


class CodePrior(QuantizedModel):
    """Priors over the codes of a first stage, a trained `VQVAE` or `VQVAE2`, each level given the level above it.

    The first stage is frozen and saved in the checkpoint; any prior of its own is not used. The model encodes and
    decodes as the first stage does, and samples.

    Args:
        image_shape: (C, H, W) of the images.
        first_stage: the trained model: `{class_path: genlab.load, init_args: {path: runs/vqvae}}`, in Python
            `genlab.load`.
        prior: schedules of the priors: one for each level, the top one first, or one for all levels.
        prior_network: builds each prior's network from the shape of grids (1, h, w), the number of codes, the size of a
            condition's embedding, and the channels of the map through which the level sees the one above.
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
        GenlabError: for a first stage without grids of codes or for other images, and for a wrong number of schedules.
    """

    def __init__(
        self,
        image_shape: Shape,
        first_stage: LightningModule,
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
        self.save_hyperparameters()
        levels = len(require_grids(first_stage, self.image_shape).grids)
        self.first_stage: Any = frozen(first_stage)  # type: ignore[type-var]
        if len(prior) not in (1, levels):
            raise GenlabError(f"prior has {len(prior)} schedules; give one, or one for each of the {levels} levels")
        self.build(
            (),
            [*prior] * (levels if len(prior) == 1 else 1),
            prior_network,
            conditional=conditional,
            num_classes=num_classes,
            class_names=class_names,
            attribute_names=attribute_names,
            condition_size=condition_size,
        )
        self.train_by(optimizer, schedule, schedule_interval, code_memory)

    @property
    def coder(self) -> GridCoder:  # type: ignore[override]
        """The first stage's autoencoder."""
        coder: GridCoder = self.first_stage.coder
        return coder


def require_grids(model: Any, image_shape: Shape) -> GridCoder:
    """Return the autoencoder of a first stage.

    Raises:
        GenlabError: for a model without grids of codes, or of images of another shape.
    """
    name = type(model).__name__
    if not can(model, Quantizes):
        raise GenlabError(f"the first stage is a {name}, which has no grids of codes; use a VQVAE or a VQVAE2")
    own: Shape = model.image_shape  # type: ignore[attr-defined]
    if tuple(own) != tuple(image_shape):
        raise GenlabError(f"the first stage, a {name}, is for images of shape {own}, the data has {image_shape}")
    coder: GridCoder = model.coder
    return coder
