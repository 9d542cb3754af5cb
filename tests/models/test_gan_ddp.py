"""Two processes train what one process trains with batches twice as large."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = """
import os, sys
from functools import partial
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import nn
from torch.utils.data import DataLoader
import genlab
from genlab.losses import GradientPenalty, NonSaturating, Wasserstein
from genlab.networks import MLPDecoder, MLPDiscriminator, PatchDiscriminator, ResNetGenerator, UNet

processes = int(sys.argv[1])
COUNT, STEPS = 16, 20


class FixedNoise(genlab.GAN):
    '''Codes, and shares between real and generated images, are those of the whole batch, cut in two.'''

    def noise(self, count):
        return self.mine(lambda: torch.randn(COUNT, self.code_size, generator=self.random, dtype=torch.float64))

    def mine(self, draw):
        return draw()[self.global_rank :: processes]

    def on_fit_start(self):
        self.random = torch.Generator().manual_seed(0)
        shares = torch.Generator().manual_seed(1)
        torch.rand = lambda *size, **options: self.mine(
            lambda: torch.rand_like(torch.zeros(COUNT, *size[1:], dtype=torch.float64), generator=shares)
        )


torch.set_default_dtype(torch.float64)
SHAPE = (1, 8, 10)
images = torch.rand(STEPS, 2, COUNT, *SHAPE, generator=torch.Generator().manual_seed(2))
mine = images[:, :, int(os.environ.get("LOCAL_RANK", 0)) :: processes]


def trained(kind, model, names):
    batches = [dict(zip(names, (first, second))) for first, second in mine]
    Trainer(
        accelerator="cpu", devices=processes, strategy="ddp" if processes > 1 else "auto", max_steps=STEPS,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, precision=64,
        use_distributed_sampler=False,
    ).fit(model, DataLoader(batches, batch_size=None))
    assert model.global_step == STEPS
    torch.save(model.state_dict(), f"{kind}-{processes}-{model.global_rank}.pt")


networks = partial(MLPDecoder, hidden=(16,)), partial(MLPDiscriminator, hidden=(16,), dropout=0.0)
for kind, options in {
    "gan": {"loss": NonSaturating},
    "wgan-gp": {"loss": Wasserstein, "penalty": GradientPenalty, "critic_steps": 2},
}.items():
    seed_everything(0)
    trained(kind, FixedNoise(SHAPE, 4, *networks, **options), ["image"])
options = {
    "discriminator": partial(PatchDiscriminator, width=4),
    "generator_optimizer": partial(torch.optim.SGD, lr=1e-3),  # Adam takes rounding for gradients, where there are none
    "discriminator_optimizer": partial(torch.optim.SGD, lr=1e-3),
    "ema_decay": 0.9,
}
seed_everything(0)
trained("pix2pix", genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, width=4, dropout=0.0), **options), ["source", "target"])
seed_everything(0)
residual = partial(ResNetGenerator, width=4, blocks=1)
trained("cyclegan", genlab.CycleGAN(SHAPE, SHAPE, residual, pool_size=0, **options), ["a", "b"])
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with the weights of each kind, of one process and of each of two."""
    folder = tmp_path_factory.mktemp("ddp")
    (folder / "script.py").write_text(SCRIPT)
    for processes in ("1", "2"):
        command = [sys.executable, "script.py", processes]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@pytest.mark.parametrize("kind", ["gan", "wgan-gp", "pix2pix", "cyclegan"])
def test_two_processes_equal_one_with_the_double_batch_and_each_other_bit_for_bit(kind, trained):
    one, first, second = (torch.load(trained / f"{kind}-{name}.pt") for name in ("1-0", "2-0", "2-1"))
    assert first.keys() == one.keys()
    for name, value in one.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, rtol=1e-9, atol=1e-12)
