"""The stacked autoencoder: every stage trains the right parts on the right inputs, and can be resumed."""

from functools import partial

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

import genlab
from genlab.models import StageSchedule
from genlab.networks import ConvLayer, DenseLayer, DroppedPatches, DroppedPixels, GaussianNoise

LAYERS = [partial(DenseLayer, size=size, activation=nn.LeakyReLU) for size in (48, 24, 12)]
ALL_STAGES = {
    "pretraining": [StageSchedule(2, 3e-3)],
    "fine_tuning": [StageSchedule(2, 3e-3)],
    "classifier": [StageSchedule(2, 1e-2)],
    "classifier_fine_tuning": [StageSchedule(2, 1e-2)],
}
STAGES = ["layer1", "layer2", "layer3", "fine_tuning", "classifier", "classifier_fine_tuning"]


def stacked(layers=LAYERS, data=None, **options):
    torch.manual_seed(0)
    data = data or genlab.Digits()
    return genlab.StackedAutoencoder(data.image_shape, layers, num_classes=data.num_classes, **(ALL_STAGES | options))


def trainer(*callbacks, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    return Trainer(**{"max_epochs": -1, "enable_checkpointing": False, **quiet, **options}, callbacks=[*callbacks])


class Watch(Callback):
    """Records each epoch's stage, which parameters changed, and the validation metrics."""

    def __init__(self):
        self.stages, self.changed, self.figures = [], [], []

    def on_train_epoch_start(self, trainer, model):
        self.before = {name: value.clone() for name, value in model.state_dict().items()}

    def on_train_epoch_end(self, trainer, model):
        after = model.state_dict()
        self.stages.append(model.stage.name)
        self.changed.append({name for name in after if not torch.equal(after[name], self.before[name])})
        self.figures.append({name: float(value) for name, value in trainer.callback_metrics.items()})


@pytest.fixture(scope="module")
def course():
    """A model after all its stages, and what was recorded on the way."""
    model, watch = stacked(), Watch()
    trainer(watch).fit(model, genlab.Digits())
    return model, watch


def test_stages_follow_one_another_each_for_its_epochs(course):
    assert course[1].stages == [name for name in STAGES for _ in range(2)]


def test_each_stage_trains_its_own_part_only(course):
    model, watch = course
    names = set(model.state_dict())
    layers = [{name for name in names if name.startswith(f"stack.{i}.")} for i in range(3)]
    classifier = {"classifier.weight", "classifier.bias"}
    encoders = {name for name in names if ".encoder." in name}
    expected = [*layers, set.union(*layers), classifier, classifier | encoders]
    assert [part - {"_extra_state"} for part in watch.changed] == [part for part in expected for _ in range(2)]


def test_figures_name_the_stage_and_every_stage_learns(course):
    _, watch = course
    for name, first, second in zip(STAGES, watch.figures[::2], watch.figures[1::2], strict=True):
        assert second[f"val/{name}/loss"] == second["val/loss"] < first["val/loss"]
    assert watch.figures[-1]["val/classifier_fine_tuning/error_rate"] < 0.3


def test_the_unrolled_stack_beats_its_layers_after_fine_tuning():
    model, data = (
        stacked(classifier=[], classifier_fine_tuning=[], fine_tuning=[StageSchedule(8, 3e-3)]),
        genlab.Digits(),
    )
    errors = []

    class Errors(Callback):
        def on_train_epoch_end(self, trainer, model):
            x = data.val_set[torch.arange(len(data.val_set))]["image"]
            errors.append(float((model.reconstruct(x) - x).square().flatten(1).sum(1).mean()))

    trainer(Errors()).fit(model, data)
    assert errors[-1] < 0.8 * errors[5]  # the third layer's last epoch


def test_a_stage_learns_at_its_own_rate_with_its_own_optimizer():
    model = stacked(optimizer=partial(torch.optim.SGD, lr=77.0, momentum=0.5))
    optimizers = [found["optimizer"] for found in model.configure_optimizers()]
    rates = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    assert rates == [3e-3, 3e-3, 3e-3, 3e-3, 1e-2, 1e-2]
    assert all(group["momentum"] == 0.5 for optimizer in optimizers for group in optimizer.param_groups)


def test_every_layer_may_have_a_schedule_of_its_own():
    model = stacked(pretraining=[StageSchedule(1, 0.1), StageSchedule(2, 0.2), StageSchedule(3, 0.3)])
    assert [stage.schedule.epochs for stage in model.plan.stages[:3]] == [1, 2, 3]


def encoded_images(model, data):
    """Train the model, and count the images that pass through its first layer."""
    counts = []
    model.stack[0].encoder.register_forward_hook(lambda module, inputs, output: counts.append(len(output)))
    trainer(limit_val_batches=0).fit(model, data)
    return sum(counts)


def test_codes_of_frozen_layers_are_computed_once_a_stage(monkeypatch):
    monkeypatch.setattr("genlab.models.shared.code_cache.AT_ONCE", 1)
    only = {
        "pretraining": [StageSchedule(1), StageSchedule(4), StageSchedule(4)],
        "fine_tuning": [],
        "classifier_fine_tuning": [],
    }
    images, data = 1437, genlab.Digits(batch_size=479)
    assert encoded_images(stacked(**only, classifier=[StageSchedule(4)]), data) == 4 * images
    assert encoded_images(stacked(**only, classifier=[StageSchedule(4)], code_memory=0), data) == 13 * images


def test_kept_codes_make_no_difference():
    kept, anew = stacked(), stacked(code_memory=0)
    for model in (kept, anew):
        trainer().fit(model, genlab.Digits())
    for one, other in zip(kept.parameters(), anew.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_images_that_change_from_epoch_to_epoch_are_encoded_anew():
    data = genlab.MNIST(binarize="dynamic", batch_size=108)
    model = stacked(pretraining=[StageSchedule(2)], fine_tuning=[], classifier=[], classifier_fine_tuning=[], data=data)
    assert encoded_images(model, data) == 6 * 540


@pytest.mark.parametrize("stopped_after", [1, 3, 4, 7, 9, 11])
def test_training_resumes_inside_any_stage(course, stopped_after, working_folder):
    saved = ModelCheckpoint(working_folder, "last", save_on_train_epoch_end=True)
    with pytest.warns(
        UserWarning, match=f"max_epochs={stopped_after} ends training in {STAGES[(stopped_after - 1) // 2]}"
    ):
        trainer(saved, max_epochs=stopped_after, enable_checkpointing=True).fit(stacked(), genlab.Digits())
    resumed, watch = stacked(), Watch()
    torch.manual_seed(stopped_after)
    trainer(watch).fit(resumed, genlab.Digits(), ckpt_path=working_folder / "last.ckpt", weights_only=True)
    assert watch.stages == [name for name in STAGES for _ in range(2)][stopped_after:]
    for one, other in zip(resumed.parameters(), course[0].parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_checkpoint_holds_no_optimizer_state_of_stages_past(working_folder):
    saved = ModelCheckpoint(working_folder, "last")
    trainer(saved, enable_checkpointing=True).fit(stacked(), genlab.Digits())
    states = torch.load(working_folder / "last.ckpt", weights_only=True)["optimizer_states"]
    assert [bool(optimizer["state"]) for optimizer in states] == [False] * 5 + [True]


def test_an_unfinished_model_codes_with_the_layers_trained_so_far(working_folder):
    saved = ModelCheckpoint(working_folder, "last")
    trainer(saved, max_epochs=3, enable_checkpointing=True).fit(model := stacked(), genlab.Digits())
    loaded = genlab.load(working_folder / "last.ckpt")
    assert (loaded.stage.name, loaded.depth, loaded.code_shape) == ("layer2", 2, (24,))
    x = torch.rand(4, 1, 8, 8)
    assert loaded.encode(x).shape == (4, 24)
    torch.testing.assert_close(loaded.reconstruct(x), model.eval().reconstruct(x))


def test_a_checkpoint_saved_after_training_is_of_the_stage_that_ended(working_folder):
    model, ended = stacked(), trainer(max_epochs=2)
    ended.fit(model, genlab.Digits())
    ended.save_checkpoint("after.ckpt")
    assert genlab.load("after.ckpt").stage.name == model.stage.name == "layer1"


def test_codes_of_other_data_are_not_kept(course):
    model, _ = course
    stages = {"pretraining": [], "fine_tuning": [], "classifier_fine_tuning": []}
    frozen = stacked(**stages)
    frozen.stack.load_state_dict(model.stack.state_dict())
    training = trainer()
    training.fit(frozen, genlab.Digits())
    for data in (genlab.Digits(), genlab.Digits(seed=1)):
        found = training.validate(frozen, data, verbose=False)[0]["val/classifier/loss"]
        frozen.code_memory = 0
        assert training.validate(frozen, data, verbose=False)[0]["val/classifier/loss"] == pytest.approx(
            found, rel=1e-5
        )
        frozen.code_memory = 4.0


def test_frozen_layers_rest_too_when_training_is_taken_up_inside_an_epoch(working_folder):
    saved = ModelCheckpoint(working_folder, "inside", every_n_train_steps=30, save_top_k=1)
    only = {"pretraining": [StageSchedule(1), StageSchedule(2), StageSchedule(1)], "fine_tuning": [], "classifier": []}
    only["classifier_fine_tuning"] = []
    trainer(saved, max_steps=30, enable_checkpointing=True).fit(stacked(**only), genlab.Digits())
    modes = []

    class Modes(Callback):
        def on_train_batch_start(self, trainer, model, batch, batch_idx):
            modes.append([layer.training for layer in model.stack])

    trainer(Modes(), max_steps=34).fit(
        stacked(**only), genlab.Digits(), ckpt_path=working_folder / "inside.ckpt", weights_only=True
    )
    assert modes == [[False, True, True]] * 4


def test_a_layer_gives_back_its_clean_input_from_a_corrupted_one():
    model = stacked(corruption=partial(DroppedPixels, rate=0.5))
    seen = []
    model.stack[1].encoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    codes = torch.rand(64, 48)
    error = model.layer_error(1, codes, torch.Generator().manual_seed(0))
    assert (seen[0] == 0).float().mean() == pytest.approx(0.5, abs=0.05)
    outputs = model.stack[0].activation(model.stack[1].decode(model.stack[1].encode(seen[0])))
    torch.testing.assert_close(error, (outputs - codes).square().sum(1).mean())


@pytest.mark.parametrize("corruption", [DroppedPixels, GaussianNoise])
def test_convolutional_layers_go_through_all_stages_too(corruption):
    layers = [partial(ConvLayer, channels=4), partial(ConvLayer, channels=6), partial(DenseLayer, size=5)]
    watch = Watch()
    trainer(watch, limit_train_batches=4).fit(stacked(layers, corruption=corruption), genlab.Digits())
    assert watch.stages == [name for name in STAGES for _ in range(2)]


def test_after_training_it_tells_the_digits_apart(course):
    model, _ = course
    found = trainer().test(model, genlab.Digits(), verbose=False)[0]
    assert found["test/error_rate"] < 0.3
    assert {"test/loss", "test/reconstruction"} < set(found)
    predicted = torch.cat([batch["class_probability"] for batch in trainer().predict(model, genlab.Digits())])
    torch.testing.assert_close(predicted.sum(1), torch.ones(180))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pretraining": [StageSchedule(1), StageSchedule(1)]}, "3 layers but 2 schedules"),
        ({"data": genlab.FreyFaces()}, "needs data with labels"),
        ({key: [] for key in ALL_STAGES}, "nothing to train"),
        ({"layers": []}, "at least one layer"),
        ({"corruption": DroppedPatches}, "DroppedPatches is for images only, but upper layers see codes"),
    ],
)
def test_schedules_that_do_not_fit_are_refused(options, message):
    with pytest.raises(genlab.GenlabError, match=message):
        stacked(**options)


def test_a_classifier_without_labels_says_so():
    model = stacked(pretraining=[], fine_tuning=[])
    with pytest.raises(genlab.GenlabError, match="needs batches with a 'label'"):
        model.metrics_of({"image": torch.rand(2, 1, 8, 8)}, torch.rand(2, 12))


def test_layers_that_behave_differently_in_training_rest_while_frozen():
    class Noisy(DenseLayer):
        def __init__(self, input_shape, size):
            super().__init__(input_shape, size, activation=partial(nn.Dropout, 0.5))

    modes = []

    class Modes(Callback):
        def on_train_batch_start(self, trainer, model, batch, batch_idx):
            modes.append([layer.training for layer in model.stack])

    model = stacked([partial(Noisy, size=8)] * 2, pretraining=[StageSchedule(1)], classifier_fine_tuning=[])
    trainer(Modes(), limit_train_batches=1).fit(model, genlab.Digits())
    assert modes == [[True, True], [False, True], *[[True, True]] * 2, *[[False, False]] * 2]


def test_every_stage_trains_under_plain_ddp_though_it_uses_a_part_of_the_parameters_only():
    watch = Watch()
    one_process = {"strategy": "ddp", "devices": 1, "accelerator": "cpu"}
    trainer(watch, limit_train_batches=2, limit_val_batches=1, **one_process).fit(stacked(), genlab.Digits())
    assert watch.stages == [name for name in STAGES for _ in range(2)]


def test_weights_begin_a_plan_of_fewer_stages():
    trained = stacked(classifier=[], classifier_fine_tuning=[])
    trained._position = 3
    shorter = stacked(classifier=[], classifier_fine_tuning=[], fine_tuning=[])
    shorter.load_state_dict(trained.state_dict())
    assert shorter.stage.name == "layer3"
    trainer(limit_train_batches=1, limit_val_batches=1).fit(shorter, genlab.Digits())


def test_outputs_for_test_images_are_not_kept():
    model, data = stacked(), genlab.Digits()
    model._position = 2
    trainer().test(model, data, verbose=False)
    assert not model._kept


def test_a_stage_begins_without_gradients_of_the_stages_before():
    """When layer 2 is trained, a learned activation of layer 1 gets gradients, though it is not in the optimizer."""

    class FirstGradients(Callback):
        def __init__(self):
            self.seen = []

        def on_train_batch_start(self, trainer, model, batch, batch_idx):
            if batch_idx == 0:
                gradient = model.stack[0].activation.weight.grad
                self.seen.append((model.stage.name, 0.0 if gradient is None else gradient.abs().item()))

    layers = [partial(DenseLayer, size=size, activation=nn.PReLU) for size in (24, 12)]
    one = {"pretraining": [StageSchedule(1, 1e-3)], "fine_tuning": [StageSchedule(1, 1e-3)]}
    gradients = FirstGradients()
    trainer(gradients, limit_val_batches=0).fit(
        stacked(layers, **one, classifier=[], classifier_fine_tuning=[]), genlab.Digits()
    )
    assert gradients.seen == [("layer1", 0), ("layer2", 0), ("fine_tuning", 0)]
