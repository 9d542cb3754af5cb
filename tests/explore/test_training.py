"""Curves and pictures of runs."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab import runs
from genlab.explore.entries import NotThere
from genlab.explore.training import POINTS, THUMBNAIL, find_picture, last_picture, pictures_of, training_of
from tests.run_folders import make_run, write_metrics


def draw(path: Path, size: tuple[int, int] = (1000, 500)) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, "red").save(path)


def test_curves_are_those_of_the_metrics_file(working_folder):
    told = training_of(make_run("runs/vae/0", epochs=2))
    assert told["live"] is False
    assert told["metrics"]["val/loss"] == {"steps": [4, 9], "epochs": [0, 1], "values": [10, 5]}
    assert len(told["metrics"]["train/loss"]["values"]) == 10


def test_long_curves_are_thinned_and_keep_their_ends(working_folder):
    run = make_run("runs/vae/0")
    write_metrics(run, [{"step": step, "epoch": 0, "train/loss": float(step)} for step in range(10_001)])
    values = training_of(run)["metrics"]["train/loss"]["values"]
    assert len(values) == POINTS
    assert (values[0], values[-1]) == (0, 10_000)
    assert np.diff(values).max() < 15


def test_pictures_are_found_by_tool_and_epoch(working_folder):
    run = make_run("runs/vae/0")
    for name in (
        "sample-epoch0010.png",
        "reconstruct-epoch0010.png",
        "sample-epoch0002.png",
        "samples-0001.png",
        "latent.png",
    ):
        draw(run / "pictures" / name)
    assert [(each.tool, each.epoch) for each in pictures_of(run)] == [
        ("samples", 1),
        ("sample", 2),
        ("reconstruct", 10),
        ("sample", 10),
    ]
    assert last_picture(run) == find_picture(run, "sample-epoch0010.png")


@pytest.mark.parametrize("name", ["latent.png", "../config.yaml", "/etc/passwd", "", "sample-epoch0003.png"])
def test_no_other_file_is_a_picture(working_folder, name):
    run = make_run("runs/vae/0")
    draw(run / "pictures" / "sample-epoch0010.png")
    draw(run / "pictures" / "latent.png")
    with pytest.raises(NotThere):
        find_picture(run, name)


def test_the_server_gives_pictures_and_thumbnails(serve, working_folder):
    run = make_run("runs/vae/0")
    draw(run / "pictures" / "sample-epoch0010.png")
    client = serve(Path("runs/vae/0")).client
    told = client.get("/api/runs/runs/vae/0/training").json()
    assert told["pictures"] == [{"id": "sample-epoch0010.png", "tool": "sample", "epoch": 10}]
    picture = client.get("/api/runs/runs/vae/0/pictures/sample-epoch0010.png")
    assert picture.content == (run / "pictures" / "sample-epoch0010.png").read_bytes()
    assert picture.headers["content-type"] == "image/png"
    thumbnail = client.get("/api/runs/runs/vae/0/thumbnail")
    assert Image.open(io.BytesIO(thumbnail.content)).size == (THUMBNAIL, THUMBNAIL // 2)


def test_a_picture_that_is_no_png_is_not_given(serve, working_folder):
    run = make_run("runs/vae/0")
    (run / "pictures").mkdir()
    (run / "pictures" / "sample-epoch0001.png").symlink_to("/etc/passwd")
    client = serve(Path("runs/vae/0")).client
    for address in ("pictures/sample-epoch0001.png", "thumbnail"):
        answer = client.get(f"/api/runs/runs/vae/0/{address}")
        assert (answer.status_code, answer.json()) == (404, {"error": "sample-epoch0001.png is not a PNG"})


def test_a_training_is_live_and_only_news_are_sent(serve, working_folder):
    run = make_run("runs/vae/0")
    client, address = serve(Path("runs/vae/0")).client, "/api/runs/runs/vae/0/training"
    with runs.training(run):
        answer = client.get(address)
        assert answer.json()["live"] is True
        tag = {"If-None-Match": answer.headers["etag"]}
        unchanged = client.get(address, headers=tag)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        with (run / "metrics.csv").open("a") as file:
            file.write("10,2,0.5,\n")
        answer = client.get(address, headers=tag)
        assert answer.status_code == 200
        assert answer.json()["metrics"]["train/loss"]["values"][-1] == 0.5
        tag = {"If-None-Match": answer.headers["etag"]}
    assert client.get(address, headers=tag).json()["live"] is False


def test_the_chooser_lists_what_is_known_of_each_run(serve, working_folder):
    make_run("runs/old/0", time=1e9)
    run = make_run("runs/new/3", epochs=4, time=2e9)
    draw(run / "pictures" / "sample-epoch0004.png")
    make_run("runs/damaged/0", time=0.5e9)
    Path("runs/damaged/0/config.yaml").write_text(": no\n- yaml")
    os.utime("runs/damaged/0/config.yaml", (0, 0))
    told = serve(None).client.get("/api/runs").json()
    assert told["chosen"] is None
    assert [each["key"] for each in told["runs"]][:2] == ["runs/new/3", "runs/old/0"]
    assert told["runs"][0] == {
        "key": "runs/new/3",
        "name": "new/3",
        "opens": False,
        "model": "VAE",
        "data": "Digits",
        "epochs": 4,
        "metric": {"name": "val/loss", "value": 2.5},
        "picture": True,
    }
    assert len(told["runs"]) == 3


def test_a_checkpoint_outside_of_a_run_has_no_training(serve, run, working_folder):
    shutil.copy(run / "checkpoints" / "last.ckpt", "mine.ckpt")
    site = serve(Path("mine.ckpt"))
    assert site.key == "mine.ckpt"
    assert site.client.get("/api/runs/mine.ckpt/training").json() == {"live": False, "metrics": {}, "pictures": []}
    assert site.client.get("/api/runs/mine.ckpt/thumbnail").status_code == 404
    assert site.described()["key"] == "mine.ckpt"
