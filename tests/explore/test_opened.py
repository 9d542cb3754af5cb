"""Open models: turns of a view, many clients at once, and which models stay in memory."""

import asyncio
import shutil
import threading
import weakref
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

import genlab
from genlab.errors import GenlabError
from genlab.explore.app import application
from genlab.explore.entries import Entries, Entry
from genlab.explore.opened import MOST_OPEN, MOST_VIEWS, OpenModel, OpenModels, Superseded, Turn, explored_at
from genlab.images import eight_bits
from tests.explore.conftest import arguments


@pytest.fixture
def model(run) -> OpenModel:
    return OpenModel(explored_at(run / "checkpoints" / "last.ckpt", arguments()), "a run")


def test_only_the_newest_of_a_view_is_computed(model):
    done: list[str] = []
    begun, goes_on = threading.Event(), threading.Event()

    def first(explored):
        begun.set()
        goes_on.wait(10)
        done.append("a1")

    async def ask() -> list[object]:
        async def a(turn: int, work=None) -> object:
            try:
                return await model.compute(work or (lambda explored: done.append(f"a{turn}")), Turn("a", turn))
            except Superseded:
                return "dropped"

        waiting = [asyncio.create_task(a(1, first))]
        await asyncio.to_thread(begun.wait, 10)
        waiting += [asyncio.create_task(a(turn)) for turn in (2, 3, 5, 4)]
        waiting.append(asyncio.create_task(model.compute(lambda explored: done.append("b1"), Turn("b", 1))))
        waiting.append(asyncio.create_task(model.compute(lambda explored: done.append("any"))))
        await asyncio.sleep(0)  # all of them have asked by now
        goes_on.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(ask()) == [None, "dropped", "dropped", None, "dropped", None, None]
    assert done == ["a1", "a5", "b1", "any"]


def test_views_are_forgotten(model):
    async def ask() -> None:
        for number in range(MOST_VIEWS + 10):
            await model.compute(lambda explored: None, Turn(str(number), 1))

    asyncio.run(ask())
    assert len(model._newest) == MOST_VIEWS


def test_what_goes_wrong_in_a_model_is_an_error_of_one_line(model):
    def broken(explored):
        raise RuntimeError("mat1 and mat2\nshapes cannot be multiplied")

    with pytest.raises(GenlabError, match="RuntimeError: mat1 and mat2 shapes"):
        asyncio.run(model.compute(broken))


def test_stale_requests_are_answered_409(serve, run):
    site = serve(run)
    code = np.zeros(2, np.float32).tobytes()
    assert site.post("decode", code, view="map", turn=5).status_code == 200
    answer = site.post("decode", code, view="map", turn=4)
    assert (answer.status_code, answer.json()) == (409, {"dropped": True})
    assert site.post("decode", code, view="other", turn=1).status_code == 200


def test_twenty_clients_at_once_get_their_own_answers(run):
    app = application(arguments(), Entries(str(run)))
    codes = np.random.default_rng(0).normal(size=(20, 2)).astype("<f4")

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            key = (await client.get("/api/runs")).json()["chosen"]
            address = f"/api/models/{key}/decode"
            return await asyncio.gather(*(client.post(address, content=code.tobytes()) for code in codes))

    expected = eight_bits(genlab.load(run).decode(codes))
    for answer, image in zip(asyncio.run(ask()), expected, strict=True):
        np.testing.assert_array_equal(np.frombuffer(answer.content, "u1").reshape(1, 8, 8), image)


def test_few_models_stay_open(run, tmp_path):
    models = OpenModels(arguments())
    entries = []
    for number in range(MOST_OPEN + 1):
        copy = tmp_path / f"{number}.ckpt"
        shutil.copy(run / "checkpoints" / "last.ckpt", copy)
        entries.append(Entry(str(number), None, copy))

    async def ask() -> list[bool]:
        seen = [weakref.ref((await models.get(entry)).explored.model) for entry in entries]
        return [model() is not None for model in seen]

    assert asyncio.run(ask()) == [False] + [True] * MOST_OPEN


def test_an_open_model_answers_while_another_one_opens(run, tmp_path, monkeypatch):
    models = OpenModels(arguments())
    first, second = (Entry(name, None, tmp_path / f"{name}.ckpt") for name in "ab")
    for entry in (first, second):
        shutil.copy(run / "checkpoints" / "last.ckpt", entry.asked)
    begun, goes_on = threading.Event(), threading.Event()

    async def ask() -> int:
        opened = await models.get(first)

        def opening(*args):
            begun.set()
            goes_on.wait(20)
            return opened.explored

        monkeypatch.setattr("genlab.explore.opened.explored_at", opening)
        slow = [asyncio.create_task(models.get(second)) for _ in range(3)]
        await asyncio.to_thread(begun.wait, 10)
        model = await asyncio.wait_for(models.get(first), 5)
        images = await asyncio.wait_for(model.compute(lambda explored: explored.sample(1, seed=0)), 5)
        goes_on.set()
        assert len(set(await asyncio.gather(*slow))) == 1  # it is opened once
        return len(images)

    assert asyncio.run(ask()) == 1


def test_a_model_that_opens_does_not_disturb_the_noise_of_a_translation(family, monkeypatch):
    explored = explored_at(family("pix2pix"), arguments())
    image, model = explored.gallery.parts["source"][:1], explored.model.train()  # dropout draws noise
    expected = explored.translate(image, "a_to_b", seed=1)
    monkeypatch.setattr("genlab.explore.opened.Trained", lambda args: torch.rand(9) is None or explored.trained)
    opening = threading.Thread(target=explored_at, args=[family("pix2pix"), arguments()])
    hook = model.generator.register_forward_pre_hook(lambda *_: opening.start() or opening.join(0.3))
    found = explored.translate(image, "a_to_b", seed=1)
    opening.join()
    hook.remove()
    assert torch.equal(found, expected)


def test_a_model_whose_training_has_diverged_opens_without_a_map(serve, run, tmp_path):
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    for name, weights in content["state_dict"].items():
        if name.startswith("encoder."):
            weights.fill_(torch.nan)
    torch.save(content, tmp_path / "diverged.ckpt")
    site = serve(tmp_path / "diverged.ckpt")
    told = site.described()
    assert told["directions"] is None
    assert site.computed("sample", count=2).shape[0] == 2


def test_a_model_is_opened_again_once_its_training_has_gone_on(serve, run, tmp_path):
    copy = Path(shutil.copytree(run, tmp_path / "trained" / "0"))
    site = serve(copy)
    before = site.described()
    assert site.described() == before
    checkpoint = copy / "checkpoints" / "best.ckpt"
    content = torch.load(checkpoint, weights_only=True)
    content["epoch"] = 41
    torch.save(content, checkpoint)
    assert site.described()["title"] == "VAE on Digits, epoch 42"


def test_a_run_that_is_deleted_meanwhile_is_told_and_the_server_lives(serve, run, tmp_path, monkeypatch):
    for name in ("kept", "gone"):
        shutil.copytree(run, tmp_path / "runs" / name / "0")
    monkeypatch.chdir(tmp_path)
    site = serve(Path("runs/gone/0"))
    assert site.key == "runs/gone/0"
    site.described()
    shutil.rmtree("runs/gone")
    assert "may have been deleted" in site.refused("sample")
    assert site.client.get(f"/api/models/{site.key}").status_code == 404
    assert [each["key"] for each in site.client.get("/api/runs").json()["runs"]] == ["runs/kept/0"]
    site.key = "runs/kept/0"
    assert len(site.computed("sample")) == 1


def test_a_run_without_a_checkpoint_is_listed_and_says_why_it_does_not_open(serve, run, tmp_path, monkeypatch):
    shutil.copytree(run, tmp_path / "runs" / "whole" / "0")
    shutil.copytree(run, tmp_path / "runs" / "begun" / "0", ignore=lambda *_: ["checkpoints"])
    monkeypatch.chdir(tmp_path)
    site = serve(None)
    assert site.key == "runs/whole/0"
    assert {each["key"]: each["opens"] for each in site.client.get("/api/runs").json()["runs"]} == {
        "runs/whole/0": True,
        "runs/begun/0": False,
    }
    answer = site.client.get("/api/models/runs/begun/0")
    assert answer.status_code == 400
    assert "has no checkpoints/best.ckpt or last.ckpt" in answer.json()["error"]
    assert site.client.get("/api/runs/runs/begun/0/training").json()["metrics"]


def test_a_damaged_checkpoint_is_told(serve, run, tmp_path):
    copy = tmp_path / "damaged.ckpt"
    copy.write_bytes((run / "checkpoints" / "last.ckpt").read_bytes()[:-1000])
    site = serve(copy)
    answer = site.client.get(f"/api/models/{site.key}")
    assert answer.status_code == 400
    assert "damaged.ckpt" in answer.json()["error"]
