"""The page in a real browser: what a user does, and the pixels that they see."""

import contextlib
import functools
import io
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.diffusion import Sampling, heun
from genlab.images import eight_bits
from genlab.runs import held
from tests.explore.conftest import arguments

pytest.importorskip("playwright.sync_api")
uvicorn = pytest.importorskip("uvicorn")
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

FAMILIES = {
    "cvae_digits": "cvae",
    "cyclegan_digits": "cyclegan",
    "diffusion_digits": "diffusion",
    "vae_celeba": "faces",
}
"""Runs to explore, in addition to the VAE of digits."""
RUNS = ["vae_digits", *FAMILIES]
IDLE = "main:not([data-busy])"
PIXELS = """canvas => {
    const {width, height} = canvas;
    return [height, width, ...canvas.getContext("2d").getImageData(0, 0, width, height).data];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Path, family: Callable[[str], Path]) -> Path:
    """A folder with runs of several families, hardly trained."""
    folder = tmp_path_factory.mktemp("explored")
    shutil.copytree(run, folder / "runs/vae_digits/0")
    for name, kind in FAMILIES.items():
        shutil.copytree(family(kind), folder / "runs" / name / "0")
    return folder


@contextlib.contextmanager
def served(folder: Path, ckpt: str | None = None) -> Iterator[str]:
    """Serve the runs of a folder, or a checkpoint, in a thread of the tests' process."""
    from genlab.explore.app import application
    from genlab.explore.entries import Entries
    from genlab.explore.server import address_of, listening

    with pytest.MonkeyPatch.context() as patch, listening("127.0.0.1", 0) as listener:
        patch.chdir(folder)
        server = uvicorn.Server(
            uvicorn.Config(
                application(arguments(ckpt=ckpt), Entries(ckpt)), log_level="error", lifespan="off", ws="none"
            )
        )
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        try:
            yield address_of("127.0.0.1", listener.getsockname()[1]).rstrip("/")
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of a server of these runs."""
    with served(folder) as address:
        yield address


class Screen:
    """A tab of the browser, and a user's actions in it.

    Args:
        page: Playwright's page.
        address: address of the server.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)

    def open(self, run: str, panel: str, settings: str = "") -> None:
        """Open a panel of a run."""
        self.visit(f"{self.address}/#run=runs/{run}/0&panel={panel}{settings}")

    def visit(self, url: str) -> None:
        """Open an address in a fresh page."""
        self.page.goto("about:blank")
        self.page.goto(url)
        self.page.wait_for_selector(".panel, .runs")
        self.settle()

    def settle(self) -> None:
        """Wait until everything is computed and drawn."""
        self.page.wait_for_selector(IDLE)

    def await_address(self, part: str) -> None:
        """Wait until the address contains a setting: it is updated a moment later."""
        self.page.wait_for_url(lambda url: part in url)

    def pixels(self, selector: str) -> np.ndarray:
        """Read a canvas: (H, W, 4), uint8."""
        height, width, *values = self.page.eval_on_selector(selector, PIXELS)
        return np.array(values, np.uint8).reshape(height, width, 4)

    def image(self, selector: str, channels: int = 1) -> np.ndarray:
        """Read a canvas as an image in the data's format: (C, H, W), uint8."""
        pixels = self.pixels(selector)
        assert (pixels[..., 3] == 255).all()
        if channels == 1:
            assert (pixels[..., :3] == pixels[..., :1]).all()
        return pixels[..., :channels].transpose(2, 0, 1)

    def sent(self, what: str, act: Callable[[], None]) -> Any:
        """Do something, and return the last request for a primitive that it caused."""
        requests: list[Any] = []

        def keep(request: Any) -> None:
            requests.append(request)

        self.page.on("request", keep)
        act()
        self.settle()
        self.page.remove_listener("request", keep)
        return [request for request in requests if f"/{what}?" in request.url][-1]

    def download(self, name: str) -> bytes:
        """Press a button that downloads a file, and read the file."""
        with self.page.expect_download() as found:
            self.page.get_by_role("button", name=name, exact=True).click()
        return Path(found.value.path()).read_bytes()

    def upload(self, label: str, content: bytes) -> None:
        """Upload a file to an image chooser."""
        file = {"name": "mine.png", "mimeType": "image/png", "buffer": content}
        self.page.get_by_label(f"{label}: upload an image").set_input_files(file)
        self.settle()


@pytest.fixture
def screen(browser: Any, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    """A new tab; checks in the end that nothing in it failed, and that no other machine was asked for anything."""
    monkeypatch.chdir(folder)
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    screen = Screen(page, address)
    yield screen
    context.close()
    assert screen.problems == []
    assert all(url.startswith((f"{address}/", "blob:", "data:")) for url in asked)


@functools.cache
def model_of(run: Path) -> Any:
    """Load the model of a run."""
    return genlab.load(run)


def codes_in(request: Any, size: int) -> torch.Tensor:
    """Return the codes that a request sends."""
    return torch.from_numpy(np.frombuffer(request.post_data_buffer, "<f4").copy()).view(-1, size)


def drawn(images: torch.Tensor) -> np.ndarray:
    """Return the first of some images, in 8 bits."""
    return eight_bits(images[0]).numpy()


def png(image: np.ndarray) -> bytes:
    """Return an image as a PNG file."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def test_all_runs_can_be_chosen_and_the_back_button_returns(screen: Screen) -> None:
    screen.visit(f"{screen.address}/#panel=map")
    cards = screen.page.locator("a.card")
    assert sorted(cards.locator("strong").all_inner_texts()) == [f"{name}/0" for name in sorted(RUNS)]
    vae = cards.filter(has_text="vae_digits/0").filter(has_not_text="cvae")
    assert "VAE of Digits" in vae.inner_text()
    assert "3 epochs" in vae.inner_text()
    assert vae.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0

    vae.click()
    screen.page.wait_for_selector(".of-samples")
    screen.settle()
    tabs = screen.page.get_by_role("tab")
    assert tabs.all_inner_texts() == [
        "Samples", "Map", "Sliders", "Attributes", "Interpolation", "Reconstruction", "Training",
    ]  # fmt: skip
    tabs.nth(0).focus()
    screen.page.keyboard.press("ArrowRight")
    screen.page.wait_for_selector(".of-map")
    screen.settle()
    assert screen.page.evaluate("document.activeElement.textContent") == "Map"
    screen.page.go_back()
    screen.page.wait_for_selector(".of-samples")
    screen.page.go_back()
    screen.page.wait_for_selector(".runs")
    screen.page.go_forward()
    screen.page.wait_for_selector(".of-samples")
    screen.settle()
    screen.page.get_by_role("link", name="All runs").last.click()
    screen.page.wait_for_selector(".runs")
    screen.visit(screen.page.url)
    assert cards.count() == len(RUNS), "reloaded, or shared as a link"


@pytest.mark.parametrize(("place", "ckpt"), [("runs", "../outside.ckpt"), ("runs/vae_digits/0", ".")])
def test_a_path_that_browsers_would_resolve_is_opened(
    place: str, ckpt: str, browser: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(folder / "runs/vae_digits/0/checkpoints/best.ckpt", folder / "outside.ckpt")
    monkeypatch.chdir(folder / place)
    with served(folder / place, ckpt) as address, contextlib.closing(browser.new_page()) as page:
        screen = Screen(page, address)
        screen.visit(f"{address}/")
        assert page.locator(".of-samples").is_visible()
        assert screen.problems == []


def test_what_the_map_shows_is_what_the_model_decodes_where_one_drags(screen: Screen, folder: Path) -> None:
    screen.open("vae_digits", "map")
    before = screen.image(".found canvas")
    model = model_of(folder / "runs/vae_digits/0")
    assert (before == drawn(model.decode(torch.zeros(1, 2)))).all()

    box = screen.page.locator(".plane .top").bounding_box()

    def drag() -> None:
        mouse = screen.page.mouse
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        mouse.down()
        for share in (0.4, 0.3, 0.25):
            mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"])
        mouse.up()

    codes = codes_in(screen.sent("decode", drag), 2)
    after = screen.image(".found canvas")
    assert (after == drawn(model.decode(codes))).all()
    assert (after != before).any()
    x, y = codes[0].tolist()
    assert x < 0 < y, "left of the middle, and above it"
    told = screen.page.locator(".found figcaption").first.inner_text()
    assert f"{abs(x):.2f}, {y:.2f}" in told
    assert screen.page.evaluate('performance.getEntriesByName("genlab:event-to-paint").length') > 0

    screen.page.locator(".plane .top").focus()
    moved = codes_in(screen.sent("decode", lambda: screen.page.keyboard.press("ArrowRight")), 2)
    assert moved[0, 0] > x
    assert moved[0, 1] == y
    assert (screen.image(".found canvas") == drawn(model.decode(moved))).all()
    assert screen.page.locator(".legend button").count() == 10


def test_points_of_a_map_are_coloured_by_attributes(screen: Screen) -> None:
    screen.open("vae_celeba", "map")
    draws = "canvas => canvas.toDataURL()"
    before = screen.page.eval_on_selector(".plane canvas", draws)
    colours = screen.page.get_by_label("Colour by")
    assert colours.locator("option").count() == 40
    colours.select_option("Male")
    assert screen.page.locator(".legend button").all_inner_texts() == ["without", "with"]
    assert screen.page.eval_on_selector(".plane canvas", draws) != before
    screen.await_address("colour=Male")


def test_sliders_move_a_code_and_a_link_shows_the_same(screen: Screen, folder: Path) -> None:
    screen.open("vae_digits", "sliders", "&from=test:3")
    model = model_of(folder / "runs/vae_digits/0")
    slider = screen.page.get_by_label("Direction 0")
    slider.focus()
    start = codes_in(screen.sent("decode", lambda: screen.page.keyboard.press("ArrowRight")), 2)
    codes = codes_in(screen.sent("decode", lambda: screen.page.keyboard.press("End")), 2)
    assert (screen.image(".follow figure:last-child canvas") == drawn(model.decode(codes))).all()
    told = screen.page.evaluate("fetch('/api/models/runs/vae_digits/0').then(answer => answer.json())")
    step = torch.tensor(told["directions"]["vectors"][0]) * told["directions"]["std"][0]
    torch.testing.assert_close(codes[0] - start[0], step * 2.99)

    screen.await_address("changes=0:3")
    changed = screen.image(".follow figure:last-child canvas")
    screen.visit(screen.page.url)
    assert (screen.image(".follow figure:last-child canvas") == changed).all()
    assert screen.page.get_by_label("Direction 0").input_value() == "3"

    screen.page.get_by_role("button", name="Reset").click()
    screen.settle()
    images = screen.page.evaluate(
        "fetch('/api/models/runs/vae_digits/0/gallery/images').then(answer => answer.bytes()).then(all => [...all])"
    )
    image = torch.tensor(images[3 * 64 : 4 * 64], dtype=torch.uint8).view(1, 1, 8, 8)
    assert (screen.image(".follow figure:first-child canvas") == image[0].numpy()).all()
    reconstructed = drawn(model.decode(model.encode(image / 255)))
    assert (np.abs(screen.image(".follow figure:last-child canvas").astype(int) - reconstructed) <= 1).all()


def test_samples_of_a_class_are_of_that_class(screen: Screen, folder: Path) -> None:
    screen.open("cvae_digits", "samples", "&seed=5")
    model = model_of(folder / "runs/cvae_digits/0")
    assert screen.page.locator(".samples .tile").count() == 100, "ten of each class"

    choose = screen.page.get_by_role("radio", name="7", exact=True)
    request = screen.sent("decode", lambda: choose.check(force=True))
    assert "condition=7" in request.url
    codes = codes_in(request, 2)
    assert torch.equal(codes, model.given(torch.tensor([7])).draw_codes(36, generator=torch.Generator().manual_seed(5)))
    expected = eight_bits(model.given(torch.tensor([7])).decode(codes))
    shown = [screen.image(f".samples .tile:nth-child({i + 1}) canvas") for i in (0, 35)]
    assert (shown[0] == expected[0].numpy()).all()
    assert (shown[1] == expected[35].numpy()).all()

    screen.page.get_by_role("button", name="Sample 35").click()
    assert (screen.image(".split > figure canvas") == shown[1]).all()
    kept = Image.open(io.BytesIO(screen.download("Download “Sample 35” as PNG")))
    assert (np.asarray(kept)[..., 0] == shown[1][0]).all()

    screen.page.get_by_label("Temperature").focus()
    cold = codes_in(screen.sent("decode", lambda: screen.page.keyboard.press("Home")), 2)
    assert (cold == cold[0]).all()
    screen.page.get_by_role("button", name="Change with sliders").click()
    screen.page.wait_for_selector(".of-sliders")
    screen.settle()
    taken = drawn(model.given(torch.tensor([7])).decode(cold[35:]))
    assert (screen.image(".follow figure:last-child canvas") == taken).all()
    request = screen.sent("decode", lambda: screen.page.get_by_role("button", name="Sample", exact=True).click())
    assert "condition=7" in request.url
    sampled = drawn(model.given(torch.tensor([7])).decode(codes_in(request, 2)))
    assert (screen.image(".follow figure:first-child canvas") == sampled).all()


def test_a_diffusion_model_samples_as_the_controls_say_and_shows_the_way(screen: Screen, folder: Path) -> None:
    screen.open("diffusion_digits", "samples", "&seed=3&steps=4&count=16")
    model = model_of(folder / "runs/diffusion_digits/0")
    choose = screen.page.get_by_label("Sampler")
    request = screen.sent("sample", lambda: choose.select_option("heun"))
    assert "sampler=heun&steps=4" in request.url
    model.sampling = Sampling(heun, steps=4)
    expected = eight_bits(model.sample(16, seed=3)).numpy()
    assert (screen.image(".samples .tile:nth-child(6) canvas") == expected[5]).all()

    assert not screen.page.locator(".strip").is_visible()
    screen.page.get_by_role("button", name="Sample 5", exact=True).click()
    screen.page.get_by_role("button", name="From noise to image").click()
    screen.settle()
    strip = screen.pixels(".strip canvas")[..., 0]
    way = eight_bits(model.on_the_way(16, 8, generator=torch.Generator().manual_seed(3))[5]).numpy()
    assert (strip[:, :8] == way[0, 0]).all()
    assert (strip[:, -8:] == way[-1, 0]).all()
    screen.page.get_by_role("button", name="Sample 6", exact=True).click()
    assert not screen.page.locator(".strip").is_visible()
    request = screen.sent("sample", lambda: screen.page.get_by_label("Steps").press("ArrowRight"))
    assert "steps=5" in request.url

    screen.page.get_by_role("button", name="Interpolate").click()
    screen.page.wait_for_selector(".of-interpolation")
    screen.settle()
    assert screen.page.get_by_role("group", name="Image A").locator(".told").inner_text() == "Your image"
    assert screen.pixels(".strip canvas").shape[1] > 9 * 8
    screen.open("diffusion_digits", "reconstruction")
    assert screen.image(".triple figure:nth-child(2) canvas").shape == (1, 8, 8)
    assert screen.page.locator(".verdict").count() == 0, "which would take minutes"


@pytest.mark.parametrize(("name", "attribute"), [("vae_celeba", "Smiling"), ("vae_digits", "is 7")])
def test_an_uploaded_image_is_edited(name: str, attribute: str, screen: Screen, folder: Path) -> None:
    screen.open(name, "attributes")
    model = model_of(folder / "runs" / name / "0")
    channels = model.image_shape[0]
    face = np.random.default_rng(0).integers(0, 255, (218, 178, 3), np.uint8)
    screen.upload("Start from", png(face))
    assert "Your image" in screen.page.locator(".chooser").inner_text()
    framed = torch.from_numpy(screen.image(".follow figure:first-child canvas", channels).copy())[None]
    before = screen.image(".follow figure:last-child canvas", channels)

    if name == "vae_celeba":
        screen.page.get_by_label("Find an attribute").fill("smil")
        assert screen.page.locator(".sliders .slider:visible").count() == 1
    screen.page.get_by_label(attribute).focus()
    codes = codes_in(screen.sent("decode", lambda: screen.page.keyboard.press("End")), model.code_size)
    after = screen.image(".follow figure:last-child canvas", channels)
    assert (after == drawn(model.decode(codes))).all()
    if name == "vae_digits":  # the faces' decoder is untrained: all codes look alike to it
        assert (after != before).any()
    vector = screen.page.evaluate(
        """([run, name]) => fetch(`/api/models/runs/${run}/0/attributes/${name}`)
        .then(answer => answer.arrayBuffer()).then(content => [...new Float32Array(content)])""",
        [name, attribute],
    )
    torch.testing.assert_close(codes, model.encode(framed / 255) + 3 * torch.tensor(vector), atol=1e-4, rtol=1e-4)

    screen.await_address("strengths=")
    screen.visit(screen.page.url)
    assert (screen.image(".follow figure:last-child canvas", channels) == after).all(), "the link holds the picture"


def test_translation_of_what_one_draws_and_back(screen: Screen, folder: Path) -> None:
    screen.open("cyclegan_digits", "translation")
    model = model_of(folder / "runs/cyclegan_digits/0")

    def translated(image: np.ndarray, direction: str) -> np.ndarray:
        generator = torch.Generator().manual_seed(0)
        return drawn(
            model.translate(torch.from_numpy(image.copy())[None] / 255, direction=direction, generator=generator)
        )

    source = screen.image("canvas.pad")
    assert (screen.image(".beside > figure:nth-child(2) canvas") == translated(source, "a_to_b")).all()
    screen.page.locator(".choice label", has_text="→").nth(1).click()
    screen.settle()
    other = screen.image("canvas.pad")
    assert (screen.image(".beside > figure:nth-child(2) canvas") == translated(other, "b_to_a")).all()

    screen.page.get_by_role("button", name="Blank").click()
    screen.settle()
    screen.await_address("pixels:")
    blank = screen.page.url
    assert np.unique(screen.image("canvas.pad")).size == 1
    box = screen.page.locator("canvas.pad").bounding_box()
    screen.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    screen.page.mouse.down()
    screen.page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5)
    screen.page.mouse.up()
    screen.settle()
    sketch = screen.image("canvas.pad")
    assert np.unique(sketch).size == 2
    assert (sketch[0, 4] != sketch[0, 0]).sum() >= 4
    assert (screen.image(".beside > figure:nth-child(2) canvas") == translated(sketch, "b_to_a")).all()
    screen.page.wait_for_url(lambda url: url != blank)
    screen.visit(screen.page.url)
    assert (screen.image("canvas.pad") == sketch).all()

    screen.page.locator("canvas.pad").focus()
    screen.page.keyboard.press("Shift+ArrowUp")
    screen.page.keyboard.press("Space")
    screen.settle()
    assert (screen.image("canvas.pad") != sketch).any()
    screen.page.get_by_role("button", name="Undo").click()
    screen.settle()
    assert (screen.image("canvas.pad") == sketch).all()


def test_reconstruction_shows_errors_and_outliers(screen: Screen, folder: Path) -> None:
    screen.open("vae_digits", "reconstruction", "&image=test:4")
    model = model_of(folder / "runs/vae_digits/0")
    image, result, error = (screen.pixels(f".triple > figure:nth-child({i}) canvas") for i in (1, 2, 3))
    one = torch.from_numpy(image[..., 0].copy())[None, None] / 255
    assert (result[..., 0] == drawn(model.reconstruct(one))[0]).all()
    squares = ((image[..., 0].astype(float) - result[..., 0]) / 255) ** 2
    assert f"{squares.mean():.4f}" in screen.page.locator(".triple figcaption").last.inner_text()
    difference = np.abs(image[..., 0].astype(int) - result[..., 0])
    assert error[..., 0][difference == 0].max(initial=0) == 0
    assert error[..., 0][difference == difference.max()].min() == error[..., 0].max()

    tiles = screen.page.locator(".ranking .tiles").first.locator(".tile small")
    errors = [float(text) for text in tiles.all_inner_texts()]
    assert errors == sorted(errors, reverse=True)
    screen.page.locator(".ranking .tile").first.click()
    screen.settle()
    assert "that of 100 %" in screen.page.locator(".verdict").inner_text()


def test_interpolation_and_its_animation(screen: Screen, folder: Path) -> None:
    screen.open("vae_digits", "interpolation", "&a=test:0&b=test:1&steps=3")
    model = model_of(folder / "runs/vae_digits/0")
    screen.page.get_by_role("button", name="Test image").nth(1).click()
    screen.page.get_by_role("dialog").get_by_label("Test image 6").first.press("Enter")
    screen.settle()
    change = screen.page.get_by_label("Straight line")
    assert change.is_checked(), "as in `genlab interpolate`"
    codes = codes_in(screen.sent("decode", lambda: change.dispatch_event("change")), 2)
    torch.testing.assert_close(codes, genlab.latent.lerp(codes[:1], codes[-1:], 9)[0])
    frames = eight_bits(model.decode(codes)).numpy()
    strip = screen.pixels(".strip canvas")
    assert (strip[:, :8, 0] == frames[0, 0]).all()
    assert (strip[:, -8:, 0] == frames[-1, 0]).all()

    animation = Image.open(io.BytesIO(screen.download("Save as GIF")))
    assert animation.n_frames == 16, "there and back again"
    assert animation.size == (256, 256)
    animation.seek(4)
    assert (np.asarray(animation.convert("RGB"))[::32, ::32, 0] == frames[4, 0]).all()

    screen.page.get_by_role("radio", name="Four corners").check(force=True)
    screen.settle()
    assert screen.pixels(".strip canvas").shape == (26, 26, 4)
    assert screen.page.get_by_role("group", name="Image D").is_visible()


def test_an_interpolation_is_of_the_class_of_its_first_image(screen: Screen) -> None:
    screen.open("cvae_digits", "interpolation")
    label = screen.page.get_by_role("group", name="Image A").locator(".told").inner_text()[-2]
    assert label != "0"
    assert screen.page.get_by_role("radio", name=label, exact=True).is_checked()
    screen.page.get_by_role("button", name="Test image").first.click()
    screen.page.get_by_role("dialog").get_by_label("(0)").first.press("Enter")
    screen.settle()
    assert screen.page.get_by_role("radio", name="0", exact=True).is_checked()


@pytest.mark.parametrize(
    ("panel", "settings"),
    [
        ("interpolation", "&steps=-1"),
        ("interpolation", "&steps=1e9"),
        ("samples", "&seed=-1.5&temperature=1e30&chosen=-4"),
        ("sliders", "&changes=999:1,0:1e300"),
        ("attributes", "&strengths=is 7:1e300"),
        ("map", "&x=1e300&y=-1e300"),
    ],
)
def test_an_address_with_numbers_out_of_range_shows_what_may_be(panel: str, settings: str, screen: Screen) -> None:
    screen.open("vae_digits", panel, settings)
    assert screen.page.locator("#status p").inner_text() == ""
    assert screen.page.eval_on_selector(".view canvas", "canvas => Math.min(canvas.width, canvas.height)") >= 8


def test_a_damaged_link_is_told(screen: Screen) -> None:
    screen.open("vae_digits", "sliders", "&from=code:zzzz")
    assert "is damaged" in screen.page.get_by_role("status").first.inner_text()
    screen.problems.clear()


def test_training_compares_runs_and_shows_pictures_by_epoch(screen: Screen) -> None:
    screen.open("vae_digits", "training")
    loss = screen.page.locator("figure.curves-of", has_text="loss").first
    own = loss.locator("path.curve").count()
    screen.page.get_by_role("switch", name="cvae_digits/0").check()
    screen.settle()
    assert loss.locator("path.curve").count() > own >= 2
    screen.await_address("runs=runs/cvae_digits/0")
    picture = screen.page.locator(".sheet img")
    last = picture.get_attribute("src")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    screen.page.get_by_label("Epoch", exact=True).focus()
    screen.page.keyboard.press("Home")
    assert picture.get_attribute("src") != last
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_a_training_is_followed_while_it_goes_on(screen: Screen, folder: Path) -> None:
    shutil.copytree(folder / "runs/vae_digits/0", folder / "runs/going_on/0")
    metrics = folder / "runs/going_on/0/metrics.csv"
    try:
        with held(metrics.parent):
            screen.open("going_on", "training")
            assert screen.page.get_by_text("Training now").is_visible()
            header, *_, last = metrics.read_text().splitlines()
            row = dict(zip(header.split(","), last.split(","), strict=True))
            row |= {"step": str(int(row["step"]) + 1), "train/loss": "12.25"}
            with metrics.open("a") as file:
                file.write(",".join(row.values()) + "\n")
            screen.page.locator("figure.curves-of output", has_text="12.25").wait_for()
        screen.page.get_by_text("Training now").wait_for(state="hidden")
    finally:
        shutil.rmtree(folder / "runs/going_on")


def test_a_training_is_watched_before_it_has_a_checkpoint(screen: Screen, folder: Path) -> None:
    shutil.copytree(folder / "runs/vae_digits/0", folder / "runs/just_begun/0")
    shutil.rmtree(folder / "runs/just_begun/0/checkpoints")
    try:
        with held(folder / "runs/just_begun/0"):
            screen.visit(f"{screen.address}/#panel=runs")
            screen.page.locator("a.card", has_text="no checkpoint yet").click()
            screen.page.get_by_text("Training now").wait_for()
            assert screen.page.get_by_role("tab").all_inner_texts() == ["Training"]
            assert screen.page.locator("figure.curves-of").count() > 0
            assert "no checkpoint yet" in screen.page.get_by_role("status").first.inner_text()
    finally:
        shutil.rmtree(folder / "runs/just_begun")


def test_what_goes_wrong_is_told_and_the_page_goes_on(screen: Screen, folder: Path) -> None:
    screen.open("vae_digits", "sliders")
    screen.upload("Start from", b"no image")
    status = screen.page.get_by_role("status").first
    assert "cannot be read as an image" in status.inner_text()
    screen.page.get_by_label("Direction 0").focus()
    screen.sent("decode", lambda: screen.page.keyboard.press("End"))

    shutil.copytree(folder / "runs/vae_digits/0", folder / "runs/copied/0")
    screen.open("copied", "map")
    shutil.rmtree(folder / "runs/copied")
    screen.page.locator(".plane .top").press("ArrowRight")
    screen.settle()
    assert "There is no run runs/copied/0" in status.inner_text()
    screen.page.get_by_role("link", name="All runs").last.click()
    screen.page.wait_for_selector(".runs")
    screen.settle()
    assert screen.page.locator("a.card").count() == len(RUNS)
    screen.visit(f"{screen.address}/#run=runs/copied/0")
    assert "There is no run runs/copied/0" in status.inner_text()
    assert len(screen.problems) == 6, "each refusal, by the browser and by the page"
    screen.problems.clear()


@pytest.mark.parametrize("name", RUNS)
def test_every_panel_fits_a_narrow_window(name: str, screen: Screen) -> None:
    screen.page.set_viewport_size({"width": 400, "height": 800})
    screen.open(name, "")
    for panel in [tab.get_attribute("id").removeprefix("tab-") for tab in screen.page.get_by_role("tab").all()]:
        screen.page.locator(f"#tab-{panel}").click()
        screen.page.wait_for_selector(f".of-{panel}")
        screen.settle()
        assert screen.page.evaluate("document.documentElement.scrollWidth") <= 400, panel
        unlabelled = "input:not([aria-label]), select, textarea"
        assert screen.page.eval_on_selector_all(
            unlabelled, "all => all.filter(each => !each.labels?.length).map(each => each.outerHTML)"
        ) == []  # fmt: skip
        nameless = "all => all.filter(each => !each.textContent.trim() && !each.getAttribute('aria-label')).length"
        assert screen.page.eval_on_selector_all("button", nameless) == 0


def test_light_and_dark(screen: Screen) -> None:
    screen.open("vae_digits", "samples")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = screen.page.evaluate(colour)
    screen.page.get_by_role("button", name="Switch between light and dark").click()
    dark = screen.page.evaluate(colour)
    assert dark != light
    screen.page.reload()
    screen.page.wait_for_selector(".panel")
    assert screen.page.evaluate(colour) == dark
