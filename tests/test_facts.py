"""Facts about data: new ones reach models and checkpoints, whatever data declare them."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

import genlab
from genlab import facts
from genlab.cli import main
from genlab.data.own import fact_of
from genlab.facts import FACTS, Fact

MODEL = "--model=tests.test_facts.Speaking"
DATA = "--data=tests.test_facts.Words"
SMOKE = ["--config=overlays/smoke.yaml", "--trainer.enable_progress_bar=false"]


class Speaking(genlab.Autoencoder):
    """A model that needs to know the number of words."""

    def __init__(self, image_shape: tuple[int, int, int], vocabulary_size: int | None):
        super().__init__(image_shape, code_size=2)
        self.words = torch.nn.Embedding(vocabulary_size or 1, 2)


class Words(genlab.Digits):
    """Images with a given number of words."""

    def __init__(self, words: int = 7):
        super().__init__()
        self.vocabulary_size = words


class Strangers(LightningDataModule):
    """Another author's data, with labels of three classes without names."""

    def train_dataloader(self):
        return DataLoader(TensorDataset(torch.rand(6, 1, 8, 8), torch.tensor([0, 1, 2] * 2)), 2)


@pytest.fixture
def new_fact(monkeypatch):
    monkeypatch.setitem(FACTS, "vocabulary_size", Fact("a vocabulary of", lambda sample: len(sample.parts["label"])))


@pytest.mark.usefixtures("new_fact")
def test_a_new_fact_reaches_the_model_is_saved_and_compared_when_training_resumes(refused):
    main(["fit", MODEL, DATA, *SMOKE])
    checkpoint = Path("runs/speaking-words/0/checkpoints/last.ckpt")
    assert torch.load(checkpoint, weights_only=True)["hyper_parameters"]["vocabulary_size"] == 7
    assert genlab.load(checkpoint).words.num_embeddings == 7
    resumed = ["fit", MODEL, "--ckpt_path=last", *SMOKE, "--trainer.max_epochs=2"]
    told = refused(*resumed, DATA, "--data.words=8")
    assert told == "genlab: the checkpoint's model was trained on a vocabulary of 7, but Words has 8"
    main([*resumed, DATA])


@pytest.mark.usefixtures("new_fact")
def test_data_that_do_not_state_a_fact():
    assert fact_of(genlab.Digits(), "vocabulary_size") is None
    assert fact_of(Strangers(), "vocabulary_size") == 2
    main(["fit", MODEL, "--data=tests.test_facts.Strangers", *SMOKE])
    assert genlab.load().words.num_embeddings == 2


def test_facts_are_observed_in_data_that_state_none():
    data = Strangers()
    assert {name: fact_of(data, name) for name in FACTS} == {
        "image_shape": (1, 8, 8),
        "source_shape": None,
        "a_shape": None,
        "num_domains": 0,
        "num_classes": 3,
        "class_names": (),
        "attribute_names": (),
        "vocabulary": (),
        "max_length": 0,
    }
    data.image_shape, data.class_names = [1, 9, 9], ["cat", "cow", "dog"]
    assert (fact_of(data, "image_shape"), fact_of(data, "class_names")) == ((1, 9, 9), ("cat", "cow", "dog"))


def test_what_strangers_do_not_state_is_not_compared():
    facts.require_same(Strangers(), {"num_classes": 4})
    with pytest.raises(genlab.GenlabError, match="was trained on a number of classes of 4, but FreyFaces has 0"):
        facts.require_same(genlab.FreyFaces(), {"num_classes": 4})
    facts.require_same(genlab.FreyFaces(), {"image_shape": [1, 28, 20]})


def test_a_message_does_not_list_the_words_of_a_vocabulary():
    data = genlab.Digits()
    data.vocabulary = "a", "b"
    checksum = r"\(checksum [0-9a-f]{8}\)"
    told = rf"trained on a vocabulary of 2 words {checksum}, but Digits has 2 words {checksum}$"
    with pytest.raises(genlab.GenlabError, match=told):
        facts.require_same(data, {"vocabulary": ["b", "a"]})
