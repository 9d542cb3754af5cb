"""Speed of the page of `genlab explore`: start, latency from event to painted picture, memory, concurrent clients.

    python benchmarks/explore.py runs/vae_mnist/0                  # everything, some minutes
    python benchmarks/explore.py runs/vae_mnist/0 --only latency
    python benchmarks/explore.py --site site/                      # latency of an exported page

Times are those that the page records in a headless Chromium: from the timestamp of an input event to the frame that
shows its picture. Needs a run with a model that decodes real vectors, and its data.
"""

import argparse
import contextlib
import functools
import http.server
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Page, sync_playwright

EVENTS = 150
"""Number of timed events of each kind, after a tenth as many for warm-up."""
PAINTED = "performance.getEntriesByName('genlab:event-to-paint').map(entry => entry.duration)"
IDLE = "main:not([data-busy])"
"""Selector that matches once everything is computed and drawn."""
ROUNDS = 3
"""Number of starts of the server."""
REQUESTS = 2000
CLIENTS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="a run folder or a checkpoint")
    parser.add_argument("--site", type=Path, help="an exported page")
    parser.add_argument("--only", nargs="+", choices=SERVED, default=list(SERVED))
    args = parser.parse_args()
    if args.site:
        with served_folder(args.site) as address:
            latency(address)
    if args.run:
        for name in args.only:
            SERVED[name](args.run)


def start(run: str) -> None:
    """Time from the start of the process to the first painted picture, beside imports of libraries."""
    imports = "import torch", "import lightning.pytorch"
    times: dict[str, list[float]] = {name: [] for name in (*imports, "usable page")}
    with browser() as page:
        for _ in range(ROUNDS):
            for name in imports:
                begin = time.perf_counter()
                subprocess.run([sys.executable, "-c", name], check=True)
                times[name].append(time.perf_counter() - begin)
            begin = time.perf_counter()
            with server(run) as (address, _):
                opened(page, address, "Sliders")
                times["usable page"].append(time.perf_counter() - begin)
    for name, seconds in times.items():
        print(f"start: {name:24} {statistics.median(seconds):6.2f} s, median of {ROUNDS}")


def served_latency(run: str) -> None:
    """Measure the latency of a server's page."""
    with server(run) as (address, _):
        latency(address)


def latency(address: str) -> None:
    """Print the times from events to painted pictures of the page at an address."""
    with browser() as page:
        for panel, act in (("Sliders", slide), ("Map", drag)):
            if not opened(page, address, panel):
                continue
            act(page, EVENTS // 10)
            warm = len(page.evaluate(PAINTED))
            act(page, EVENTS)
            times = sorted(page.evaluate(PAINTED)[warm:])
            print(
                f"{panel:8} {len(times)} pictures of {EVENTS} events: median {statistics.median(times):.1f} ms, "
                f"95 % within {times[int(0.95 * len(times))]:.1f} ms"
            )


def memory(run: str) -> None:
    """Print the server's resident memory after some requests, and after many."""
    with server(run) as (address, pid), httpx.Client(base_url=address, timeout=60) as client:
        key, told = description(client)
        for count in (200, REQUESTS):
            ask(client, key, told, count)
            print(f"memory: {resident(pid):7.1f} MB after {count:,} more requests")


def clients(run: str) -> None:
    """Time many clients at once, each with its own view."""
    with server(run) as (address, _):
        with httpx.Client(base_url=address, timeout=60) as client:
            key, told = description(client)

        def work(number: int) -> list[float]:
            with httpx.Client(base_url=address, timeout=60) as client:
                return ask(client, key, told, 20)

        with ThreadPoolExecutor(CLIENTS) as threads:
            times = sorted(chain.from_iterable(threads.map(work, range(CLIENTS))))
    print(
        f"clients: {CLIENTS} at once got {len(times)} answers, median {1000 * statistics.median(times):.1f} ms, "
        f"the last after {1000 * times[-1]:.1f} ms"
    )


SERVED = {"start": start, "latency": served_latency, "memory": memory, "clients": clients}


def ask(client: httpx.Client, key: str, told: dict[str, Any], count: int) -> list[float]:
    """Decode some random codes, one after the other, and return the seconds that each took."""
    size, times = told["code_shape"][0], []
    for code in np.random.default_rng(0).normal(size=(count, size)).astype("<f4"):
        begin = time.perf_counter()
        answer = client.post(f"/api/models/{key}/decode", content=code.tobytes())
        times.append(time.perf_counter() - begin)
        assert len(answer.raise_for_status().content) == np.prod(told["image_shape"])
    return times


def description(client: httpx.Client) -> tuple[str, dict[str, Any]]:
    """Return the key of the chosen run, and what its model can do."""
    key = client.get("/api/runs").json()["chosen"]
    return key, json.loads(client.get(f"/api/models/{key}").content)


def resident(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def slide(page: Page, events: int) -> None:
    """Move the first slider with keys, about as fast as a hand moves it."""
    handle = page.locator(".sliders input[type=range]").first
    handle.focus()
    for number in range(events):
        page.keyboard.press("ArrowRight" if number // 50 % 2 == 0 else "ArrowLeft")
        page.wait_for_timeout(16)


def drag(page: Page, events: int) -> None:
    """Drag across the map."""
    box = page.locator(".plane .top").bounding_box()
    assert box is not None
    across, down = box["width"], box["height"]
    page.mouse.move(box["x"] + across / 4, box["y"] + down / 2)
    page.mouse.down()
    for number in range(events):
        share = 0.25 + 0.5 * (number % 75) / 75
        page.mouse.move(box["x"] + across * share, box["y"] + down * (0.5 + 0.2 * np.sin(number / 9)))
        page.wait_for_timeout(16)
    page.mouse.up()


def opened(page: Page, address: str, panel: str) -> bool:
    """Open a panel of the chosen run and wait for its pictures; return False if the model has no such panel."""
    page.goto(address)
    page.wait_for_selector(IDLE)
    page.wait_for_selector("[role=tab]")
    tab = page.get_by_role("tab", name=panel, exact=True)
    if not tab.count():
        return False
    tab.click()
    page.wait_for_selector(IDLE)
    return True


@contextlib.contextmanager
def browser() -> Iterator[Page]:
    """Open a tab of a headless browser."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium.new_page(viewport={"width": 1600, "height": 1000})
        chromium.close()


@contextlib.contextmanager
def server(run: str) -> Iterator[tuple[str, int]]:
    """Start the server of a run in its own process; yield its address and process id."""
    command = [sys.executable, "-m", "genlab", "explore", "--ckpt", run, "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0].rstrip("/"), process.pid
        process.terminate()


@contextlib.contextmanager
def served_folder(folder: Path) -> Iterator[str]:
    """Serve static files in a thread; yield the address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{files.server_address[1]}"
        files.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Print nothing."""


if __name__ == "__main__":
    main()
