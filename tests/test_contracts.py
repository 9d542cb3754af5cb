"""Four toy families of kinds that genlab does not have: they rely only on the public contracts."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genlab
from genlab.cli import main
from genlab.explore.description import describe
from genlab.explore.explored import Explored
from genlab.explore.opened import explored_at
from genlab.images import eight_bits

IMPORTS = """
import torch
import torch.nn.functional as F
from lightning.pytorch import LightningDataModule
from torch import nn
from torch.utils.data import DataLoader

import genlab
from genlab.capabilities import Conditional, Decodes, DrawsCodes, Encodes, Reconstructs, Samples
from genlab.conditions import Domains
from genlab.inputs import generator_of
from genlab.models import Codec, ConditionalModel, ImageModel, Model, Prior
from genlab.models.shared.calls import of_codes, of_images
"""
TRAINING = """
    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log_batch({"loss": loss}, "loss")
        return loss

    def evaluation_step(self, stage, batch, batch_idx):
        self.log_epoch(stage, {"loss": self.loss(batch)}, batch, "loss")

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)
"""
GRID = """
class Grid(Codec, Prior, ImageModel):
    '''Codes are a 2 x 2 grid of whole numbers below 4, with a learned prior of each.'''

    capabilities = (Encodes, Decodes, Reconstructs, DrawsCodes, Samples)
    discrete_codes = True
    code_shape = (2, 2)

    def __init__(self, image_shape):
        super().__init__(image_shape)
        self.save_hyperparameters()
        pixels = self.image_shape[0] * self.image_shape[1] * self.image_shape[2]
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 16), nn.Unflatten(1, (2, 2, 4)))
        self.decoder = nn.Sequential(nn.Flatten(), nn.Linear(16, pixels), nn.Unflatten(1, self.image_shape))
        self.prior = nn.Parameter(torch.zeros(2, 2, 4))

    def loss(self, batch):
        x = self.images(batch)
        one_hot = F.gumbel_softmax(self.encoder(x), hard=True)
        prior = (one_hot.detach() * self.prior.log_softmax(-1)).sum((1, 2, 3)).mean()
        return F.mse_loss(self.decoder(one_hot).sigmoid(), x) - prior

    @of_images
    def encode(self, x):
        return self.encoder(self.seen(x)).argmax(-1)

    @of_codes
    def decode(self, z):
        return self.decoder(F.one_hot(z, 4).float()).sigmoid()

    def draw_codes(self, n, *, generator=None):
        chances = self.prior.softmax(-1).flatten(0, 1).cpu()
        return torch.multinomial(chances, n, True, generator=generator).T.unflatten(1, self.code_shape)
"""
NOISE = """
class Noise(Prior, ImageModel):
    '''Codes are images of noise, which a sampler denoises in steps.'''

    capabilities = (Decodes, DrawsCodes, Samples)

    def __init__(self, image_shape, steps: int = 4):
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.steps, self.code_shape = steps, self.image_shape
        self.network = nn.Conv2d(self.image_shape[0], self.image_shape[0], 3, padding=1)

    def loss(self, batch):
        x = self.images(batch)
        return F.mse_loss(self.network(x + torch.randn_like(x)), x)

    @of_codes
    def decode(self, z):
        for step in range(self.steps, 0, -1):
            z = z + (self.network(z) - z) / step
        return z.clamp(0, 1)

    def sample(self, n, *, steps=None, seed=None, generator=None):
        self.steps = steps or self.steps
        return super().sample(n, seed=seed, generator=generator)
"""
FACES = """
class Given(Codec):
    capabilities = (Encodes, Decodes, Reconstructs)

    def __init__(self, model, condition):
        self.model, self.condition, self.code_shape = model, condition, model.code_shape

    @of_images
    def encode(self, x):
        return self.model.encoder(x)

    @of_codes
    def decode(self, z):
        domain = self.condition.expand(len(z))
        both = torch.stack([decoder(z) for decoder in self.model.decoders])
        return both[domain, torch.arange(len(z))].sigmoid()


class Faces(ConditionalModel):
    '''An encoder that two domains share, and a decoder for each.'''

    capabilities = (Conditional,)
    given_as = Given
    batch_names = ("image", "domain")

    def __init__(self, image_shape, code_size: int = 4):
        super().__init__(image_shape)
        self.save_hyperparameters()
        self.condition, self.code_shape = Domains(["even", "odd"]), (code_size,)
        self.encoder = genlab.networks.MLPEncoder(image_shape, code_size)
        self.decoders = nn.ModuleList(genlab.networks.MLPDecoder(image_shape, code_size) for _ in range(2))

    def loss(self, batch):
        return F.mse_loss(self.under(batch).reconstruct(self.images(batch)), self.images(batch))
"""
WORDS = """
class Words(Model):
    '''Sequences of letters, each drawn given the one before.'''

    capabilities = (Samples,)
    batch_names = ("tokens",)

    def __init__(self, letters: str = " abc", length: int = 5):
        super().__init__()
        self.save_hyperparameters()
        self.letters, self.length = letters, length
        self.following = nn.Embedding(len(letters), len(letters))

    def loss(self, batch):
        tokens = batch["tokens"]
        return F.cross_entropy(self.following(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())

    def sample(self, n, *, seed=None, generator=None):
        generator, words = generator_of(seed, generator), torch.zeros(n, 1, dtype=torch.int64)
        with torch.no_grad():
            for _ in range(self.length):
                chances = self.following(words[:, -1]).softmax(-1)
                words = torch.cat([words, torch.multinomial(chances, 1, generator=generator)], 1)
        return ["".join(self.letters[i] for i in word[1:]) for word in words.tolist()]
"""
DATA = """
class Parity(LightningDataModule):
    '''Digits, each of the domain of even or of odd ones.'''

    def setup(self, stage):
        digits = genlab.Digits()
        digits.setup()
        batch = digits.test_set[torch.arange(96)]
        self.rows = [{"image": x, "domain": label % 2} for x, label in zip(batch["image"], batch["label"])]

    def train_dataloader(self):
        return DataLoader(self.rows, 32)

    val_dataloader = test_dataloader = train_dataloader


class Sequences(LightningDataModule):
    '''"abc", over and over.'''

    def train_dataloader(self):
        return DataLoader(torch.tensor([[0, 1, 2, 3, 1, 2]] * 64), 32)

    val_dataloader = test_dataloader = train_dataloader
"""
FAMILIES = {"Grid": GRID, "Noise": NOISE, "Faces": FACES, "Words": WORDS}
DATA_OF = {"Grid": "Digits", "Noise": "Digits", "Faces": "toys.Parity", "Words": "toys.Sequences"}
QUICK = ["--trainer.max_epochs=2", "--trainer.enable_progress_bar=false", "--pictures.every_n_epochs=1"]


@pytest.fixture
def trained(request, working_folder) -> Path:
    """A run of a toy family whose code is all in one file in the current folder."""
    name = request.param
    parts = [IMPORTS, *(source + TRAINING for source in FAMILIES.values()), DATA]
    Path("toys.py").write_text("\n".join(parts))
    main(["fit", "--name=toy", f"--model=toys.{name}", f"--data={DATA_OF[name]}", *QUICK])
    return Path("runs/toy/0")


@pytest.mark.parametrize("source", FAMILIES.values(), ids=FAMILIES)
def test_a_toy_family_is_short(source):
    assert sum(bool(line.strip()) for line in (source + TRAINING).splitlines()) <= 40


def everywhere(run: Path) -> None:
    """Check what works for every family: resuming, testing, loading and saving again."""
    main(["fit", f"--ckpt_path={run}", "--trainer.max_epochs=3"])
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["epoch"] == 2
    assert (run / "checkpoints/best.ckpt").exists()
    main(["test"])
    assert genlab.load(run).hparams["_class_path"].startswith("toys.")


def on_the_page(run: Path) -> tuple[Explored, dict[str, Any]]:
    """Open a run as `genlab explore` does, and return it with what its page is told."""
    usual = {"device": "cpu", "trust": False, "seed": 0, "data": None, "data_settings": [], "split": None}
    explored = explored_at(run / "checkpoints" / "last.ckpt", argparse.Namespace(**usual))
    told = describe(explored, "toy")
    json.dumps(told)
    return explored, told


@pytest.mark.parametrize("trained", ["Grid"], indirect=True)
def test_codes_may_be_a_grid_of_whole_numbers_with_a_learned_prior(trained, refused):
    everywhere(trained)
    assert {path.name.partition("-")[0] for path in (trained / "pictures").glob("*epoch*.png")} == {
        "sample",
        "reconstruct",
    }
    for command in ("sample", "reconstruct", "evaluate", "predict"):
        main([command])
    model = genlab.load(trained)
    codes = model.encode(torch.rand(3, 1, 8, 8))
    assert codes.shape == (3, 2, 2)
    assert codes.dtype == torch.int64
    torch.testing.assert_close(model.sample(2, seed=1), model.sample(2, seed=1))
    explored, told = on_the_page(trained)
    assert (told["code_shape"], told["flat"], told["real"], told["map"]) == ((2, 2), False, False, None)
    drawn = explored.draw(3, seed=1)
    assert drawn.dtype == torch.float32
    torch.testing.assert_close(explored.decode(drawn), eight_bits(model.sample(3, seed=1)))
    for command in ("traverse", "interpolate", "latent", "probe"):
        assert "codes of the Grid are whole numbers; this tool needs real vectors" in refused(command)


@pytest.mark.parametrize("trained", ["Noise"], indirect=True)
def test_codes_may_be_images_of_noise_and_a_sampler_may_have_options(trained):
    everywhere(trained)
    for command in ("sample", "evaluate"):
        main([command])
    model = genlab.load(trained)
    assert model.draw_codes(3).shape == (3, 1, 8, 8)
    explored, told = on_the_page(trained)
    assert (told["code_shape"], told["flat"], told["map"]) == ((1, 8, 8), False, None)
    torch.testing.assert_close(explored.sample(2, seed=1), explored.decode(explored.draw(2, seed=1)))
    assert not torch.equal(model.sample(2, steps=1, seed=1), model.sample(2, steps=9, seed=1))


@pytest.mark.parametrize("trained", ["Faces"], indirect=True)
def test_a_decoder_may_be_chosen_by_a_domain(trained):
    everywhere(trained)
    for command in ("reconstruct", "transfer", "evaluate", "latent"):
        main([command])
    main(["reconstruct", "--condition=odd", "--out=odd.npz"])
    main(["transfer", "--out=swapped.npz"])
    assert list(np.load("swapped.npz")["column_labels"]) == ["image", "even", "odd"]
    explored, told = on_the_page(trained)
    assert told["condition"] == {"kind": "classes", "names": ("even", "odd")}
    assert not any(told["can"][name] for name in ("draw", "translate"))
    assert told["map"]["axes"] == "pca"
    assert explored.decode(explored.gallery.codes[:2], torch.tensor([1])).shape == (2, 1, 8, 8)


@pytest.mark.parametrize("trained", ["Words"], indirect=True)
def test_what_is_modelled_may_be_text(trained, capsys):
    everywhere(trained)
    assert "test/loss" in capsys.readouterr().out
    main(["sample", "--count=3", "--out=words.npz"])
    words = list(np.load("words.npz")["lines"])
    assert len(words) == 3
    assert all(len(word) == 5 and set(word) <= set(" abc") for word in words)
    assert len((trained / "pictures" / "sample-epoch0003.txt").read_text().splitlines()) > 3
    explored, told = on_the_page(trained)
    assert [name for name, can in told["can"].items() if can] == ["sample"]
    assert (told["image_shape"], told["gallery"], len(told["notes"])) == (None, None, 1)
    assert explored.sample(3, seed=1) == genlab.load(trained).sample(3, generator=torch.Generator().manual_seed(1))
