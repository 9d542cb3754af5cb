"""VAE/GAN: which player learns from what, which one waits, and what is refused."""

import copy
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.optim import SGD

import genlab
from genlab.losses import LeastSquares, RelativisticAverage
from genlab.losses.evidence import kl_standard_normal
from genlab.models.vaegan import EVEN, feature_error
from genlab.networks import DCGANDiscriminator, DCGANGenerator, MLPDecoder, MLPDiscriminator, MLPEncoder

SHAPE = (1, 8, 8)
SMALL = {
    "code_size": 4,
    "encoder": partial(MLPEncoder, hidden=(16,)),
    "decoder": partial(MLPDecoder, hidden=(16,)),
    "discriminator": partial(MLPDiscriminator, hidden=(16,), dropout=0.0),
}
PLAYERS = ("encoder", "decoder", "discriminator")


def vaegan(**options):
    seed_everything(0)
    return genlab.VAEGAN(SHAPE, **SMALL | options)


def fitted(model, batches=6, **options):
    defaults = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}
    trainer = Trainer(max_steps=batches, **defaults | options)
    trainer.fit(model, genlab.Digits(batch_size=32))
    return trainer


class Moves(Callback):
    """Records images and weights before each batch, with the same noise each time, and the weights after it."""

    def __init__(self):
        self.images, self.before, self.after = [], [], []

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.images.append(batch["image"])
        self.before.append(copy.deepcopy(model.state_dict()))
        torch.manual_seed(1)

    def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
        self.after.append(copy.deepcopy(model.state_dict()))

    def moved(self, player):
        """Return whether a player's weights changed, for each batch."""
        pairs = zip(self.before, self.after, strict=True)
        return [any(not torch.equal(a[n], b[n]) for n in a if n.startswith(player)) for a, b in pairs]


def gradients_by_hand(model, images, beta, gamma):
    """Return each player's gradient in algorithm 1, from losses that are written out."""
    torch.manual_seed(1)
    x = 2 * images - 1
    mean, log_variance = model.encoder(x).chunk(2, 1)
    z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    reconstructed, sampled = (model.decoder(codes).tanh() for codes in (z, torch.randn(len(x), 4)))
    *lower, _, _ = model.discriminator

    def features(image):
        for layer in lower:
            image = layer(image)
        return image

    error = 0.5 * (features(reconstructed) - features(x)).square().sum(1).mean()
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    on_real, on_reconstructed, on_sampled = map(model.discriminator, (x, reconstructed, sampled))
    fooled = -(on_reconstructed.sigmoid().log().mean() + on_sampled.sigmoid().log().mean())
    told = -(
        on_real.sigmoid().log().mean()
        + (1 - on_reconstructed.sigmoid()).log().mean()
        + (1 - on_sampled.sigmoid()).log().mean()
    )
    losses = {"encoder": beta * kl + error, "decoder": gamma * error + fooled, "discriminator": told}
    return {
        f"{player}.{name}": gradient
        for player, loss in losses.items()
        for (name, parameter) in getattr(model, player).named_parameters()
        for gradient in torch.autograd.grad(loss, parameter, retain_graph=True)
    }


def test_each_player_learns_from_its_own_losses_as_algorithm_1_says():
    plain = {f"{player}_optimizer": partial(SGD, lr=1.0) for player in PLAYERS}
    model = vaegan(beta=0.5, feature_weight=0.3, **plain)
    by_hand = copy.deepcopy(model)
    moves = Moves()
    fitted(model, 1, callbacks=[moves], num_sanity_val_steps=0)
    expected = gradients_by_hand(by_hand, moves.images[0], beta=0.5, gamma=0.3)
    assert len(expected) == 12
    for name, gradient in expected.items():
        step = moves.before[0][name] - moves.after[0][name]
        torch.testing.assert_close(step, gradient, rtol=1e-4, atol=1e-6)


def test_the_discriminator_learns_nothing_from_the_feature_error():
    moved = []
    for weight in (0.0, 1000.0):
        moves = Moves()
        fitted(vaegan(feature_weight=weight), 1, callbacks=[moves], num_sanity_val_steps=0)
        moved.append({name: value for name, value in moves.after[0].items() if name.startswith("discriminator")})
    assert all(torch.equal(moved[0][name], moved[1][name]) for name in moved[0])


@pytest.mark.parametrize(
    ("last", "waits"),
    [
        ([EVEN, EVEN], None),
        ([0.01, EVEN], "discriminator"),
        ([EVEN, 3.0], "decoder"),
        ([0.01, 3.0], None),
    ],
)
def test_a_player_that_wins_by_a_margin_waits_unless_both_would(last, waits):
    model, moves = vaegan(margin=0.35), Moves()
    model.last.copy_(torch.tensor(last))
    trainer = fitted(model, 1, callbacks=[moves], num_sanity_val_steps=0)
    assert {player: moves.moved(f"{player}.") for player in PLAYERS} == {
        player: [player != waits] for player in PLAYERS
    }
    assert model.last.min() < EVEN + 1
    assert trainer.global_step == 1


def test_the_margin_is_logged_and_the_moment_is_in_the_checkpoint(working_folder):
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=3, save_top_k=-1)
    whole = vaegan(margin=0.02)
    fitted(whole, 6, callbacks=[saved], enable_checkpointing=True)
    resumed = vaegan(margin=0.02)
    Trainer(max_steps=6, logger=False, enable_checkpointing=False, enable_progress_bar=False, limit_val_batches=1).fit(
        resumed, genlab.Digits(batch_size=32), ckpt_path="step=3.ckpt"
    )
    assert not torch.equal(whole.last, torch.full((2,), EVEN))
    for name, weight in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name


def test_it_does_what_codes_can_do_in_any_shape():
    model = genlab.VAEGAN((3, 28, 20), 6, decoder=partial(DCGANGenerator, channels=8), margin=0.1).eval()
    x = torch.rand(3, 3, 28, 20)
    assert model.encode(x).shape == (3, 6)
    assert model.reconstruct(x).shape == x.shape
    assert model.interpolate(x[0], x[1], steps=4).shape == (4, 3, 28, 20)
    samples = model.sample(2, seed=0)
    assert torch.equal(samples, model.sample(2, seed=0))
    assert 0 <= samples.min()
    assert samples.max() <= 1
    torch.testing.assert_close(feature_error(torch.ones(2, 3, 2), torch.zeros(2, 3, 2)), torch.full((2,), 3.0))
    assert model.features(x).shape == (3, 128, 7, 5)
    assert kl_standard_normal(*model.posterior(2 * x - 1)).shape == (3,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature_weight": -1.0}, "feature_weight is -1"),
        ({"margin": -0.1}, "margin is -0.1"),
        ({"layers_above": 0}, "layers_above is 0"),
        (
            {"layers_above": 5},
            "features come from below the last 5 layers of the discriminator, but this MLPDiscriminator has 5",
        ),
        (
            {"loss": RelativisticAverage},
            "a VAEGAN judges images one by one; use a loss other than RelativisticAverage",
        ),
        ({"loss": LeastSquares, "margin": 0.1}, "margin needs a cross-entropy loss; leave it out with LeastSq"),
        ({"encoder_clip": 0.0}, "encoder_clip is 0"),
    ],
)
def test_what_cannot_be_is_said(options, message):
    with pytest.raises(genlab.GenlabError, match=message):
        vaegan(**options)


def test_networks_with_batch_norm_train():
    model = vaegan(
        decoder=partial(DCGANGenerator, channels=8), discriminator=partial(DCGANDiscriminator, channels=8), margin=0.35
    )
    fitted(model, 3)
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


class Twice(torch.nn.Sequential):
    """A discriminator that uses a layer twice."""

    def __init__(self, image_shape, size):
        act = torch.nn.LeakyReLU(0.2)
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(64, 16), act, torch.nn.Linear(16, 8), act)
        self.append(torch.nn.Linear(8, size))


class Detour(Twice):
    """A discriminator that computes something else than its layers one after the other."""

    def forward(self, x):
        return super().forward(x.roll(1, -1))


def test_a_discriminator_that_does_not_go_through_its_layers_is_refused():
    with pytest.raises(genlab.GenlabError, match="this Detour has 0: use a torch.nn.Sequential of more"):
        vaegan(discriminator=Detour)


def test_a_layer_that_is_used_twice_is_computed_twice():
    model, x = vaegan(discriminator=Twice), torch.randn(4, *SHAPE)
    torch.testing.assert_close(model.judged(x)[1], model.discriminator(x))
    torch.testing.assert_close(model.features(x), torch.nn.Sequential(*[*model.discriminator][:4])(x))


def test_losses_are_float32_under_autocast():
    model, kinds = vaegan(loss=LeastSquares), set()
    for name in ("of_real", "of_fake", "of_generated"):
        compute = getattr(model.loss, name)
        setattr(model.loss, name, lambda logits, compute=compute: kinds.add(logits.dtype) or compute(logits))
    fitted(model, 2, precision="bf16-mixed")
    assert kinds == {torch.float32}
