"""StyleGAN: each training step against autograd by hand, styles, noise, truncation and what checkpoints keep."""

import copy
from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch.nn.functional import softplus
from torch.optim import SGD

import genlab
from genlab.explore.onnx import Method, graph_of
from genlab.losses import PathLength
from genlab.models.stylegan import MEAN_DECAY
from genlab.networks import AdaptiveAugmentation, DCGANGenerator, ResidualDiscriminator, StyleGenerator

SHAPE = (1, 8, 8)
SMALL = {
    "code_size": 4,
    "generator": partial(StyleGenerator, style_size=6, mapping_layers=2, mapping_lr=1.0, channels=4),
    "discriminator": partial(ResidualDiscriminator, channels=4),
}
ALL = {"path_length": PathLength, "augment": partial(AdaptiveAugmentation, target=0.0, images=100), "penalty_every": 2}


def stylegan(**options):
    seed_everything(0)
    return genlab.StyleGAN(SHAPE, **SMALL | options)


def noisy(model):
    """Return the model with noise that has an effect."""
    for generator in (model.net, model.best):
        for layer in generator.synthesis.layers:
            layer.noise_strength.data.fill_(0.3)
    return model.eval()


def fitted(model, batches=6, batch_size=16, **options):
    defaults = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}
    trainer = Trainer(max_steps=batches, accelerator="cpu", **defaults | options)
    trainer.fit(model, genlab.Digits(batch_size=batch_size))
    return trainer


class Seen(Callback):
    """Records the first batch, with known noise, and the order of optimizer steps in each batch."""

    def __init__(self):
        self.images, self.steps = None, []

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.images = batch["image"] if self.images is None else self.images
        self.steps.append("")
        torch.manual_seed(1)

    def on_before_optimizer_step(self, trainer, model, optimizer):
        self.steps[-1] += "DG"[trainer.optimizers.index(optimizer)]


def moved(network, loss, lr):
    """Take a step of gradient descent by hand."""
    weights = [*network.parameters()]
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights, allow_unused=True), strict=True):
        if gradient is not None:
            weight.data -= lr * gradient


def test_the_steps_of_a_batch_are_those_of_the_paper_written_out():
    """Discriminator, R1, generator and path lengths, one after the other, with noise and mixed styles."""
    lr = 0.05
    plain = {"generator_optimizer": partial(SGD, lr=lr * 5 / 4), "discriminator_optimizer": partial(SGD, lr=lr * 3 / 2)}
    model = stylegan(path_length=PathLength, penalty_every=2, ema_decay=None, **plain)
    noisy(model)
    g, d = copy.deepcopy(model.generator), copy.deepcopy(model.discriminator)
    seen = Seen()
    fitted(model, 1, callbacks=[seen], num_sanity_val_steps=0, limit_val_batches=0)
    assert seen.steps == ["DDGG"]

    def drawn():
        codes = [torch.randn(16, 4) for _ in range(2)]
        share = torch.rand(16)
        cuts = [1 + int(u / 0.9 * 3) if u < 0.9 else 4 for u in share]
        return codes, cuts, [torch.randn(16, 1, *size) for size in ((4, 4), (8, 8), (8, 8))]

    def mixed(codes, cuts):
        first, second = map(g.mapping, codes)
        return torch.stack(
            [torch.stack([a] * cut + [b] * (4 - cut)) for a, b, cut in zip(first, second, cuts, strict=True)]
        )

    torch.manual_seed(1)
    real = 2 * seen.images - 1
    codes, cuts, noise = drawn()
    assert len(set(cuts)) > 2
    with torch.no_grad():
        mean_style = (1 - MEAN_DECAY) * g.mapping(codes[0]).mean(0)
        fake = g.synthesis(mixed(codes, cuts), noise).tanh()
    moved(d, (softplus(-d(real)) + softplus(d(fake))).mean(), lr)
    x = real.clone().requires_grad_()
    (slope,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    moved(d, 2 * 0.5 * 2e-4 * 64 / 16 * slope.square().sum((1, 2, 3)).mean(), lr)
    moved(g, softplus(-d(g.synthesis(mixed(codes, cuts), noise).tanh())).mean(), lr)
    codes, cuts, noise = drawn()
    y = torch.randn(16, 1, 8, 8)[:8] / 8
    styles = mixed(codes, cuts)[:8]
    images = g.synthesis(styles, [maps[:8] for maps in noise]).tanh()
    (gradient,) = torch.autograd.grad((images * y).sum(), styles, create_graph=True)
    lengths = gradient.square().sum(2).mean(1).sqrt()
    average = 0.01 * lengths.mean().detach()
    moved(g, 4 * 2 * (lengths - average).square().mean(), lr)

    for trained, by_hand in ((model.generator, g), (model.discriminator, d)):
        for weight, expected in zip(trained.parameters(), by_hand.parameters(), strict=True):
            torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(model.mean_style, mean_style)
    torch.testing.assert_close(model.path_length.average, average)


def test_further_steps_come_every_few_batches_and_batches_are_counted():
    model, seen = stylegan(**ALL | {"path_every": 3}), Seen()
    trainer = fitted(model, 6, callbacks=[seen])
    assert seen.steps == ["DDGG", "DG", "DDG", "DGG", "DDG", "DG"]
    assert trainer.global_step == 6 == trainer.fit_loop.total_batch_idx + 1


def test_accumulated_batches_make_the_same_steps():
    seen = Seen()
    trainer = fitted(stylegan(**ALL), 4, callbacks=[seen], accumulate_grad_batches=2)
    assert seen.steps == ["", "DDGG", "", "DG", "", "DDG", "", "DG"]
    assert trainer.global_step == 4


def test_augmentation_adapts_by_the_images_that_were_seen_though_a_step_is_of_several_batches():
    """With a target that no discriminator reaches, the probability falls by 48 of 1,000 images."""
    model = stylegan(augment=partial(AdaptiveAugmentation, target=1.0, images=1000), penalty=None)
    model.discriminator.logits.bias.data.fill_(-100.0)
    model.augment.probability.fill_(0.8)
    fitted(model, 1, accumulate_grad_batches=3, limit_val_batches=0)
    torch.testing.assert_close(model.augment.probability, torch.tensor(0.8 - 0.048))


def test_every_batch_logs_how_it_is_going():
    model, rows = stylegan(**ALL), []
    model.log_batch = lambda metrics, progress_bar: rows.append({k: v.item() for k, v in metrics.items()})
    fitted(model, 2, batch_size=16)
    usual = {"discriminator", "generator", "score_real", "score_fake", "accuracy", "diversity"}
    adapted = {"augmentation", "real_sign", "real_sign_target"}
    assert [set(row) - usual - adapted for row in rows] == [{"penalty", "penalty_weight", "path_length"}, set()]
    assert rows[0]["penalty_weight"] == pytest.approx(2e-4 * 64 / 16)
    for row in rows:
        assert row["real_sign_target"] == 0
        assert row["augmentation"] in (0.0, pytest.approx(0.16), pytest.approx(0.32))


def test_training_resumes_bit_for_bit_with_all_that_it_keeps(working_folder):
    saved = ModelCheckpoint(working_folder, "{step}", every_n_train_steps=3, save_top_k=-1)
    whole = stylegan(**ALL)
    fitted(whole, 6, callbacks=[saved], enable_checkpointing=True)
    resumed = stylegan(**ALL)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}
    Trainer(max_steps=6, accelerator="cpu", **quiet).fit(
        resumed, genlab.Digits(batch_size=16), ckpt_path="step=3.ckpt", weights_only=True
    )
    kept = whole.state_dict()
    for name in ("mean_style", "path_length.average", "augment.probability"):
        assert kept[name].any(), name
    for name, value in resumed.state_dict().items():
        assert torch.equal(kept[name], value), name
    assert genlab.load("step=6.ckpt").augment.target == 0


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed", "bf16-true", "64-true"])
def test_penalties_are_finite_in_any_precision(precision):
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0) if precision == "16-mixed" else None
    mixed = {"plugins": MixedPrecision(precision, "cpu", scaler)} if "mixed" in precision else {"precision": precision}
    model = stylegan(**ALL)
    rows = []
    model.log_batch = lambda metrics, progress_bar: rows.append(
        torch.stack([*map(torch.Tensor.float, metrics.values())])
    )
    fitted(model, 12, **mixed)
    assert all(row.isfinite().all() for row in rows)
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert model.sample(2).isfinite().all()


def test_styles_of_two_codes_are_mixed_in_nine_of_ten_images():
    model = stylegan()
    codes, cut, noise = model.draw(4000)
    counts = torch.bincount(cut.long(), minlength=5)[1:] / 4000
    torch.testing.assert_close(counts, torch.tensor([0.3, 0.3, 0.3, 0.1]), atol=0.03, rtol=0)
    styles, w = model.mixed(model.net.mapping, codes, cut)
    second = model.net.mapping(codes[1])
    for image in range(20):
        for layer in range(4):
            assert torch.equal(styles[image, layer], (w if layer < cut[image] else second)[image])
    assert [maps.shape for maps in noise] == [(4000, 1, 4, 4), (4000, 1, 8, 8), (4000, 1, 8, 8)]
    codes, cut, _ = stylegan(mixing=0.0).draw(50)
    assert len(codes) == 1
    assert cut.eq(4).all()


def test_samples_are_decoded_codes_with_noise_that_stays():
    model = noisy(stylegan(generator=partial(StyleGenerator, channels=4, style_size=6)))
    z = model.draw_codes(3, generator=torch.Generator().manual_seed(5))
    images = model.sample(3, seed=5)
    assert images.shape == (3, *SHAPE)
    assert 0 <= images.min() < images.max() <= 1
    torch.testing.assert_close(images, model.decode(z))
    torch.testing.assert_close(images, model.synthesize(model.styles(z)))
    torch.testing.assert_close(images, (model.average.module(z).tanh() + 1) / 2)
    torch.testing.assert_close(model.decode(z[0]), images[0])


def test_other_noise_makes_other_images_the_same_for_the_same_generator():
    model = noisy(stylegan())
    styles = model.styles(torch.randn(3, 4))
    fixed = model.synthesize(styles)
    other, again = (model.synthesize(styles, noise=torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(other, again)
    assert not torch.allclose(other, fixed)
    maps = model.draw_noise(1, generator=torch.Generator().manual_seed(2))
    partly = model.synthesize(styles, noise=[None, None, maps[2]])
    assert not torch.allclose(partly, fixed)
    assert torch.equal(model.synthesize(styles, noise=[None] * 3), fixed)
    for layer in model.best.synthesis.layers:
        layer.noise_strength.data.zero_()
    assert torch.equal(model.synthesize(styles, noise=maps), model.synthesize(styles))


def test_truncation_moves_styles_towards_their_mean():
    model = stylegan().eval()
    model.mean_style.copy_(torch.randn(6))
    z = torch.randn(5, 4)
    whole, half, none = (model.styles(z, truncation=psi) for psi in (1.0, 0.5, 0.0))
    assert whole.shape == (5, model.num_layers, model.style_size) == (5, 4, 6)
    torch.testing.assert_close(half, (whole + model.mean_style) / 2)
    torch.testing.assert_close(none, model.mean_style.expand(5, 4, 6))
    torch.testing.assert_close(model.styles(z, truncation=-0.5), model.mean_style - 0.5 * (whole - model.mean_style))
    assert not torch.allclose(model.decode(z), model.synthesize(half))
    model.truncation = 0.5
    torch.testing.assert_close(model.decode(z), model.synthesize(half))


def test_decoding_exports_to_onnx_for_any_number_of_codes():
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    model = noisy(genlab.StyleGAN((1, 9, 8), **SMALL))
    graph = graph_of("decoder", Method(model, "decode"), model.draw_codes(5))
    assert (graph.input, graph.output) == ((4,), (1, 9, 8))
    assert graph.difference < 1e-5


def test_gradients_reach_styles_and_codes():
    model = noisy(stylegan())
    z = torch.randn(2, 4, requires_grad=True)
    styles = model.styles(z)
    (through,) = torch.autograd.grad(model.synthesize(styles).sum(), z)
    assert through.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty_every": 0}, "penalty_every is 0"),
        ({"path_every": 0}, "path_every is 0"),
        ({"mixing": 1.1}, "mixing is 1.1"),
        ({"generator": partial(DCGANGenerator, channels=4)}, "takes a generator with styles.*not a DCGANGenerator"),
        ({"generator": partial(StyleGenerator, mapping_layers=0)}, "mapping_layers is 0"),
        ({"augment": partial(AdaptiveAugmentation, target=2.0)}, "target is 2.0"),
        ({"path_length": partial(PathLength, decay=1.0)}, "decay is 1.0"),
    ],
)
def test_what_cannot_be_is_said(options, message):
    with pytest.raises(genlab.GenlabError, match=message):
        stylegan(**options)


def test_styles_and_noise_of_another_shape_are_refused():
    model = stylegan().eval()
    with pytest.raises(genlab.GenlabError, match="truncation is 1.5; it must be from -1 to 1"):
        model.styles(torch.randn(1, 4), truncation=1.5)
    with pytest.raises(genlab.GenlabError, match=r"takes styles of shape \(B, 4, 6\), not \(2, 6\)"):
        model.synthesize(torch.randn(2, 6))
    with pytest.raises(genlab.GenlabError, match="there are 2 noise maps; the model needs 3"):
        model.synthesize(torch.randn(2, 4, 6), noise=[None, None])


CONDITIONS = {"label": {"num_classes": 3}, "attributes": {"attribute_names": ("a", "b")}}


@pytest.mark.parametrize("kind", CONDITIONS)
def test_both_players_of_a_conditional_stylegan_see_the_condition(kind):
    seed_everything(0)
    model = genlab.CStyleGAN(SHAPE, **CONDITIONS[kind], **SMALL, path_length=PathLength)
    condition = torch.arange(16) % 3 if kind == "label" else torch.randint(0, 2, (16, 2)).float()
    batch = {"image": torch.rand(16, *SHAPE), kind: condition}
    batches = torch.utils.data.DataLoader([batch] * 3, batch_size=None)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(max_epochs=1, accelerator="cpu", **quiet).fit(model, batches, batches)
    z = torch.randn(16, 4)
    (map_, judge), (other_map, other_judge) = (
        (model.mapping(one), model.judge(one)) for one in (batch, {**batch, kind: 1 - condition.clamp(max=1)})
    )
    assert not torch.allclose(map_(z), other_map(z))
    assert not torch.allclose(judge(batch["image"]), other_judge(batch["image"]))
    given = model.given(condition)
    assert given.decode(z).shape == (16, *SHAPE)
    one = model.given(condition[:1])
    torch.testing.assert_close(one.styles(z), one.styles(3 * z))
    assert one.sample(5, seed=1).shape == (5, *SHAPE)


def test_truncated_images_keep_their_class():
    seed_everything(0)
    model = genlab.CStyleGAN(SHAPE, 3, **SMALL).eval()
    means = model.given([0, 1, 1]).styles(torch.randn(3, 4), truncation=0.0)
    many = [model.best.mapping(torch.randn(20_000, 4), torch.full((20_000,), label)).mean(0) for label in (0, 1)]
    torch.testing.assert_close(means[0, 0], many[0], atol=0.1, rtol=0)
    torch.testing.assert_close(means[1, 0], many[1], atol=0.1, rtol=0)
    assert torch.equal(means[1], means[2])
    assert model.given(2).num_layers == model.num_layers
    assert torch.equal(model.given(2).mean_style, model.mean_style)
    with pytest.raises(genlab.GenlabError, match="depend on a condition: call this on model.given"):
        model.styles(torch.randn(1, 4))
    with pytest.raises(genlab.GenlabError, match="data with labels or attributes; otherwise use a StyleGAN"):
        genlab.CStyleGAN(SHAPE, **SMALL)
