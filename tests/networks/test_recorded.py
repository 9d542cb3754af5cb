"""Already built networks as arguments of models in Python."""

import copy
import io
import pickle
import warnings
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import genlab
from genlab.models import StageSchedule
from genlab.networks import (
    ConvDecoder,
    ConvEncoder,
    ConvLayer,
    DCGANDiscriminator,
    DCGANGenerator,
    DenseLayer,
    MLPDecoder,
    MLPDiscriminator,
    MLPEncoder,
    PatchDiscriminator,
    Recorded,
    ResNetGenerator,
    UNet,
    UpsamplingDecoder,
)
from genlab.networks.condition import Projection

SHAPE = (1, 8, 8)
random = torch.Generator().manual_seed(0)
x, y = torch.rand(12, *SHAPE, generator=random), torch.rand(12, *SHAPE, generator=random)
labels = torch.arange(12) % 3


class Plain(nn.Sequential):
    """A user's own network, of which nothing is recorded."""

    def __init__(self, image_shape, size, hidden=7):
        super().__init__(nn.Flatten(), nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, size))


class Own(Plain, Recorded):
    """The same, recorded."""


class Drawn(Own):
    """The same, with weights drawn on the CPU wherever it is built."""

    def __init__(self, image_shape, size):
        super().__init__(image_shape, size)
        self.bias = nn.Parameter(torch.randn(3, device="cpu"))


class Before(Recorded, Plain):
    """The same, with the mixin first."""


class Body(nn.Sequential, Recorded):
    """Built from a given network."""

    def __init__(self, image_shape, size, body):
        super().__init__(nn.Flatten(), body, nn.Linear(64, size))


class Layers(nn.Sequential, Recorded):
    """Takes arguments without names."""

    def __init__(self, image_shape, size, *hidden, **further):
        super().__init__(nn.Flatten(), nn.Linear(64, size))


FAMILIES = {
    "autoencoder": (
        genlab.Autoencoder,
        {"image_shape": SHAPE, "code_size": 4},
        {"encoder": lambda: Before(SHAPE, 4, hidden=5), "decoder": lambda: UpsamplingDecoder(SHAPE, 4, channels=6)},
        (x,),
    ),
    "stacked autoencoder": (
        genlab.StackedAutoencoder,
        {"image_shape": SHAPE, "pretraining": [StageSchedule(1)]},
        {"layers": lambda: [ConvLayer(SHAPE, 3), DenseLayer((3, 4, 4), size=5, activation=nn.Tanh)]},
        (x,),
    ),
    "vae": (
        genlab.VAE,
        {"image_shape": SHAPE, "code_size": 4},
        {
            "encoder": lambda: ConvEncoder(list(SHAPE), 8, channels=6, normalization=nn.InstanceNorm2d),
            "decoder": lambda: ConvDecoder(SHAPE, code_size=4, channels=6),
        },
        (x,),
    ),
    "cvae of labels": (
        genlab.CVAE,
        {"image_shape": SHAPE, "num_classes": 3, "code_size": 4, "condition_size": 6},
        {"encoder": lambda: MLPEncoder((2, 8, 8), 8, (9,)), "decoder": lambda: MLPDecoder(SHAPE, 10, hidden=(9, 7))},
        (x, labels),
    ),
    "cvae of pairs": (
        genlab.CVAE,
        {"image_shape": SHAPE, "source_shape": SHAPE, "code_size": 4, "condition_size": 6},
        {"condition_encoder": lambda: MLPEncoder(SHAPE, 6, (9,)), "encoder": lambda: MLPEncoder((2, 8, 8), 8, (9,))},
        (y, x),
    ),
    "gan": (
        genlab.GAN,
        {"image_shape": SHAPE, "code_size": 4},
        {
            "generator": lambda: DCGANGenerator(SHAPE, 4, channels=6),
            "discriminator": lambda: MLPDiscriminator(SHAPE, 1, hidden=(9,), spectral=True),
        },
        (x,),
    ),
    "cgan": (
        genlab.CGAN,
        {"image_shape": SHAPE, "num_classes": 3, "code_size": 4, "condition_size": 6},
        {
            "generator": lambda: MLPDecoder(SHAPE, 10, hidden=(9,)),
            "discriminator": lambda: DCGANDiscriminator((2, 8, 8), 1, channels=6),
        },
        (x, labels),
    ),
    "cgan of projections": (
        genlab.CGAN,
        {"image_shape": SHAPE, "num_classes": 3, "code_size": 4, "condition_size": 6, "conditioning": Projection},
        {"discriminator": lambda: Own(SHAPE, 6, hidden=9)},
        (x, labels),
    ),
    "pix2pix": (
        genlab.Pix2Pix,
        {"source_shape": SHAPE, "image_shape": SHAPE},
        {
            "generator": lambda: UNet(SHAPE, 1, channels=4, dropout=0.0),
            "discriminator": lambda: PatchDiscriminator((2, 8, 8), 1, channels=4),
        },
        (y, x),
    ),
    "cyclegan": (
        genlab.CycleGAN,
        {"a_shape": SHAPE, "image_shape": SHAPE},
        {
            "generator": lambda: ResNetGenerator(SHAPE, 1, channels=4, blocks=1),
            "discriminator": lambda: PatchDiscriminator(SHAPE, 1, channels=4),
        },
        (y, x),
    ),
}


def outputs(model):
    if hasattr(model, "translate"):
        return model.translate(y)
    if isinstance(model, genlab.CVAE):
        condition = y if model.condition.key == "source" else labels
        return model.given(condition).reconstruct(x)
    return model.reconstruct(x) if hasattr(model, "encode") else model.decode(torch.ones(6, 4))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_built_networks_and_its_checkpoint_needs_none_of_them(family, working_folder):
    build, options, networks, batch = FAMILIES[family]
    given = {name: make() for name, make in networks.items()}
    before = {name: copy.deepcopy(network) for name, network in given.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*nn.Module")  # Lightning's, about networks among hyperparameters
        model = build(**options, **given)
    held = [*model.modules()]
    for name, network in given.items():
        for one, as_it_was in zip(several(network), several(before[name]), strict=True):
            assert any(one is module for module in held), name
            for key, weights in as_it_was.state_dict().items():  # trained weights stay
                assert torch.equal(weights, one.state_dict()[key]), (name, key)
    trainer = trained(model, DataLoader(TensorDataset(*batch), batch_size=6))
    for name, network in given.items():
        for one, as_it_was in zip(several(network), several(before[name]), strict=True):
            assert not all(map(torch.equal, one.parameters(), as_it_was.parameters())), name
    trainer.save_checkpoint("model.ckpt")
    torch.load("model.ckpt", weights_only=True)
    loaded = genlab.load("model.ckpt")
    torch.testing.assert_close(outputs(loaded), outputs(model.eval()), rtol=0, atol=0)
    by_hand = build.load_from_checkpoint("model.ckpt", map_location="cpu").eval()
    torch.testing.assert_close(outputs(by_hand), outputs(model), rtol=0, atol=0)


def trained(model, batches):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", max_epochs=2, enable_model_summary=False, **quiet)
    trainer.fit(model, batches)
    return trainer


def several(network):
    return network if isinstance(network, list) else [network]


def test_networks_of_a_loaded_model_go_into_another(working_folder):
    first = genlab.VAE(SHAPE, 4, encoder=partial(ConvEncoder, channels=6, normalization=nn.InstanceNorm2d))
    trained(first, DataLoader(x, batch_size=6)).save_checkpoint("first.ckpt")
    encoder = genlab.load("first.ckpt").encoder
    second = genlab.VAE(SHAPE, 4, encoder=encoder, decoder=ConvDecoder)
    assert second.hparams["encoder"] == first.hparams["encoder"]
    for name, weights in first.encoder.state_dict().items():
        assert torch.equal(weights, second.encoder.state_dict()[name])
    copied = pickle.loads(pickle.dumps(copy.deepcopy(encoder)))
    assert genlab.VAE(SHAPE, 4, encoder=copied).hparams["encoder"] == first.hparams["encoder"]


def test_what_is_described_is_what_the_class_would_be():
    built = genlab.VAE(SHAPE, 4, encoder=MLPEncoder(SHAPE, 8, hidden=(9,)), decoder=MLPDecoder(SHAPE, 4))
    classes = genlab.VAE(SHAPE, 4, encoder=partial(MLPEncoder, hidden=(9,)), decoder=MLPDecoder)
    assert dict(built.hparams) == dict(classes.hparams)
    for cls in (Own, Before):
        assert genlab.VAE(SHAPE, 4, encoder=cls(SHAPE, 8)).hparams["encoder"]["init_args"] == {"hidden": 7}
        assert genlab.VAE(SHAPE, 4, encoder=cls).hparams["encoder"]["init_args"] == {"hidden": 7}


@pytest.mark.parametrize("make", [lambda: Own(SHAPE, 8, hidden=5), lambda: ConvEncoder(SHAPE, 8, activation=nn.SiLU)])
def test_copies_are_recorded_and_weights_are_all_that_is_kept(make):
    network = make()
    saved = io.BytesIO()
    torch.save(network, saved)
    saved.seek(0)
    copies = copy.copy(network), copy.deepcopy(network), torch.load(saved, weights_only=False)
    for each in copies:
        assert each.recorded == network.recorded
        assert each.state_dict().keys() == network.state_dict().keys()
        assert genlab.VAE(SHAPE, 4, encoder=each).encoder is each
    assert not any("recorded" in name for name in network.state_dict())
    with pytest.raises(TypeError, match="image_shape"):  # the constructor's own message
        type(network)()
    copy.deepcopy(Layers(SHAPE, 8, made_from=(i for i in [])))  # a generator cannot be copied


def refused(build):
    with pytest.raises(genlab.GenlabError) as error:
        build()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_network_without_a_record_is_refused_with_what_to_do():
    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=Plain(SHAPE, 8)))
    assert told == (
        "VAE(encoder=...) is a built Plain, which a checkpoint cannot describe; give the class, Plain, "
        "or functools.partial(Plain, ...) with keyword arguments, for the model to build; a network's class may also "
        "inherit from genlab.networks.Recorded"
    )
    assert "this built Plain, which" in refused(lambda: Projection(Plain(SHAPE, 6), SHAPE, nn.Identity(), 6))


def test_a_network_of_another_size_is_refused_with_both():
    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=Own(SHAPE, 4)))
    assert told == (
        "this Own was built with image_shape (1, 8, 8), size 4, but the model needs (1, 8, 8), 8; build it "
        "with these, or give the class, Own, or a functools.partial of it"
    )
    for build in (
        lambda: genlab.VAE(SHAPE, 4, decoder=MLPDecoder((1, 8, 9), 4)),
        lambda: genlab.GAN(SHAPE, 4, DCGANGenerator(SHAPE, 5)),
        lambda: genlab.CGAN(SHAPE, 3, code_size=4, condition_size=6, generator=MLPDecoder(SHAPE, 4)),
        lambda: genlab.CycleGAN((3, 8, 8), SHAPE, ResNetGenerator((3, 8, 8), 1, 4, 1), identity_weight=0),
        lambda: genlab.StackedAutoencoder(SHAPE, [DenseLayer(SHAPE, 6), DenseLayer((5,), 3)], [StageSchedule(1)]),
        lambda: genlab.VAE(SHAPE, 8, encoder=DenseLayer(SHAPE, 16)),  # a layer, not an encoder
    ):
        assert ", but the model needs (" in refused(build)


def test_two_roles_share_no_weights():
    layer = DenseLayer((8,), 8)
    told = refused(
        lambda: genlab.StackedAutoencoder((1, 2, 4), [DenseLayer((1, 2, 4), 8), layer, layer], [StageSchedule(1)])
    )
    assert told == (
        "StackedAutoencoder(layers[1]=..., layers[2]=...): both share weights, which a checkpoint would separate; "
        "pass a copy as one of them: copy.deepcopy(network)"
    )
    encoder, decoder = MLPEncoder(SHAPE, 8), MLPDecoder(SHAPE, 4)
    decoder[0].bias = encoder[1].bias
    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=encoder, decoder=decoder))
    assert told.startswith("VAE(encoder=..., decoder=...): both share weights")
    condition = MLPEncoder((1, 8, 8), 8)
    options = {"source_shape": (1, 8, 8), "condition_size": 8}
    same = refused(lambda: genlab.CVAE((1, 8, 8), encoder=condition, condition_encoder=condition, **options))
    assert same.startswith("CVAE(encoder=..., condition_encoder=...)")
    model = genlab.CycleGAN(SHAPE, SHAPE, ResNetGenerator(SHAPE, 1, 4, 1))
    a_to_b, b_to_a = model.generators.values()
    assert not {*a_to_b.parameters()} & {*b_to_a.parameters()}
    assert all(map(torch.equal, a_to_b.parameters(), b_to_a.parameters()))


def test_layers_that_were_changed_are_refused():
    encoder = ConvEncoder(SHAPE, 100)
    encoder[-1] = nn.Linear(encoder[-1].in_features, 8)  # a new head
    told = refused(lambda: genlab.VAE(SHAPE, 50, encoder=encoder))
    assert told == (
        "layers of this ConvEncoder were changed after it was built (4.weight), which a checkpoint cannot describe; "
        "make such changes in the constructor of a class of your own"
    )


def test_a_description_takes_plain_arguments_by_name():
    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=Layers(SHAPE, 8, 3, 4)))
    assert "VAE(encoder=...) is a built Layers, whose constructor takes *hidden" in told
    known = genlab.VAE(SHAPE, 4, encoder=Layers(SHAPE, 8, depth=3))
    assert known.hparams["encoder"]["init_args"] == {"depth": 3}
    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=Body(SHAPE, 8, nn.Identity())))
    assert told == (
        "VAE(encoder=Body(body=...)) is a built Identity, which a checkpoint cannot describe; give the class, "
        "Identity, or functools.partial(Identity, ...) with keyword arguments, for the model to build"
    )
    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=ConvEncoder(SHAPE, 8, activation=lambda: nn.ReLU())))
    assert told.startswith("VAE(encoder=ConvEncoder(activation=...)) cannot be kept in a checkpoint as plain data")

    class Local(Own):
        pass

    told = refused(lambda: genlab.VAE(SHAPE, 4, encoder=Local(SHAPE, 8)))
    assert told == "VAE(encoder=...) is a built Local, a class that is not defined in a module: move it to one"


def test_randomness_is_as_it_was():
    encoder = Drawn(SHAPE, 8)
    torch.manual_seed(0)
    genlab.VAE(SHAPE, 4, encoder=encoder)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    MLPDecoder(SHAPE, 4)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize(
    ("given", "instead"),
    [
        ("MLPEncoder", "give the class, genlab.networks.MLPEncoder"),
        (5, "5 cannot be called to build a network"),
    ],
)
def test_a_name_is_not_a_network(given, instead):
    with pytest.raises(genlab.GenlabError, match=instead):
        genlab.VAE((1, 8, 8), encoder=given)
