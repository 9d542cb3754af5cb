"""The command line's entry point and the shipped configs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

import genlab
from genlab.cli import main
from genlab.cli.tools import parser_of
from genlab.commands.configs import description
from genlab.configs import find_config, shipped_configs
from genlab.errors import GenlabError
from genlab.parsing.spelling import check

LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'ha'] * 10)}]\n" for n in range(9))
"""YAML that expands to billions of values."""


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
    folder = Path(__file__).parents[2] / "configs"
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
        (["fit", "--config", "wndb.yaml"], "did you mean overlays/wandb.yaml?"),
        (["fit", "--config=nothing-like-it"], "`genlab configs` lists the shipped ones"),
        (["fit", "--config=nope.yaml"], "`genlab configs` lists the shipped ones"),
        (["fit"], "--config NAME"),
        (["fit", "--model", "VEA", "--data", "Digits"], "model: there is no class VEA here; did you mean VAE?"),
        (["fit", "--model", "VAE", "--data", "Digit"], "data: there is no class Digit here; did you mean Digits?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.encoder=MLPEncodr"], "did you mean MLPEncoder?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.optimizer=Adamm"], "did you mean torch.optim.Adam?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.code_sise=3"], "did you mean code_size?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.encoder.hiden=[3]"], "did you mean hidden?"),
        (["fit", "--model=VAE", "--data=Digits", "--data.batchsize=3"], "did you mean batch_size?"),
        (["fit", "--model=VAE", "--data=Digits", "--modle.code_size=3"], "did you mean --model?"),
        (["fit", "--model=VAE", "--data=Digits", "--trainer.max_epohcs=3"], "did you mean max_epochs?"),
        (["fit", "--model=VAE", "--data=Digits", "--model.code_size=x"], "model.code_size takes a whole number, not x"),
        (
            ["fit", "--model=VAE", "--data=Digits", "--trainer.max_epochs=x"],
            "trainer.max_epochs takes a whole number, not x",
        ),
        (["test"], "train a model first"),
        (["test", "--ckpt_path", "gone.ckpt"], "there is no checkpoint gone.ckpt"),
        (["sample", "--ckpt", "gone"], "there is no checkpoint gone"),
        (["sample", "-n", "0"], "argument -n/--count: 0 is not positive"),
        (["sample", "-n", "1000000000"], "argument -n/--count: 1000000000 is more than 1,000,000"),
        (["sample", "--seed", "-1"], "argument --seed: -1 is not a whole number from 0 to 4,294,967,295"),
        (["traverse", "--range", "nan"], "argument --range: nan is not finite"),
        (["edit", "--attribute", "Male", "--strength", "nan..2"], "nan..2 is not a range such as -2..2"),
        (["fit", "--model=VAE", "--data=Digits", "--model.encoder=[]"], "encoder takes a class, with init_args"),
        (["fit", "--model=VAE", "--data=Digits", "--model.encoder=1.5"], "encoder takes a class, with init_args"),
        (["fit", "--model={a: 1}", "--data=Digits"], "model has no class; give --model NAME"),
        (["fit", "--model=[]", "--data=Digits"], "model takes a class, with init_args if need be, not []"),
        (["fit", "--model=VAE", "--data=Digits", "--model.beta=''"], "beta takes a number, not nothing"),
        (["fit", "--model=VAE", "--data=Digits", "--model.optimizer.lr=nan"], "lr takes a number, not nan"),
        (["fit", "--config", ""], "the config '' is a folder"),
        (["fit", "--config", f"{'x' * 300}.yaml"], f"File name too long: {'x' * 300}.yaml"),
        (["data", "check", f"{'x' * 300}.yaml"], f"File name too long: {'x' * 300}.yaml"),
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
    ("option", "message"),
    [
        ("model.code_size=0", "code_size is 0; it must be a whole number from 1 to 65,536"),
        ("model.code_size=100000", "code_size is 100000; it must be a whole number from 1 to 65,536"),
        ("model.beta=-1", "beta is -1.0; it must be at least 0"),
        ("model.beta=.nan", "beta is nan; it must be at least 0"),
        ("model.beta=null", "beta is None; it must be at least 0"),
        ("model.num_samples=0", "num_samples is 0; it must be a whole number from 1 to"),
        ("model.encoder.hidden=[0]", "hidden is 0; it must be a whole number from 1 to"),
        ("model.optimizer.lr=-1", "Invalid learning rate: -1.0"),
        ("model.optimizer.lr=.nan", "Invalid learning rate: nan"),
        ("data.num_workers=1000000", "num_workers is 1000000; it must be from 0 to 1,024"),
        ("pictures.count=0", "count is 0; it must be from 1 to 10,000"),
        ("seed_everything=-1", "seed_everything is -1; it must be from 0 to 4,294,967,295"),
        ("trainer.log_every_n_steps=0", "log_every_n_steps is 0; it must be at least 1"),
        ("trainer.val_check_interval=0", "val_check_interval is 0; it must be above 0"),
        ("trainer.val_check_interval=-0.5", "val_check_interval is -0.5; it must be above 0"),
        ("trainer.accumulate_grad_batches=0", "accumulate_grad_batches is 0; it must be at least 1"),
        ("trainer.check_val_every_n_epoch=0", "check_val_every_n_epoch is 0; it must be at least 1"),
        ("trainer.gradient_clip_val=.nan", "gradient_clip_val is nan; it must be at least 0"),
        ("trainer.devices=100000", "devices is 100000; it must be from 1 to 1,024"),
        (f"trainer.default_root_dir={'x' * 300}", "File name too long"),
    ],
)
def test_numbers_that_make_no_sense_leave_one_line_and_no_run(option, message, refused, working_folder):
    assert message in refused("fit", "--model=VAE", "--data=Digits", "--config=overlays/smoke.yaml", f"--{option}")
    assert not list(Path().rglob("config.yaml"))


def test_models_of_images_refuse_sentences_and_those_of_sentences_images(refused, working_folder):
    for model, data, kind in (("VAE", "Sentences", "images"), ("SentenceVAE", "Digits", "sentences")):
        message = f"{model} is a model of {kind}, and {data} has none; use other --data, or another --model"
        assert message in refused("fit", f"--model={model}", f"--data={data}")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("modle: {class_path: VAE}\ndata: Digits\n", "did you mean model?"),
        ("model: {class_path: VAE, init_args: {code_sizee: 3}}\ndata: Digits\n", "did you mean code_size?"),
        ("model: {class_path: VAEE}\ndata: Digits\n", "did you mean VAE?"),
        ("model: VAE\ndata: Digits\ntrainer: {max_epoch: 3}\n", "did you mean max_epochs?"),
        ("model: VAE\n  data: [\n", "mapping values are not allowed"),
        ("model: VAE\nmodel: GAN\ndata: Digits\n", "a config has model twice, in lines 1 and 2"),
        ("model: &a [*a]\ndata: Digits\n", "more than 50 deep"),
        (
            "model: VAE\ndata: Digits\ntrainer: {max_epochs: !!binary aGk=}\n",
            "trainer.max_epochs takes a whole number, not b'hi'",
        ),
        ("model: !!python/object:os.system 3\n", "could not determine a constructor for the tag"),
        ("[VAE, Digits]", "a config must have sections"),
        ("VAE", "a config must have sections"),
        ("", "a config must have sections"),
        (LAUGHS, "expands to more than 100,000 values"),
    ],
)
def test_mistakes_in_a_config_get_one_line(config, message, refused, working_folder):
    Path("mine.yaml").write_text(config)
    assert message in refused("fit", "--config", "mine.yaml")


VAE_ON_DIGITS = ("fit", "--model=VAE", "--data=Digits")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("FIT", "there is no command FIT; did you mean fit?"),
        ("Sample", "there is no command Sample; did you mean sample?"),
        ("--foo", "genlab has no argument --foo"),
        ("reconstruct --n 4", "genlab reconstruct has no argument --n; did you mean -n/--count?"),
        ("reconstruct --cuont 4", "did you mean --count?"),
        ("edit --attribute 7 --strength -2..x", "argument --strength: -2..x is not a range such as -2..2"),
        ("fit --confg x", "there is no option --confg; did you mean --config?"),
        ("fit --config VAE_Digits.yaml", "did you mean vae_digits.yaml?"),
        ("fit --config smoke", "did you mean overlays/smoke.yaml?"),
        ("fit --config vae_digits.yaml --config overlays/cosin.yaml", "did you mean overlays/cosine.yaml?"),
        ("fit --model Vae --data Digits", "model: there is no class Vae here; did you mean VAE?"),
        ("fit --model VAE --data mnist", "data: there is no class mnist here; did you mean MNIST?"),
        (
            "fit --model Digits --data Digits",
            "model does not take Digits; choose from AdversarialDeepFake, Autoencoder, CGAN, CodePrior, "
            "ConditionalDiffusion",
        ),
        (
            "fit --model VAE --model.encoder MNIST",
            "model.encoder does not take MNIST; choose from ConvEncoder, MapEncoder, MLPEncoder, StridedEncoder",
        ),
        (
            "fit --model VAE --model.encoder convencoder",
            "model.encoder: there is no class convencoder here; did you mean",
        ),
        ("fit --model VAE --model.lr_scheduler x", "VAE has no argument lr_scheduler; did you mean --model.schedule?"),
        ("fit --model GAN --model.scheduler x", "GAN has no argument scheduler; did you mean --model.schedule?"),
        ("fit --config vae_digits.yaml --model.lr 1", "did you mean --model.optimizer.lr?"),
        ("fit --model GAN --model.learning_rate 1", "did you mean --model.generator_optimizer.lr?"),
        ("fit --config vae_digits.yaml --model.latent_dim 3", "did you mean --model.code_size?"),
        ("fit --config vae_digits.yaml --model.batch_size 3", "did you mean --data.batch_size?"),
        ("fit --epochs 3", "there is no option --epochs; did you mean --trainer.max_epochs?"),
        ("fit --batch_size=3", "did you mean --data.batch_size?"),
        ("fit --gpus 2", "did you mean --trainer.devices?"),
        ("fit --trainer.gpus 2", "Trainer has no argument gpus; did you mean --trainer.devices?"),
        ("fit --trainer.max_epoch 3", "trainer: Trainer has no argument max_epoch; did you mean max_epochs?"),
        ("fit --run_name x", "did you mean --name?"),
        ("fit --data MNIST --data.batchsize 3", "data: MNIST has no argument batchsize; did you mean batch_size?"),
        ("fit --model VAE --model.encoder ConvEncoder --model.encoder.hidden 3", "ConvEncoder has no argument hidden"),
        (
            "fit --model VAE --model.likelihood Bernoulli --model.likelihood.sigma 1",
            "model.likelihood: Bernoulli has no argument sigma; there are none",
        ),
        (
            "fit --model Autoencoder --model.loss squared_error",
            "a function is given by its import path, genlab.losses.squared_error",
        ),
        ("fit --model VAE --model.code_size", "--model.code_size needs a value"),
        ("models vae", "genlab models has no vae; did you mean VAE?"),
        ("datasets celeb", "did you mean CelebA?"),
        ("fit --model.help VEA", "did you mean VAE?"),
        ("fit --model VAE --model.encoder.help ConvEncodr", "did you mean ConvEncoder?"),
    ],
)
def test_names_are_told_by_what_is_valid_at_their_place_before_torch_is_needed(
    arguments, message, refused, monkeypatch, working_folder
):
    monkeypatch.setitem(sys.modules, "genlab.cli.trainer", None)  # importing it would raise
    assert message in refused(*arguments.split())


@pytest.mark.parametrize(
    ("arguments", "strength"),
    [
        ("--strength -2..2", (-2, 2)),
        ("--strength=-2..2", (-2, 2)),
        ("--strength -.5..1e1 -n 3", (-0.5, 10)),
        ("-n 3 --strength -3..-1", (-3, -1)),
    ],
)
def test_a_range_may_begin_with_a_minus(arguments, strength):
    assert parser_of("edit").parse_args(arguments.split()).strength == strength


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model.optimizer.lrr=1", "model.optimizer: Adam has no argument lrr; did you mean lr?"),
        ("model.optimizer.lr=abc", "model.optimizer.lr takes a number, not abc"),
        ("model.encoder.hidden=a", "model.encoder.hidden takes a list such as [28, 20], not a"),
        ("model.importance_weighted=maybe", "model.importance_weighted takes true or false, not maybe"),
        ("model.encoder.activation=Relu", "did you mean torch.nn.ReLU?"),
        ("trainer.callbacks=EarlyStoping", "did you mean lightning.pytorch.callbacks.EarlyStopping?"),
        ("trainer.callbacks={class_path: EarlyStopping, init_args: {monitr: x}}", "did you mean monitor?"),
        ("trainer.logger=foo", "there is no class foo here; give one of your own by its import path"),
        ("trainer.precision=foo", "trainer.precision takes a whole number or transformer-engine"),
        ("pictures.cont=3", "there is no option --pictures.cont; did you mean count?"),
        ("model.encoder={class_path: MLPEncoder, hidden: [3]}", "model.encoder: hidden must be under init_args"),
        ("model.encoder=os.getcwd", "model.encoder takes a class, with init_args if need be, not os.getcwd"),
        ("print_config=foo", "it takes skip_default or skip_unset"),
    ],
)
def test_what_the_parser_finds_is_one_line_with_the_place_and_what_to_do(option, message, refused, working_folder):
    assert message in refused(*VAE_ON_DIGITS, f"--{option}")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("model: {class_path: VAE, code_size: 3}\n", "model: code_size must be under init_args, beside class_path"),
        ("model: {class_path: VAE, init_args: [3]}\n", "model: init_args takes names with values"),
        ("model: VAE\nfit: {}\n", "mine.yaml: leave out the line `fit:`"),
        ("model: VAE\ntrainer: 3\n", "trainer takes names with values"),
        ("model: VAE\n  data: [\n", "mine.yaml, line 2: mapping values are not allowed"),
        (
            "model: {class_path: VAE, init_args: {encoder: {class_path: MLPEncder}}}\n",
            "model.encoder: there is no class",
        ),
        (
            "model: StackedAutoencoder\ndata: {class_path: DegradedPairs, init_args: {data: {class_path: Digts}}}",
            "data.data",
        ),
        (
            "model: {class_path: StackedAutoencoder, init_args: {layers: [{class_path: ConvLayr}]}}",
            "model.layers: there is no class ConvLayr here; did you mean ConvLayer?",
        ),
        (
            "model: {class_path: StackedAutoencoder, init_args: {layers: [{class_path: ConvLayer, init_args: {a: }}]}}",
            "model.layers: ConvLayer has no argument a; there are input_shape, channels, activation",
        ),
    ],
)
def test_configs_are_read_before_torch_is_needed(config, message, refused, monkeypatch, working_folder):
    monkeypatch.setitem(sys.modules, "genlab.cli.trainer", None)
    Path("mine.yaml").write_text(config)
    assert message in refused("fit", "--config", "mine.yaml")


@pytest.mark.parametrize("name", [name for name in shipped_configs() if name.endswith(".yaml")])
def test_shipped_configs_have_known_names(name):
    check("fit", ["--config", name])


def test_what_is_not_genlabs_is_left_to_the_parser(working_folder):
    Path("net.yaml").write_text("class_path: ConvEncoder\n")
    for arguments in (
        "--model my_models.VEA --model.latent_dim 3",
        "--model VAE --model.optimizer Adm --model.optimizer.lrr 3 --model.encoder my_nets.Net --model.encoder.any 3",
        "--model VAE --model.encoder net.yaml --model.init_args.code_size 3 --model.class_path GAN --model.loss Hinge",
        "--model VAE --model.encoder.any 3 --model.encoder my_nets.Net",
        "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor x --trainer trainer.yaml",
        "--model.beta -1 --model VAE --print_config --seed_everything true -c vae_digits.yaml --ckpt last --trust",
    ):
        check("fit", arguments.split())


@pytest.mark.parametrize("command", [["fit", "--config"], ["data", "check"]])
def test_configs_of_odd_kinds_are_refused(command, refused, working_folder):
    os.mkfifo("pipe.yaml")
    Path("folder.yaml").mkdir()
    Path("latin.yaml").write_bytes(b"# caf\xe9\n")
    Path("laughs.yaml").write_text(LAUGHS)
    for name, message in (
        ("pipe.yaml", "is a folder or a device"),
        ("folder.yaml", "is a folder or a device"),
        ("latin.yaml", "is not UTF-8 text (byte 5)"),
        ("laughs.yaml", "expands to more than 100,000 values"),
    ):
        assert message in refused(*command, name)


def test_files_that_configs_name_are_checked_too(refused, working_folder):
    Path("laughs.yaml").write_text(LAUGHS)
    assert "expands to more than" in refused("fit", "--model=VAE", "--data=Digits", "--trainer=laughs.yaml")


def test_ctrl_c_ends_a_command_with_one_line_and_its_own_exit_status(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("genlab.commands.configs.main", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["configs"])
    assert ended.value.code == 130
    assert capsys.readouterr().err == "genlab: interrupted\n"
    with pytest.raises(KeyboardInterrupt):
        main(["configs", "--debug"])


def test_debug_shows_the_traceback_of_any_error(refused, monkeypatch, working_folder):
    def fail(*arguments):
        raise RuntimeError("a\nbug")

    monkeypatch.setattr("genlab.commands.configs.shipped_configs", fail)
    assert refused("configs") == "genlab: RuntimeError: a bug; run it again with --debug for the traceback"
    for arguments in (["configs", "--debug"], ["--debug", "configs"]):
        with pytest.raises(RuntimeError, match="a\nbug"):
            main(arguments)
    with pytest.raises(ValueError, match="code_size is 0"):
        main(["fit", "--model=VAE", "--data=Digits", "--model.code_size=0", "--debug"])


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["configs"], ["configs", "vae_mnist.yaml"], ["--version"]])
def test_a_closed_pipe_ends_in_silence(arguments, buffered):
    read, write = os.pipe()
    os.close(read)
    process = printing(arguments, write, buffered)
    os.close(write)
    assert process.stderr == ""
    assert process.returncode in (0, 141)  # argparse itself exits with 0 if it cannot print at once


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_full_disk_is_told_in_one_line(buffered):
    with Path("/dev/full").open("w") as full:
        process = printing(["configs"], full.fileno(), buffered)
    assert (process.returncode, process.stderr) == (1, "genlab: No space left on device\n")


def printing(arguments: list[str], output: int, unbuffered: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genlab", *arguments]
    place = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run(command, env=os.environ | place, stdout=output, stderr=subprocess.PIPE, text=True)


def test_a_tools_help_and_misspelt_option_import_nothing_heavy():
    code = """
import contextlib, sys
from genlab.cli import TOOL_COMMANDS, main
for arguments in [[tool, "--help"] for tool in TOOL_COMMANDS] + [["sample", "--cont", "3"]]:
    with contextlib.suppress(SystemExit):
        main(arguments)
assert not {"torch", "lightning", "sklearn", "numpy"} & {*sys.modules}, sorted(sys.modules)
"""
    place = {"PYTHONPATH": str(Path(genlab.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=os.environ | place, check=True, stdout=subprocess.DEVNULL)


def test_a_misspelt_option_of_a_tool_is_answered_with_the_nearest_one(refused):
    assert refused("sample", "--cont", "3") == "genlab: genlab sample has no argument --cont; did you mean --count?"


def test_an_error_is_on_a_line_of_its_own_whatever_a_progress_bar_has_written(refused, capsys, monkeypatch):
    bars = []

    def fail():
        bars.append(tqdm(total=2))
        bars[0].update()
        raise GenlabError("no more")

    monkeypatch.setattr("genlab.commands.doctor.versions", fail)
    assert refused("doctor") == "genlab: no more"
    told = capsys.readouterr().err
    assert "1/2" in told
    assert told.endswith("\n")
