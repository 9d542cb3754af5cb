"""The deep autoencoder that a deep belief net unrolls into (Hinton & Salakhutdinov 2006)."""

from collections.abc import Sequence
from functools import partial

import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.optim import Adam

from genlab.boltzmann.units import BinaryUnits
from genlab.errors import GenlabError
from genlab.losses.reconstruction import ReconstructionError, squared_error
from genlab.models.dbn import DBN
from genlab.models.stacked import StackedAutoencoder
from genlab.models.staged import StageSchedule
from genlab.networks.stack import DenseLayer
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape


class UnrolledDBN(StackedAutoencoder):
    """A StackedAutoencoder that begins with the weights of a deep belief net, and is fine-tuned.

    Encoders are the net's recognition weights, decoders its generative weights and the biases of the layer below;
    hidden units are their means, probabilities for binary ones.

    Args:
        image_shape: (C, H, W) of the images.
        net: a trained `DBN` with binary units, `{class_path: genlab.load, init_args: {path: runs/dbn_mnist}}`.
        fine_tuning: schedules of fine-tuning, one after the other.
        classifier: schedules of a classifier on the frozen stack.
        classifier_fine_tuning: schedules of the classifier together with the encoders.
        num_classes: what the classifier tells apart.
        loss: error of a reconstructed image, from logits and the image to (B,); see `genlab.losses.reconstruction`.
        optimizer: builds the optimizer of a stage, which gets the stage's learning rate.
        schedule: builds the schedule of that learning rate over a stage; see `genlab.schedules`.
        schedule_interval: what it counts, each "step" or each "epoch".
        code_memory: gigabytes of codes that are kept at most; of data whose codes are more, none are.

    Raises:
        GenlabError: for a model that is no such net.
    """

    def __init__(
        self,
        image_shape: Shape,
        net: LightningModule,
        fine_tuning: Sequence[StageSchedule],
        classifier: Sequence[StageSchedule] = (),
        classifier_fine_tuning: Sequence[StageSchedule] = (),
        num_classes: int = 0,
        loss: ReconstructionError = squared_error,
        optimizer: OptimizerFactory = Adam,
        schedule: ScheduleFactory | None = None,
        schedule_interval: Interval = "step",
        code_memory: float = 4.0,
    ) -> None:
        if not isinstance(net, DBN) or not isinstance(net.machine(0).visible, BinaryUnits):
            raise GenlabError(f"an UnrolledDBN begins with a DBN of binary units, not with a {type(net).__name__}")
        machines = [net.machine(level) for level in range(len(net.machines))]
        super().__init__(
            image_shape,
            [
                partial(DenseLayer, size=one.hidden.out_features, activation=one.hidden_units.activation)
                for one in machines
            ],
            pretraining=(),
            fine_tuning=fine_tuning,
            classifier=classifier,
            classifier_fine_tuning=classifier_fine_tuning,
            num_classes=num_classes,
            loss=loss,
            optimizer=optimizer,
            schedule=schedule,
            schedule_interval=schedule_interval,
            code_memory=code_memory,
        )
        self.save_hyperparameters()
        if tuple(net.image_shape) != self.image_shape:
            raise GenlabError(f"the DBN is of images of shape {net.image_shape}, data of {self.image_shape}")
        for level in range(len(machines)):
            self._take(net, level)

    @torch.no_grad()
    def _take(self, net: DBN, level: int) -> None:
        machine, layer = net.machine(level), self.stack.layer(level)
        up, down = (_linear(network) for network in (layer.encoder, layer.decoder))
        untied = bool(net.is_untied) and level < len(net.generative)
        up.load_state_dict(machine.hidden.state_dict())
        down.weight.copy_((net.generative[level] if untied else machine.hidden.weight).T)
        down.bias.copy_(machine.visible.bias)


def _linear(network: nn.Module) -> nn.Linear:
    """The linear layer of a dense one."""
    return next(module for module in network.modules() if isinstance(module, nn.Linear))
