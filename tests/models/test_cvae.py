"""The conditional VAE: labels, attributes and images as conditions."""

import copy
import pickle
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer

import genlab
from genlab.data import DegradedPairs, Digits, Half
from genlab.losses import PixelGaussian
from genlab.networks import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder

SHAPE = (1, 8, 9)
random = torch.Generator().manual_seed(0)
images = torch.rand(6, *SHAPE, generator=random)
KINDS = {
    "label": ({"num_classes": 5}, torch.tensor([0, 1, 2, 3, 4, 0])),
    "attributes": ({"attribute_names": ("a", "b", "c")}, torch.rand(6, 3, generator=random).round()),
    "source": ({"source_shape": (2, 8, 9)}, torch.rand(6, 2, 8, 9, generator=random)),
}


def small_cvae(kind, encoder=MLPEncoder, decoder=MLPDecoder, **options):
    torch.manual_seed(0)
    return genlab.CVAE(SHAPE, **KINDS[kind][0], code_size=3, encoder=encoder, decoder=decoder, **options).eval()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "networks", [(MLPEncoder, MLPDecoder), (partial(ConvEncoder, channels=4), partial(ConvDecoder, channels=4))]
)
def test_under_a_condition_it_is_a_vae(kind, networks):
    model, condition = small_cvae(kind, *networks, likelihood=PixelGaussian), KINDS[kind][1]
    given = model.given(condition)
    codes = given.encode(images)
    assert codes.shape == (6, 3)
    for pictures in (
        given.decode(codes),
        given.reconstruct(images),
        given.sample(6),
        model.given(condition[:1]).sample(4),
    ):
        assert pictures.shape[1:] == SHAPE
        assert 0 <= pictures.min()
        assert pictures.max() <= 1
    assert given.log_likelihood(images, 20).shape == (6,)


@pytest.mark.parametrize("kind", KINDS)
def test_encoder_and_decoder_both_see_the_condition(kind):
    model, condition = small_cvae(kind), KINDS[kind][1]
    one, other = model.given(condition), model.given(condition.roll(1, 0))
    assert not torch.allclose(one.encode(images), other.encode(images))
    codes = torch.randn(6, 3)
    assert not torch.allclose(one.decode(codes), other.decode(codes))


@pytest.mark.parametrize("kind", KINDS)
def test_each_image_has_its_own_condition_under_every_number_of_samples(kind):
    model, condition = small_cvae(kind), KINDS[kind][1]
    together = model.given(condition).log_likelihood(images, 3000, torch.Generator().manual_seed(1))
    for i in range(6):
        alone = model.given(condition[i : i + 1]).log_likelihood(images[i : i + 1], 3000)
        torch.testing.assert_close(together[i : i + 1], alone, atol=0.5, rtol=0)


def test_it_learns_to_use_labels():
    torch.manual_seed(0)
    data = Digits()
    model = genlab.CVAE(data.image_shape, data.num_classes, code_size=2, optimizer=partial(torch.optim.Adam, lr=3e-3))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_epochs=15, **quiet)
    trainer.fit(model.train(), data)
    found = trainer.validate(model, data, verbose=False)[0]
    wrong = trainer.validate(model, Shifted(), verbose=False)[0]
    assert found["val/elbo"] > wrong["val/elbo"] + 3
    means = torch.stack([data.train_set.images[data.train_set.labels == k].float().mean(0) / 255 for k in range(10)])
    drawn = torch.stack([model.eval().given(torch.tensor([k])).sample(40).mean(0).detach() for k in range(10)])
    nearest = torch.cdist(drawn.flatten(1), means.flatten(1)).argmin(1)
    assert nearest.tolist() == list(range(10))


class Shifted(Digits):
    """Digits with wrong labels."""

    def setup(self, stage=None):
        super().setup(stage)
        label = self.train_set.facts["label"]
        label.copy_((label + 1) % 10)


def test_it_learns_to_complete_images():
    torch.manual_seed(0)
    data = DegradedPairs(Digits(), Half())
    model = genlab.CVAE(
        data.image_shape, source_shape=data.source_shape, code_size=2, optimizer=partial(torch.optim.Adam, lr=3e-3)
    )
    trainer = Trainer(max_epochs=20, logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(model.train(), data)
    batch = data.val_set[torch.arange(60)]
    with torch.no_grad():
        completed = model.eval().given(batch["source"]).sample(60)
        others = model.given(batch["source"].roll(1, 0)).sample(60)
    right, wrong = ((drawn - batch["target"]).square().mean() for drawn in (completed, others))
    assert right < 0.6 * wrong


def test_samples_have_each_class_in_turn_unless_they_are_told():
    model = small_cvae("label")
    random = [torch.Generator().manual_seed(3) for _ in range(2)]
    in_turn = model.sample(7, generator=random[0])
    told = model.sample(7, condition=torch.tensor([0, 1, 2, 3, 4, 0, 1]), generator=random[1])
    assert torch.equal(in_turn, told)
    with pytest.raises(genlab.GenlabError, match="give a condition to sample under"):
        small_cvae("attributes").sample(2)


def test_what_does_not_fit_is_said():
    with pytest.raises(genlab.GenlabError, match="needs data with labels, attributes or pairs"):
        genlab.CVAE(SHAPE)
    with pytest.raises(genlab.GenlabError, match="condition is the 'label' of a batch, but this batch has none"):
        small_cvae("label").under({"image": images})
    with pytest.raises(genlab.GenlabError, match="there are 4 conditions for 6 images"):
        small_cvae("label").given(torch.arange(4)).sample(6)


def test_methods_that_need_a_condition_say_how_to_give_one():
    model = genlab.CVAE(SHAPE, 10)
    for same in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with pytest.raises(AttributeError, match=r"a CVAE has encode only under a condition: model\.given\(") as error:
            same.encode(torch.rand(2, *SHAPE))
        assert error.value.obj is None  # no guess at another attribute
        assert not hasattr(same, "decode")
    for name in ("encodes", "_encode"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
            getattr(model, name)
