"""The exported folder: graphs that compute what PyTorch does, data, and what is refused."""

import base64
import gzip
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from packaging.version import Version
from torch import Tensor, nn

import genlab
from genlab.cli import main
from genlab.explore.exported_data import framing_of
from genlab.explore.graphs import graphs_of
from genlab.explore.onnx import OLDEST_TORCH, Graph, Method, graph_of
from genlab.explore.opened import explored_at
from genlab.networks import UNet
from tests.explore.conftest import arguments

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

pytestmark = pytest.mark.skipif(Version(torch.__version__) < Version(OLDEST_TORCH), reason="an exporter of before")

SITE = Path("site")


def unpacked(site: Path, name: str) -> bytes:
    """Return data of a page from its script."""
    script = (site / "data" / f"{name}.js").read_text()
    parts = json.loads(script[script.index(" = ") + 3 :].removesuffix(";\n"))
    return gzip.decompress(b"".join(map(base64.b64decode, parts)))


def told(site: Path) -> dict[str, Any]:
    return dict(json.loads(unpacked(site, "site")))


def output_of(content: bytes, *inputs: Tensor) -> Tensor:
    """Return what a graph computes."""
    session = onnxruntime.InferenceSession(content)
    names = [node.name for node in session.get_inputs()]
    (output,) = session.run(None, {name: given.numpy() for name, given in zip(names, inputs, strict=True)})
    return torch.from_numpy(output)


@pytest.fixture(scope="module")
def page(export_page: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported page of a VAE with a 2-D code, which tests only read."""
    return export_page(to=tmp_path_factory.mktemp("exported") / "page")


def graphs(run: Path) -> dict[str, Graph]:
    """Return the graphs of a run's model."""
    return graphs_of(explored_at(run, arguments()))


def same(output: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(output, expected, atol=1e-4, rtol=0)


def test_graphs_compute_what_the_model_does_for_any_number(page: Path, run: Path) -> None:
    model = genlab.load(run)
    for count in (1, 3, 7):
        codes, images = torch.randn(count, *model.code_shape), torch.rand(count, *model.image_shape)
        same(output_of((page / "decoder.onnx").read_bytes(), codes), model.decode(codes))
        same(output_of((page / "encoder.onnx").read_bytes(), images), model.encode(images))
    for name in ("decoder", "encoder"):
        assert unpacked(page, name) == (page / f"{name}.onnx").read_bytes()
    assert told(page)["graphs"]["decode"] == {"file": "decoder", "input": [2], "output": [1, 8, 8], "noise": []}


@pytest.mark.parametrize(
    ("name", "graphs", "able", "priors"),
    [
        ("gan", ["decode"], {"decode", "draw", "sample"}, ["own"]),
        ("autoencoder", ["decode", "encode"], {"encode", "decode", "reconstruct"}, ["gaussian", "gmm"]),
        ("cyclegan", ["a_to_b", "b_to_a"], {"translate"}, []),
    ],
)
def test_a_page_without_a_server_can_do_what_the_graphs_can(
    name: str,
    graphs: list[str],
    able: set[str],
    priors: list[str],
    family: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = {each: Graph(each, b"", (1,), (1,), (), 0.0) for each in graphs}
    monkeypatch.setattr("genlab.explore.export.graphs_of", lambda explored: made)
    main(["explore", "--ckpt", str(family(name)), "--export", str(SITE)])
    found = told(SITE)["description"]
    assert {each for each, can in found["can"].items() if can} == able
    assert found["priors"] == priors


SHAPE = (1, 8, 8)
CONDITIONS = {
    "attributes": (genlab.CVAE(SHAPE, attribute_names=["Smiling", "Male"]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])),
    "an image": (genlab.CVAE(SHAPE, source_shape=SHAPE), torch.rand(2, *SHAPE)),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_is_an_input(name: str) -> None:
    model, conditions = CONDITIONS[name]
    model.eval()
    codes = torch.randn(5, *model.code_shape)
    decoder = graph_of("decoder", Method(model, "decode"), codes, conditions)
    for condition in conditions.split(1):
        same(output_of(decoder.content, codes[:3], condition), model.given(condition).decode(codes[:3]))
    assert (decoder.input, decoder.output) == (model.code_shape, SHAPE)


def test_a_run_of_a_conditional_model_is_exported_with_its_classes(family: Callable[[str], Path]) -> None:
    model, found = genlab.load(family("cvae")), graphs(family("cvae"))
    codes, images = torch.randn(3, *model.code_shape), torch.rand(3, *SHAPE)
    for label in (7, 0):
        given, condition = model.given(label), torch.tensor([label])
        same(output_of(found["decode"].content, codes, condition), given.decode(codes))
        same(output_of(found["encode"].content, images, condition), given.encode(images))


def test_translations_take_the_noise_of_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    model = genlab.Pix2Pix((1, 16, 16), (3, 16, 16), generator=partial(UNet, channels=8)).eval()
    images = torch.rand(3, 1, 16, 16)
    graph = graph_of("translator", Method(model, "translate", direction="a_to_b"), images)
    noise = [torch.rand(3, *shape) for shape in graph.noise]
    assert len(noise) == 1
    given = iter(noise)
    monkeypatch.setattr(F, "dropout", lambda x, p: torch.where(next(given) < p, 0, x / (1 - p)))
    same(output_of(graph.content, images, *noise), model.translate(images))


def test_both_translations_of_domains(family: Callable[[str], Path]) -> None:
    model, found = genlab.load(family("cyclegan")), graphs(family("cyclegan"))
    assert {*found} == {"a_to_b", "b_to_a"}
    for direction, shape in model.directions.items():
        images = torch.rand(2, *shape)
        same(output_of(found[direction].content, images), model.translate(images, direction=direction))


def test_files_become_images_of_the_data_but_not_what_a_degradation_makes(family: Callable[[str], Path]) -> None:
    assert {*framing_of(explored_at(family("cvae_of_images"), arguments()))} == {"target"}
    assert framing_of(explored_at(family("faces"), arguments()))["image"]["width_share"] < 1


def test_data_are_those_that_the_server_sends(serve: Callable[..., Any], run: Path, page: Path) -> None:
    served, site = serve(run), page
    found = told(site)
    expected = json.loads(json.dumps(served.described()))
    assert found["description"] == expected | {"key": "vae_digits/0"}
    assert found["run"]["key"] == "vae_digits/0", "and not where it lies on this machine"
    assert str(run).strip("/") not in json.dumps(found)
    assert unpacked(site, "gallery-image") == served.array("gallery/images").tobytes()
    assert unpacked(site, "gallery-codes") == served.array("gallery/codes").tobytes()
    vectors = np.frombuffer(unpacked(site, "attributes"), "<f4").reshape(len(expected["attributes"]), -1)
    np.testing.assert_array_equal(vectors[3], served.array(f"attributes/{expected['attributes'][3]}", "<f4"))
    training = served.client.get(f"/api/runs/{served.key}/training").json()
    assert found["training"] == training
    for picture in training["pictures"]:
        assert (site / "pictures" / picture["id"]).read_bytes() == (run / "pictures" / picture["id"]).read_bytes()
    assert (site / "thumbnail.png").read_bytes() == served.client.get(f"/api/runs/{served.key}/thumbnail").content


def test_factors_of_a_density_give_the_covariance_of_codes(run: Path, page: Path) -> None:
    data = genlab.Digits()
    data.setup("fit")
    codes = genlab.load(run).encode(data.train_set[torch.arange(len(data.train_set))]["image"])
    numbers = torch.frombuffer(bytearray(unpacked(page, "density-gaussian")), dtype=torch.float32)
    mean, factor = numbers[:2], numbers[2:].view(2, 2)
    torch.testing.assert_close(factor @ factor.mT, codes.T.cov(), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(mean, codes.mean(0), rtol=1e-4, atol=1e-5)
    assert told(page)["densities"]["gaussian"]["weights"] == [1.0]
    assert sum(told(page)["densities"]["gmm"]["weights"]) == pytest.approx(1)


def test_the_page_loads_nothing_but_what_is_pinned(page: Path) -> None:
    site, text = page, (page / "index.html").read_text()
    assert "/page/" not in text
    policy = text.split('Content-Security-Policy" content="')[1].split('"')[0]
    places = [word for word in policy.replace(";", " ").split() if ":" in word and not word.endswith(":")]
    assert places == ["https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"]
    for file in told(site)["runtime"]:
        assert file["url"].startswith(places[0])
        assert file["integrity"].startswith("sha384-")


def test_a_folder_is_replaced_only_where_that_is_asked_for(
    run: Path, page: Path, export_page: Callable[..., Path], refused: Callable[..., str]
) -> None:
    site = Path(shutil.copytree(page, SITE))
    (site / "old.onnx").touch()
    again = ["explore", "--ckpt", str(run), "--export", str(site)]
    assert refused(*again) == "genlab: site already exists; give --force to replace it, or another --export"
    export_page("--force", to=site)
    assert not (site / "old.onnx").exists()
    assert (site / "index.html").exists()
    (site / "CNAME").write_text("mine")
    assert "site holds CNAME too, which would be lost; move it" in refused(*again, "--force")
    assert (site / "CNAME").read_text() == "mine"
    Path("mine").mkdir()
    assert "mine is not an exported page, so it is not replaced" in refused(*again[:-1], "mine", "--force")
    assert [path.name for path in Path().iterdir() if path.name.startswith(".genlab")] == []


def test_an_export_without_onnxruntime_web_is_refused_before_anything_is_read(refused: Callable[..., str]) -> None:
    Path("empty").mkdir()
    told = refused("explore", "--ckpt", "nowhere", "--export", "site", "--runtime", "empty")
    assert "there is no onnxruntime-web in empty: npm install onnxruntime-web" in told


def test_an_older_pytorch_is_refused(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.6.0+cpu")
    told = refused("explore", "--export", "site")
    assert "needs PyTorch 2.9 or newer, and this is 2.6.0+cpu: pip install --upgrade torch" in told


class Noisy(nn.Module):
    """A decoder that never returns the same result twice."""

    def __init__(self, image_shape: tuple[int, int, int], code_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(code_size, 64)

    def forward(self, z: Tensor) -> Tensor:
        return self.linear(z + torch.randn_like(z)).view(-1, 1, 8, 8)


class Counting(Noisy):
    """A decoder that uses the number of codes as a Python int."""

    def forward(self, z: Tensor) -> Tensor:
        return self.linear(z).view(len(z), 1, 8, 8)


class Unknown(Noisy):
    """A decoder with a function that ONNX does not have."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.special.bessel_j0(self.linear(z)).view(-1, 1, 8, 8)


@pytest.mark.parametrize(
    ("decoder", "why"),
    [
        (Noisy, "it differs from PyTorch by"),
        (Counting, "it works for a single batch size only"),
        (Unknown, "bessel_j0"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(decoder: type[Noisy], why: str) -> None:
    model = genlab.VAE((1, 8, 8), code_size=3, decoder=decoder).eval()
    with pytest.raises(genlab.GenlabError) as refused:
        graph_of("decoder", Method(model, "decode"), torch.randn(20, 3))
    assert str(refused.value).startswith("the decoder of the VAE cannot be exported: ")
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_failed_export_leaves_nothing_behind(
    run: Path, page: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Path(shutil.copytree(page, SITE))
    kept = (site / "index.html").read_bytes()

    def broken(*args: Any) -> None:
        raise genlab.GenlabError("the disk is full")

    monkeypatch.setattr("genlab.explore.export.graphs_of", lambda explored: {})
    monkeypatch.setattr("genlab.explore.exported_data.gather", broken)
    before = sorted(Path().iterdir())
    assert refused("explore", "--ckpt", str(run), "--export", "other") == "genlab: the disk is full"
    assert refused("explore", "--ckpt", str(run), "--export", "site", "--force") == "genlab: the disk is full"
    assert sorted(Path().iterdir()) == before
    assert (site / "index.html").read_bytes() == kept
