"""DeepFake: a shared encoder, a decoder for each domain, warped inputs, and files that declare what they are."""

import contextlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from PIL import ExifTags, Image
from torch.func import functional_call
from torch.utils.data import DataLoader

import genlab
from genlab.cli import main
from genlab.data import ClassDomains, JoinedDomains
from genlab.losses import RelativisticAverage
from genlab.networks import ElasticWarp, GaussianNoise, MLPDecoder, MLPDiscriminator, MLPEncoder

SHAPE = (1, 8, 8)
RATE = partial(torch.optim.SGD, lr=0.1)
SMALL = {"code_size": 6, "encoder": partial(MLPEncoder, hidden=(32,)), "decoder": partial(MLPDecoder, hidden=(32,))}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "limit_val_batches": 1}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A run on three digits, trained for two batches."""
    folder = tmp_path_factory.mktemp("deepfake")
    with contextlib.chdir(folder):
        main(["fit", "--config=deepfake_digits.yaml", "--config=overlays/smoke.yaml", "--data.further=[5]"])
    return folder / "runs/deepfake_digits/0"


def deepfake(**options):
    seed_everything(0)
    return genlab.DeepFake(SHAPE, SHAPE, **SMALL | options)


def brightness(domain):
    """Return images of one or the other brightness whose left or right half is dark."""
    images = torch.full((40, *SHAPE), 0.4 if domain == "a" else 1.0)
    images[:20, ..., :4] = images[20:, ..., 4:] = 0
    return images


class Brightnesses(torch.utils.data.Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, position):
        return {"a": brightness("a")[position], "b": brightness("b")[-1 - position]}


def test_the_decoders_know_what_tells_domains_apart_and_the_code_what_they_have_in_common():
    model = deepfake()
    data = torch.utils.data.DataLoader(Brightnesses(), batch_size=20, shuffle=True)
    Trainer(max_epochs=150, **QUIET).fit(model, data)
    dark, bright = brightness("a")[[0, -1]], brightness("b")[[0, -1]]
    assert (model.translate(dark) - bright).abs().mean() < 0.05
    assert (model.translate(bright, direction="b_to_a") - dark).abs().mean() < 0.05


def test_each_decoder_learns_from_its_own_domain_and_the_encoder_from_all():
    model = deepfake(num_domains=3)
    losses = model.errors({domain: torch.rand(3, *SHAPE) for domain in "abc"})
    for domain in "abc":
        model.zero_grad()
        losses[domain].backward(retain_graph=True)
        reached = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
        assert {name.partition(".")[2].partition(".")[0] for name in reached if name.startswith("decoders")} == {domain}
        assert reached >= {f"encoder.{name}" for name, _ in model.encoder.named_parameters()}
    torch.testing.assert_close(losses["loss"], losses["a"] + losses["b"] + losses["c"])


def test_swaps_of_three_domains_are_judged_by_the_domain_that_they_become():
    seed_everything(0)
    discriminator = partial(MLPDiscriminator, hidden=(8,), dropout=0)
    model = genlab.AdversarialDeepFake(
        SHAPE,
        SHAPE,
        num_domains=3,
        **SMALL,
        discriminator=discriminator,
        corruption=None,
        adversarial=RelativisticAverage,
    )
    x = {domain: torch.rand(3, *SHAPE) for domain in "abc"}
    swaps = model.swapped(model.codes(x))
    for domain, others in (("a", "bc"), ("b", "ac"), ("c", "ab")):
        translated = [model.translate(x[other], direction=f"{other}_to_{domain}") for other in others]
        torch.testing.assert_close(swaps[domain], torch.cat(translated))
    before = {name: weights.clone() for name, weights in model.state_dict().items()}
    data = DataLoader([x], batch_size=None)
    Trainer(max_epochs=1, **QUIET).fit(model, data, data)
    matrices = {name: weights for name, weights in model.state_dict().items() if weights.ndim == 2}
    assert [name for name, weights in matrices.items() if torch.equal(weights, before[name])] == []


def test_three_classes_become_each_other(digits, tiles, refused):
    model = genlab.load(digits)
    assert [*model.directions] == ["a_to_b", "a_to_c", "b_to_a", "b_to_c", "c_to_a", "c_to_b"]
    main(["translate", f"--ckpt={digits}", "--direction=c_to_a", "--out=c_to_a.npz", "-n=6", "--columns=6"])
    data = ClassDomains(genlab.Digits(), 3, 8, [5])
    data.setup()
    assert data.domain_names == ("3", "8", "5")
    fives = {tuple(image.flatten().tolist()) for image in data.test_set.domains["c"].images}
    drawn, output = torch.from_numpy(tiles("c_to_a.npz"))
    assert {tuple((255 * tile).round().to(torch.uint8).flatten().tolist()) for tile in drawn} <= fives
    torch.testing.assert_close(output, model.decoded(drawn, "a"), atol=0.01, rtol=0)
    told = refused("translate", f"--ckpt={digits}", "--direction=x")
    assert "translates a_to_b, a_to_c, b_to_a, b_to_c, c_to_a and 1 more only" in told
    told = refused("translate", f"--ckpt={digits}", "--direction=c_to_b", "--data.further=[]", "--out=x.png")
    assert "no images to translate c_to_b; the domains of these data are a, b" in told


def test_the_target_of_a_warped_image_is_the_image():
    noise = partial(GaussianNoise, sigma=1.0)
    batch = {"a": torch.rand(3, *SHAPE), "b": torch.rand(3, *SHAPE)}
    model, without = deepfake(corruption=noise), deepfake(corruption=None)
    random = torch.Generator().manual_seed(1)
    seen = noise()(torch.cat([batch["a"], batch["b"]]), torch.Generator().manual_seed(1))
    loss = (model.decoders["a"](model.encoder(seen[:3])).sigmoid() - batch["a"]).abs().sum((1, 2, 3)).mean()
    torch.testing.assert_close(model.errors(batch, random)["a"], loss)
    torch.testing.assert_close(
        without.errors(batch)["a"], without.loss(without.decoders["a"](without.encoder(batch["a"])), batch["a"]).mean()
    )


@pytest.mark.parametrize("domains", ["ab", "abc"])
def test_each_side_learns_from_its_loss_of_swaps_alone(domains):
    seed_everything(0)
    discriminator = partial(MLPDiscriminator, hidden=(8,), dropout=0)
    model = genlab.AdversarialDeepFake(
        SHAPE, SHAPE, num_domains=len(domains), **SMALL, discriminator=discriminator, corruption=None,
        adversarial_weight=0.5, optimizer=RATE, discriminator_optimizer=RATE,
    )  # fmt: skip
    batch = {domain: torch.rand(3, *SHAPE) for domain in domains}
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    coder = [*model.encoder.parameters(), *model.decoders.parameters()]
    codes = dict(zip(domains, model.encoder(torch.cat([*batch.values()])).chunk(len(domains)), strict=True))
    others = {domain: torch.cat([codes[other] for other in domains.replace(domain, "")]) for domain in domains}
    swaps = {domain: model.decoders[domain](others[domain]).sigmoid() for domain in domains}

    def logits(domain, images):
        return functional_call(model.discriminators[domain], judges[domain], (2 * images - 1,))

    judges = {domain: dict(model.discriminators[domain].named_parameters()) for domain in domains}
    judged = sum(
        0.5 * ((logits(d, batch[d]) - 1).square().mean() + logits(d, swaps[d].detach()).square().mean())
        for d in domains
    )
    steps = torch.autograd.grad(judged, [*model.discriminators.parameters()])
    places = dict(zip(map(id, model.discriminators.parameters()), steps, strict=True))
    judges = {d: {name: p - 0.1 * places[id(p)] for name, p in judges[d].items()} for d in domains}
    error = sum((model.decoders[d](code).sigmoid() - batch[d]).abs().sum((1, 2, 3)).mean() for d, code in codes.items())
    convinced = sum((logits(d, swaps[d]) - 1).square().mean() for d in domains)
    places |= dict(zip(map(id, coder), torch.autograd.grad(error + 0.5 * 64 * convinced, coder), strict=True))
    gradients = {name: places[id(parameter)] for name, parameter in model.named_parameters()}

    Trainer(max_steps=1, **QUIET | {"limit_val_batches": 0}).fit(model, DataLoader([batch], batch_size=None))
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, before[name] - 0.1 * gradients[name], rtol=1e-4, atol=1e-6)


def test_images_of_any_size_are_resized_and_come_back_in_their_size():
    model = deepfake().eval()
    small = torch.rand(2, *SHAPE)
    same = model.translate(small, direction="b_to_a")
    torch.testing.assert_close(same, model.decoded(small, "a"))
    for size in ((20, 13), (5, 6)):
        assert model.translate(torch.rand(2, 1, *size)).shape == (2, 1, *size)
    smooth = torch.nn.functional.interpolate(small, (32, 32), mode="bicubic", antialias=True).clamp(0, 1)
    assert (model.translate(smooth)[..., ::4, ::4] - model.translate(small)).abs().mean() < 0.1


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff"])
def test_translated_files_say_what_they_are(ending, digits):
    Image.new("L", (8, 8), 200).save(f"own.{ending}")
    main(["translate", f"--ckpt={digits}", f"--input=own.{ending}", f"--output=swapped.{ending}"])
    said = Image.open(f"swapped.{ending}").getexif()[ExifTags.Base.ImageDescription]
    assert said == "Changed by a DeepFake model of genlab: this is no photograph."


@pytest.mark.parametrize("ending", ["png", "jpg", "pdf", "svg", "npz"])
def test_pictures_of_translations_say_what_they_are(ending, digits):
    main(["translate", f"--ckpt={digits}", "--count=2", f"--out=swaps.{ending}"])
    said = {
        "pdf": lambda: Path("swaps.pdf").read_bytes().decode("latin-1"),
        "svg": lambda: Path("swaps.svg").read_text(encoding="utf-8"),
        "npz": lambda: str(np.load("swaps.npz")["description"]),
    }.get(ending, lambda: Image.open(f"swaps.{ending}").getexif()[ExifTags.Base.ImageDescription])()
    assert "Changed by a DeepFake model of genlab: this is no photograph." in said


def test_formats_that_can_say_nothing_are_refused(digits, refused):
    Image.new("L", (8, 8), 200).save("own.png")
    told = refused("translate", f"--ckpt={digits}", "--input=own.png", "--output=swapped.bmp")
    assert (
        "swapped.bmp could not be labelled as changed: images that a DeepFake changed are written as JPEG, PNG, TIFF"
        in told
    )


def test_domains_are_two_classes_or_two_data_sets():
    digits = ClassDomains(genlab.Digits(batch_size=10), 3, 8)
    digits.prepare_data()
    digits.setup()
    assert digits.domain_names == ("3", "8")
    truth = genlab.Digits()
    truth.setup()
    of_three = truth.test_set[torch.arange(len(truth.test_set))]
    a, _ = digits.test_set.sides()
    assert torch.equal(a[torch.arange(len(a))]["image"], of_three["image"][of_three["label"] == 3])
    joined = JoinedDomains(genlab.Digits(batch_size=7), genlab.MNIST(image_size=8, batch_size=9))
    joined.prepare_data()
    joined.setup("fit")
    batch = next(iter(joined.train_dataloader()))
    assert batch["a"].shape == batch["b"].shape == (7, 1, 8, 8)
    a, b = joined.val_set.sides()
    assert len(a) != len(b)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: genlab.DeepFake((3, 8, 8), SHAPE), r"not \(3, 8, 8\) and \(1, 8, 8\)"),
        (lambda: genlab.DeepFake(None, SHAPE), "DeepFake learns from two domains"),
        (lambda: genlab.AdversarialDeepFake(SHAPE, SHAPE, adversarial_weight=-1), "adversarial_weight is -1"),
        (lambda: ElasticWarp(strength=0.6), "strength is 0.6"),
        (lambda: ElasticWarp(points=1), "points is 1"),
        (lambda: ClassDomains(genlab.Digits(), 3, 10), "Digits has 10 classes, but no class 10"),
    ],
)
def test_what_cannot_be_is_said(build, message):
    with pytest.raises(genlab.GenlabError, match=message):
        build()


def test_a_third_domain_is_not_passed_over():
    batch = {domain: torch.rand(2, *SHAPE) for domain in "abc"}
    with pytest.raises(genlab.GenlabError, match="DeepFake is for the domains a, b; the data also gave c"):
        deepfake().errors(batch)
    cyclegan = genlab.CycleGAN(SHAPE, SHAPE)
    with pytest.raises(genlab.GenlabError, match="CycleGAN is for the domains a, b; the data also gave c"):
        cyclegan.domains(batch)
