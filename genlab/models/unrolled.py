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
from genlab.models.shared.staged import StageSchedule
from genlab.models.stacked import StackedAutoencoder
from genlab.networks.stack import DenseLayer
from genlab.types import Interval, OptimizerFactory, ScheduleFactory, Shape


class UnrolledDBN(StackedAutoencoder):
    """A StackedAutoencoder that starts with the weights of a deep belief net, and is fine-tuned.

    Encoders are the net's recognition weights, decoders its generative weights and the biases of the layer below;
    hidden units take their means, which are probabilities for binary ones.

    Args:
        image_shape: (C, H, W) of the images.
        net: a trained `DBN` with binary units, `{class_path: genlab.load, init_args: {path: runs/dbn_mnist}}`.
        fine_tuning: schedules of fine-tuning, one after the other.
        classifier: schedules of a classifier on the frozen stack.
        classifier_fine_tuning: schedules of the classifier together with the encoders.
        num_classes: number of classes of the classifier.
        loss: error of a reconstructed image, from logits and the image to (B,); see `genlab.losses.reconstruction`.
        optimizer: builds the optimizer of a stage, with the stage's learning rate.
        schedule: builds the learning-rate schedule of a stage; see `genlab.schedules`.
        schedule_interval: what the schedule counts, each "step" or each "epoch".
        code_memory: gigabytes of codes to cache at most; if a data set's codes take more, none are cached.

    Raises:
        GenlabError: for any other model.
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
            raise GenlabError(f"an UnrolledDBN starts from a DBN of binary units, not from a {type(net).__name__}")
        if net.is_measured.any() and net.depth < len(net.machines):
            raise GenlabError(
                f"the DBN is in stage {net.stage.name} and has {len(net.machines)} layers: resume its training first"
            )
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
            raise GenlabError(f"the DBN is for images of shape {net.image_shape}, the data has {self.image_shape}")
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
    """Return the linear layer of a dense one."""
    return next(module for module in network.modules() if isinstance(module, nn.Linear))
