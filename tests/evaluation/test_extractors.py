"""Networks whose features judge samples."""

import pytest
import torch

import genlab
from genlab.evaluation import extractors
from genlab.evaluation.extractors import extractor


def test_one_classifier_judges_all_models_of_the_same_images(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(extractors, "STEPS", 5)
    names = []
    for size in (32, 128):
        data = genlab.Digits(batch_size=size)
        data.setup()
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
    with pytest.warns(UserWarning, match=r"classifier-\w+.pt is damaged, or keeps no such classifier; it is trained"):
        assert extractors.own_classifier(data).name == name
    assert extractors.own_classifier(data).name == name
