"""Curves drawn during training."""

import shutil
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
from lightning.pytorch import Trainer

import genlab
from genlab.callbacks import Curves
from genlab.cli import main
from genlab.loggers import MetricsFile
from genlab.pictures.curves import draw_curves

CURVES = Path("pictures/curves.png")


@pytest.fixture(autouse=True)
def no_curves() -> None:
    """Override the fixture that turns curves off."""


@pytest.fixture
def drawn(monkeypatch) -> list:
    """The matplotlib figures drawn."""
    figures = []

    def draw(*args, **options):
        figures.append(draw_curves(*args, **options))
        return figures[-1]

    monkeypatch.setattr("genlab.pictures.curves.draw_curves", draw)
    return figures


def eager(share: float = float("inf")) -> Curves:
    """Return a callback that draws at the first validation."""
    curves = Curves()
    curves.delay, curves.share = 0.0, share
    return curves


def trained(curves: Curves, epochs: int = 3, **options) -> genlab.VAE:
    torch.manual_seed(0)
    model = genlab.VAE((1, 8, 8), 2)
    trainer = Trainer(
        max_epochs=epochs,
        enable_checkpointing=False,
        enable_progress_bar=False,
        callbacks=[curves],
        **{"limit_train_batches": 2, "logger": MetricsFile(Path()), **options},
    )
    trainer.fit(model, genlab.Digits())
    return model


def ends(figures) -> list[float]:
    """Return the step at which the training curve ends in each figure."""
    return [figure.axes[0].lines[0].get_xdata()[-1] for figure in figures]


def test_each_validation_draws_when_there_is_time(drawn):
    trained(eager())
    assert ends(drawn) == [1, 2, 3]
    assert all(figure.axes[0].lines[1].get_xdata()[-1] == end for figure, end in zip(drawn, ends(drawn), strict=True))
    assert CURVES.exists()


def test_drawing_waits_when_validations_come_fast(drawn):
    trained(eager(share=1e-9), epochs=9)
    assert ends(drawn) == [1, 9]


def test_a_short_training_has_one_picture(drawn):
    curves = Curves()
    curves.delay = 1e9
    trained(curves)
    assert ends(drawn) == [3]


def test_the_last_batches_are_drawn_where_training_ends_inside_an_epoch(drawn):
    trained(Curves(), limit_train_batches=9, max_steps=5)
    assert len(drawn[-1].axes[0].lines[0].get_xdata()) == 5


def test_drawing_changes_no_weight(drawn):
    with_curves = trained(eager())
    without = trained(Curves(), logger=False)
    assert drawn
    for one, other in zip(with_curves.parameters(), without.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_picture_that_fails_is_a_warning(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("genlab.pictures.curves.draw_curves", MagicMock(side_effect=MemoryError))
        with pytest.warns(UserWarning, match="pictures/curves.png could not be drawn: out of memory"):
            trained(Curves())
    CURVES.parent.touch()
    with pytest.warns(UserWarning, match="pictures/curves.png could not be drawn: .* cannot be written"):
        trained(Curves())


def test_only_the_first_process_draws(monkeypatch):
    monkeypatch.setattr(Trainer, "is_global_zero", False)
    trained(Curves())
    assert not CURVES.exists()


def test_training_that_fails_leaves_its_curves(monkeypatch):
    monkeypatch.setattr(genlab.VAE, "on_train_epoch_start", MagicMock(side_effect=[None, None, KeyError("oh")]))
    with pytest.raises(KeyError, match="oh"):
        trained(Curves())
    assert CURVES.exists()


def test_a_run_that_is_resumed_has_one_curve(run, working_folder, drawn):
    shutil.copytree(run, "runs/vae_digits/0")
    assert Path("runs/vae_digits/0/pictures/curves.png").exists()
    main(["fit", "--config=vae_digits.yaml", "--ckpt_path=last", "--trainer.max_epochs=5"])
    (axes, *_) = drawn[-1].axes
    assert axes.lines[1].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert (axes.lines[0].get_xdata()[1:] > axes.lines[0].get_xdata()[:-1]).all()
    assert Path("runs/vae_digits/0/.state").read_text() == "finished"


def test_without_pictures_there_is_none_of_them(monkeypatch):
    monkeypatch.setattr("genlab.pictures.curves.draw_curves", MagicMock(side_effect=AssertionError))
    smoke = ["--config=overlays/smoke.yaml", "--pictures.every_n_epochs=0"]
    main(["fit", "--config=vae_digits.yaml", *smoke])
    assert not Path("runs/vae_digits/0/pictures").exists()
