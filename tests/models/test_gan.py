"""GAN and conditional GAN: alternating steps, one by one."""

import copy
import logging
import pickle
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch.optim import SGD
from torch.optim.lr_scheduler import LinearLR, ReduceLROnPlateau
from torch.utils.data import DataLoader

import genlab
from genlab.errors import NotFinite
from genlab.losses import (
    R1,
    GradientPenalty,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    Wasserstein,
)
from genlab.models.shared import health
from genlab.models.shared.health import Health
from genlab.networks import DCGANDiscriminator, DCGANGenerator, MLPDecoder, MLPDiscriminator
from genlab.networks.condition import ConditionChannel, Projection
from genlab.optimizers import GANAdam

SHAPE = (1, 8, 8)
SMALL = {
    "code_size": 4,
    "generator": partial(MLPDecoder, hidden=(16,)),
    "discriminator": partial(MLPDiscriminator, hidden=(16,)),
}


def gan(**options):
    seed_everything(0)
    return genlab.GAN(SHAPE, **SMALL | options)


def fitted(model, batches=6, **options):
    defaults = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}
    trainer = Trainer(max_steps=batches, **defaults | options)
    trainer.fit(model, genlab.Digits(batch_size=32))
    return trainer


class Steps(Callback):
    """Records which players moved in each batch, and the gradients that are left."""

    def __init__(self):
        self.moved = []

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.before = copy.deepcopy((model.generator.state_dict(), model.discriminator.state_dict()))

    def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
        after = (model.generator.state_dict(), model.discriminator.state_dict())
        self.moved.append(
            tuple(any(not torch.equal(a[name], b[name]) for name in a) for a, b in zip(self.before, after, strict=True))
        )


@pytest.mark.parametrize("critic_steps", [1, 3])
def test_the_generator_moves_with_every_nth_batch_and_the_discriminator_with_each(critic_steps):
    steps = Steps()
    fitted(gan(critic_steps=critic_steps), callbacks=[steps])
    assert steps.moved == [((batch + 1) % critic_steps == 0, True) for batch in range(6)]


@pytest.mark.parametrize("critic_steps", [1, 2])
def test_steps_schedules_and_checkpoints_count_batches(critic_steps, working_folder):
    half = partial(LinearLR, start_factor=1.0, end_factor=0.5, total_iters=6)
    model = gan(critic_steps=critic_steps, generator_schedule=half, discriminator_schedule=half)
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=3, save_top_k=-1)
    trainer = fitted(model, callbacks=[saved], enable_checkpointing=True)
    assert trainer.global_step == trainer.fit_loop.total_batch_idx + 1 == 6
    assert sorted(path.name for path in working_folder.glob("*.ckpt")) == ["step=3.ckpt", "step=6.ckpt"]
    for optimizer in trainer.optimizers:
        assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


def test_schedules_of_checkpoints_inside_an_epoch_go_on_where_they_were(working_folder):
    half = partial(LinearLR, start_factor=1.0, end_factor=0.5, total_iters=6)
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=3, save_top_k=-1)
    fitted(gan(generator_schedule=half), 3, callbacks=[saved], enable_checkpointing=True)
    trainer = Trainer(max_steps=6, logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(gan(generator_schedule=half), genlab.Digits(batch_size=32), ckpt_path="step=3.ckpt")
    assert trainer.optimizers[1].param_groups[0]["lr"] == pytest.approx(1e-4)


def test_what_two_players_cannot_have_is_said():
    with pytest.raises(genlab.GenlabError, match="critic_steps is 0"):
        gan(critic_steps=0)
    with pytest.raises(genlab.GenlabError, match="ReduceLROnPlateau waits for a loss to fall"):
        fitted(gan(generator_schedule=ReduceLROnPlateau))
    with pytest.raises(genlab.GenlabError, match="`genlab sample` draws new images"):
        Trainer(logger=False, enable_progress_bar=False).predict(gan(), genlab.Digits())


def half_precision(scale: float = 1024.0) -> MixedPrecision:
    return MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=scale))


@pytest.mark.parametrize("fused", [True, False])
def test_clipping_under_a_scaler_is_of_gradients_that_are_no_longer_scaled(fused):
    norms = []

    class Norms(Callback):
        def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
            norms.append(torch.cat([p.grad.flatten() for p in model.generator.parameters()]).norm().item())

    model = gan(generator_clip=1e-3, generator_optimizer=partial(GANAdam, fused=fused))
    fitted(model, 3, plugins=half_precision(), callbacks=[Norms()])
    assert norms == pytest.approx([1e-3] * 3, rel=1e-2)


def test_a_checkpoint_of_optimizers_that_were_not_fused_is_resumed_under_a_scaler(working_folder):
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=2, save_top_k=-1)
    adam = partial(GANAdam, fused=False)
    unfused = gan(generator_optimizer=adam, discriminator_optimizer=adam)
    fitted(unfused, 4, callbacks=[saved], enable_checkpointing=True, plugins=half_precision())
    trainer = Trainer(
        max_steps=4, logger=False, enable_checkpointing=False, enable_progress_bar=False, plugins=half_precision()
    )
    resumed = gan()
    trainer.fit(resumed, genlab.Digits(batch_size=32), ckpt_path="step=2.ckpt")
    for name, weight in unfused.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], weight)


def test_a_gan_can_be_pickled_for_processes_that_are_spawned():
    model = gan()
    codes = torch.randn(2, 4)
    torch.testing.assert_close(pickle.loads(pickle.dumps(model)).eval().decode(codes), model.eval().decode(codes))


def test_training_is_the_algorithm_of_the_paper_written_out():
    """Two batches with plain gradient descent, against a loop without Lightning."""
    options = {"ema_decay": None, "discriminator": partial(MLPDiscriminator, hidden=(16,), dropout=0.0)}
    optimizers = {"generator_optimizer": partial(SGD, lr=0.1), "discriminator_optimizer": partial(SGD, lr=0.2)}
    model = gan(**options, **optimizers)
    bare = copy.deepcopy(model)
    batches = []
    noise = torch.Generator().manual_seed(1)
    codes = [torch.randn(32, 4, generator=noise) for _ in range(2)]
    model.draw_codes = lambda count: codes[len(batches) - 1]
    images = model.images
    model.images = lambda batch: (batches.append(batch), images(batch))[1]
    fitted(model, 2, limit_val_batches=0)

    generator, discriminator = bare.generator, bare.discriminator
    for batch, z in zip(batches, codes, strict=True):
        real, fake = 2 * batch["image"] - 1, torch.tanh(generator(z))
        d = torch.sigmoid(discriminator(real)), torch.sigmoid(discriminator(fake))
        loss = -(torch.log(d[0]) + torch.log(1 - d[1])).mean()
        for weight, gradient in zip(
            discriminator.parameters(), torch.autograd.grad(loss, discriminator.parameters()), strict=True
        ):
            weight.data -= 0.2 * gradient
        loss = -torch.log(torch.sigmoid(discriminator(torch.tanh(generator(z))))).mean()
        for weight, gradient in zip(
            generator.parameters(), torch.autograd.grad(loss, generator.parameters()), strict=True
        ):
            weight.data -= 0.1 * gradient
    for trained, expected in zip(model.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(trained, expected)


def test_the_generators_step_leaves_no_gradients_on_the_discriminator():
    """Its parameters keep the gradients of its own step: the generator's backward pass computes none for them."""
    kept = []

    class Gradients(Callback):
        def on_before_optimizer_step(self, trainer, model, optimizer):
            kept.append([p.grad.clone() for p in model.discriminator.parameters()])

    fitted(gan(), 3, callbacks=[Gradients()])
    for discriminators, generators in zip(kept[::2], kept[1::2], strict=True):
        for before, after in zip(discriminators, generators, strict=True):
            assert torch.equal(before, after)


def test_the_discriminators_step_builds_no_graph_of_the_generator_when_it_is_not_its_turn():
    model = gan(critic_steps=2)
    graphs = []
    generator = model.generator.forward
    model.generator.forward = lambda z: (lambda x: (graphs.append(x.requires_grad), x)[1])(generator(z))
    fitted(model, 4, limit_val_batches=0)
    assert graphs == [False, True, False, True]


@pytest.mark.parametrize(
    "options",
    [
        {"loss": Minimax},
        {"loss": partial(NonSaturating, smoothing=0.1), "penalty": R1},
        {"loss": LeastSquares},
        {"loss": Hinge, "discriminator": partial(MLPDiscriminator, hidden=(16,), spectral=True)},
        {"loss": Wasserstein, "penalty": GradientPenalty, "critic_steps": 2},
        {"loss": RelativisticAverage},
        {"generator": partial(DCGANGenerator, channels=4), "discriminator": partial(DCGANDiscriminator, channels=4)},
    ],
)
def test_every_loss_trains_and_its_checkpoint_gives_the_same_samples(options, working_folder):
    model = gan(**options)
    trainer = fitted(model)
    trainer.save_checkpoint("gan.ckpt")
    model.eval()
    samples = model.sample(5, generator=torch.Generator().manual_seed(1))
    assert samples.shape == (5, *SHAPE)
    assert 0 <= samples.min()
    assert samples.max() <= 1
    again = genlab.load("gan.ckpt").sample(5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(samples, again)


@pytest.mark.parametrize("build", [partial(genlab.GAN, (1, 16, 16)), partial(genlab.CGAN, (1, 16, 16), 3)])
def test_a_penalty_on_slopes_warns_of_batch_norm_in_the_discriminator(build, recwarn):
    for penalty in (R1, GradientPenalty):
        with pytest.warns(UserWarning, match=f"{penalty.__name__} bounds .* normalization: torch.nn.Identity"):
            build(penalty=penalty)
    recwarn.clear()
    build()
    for normalization in (torch.nn.Identity, torch.nn.InstanceNorm2d):
        build(penalty=R1, discriminator=partial(DCGANDiscriminator, normalization=normalization))
    assert not [warning for warning in recwarn if "batch norm" in str(warning.message)]


def test_spectral_normalisation_warns_of_batch_norm(recwarn):
    shape = (1, 16, 16)
    with pytest.warns(UserWarning, match="spectral normalisation bounds .* batch norm makes images interdependent"):
        DCGANDiscriminator(shape, 1, spectral=True)
    recwarn.clear()
    DCGANDiscriminator(shape, 1, normalization=torch.nn.Identity, spectral=True)
    DCGANDiscriminator(shape, 1)
    assert not [warning for warning in recwarn if "batch norm" in str(warning.message)]


def test_samples_are_those_of_the_average_which_follows_the_generator():
    model = gan(ema_decay=0.5)
    averages = []

    class Average(Callback):
        def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
            averages.append([p.detach().clone() for p in model.generator.parameters()])

    fitted(model, 3, callbacks=[Average()])
    decays = [min(0.5, (1 + n) / (10 + n)) for n in (1, 2)]
    expected = averages[0]
    for decay, current in zip(decays, averages[1:], strict=True):
        expected = [decay * a + (1 - decay) * c for a, c in zip(expected, current, strict=True)]
    for found, wanted in zip(model.average.parameters(), expected, strict=True):
        torch.testing.assert_close(found, wanted)
        assert not found.requires_grad
    codes = torch.randn(3, 4)
    torch.testing.assert_close(model.eval().decode(codes), (model.average(codes).tanh() + 1) / 2)
    assert not torch.allclose(model.decode(codes), (model.generator(codes).tanh() + 1) / 2)


def test_each_players_gradients_are_clipped_at_its_own_norm():
    norms = {}

    class Norms(Callback):
        def on_train_batch_end(self, trainer, model, outputs, batch, batch_idx):
            for name in ("generator", "discriminator"):
                gradients = [p.grad.flatten() for p in getattr(model, name).parameters()]
                norms.setdefault(name, []).append(torch.cat(gradients).norm().item())

    fitted(gan(generator_clip=1e-3, discriminator_clip=2e-3), 3, callbacks=[Norms()])
    assert norms["generator"] == pytest.approx([1e-3] * 3, rel=1e-3)
    assert norms["discriminator"] == pytest.approx([2e-3] * 3, rel=1e-3)


def test_every_batch_logs_how_both_are_doing():
    model = gan(critic_steps=2)
    rows = []
    model.log_batch = lambda figures, progress_bar: rows.append({k: v.item() for k, v in figures.items()})
    fitted(model, 2)
    usual = {"discriminator", "score_real", "score_fake", "accuracy", "diversity"}
    assert [set(row) for row in rows] == [usual, {*usual, "generator"}]


def test_vital_signs_are_what_they_say():
    real, fake = torch.rand(6, 1, 4, 4), 0.1 * torch.rand(6, 1, 4, 4)
    on_real, on_fake = torch.tensor([1.0, 2, 3, -1, 4, 5])[:, None], torch.tensor([-1.0, -1, -1, -1, 1, -1])[:, None]
    signs = gan().health.vital_signs(real, fake, on_real, on_fake)
    distances = [torch.pdist(x.flatten(1)).square().mean().sqrt() for x in (fake, real)]
    torch.testing.assert_close(signs["diversity"], distances[0] / distances[1])
    assert signs["accuracy"] == pytest.approx(10 / 12)
    assert signs["score_real"] == pytest.approx(14 / 6)


def test_diversity_is_right_in_half_precision_for_images_of_little_contrast():
    images = 0.5 + 0.03 * torch.randn(64, 1, 8, 8)
    scores = torch.zeros(64, 1)
    signs = gan().health.vital_signs(images, images.bfloat16(), scores, scores)
    assert signs["diversity"] == pytest.approx(1, abs=0.02)


def test_samples_that_collapse_are_said_after_three_epochs(monkeypatch):
    monkeypatch.setattr(health, "LEARNING", 0)
    still = partial(SGD, lr=0.0)
    with pytest.warns(UserWarning, match="samples have collapsed: two of them are 0.0") as warnings:
        fitted(
            gan(generator=partial(DCGANGenerator, channels=4), generator_optimizer=still),
            -1,
            max_epochs=5,
            limit_train_batches=2,
        )
    assert sum("collapsed" in str(warning.message) for warning in warnings) == 1


def epochs_of(signs, diversities, batches=1):
    """Let epochs of samples with these diversities pass."""
    for diversity in diversities:
        signs._epoch.append(torch.tensor([1.0, diversity]))
        signs.end_epoch(batches)


def test_samples_are_no_collapse_before_the_generator_has_learned_anything(recwarn):
    epochs_of(Health(NonSaturating()), [0.1] * 9)
    assert not recwarn
    epochs_of(Health(NonSaturating()), [0.1, 0.5, 0.1, 0.1, 0.1])
    assert "samples have collapsed" in str(recwarn.pop().message)
    epochs_of(Health(NonSaturating()), [0.2] * 3, batches=health.LEARNING)
    assert "samples have collapsed" in str(recwarn.pop().message)


def test_samples_that_recover_are_said_once_and_may_collapse_again(recwarn, caplog):
    logging.getLogger("lightning.pytorch").addHandler(caplog.handler)
    signs = Health(NonSaturating())
    epochs_of(signs, [0.5, *[0.1] * 3, 0.6, 0.7, *[0.2] * 4])
    logging.getLogger("lightning.pytorch").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records] == [
        "samples have recovered: two of them are 0.60 times as far from each other as two real images"
    ]
    assert sum("collapsed" in str(warning.message) for warning in recwarn) == 2


def test_a_discriminator_that_is_too_sure_is_said():
    model = gan(generator_optimizer=partial(SGD, lr=0.0), discriminator_optimizer=partial(torch.optim.Adam, lr=0.03))
    with pytest.warns(UserWarning, match="the discriminator has saturated") as warnings:
        fitted(model, -1, max_epochs=8)
    assert sum("saturated" in str(warning.message) for warning in warnings) == 1


def test_training_that_diverges_stops_and_keeps_the_last_good_checkpoint(working_folder):
    saved = ModelCheckpoint(working_folder, "last", save_on_exception=True, every_n_train_steps=1)

    class Explode(Callback):
        def on_train_batch_start(self, trainer, model, batch, batch_idx):
            if trainer.global_step == 4:
                trainer.optimizers[0].param_groups[0]["lr"] = float("nan")

    with pytest.raises(NotFinite, match=r"not finite at step [45]: training has diverged and stops"):
        fitted(gan(), 20, callbacks=[saved, Explode()], enable_checkpointing=True, log_every_n_steps=50)
    model = genlab.load("last.ckpt")
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert model.sample(2).isfinite().all()


CONDITIONS = {"label": {"num_classes": 10}, "attributes": {"attribute_names": ("a", "b", "c")}}


@pytest.mark.parametrize("kind", CONDITIONS)
@pytest.mark.parametrize("conditioning", [ConditionChannel, Projection])
def test_both_players_of_a_conditional_gan_see_the_condition(kind, conditioning):
    seed_everything(0)
    model = genlab.CGAN(SHAPE, **CONDITIONS[kind], **SMALL, conditioning=conditioning).eval()
    condition = torch.tensor([1, 2, 3]) if kind == "label" else torch.eye(3)
    batch = {"image": torch.rand(3, *SHAPE), kind: condition}
    other = {**batch, kind: condition.roll(1, 0)}
    generator, discriminator = model.players(batch)
    other_generator, other_discriminator = model.players(other)
    z = torch.randn(3, 4)
    assert not torch.allclose(generator(z), other_generator(z))
    assert discriminator(batch["image"]).shape == (3, 1)
    assert not torch.allclose(discriminator(batch["image"]), other_discriminator(batch["image"]))
    torch.testing.assert_close(model.given(condition).decode(z), model.given(condition[1:2]).decode(z), atol=1, rtol=0)
    assert model.given(condition[:1]).sample(5).shape == (5, *SHAPE)


@pytest.mark.parametrize("conditioning", [ConditionChannel, Projection])
def test_a_conditional_gan_learns_which_class_is_which(conditioning):
    """Two classes, white and black images: samples must follow their label."""
    seed_everything(0)
    labels = torch.randint(0, 2, (256,))
    images = labels[:, None, None, None] * 0.8 + 0.1 * torch.rand(256, 1, 4, 4)
    batches = [{"image": x, "label": y} for x, y in zip(images.split(32), labels.split(32), strict=True)]
    adam = partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.9))
    model = genlab.CGAN(
        (1, 4, 4), 2, **SMALL, conditioning=conditioning, generator_optimizer=adam, discriminator_optimizer=adam
    )
    Trainer(max_epochs=30, logger=False, enable_checkpointing=False, enable_progress_bar=False).fit(
        model, DataLoader(batches, batch_size=None)
    )
    model.eval()
    dark, bright = (model.sample(50, condition=torch.tensor([label])).mean() for label in (0, 1))
    assert dark < 0.3
    assert bright > 0.6


def test_a_conditional_gan_samples_each_class_in_turn_or_says_what_it_needs():
    model = genlab.CGAN(SHAPE, 10, **SMALL).eval()
    codes = torch.Generator().manual_seed(0)
    z = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    expected = model.given(torch.arange(12) % 10).decode(z)
    torch.testing.assert_close(model.sample(12, generator=codes), expected)
    with pytest.raises(genlab.GenlabError, match="data with labels or attributes"):
        genlab.CGAN(SHAPE)
    with pytest.raises(genlab.GenlabError, match="give a condition to sample under"):
        genlab.CGAN(SHAPE, attribute_names=("a",), **SMALL).sample(2)
    with pytest.raises(genlab.GenlabError, match="condition is the 'label' of a batch"):
        model.under({"image": torch.zeros(1, *SHAPE)})


@pytest.mark.parametrize("family", [genlab.GAN, partial(genlab.CGAN, num_classes=10)])
def test_weights_of_double_precision_train_and_are_validated(family):
    model = family(SHAPE, **SMALL).double()
    batches = DataLoader([{"image": torch.rand(SHAPE, dtype=torch.float64), "label": i} for i in range(8)], 4)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False}
    Trainer(max_epochs=1, accelerator="cpu", **quiet).fit(model, batches, batches)
    assert model.sample(1).dtype == torch.float64
