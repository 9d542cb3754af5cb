"""Tools on models of sentences: what they print, write and refuse."""

import csv
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import WandbLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import genlab
from genlab.callbacks import Pictures
from genlab.cli import main
from genlab.data.english import english
from genlab.sheets import Lines
from genlab.vocabulary import Vocabulary
from tests.run_folders import trained

DATA = ["--data=Sentences", "--data.folder=talk", "--data.min_count=1"]
DECODER = ["--model.decoder.hidden=12", "--model.decoder.embedding=6"]
CODES = ["--model.code_size=2", "--model.encoder.hidden=12", "--model.encoder.embedding=6", *DECODER]
LENGTH = 9
"""Number of tokens in the longest sentence that the models know, including its end."""
SHORT = [sentence for sentence in english().draw(900, seed=3) if len(sentence.split()) < LENGTH]
TALK = {"train": SHORT[:400], "val": SHORT[400:480], "test": SHORT[480:540]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder that contains the sentences."""
    folder = tmp_path_factory.mktemp("sentences")
    (folder / "talk").mkdir()
    for split, part in TALK.items():
        (folder / "talk" / f"{split}.txt").write_text("\n".join(part), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(folder, tmp_path_factory) -> dict[str, Path]:
    """Run folders of models that have hardly been trained on a small English."""
    tracked = ["--trainer.logger=TensorBoardLogger", "--trainer.logger.save_dir=tb", "--pictures.count=70"]
    commands = {
        "vae": ["--model=SentenceVAE", *DATA, *CODES, *tracked],
        "autoencoder": ["--model=SentenceAutoencoder", *DATA, *CODES],
        "lm": ["--model=SentenceLM", *DATA, *DECODER],
    }
    return trained(commands, tmp_path_factory, folder)


@pytest.fixture(autouse=True)
def _data_dir(folder, monkeypatch):
    monkeypatch.setenv("GENLAB_DATA_DIR", str(folder))


@pytest.fixture
def printed(runs, capsys):
    """Runs a tool on one of the models, and returns the lines that it prints."""

    def run(tool: str, *arguments: str, of: str = "vae") -> list[str]:
        capsys.readouterr()
        main([tool, "--ckpt", str(runs[of]), "--device=cpu", *arguments])
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def wrong(runs, refused):
    """Runs a tool that must fail on one of the models, and returns its one line."""
    return lambda tool, *arguments, of="vae": refused(tool, "--ckpt", str(runs[of]), "--device=cpu", *arguments)


def as_known(sentences, model) -> set[str]:
    """Return sentences as a model reads them."""
    words = Vocabulary(model.vocabulary)
    return {words.decode(words.encode(sentence)) for sentence in sentences}


def test_samples_are_printed_or_written_and_the_seed_decides(printed, runs):
    model = genlab.load(runs["vae"])
    expected = model.sentences(model.sample(6, seed=0))
    assert printed("sample", "-n=6") == expected
    assert printed("sample", "-n=6", "--out=new.txt") == ["new.txt"]
    assert Path("new.txt").read_text(encoding="utf-8").splitlines() == expected
    by_lot = [printed("sample", "-n=6", "--decoding=sample", f"--seed={seed}") for seed in (1, 1, 2)]
    assert by_lot[0] == by_lot[1] != by_lot[2]
    assert len(printed("sample", "-n=6", of="lm")) == 6


def test_decoding_is_as_asked(printed):
    by_beam = printed("reconstruct", "-n=5", "--beam=3")
    assert by_beam == printed("reconstruct", "-n=5", "--decoding=beam", "--beam=3") != printed("reconstruct", "-n=5")
    surest = printed("reconstruct", "-n=5", "--top_p=0.0001")
    assert (
        surest == printed("reconstruct", "-n=5", "--decoding=greedy") != printed("reconstruct", "-n=5", "--top_p=0.9")
    )
    hot = ["-n=200", "--temperature=50"]
    assert not any("<unk>" in line for line in printed("sample", *hot))
    assert any("<unk>" in line for line in printed("sample", *hot, "--unknown"))


def test_reconstructions_are_pairs_of_test_sentences_or_of_a_file(printed, runs):
    model = genlab.load(runs["vae"])
    lines = printed("reconstruct", "-n=3")
    assert [line[:8] for line in lines] == [
        "input   ",
        "output  ",
        "",
        "input   ",
        "output  ",
        "",
        "input   ",
        "output  ",
    ]
    assert {line[8:] for line in lines[::3]} <= as_known(TALK["test"], model)
    Path("own.txt").write_text("we like tea .\n\nyou sell tea .\n" + "very " * 20, encoding="utf-8")
    with pytest.warns(UserWarning, match="own.txt: 1 sentence of more than 8 words left out"):
        lines = printed("reconstruct", "--input", "own.txt")
    assert lines[0::3] == ["input   we like tea .", "input   you sell tea ."]
    again = model.sentences(model.reconstruct(["we like tea .", "you sell tea ."]))
    assert lines[1::3] == [f"output  {sentence}".rstrip() for sentence in again]


def test_walks_go_from_one_sentence_to_another_or_between_test_sentences(printed, runs):
    lines = printed("interpolate", "--from", "we like tea .", "--to", "where is the house ?", "--steps=5")
    assert [line[:5] for line in lines] == ["start", "0.25 ", "0.5  ", "0.75 ", "end  "]
    model = genlab.load(runs["vae"])
    walk = model.sentences(model.interpolate("we like tea .", "where is the house ?", 5))
    assert [line[7:] for line in lines] == walk
    between_test = printed("interpolate", "-n=2", "--steps=3", "--out=walks.txt")
    assert between_test == ["walks.txt"]
    assert [line[:5] for line in Path("walks.txt").read_text().splitlines()] == [
        *("start", "0.5  ", "end  ", "", "start", "0.5  ", "end  ")
    ]
    assert len(printed("interpolate", "-n=2", "--steps=3", "--between=samples", "--along=slerp")) == 7
    Path("own.txt").write_text("we like tea .\nyou sell tea .\nhe is late .", encoding="utf-8")
    assert len(printed("interpolate", "--input", "own.txt", "--steps=3")) == 7


def test_an_edit_is_along_a_word_or_from_one_file_to_another(printed, runs):
    lines = printed("edit", "--attribute", "?", "-n=2", "--steps=3", "--strength=-1..1")
    assert [line[:5] for line in lines] == ["input", "−1   ", "0    ", "+1   ", "", "input", "−1   ", "0    ", "+1   "]  # noqa: RUF001
    asking = [sentence for sentence in TALK["train"] if "?" in sentence.split()]
    others = [sentence for sentence in TALK["train"] if "?" not in sentence.split()]
    Path("asking.txt").write_text("\n".join(asking), encoding="utf-8")
    Path("others.txt").write_text("\n".join(others), encoding="utf-8")
    Path("own.txt").write_text("we like tea .", encoding="utf-8")
    shown = ["--input=own.txt", "--steps=3", "--strength=-9..9"]
    lines = printed("edit", "--with=asking.txt", "--without=others.txt", *shown)
    model = genlab.load(runs["vae"])
    direction = model.encode(asking).mean(0) - model.encode(others).mean(0)
    moved = model.encode("we like tea .") + 9 * torch.tensor([[-1.0], [0], [1]]) * direction
    assert [line[7:] for line in lines[1:]] == model.sentences(model.decode(moved))


def test_codes_are_mapped_predicted_and_probed(printed, runs):
    assert printed("latent", "--color-by=?", "--out=map.npz") == ["map.npz"]
    with np.load("map.npz") as found:
        assert found["classes"].tolist().count(1) == sum("?" in sentence.split() for sentence in TALK["test"])
        assert found["points"].shape == (60, 2)
    Path("own.txt").write_text("we like tea .\nyou sell tea .", encoding="utf-8")
    printed("predict", "--input", "own.txt", "--out=codes.npz")
    model = genlab.load(runs["vae"])
    codes = model.encode(["we like tea .", "you sell tea ."])
    with np.load("codes.npz") as found:
        np.testing.assert_allclose(found["code"], codes, atol=1e-6)
        assert found["sentence"].tolist() == ["we like tea .", "you sell tea ."]
        assert found["reconstruction"].tolist() == model.sentences(model.decode(codes))
    printed("probe", "--attribute=?", "--labels=5,all", "--draws=2", "--out=probe.json", of="autoencoder")
    probe = json.loads(Path("probe.json").read_text())
    assert (probe["training_sentences"], probe["test_sentences"]) == (400, 60)
    assert probe["few_labels"]["counts of words"]["all"]["mean"] == 1  # one of the counts is the question mark's


def test_the_squared_error_of_a_probe_is_that_of_counts_of_words(printed, runs):
    printed("probe", "--out=probe.json")
    model = genlab.load(runs["vae"])
    again = model.sentences(model.reconstruct(TALK["test"]))
    words = Vocabulary(model.vocabulary)
    counts = [[Counter(words.encode(sentence)) for sentence in sentences] for sentences in (TALK["test"], again)]
    errors = [sum((a[w] - b[w]) ** 2 for w in a | b) for a, b in zip(*counts, strict=True)]
    found = json.loads(Path("probe.json").read_text())["reconstruction"]["codes"]["squared error"]["mean"]
    assert found == pytest.approx(np.mean(errors))


@pytest.mark.parametrize("of", ["lm", "autoencoder"])
def test_the_strangest_sentences_come_first(printed, runs, of):
    model, given = genlab.load(runs[of]), [*TALK["test"][:3], "tea tea tea tea tea"]
    Path("own.txt").write_text("\n".join(given), encoding="utf-8")
    printed("evaluate", "--input", "own.txt", "--out=strange.csv", of=of)
    rows = [*csv.reader(Path("strange.csv").read_text(encoding="utf-8").splitlines())]
    assert rows[0][0] == "sentence"
    if of == "lm":
        expected = [-float(model.log_prob(sentence)) for sentence in given]
    else:
        again = model.sentences(model.reconstruct(given))
        words = Vocabulary(model.vocabulary)
        pairs = [(words.encode(a), words.encode(b)) for a, b in zip(given, again, strict=True)]
        expected = [1 - sum(x == y for x, y in zip(a, b, strict=False)) / len(a) for a, b in pairs]
    assert {name: float(score) for name, score, _ in rows[1:]} == {
        sentence: pytest.approx(score, abs=1e-4) for sentence, score in zip(given, expected, strict=True)
    }
    scores = [float(score) for _, score, _ in rows[1:]]
    assert scores == sorted(scores, reverse=True)


def test_other_sentences_are_read_with_the_words_of_the_model(printed, runs, folder):
    (folder / "other.txt").write_text("\n".join(f"we like tea number{i} ." for i in range(20)), encoding="utf-8")
    lines = printed("reconstruct", "--data.folder=other.txt", "-n=2")
    assert lines[0] == "input   we like tea <unk> ."
    main(["validate", "--ckpt_path", str(runs["vae"]), "--data.folder=other.txt"])


def test_training_writes_lines_of_text(runs, printed):
    samples, pairs = (
        (runs["vae"] / "pictures" / f"{tool}-epoch0001.txt").read_text(encoding="utf-8").splitlines()
        for tool in ("sample", "reconstruct")
    )
    assert len(samples) == 70
    words = Vocabulary(genlab.load(runs["vae"]).vocabulary)
    seen = [words.decode(words.encode(sentence)) for sentence in TALK["val"][:70]]  # from two batches
    assert pairs[::3] == [f"input   {sentence}" for sentence in seen]
    events = EventAccumulator(str(next(runs["vae"].parents[2].rglob("events*")).parent)).Reload()
    assert {"reconstruct/text_summary", "sample/text_summary"} <= {*events.Tags()["tensors"]}
    text = events.Tensors("sample/text_summary")[0].tensor_proto.string_val[0].decode()
    assert [line.strip() for line in text.split("\n")] == samples


class Tracker(WandbLogger):
    """A W&B logger without a run."""

    def __init__(self) -> None:
        self.logged = []

    def log_text(self, *args, **kwargs) -> None:
        self.logged.append((args, kwargs))


def test_wandb_gets_lines_of_text():
    tracker = Tracker()
    trainer = SimpleNamespace(default_root_dir=".", loggers=[tracker], global_step=7)
    Pictures()._write(trainer, "sample", Lines(["we like tea .", "you do ."]), epoch=2)
    assert tracker.logged == [
        (("sample",), {"columns": ["line"], "data": [["we like tea ."], ["you do ."]], "step": 7}),
    ]
    assert Path("pictures/sample-epoch0002.txt").read_text() == "we like tea .\nyou do .\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--from=we lik tea .", "--to=we like tea ."],
            "--from has words that the SentenceVAE does not know: 'lik' (nea",
        ),
        (["--from=we like tea .", "--to= "], "--to is empty; give a sentence"),
        (
            ["--from=we like tea .", "--to=" + "tea " * 9],
            "--to has 9 words; the SentenceVAE takes sentences of up to 8",
        ),
        (["--from=we like tea ."], "a walk has two ends; give --to too"),
        (["--to=we like tea ."], "a walk has two ends; give --from too"),
        (["--from=we .", "--to=we .", "-n=3"], "--from and --to are the ends of one walk; leave out"),
        (["--along=square"], "--along square is for images; for sentences, give lerp or slerp"),
        (["--beam=3", "--decoding=greedy"], "--beam is for beam search: give it with --decoding beam"),
        (
            ["--beam=3", "--top_p=0.5"],
            "--temperature and --top_p are for drawing words: give them with --decoding sample",
        ),
        (["--temperature=0"], "temperature is 0.0; it must be above 0"),
        (["--data=Digits"], "takes sentences, but Digits has images"),
        (["--input=empty.txt"], "empty.txt is empty; it must hold sentences, one per line"),
        (["--input=one.txt"], "an interpolation takes 2 sentences or more; --input has 1"),
        (["--input=long.txt"], "all of 1 sentence have more than 8 words, the most that the SentenceVAE takes"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(wrong, arguments, told):
    for name, text in {"empty": "\n", "one": "we like tea .", "long": "tea " * 30}.items():
        Path(f"{name}.txt").write_text(text, encoding="utf-8")
    assert told in wrong("interpolate", *arguments)


def test_a_map_of_too_few_sentences_asks_for_more_sentences(wrong):
    Path("one.txt").write_text("we like tea .", encoding="utf-8")
    told = "a map of 1 code by pca needs 2 or more; give more sentences"
    assert told in wrong("latent", "--method=pca", "--input=one.txt", "--out=map.png")


def test_what_an_edit_must_be_told(wrong, runs):
    told = "there is nothing to edit; give --attribute NAME, or for sentences --with FILE --without FILE"
    assert told in wrong("edit")
    assert "give --with and --without" in wrong("edit", "--with=a.txt")
    assert "give either --attribute, or" in wrong("edit", "--attribute=?", "--with=a.txt", "--without=b.txt")
    for name in ("some", "same"):
        Path(f"{name}.txt").write_text("we like tea .\n", encoding="utf-8")
    same = ["--with=some.txt", "--without=same.txt"]
    assert "the sentences of some.txt and same.txt have the same codes" in wrong("edit", *same)
    assert "the vocabulary of Sentences has no 'teaa'; did you mean tea?" in wrong("edit", "--attribute=teaa")
    assert "cannot encode" in wrong("edit", "--attribute=?", of="lm") or "cannot decode" in wrong(
        "edit", "--attribute=?", of="lm"
    )


@pytest.mark.parametrize("arguments", [["traverse"], ["features"], ["project"], ["explore", "--export=page"]])
def test_tools_that_only_draw_say_so(wrong, arguments, monkeypatch):
    monkeypatch.setattr("genlab.explore.onnx.OLDEST_TORCH", "2.6")  # so that the version of torch is not the reason
    assert "this tool draws images, but the SentenceVAE in" in wrong(*arguments)


def test_models_of_images_have_no_sentences(run, refused):
    ckpt = f"--ckpt={run}"
    assert "--from and --to are sentences, but the VAE is a model of images" in refused(
        "interpolate", ckpt, "--from=a", "--to=b"
    )
    assert "--decoding is for models of sentences, and this is a VAE" in refused("sample", ckpt, "--decoding=beam")
    assert "new.txt has no picture extension" in refused("sample", ckpt, "--out=new.txt")
    assert "takes images, but Sentences has sentences" in refused("reconstruct", ckpt, "--data=Sentences")
    assert "--with and --without are for sentences" in refused("edit", ckpt, "--with=a.txt", "--without=b.txt")


def test_a_dollar_is_a_word_of_a_picture():
    figure = Lines(["it costs $ 5 , not_ $ 6 ."], title="Samples").figure()
    assert [text.get_text() for text in figure.texts] == ["it costs $ 5 , not_ $ 6 .", "Samples"]
    assert not any(text.get_parse_math() for text in figure.texts)
