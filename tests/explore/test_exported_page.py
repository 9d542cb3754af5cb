"""The exported page in a real browser: from disk, and from a server without genlab."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
import torch
from packaging.version import Version
from PIL import Image

import genlab
from genlab.data.files.framing import Framing
from genlab.explore import runtime
from genlab.explore.onnx import OLDEST_TORCH
from genlab.images import eight_bits

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("onnxscript")
CHROMIUM = shutil.which("chromium")
ORT_WEB = os.environ.get("GENLAB_ORT_WEB")
"""A folder that contains the npm package onnxruntime-web, or is it."""
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(Version(torch.__version__) < Version(OLDEST_TORCH), reason="an exporter of before"),
    pytest.mark.skipif(ORT_WEB is None, reason="GENLAB_ORT_WEB names no folder with onnxruntime-web"),
]
IDLE = "main:not([data-busy])"
BACKEND = """async ([method, ...args]) => {
    const { backend } = await import("genlab/backend.js");
    const numbers = ({ floats, bytes }) => (floats ? Float32Array.from(floats) : Uint8Array.from(bytes));
    const given = args.map((arg) => (arg.floats || arg.bytes ? numbers(arg) : arg));
    const found = await backend[method]("run", ...given);
    return [...(found.pixels ?? found)];
}"""
"""Calls a method of the page's backend, and returns its numbers."""
FRAME = """async ([content, part]) => {
    const { backend } = await import("genlab/backend.js");
    return [...(await backend.frame("run", new Blob([Uint8Array.from(content)]), part))];
}"""
PIXELS = """canvas => {
    const {width, height} = canvas;
    return [...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


@pytest.fixture(scope="module")
def site(export_page: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a VAE with a 2-D code, with its runtime."""
    return export_page("--runtime", str(ORT_WEB), to=tmp_path_factory.mktemp("exported") / "site")


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[str]:
    """The address of the folder on a server in its own process, which imports no other code."""
    command = [sys.executable, "-I", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(site)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split(" port ")[1].split()[0]
        yield f"http://127.0.0.1:{port}/"
        process.terminate()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page in a tab; checks in the end that nothing failed, and that nothing was requested from elsewhere."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce")
    problems: list[str] = []
    asked: list[str] = []

    def open_page(address: str, panel: str = "sliders", route: Callable[[Any], None] | None = None) -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        if route:
            page.route(f"{runtime.ADDRESS}/**", route)
        page.goto(address)
        page.locator(f"#tab-{panel}").click()
        page.wait_for_selector(IDLE)
        page.problems, page.folder = problems, address.removesuffix("index.html")
        return page

    yield open_page
    elsewhere = [url for page in context.pages for url in asked if not url.startswith((page.folder, "data:", "blob:"))]
    context.close()
    assert problems == []
    assert all(url.startswith(f"{runtime.ADDRESS}/") for url in elsewhere)


@pytest.fixture(params=["disk", "server"])
def place(request: pytest.FixtureRequest, site: Path) -> str:
    """The address of the page, from disk and from the server."""
    return (site / "index.html").as_uri() if request.param == "disk" else str(request.getfixturevalue("server"))


def near(pixels: np.ndarray, expected: torch.Tensor) -> None:
    """Check that outputs, which agree within 1e-4, differ by at most one level, and rarely."""
    difference = np.abs(pixels.astype(int) - eight_bits(expected).numpy().reshape(pixels.shape))
    assert difference.max() <= 1
    assert difference.mean() < 0.01


def numbers(page: Any, method: str, *args: Any) -> np.ndarray:
    return np.array(page.evaluate(BACKEND, [method, *args]))


def test_the_picture_follows_the_mouse_to_what_the_model_decodes(place: str, visit: Any, run: Path) -> None:
    page, model = visit(place, "map"), genlab.load(run)
    picture = page.locator(".found canvas").first
    before = np.array(picture.evaluate(PIXELS)[::4])
    near(before, model.decode(torch.zeros(1, 2)))
    box = page.locator(".plane .top").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for share in (0.4, 0.3, 0.1):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
    page.mouse.up()
    page.wait_for_url("**x=-*y=*")
    page.wait_for_selector(IDLE)
    where = parse_qs(urlparse(page.url).fragment)
    code = torch.tensor([[float(where["x"][0]), float(where["y"][0])]])
    after = np.array(picture.evaluate(PIXELS)[::4])
    near(after, model.decode(code))
    assert np.abs(after - before).max() > 5
    page.locator("#tab-sliders").click()
    page.wait_for_selector("#tab-sliders[aria-selected=true]")
    page.go_back()
    page.wait_for_selector("#tab-map[aria-selected=true]")
    page.wait_for_selector(IDLE)
    near(np.array(picture.evaluate(PIXELS)[::4]), model.decode(code))


def test_methods_are_those_of_the_served_model(place: str, visit: Any, run: Path) -> None:
    page, model = visit(place), genlab.load(run)
    codes = torch.randn(40, 2)  # more than are computed at a time
    near(numbers(page, "decode", {"floats": codes.flatten().tolist()}), model.decode(codes))
    pixels = torch.randint(256, (3, 1, 8, 8), dtype=torch.uint8)
    given = {"bytes": pixels.flatten().tolist()}
    np.testing.assert_allclose(numbers(page, "encode", given).reshape(3, 2), model.encode(pixels / 255), atol=1e-4)
    near(numbers(page, "reconstruct", given), model.reconstruct(pixels / 255))
    drawn = numbers(page, "draw", {"count": 9, "seed": 5})
    near(numbers(page, "sample", {"count": 9, "seed": 5}), model.decode(torch.from_numpy(drawn).float().view(9, 2)))
    np.testing.assert_array_equal(drawn, numbers(page, "draw", {"count": 9, "seed": 5}))
    assert (drawn != numbers(page, "draw", {"count": 9, "seed": 6})).all()


def test_codes_are_drawn_from_the_densities(site: Path, visit: Any, run: Path) -> None:
    page = visit((site / "index.html").as_uri())
    own = numbers(page, "draw", {"count": 4000, "seed": 1, "prior": "own"}).reshape(-1, 2)
    np.testing.assert_allclose(own.mean(0), 0, atol=0.08)
    np.testing.assert_allclose(np.cov(own.T), np.eye(2), atol=0.1)
    data = genlab.Digits()
    data.setup("fit")
    codes = genlab.load(run).encode(data.train_set[torch.arange(len(data.train_set))]["image"]).numpy()
    for prior in ("gaussian", "gmm"):
        drawn = numbers(page, "draw", {"count": 4000, "seed": 1, "prior": prior}).reshape(-1, 2)
        spread = codes.std(0)
        np.testing.assert_allclose(drawn.mean(0) / spread, codes.mean(0) / spread, atol=0.1)
        np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.12 * spread.max() ** 2)


@pytest.mark.parametrize("size", [(40, 31), (8, 8), (5, 9), (120, 90)])
def test_files_are_framed_as_the_data_are(size: tuple[int, int], site: Path, visit: Any) -> None:
    page = visit((site / "index.html").as_uri())
    random = np.random.default_rng(0)
    content = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(content, "PNG")
    found = np.array(page.evaluate(FRAME, [[*content.getvalue()], "image"])).reshape(1, 8, 8)
    expected = Framing((1, 8, 8)).decode(content.getvalue())
    assert np.abs(found - expected.astype(int)).max() <= 1


def test_what_is_no_image_is_told(site: Path, visit: Any) -> None:
    page = visit((site / "index.html").as_uri())
    with pytest.raises(sync_api.Error, match="This browser cannot read that file as an image"):
        page.evaluate(FRAME, [[1, 2, 3], "image"])


def package_file(url: str) -> bytes:
    """Return a file of the installed package that a pinned address refers to."""
    files = {file: name for name, (file, _) in runtime.FILES.items()}
    return runtime.installed(Path(str(ORT_WEB)))[files[url.rsplit("/", 1)[1]]]


def test_without_a_runtime_the_pinned_one_is_loaded_and_checked(
    export_page: Callable[..., Path], run: Path, visit: Any
) -> None:
    online = export_page(to=Path("online").absolute())
    headers = {"Access-Control-Allow-Origin": "*"}

    def served(route: Any) -> None:
        route.fulfill(body=package_file(route.request.url), headers=headers)

    def changed(route: Any) -> None:
        route.fulfill(body=b"export {};", headers=headers)

    page = visit((online / "index.html").as_uri(), route=served)
    codes = torch.randn(2, 2)
    near(numbers(page, "decode", {"floats": codes.flatten().tolist()}), genlab.load(run).decode(codes))
    other = visit((online / "index.html").as_uri(), route=changed)
    assert "cdn.jsdelivr.net" in other.locator("#status").inner_text()
    assert other.problems
    other.problems.clear()
