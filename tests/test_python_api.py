"""genlab from Python, as used by someone with a DataLoader, a picture and a checkpoint."""

import io
from functools import partial

import numpy as np
import PIL.Image
import pytest
import torch
import torchvision
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import ToTensor

import genlab
from genlab.models import StageSchedule
from genlab.networks import (
    DenoisingUNet,
    DenseLayer,
    GatedPixelCNN,
    MLPDecoder,
    MLPDiscriminator,
    PatchDiscriminator,
    ResNetGenerator,
    UNet,
)
from genlab.vocabulary import SPECIALS

MNIST = (1, 28, 28)
SHAPE = (1, 8, 8)
PLAYERS = {"generator": partial(MLPDecoder, hidden=(16,)), "discriminator": partial(MLPDiscriminator, hidden=(16,))}
random = torch.Generator().manual_seed(0)
x, y = torch.rand(12, *SHAPE, generator=random), torch.rand(12, *SHAPE, generator=random)
labels = torch.arange(12) % 3
attributes = torch.rand(12, 2, generator=random).round()


def quick_trainer(**options):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**{"max_epochs": 1, "enable_model_summary": False, **quiet, **options})


def stacked(shape, **options):
    return genlab.StackedAutoencoder(shape, [partial(DenseLayer, size=16)], [StageSchedule(1)], **options)


OF_DIGITS = {
    "autoencoder": lambda: genlab.Autoencoder(MNIST),
    "stacked": lambda: stacked(MNIST),
    "stacked with labels": lambda: stacked(MNIST, classifier=[StageSchedule(1)], num_classes=10),
    "vae": lambda: genlab.VAE(image_shape=MNIST),
    "cvae": lambda: genlab.CVAE(MNIST, 10),
    "gan": lambda: genlab.GAN(MNIST, **PLAYERS),
    "cgan": lambda: genlab.CGAN(MNIST, 10, **PLAYERS),
}


@pytest.mark.parametrize("family", OF_DIGITS)
def test_torchvision_data_in_a_plain_loader_train_and_test_every_family_of_images(family, data_dir):
    digits = torchvision.datasets.MNIST(data_dir, transform=ToTensor())
    loader = DataLoader(digits, batch_size=50, shuffle=True)
    model = OF_DIGITS[family]()
    before = {name: weights.clone() for name, weights in model.named_parameters() if weights.requires_grad}
    trainer = quick_trainer(limit_train_batches=2, limit_val_batches=2, limit_test_batches=2)
    trainer.fit(model, loader, DataLoader(digits, batch_size=30))
    after = dict(model.named_parameters())
    changed = [name for name, weights in before.items() if not torch.equal(weights, after[name])]
    assert changed
    trainer.test(model, DataLoader(digits, batch_size=30), verbose=False)
    assert trainer.callback_metrics


SHAPES_OF_BATCHES = {
    "autoencoder": (lambda: genlab.Autoencoder(SHAPE, 4), [(x,), (x, labels), (x, attributes), (x, labels, x)]),
    "gan": (lambda: genlab.GAN(SHAPE, 4, **PLAYERS), [(x,), (x, labels)]),
    "cvae of attributes": (
        lambda: genlab.CVAE(SHAPE, attribute_names=("a", "b")),
        [(x, attributes), (x, attributes.long())],
    ),
    "cgan of attributes": (lambda: genlab.CGAN(SHAPE, attribute_names=("a", "b"), **PLAYERS), [(x, attributes.long())]),
    "cvae of pairs": (lambda: genlab.CVAE(SHAPE, source_shape=SHAPE), [(y, x)]),
    "pix2pix": (
        lambda: genlab.Pix2Pix(SHAPE, SHAPE, partial(UNet, channels=4), partial(PatchDiscriminator, channels=4)),
        [(y, x), (y, x, labels)],
    ),
    "cyclegan": (
        lambda: genlab.CycleGAN(
            SHAPE, SHAPE, partial(ResNetGenerator, channels=4, blocks=1), partial(PatchDiscriminator, channels=4)
        ),
        [(y, x)],
    ),
}


@pytest.mark.parametrize("family", SHAPES_OF_BATCHES)
def test_tuples_and_lists_train_and_validate(family):
    build, batches = SHAPES_OF_BATCHES[family]
    for batch in batches:
        whole = DataLoader([batch, batch], batch_size=None, collate_fn=tuple)
        rows = DataLoader(TensorDataset(*batch), batch_size=6)  # lists
        trainer = quick_trainer()
        trainer.fit(build(), whole, rows)
        assert trainer.global_step > 0
        (metrics,) = quick_trainer().validate(build(), rows, verbose=False)
        assert metrics


class Seen(Callback):
    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.batch = batch


def test_a_bare_tensor_is_a_batch_and_callbacks_see_a_dict():
    seen = Seen()
    quick_trainer(callbacks=[seen]).fit(genlab.VAE(SHAPE), DataLoader(x, batch_size=4))
    assert seen.batch.keys() == {"image"}
    quick_trainer(callbacks=[seen]).fit(genlab.VAE(SHAPE), DataLoader(TensorDataset(x, labels), batch_size=4))
    assert torch.equal(seen.batch["label"], labels[8:])
    assert torch.equal(seen.batch["image"], x[8:])


class Inverted(LightningDataModule):
    """A user's DataModule with a hook of its own."""

    def train_dataloader(self):
        return DataLoader(TensorDataset(255 * x, labels), batch_size=12)

    def on_before_batch_transfer(self, batch, dataloader_idx):
        images, classes = batch
        return 1 - images / 255, classes


def test_hooks_of_ones_own_data_come_first():
    seen = Seen()
    quick_trainer(callbacks=[seen]).fit(genlab.CVAE(SHAPE, 3), datamodule=Inverted())
    torch.testing.assert_close(seen.batch["image"], 1 - x)


class Mirrored(Inverted):
    """A user's DataModule that changes batches once they are on the device."""

    def on_before_batch_transfer(self, batch, dataloader_idx):
        return batch[0] / 255, batch[1]

    def on_after_batch_transfer(self, batch, dataloader_idx):
        images, classes = batch
        return images.flip(-1), classes


def test_hooks_after_the_transfer_get_what_the_loader_yields():
    seen = Seen()
    quick_trainer(callbacks=[seen]).fit(genlab.VAE(SHAPE), datamodule=Mirrored())
    torch.testing.assert_close(seen.batch["image"], x.flip(-1))


def test_example_inputs_stay_tensors():
    model = genlab.VAE(SHAPE)
    model.example_input_array = x[:2]
    quick_trainer(enable_model_summary=True).fit(model, DataLoader(x, batch_size=4))
    assert torch.equal(model.example_input_array, x[:2])


def test_genlabs_own_batches_are_passed_on_untouched():
    batch = {"image": x, "label": labels, "index": labels}
    assert genlab.VAE(SHAPE).named(batch) is batch


def test_direct_calls_take_the_same():
    vae, cvae = genlab.VAE(SHAPE), genlab.CVAE(SHAPE, 3)
    for batch in (x, (x,), [x, labels], {"image": x}):
        assert vae.images(batch) is x
        assert cvae.images(batch) is x
    assert cvae.condition.find((x, labels), cvae) is labels
    assert vae.predict_step((x, labels), 0)["code"].shape == (12, 20)
    a, b = SHAPES_OF_BATCHES["cyclegan"][0]().domains([x, y])
    torch.testing.assert_close(a, 2 * x - 1)
    torch.testing.assert_close(b, 2 * y - 1)


@pytest.mark.parametrize(
    ("family", "batch", "message"),
    [
        ("pix2pix", x, "Pix2Pix takes batches (source, target), or dicts of these; the data gave one tensor of shape"),
        ("cyclegan", (x,), "CycleGAN takes batches (a, b), or dicts of these; the data gave a list of 1"),
        ("cvae of attributes", (x,), "this CVAE's condition is the 'attributes' of a batch, but this batch has none"),
        ("cgan of attributes", (x, labels), "attributes are (12,); this model has 2 and takes a tensor (B, 2)"),
        ("autoencoder", "text", "Autoencoder takes batches (image), or dicts with 'image', of shape (B, C, H, W); the"),
        ("autoencoder", {"pixels": x}, "the data gave pixels"),
        ("autoencoder", (255 * x, labels), "genlab takes [0, 1]: x / 255"),
        ("autoencoder", (x, labels[:5]), "the data gave 12 of 'image', 5 of 'label'"),
    ],
)
def test_batches_that_a_model_cannot_use_are_one_line(family, batch, message):
    with pytest.raises(genlab.GenlabError) as error:
        quick_trainer().fit(SHAPES_OF_BATCHES[family][0](), DataLoader([batch], batch_size=None))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def vae(**options):
    torch.manual_seed(0)
    return genlab.VAE((1, 6, 8), 4, **options).eval()


grey = np.random.default_rng(0).integers(0, 256, (5, 6, 8), dtype=np.uint8)
as_tensor = torch.from_numpy(grey)[:, None] / 255
BATCHES = {
    "tensor": as_tensor,
    "bytes": torch.from_numpy(grey)[:, None],
    "NCHW": grey[:, None],
    "NHWC": grey[..., None],
    "NHW": grey,
    "floats": grey / 255,
    "float32": np.float32(grey / 255)[:, ::1],
    "list of arrays": list(grey),
    "list of pictures": [PIL.Image.fromarray(one) for one in grey],
    "list of coloured pictures": [PIL.Image.fromarray(one).convert("RGB") for one in grey],
    "list of tensors": list(as_tensor),
    "tuple": tuple(grey[..., None]),
}


@pytest.mark.parametrize("kind", BATCHES)
def test_images_come_as_people_have_them(kind):
    model = vae()
    codes = model.encode(as_tensor)
    torch.testing.assert_close(model.encode(BATCHES[kind]), codes)
    torch.testing.assert_close(model.reconstruct(BATCHES[kind]), model.decode(codes))
    torch.testing.assert_close(model.encode(BATCHES[kind][2]), codes[2])  # one in, one out
    assert model.log_likelihood(BATCHES[kind], 2).shape == (5,)


def test_coloured_arrays_have_their_channels_first_or_last():
    colour = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    model = genlab.Autoencoder((3, 5, 7), 4).eval()
    codes = model.encode(colour)
    for batch in (colour.transpose(0, 3, 1, 2), torch.from_numpy(colour).permute(0, 3, 1, 2) / 255, list(colour)):
        torch.testing.assert_close(model.encode(batch), codes)
    torch.testing.assert_close(model.encode(PIL.Image.fromarray(colour[1])), codes[1])
    torch.testing.assert_close(model.encode(colour[1].transpose(2, 0, 1)), codes[1])
    cube = np.random.default_rng(0).random((3, 3, 3))  # genlab's own order, if both would fit
    square = genlab.Autoencoder((3, 3, 3), 4).eval()
    torch.testing.assert_close(square.encode(cube), square.encode(torch.tensor(cube).float()))


def test_codes_come_in_batches_or_alone_from_anywhere():
    model = vae()
    codes = torch.randn(3, 4)
    images = model.decode(codes)
    assert images.shape == (3, 1, 6, 8)
    for same in (codes.numpy(), codes.double().numpy(), codes.tolist(), list(codes), tuple(codes.numpy())):
        torch.testing.assert_close(model.decode(same), images)
    torch.testing.assert_close(model.decode(codes[1]), images[1])
    torch.testing.assert_close(model.decode(z=codes[1].tolist()), images[1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (grey[:, :5], "VAE was built for 'image' of shape (1, 6, 8)"),
        (grey[0].T, "VAE was built for 'image' of shape (1, 6, 8), the data gives (1, 8, 6)"),
        (PIL.Image.new("L", (30, 20)), "VAE takes images of 8 x 6 pixels, not of 30 x 20: image.resize((8, 6))"),
        (PIL.Image.new("I;16", (8, 6)), "I;16 pixels have more than 8 bits; convert them"),
        (grey.astype(int), "images are int64; genlab takes floats in [0, 1], or uint8 from 0 to 255"),
        (grey / 100, "images lie between 0 and 2.55"),
        ("face.png", "VAE takes images of shape (1, 6, 8), or (B, 1, 6, 8), as tensors, NumPy arrays or PIL images"),
        ("face.png", "not str: PIL.Image.open(path)"),
        (None, "or a list of these, not NoneType"),
        ([], "or a list of these, not list"),
        ([[0.5]], "or a list of these, not list"),
        ([grey[0], grey[0, :3]], "a list must hold single images of one shape, not (1, 1, 3, 8), (1, 1, 6, 8)"),
        ([as_tensor, as_tensor], "a list must hold single images of one shape, not (5, 1, 6, 8)"),
    ],
)
def test_what_cannot_be_images_is_one_line(given, message):
    with pytest.raises(genlab.GenlabError) as error:
        vae().encode(given)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_pictures_are_upright_and_transparent_ones_on_white():
    model, upright = vae(), PIL.Image.fromarray(grey[0])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    file = io.BytesIO()
    upright.transpose(PIL.Image.Transpose.ROTATE_90).save(file, "png", exif=exif)
    torch.testing.assert_close(model.encode(PIL.Image.open(file)), model.encode(upright))
    transparent = PIL.Image.new("RGBA", (8, 6), (0, 0, 0, 0))
    torch.testing.assert_close(model.encode(transparent), model.encode(torch.ones(1, 6, 8)))


def test_codes_of_another_size_are_one_line():
    for build in (vae, lambda: genlab.GAN(SHAPE, 4, **PLAYERS), lambda: genlab.Autoencoder(SHAPE, 4)):
        with pytest.raises(genlab.GenlabError, match=r"decodes codes of shape \(B, 4\) or \(4,\), not \(2, 3\)"):
            build().decode(torch.zeros(2, 3))
    with pytest.raises(genlab.GenlabError, match=r"not \(0,\)"):
        vae().decode([])


def test_a_loaded_model_is_used_without_no_grad_and_eval(run):
    model = genlab.load(run)
    digits = model.sample(3)
    assert digits.numpy().shape == (3, 1, 8, 8)
    for found in (model.encode(digits), model.reconstruct(digits), model.decode(model.encode(digits)[0])):
        found.numpy()
    model.interpolate(digits[0], digits[1]).numpy()
    assert all(weights.requires_grad for weights in model.encoder.parameters())


def test_gradients_are_there_where_they_are_wanted():
    model = vae()
    code = torch.zeros(2, 4, requires_grad=True)
    model.decode(code).sum().backward()  # a search for codes
    assert code.grad.abs().sum() > 0
    picture = as_tensor.clone().requires_grad_()
    model.reconstruct(picture).sum().backward()
    assert picture.grad.abs().sum() > 0
    source = y.clone().requires_grad_()
    given = genlab.CVAE(SHAPE, source_shape=SHAPE, code_size=4).eval().given(source)
    given.decode(torch.zeros(12, 4)).sum().backward()
    assert source.grad.abs().sum() > 0
    model.train()
    model.decode(model.encode(as_tensor)).sum().backward()  # a user's own loop
    assert all(weights.grad.abs().sum() > 0 for weights in model.encoder.parameters())


@pytest.mark.parametrize("family", ["autoencoder", "stacked", "vae", "cvae", "gan", "cgan"])
def test_a_trainer_trains_all_of_a_loaded_model_and_leaves_it_ready_for_use(family, data_dir, working_folder):
    digits = torchvision.datasets.MNIST(data_dir, transform=ToTensor())
    trainer = quick_trainer(limit_train_batches=1)
    trainer.fit(OF_DIGITS[family](), DataLoader(digits, batch_size=50))
    trainer.save_checkpoint("model.ckpt")
    loaded = genlab.load("model.ckpt")
    assert not loaded.training
    modes = ModesInTraining()
    before = {name: weights.clone() for name, weights in loaded.named_parameters()}
    quick_trainer(limit_train_batches=2, callbacks=[modes]).fit(loaded, DataLoader(digits, batch_size=50, shuffle=True))
    assert modes.training
    fixed = "likelihood", "average"
    for name, weights in loaded.named_parameters():
        assert name.startswith(fixed) or not torch.equal(weights, before[name]), name
    assert not loaded.training
    if hasattr(loaded, "sample"):
        loaded.sample(2).numpy()


class ModesInTraining(Callback):
    training = False

    def on_train_batch_start(self, trainer, model, batch, batch_idx):
        self.training = all(module.training for module in model.modules())


def test_frozen_parts_stay_frozen_in_a_fit():
    model = vae()
    model.encoder.requires_grad_(False)
    before = [weights.clone() for weights in model.encoder.parameters()]
    quick_trainer().fit(model, DataLoader(as_tensor, batch_size=5))
    assert all(map(torch.equal, before, model.encoder.parameters()))


class Head(LightningModule):
    """A user's classifier on top of a trained encoder."""

    def __init__(self, body):
        super().__init__()
        self.body, self.head = body, torch.nn.Linear(4, 3)

    def training_step(self, batch, batch_idx):
        images, classes = batch
        return torch.nn.functional.cross_entropy(self.head(self.body.encode(images)), classes)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 1e-2)


def test_inside_of_someones_own_module_a_loaded_model_is_trained_by_a_trainer():
    body = vae()
    before = [weights.clone() for weights in body.encoder.parameters()]
    quick_trainer().fit(Head(body), DataLoader(TensorDataset(as_tensor, labels[:5]), batch_size=5))
    assert not any(map(torch.equal, before, body.encoder.parameters()))


ABLE_TO_SAMPLE = {
    "vae": lambda: genlab.VAE(SHAPE, 4),
    "cvae": lambda: genlab.CVAE(SHAPE, 3, code_size=4),
    "cvae given": lambda: genlab.CVAE(SHAPE, 3, code_size=4).eval().given(1),
    "gan": lambda: genlab.GAN(SHAPE, 4, **PLAYERS),
    "cgan": lambda: genlab.CGAN(SHAPE, 3, code_size=4, **PLAYERS),
    "cgan given": lambda: genlab.CGAN(SHAPE, 3, code_size=4, **PLAYERS).eval().given(1),
}


def test_without_a_seed_samples_are_the_same_on_all_devices():
    model, asked = vae(), []
    model.draw_codes = lambda n, *, generator=None: (asked.append(generator), torch.zeros(n, *model.code_shape))[1]
    model.sample(2)
    assert asked == [torch.default_generator]  # the CPU's


@pytest.mark.parametrize("family", ABLE_TO_SAMPLE)
def test_a_seed_says_which_samples(family):
    model = ABLE_TO_SAMPLE[family]()
    if isinstance(model, torch.nn.Module):
        model.eval()
    first = model.sample(3, seed=1)
    assert torch.equal(first, model.sample(3, seed=1))
    assert torch.equal(first, model.sample(3, generator=torch.Generator().manual_seed(1)))
    assert not torch.equal(first, model.sample(3, seed=2))
    with pytest.raises(genlab.GenlabError, match="give either a seed or a generator"):
        model.sample(3, seed=1, generator=torch.Generator())


FURTHER = {
    "diffusion": lambda: genlab.Diffusion(SHAPE, partial(DenoisingUNet, channels=8)),
    "pixelcnn": lambda: genlab.PixelCNN(SHAPE, network=partial(GatedPixelCNN, channels=4, layers=2)),
    "rbm": lambda: genlab.RBM(SHAPE, hidden=4),
    "sentence lm": lambda: genlab.SentenceLM([*SPECIALS, "a"], 4),
    "sentence vae": lambda: genlab.SentenceVAE([*SPECIALS, "a"], 4),
}


@pytest.mark.parametrize("family", ABLE_TO_SAMPLE | FURTHER)
def test_no_half_samples_are_drawn(family):
    model = (ABLE_TO_SAMPLE | FURTHER)[family]()
    for n in (-1, 2.5, True):
        with pytest.raises(genlab.GenlabError, match=f"^n is {n}; it must be a whole number from 0$"):
            model.sample(n)
    assert len(model.sample(0)) == 0


def test_pictures_are_translated():
    model = genlab.Pix2Pix(
        (3, 8, 8), SHAPE, partial(UNet, channels=4, dropout=0.5), partial(PatchDiscriminator, channels=4)
    ).eval()
    photo = np.random.default_rng(0).integers(0, 256, (11, 9, 3), dtype=np.uint8)
    images = torch.from_numpy(photo).permute(2, 0, 1) / 255
    expected = model.translate(images[None], seed=3)
    assert expected.shape == (1, 1, 11, 9)
    for one in (images, photo, PIL.Image.fromarray(photo), images.numpy()):
        torch.testing.assert_close(model.translate(one, seed=3), expected[0])
    torch.testing.assert_close(model.translate([photo], seed=3), expected)
    torch.testing.assert_close(model.translate(images, generator=torch.Generator().manual_seed(3)), expected[0])
    model.translate(photo).numpy()
    with pytest.raises(genlab.GenlabError, match="a_to_b takes images of 3 channels, not 1"):
        model.translate(photo[..., :1].transpose(2, 0, 1))


def test_conditions_are_given_as_one_says_them():
    cvae = genlab.CVAE(SHAPE, 3, class_names=("cat", "dog", "owl"), code_size=4).eval()
    cgan = genlab.CGAN(SHAPE, 3, class_names=("cat", "dog", "owl"), code_size=4, **PLAYERS).eval()
    codes = torch.randn(4, 4)
    for model in (cvae, cgan):
        one = model.given(torch.tensor([2])).decode(codes)
        for label in (2, np.int64(2), torch.tensor(2), [2], "owl", ["owl"], np.array([2])):
            assert torch.equal(model.given(label).decode(codes), one)
        several = model.given(torch.tensor([2, 0])).decode(codes)
        assert torch.equal(model.given(["owl", 0]).decode(codes), several)
        assert torch.equal(model.sample(4, condition="owl", seed=0), model.given(2).sample(4, seed=0))
        with pytest.raises(genlab.GenlabError, match="there is no class dgo; did you mean dog?"):
            model.given("dgo")
        assert torch.equal(model.given("2").decode(codes), one)  # as on the command line
        with pytest.raises(genlab.GenlabError, match="labels lie between 3 and 3"):
            model.given(3)


def test_attributes_are_given_by_name():
    names = ("Smiling", "Male", "Young")
    for model in (
        genlab.CVAE(SHAPE, attribute_names=names, code_size=4).eval(),
        genlab.CGAN(SHAPE, attribute_names=names, code_size=4, **PLAYERS).eval(),
    ):
        codes = torch.randn(2, 4)
        smiling = model.given(torch.tensor([[1.0, 0, 0]])).decode(codes)
        for said in ({"Smiling": 1}, {"Smiling": True, "Male": 0}, [{"Smiling": 1}], [1, 0, 0], np.array([1, 0, 0])):
            assert torch.equal(model.given(said).decode(codes), smiling)
        both = model.given([{"Smiling": 1}, {"Male": 1, "Young": 0.5}]).decode(codes)
        assert torch.equal(both, model.given(torch.tensor([[1.0, 0, 0], [0, 1, 0.5]])).decode(codes))
        with pytest.raises(genlab.GenlabError, match="there is no attribute Smile; did you mean Smiling?"):
            model.given({"Smile": 1})
        with pytest.raises(genlab.GenlabError, match="attributes need values; give {'Smiling': 1} instead of Smiling"):
            model.given("Smiling")
        with pytest.raises(genlab.GenlabError, match="this model has 3"):
            model.given([])


def test_a_picture_is_a_condition():
    model = genlab.CVAE(SHAPE, source_shape=(1, 6, 8), code_size=4, condition_size=4).eval()
    codes = torch.randn(3, 4)
    expected = model.given(as_tensor[:1]).decode(codes)
    for one in (as_tensor[0], grey[0], PIL.Image.fromarray(grey[0])):
        torch.testing.assert_close(model.given(one).decode(codes), expected)


@pytest.mark.parametrize("path", [genlab.latent.lerp, genlab.latent.slerp])
def test_between_two_images_there_are_others(path):
    model = vae()
    way = model.interpolate(grey[0], as_tensor[1], steps=5, path=path)
    assert way.shape == (5, 1, 6, 8)
    torch.testing.assert_close(way[0], model.reconstruct(grey[0]))
    torch.testing.assert_close(way[-1], model.reconstruct(grey[1]))
    ends = model.encode(as_tensor[:2])
    torch.testing.assert_close(way[2], model.decode(path(ends[:1], ends[1:], 5)[0, 2]))
    ways = model.interpolate(as_tensor[:2], as_tensor[2:4], 3, path)
    assert ways.shape == (2, 3, 1, 6, 8)
    torch.testing.assert_close(ways[1, 2], model.reconstruct(as_tensor[3]))
    with pytest.raises(genlab.GenlabError, match=r"codes of a have shape \(2, 4\), those of b \(4,\)"):
        model.interpolate(as_tensor[:2], as_tensor[0])


def test_only_between_vectors_there_are_other_codes():
    model = vae()
    model.code_shape, model.discrete_codes = (2, 2), True
    with pytest.raises(genlab.GenlabError, match="codes of the VAE are whole numbers"):
        model.interpolate(x[0], x[1])


def test_each_way_is_under_its_own_condition():
    model = genlab.CVAE(SHAPE, 3, code_size=4).eval()
    ways = model.given([0, 2]).interpolate(x[:2], x[2:4], steps=3)
    alone = model.given(2).interpolate(x[1], x[3], steps=3)
    torch.testing.assert_close(ways[1], alone)


def test_stacked_and_plain_autoencoders_interpolate_too():
    for model in (genlab.Autoencoder(SHAPE, 4).eval(), stacked(SHAPE).eval()):
        assert model.interpolate(x[0], x[1], 4).shape == (4, *SHAPE)


def test_images_become_pictures():
    one = genlab.to_pil(as_tensor[0])
    assert one.mode == "L"
    assert np.array_equal(np.asarray(one), grey[0])
    several = genlab.to_pil(as_tensor.expand(-1, 3, -1, -1))
    assert [picture.mode for picture in several] == ["RGB"] * 5
    assert np.array_equal(np.asarray(several[4])[..., 1], grey[4])
    model = vae()
    assert genlab.to_pil(model.reconstruct(one)).size == (8, 6)
    with pytest.raises(genlab.GenlabError, match=r"to_pil takes \(C, H, W\) or \(B, C, H, W\), not \(6, 8\)"):
        genlab.to_pil(as_tensor[0, 0])
    for odd in (as_tensor[0] * 255, (as_tensor[0] * 255).byte()):
        with pytest.raises(genlab.GenlabError, match=r"to_pil takes floats in \[0, 1\]; divide"):
            genlab.to_pil(odd)


@pytest.mark.parametrize("family", [genlab.VAE, genlab.GAN, genlab.VQVAE, stacked])
@pytest.mark.parametrize(("method", "source"), [("validate", "val"), ("test", "test")])
def test_several_loaders_to_measure_on_are_refused_in_one_line(family, method, source):
    model = family(SHAPE)
    loaders = [DataLoader(torch.rand(8, *SHAPE), batch_size=4)] * 2
    told = f"{source}_dataloader gives several DataLoaders, but a {type(model).__name__} is measured on one: join"
    with pytest.raises(genlab.GenlabError, match=told):
        getattr(quick_trainer(), method)(model, loaders)
    getattr(quick_trainer(), method)(model, loaders[0], verbose=False)


def test_an_index_that_a_subclass_passes_on_is_not_counted_as_several_loaders():
    class Mine(genlab.VAE):
        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            super().validation_step(batch, batch_idx, dataloader_idx)

    (found,) = quick_trainer().validate(Mine(SHAPE), DataLoader(torch.rand(8, *SHAPE), batch_size=4), verbose=False)
    assert "val/loss" in found


def test_a_models_own_steps_may_be_measured_on_several_loaders():
    class Mine(genlab.VAE):
        def validation_step(self, batch, batch_idx, dataloader_idx=0):
            self.log("val/mean", self.images(batch).mean())

    loaders = [DataLoader(torch.full((4, *SHAPE), value)) for value in (0.0, 1.0)]
    first, second = quick_trainer().validate(Mine(SHAPE), loaders, verbose=False)
    assert (first["val/mean/dataloader_idx_0"], second["val/mean/dataloader_idx_1"]) == (0, 1)
