"""Sentences from text files: splits, words, batches of similar length, and errors in files."""

import os
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from genlab.data import Sentences
from genlab.data.batches.sampling import BatchSampler
from genlab.data.files.text_files import words_of
from genlab.errors import GenlabError
from genlab.vocabulary import END, PAD, UNKNOWN, Vocabulary


def write(name: str, *lines: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def ready(*args, **kwargs) -> Sentences:
    data = Sentences(*args, **kwargs)
    data.setup()
    return data


def told_of(*args, **kwargs) -> str:
    with pytest.raises(GenlabError) as error:
        ready(*args, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def official():
    write("talk/train.txt", "we like tea .", "we like milk .", "you like tea .", "", "do you ?")
    write("talk/val.txt", "we like tea .", "you like coffee .")
    write("talk/test.txt", "you do .", "they like tea .", "we like tea and milk and coffee .")
    return "talk"


def test_files_of_the_splits_are_taken_as_they_are_and_words_from_the_training_sentences(official):
    data = ready(official, min_count=1)
    assert data.train_set.sentences == ["we like tea .", "we like milk .", "you like tea .", "do you ?"]
    assert data.vocabulary[4:] == (".", "like", "tea", "we", "you", "?", "do", "milk")
    assert data.max_length == 9
    batch = data.test_set[torch.tensor([0, 1])]["tokens"]
    assert batch.tolist() == [[8, 10, 4, END, PAD], [UNKNOWN, 5, 6, 4, END]]
    assert batch.dtype == torch.int64
    assert data.test_set[1]["tokens"].tolist() == [UNKNOWN, 5, 6, 4, END]
    assert ready(official).vocabulary[4:] == (".", "like", "tea", "we", "you")
    assert ready(official, vocabulary_size=3).vocabulary[4:] == (".", "like", "tea")


def test_what_is_unknown_left_out_or_in_two_splits_is_counted_and_said_once_before_training(official, caplog):
    data = Sentences(official, max_words=6)
    caplog.set_level("INFO")
    data.setup("test")
    assert not caplog.messages
    for _ in range(2):
        data.setup("fit")
    assert caplog.messages == [
        "words that are not among the 5 words in the vocabulary: 3 of train (20.0%), 1 of val (12.5%), "
        "2 of test (28.6%)",
        "sentences of more than 6 words, which are left out: 0 of train, 0 of val, 1 of test",
        "sentences that are also in the training set, which makes metrics too good: 1 of val, 0 of test",
    ]


def test_missing_splits_are_made_of_the_training_sentences():
    lines = [f"sentence {i}" for i in range(40)]
    write("one/train.txt", *lines)
    write("one/val.txt", "another sentence")
    data = ready("one")
    assert data.test_set.sentences == ["another sentence"]
    assert (len(data.train_set), len(data.val_set)) == (36, 4)
    assert sorted(data.train_set.sentences + data.val_set.sentences) == sorted(lines)


@pytest.mark.parametrize("given", ["all.txt", "folder", ["folder/b.txt", "folder/a.txt"]])
def test_other_files_are_split_by_the_seed_with_all_copies_of_a_sentence_in_one_split(given):
    lines = [f"sentence {i % 30}" for i in range(60)]
    write("all.txt", *lines)
    write("folder/a.txt", *lines[:25])
    write("folder/b.txt", *lines[25:])
    splits = [{*part.sentences} for data in [ready(given)] for part in (data.train_set, data.val_set, data.test_set)]
    assert [len(split) for split in splits] == [24, 3, 3]
    assert len(set.union(*splits)) == 30
    assert sum(len(part) for data in [ready(given)] for part in (data.train_set, data.val_set, data.test_set)) == 60
    assert [*splits] == [{*s.sentences} for d in [ready(given)] for s in (d.train_set, d.val_set, d.test_set)]
    assert {*ready(given, seed=1).test_set.sentences} != splits[2]


def test_a_name_is_looked_for_among_the_data_sets(monkeypatch, official):
    monkeypatch.setenv("GENLAB_DATA_DIR", "sets")
    write("sets/talk/train.txt", "hello there", "hello you", "hello me")
    assert "hello" in ready("talk", min_count=1).vocabulary
    assert "like" in ready("./talk").vocabulary


def test_words():
    text = 'I don’t know "it": 3.5, or  l\'été?'  # noqa: RUF001
    assert words_of(text) == 'I don’t know "it": 3.5, or l\'été?'  # noqa: RUF001
    assert words_of(text, tokenize=True) == "I don 't know \" it \" : 3.5 , or l 'été ?"
    assert words_of("I Like ÄPFEL", lower_case=True) == "i like äpfel"
    write("plain.txt", "I don't.", "You don't.", "We don't!")
    assert ready("plain.txt", tokenize=True, lower_case=True, min_count=1).words_of("DON'T you?") == "don 't you ?"


def test_batches_are_of_similar_length_and_an_epoch_has_all_sentences_once():
    data = ready(batch_size=50)
    batches = [batch["tokens"] for batch in data.train_dataloader()]
    padding = sum(int((tokens == PAD).sum()) for tokens in batches) / sum(map(torch.numel, batches))
    assert padding < 0.06
    lengths = [tokens.shape[1] for tokens in batches]
    assert lengths != sorted(lengths)
    words = Vocabulary(data.vocabulary)
    assert sorted(words.decode(row) for tokens in batches for row in tokens.tolist()) == sorted(
        data.train_set.sentences
    )


def test_order_by_size_is_one_of_seed_and_epoch_and_processes_share_batches():
    sizes = torch.arange(103) % 7
    sampler = BatchSampler(103, 10, shuffle=True, seed=3, sizes=sizes)
    first, second = (torch.stack([*sampler]) for _ in range(2))
    assert len(first.unique()) == 100
    assert not torch.equal(first, second)
    again = BatchSampler(103, 10, shuffle=True, seed=3, sizes=sizes)
    again.resume(epoch=1, batches=4)
    assert torch.equal(torch.stack([*again]), second[4:])
    assert all(int(sizes[batch].max() - sizes[batch].min()) <= 2 for batch in first)
    halves = [[*BatchSampler(103, 5, shuffle=True, seed=3, rank=r, world_size=2, sizes=sizes)] for r in range(2)]
    for whole, one, other in zip(first, *halves, strict=True):
        assert {*whole.tolist()} == {*one.tolist(), *other.tolist()}
    in_order = BatchSampler(103, 10, shuffle=False, sizes=sizes)
    assert torch.cat([*in_order]).tolist() == [*range(103)]


class Recorder(LightningModule):
    """Stores each batch, and learns a little from it."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embedding, self.seen = nn.Embedding(words, 4), []

    def training_step(self, batch, batch_idx):
        self.seen.append(batch["tokens"])
        return self.embedding(batch["tokens"]).square().mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.1)


@pytest.mark.parametrize("workers", [0, 1])
def test_training_resumes_inside_an_epoch_with_the_batches_that_are_left(workers):
    def trained(steps, ckpt_path=None):
        data = Sentences("numbers.txt", min_count=1, batch_size=20, num_workers=workers)  # four batches an epoch
        model = Recorder(len(data.vocabulary))
        Trainer(
            max_steps=steps,
            logger=False,
            accelerator="cpu",
            callbacks=[ModelCheckpoint("saved", filename="{step}", every_n_train_steps=5, save_top_k=-1)],
            enable_progress_bar=False,
            enable_model_summary=False,
        ).fit(model, data, ckpt_path=ckpt_path)
        return model

    write("numbers.txt", *(" ".join("abc"[n % 3] * (n % 5 + 1)) + f" {n}" for n in range(100)))
    whole, rest = trained(7), trained(7, "saved/step=5.ckpt")
    for one, other in zip(whole.seen[5:], rest.seen, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(whole.embedding.weight, rest.embedding.weight)


def test_more_sentences_for_a_batch_than_there_are(official, caplog):
    caplog.set_level("INFO")
    ready(official).train_dataloader()
    assert "batch_size 64 is more than the 4 training sentences; 4 is used" in caplog.messages


def test_mistakes_in_files(official):
    write("train.txt", *["a b"] * 3)
    assert told_of("nowhere").endswith("pass --data.folder, a folder or a text file, one sentence per line")
    assert told_of("train.txt") == (
        "train.txt: 1 different sentence, the longest of 2 words, too few for train, val, test; put each sentence on a "
        "line of its own"
    )
    Path("latin.txt").write_bytes("a\nfür\n".encode("latin1"))
    assert told_of("latin.txt").startswith("latin.txt is not UTF-8 (line 2); convert it: iconv -f LATIN1 -t UTF-8")
    Path("zeros.txt").write_bytes(b"a\nb\0c\n")
    assert told_of("zeros.txt") == "zeros.txt is not text: line 2 holds zero bytes"
    write("endless.txt", "word " * 1000)
    assert "1 different sentence, the longest of 1,000 words, too few" in told_of("endless.txt")
    write(f"{official}/test.txt", "word " * 1000)
    assert told_of(official) == (
        "none of 1 line for test has at most 50 words, the shortest has 1,000; put each sentence on a line of its own, "
        "or raise --data.max_words"
    )
    write(f"{official}/val.txt", "", " ")
    assert told_of(official) == "talk/val.txt is empty; it must hold sentences, one per line"
    write("named/train.txt", "a b")
    write("named/valid.txt", "a b")
    assert told_of("named").startswith("named has train.txt, valid.txt; files of the splits are called train.txt, val")
    os.mkdir("none")  # noqa: PTH102
    assert told_of("none").startswith("none holds no .txt files; put train.txt, val.txt and test.txt there")
    assert told_of(max_words=0) == "max_words is 0; it must be at least 1"
    assert told_of(vocabulary_size=0) == "vocabulary_size is 0; it must be at least 1"


def test_other_files_beside_those_of_the_splits_are_left_out_with_a_warning(official):
    write(f"{official}/README.txt", "not a sentence")
    with pytest.warns(UserWarning, match=r"leaving out files in talk that are not train, val or test: README.txt"):
        assert "sentence" not in ready(official, min_count=1).vocabulary
