"""Curves of runs: what is drawn, and how it is labelled."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.cli import main
from genlab.pictures.curves import draw_curves
from tests.run_folders import STEPS, make_run, write_metrics

GAN = {"class_path": "genlab.GAN", "init_args": {"code_size": 2}}


def series(path: str, metrics: dict[str, list[float]], settings: dict | None = None) -> Path:
    """Make a run with these values of metrics, one for each step, in epochs of one step."""
    run = make_run(path, settings)
    write_metrics(
        run, [{"step": n, "epoch": n, name: v} for name, values in metrics.items() for n, v in enumerate(values)]
    )
    return run


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_run_is_drawn_with_training_and_validation():
    figure = draw_curves([make_run("runs/vae/0")])
    assert figure.get_suptitle() == "VAE on Digits, 2 epochs: runs/vae/0"
    (axes,) = figure.axes
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("loss", "epochs", "nats per image")
    training, validation = axes.lines
    assert training.get_xdata().tolist() == pytest.approx([(n + 1) / STEPS for n in range(2 * STEPS)])
    assert training.get_ydata()[:2].tolist() == [10, 10 / 1.2]
    assert validation.get_xydata().tolist() == [[1, 10], [2, 5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]


def test_steps_go_across_if_wanted():
    (axes,) = draw_curves([make_run("runs/vae/0")], x="steps").axes
    assert axes.get_xlabel() == "steps (batches)"
    assert axes.lines[1].get_xdata().tolist() == [STEPS, 2 * STEPS]


def test_many_batches_become_means_and_a_range_which_is_said():
    values = np.random.default_rng(0).normal(100, 1, 1400)
    run = make_run("runs/vae/0")
    write_metrics(run, [{"step": n, "epoch": n // 700, "train/loss": v} for n, v in enumerate(values)])
    (axes,) = draw_curves([run]).axes
    (line,) = axes.lines
    assert line.get_label() == "training (mean and range of 10 batches)"
    np.testing.assert_allclose(line.get_ydata(), values.reshape(140, 10).mean(1))
    (band,) = axes.collections
    assert band.get_datalim(axes.transData).y1 == pytest.approx(values.max())


def test_several_runs_are_told_apart_by_what_differs():
    make_run("runs/vae/0")
    make_run("runs/vae/1", {"model.beta": 4.0, "data.data_dir": "elsewhere"})
    figure = draw_curves(["runs/vae/0", "runs/vae/1"])
    assert legend(figure) == ["beta 1", "beta 4", "training", "validation"]
    assert figure.get_suptitle() == "VAE on Digits"
    colours = {line.get_color() for line in figure.axes[0].lines}
    assert len(colours) == 2
    assert [line.get_color() for line in figure.legends[0].get_lines()[:2]] == sorted(colours)


def test_runs_of_different_models_are_called_after_them():
    make_run("runs/vae/0")
    make_run("runs/gan/0", {"model": GAN})
    assert legend(draw_curves(["runs/vae/0", "runs/gan/0"]))[:2] == ["VAE", "GAN"]


def test_runs_with_the_same_settings_are_called_by_their_paths():
    runs = [make_run(f"runs/vae/{number}") for number in range(2)]
    assert legend(draw_curves(runs))[:2] == ["runs/vae/0", "runs/vae/1"]
    runs.append(make_run("runs/vae/2", {"model.beta": 4.0}))
    assert legend(draw_curves(runs))[:3] == ["beta 1 (runs/vae/0)", "beta 1 (runs/vae/1)", "beta 4"]


def test_more_runs_than_matplotlib_has_colours_have_one_each():
    runs = [make_run(f"runs/vae/{number}", {"model.beta": float(number)}) for number in range(12)]
    lines = draw_curves(runs).legends[0].get_lines()[:12]
    assert len({str(line.get_color()) for line in lines}) == 12


def test_players_share_a_panel_and_what_says_more_has_its_own():
    losses = {"train/discriminator": [1.0, 2.0], "train/generator": [3.0, 4.0], "train/score_real": [0.0, 0.0]}
    run = series("runs/gan/0", losses | {"train/diversity": [0.1, 0.2], "val/diversity": [0.1, 0.2]}, {"model": GAN})
    figure = draw_curves([run])
    assert titles(figure) == ["losses of generator and discriminator", "diversity of samples"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["generator", "discriminator"]
    assert titles(draw_curves([run, run]))[:2] == ["loss of the generator", "loss of the discriminator"]


def test_each_stage_has_a_panel_in_its_own_epochs():
    run = make_run("runs/stacked/0", {"model": {"class_path": "genlab.StackedAutoencoder", "init_args": {}}})
    rows = [
        {"step": n, "epoch": n, "train/loss": 1.0, f"train/{s}/loss": 1.0} for n, s in enumerate(["layer1", "layer2"])
    ]
    write_metrics(run, rows)
    figure = draw_curves([run])
    assert titles(figure) == ["layer1: loss", "layer2: loss"]
    assert figure.axes[1].lines[0].get_xdata().tolist() == [2]
    assert figure.axes[1].get_ylabel() == "squared error of codes"


def test_metrics_are_chosen_by_name_with_one_split_or_both(refused):
    run = series("runs/vae/0", {"train/kl": [1.0, 2.0], "val/kl": [1.0, 2.0], "val/elbo": [-3.0, -2.0]})
    figure = draw_curves([run], ["kl", "val/kl", "elbo"])
    assert titles(figure) == ["KL divergence", "KL divergence", "ELBO"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1, 1]
    assert "there is no metric klm; did you mean kl?" in refused("curves", "runs/vae/0", "--metrics", "klm")
    assert ", ," not in refused("curves", "runs/vae/0", "--metrics", "nothing_like_it")


def test_metrics_without_a_finite_value_have_no_panel():
    run = series("runs/vae/0", {"train/loss": [1.0, 2.0], "train/kl": [float("nan"), float("inf")]})
    assert titles(draw_curves([run])) == ["loss"]


def test_metrics_of_other_names_are_drawn_too():
    run = series("runs/own/0", {"train/energy": [1.0, 2.0], "val/energy": [2.0, 1.0]})
    assert titles(draw_curves([run])) == ["energy"]


def test_a_logarithmic_axis_has_plain_numbers_and_is_for_positive_values():
    run = series("runs/vae/0", {"train/loss": [90.0, 110.0], "val/kl": [0.001, 10.0], "val/elbo": [-9.0, 1.0]})
    figure = draw_curves([run], ["loss", "kl", "elbo"], log_y=True)
    figure.draw_without_rendering()
    loss, kl, elbo = figure.axes
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log", "linear"]
    low, high = loss.get_ylim()
    for axes, wanted in ((loss, {"95", "105"}), (kl, {"0.001", "0.1", "10"})):
        shown = {text.get_text() for text in axes.get_yticklabels()}
        assert wanted <= shown, (low, high)
    assert elbo.lines[0].get_ydata().tolist() == [-9, 1]


def test_the_first_batches_do_not_flatten_the_rest():
    run = series("runs/vae/0", {"train/loss": [1000.0, *np.linspace(20, 10, 60)]})
    (axes,) = draw_curves([run]).axes
    assert 20 < axes.get_ylim()[1] < 25
    assert [text.get_text() for text in axes.texts] == ["begins at 1000"]
    (axes,) = draw_curves([run], log_y=True).axes
    assert axes.get_ylim()[1] > 1000


def test_the_newest_run_is_drawn_by_default_again_and_again(capsys):
    make_run("runs/vae/0", time=2e9)
    make_run("runs/vae/1", time=1e9)
    for _ in range(2):
        main(["curves"])
        assert capsys.readouterr().out == "runs/vae/0/pictures/curves.png\n"
    assert np.asarray(Image.open("runs/vae/0/pictures/curves.png")).std() > 10


def test_a_run_is_named_by_its_checkpoint_or_by_the_folder_of_its_versions(run, working_folder, capsys, refused):
    Path("runs").symlink_to(run.parents[1])
    for name in ("runs/vae_digits", "runs/vae_digits/0/checkpoints/best.ckpt"):
        main(["curves", name, "--out=a.png", "--force"])
    assert "nowhere is not a run with a metrics.csv" in refused("curves", "nowhere")
    assert "runs is not a run" in refused("curves", "runs")


def test_several_runs_are_drawn_beside_the_first_one(capsys):
    for number in (0, 1):
        make_run(f"runs/vae/{number}")
    main(["curves", "runs/vae/1", "runs/vae/0", "--log-y", "--x=steps"])
    assert capsys.readouterr().out == "runs/vae/1/pictures/curves-compared.png\n"
    assert Path("runs/vae/1/pictures/curves-compared.png").exists()


def test_vectors_are_vectors_and_a_file_of_the_users_is_kept(refused):
    make_run("runs/vae/0")
    main(["curves", "--out", "a.svg"])
    text = Path("a.svg").read_text()
    assert "nats per image" in text
    assert "<image" not in text
    assert "a.svg already exists; give --force" in refused("curves", "--out", "a.svg")
    main(["curves", "--out", "a.svg", "--force"])
    assert Path("a.svg").read_text() == text
    main(["curves", "--out", "b.pdf"])
    assert Path("b.pdf").read_bytes().startswith(b"%PDF")
    assert b"/Subtype /Image" not in Path("b.pdf").read_bytes()
    assert "c.bmp has no picture extension; give one of .png" in refused("curves", "--out", "c.bmp")


def test_without_figures_it_says_so(refused):
    assert "train a model first" in refused("curves")
    run = make_run("runs/vae/0", epochs=0)
    (run / "metrics.csv").write_text("step,epoch,train/loss\n")
    assert "there is nothing to draw yet" in refused("curves")


def test_torch_is_not_imported():
    make_run("runs/vae/0")
    script = "import sys; from genlab.cli import main; main(['curves']); assert 'torch' not in sys.modules"
    place = {"PYTHONPATH": str(Path(genlab.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", script], env=os.environ | place, check=True)
    assert Path("runs/vae/0/pictures/curves.png").exists()
