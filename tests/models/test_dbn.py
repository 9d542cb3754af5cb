"""Deep belief nets: stages, the bound, wake and sleep, labels, and the deep autoencoder that they unroll into."""

from functools import partial
from itertools import product

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.distributions import Bernoulli

import genlab
from genlab.boltzmann import GaussianUnits, GibbsSampling, LinearHiddenUnits
from genlab.models import StageSchedule

SHAPE = (1, 8, 8)
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
ONCE = [StageSchedule(1, 0.05)]


def all_states(count):
    return torch.tensor(list(product((0.0, 1.0), repeat=count)))


def trainer(*callbacks, **options):
    return Trainer(**QUIET | {"max_epochs": -1, "callbacks": list(callbacks), "limit_val_batches": 1} | options)


def dbn(kind=genlab.DBN, shape=SHAPE, hidden=(20, 15), **options):
    seed_everything(0)
    labels = {"num_classes": 10} if kind is genlab.LabelledDBN else {}
    return kind(shape, list(hidden), **{"pretraining": ONCE, "up_down": ONCE} | labels | options)


def tiny(hidden=(5, 4)):
    """Return an untied net of six pixels with considerable weights, as if trained in all its stages."""
    model = dbn(shape=(1, 2, 3), hidden=hidden)
    model._position = len(model.plan.stages) - 1
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    model.is_untied.fill_(True)
    return model.eval()


def log_joint(model):
    """Return log p(x, h1) + log Z of a net with two hidden layers, by enumeration: (64, 32), x by h1, in float64."""
    x, h1, h2 = all_states(6).double(), all_states(5).double(), all_states(4).double()
    top = model.machine(1)
    weight, c, b = (p.detach().double() for p in (top.hidden.weight, top.hidden.bias, top.visible.bias))
    prior = ((h1 @ b)[:, None] + (h2 @ c)[None] + torch.einsum("vi,ji,hj->vh", h1, weight, h2)).logsumexp(1)
    logits = h1 @ model.generative[0].detach().double() + model.machine(0).visible.bias.detach().double()
    return Bernoulli(logits=logits[None]).log_prob(x[:, None]).sum(2) + prior[None]


def test_the_bound_is_the_exact_likelihood_less_the_divergence_of_the_posterior():
    model = tiny()
    joint = log_joint(model)
    x, h1 = all_states(6), all_states(5)
    exact = joint.logsumexp(1)
    q = Bernoulli(logits=model.machine(0).inputs(x).detach().double())
    log_q = torch.stack([q.log_prob(h.double()).sum(1) for h in h1], 1)
    divergence = (log_q.exp() * (log_q - (joint - exact[:, None]))).sum(1)
    random = torch.Generator().manual_seed(0)
    found = torch.stack([model.unnormalized(x.view(-1, 1, 2, 3), random) for _ in range(1500)])
    torch.testing.assert_close(found.mean(0), exact - divergence, atol=0.2, rtol=0)
    z = model.log_partition(100, 500, random)
    total = (model.machine(1).free_energy(h1).double().neg()).logsumexp(0).item()
    assert z.value == pytest.approx(total, abs=0.1)
    assert (found.mean() - z.value) < exact.mean() - total
    assert divergence.mean() > 0.5


def test_samples_and_completions_are_of_the_net():
    model = tiny()
    model.sampling = GibbsSampling(steps=60)
    chances = log_joint(model).logsumexp(1).softmax(0)
    found = model.sample(20_000, seed=0).flatten(1).mean(0)
    torch.testing.assert_close(found.double(), chances @ all_states(6).double(), atol=0.015, rtol=0)
    image = torch.tensor([[[1.0, 0, 1], [0, 0, 0]]])
    made = model.complete(image, torch.tensor([[0, 0, 0], [1, 1, 1]]), seed=0)
    assert torch.equal(made[0, 0], image[0, 0])
    assert not torch.equal(made[0, 1], image[0, 1])


def test_wake_and_sleep_have_the_gradients_of_the_paper():
    """Appendix B of Hinton et al. 2006, with the states that were drawn."""
    model = tiny(hidden=(5, 4, 3))
    drawn, up = [], model.drawn_up
    model.drawn_up = lambda *args: (drawn.append(up(*args)), drawn[-1])[1]
    dreams = []
    for level in (0, 1):
        units = model.machine(level).visible
        draw = units.draw
        units.draw = lambda *args, draw=draw: (dreams.append(draw(*args)), dreams[-1])[1]
    images = all_states(6)[torch.randint(64, (50,))]
    metrics = model.up_down(images, None, trains=False)
    metrics["loss"].backward()
    (x, h1, h2), top = drawn[0], model.machine(2)
    for level, (below, above) in enumerate([(x, h1), (h1, h2)]):
        units = model.machine(level).visible
        missed = (below - (above @ model.generative[level] + units.bias).sigmoid()).detach()
        torch.testing.assert_close(model.generative[level].grad, -above.T @ missed / 50)
        torch.testing.assert_close(units.bias.grad, -missed.mean(0))
    h_negative = model._negative
    up_positive, up_negative = ((v @ top.hidden.weight.T + top.hidden.bias).sigmoid() for v in (h2, h_negative))
    torch.testing.assert_close(top.hidden.weight.grad, (up_negative.T @ h_negative - up_positive.T @ h2) / 50)
    torch.testing.assert_close(top.visible.bias.grad, h_negative.mean(0) - h2.mean(0))
    dreamed_h1, dreamed_x = dreams
    for level, (below, above) in enumerate([(dreamed_x, dreamed_h1), (dreamed_h1, h_negative)]):
        hidden = model.machine(level).hidden
        missed = (above - hidden(below).sigmoid()).detach()
        torch.testing.assert_close(hidden.weight.grad, -missed.T @ below / 50)
        torch.testing.assert_close(hidden.bias.grad, -missed.mean(0))


def test_classes_are_told_by_the_top_machines_joint_distribution():
    model = dbn(genlab.LabelledDBN, shape=(1, 2, 3), hidden=(5, 4), num_classes=3, up_down=[])
    model._position = 1
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    top, h1 = model.machine(1), model.recognised(all_states(6)[7:9], 1).detach()
    h2 = all_states(4)
    scores = torch.zeros(2, 3)
    for label in range(3):
        v = torch.cat([h1, torch.eye(3)[label].expand(2, 3)], 1)
        energies = v @ top.visible.bias + (h2 @ top.hidden.bias)[:, None] + h2 @ top.hidden.weight @ v.T
        scores[:, label] = energies.logsumexp(0)
    images = all_states(6)[7:9].view(-1, 1, 2, 3)
    torch.testing.assert_close(model.classify(images), scores.softmax(1).detach())


class Watch(Callback):
    """Records what changes in each epoch, and in which stage."""

    def on_fit_start(self, trainer, model):
        self.stages, self.changed, self.before = [], [], {}

    def on_train_epoch_start(self, trainer, model):
        self.before = {name: value.clone() for name, value in model.named_parameters()}

    def on_train_epoch_end(self, trainer, model):
        self.stages.append(model.stage.name)
        names = {name for name, value in model.named_parameters() if not torch.equal(value, self.before[name])}
        self.changed.append(names)


@pytest.fixture(scope="module")
def course():
    model, watch = dbn(chains=10), Watch()
    trainer(watch).fit(model, genlab.Digits())
    return model, watch


def test_each_stage_trains_its_machine_and_the_last_one_all(course):
    model, watch = course
    assert watch.stages == ["layer1", "layer2", "up_down"]
    names = {name for name, _ in model.named_parameters()}
    of = [{name for name in names if name.startswith(f"machines.{level}.")} for level in range(2)]
    assert watch.changed == [*of, names]
    assert model.is_untied
    assert not torch.equal(model.generative[0], model.machine(0).hidden.weight)


@pytest.mark.parametrize("stopped_after", [1, 2])
def test_training_resumes_in_any_stage(course, stopped_after, working_folder):
    saved = ModelCheckpoint(working_folder, "last", save_on_train_epoch_end=True)
    with pytest.warns(UserWarning, match=f"max_epochs={stopped_after} ends training in layer"):
        trainer(saved, max_epochs=stopped_after, enable_checkpointing=True).fit(dbn(chains=10), genlab.Digits())
    resumed = dbn(chains=10)
    seed_everything(7)
    trainer().fit(resumed, genlab.Digits(), ckpt_path="last.ckpt")
    for name, value in course[0].state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    loaded = genlab.load("last.ckpt")
    assert loaded.depth == stopped_after
    assert loaded.sample(2, seed=0).shape == (2, *SHAPE)
    assert loaded.encode(torch.rand(2, *SHAPE)).shape == (2, (20, 15)[stopped_after - 1])


def test_codes_are_computed_once_a_stage(monkeypatch):
    monkeypatch.setattr("genlab.models.shared.code_cache.AT_ONCE", 479)
    model, counts = dbn(pretraining=[StageSchedule(1), StageSchedule(3)], up_down=[]), []
    recognised = model.recognised
    model.recognised = lambda x, level, *args: (counts.append((len(x), level)), recognised(x, level, *args))[1]
    trainer(limit_val_batches=0).fit(model, genlab.Digits(batch_size=479))
    assert {level for _, level in counts} == {1}
    assert sum(count for count, _ in counts) == 1437
    codes = dbn(pretraining=[StageSchedule(1), StageSchedule(3)], up_down=[], code_memory=0)
    trainer(limit_val_batches=0).fit(codes, genlab.Digits(batch_size=479))
    for one, other in zip(model.parameters(), codes.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_labels_are_learned_and_sampled():
    model = dbn(genlab.LabelledDBN, hidden=(60, 100), pretraining=[StageSchedule(15, 0.2)], up_down=[], chains=50)
    trainer().fit(model, genlab.Digits())
    data = genlab.Digits()
    data.setup("test")
    batch = data.test_set[:]
    assert (model.classify(batch["image"]).argmax(1) == batch["label"]).float().mean() > 0.6
    model.sampling = GibbsSampling(steps=100)
    means = [batch["image"][batch["label"] == label].mean(0) for label in (0, 1)]
    for label in (0, 1):
        drawn = model.given(label).sample(100, seed=0).mean(0)
        assert (drawn - means[label]).square().sum() < 0.75 * (drawn - means[1 - label]).square().sum()
    assert torch.equal(model.given("3").sample(2, seed=1), model.given(3).sample(2, seed=1))
    assert model.given(batch["label"]).reconstruct(batch["image"]).shape == batch["image"].shape
    assert set(model.predict_step(batch, 0)) == {"class_probability"}
    given = model.given(["0", "1"])  # they alternate
    assert torch.equal(given.encode(batch["image"][:4]), model.given([0, 1, 0, 1]).encode(batch["image"][:4]))
    with pytest.raises(genlab.GenlabError, match="there are 2 conditions for 3 images"):
        given.sample(3)


def test_a_net_unrolls_into_an_autoencoder_that_is_fine_tuned(course, working_folder):
    net = course[0]
    images = torch.rand(5, *SHAPE)
    deep = genlab.UnrolledDBN(SHAPE, net, [StageSchedule(8, 1e-2)])
    torch.testing.assert_close(deep.reconstruct(images), net.reconstruct(images))
    torch.testing.assert_close(deep.encode(images), net.encode(images))
    data = genlab.Digits()
    data.setup("test")
    x, errors = data.test_set[:]["image"], []
    for _ in range(2):
        errors.append((deep.reconstruct(x) - x).square().flatten(1).sum(1).mean())
        if len(errors) == 1:
            fitted = trainer()
            fitted.fit(deep, data)
            fitted.save_checkpoint("deep.ckpt")
    assert errors[1] < 0.9 * errors[0]
    torch.testing.assert_close(genlab.load("deep.ckpt").reconstruct(x), deep.reconstruct(x))


def test_the_highest_units_may_be_linear(working_folder):
    model = dbn(hidden=(60, 4), top=LinearHiddenUnits, pretraining=[StageSchedule(10, 0.2), StageSchedule(30, 0.2)])
    fitted = trainer()
    fitted.fit(model, genlab.Digits())
    fitted.save_checkpoint("net.ckpt")
    data = genlab.Digits()
    data.setup("test")
    x = data.test_set[:]["image"]
    codes = model.encode(x)
    assert codes.min() < -0.5
    deep = genlab.UnrolledDBN(SHAPE, genlab.load("net.ckpt"), [StageSchedule(1, 1e-3)])
    torch.testing.assert_close(deep.encode(x), codes)
    torch.testing.assert_close(deep.reconstruct(x), model.reconstruct(x))
    assert (model.reconstruct(x) - x).square().sum() < (x.mean(0) - x).square().sum()


def test_pixels_may_be_gaussian():
    model = dbn(visible=GaussianUnits, pretraining=[StageSchedule(1, 0.001)])
    trainer().fit(model, genlab.Digits())
    assert model.sample(3, seed=0).isfinite().all()
    with pytest.raises(genlab.GenlabError, match="an UnrolledDBN starts from a DBN of binary units"):
        genlab.UnrolledDBN(SHAPE, model, ONCE)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: dbn(hidden=(20,)), r"hidden is \[20\]; a DBN has two layers or more, an RBM one"),
        (lambda: dbn(hidden=(20, 0)), "hidden is 0; it must be a whole number from 1"),
        (lambda: dbn(pretraining=ONCE * 3), "there are 2 layers but 3 schedules of pretraining"),
        (lambda: dbn(gibbs_steps=0), "gibbs_steps is 0; it must be a whole number from 1"),
        (lambda: dbn(genlab.LabelledDBN, num_classes=0), "a LabelledDBN needs data with labels; otherwise use a DBN"),
        (
            lambda: genlab.UnrolledDBN(SHAPE, genlab.GAN(SHAPE), ONCE),
            "starts from a DBN of binary units, not from a GAN",
        ),
        (
            lambda: genlab.UnrolledDBN((1, 8, 9), dbn(), ONCE),
            r"the DBN is for images of shape \(1, 8, 8\), the data has",
        ),
        (
            lambda: dbn(genlab.LabelledDBN).stage_metrics("val", {"image": torch.rand(2, *SHAPE)}, 0),
            "this LabelledDBN's condition is the 'label' of a batch, but this batch has none",
        ),
        (
            lambda: dbn(genlab.LabelledDBN).classify(torch.rand(2, *SHAPE)),
            "this LabelledDBN is in stage layer1, but learns labels only in layer2: resume its training",
        ),
    ],
)
def test_what_does_not_fit_is_refused(build, told):
    with pytest.raises(genlab.GenlabError, match=told):
        build()


def test_sleep_trains_no_variance_of_pixels():
    model = dbn(shape=(1, 2, 3), hidden=(5, 4), visible=partial(GaussianUnits, learned=True))
    model._position = len(model.plan.stages) - 1
    torch.manual_seed(0)
    found = model.up_down(torch.rand(8, 6), None, trains=True)
    variance = model.machine(0).visible.log_variance
    of_sleep = torch.autograd.grad(found["sleep"], variance, retain_graph=True, allow_unused=True)[0]
    assert of_sleep is None
    assert torch.autograd.grad(found["wake"], variance)[0].norm() > 0


def test_what_needs_the_highest_layer_is_refused_before_it_is_trained():
    model = dbn(genlab.LabelledDBN)
    trainer(max_epochs=1).fit(model, genlab.Digits())
    with pytest.raises(genlab.GenlabError, match="is in stage layer1, but learns labels only in layer2"):
        model.given(3).sample(2)
    net = dbn()
    trainer(max_epochs=1).fit(net, genlab.Digits())
    with pytest.raises(genlab.GenlabError, match="the DBN is in stage layer1 and has 2 layers: resume"):
        genlab.UnrolledDBN(SHAPE, net, [StageSchedule(1)])
