"""The table of runs: what it shows, and that only runs are deleted."""

import contextlib
import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import genlab
from genlab import runs
from genlab.cli import main
from tests.run_folders import SETTINGS, make_run, write_metrics

GAN = {"class_path": "genlab.GAN", "init_args": {"code_size": 2, "optimizer": {"class_path": "torch.optim.SGD"}}}


@pytest.fixture
def four() -> list[Path]:
    """Three VAEs, one with another beta and one with another learning rate, and a GAN, from oldest to newest."""
    made = [
        make_run("runs/vae/0", time=1.0e9),
        make_run("runs/vae/1", {"model.beta": 4.0}, epochs=3, time=1.1e9),
        make_run("runs/vae/10", {"model.optimizer.lr": 0.01, "trainer.max_epochs": 8}, epochs=1, time=1.2e9),
        make_run("runs/gan/0", {"model": GAN}, time=1.3e9),
    ]
    write_metrics(made[3], [{"step": 0, "epoch": 0, "train/generator": 1.0}])
    os.utime(made[3] / "metrics.csv", (1.3e9, 1.3e9))
    return made


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    """Remove a variable that the tests' own terminal may have set."""
    monkeypatch.delenv("COLUMNS", raising=False)


def table(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    """Return the rows that `genlab runs` prints, by column."""
    main(["runs", *arguments])
    header, *lines = capsys.readouterr().out.splitlines()
    names = header.split()
    starts = [header.index(name) for name in names]
    ends = [*starts[1:], None]
    return [{n: line[a:b].strip() for n, a, b in zip(names, starts, ends, strict=True)} for line in lines]


def test_a_row_says_what_a_run_is_and_how_far_it_came_the_newest_last(four, capsys):
    rows = table(capsys)
    assert [row["run"] for row in rows] == list(map(str, four))
    assert [row["model"] for row in rows] == ["VAE", "VAE", "VAE", "GAN"]
    assert {row["data"] for row in rows} == {"Digits"}
    assert [row["differs"] for row in rows] == ["", "beta=4", "lr=0.01", ""]
    assert [row["epochs"] for row in rows] == ["2", "3", "1/8", "0/2"]
    assert [row["best"] for row in rows] == ["5.000 val/loss", "3.333 val/loss", "10.00 val/loss", ""]
    assert [row["date"] for row in rows] == ["Sep 09  2001", "Nov 09  2004", "Jan 10  2008", "Mar 13  2011"]


def test_two_runs_that_differ_both_say_how(capsys):
    make_run("runs/vae/0")
    make_run("runs/vae/1", {"model.beta": 4.0, "model.encoder": {"class_path": "genlab.networks.ConvEncoder"}})
    rows = table(capsys, "--sort=run")
    assert [row["differs"] for row in rows] == ["beta=1 encoder=MLPEncoder", "beta=4 encoder=ConvEncoder"]


def test_a_swept_setting_is_shown_although_one_run_has_another_class(capsys):
    make_run("runs/vae/0")
    make_run("runs/vae/1", {"model.optimizer.lr": 0.01, "model.encoder.hidden": [16]})
    conv = {"class_path": "genlab.networks.ConvEncoder", "init_args": {"channels": [4]}}
    sgd = {"class_path": "torch.optim.SGD", "init_args": {"lr": 1.0}}
    make_run("runs/vae/2", {"model.encoder": conv, "model.optimizer": sgd})
    assert [row["differs"] for row in table(capsys, "--sort=run")] == [
        "hidden=[8, 4] lr=0.001",
        "hidden=[16] lr=0.01",
        "encoder=ConvEncoder optimizer=SGD lr=1",
    ]
    main(["runs", "--csv", "--sort=run"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["model.encoder.hidden"] for row in rows] == ["[8, 4]", "[16]", ""]
    assert [row["model.encoder.channels"] for row in rows] == ["", "", "[4]"]
    assert [row["model.optimizer.lr"] for row in rows] == ["0.001", "0.01", "1"]
    main(["runs", "--diff", "runs/vae/0", "runs/vae/2"])
    found = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert found == ["setting", "model.encoder", "model.optimizer"]


def test_names_of_settings_are_as_long_as_it_takes(capsys):
    def players(lr: float, layers: list[int]) -> dict:
        optimizers = {
            f"{name}_optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": lr * times}}
            for name, times in (("generator", 1), ("discriminator", 2))
        }
        sizes = [{"class_path": "genlab.networks.DenseLayer", "init_args": {"size": size}} for size in layers]
        return {"class_path": "genlab.GAN", "init_args": {"layers": sizes, **optimizers}}

    make_run("runs/gan/0", {"model": players(0.001, [8, 4])})
    make_run("runs/gan/1", {"model": players(0.01, [8, 6])})
    assert [row["differs"] for row in table(capsys, "--sort=run")] == [
        "layers.1.size=4 generator_optimizer.lr=0.001 discriminator_optimizer.lr=0.002",
        "layers.1.size=6 generator_optimizer.lr=0.01 discriminator_optimizer.lr=0.02",
    ]


def test_where_files_lie_is_no_difference(capsys):
    make_run("runs/vae/0")
    make_run("runs/vae/1", {"trainer.enable_progress_bar": False, "data.data_dir": "/data", "pictures.count": 9})
    assert "differs" not in table(capsys)[0]


def test_of_the_limits_of_a_quick_try_only_that_of_training_is_a_difference(capsys):
    limits = {f"trainer.limit_{part}_batches": 2 for part in ("train", "val", "test", "predict")}
    make_run("runs/vae/0")
    make_run("runs/vae/1", {**limits, "trainer.num_sanity_val_steps": 0})
    assert [row["differs"] for row in table(capsys, "--sort=run")] == ["", "limit_train_batches=2"]


STATES = {"finished": "finished", "stopped": "stopped", "failed: no memory": "failed", "running": "stopped"}


@pytest.mark.parametrize("noted", STATES)
def test_the_state_is_what_training_has_noted(noted, capsys):
    (make_run("runs/vae/0", epochs=1) / ".state").write_text(noted)
    assert table(capsys)[0]["state"] == STATES[noted]


def test_without_a_note_the_state_is_told_by_the_epochs(capsys):
    make_run("runs/vae/0", epochs=2)
    make_run("runs/vae/1", epochs=1)
    make_run("runs/vae/2", epochs=0)
    (make_run("runs/vae/3") / ".state").write_text("rubbish")
    assert [row["state"] for row in table(capsys, "--sort=run")] == ["finished", "stopped", "empty", "finished"]


def test_a_run_that_is_held_is_running(capsys):
    run = make_run("runs/vae/0")
    with runs.training(run):
        assert table(capsys)[0]["state"] == "running"
    assert table(capsys)[0]["state"] == "finished"


def test_looking_at_a_run_does_not_keep_it_from_training(capsys):
    run = make_run("runs/vae/0")
    with runs.training(run):
        pass
    assert table(capsys)[0]["state"] == "finished"
    with runs.training(run):
        assert runs.is_held(run)


@pytest.mark.parametrize("error", [ValueError("too bad"), KeyboardInterrupt(), SystemExit(0)])
def test_how_training_ends_is_noted(error):
    run = make_run("runs/vae/0")
    noted = []

    def train() -> None:
        with runs.training(run):
            noted.append((run / ".state").read_text())
            write_metrics(run, [{"step": 0, "epoch": 0, "train/loss": 1.0}])
            raise error

    with pytest.raises(type(error)):
        train()
    assert noted == ["running"]
    assert runs.state(run).startswith("failed: ValueError: too bad" if isinstance(error, ValueError) else "stopped")


def test_a_try_that_trains_nothing_leaves_the_state(capsys):
    run, unnoted = make_run("runs/vae/0"), make_run("runs/vae/1")  # the latter as if from genlab 0.1.0
    with runs.training(run):
        write_metrics(run, [{"step": 0, "epoch": 0, "train/loss": 1.0}])
    for each in (run, unnoted):
        with pytest.raises(ValueError, match="nothing"), runs.training(each):
            raise ValueError("nothing is left")
    assert runs.state(run) == "finished"
    assert runs.state(unnoted) == ""


def test_an_epoch_that_was_cut_short_is_not_done(capsys):
    run = make_run("runs/vae/0", {"trainer.max_epochs": 9})
    with (run / "metrics.csv").open("a") as file:
        file.write("10,2,3.0,\n")
    assert table(capsys)[0]["epochs"] == "2/9"


def test_the_best_is_by_the_monitor_of_the_best_checkpoint(capsys):
    run = make_run("runs/vae/0", {"best_checkpoint.monitor": "val/psnr", "best_checkpoint.mode": "max"})
    write_metrics(run, [{"step": n, "epoch": n, "val/psnr": value} for n, value in enumerate([1.0, 30.0, 20.0])])
    assert table(capsys)[0]["best"] == "30.00 val/psnr"


@pytest.mark.parametrize(("value", "shown"), [(2842.3, "2842"), (28423.0, "2.842e+04"), (30.0, "30.00")])
def test_the_best_has_four_digits(value, shown, capsys):
    write_metrics(make_run("runs/vae/0"), [{"step": 0, "epoch": 0, "val/loss": value}])
    assert table(capsys)[0]["best"] == f"{shown} val/loss"


def test_losses_of_stages_are_not_compared(capsys):
    run = make_run("runs/stacked/0")
    rows = [
        {"step": 0, "epoch": 0, "val/loss": 1.0, "val/layer1/loss": 1.0},
        {"step": 1, "epoch": 1, "val/loss": 3.0, "val/layer2/loss": 3.0},
    ]
    write_metrics(run, rows)
    assert table(capsys)[0]["best"] == "3.000 val/layer2/loss"


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("run", ["gan/0", "vae/0", "vae/1", "vae/10"]),
        ("epochs", ["gan/0", "vae/10", "vae/0", "vae/1"]),
        ("best", ["gan/0", "vae/10", "vae/0", "vae/1"]),
        ("model", ["gan/0", "vae/0", "vae/1", "vae/10"]),
        ("date", ["vae/0", "vae/1", "vae/10", "gan/0"]),
        ("beta", ["gan/0", "vae/0", "vae/10", "vae/1"]),
        ("optimizer.lr", ["gan/0", "vae/0", "vae/1", "vae/10"]),
    ],
)
def test_runs_are_sorted_the_best_last(key, order, four, capsys):
    assert [row["run"].removeprefix("runs/") for row in table(capsys, "--sort", key)] == order


@pytest.mark.parametrize(
    ("conditions", "left"),
    [
        (["model=vae"], ["vae/0", "vae/1", "vae/10"]),
        (["model=VAE", "beta=1"], ["vae/0", "vae/10"]),
        (["lr=1e-2"], ["vae/10"]),
        (["optimizer=SG"], ["gan/0"]),
        (["run=vae/1"], ["vae/1", "vae/10"]),
        (["name=gan"], ["gan/0"]),
        (["state=stopp"], ["vae/10", "gan/0"]),
    ],
)
def test_filters_leave_the_runs_of_which_all_is_true(conditions, left, four, capsys):
    assert [row["run"].removeprefix("runs/") for row in table(capsys, "--filter", *conditions)] == left


def test_a_filter_prefers_the_runs_that_have_just_that_text(capsys):
    for name, encoder in (("VAE", "MLPEncoder"), ("CVAE", "MLPEncoder"), ("VQVAE", "MyMLPEncoder")):
        make_run(f"runs/{name}/0", {"model": {"class_path": f"genlab.{name}", "init_args": {"encoder": encoder}}})
    assert [row["model"] for row in table(capsys, "--filter=model=vae")] == ["VAE"]
    assert [row["model"] for row in table(capsys, "--filter=model=va", "--sort=run")] == ["CVAE", "VAE", "VQVAE"]
    assert [row["model"] for row in table(capsys, "--filter=encoder=MLPEncoder", "--sort=run")] == ["CVAE", "VAE"]
    assert len(table(capsys, "--filter=epochs=2")) == 3


def test_mistakes_in_keys_are_told(four, refused):
    assert "no run has a column or a setting called betta; did you mean beta?" in refused("runs", "--sort=betta")
    assert "called foo; columns are run, model" in refused("runs", "--filter", "foo=1")
    assert "conditions such as model=VAE" in refused("runs", "--filter", "VAE")
    assert "there is no such run in runs" in refused("runs", "--filter", "model=Diffusion")


def test_without_runs_it_says_so(refused):
    assert "there is no run in runs; `genlab fit` makes one" in refused("runs")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_table_fits_the_terminal_and_paths_stay_whole(width, four, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    main(["runs"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    for run, line in zip(four, lines[1:], strict=True):
        assert line.split()[0] == str(run)


def test_differences_are_by_full_names(four, capsys):
    main(["runs", "--diff", "runs/vae/0", "runs/vae/10"])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["setting", "runs/vae/0", "runs/vae/10"],
        ["trainer.max_epochs", "2", "8"],
        ["model.optimizer.lr", "0.001", "0.01"],
    ]
    main(["runs", "--diff", "runs/vae/0", "runs/gan/0"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["model", "VAE", "GAN"]
    main(["runs", "--diff", "runs/vae/0", "runs/vae/0/"])
    assert "have the same settings" in capsys.readouterr().out


def test_a_folder_of_runs_means_its_versions_or_the_newest_of_them(four, capsys, refused):
    assert [row["run"] for row in table(capsys, "runs/vae/")] == ["runs/vae/0", "runs/vae/1", "runs/vae/10"]
    main(["runs", "--diff", "runs/vae/1", "runs/vae"])
    header, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert header == ["setting", "runs/vae/1", "runs/vae/10"]
    assert ["model.beta", "4", "1"] in rows
    Path("runs/empty").mkdir()
    assert "there is no run in runs/empty" in refused("runs", "runs/empty")
    assert "runs is not a run of genlab" in refused("runs", "--diff", "runs", "runs/vae")
    with contextlib.chdir("runs/vae"):
        assert [row["run"] for row in table(capsys, ".")] == ["0", "1", "10"]


def test_csv_has_numbers_and_a_column_for_each_setting_that_differs(four, capsys, refused):
    main(["runs", "--csv"])
    printed = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["run"] for row in rows] == list(map(str, four))
    assert [row["best"] for row in rows] == ["5.0", str(10 / 3), "10.0", ""]
    assert [row["planned_epochs"] for row in rows] == ["2", "2", "8", "2"]
    assert rows[1]["date"].startswith("2004-11-")
    assert [row["differs"] for row in rows][1] == "beta=4 lr=0.001"
    make_run("runs/vae/11", {"data.batch_size": 7})
    main(["runs", "--csv", "table.csv", "--filter", "model=VAE"])
    with Path("table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model.beta"] for row in rows] == ["1", "4", "1", "1"]
    assert [row["data.batch_size"] for row in rows] == ["64", "64", "64", "7"]
    assert "table.csv already exists; give --force" in refused("runs", "--csv", "table.csv")
    main(["runs", "--csv", "table.csv", "--force"])
    assert len(Path("table.csv").read_text().splitlines()) == 6


DAMAGED = {
    "a broken config": ("config.yaml", lambda text: text + "\nx: [1"),
    "a config that is no mapping of mappings": ("config.yaml", lambda text: text.replace("trainer:", "trainer: 3\nx:")),
    "metrics without steps": ("metrics.csv", lambda text: "a,b\n1,2\n"),
    "half a row": ("metrics.csv", lambda text: text + "12,"),
    "junk": ("metrics.csv", lambda text: "\x00\xff,;\n" * 9),
    "an epoch beyond all": ("metrics.csv", lambda text: text.replace("\n4,0,", "\n4,1e300,")),
    "no metrics": ("metrics.csv", lambda text: ""),
    "text for numbers": ("metrics.csv", lambda text: text.replace("10.0", "ten")),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_runs_are_listed_with_what_can_be_read(damage, capsys):
    make_run("runs/vae/0")
    name, change = DAMAGED[damage]
    path = make_run("runs/vae/1") / name
    path.write_text(change(path.read_text()), encoding="utf-8")
    rows = table(capsys, "--sort=run")
    assert [row["run"] for row in rows] == ["runs/vae/0", "runs/vae/1"]
    assert rows[0]["best"] == "5.000 val/loss"
    if name == "config.yaml" and "broken" in damage:
        assert rows[1]["state"] == "damaged"


def test_strangers_folders_are_named_as_such(capsys):
    make_run("runs/vae/0")
    for stranger in ("runs/notes/1", "runs/vae/3"):
        Path(stranger).mkdir(parents=True)
    Path("runs/notes/1/config.yaml").write_text("model: 3\n")
    Path("runs/vae/other").mkdir()
    Path("runs/vae/4").symlink_to("nowhere")
    os.mkfifo("runs/vae/3/metrics.csv")
    main(["runs"])
    printed = capsys.readouterr().out
    assert "not runs of genlab: runs/notes/1, runs/vae/3" in printed
    assert len(printed.splitlines()) == 4


def test_deleting_asks_first(four, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "n")
    main(["runs", "--delete", "runs/vae/0", "runs/gan/0"])
    assert "nothing was deleted" in capsys.readouterr().out
    assert asked == ["delete 2 runs with 4 files, 0.0 MB? [y/N] "]
    assert all(run.exists() for run in four)
    monkeypatch.setattr("builtins.input", lambda question: "y")
    main(["runs", "--delete", "runs/vae/0", "runs/gan/0"])
    assert [run.exists() for run in four] == [False, True, True, False]
    assert not Path("runs/gan").exists()


def test_scripts_delete_with_yes_and_never_without(four, refused, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "give --yes to delete without asking" in refused("runs", "--delete", "runs/vae/0")
    assert four[0].exists()
    main(["runs", "--delete", "runs/vae/0", "runs/gan/../vae/0", "--yes"])
    assert not four[0].exists()


NO_RUNS = {
    "runs": "is not a run of genlab",
    "runs/vae": "is not a run of genlab",
    "nowhere/0": "is not a run of genlab",
    "project/3": "is not a run of genlab",
    "copied/notes": "is not a run of genlab",
    "linked/0": "is a link; give the run's own folder",
    "config-linked/0": "is a link; give the run's own folder",
}


@pytest.mark.parametrize("path", NO_RUNS)
def test_what_is_no_run_is_never_deleted(path, four, refused):
    config = (four[0] / "config.yaml").read_text()
    Path("project/3").mkdir(parents=True)
    Path("project/3/config.yaml").write_text(config)  # a copied config alone does not make a run
    Path("copied").mkdir()
    four[1].rename("copied/notes")
    Path("linked").mkdir()
    Path("linked/0").symlink_to(four[0].absolute())
    Path("config-linked/0/checkpoints").mkdir(parents=True)
    Path("config-linked/0/config.yaml").symlink_to((four[0] / "config.yaml").absolute())
    before = sorted(Path().rglob("*"))
    assert NO_RUNS[path] in refused("runs", "--delete", "runs/vae/10", path, "--yes")
    assert sorted(Path().rglob("*")) == before


def test_a_run_that_is_trained_is_never_deleted(four, refused):
    with runs.training(four[0]):
        assert "runs/vae/0 is being trained; stop the training first" in refused(
            "runs", "--delete", "runs/vae/0", "--yes"
        )
    assert (four[0] / "metrics.csv").exists()


def test_links_in_a_run_are_removed_and_what_they_lead_to_stays(four):
    Path("precious").mkdir()
    Path("precious/file").touch()
    (four[0] / "mine").symlink_to(Path("precious").absolute())
    main(["runs", "--delete", "runs/vae/0", "--yes"])
    assert not four[0].exists()
    assert Path("precious/file").exists()


def test_neither_torch_nor_a_checkpoint_is_loaded():
    for number in range(3):
        checkpoints = make_run(f"runs/vae/{number}") / "checkpoints"
        checkpoints.mkdir()
        os.mkfifo(checkpoints / "best.ckpt")  # opening it would block forever
    script = "import sys; from genlab.cli import main; main(['runs']); assert 'torch' not in sys.modules"
    place = {"PYTHONPATH": str(Path(genlab.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_settings_are_those_of_a_real_config(run, working_folder, capsys):
    Path("runs").symlink_to(run.parents[1])
    row = table(capsys)[0]
    assert (row["model"], row["data"], row["epochs"], row["state"]) == ("VAE", "Digits", "3", "finished")
    main(["runs", "--filter", "model.optimizer.lr=0.002", "hidden=256, 128"])
    assert "vae_digits/0" in capsys.readouterr().out
    assert SETTINGS["model"]["init_args"]["code_size"] == 2
