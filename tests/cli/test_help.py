"""Help that fits on a screen: listings, pages of classes, and help on the commands that train."""

import contextlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import genlab
from genlab import catalogue
from genlab.catalogue import groups, pages
from genlab.cli import COMMANDS, main
from genlab.cli.help import HOW, MACHINE, RUN
from genlab.configs import find_config
from genlab.parsing.spelling import OF_COMMANDS, SECTIONS, SYNONYMS, check

NAMES = [name for group in groups.all_groups() for name in group.names]


@pytest.fixture
def told(capsys, monkeypatch):
    """Runs a command that must succeed, and returns what it prints on a screen of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> str:
        with contextlib.suppress(SystemExit):
            main(arguments)
        return capsys.readouterr().out

    return run


def test_genlab_alone_is_its_help_on_one_screen(told):
    text = told()
    assert text == told("--help") == told("-h")
    lines = text.splitlines()
    assert 24 <= len(lines) <= 40
    assert max(map(len, lines)) <= 100
    for title, group in COMMANDS.items():
        first = lines.index(f"{title}:") + 1
        assert [line.split()[0] for line in lines[first : first + len(group)]] == list(group)


@pytest.mark.parametrize("command", groups.GROUPS)
def test_a_listing_has_every_name_with_one_line(command, told):
    lines = told(command).splitlines()
    assert max(map(len, lines)) <= 100
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert listed == [name for group in groups.GROUPS[command]() for name in group.names]
    assert all(len(line.split()) > 3 for line in lines if line.startswith("  "))


def test_the_listings_have_all_public_classes_that_can_be_used():
    ways = {
        "load",
        "ImageModel",
        "ConditionalModel",
        "SentenceModel",
        "EncoderFeatures",
        "StyleSpace",
        "StageSchedule",
        "frozen",
        "DomainDataModule",
        "ImageDataModule",
        "PairDataModule",
    }
    parts = {"LayerStack", "StackLayer", "grid_log_prob", "kl_standard_normal", "sample_grids", "sentence_log_prob"}
    parts |= {"GRULayer", "LSTMLayer", "beam_search", "greedy", "sample_tokens"}
    schedules = {*catalogue.public("schedules")} - {*catalogue.subclasses("schedules", "TrainingSchedule")}
    for package in catalogue.PACKAGES:
        public = {name for name, entry in catalogue.public(package).items() if not entry.is_base}
        assert public - ways - parts - schedules <= {*NAMES}, package


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_has_what_python_has(name):
    package = next(package for package in catalogue.PACKAGES if name in catalogue.public(package))
    thing = getattr(
        getattr(genlab, package) if package != "schedules" else __import__("genlab.schedules").schedules, name
    )
    entry = catalogue.find(name)
    signature = inspect.signature(thing).parameters.values()
    parameters = [p for p in signature if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    assert [argument.name for argument in entry.arguments] == [parameter.name for parameter in parameters]
    required = [p.name for p in parameters if p.default is p.empty]
    assert entry.required == required
    assert set(entry.bases) <= {base.__name__ for base in getattr(thing, "__mro__", ())} | {"Protocol"}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_explains_every_argument(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    entry = catalogue.find(name)
    text = pages.page(entry)
    assert text.startswith(f"{name}: ")
    assert not any(section in text for section in ("Args:", "Returns:", "Raises:", "Example:", ">>>"))
    for argument in groups.settable(entry):
        assert f"\n  {argument.name} " in text
        assert argument.meaning, argument.name
        assert "default" in text if argument.default else "required" in text


def test_a_page_says_types_defaults_choices_configs_and_an_example_in_words(told):
    text = told("models", "VAE")
    for part in (
        "code_size ",
        "dimensions of the code. (whole number; default 20)",
        "(true or false; default false)",
        "ConvEncoder, MapEncoder, MLPEncoder, StridedEncoder, or any",
        "DiscretizedLogistic, Gaussian",
        "from the data: image_shape",
        "configs: iwae_mnist.yaml, map_vae_celeba.yaml, vae_celeba.yaml",
        "example: genlab fit --config vae_digits.yaml --model.code_size 40",
    ):
        assert part in text
    assert len(text.splitlines()) <= 60
    assert "none or dynamic or fixed; default none" in " ".join(told("datasets", "MNIST").split())
    assert "number or null; default null" in told("losses", "Hinge") + told("models", "GAN")


def test_help_on_fit_with_a_model_or_data_is_their_page(told):
    assert told("models", "VAE").strip() in told("fit", "--model", "VAE", "--help")
    both = told("fit", "-h", "--model=VAE", "--data=MNIST")
    assert told("models", "VAE").strip() in both
    assert told("datasets", "MNIST").strip() in both
    assert told("models", "GAN").strip() in told("fit", "--config", "gan_mnist.yaml", "--help")
    assert told("fit", "--model.help", "VAE") == told("fit", "--model.help=VAE") == told("models", "VAE")
    assert told("fit", "--model.help") == told("models")
    assert told("fit", "--data.help") == told("datasets")


def test_help_on_an_argument_lists_genlabs_own_classes(told):
    text = told("fit", "--model", "VAE", "--model.encoder.help")
    assert "  ConvEncoder " in text
    assert "  MLPEncoder " in text
    assert "or any torch.nn.Module by its import path" in text
    assert len(text.splitlines()) < 10
    assert told("fit", "--model=VAE", "--model.encoder.help=ConvEncoder") == told("networks", "ConvEncoder")
    assert "GaussianNoise" in told("fit", "--config=denoising_mnist.yaml", "--model.corruption.help")


@pytest.mark.parametrize("command", ["fit", "validate", "test", "predict"])
def test_help_on_a_command_that_trains_fits_a_screen(command, told):
    lines = told(command, "--help").splitlines()
    assert 15 < len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert any("--help-all" in line for line in lines)


def test_all_options_are_a_word_away_and_list_no_hundreds_of_classes(told):
    text = told("fit", "--help-all")
    assert "--trainer.reload_dataloaders_every_n_epochs" in text
    for option, _ in (*HOW, *MACHINE, *RUN):
        assert option.split()[0] in text


OWN = """
from collections.abc import Callable

from torch import nn


class MyEncoder(nn.Module):
    def __init__(self, shape, size: int, activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
"""


def test_help_on_a_class_of_ones_own_lists_no_hundreds_of_classes(told, working_folder):
    Path("my_nets_with_help.py").write_text(OWN)
    text = told("fit", "--model=VAE", "--model.encoder.help=my_nets_with_help.MyEncoder")
    assert "--encoder.activation" in text
    assert "or another, by its import path" in text
    assert "torch.nn.Sequential" not in text
    assert len(text.splitlines()) < 25


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_the_sections_are_those_of_the_parser(command, told):
    lines = [line for line in told(command, "--help-all").splitlines() if line.strip().startswith("ARG:")]
    sections = {section for line in lines for section in re.findall(r"--(\w+)", line)}
    assert sections - {"help"} == {*SECTIONS, *OF_COMMANDS[command]}


def test_synonyms_mean_what_there_is():
    models = [catalogue.find(name) for name in groups.model_groups()[0].names]
    arguments = {argument.name for model in models for argument in model.arguments}
    data = {
        argument.name for group in groups.data_groups() for n in group.names for argument in catalogue.find(n).arguments
    }
    trainer = {a.name for a in catalogue.of_library("lightning.pytorch.trainer.trainer", "Trainer").arguments}
    for meant in (key for keys in SYNONYMS.values() for key in keys):
        section, _, rest = meant.partition(".")
        assert section in {*SECTIONS, "name"}
        if rest:
            assert rest.partition(".")[0] in {"model": arguments, "data": data, "trainer": trainer}[section], meant


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_page_has_known_names(name):
    command = pages.example(catalogue.find(name))
    if command:
        program, command, *arguments = shlex.split(command)
        assert (program, command) == ("genlab", "fit")
        check("fit", arguments)
        assert name in " ".join(arguments) or name in catalogue_of(arguments)


def catalogue_of(arguments: list[str]) -> str:
    return find_config(arguments[arguments.index("--config") + 1]).read_text()


FEW = [
    "VAE",
    "WithoutClass",
    "SideBySidePairs",
    "Edges",
    "UNet",
    "ConvLayer",
    "dissimilarity",
    "L1",
    "Cosine",
    "Warmup",
]


@pytest.mark.parametrize("name", FEW)
def test_the_parser_takes_the_example_of_a_page(name, told):
    _, *arguments = shlex.split(pages.example(catalogue.find(name)))
    assert "class_path" in told(*arguments, "--print_config")


def test_help_and_misspelt_names_import_nothing_heavy():
    code = """
import contextlib, sys
from genlab.cli import main
from genlab.catalogue.groups import GROUPS
for line in ["fit --help", "fit --model VAE --data MNIST --help", "test --help", "fit --model.help VAE", "fit",
             "fit --confg x", "fit --config vae_digit.yaml", "fit --model Vae",
             "fit --config vae_digits.yaml --model.x 3", *GROUPS, "models VAE", "datasets CelebA"]:
    with contextlib.suppress(SystemExit):
        main(line.split())
assert not {"torch", "lightning", "sklearn", "numpy", "jsonargparse"} & {*sys.modules}, sorted(sys.modules)
"""
    place = {"PYTHONPATH": str(Path(genlab.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=os.environ | place, check=True, stdout=subprocess.DEVNULL)
