"""Two processes under DDP: separate shards of the same length, reshuffled every epoch."""

import json
from pathlib import Path

from ..processes import run_script

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from lightning.pytorch import LightningModule, Trainer
from genlab.data import AttributeDomains, CelebA

class Recorder(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.epochs = []

    def on_train_epoch_start(self):
        self.epochs.append([])

    def training_step(self, batch, batch_idx):
        images = batch["image"] if "image" in batch else batch["b"]
        self.epochs[-1] += [hash(image.numpy().tobytes()) for image in images]
        return self.weight * images.mean()

    def on_train_end(self):
        Path(f"{sys.argv[1]}-{self.global_rank}.json").write_text(json.dumps(self.epochs))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

data = CelebA(image_size=8, batch_size=16, num_workers=int(sys.argv[2]))
data = AttributeDomains(data, "Smiling") if sys.argv[1] == "domains" else data
Trainer(
    accelerator="cpu", devices=2, strategy="ddp", max_epochs=2, logger=False, enable_checkpointing=False,
    enable_progress_bar=False,
).fit(Recorder(), data)
"""


def epochs(kind: str, workers: int) -> list[list[list[int]]]:
    """Return the images that each process saw in each epoch."""
    Path("script.py").write_text(SCRIPT)
    run_script("script.py", kind, str(workers), processes=2)
    return [json.loads(Path(f"{kind}-{rank}.json").read_text()) for rank in range(2)]


def test_processes_see_shards_of_their_own_anew_every_epoch():
    first, second = epochs("images", 0)
    for one, other in zip(first, second, strict=True):
        assert len(one) == len(other) == 320 // 32 * 16
        assert not set(one) & set(other)
        assert len(set(one) | set(other)) == 320
    assert first[0] != first[1]
    assert set(first[0]) != set(first[1])


def test_domains_are_shared_out_too():
    first, second = epochs("domains", 1)
    assert len(first[0]) == len(second[0]) > 0
    assert not set(first[0]) & set(second[0])
    assert first[0] != first[1]
