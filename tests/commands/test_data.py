"""`genlab data prepare` and `genlab data check`."""

import re
from pathlib import Path

import pytest
from PIL import Image

from genlab.cli import main
from genlab.data.english import english


def test_check_prints_a_table_and_draws_a_batch(capsys):
    main(["data", "check", "mnist", "--out", "batch.png"])
    output = capsys.readouterr().out
    assert "MNIST: 10 classes, 0 attributes" in output
    assert "540 of 54,000  image (1, 28, 28) mean 0." in output
    assert "label ()" not in output
    counts = [line.split() for line in output.splitlines()[-13:-2]]
    assert counts[0] == ["class", "train", "val", "test"]
    assert [line[0] for line in counts[1:]] == [*"0123456789"]
    assert [sum(map(int, column)) for column in [*zip(*counts[1:], strict=True)][1:]] == [540, 60, 100]
    assert "100 of 10,000  image (1, 28, 28)" in output
    assert "labels: " in output
    assert Image.open("batch.png").size[0] > 400


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("celeba", ["40 attributes", "320 of 162,770", "attributes (40,)"]),
        ("frey", ["1,565  image (1, 28, 20)", "200  image"]),
        ("facades", ["11  source (3, 256, 256)", "target (3, 256, 256)"]),
        ("digits", ["10 classes", "1,437  image (1, 8, 8)"]),
        ("vae_mnist.yaml", ["540  image (1, 28, 28)"]),
    ],
)
def test_prepare_makes_a_data_set_ready_and_says_what_there_is(name, words, capsys):
    main(["data", "prepare", name])
    output = capsys.readouterr().out
    for word in words:
        assert word in output


def test_a_datamodule_of_ones_own_is_checked(capsys):
    Path("mine.yaml").write_text("data: tests.data.test_own.Numerals")
    main(["data", "check", "mine.yaml"])
    assert "train" in capsys.readouterr().out


@pytest.mark.parametrize("section", ["data: Digits", "data: {class_path: Digits, init_args: }"])
def test_short_configs(section, capsys):
    Path("mine.yaml").write_text(section)
    main(["data", "check", "mine.yaml"])
    assert "Digits: 10 classes" in capsys.readouterr().out


def test_prepare_decodes_ahead_of_time(capsys, monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE_DIR", "cache")
    main(["data", "prepare", "celeba"])
    assert "Decoding" in capsys.readouterr().err
    main(["data", "check", "celeba"])
    assert "Decoding" not in capsys.readouterr().err


def test_another_folder_of_data_sets(refused, data_dir, capsys, monkeypatch):
    assert "there is no nowhere/MNIST/raw" in refused("data", "check", "mnist", "--data_dir", "nowhere")
    monkeypatch.delenv("GENLAB_DATA_DIR")
    main(["data", "check", "mnist", "--data_dir", str(data_dir)])


def test_mistakes_are_said(refused):
    assert "there is no data set called mnsit; did you mean mnist?" in refused("data", "check", "mnsit")
    assert "there is no data set called zzz; there are digits, mnist" in refused("data", "check", "zzz")
    assert "there is no config vae.yaml" in refused("data", "prepare", "vae.yaml")
    Path("odd.yaml").write_text("data: {class_path: MNIST, init_args: {bach_size: 3}}")
    assert "the data of odd.yaml cannot be built" in refused("data", "check", "odd.yaml")
    Path("odd.yaml").write_text("[1, 2]")
    assert "odd.yaml has no data section" in refused("data", "check", "odd.yaml")
    assert "overlays/bf16.yaml has no data section" in refused("data", "check", "overlays/bf16.yaml")
    Path("taken.png").write_text("mine")
    assert "taken.png already exists" in refused("data", "check", "digits", "--out", "taken.png")
    assert Path("taken.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b"data: {class_path: Digits, batch_size: 3}", "the data section of my.yaml has batch_size beside class_path"),
        (b"data: [", "my.yaml is not valid YAML"),
        (b"data: \xff\xfe", "my.yaml is not UTF-8 text"),
    ],
)
def test_mistakes_in_configs_are_said(config, message, refused):
    Path("my.yaml").write_bytes(config)
    assert message in refused("data", "check", "my.yaml")


def test_a_picture_that_cannot_be_written_is_said(refused):
    Path("folder.png").mkdir()
    assert "folder.png is a folder" in refused("data", "check", "digits", "--out", "folder.png")
    Path("file").touch()
    assert "file/a.png cannot be written: " in refused("data", "check", "digits", "--out", "file/a.png")
    assert not list(Path.cwd().glob("**/*.part"))


def test_classes_and_domains_go_by_their_names(capsys):
    Path("pets.yaml").write_text("data: {class_path: ImageFolder, init_args: {folder: pets, image_size: 8}}")
    main(["data", "check", "pets.yaml", "--out", "pets.png"])
    output = capsys.readouterr().out
    assert "ImageFolder: 2 classes, 0 attributes" in output
    assert re.search(r"^  cat +\d+ +\d+ +\d+\n  dog +\d+ +\d+ +\d+$", output, re.M)
    assert set(re.search("labels: (.*)", output)[1].split()) <= {"cat", "dog"}
    celeba = "{class_path: CelebA, init_args: {image_size: 8, attributes: [Smiling]}}"
    Path("smiles.yaml").write_text(
        f"data: {{class_path: AttributeDomains, init_args: {{attribute: Smiling, data: {celeba}}}}}"
    )
    main(["data", "prepare", "smiles.yaml"])
    smiling, others = map(int, re.search(r"train +(\d+) Smiling, (\d+) not Smiling", capsys.readouterr().out).groups())
    assert smiling + others == 320


def test_sentences_are_counted_and_a_batch_is_written(capsys):
    main(["data", "check", "sentences", "--out=batch.txt"])
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "Sentences: 368 words in the vocabulary"
    assert [line.split()[:2] for line in told[2:5]] == [["train", "8,000"], ["val", "1,000"], ["test", "1,000"]]
    assert told[5].startswith("most frequent: . 5,835, the 3,565, ? 2,165")
    examples = told[told.index("the first training sentences:") + 1 : -1]
    assert [english().probability(sentence) > 0 for sentence in examples] == [True] * 10
    written = Path("batch.txt").read_text(encoding="utf-8").splitlines()
    assert [english().probability(sentence) > 0 for sentence in written] == [True] * 64
