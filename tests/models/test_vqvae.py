"""VQ-VAEs: the loss by hand, stages that train their own parts, priors that are distributions, exact resuming."""

import itertools
import math
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

import genlab
from genlab import sheets
from genlab.capabilities import Conditional, Quantizes, Samples, can
from genlab.conditions import Labels
from genlab.losses import Gaussian
from genlab.metrics import CodeUsage
from genlab.models import CodePrior, StageSchedule
from genlab.models.shared.alarm import PATIENCE
from genlab.models.shared.code_health import CodeHealth
from genlab.models.shared.grid_priors import GridPriors
from genlab.models.shared.posterior_health import LEARNING, PosteriorHealth
from genlab.models.vqvae2 import TwoLevelCoder
from genlab.networks import (
    FSQ,
    EMACodebook,
    GatedPixelCNN,
    GradientCodebook,
    MLPEncoder,
    StridedDecoder,
    StridedEncoder,
)
from genlab.sheets.code_grids import palette_of

SHAPE = (1, 8, 8)
SMALL = {"channels": 8, "halvings": 1, "blocks": 1, "block_channels": 4}
NETWORKS = {
    "encoder": partial(StridedEncoder, **SMALL),
    "decoder": partial(StridedDecoder, **SMALL),
    "quantizer": partial(EMACodebook, codes=16),
    "prior_network": partial(GatedPixelCNN, channels=8, layers=2, embedding=4),
}
TOP = {"top_encoder": partial(StridedEncoder, **SMALL), "top_decoder": partial(StridedDecoder, **SMALL)}
TWICE = [StageSchedule(2, 3e-3)]


def vqvae(shape=SHAPE, **options):
    seed_everything(0)
    return genlab.VQVAE(shape, 4, **(NETWORKS | {"autoencoder": TWICE, "prior": TWICE} | options))


def vqvae2(shape=SHAPE, **options):
    seed_everything(0)
    stages = dict.fromkeys(("autoencoder", "top_prior", "bottom_prior"), TWICE)
    return genlab.VQVAE2(shape, 4, 8, **(NETWORKS | TOP | stages | options))


LABELS = {"conditional": True, "num_classes": 10}


def trainer(*callbacks, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    return Trainer(**{"max_epochs": -1, "enable_checkpointing": False, **quiet, **options}, callbacks=[*callbacks])


def digits():
    return genlab.Digits(batch_size=128)


class Watch(Callback):
    """Records each epoch's stage, and which parts of the model changed."""

    def __init__(self):
        self.stages, self.changed, self.figures = [], [], []

    def on_train_epoch_start(self, trainer, model):
        self.before = {name: value.clone() for name, value in model.state_dict().items()}

    def on_train_epoch_end(self, trainer, model):
        after = model.state_dict()
        changed = {name for name in after if not torch.equal(after[name], self.before[name])}
        self.stages.append(model.stage.name)
        self.changed.append({".".join(name.split(".")[: 2 if name.startswith("priors") else 1]) for name in changed})
        self.figures.append({name: float(value) for name, value in trainer.callback_metrics.items()})


@pytest.fixture(scope="module")
def course():
    """A VQ-VAE-2 with priors conditioned on labels after all its stages, and what was recorded on the way."""
    model, watch = vqvae2(**LABELS), Watch()
    trainer(watch).fit(model, digits())
    return model, watch


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 20), (2, 9, 11)])
@pytest.mark.parametrize("build", [vqvae, vqvae2])
def test_codes_are_grids_of_whole_numbers_for_images_of_any_shape(build, shape):
    model = build(shape).eval()
    x = torch.rand(3, *shape)
    codes = model.encode(x)
    height, width = shape[1] // 2, shape[2] // 2
    grids = [(height, width)] if build is vqvae else [(height // 2, width // 2), (height, width)]
    assert model.coder.grids == tuple(grids)
    assert model.code_shape == ((height, width) if build is vqvae else (sum(map(math.prod, grids)),))
    assert (codes.dtype, tuple(codes.shape)) == (torch.int64, (3, *model.code_shape))
    assert model.decode(codes).shape == x.shape
    assert torch.equal(model.decode(codes), model.reconstruct(x))
    assert torch.equal(model.decode(codes[0]), model.decode(codes[:1])[0])
    assert torch.equal(model.coder.joined(model.coder.split(codes)), codes)


def test_the_loss_is_that_of_the_paper():
    model = vqvae(likelihood=partial(Gaussian, sigma=0.5), quantizer=partial(GradientCodebook, codes=16)).eval()
    x = torch.rand(5, *SHAPE)
    z = model.coder.encoder(x)
    quantizer = model.coder.quantizer(0)
    e = quantizer.vectors(model.encode(x))
    normal = torch.distributions.Normal(model.coder.decoder(e).sigmoid(), 0.5)
    reconstruction = -normal.log_prob(x).sum((1, 2, 3)).mean()
    quantization = 1.25 * (z - e).square().sum((1, 2, 3)).mean()
    found = model.errors(x)
    torch.testing.assert_close(found["reconstruction"], reconstruction)
    torch.testing.assert_close(found["quantization"], quantization)
    torch.testing.assert_close(found["loss"], reconstruction + quantization)


def test_the_encoder_learns_from_the_decoders_gradient():
    model = vqvae(likelihood=Gaussian, quantizer=partial(EMACodebook, codes=16, commitment=0.0)).eval()
    x = torch.rand(5, *SHAPE)
    z = model.coder.encoder(x)
    found = model.coder.quantizer(0)(z)
    vectors = found.vectors.detach().requires_grad_()
    for seen in (found.vectors, vectors):
        (-model.coder.likelihood.log_prob(model.coder.decoder(seen), x)).sum().backward()
    straight = torch.autograd.grad(model.coder.encoder(x), model.coder.encoder[0].weight, vectors.grad)[0]
    torch.testing.assert_close(model.coder.encoder[0].weight.grad, straight)


def test_each_stage_trains_its_own_part_only_and_learns(course):
    _, watch = course
    stages = ["autoencoder", "top_prior", "bottom_prior"]
    assert watch.stages == [name for name in stages for _ in range(2)]
    parts = [{"coder"}, {"priors.0"}, {"priors.1"}]
    assert [changed - {"_extra_state"} for changed in watch.changed] == [part for part in parts for _ in range(2)]
    for name, first, second in zip(stages, watch.figures[::2], watch.figures[1::2], strict=True):
        assert second[f"val/{name}/loss"] == second["val/loss"] < first["val/loss"]


def test_codes_are_computed_once_for_all_epochs_of_a_prior():
    model, seen = vqvae(prior=[StageSchedule(4)]), []
    model.coder.encoder.register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    trainer(limit_val_batches=0).fit(model, digits())
    assert (
        3 * 1437 <= sum(seen) < 3 * 1437 + 12 * 64
    )  # two epochs of the autoencoder; the last of the equal parts are padded


@pytest.mark.parametrize("stopped_after", [1, 4])
def test_training_resumes_bit_for_bit_in_any_stage(course, stopped_after, working_folder):
    saved = ModelCheckpoint(working_folder, "last", save_on_train_epoch_end=True)
    with pytest.warns(UserWarning, match=f"max_epochs={stopped_after} ends training"):
        trainer(saved, max_epochs=stopped_after, enable_checkpointing=True).fit(vqvae2(**LABELS), digits())
    resumed = vqvae2(**LABELS)
    torch.manual_seed(stopped_after)
    trainer().fit(resumed, digits(), ckpt_path=working_folder / "last.ckpt", weights_only=True)
    whole = course[0].state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in resumed.state_dict().items())


def test_training_resumes_bit_for_bit_inside_an_epoch_of_a_prior(working_folder):
    options = {"autoencoder": [StageSchedule(1)], "prior": [StageSchedule(2)]}
    trainer(limit_val_batches=0).fit(whole := vqvae(**options), digits())
    saved = ModelCheckpoint(working_folder, "inside", every_n_train_steps=30, save_top_k=1)
    trainer(saved, max_steps=30, enable_checkpointing=True, limit_val_batches=0).fit(vqvae(**options), digits())
    inside = working_folder / "inside.ckpt"
    trainer(limit_val_batches=0).fit(resumed := vqvae(**options), digits(), ckpt_path=inside, weights_only=True)
    assert torch.load(inside, weights_only=True)["global_step"] == 30  # of 11 + 2 * 11
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in resumed.state_dict().items())


def test_a_model_samples_once_its_last_prior_is_trained():
    model = vqvae(**LABELS)
    able = []

    class Able(Callback):
        def on_train_epoch_end(self, trainer, model):
            able.append((can(model, Samples), can(model, Conditional)))

    with pytest.raises(genlab.GenlabError, match="has no prior of its codes yet"):
        model.sample(2)
    trainer(Able(), limit_train_batches=1, limit_val_batches=1).fit(model, digits())
    assert able == [(False, False)] * 2 + [(True, True)] * 2
    assert not can(vqvae(prior=[]), Samples)


def test_samples_are_drawn_and_decoded_the_same_for_the_same_seed(course):
    model, _ = course
    images = model.sample(10, seed=3)
    assert images.shape == (10, *SHAPE)
    assert torch.equal(images, model.sample(10, seed=3))
    codes = model.given(7).draw_codes(4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(model.decode(codes), model.sample(4, condition=7, seed=1))
    with pytest.raises(genlab.GenlabError, match="there is no class 12"):
        model.sample(2, condition="12")
    unconditional = vqvae()
    unconditional._position = 1  # as if its prior were trained
    with pytest.raises(genlab.GenlabError, match="is not conditional"):
        unconditional.sample(2, condition=7)


def tiny_priors(condition=None):
    """Return a coder with a 1 x 1 grid on top of a 2 x 2 one, of 2 codes each, and untrained priors."""
    torch.manual_seed(1)
    small = {"channels": 4, "halvings": 1, "blocks": 0}
    networks = {name: partial(StridedEncoder, **small) for name in ("encoder", "top_encoder")}
    networks |= {name: partial(StridedDecoder, **small) for name in ("decoder", "top_decoder")}
    quantizer = partial(EMACodebook, codes=2, kmeans_start=False)
    coder = TwoLevelCoder((1, 4, 4), 3, 4, **networks, quantizer=quantizer, likelihood=Gaussian())
    priors = GridPriors(coder, partial(GatedPixelCNN, channels=4, layers=2), condition, 5)
    with torch.no_grad():
        for parameter in priors.parameters():
            parameter.mul_(3)  # so that conditions make a difference
    return coder.eval(), priors.eval()


@pytest.mark.parametrize("condition", [None, Labels("abc")])
def test_probabilities_of_all_codes_sum_to_one_and_depend_on_what_they_are_given(condition):
    coder, priors = tiny_priors(condition)
    every = torch.tensor([*itertools.product(range(2), repeat=5)])
    grids = coder.split(every)
    sums = []
    for label in (torch.tensor([0]), torch.tensor([2])):
        given = label.expand(32) if condition else None
        top, bottom = (priors.prior(level).nats(coder, grids, given).double() for level in range(2))
        torch.testing.assert_close((-top - bottom).exp().sum(), torch.tensor(1.0).double())
        for code in range(2):
            torch.testing.assert_close((-bottom[grids[0].flatten() == code]).exp().sum(), torch.tensor(1.0).double())
        assert not torch.allclose(bottom[:16], bottom[16:])  # given another top code
        sums.append(top + bottom)
    assert torch.equal(*sums) == (condition is None)


def test_codes_are_drawn_as_often_as_they_are_probable():
    coder, priors = tiny_priors()
    drawn = coder.joined(priors.sample(coder, 20_000, generator=torch.Generator().manual_seed(0)))
    every = torch.tensor([*itertools.product(range(2), repeat=5)])
    chances = sum(-priors.prior(level).nats(coder, coder.split(every)) for level in range(2)).exp().detach()
    places = 2 ** torch.arange(4, -1, -1)
    frequencies = (drawn @ places).bincount(minlength=32) / len(drawn)
    assert chances.max() > 3 * chances.min()
    assert ((frequencies - chances).abs() < 5 * (chances / len(drawn)).sqrt()).all()


def test_the_description_of_an_image_is_that_of_its_codes_and_its_pixels(course):
    model, _ = course
    x, labels = torch.rand(6, *SHAPE), torch.arange(6)
    grids = model.coder.split(model.encode(x))
    nats = model.description(x, labels)
    outputs = model.coder.outputs(model.coder.vectors(grids))
    log_prob = (x * outputs.sigmoid().log() + (1 - x) * (-outputs).sigmoid().log()).sum((1, 2, 3))
    torch.testing.assert_close(nats["reconstruction"], -log_prob, rtol=1e-4, atol=1e-4)
    for level, name in enumerate(("top", "bottom")):
        prior = model.priors.prior(level)
        map = prior.map(model.coder.vectors(grids)[0]) if level else None
        chances = prior.network(grids[level][:, None], prior.numbers(labels), map).log_softmax(1)
        mine = -chances.gather(1, grids[level][:, None, None])[:, 0, 0].sum((1, 2))
        torch.testing.assert_close(nats[f"prior_{name}"], mine)
    uniform = vqvae(prior=[]).eval().description(x)["prior"]
    torch.testing.assert_close(uniform, torch.full((6,), 16 * math.log(16)))


def test_priors_under_labels_describe_images_with_labels_once_all_are_trained():
    model, x = vqvae2(**LABELS).eval(), torch.rand(3, *SHAPE)
    for position, learned in enumerate((False, False, True)):
        model._position = position
        assert [model.has_prior(level) for level in range(2)] == [learned] * 2
        if not learned:
            able = model.under({"image": x, "label": torch.arange(3)})
            torch.testing.assert_close(able.description(x)["prior_top"], torch.full((3,), 4 * math.log(16)))
    with pytest.raises(genlab.GenlabError, match="conditional on the 'label' of images, which these lack"):
        model.under({"image": x}).description(x)


def test_bottom_codes_depend_on_the_top_ones():
    model = vqvae2()
    x = torch.rand(16, *SHAPE)
    model.errors(x)  # in training mode, so that k-means sets the codebooks
    model.eval()
    before = model.coder.split(model.encode(x))
    model.coder.quantizer(0).averages.neg_()  # other top codes, with other vectors
    after = model.coder.split(model.encode(x))
    assert not torch.equal(before[1], after[1])


@pytest.mark.parametrize("quantizer", [partial(GradientCodebook, codes=16), partial(FSQ, levels=(4, 4))])
def test_other_quantizers_are_trained_too(quantizer):
    model, watch = vqvae(quantizer=quantizer), Watch()
    trainer(watch, limit_val_batches=1).fit(model, digits())
    losses = [figures["val/loss"] for figures in watch.figures]
    assert losses[1] < losses[0]
    assert losses[3] < losses[2]


def test_a_prior_is_trained_later_on_a_finished_checkpoint(course, working_folder):
    whole = trainer(max_epochs=0)
    with pytest.warns(UserWarning, match="max_epochs=0"):
        whole.fit(course[0], digits())
    whole.save_checkpoint("first.ckpt")
    first = genlab.load("first.ckpt")
    model = CodePrior(SHAPE, first, TWICE, NETWORKS["prior_network"], **LABELS)
    watch, saving = Watch(), trainer()
    trainer(watch).fit(model, digits())
    assert watch.stages == ["top_prior"] * 2 + ["bottom_prior"] * 2
    assert set.union(*watch.changed) == {"_extra_state", "priors.0", "priors.1"}
    x = torch.rand(3, *SHAPE)
    assert torch.equal(model.encode(x), first.encode(x))
    saving.strategy.connect(model)
    saving.save_checkpoint("later.ckpt")
    (working_folder / "first.ckpt").unlink()
    loaded = genlab.load("later.ckpt")
    assert torch.equal(loaded.sample(4, condition=3, seed=0), model.sample(4, condition=3, seed=0))
    assert not any(name.startswith("coder") for name in loaded.state_dict())


def test_usage_is_counted_over_the_whole_epoch():
    usage = CodeUsage(8)
    codes = torch.randint(5, (7, 4, 4), generator=torch.Generator().manual_seed(0))
    for batch in codes.split(2):
        usage.update(batch)
    shares = np.bincount(codes.flatten().numpy(), minlength=8) / codes.numel()
    found = usage.compute()
    assert found["codes_used"] == 5
    assert found["perplexity"] == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares if p)), rel=1e-5)


def test_a_collapsed_codebook_and_codes_that_say_nothing_are_warned_of_once():
    health = CodeHealth()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2 * PATIENCE):
            health.end_epoch("top", used=3, codes=64, places=10_000)
            health.end_epoch("bottom", used=3, codes=64, places=20)  # too few images to tell
            health.end_epoch_of_prior("top", nats=0.1, most=100.0)
            health.end_epoch_of_prior("bottom", nats=50.0, most=100.0)
    assert len(said) == 2
    assert "prior have 0.1" not in str(said[0].message)
    assert {str(warning.message).split(":")[0] for warning in said} == {
        "the top codebook has collapsed",
        "codes of the top level are almost the same for all images",
    }


@pytest.mark.filterwarnings("ignore:.*collapsed")
def test_a_recovery_is_reported_once_it_is_seen(caplog):
    codebook, posterior = CodeHealth(), PosteriorHealth()
    caplog.set_level("INFO")
    for _ in range(PATIENCE):
        codebook.end_epoch("", used=3, codes=64, places=10_000)
    posterior.end_epoch(torch.tensor(0), LEARNING)
    codebook.end_epoch("", used=3, codes=64, places=20)  # too few images to tell
    posterior.end_epoch(torch.tensor(0), 0)  # too early
    assert "recovered" not in caplog.text
    codebook.end_epoch("", used=60, codes=64, places=10_000)
    posterior.end_epoch(torch.tensor(5), LEARNING)
    assert "the codebook has recovered: 60 codes are in use" in caplog.text
    assert "the posterior has recovered: 5 units" in caplog.text


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: vqvae(autoencoder=[], prior=[]), "nothing to train"),
        (lambda: vqvae(prior=TWICE * 2), "prior has 2 schedules; a VQVAE has one prior"),
        (lambda: vqvae2(top_prior=[]), "top_prior has 0 schedules and bottom_prior 1"),
        (lambda: vqvae(conditional=True), "needs data with labels or attributes"),
        (lambda: vqvae(prior=[], **LABELS), "conditional is for the prior, but this VQVAE has none"),
        (lambda: vqvae(quantizer=partial(EMACodebook, codes=1)), "codes is 1; it must be from 2"),
        (lambda: vqvae((1, 1, 8)), "images of 1 x 8 pixels are too small to be halved 1 times"),
        (lambda: vqvae2((1, 3, 8)), "images of 1 x 4 pixels are too small to be halved 1 times"),
        (lambda: vqvae(encoder=MLPEncoder), "a MLPEncoder has no map_size"),
        (lambda: CodePrior(SHAPE, genlab.GAN(SHAPE)), "the first stage is a GAN, which has no grids of codes"),
        (lambda: CodePrior((1, 16, 16), vqvae()), "is for images of shape (1, 8, 8), the data has (1, 16, 16)"),
        (lambda: CodePrior(SHAPE, vqvae2(), TWICE * 3), "prior has 3 schedules; give one, or one for each of the 2"),
        (lambda: vqvae().decode(torch.full((1, 4, 4), 16)), "codes are from 16 to 16; they must be from 0 to 15"),
        (lambda: vqvae().decode(torch.rand(1, 4, 4)), "codes are whole numbers"),
    ],
)
def test_what_does_not_fit_is_refused(build, message):
    with pytest.raises(genlab.GenlabError) as refused:
        build()
    assert message in str(refused.value)


def test_vectors_of_codes_are_real_codes_for_tools_that_move_along_them():
    model = vqvae2().eval()
    x = torch.rand(2, *SHAPE)
    between = model.interpolate(x[0], x[1], steps=3)
    assert model.discrete_codes
    torch.testing.assert_close(between[[0, 2]], model.reconstruct(x))
    grids = model.coder.split(model.encode(x))
    model.use_vectors()
    vectors = model.encode(x)
    assert vectors.shape == (2, model.code_size) == (2, 4 * (4 + 16))
    torch.testing.assert_close(vectors[:, :16].unflatten(1, (4, 2, 2)), model.coder.quantizer(0).vectors(grids[0]))
    torch.testing.assert_close(model.decode(vectors), model.reconstruct(x))


def test_the_grid_of_codes_is_drawn_in_colour_below_the_images(course):
    model, _ = course
    batch = digits()
    batch.setup("test")
    sheet = sheets.reconstructions(model, batch.test_set[torch.arange(3)], columns=3)
    assert [*sheet.row_labels] == ["input", "output", "codes top", "codes bottom"]
    grid = model.coder.split(model.encode(batch.test_set[torch.arange(3)]["image"]))[1]
    palette = palette_of(model.coder.quantizer(1))
    assert len(palette.unique(dim=0)) == 16
    assert palette.aminmax() == (0, 1)
    torch.testing.assert_close(sheet.tiles[3, 1].movedim(0, -1)[::2, ::2], palette[grid[1]])


def test_a_model_that_quantizes_says_so():
    assert can(vqvae(), Quantizes)
    assert can(CodePrior(SHAPE, vqvae()), Quantizes)
