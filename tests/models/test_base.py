import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

import genlab


class Unmeasured(genlab.models.ImageModel):
    def training_step(self, batch, batch_idx):
        return self.weight.sum()

    def __init__(self):
        super().__init__((1, 8, 8))
        self.weight = torch.nn.Parameter(torch.zeros(1))


def test_a_family_without_an_evaluation_step_is_told():
    trainer = Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    with pytest.raises(genlab.GenlabError, match="Unmeasured measures nothing: give it an evaluation_step"):
        trainer.validate(Unmeasured(), DataLoader(torch.rand(4, 1, 8, 8)), verbose=False)


@pytest.mark.parametrize("shape", [(28, 28), 28, (1, 1, 28, 28), None])
def test_a_shape_that_is_none_of_images_is_said(shape):
    with pytest.raises(genlab.GenlabError, match=r"image_shape is .*; give \(channels, height, width\), such as"):
        genlab.VAE(shape)
