"""Networks compiled by torch.compile before training."""

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from genlab.errors import GenlabError


class Compiled(Callback):
    """Compile the networks of a model in place when training begins, so that the names of weights do not change.

    If a part is only a container of networks, such as a layer of a stack, the networks in it are compiled.

    Raises:
        GenlabError: for a model with a gradient penalty, as compiled networks cannot be differentiated twice.
    """

    def on_fit_start(self, trainer: Trainer, model: LightningModule) -> None:
        """Compile every network that trains."""
        if reason := getattr(model, "uncompilable", ""):
            raise GenlabError(reason)
        for network in networks(model):
            network.compile()


def networks(module: nn.Module) -> list[nn.Module]:
    """Return the largest parts of a module that have trainable weights and can be called."""
    found = []
    for child in module.children():
        if any(parameter.requires_grad for parameter in child.parameters()):
            callable_itself = type(child).forward is not nn.Module.forward
            found += [child] if callable_itself else networks(child)
    return found
