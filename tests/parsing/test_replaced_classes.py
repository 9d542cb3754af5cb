"""A class given in place of another has its own defaults, as in Python, and keeps what was given."""

from pathlib import Path

import pytest
import yaml

from genlab.cli import main


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        ([], 64),  # DCGANGenerator's
        (["--model.decoder=ConvDecoder"], 32),
        (["--model.decoder.channels=16", "--model.decoder=ConvDecoder"], 16),
        (["--model.decoder.channels=64", "--model.decoder=ConvDecoder"], 64),
        (["--model.decoder=ConvDecoder", "--model.decoder.channels=16"], 16),
        (["--model.decoder=ConvDecoder", "--model.decoder=DCGANGenerator"], 64),
        (["--config=decoder.yaml"], 32),
    ],
)
def test_arguments_of_a_replaced_default(options, channels, capsys):
    Path("decoder.yaml").write_text("model: {class_path: VAEGAN, init_args: {decoder: {class_path: ConvDecoder}}}")
    with pytest.raises(SystemExit):
        main(["fit", "--model=VAEGAN", "--data=Digits", *options, "--print_config"])
    arguments = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["decoder"]["init_args"]
    assert arguments["channels"] == channels


def test_what_a_config_gives_is_kept(capsys):
    options = ["--model.likelihood=Bernoulli", "--model.optimizer=torch.optim.RMSprop"]
    with pytest.raises(SystemExit):
        main(["fit", "--config=vae_celeba.yaml", *options, "--print_config"])
    model = yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]
    assert model["optimizer"]["init_args"]["lr"] == 1e-3  # which is Adam's default too, but not RMSprop's
    assert "sigma" not in model["likelihood"].get("init_args", {})
    assert model["encoder"]["init_args"]["normalization"]["class_path"] == "torch.nn.Identity"
