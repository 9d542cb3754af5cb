"""The gated PixelCNN for pixels (van den Oord et al. 2016, arXiv:1606.05328), with and without a condition."""

from torch import Tensor
from torch.optim import Adam

from genlab.conditions import condition_of
from genlab.errors import GenlabError
from genlab.models.shared.autoregressive import GREY_LEVELS, AutoregressiveModel, PixelModel
from genlab.models.shared.conditional import ConditionalModel
from genlab.networks.condition import repeated
from genlab.networks.pixelcnn import GatedPixelCNN
from genlab.ranges import extent
from genlab.types import GridNetworkFactory, Interval, OptimizerFactory, ScheduleFactory, Shape


class PixelCNN(AutoregressiveModel, PixelModel):
    """A distribution of images, value by value: row by row, pixel by pixel in a row, channel by channel in a pixel.

    A network gives the distribution of each value, one of `levels`, given those before it; their product is the exact
    probability of an image (equation 1), on which it is trained, in nats. Sampling takes one step per value.

    Args:
        image_shape: (C, H, W) of the images.
        levels: number of levels of a value, from 0 to 1: 2 for binary images, 256 for 8-bit ones; values are rounded.
        network: builds the network from the shape of images, the number of levels, and the sizes of a condition and of
            a map, here 0; it maps levels (B, C, H, W), int64, a condition and a map, here None, to logits
            (B, levels, C, H, W), each of which depends on the values before its own.
        optimizer: builds the optimizer of the network.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Example:
        >>> model = genlab.PixelCNN(image_shape=(1, 8, 8), levels=2)
        >>> samples = model.sample(4, seed=0)
        >>> model.log_prob(samples).shape
        torch.Size([4])
    """

    def __init__(
        self,
        image_shape: Shape,
        levels: int = GREY_LEVELS,
        network: GridNetworkFactory = GatedPixelCNN,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(
            image_shape, levels=levels, optimizer=optimizer, schedule=schedule, schedule_interval=schedule_interval
        )
        self.save_hyperparameters()
        self.build(network, 0)

    def numbers(self, count: int) -> None:
        """Return None: this model has no condition."""


class Given(AutoregressiveModel):
    """A ConditionalPixelCNN under given conditions, one for each image or one for all."""

    def __init__(self, model: "ConditionalPixelCNN", condition: Tensor) -> None:
        self.model, self.condition = model, condition
        self.device = model.device

    def numbers(self, count: int) -> Tensor:
        """Return the condition's embedding for `count` images, (count, condition_size)."""
        return repeated(self.model.embedding(self.condition), count)


class ConditionalPixelCNN(ConditionalModel, PixelModel):
    """A PixelCNN of images given a condition, a label or else attributes, which shifts its gates (equation 4).

    `given(condition)` can do all that a `PixelCNN` can.

    Args:
        image_shape: (C, H, W) of the images.
        num_classes: number of classes.
        attribute_names: names of the attributes.
        class_names: names of the classes, in the order of their labels; by default 0, 1, 2 and so on.
        levels: number of levels of a value, from 0 to 1; see `PixelCNN`.
        network: builds the network from the shape of images, the number of levels, and the sizes of a condition and of
            a map, here 0; see `PixelCNN`.
        condition_size: size of the embedding of a label or of attributes.
        optimizer: builds the optimizer of all parameters.
        schedule: builds its learning-rate schedule; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" of the optimizer or each "epoch".

    Raises:
        GenlabError: for data without labels or attributes, and for more or fewer names than classes.
    """

    given_as = Given

    def __init__(
        self,
        image_shape: Shape,
        num_classes: int = 0,
        attribute_names: tuple[str, ...] = (),
        class_names: tuple[str, ...] = (),
        levels: int = GREY_LEVELS,
        network: GridNetworkFactory = GatedPixelCNN,
        condition_size: int = 64,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
    ) -> None:
        super().__init__(
            image_shape, levels=levels, optimizer=optimizer, schedule=schedule, schedule_interval=schedule_interval
        )
        extent(condition_size=condition_size)
        self.save_hyperparameters()
        condition = condition_of(num_classes, class_names, attribute_names)
        if condition is None:
            raise GenlabError("a ConditionalPixelCNN needs data with labels or attributes; otherwise use a PixelCNN")
        self.condition = condition
        self.batch_names = ("image", condition.key)
        self.embedding = condition.embedding(condition_size)
        self.build(network, condition_size)
