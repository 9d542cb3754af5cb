"""Two processes train what one process trains with batches twice as large, and compute the same validation metrics."""

import contextlib
from pathlib import Path

import pytest
import torch
from lightning.pytorch.plugins import TorchSyncBatchNorm
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import genlab
from genlab.networks import ConvDecoder, ConvEncoder, DCGANDiscriminator, DCGANGenerator
from tests.processes import run_script

SCRIPT = """
import os, sys
from functools import partial
import torch
from lightning.pytorch import Trainer, seed_everything
from torch.utils.data import DataLoader
import genlab
from genlab.diffusion import KarrasNoise, KarrasPrediction
from genlab.losses import Gaussian, GradientPenalty, PathLength, Wasserstein
from genlab.models import ImageModel, StageSchedule, frozen
from genlab.networks import (
    AdaptiveAugmentation, DenoisingUNet, DenseLayer, EMACodebook, GatedPixelCNN, MapDecoder, MapEncoder, MLPDecoder,
    MLPDiscriminator, MLPEncoder, PatchDiscriminator, RecurrentDecoder, RecurrentEncoder, ResidualDiscriminator,
    ResNetGenerator, StridedDecoder, StridedEncoder, StyleGenerator, UNet
)

processes, rank = int(sys.argv[1]), int(os.environ.get("LOCAL_RANK", 0))
COUNT, STEPS, CLASSES = 16, 20, 3
SHAPE = (1, 8, 10)
SENTENCES = torch.randint(4, 8, (STEPS, COUNT, 5), generator=torch.Generator().manual_seed(3))
SENTENCES[..., 4], SENTENCES[:, ::2, 3], SENTENCES[:, ::2, 4] = 3, 3, 0  # of four and of three words
torch.set_default_dtype(torch.float64)


def of_whole_batches(draw):
    '''A random function whose numbers are those of the whole batch, of which each process gets its part.'''
    generator = torch.Generator().manual_seed(1)

    def mine(*size, **options):
        sizes = list(size)
        axis = sizes.index(COUNT // processes)
        sizes[axis] = COUNT
        return draw(*sizes, generator=generator).index_select(axis, torch.arange(rank, COUNT, processes))

    return mine


def trained(name, model, names):
    images = torch.rand(STEPS, 2, COUNT, *SHAPE, generator=torch.Generator().manual_seed(2))
    labels = torch.arange(COUNT) % CLASSES
    batches = [
        dict(zip(names, (first[rank::processes], second[rank::processes]))) | {"label": labels[rank::processes]}
        for first, second in images
    ]
    if names == ["tokens"]:
        batches = [{"tokens": sentences[rank::processes]} for sentences in SENTENCES]
    trainer = Trainer(
        accelerator="cpu", devices=processes, strategy="ddp" if processes > 1 else "auto", max_steps=STEPS,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, precision=64,
        use_distributed_sampler=False, num_sanity_val_steps=0,
    )
    random = torch.rand, torch.randn
    torch.rand, torch.randn = (of_whole_batches(draw) for draw in random)
    trainer.fit(model, DataLoader(batches, batch_size=None), DataLoader(batches[:3], batch_size=None))
    torch.rand, torch.randn = random
    assert model.global_step == STEPS
    figures = {key: value for key, value in trainer.callback_metrics.items() if key.startswith("val/")}
    torch.save((model.state_dict(), figures), f"{name}-{processes}-{model.global_rank}.pt")


class Above(ImageModel):
    '''A layer on the codes of a frozen model.'''

    def __init__(self, below):
        super().__init__(SHAPE)
        self.below, self.layer = frozen(below), torch.nn.Linear(4, 2)

    def loss(self, batch):
        return (self.layer(self.below.encode(self.images(batch))) - 1).square().mean()

    def training_step(self, batch, batch_idx):
        loss = self.loss(batch)
        self.log_batch({"loss": loss}, "loss")
        return loss

    def evaluation_step(self, stage, batch, batch_idx):
        self.log_epoch(stage, {"loss": self.loss(batch)}, batch, "loss")

    def configure_optimizers(self):
        return torch.optim.Adam(self.layer.parameters())


coder = {"encoder": partial(MLPEncoder, hidden=(16,)), "decoder": partial(MLPDecoder, hidden=(16,))}
judge = partial(MLPDiscriminator, hidden=(16,), dropout=0.0)
players = {"generator": partial(MLPDecoder, hidden=(16,)), "discriminator": judge}
RECURRENT = {"encoder": RecurrentEncoder, "decoder": RecurrentDecoder}
WORDS = ["<pad>", "<unk>", "<start>", "<end>", *"abcd"]
slow = partial(torch.optim.SGD, lr=1e-3)  # Adam takes rounding for gradients, where there are none
vaegan = {**coder, "discriminator": judge, "ema_decay": 0.9} | {
    f"{player}_optimizer": slow for player in ("encoder", "decoder", "discriminator")
}
translator = {
    "discriminator": partial(PatchDiscriminator, channels=4), "ema_decay": 0.9,
    "generator_optimizer": slow, "discriminator_optimizer": slow,
}
styled = {
    "generator": partial(StyleGenerator, style_size=6, mapping_layers=1, mapping_lr=1.0, channels=4),
    "discriminator": partial(ResidualDiscriminator, channels=4), "penalty_every": 3, "path_length": PathLength,
    "augment": partial(AdaptiveAugmentation, target=-1.0, images=500),
    "generator_optimizer": slow, "discriminator_optimizer": slow,
}
maps = {"encoder": partial(MapEncoder, channels=8, halvings=1), "decoder": partial(MapDecoder, channels=8, halvings=1)}
denoiser = partial(DenoisingUNet, channels=4, multipliers=(1, 2), blocks=1, attention=4)
diffusing = {"network": denoiser, "noise": KarrasNoise, "prediction": KarrasPrediction, "optimizer": slow}
small = {"channels": 4, "halvings": 1, "blocks": 1, "block_channels": 4}
strided = {"encoder": partial(StridedEncoder, **small), "decoder": partial(StridedDecoder, **small)}
book = partial(EMACodebook, codes=8, kmeans_start=False)  # k-means starts from some of the first process's vectors
recurrent = {part: partial(net, embedding=6, hidden=7) for part, net in RECURRENT.items()}
pixels = partial(GatedPixelCNN, channels=4, layers=2)
residual = partial(ResNetGenerator, channels=4, blocks=1)
once = [StageSchedule(1)]
layers = [partial(DenseLayer, size=12), partial(DenseLayer, size=6)]
FAMILIES = {
    "autoencoder": lambda: genlab.Autoencoder(SHAPE, 6, **coder),
    "stacked": lambda: genlab.StackedAutoencoder(SHAPE, layers, (), once, num_classes=CLASSES),
    "classifier": lambda: genlab.StackedAutoencoder(SHAPE, layers, (), (), once, num_classes=CLASSES),
    "vae": lambda: genlab.VAE(SHAPE, 4, **coder),
    "nested": lambda: Above(genlab.VAE(SHAPE, 4, **coder)),
    "cvae": lambda: genlab.CVAE(SHAPE, CLASSES, code_size=4, **coder),
    "gan": lambda: genlab.GAN(SHAPE, 4, **players),
    "wgan-gp": lambda: genlab.GAN(SHAPE, 4, **players, loss=Wasserstein, penalty=GradientPenalty, critic_steps=2),
    "cgan": lambda: genlab.CGAN(SHAPE, CLASSES, code_size=4, **players),
    "stylegan": lambda: genlab.CStyleGAN(SHAPE, CLASSES, code_size=4, **styled),
    "vaegan": lambda: genlab.VAEGAN(SHAPE, 4, **vaegan, margin=0.1),
    "rbm": lambda: genlab.RBM(SHAPE, 5, gibbs_steps=2, optimizer=slow),
    "dbn": lambda: genlab.LabelledDBN(SHAPE, [5, 4], once, num_classes=CLASSES, optimizer=slow),
    "chains": lambda: genlab.DBN(SHAPE, [5, 4], once, chains=COUNT // processes, optimizer=slow),
    "diffusion": lambda: genlab.Diffusion(SHAPE, **diffusing),
    "cdiffusion": lambda: genlab.ConditionalDiffusion(SHAPE, CLASSES, condition_dropout=0.5, **diffusing),
    "latent diffusion": lambda: genlab.LatentDiffusion(
        SHAPE, genlab.VAE(SHAPE, 2, **maps, likelihood=Gaussian), **diffusing
    ),
    "vqvae": lambda: genlab.VQVAE(SHAPE, 4, **strided, quantizer=book, autoencoder=once, prior=()),
    "code prior": lambda: genlab.models.CodePrior(
        SHAPE, genlab.VQVAE(SHAPE, 4, **strided, quantizer=book, prior=()), once, pixels
    ),
    "pixelcnn": lambda: genlab.ConditionalPixelCNN(SHAPE, CLASSES, levels=4, network=pixels, optimizer=slow),
    "sentences": lambda: genlab.SentenceVAE(WORDS, 5, 4, **recurrent, word_dropout=0.3, free_bits=0.1),
    "decoder": lambda: genlab.SentenceVAE(WORDS, 5, 4, **recurrent, encoder_epochs=0),
    "pix2pix": lambda: genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, channels=4, dropout=0.0), **translator),
    "regressor": lambda: genlab.GaussianRegressor(SHAPE, SHAPE, partial(UNet, channels=4, dropout=0.0), optimizer=slow),
    "deepfake": lambda: genlab.DeepFake(SHAPE, SHAPE, 4, **coder, corruption=None),
    "adversarial deepfake": lambda: genlab.AdversarialDeepFake(
        SHAPE, SHAPE, 4, **coder, discriminator=players["discriminator"], corruption=None,
        optimizer=slow, discriminator_optimizer=slow,
    ),
    "cyclegan": lambda: genlab.CycleGAN(SHAPE, SHAPE, residual, pool_size=0, **translator),
}
pairs, domains = ["source", "target"], ["a", "b"]
BATCHES = {"pix2pix": pairs, "regressor": pairs, "sentences": ["tokens"], "decoder": ["tokens"]}
BATCHES |= dict.fromkeys(("cyclegan", "deepfake", "adversarial deepfake"), domains)
for name, build in FAMILIES.items():
    seed_everything(0)
    trained(name, build(), BATCHES.get(name, ["image"]))
"""

FAMILIES = [
    "autoencoder",
    "stacked",
    "classifier",
    "vae",
    "nested",
    "cvae",
    "gan",
    "wgan-gp",
    "cgan",
    "stylegan",
    "vaegan",
    "regressor",
    "deepfake",
    "adversarial deepfake",
    "rbm",
    "dbn",
    "diffusion",
    "vqvae",
    "code prior",
    "cdiffusion",
    "latent diffusion",
    "pixelcnn",
    "sentences",
    "decoder",
    "pix2pix",
    "cyclegan",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A folder with the weights and validation metrics of each family, from one process and from each of two."""
    folder = tmp_path_factory.mktemp("ddp")
    (folder / "script.py").write_text(SCRIPT)
    with contextlib.chdir(folder):
        for processes in (1, 2):
            run_script("script.py", str(processes), processes=processes)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_equal_one_with_the_double_batch_and_each_other_bit_for_bit(family, trained):
    (one, _), (first, _), (second, _) = (torch.load(trained / f"{family}-{name}.pt") for name in ("1-0", "2-0", "2-1"))
    assert first.keys() == one.keys()
    for name, value in one.items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], value, rtol=1e-9, atol=1e-12)


def test_two_processes_continue_the_same_chains_in_models_that_are_trained_in_stages(trained):
    (first, _), (second, _) = (torch.load(trained / f"chains-2-{rank}.pt") for rank in range(2))
    for name, value in first.items():
        assert torch.equal(second[name], value)
    assert first["chains0"].any()


@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_find_the_validation_figures_of_one(family, trained):
    one, first, second = (torch.load(trained / f"{family}-{name}.pt")[1] for name in ("1-0", "2-0", "2-1"))
    assert one
    assert one.keys() == first.keys() == second.keys()
    for name, value in one.items():
        assert torch.equal(first[name], second[name])
        if name not in ("val/diversity", "val/mixing"):  # computed on a batch, which is half as large
            torch.testing.assert_close(first[name], value, rtol=1e-6, atol=1e-12)  # losses are partly in float32


@pytest.mark.parametrize(
    "build",
    [
        lambda: genlab.GAN((1, 28, 28), 8, DCGANGenerator, DCGANDiscriminator, ema_decay=0.9),
        lambda: genlab.VAE((1, 28, 28), 8, encoder=ConvEncoder, decoder=ConvDecoder),
    ],
)
def test_all_batch_norm_becomes_synchronised_where_that_is_asked_for(build):
    model = build().eval()
    code, names = torch.randn(2, 8), model.state_dict().keys()
    images = model.decode(code)
    model = TorchSyncBatchNorm().apply(model)  # Lightning's --trainer.sync_batchnorm, whose kernels need a GPU
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    assert norms
    assert all(isinstance(module, nn.SyncBatchNorm) for module in norms)
    assert model.state_dict().keys() == names
    torch.testing.assert_close(model.decode(code), images)
