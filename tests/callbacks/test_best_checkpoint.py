"""The best checkpoint is chosen by the metric that a model declares, or that a user names."""

import pytest
import torch
from lightning.pytorch import Trainer

import genlab
from genlab.callbacks import BestCheckpoint
from genlab.cli import main
from genlab.runs.summaries import summarise


class ByKL(genlab.VAE):
    """A VAE whose best checkpoint has the smallest KL divergence."""

    monitor = "val/kl"


@pytest.mark.parametrize(
    ("family", "named", "monitor", "kept"),
    [
        (genlab.VAE, "val/loss", "val/loss", 1),
        (ByKL, "val/loss", "val/kl", 1),
        (ByKL, "val/elbo", "val/elbo", 1),
        (genlab.VAE, None, "val/loss", 1),
        (genlab.GAN, "val/loss", "val/loss", 0),
        (genlab.GAN, None, None, 0),
        (genlab.GAN, "val/diversity", "val/diversity", 1),
    ],
)
def test_a_model_declares_its_metric(family, named, monitor, kept, working_folder):
    best = BestCheckpoint(working_folder, monitor=named)
    best.setup(Trainer(logger=False), family((1, 8, 8)), "fit")
    assert (best.monitor, best.save_top_k) == (monitor, kept)


def test_a_run_is_summed_up_by_the_metric_that_its_model_declares(working_folder):
    (working_folder / "by_kl.py").write_text("import genlab\n\n\nclass ByKL(genlab.VAE):\n    monitor = 'val/kl'\n")
    main(["fit", "--model=by_kl.ByKL", "--data=Digits", "--config=overlays/smoke.yaml"])
    run = working_folder / "runs" / "bykl-digits" / "0"
    callbacks = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["callbacks"]
    (best,) = (state["best_model_score"] for name, state in callbacks.items() if name.startswith("BestCheckpoint"))
    assert summarise(run).metric == "val/kl"
    assert summarise(run).best == pytest.approx(float(best))
