"""The command line's front door and the shipped configs."""

import subprocess
import sys
from pathlib import Path

import pytest

from genlab.cli import main
from genlab.commands.configs import description, find_config, shipped_configs


def test_help_and_configs_import_nothing_heavy():
    script = (
        "import sys; from genlab.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "main(['configs']); main(['configs', 'vae_mnist.yaml'])\n"
        "heavy = {'torch', 'lightning', 'numpy', 'jsonargparse', 'yaml'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for command in ("fit", "validate", "test", "predict", "sample", "reconstruct", "latent", "configs"):
        assert f"\n  {command} " in told


def test_configs_lists_every_shipped_config_with_its_description(capsys):
    main(["configs"])
    lines = capsys.readouterr().out.splitlines()
    folder = Path(__file__).parents[1] / "configs"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert [line.split()[0] for line in lines] == files
    for line, path in zip(lines, shipped_configs().values(), strict=True):
        assert line.endswith(f"  {description(path)}")


def test_configs_prints_one(capsys):
    main(["configs", "overlays/smoke.yaml"])
    assert capsys.readouterr().out == find_config("overlays/smoke.yaml").read_text()


def test_a_path_comes_before_a_shipped_config(working_folder):
    Path("vae_mnist.yaml").write_text("# mine\n")
    assert description(find_config("vae_mnist.yaml")) == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fti"], "there is no command fti; did you mean fit?"),
        (["configs", "vae_mnits.yaml"], "did you mean vae_mnist.yaml?"),
        (["fit", "--config", "vae_mnits.yaml"], "did you mean vae_mnist.yaml?"),
        (["fit", "--config=nothing-like-it"], "`genlab configs` lists the shipped ones"),
        (["fit"], "--config NAME"),
        (["fit", "--model", "VEA", "--data", "Digits"], "there is no class VEA; did you mean VAE?"),
        (["fit", "--model", "VAE", "--data", "Digit"], "there is no class Digit; did you mean Digits?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.encoder=MLPEncodr"], "did you mean MLPEncoder?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.optimizer=Adamm"], "did you mean Adam?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.code_sise=3"], "did you mean code_size?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.encoder.hiden=[3]"], "did you mean hidden?"),
        (["fit", "--model=VAE", "--data=Digits", "--data.batchsize=3"], "did you mean batch_size?"),
        (["fit", "--model=VAE", "--data=Digits", "--modle.code_size=3"], "did you mean model?"),
        (["fit", "--model=VAE", "--data=Digits", "--trainer.max_epohcs=3"], "did you mean max_epochs?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.code_size=x"], "code_size takes int, not x"),
        (["fit", "--model=VAE", "--data=Digits", "--trainer.max_epochs=x"], "trainer.max_epochs takes int, not x"),
        (["test"], "train a model first"),
        (["test", "--ckpt_path", "gone.ckpt"], "there is no checkpoint gone.ckpt"),
        (["sample", "--ckpt", "gone"], "there is no checkpoint gone"),
        (["sample", "-n", "0"], "argument -n/--count: 0 is not positive"),
    ],
)
def test_mistakes_get_one_line_with_the_nearest_right_name(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    told = str(end.value.code) if isinstance(end.value.code, str) else capsys.readouterr().err.splitlines()[-1]
    assert message in told
    assert told.startswith("genlab")
    assert "\n" not in told
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("modle: {class_path: VAE}\ndata: Digits\n", "did you mean model?"),
        ("model: {class_path: VAE, init_args: {code_sizee: 3}}\ndata: Digits\n", "did you mean code_size?"),
        ("model: {class_path: VAEE}\ndata: Digits\n", "did you mean VAE?"),
        ("model: VAE\ndata: Digits\ntrainer: {max_epoch: 3}\n", "did you mean max_epochs?"),
        ("model: VAE\n  data: [\n", "mapping values are not allowed"),
    ],
)
def test_mistakes_in_a_config_get_one_line(config, message, refused, working_folder):
    Path("mine.yaml").write_text(config)
    assert message in refused("fit", "--config", "mine.yaml")
