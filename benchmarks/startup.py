"""Time until genlab answers, and until the first step of `genlab fit`, relative to importing Lightning alone.

    python benchmarks/startup.py                        # this checkout
    python benchmarks/startup.py --beside ../earlier    # compared with another one, such as a git worktree

Each round runs every command once, each in its own process, one after another and in a different order, so that other
load on the machine affects all of them. Printed are medians over rounds; the reference is
`python -c "import lightning.pytorch"`. Processor time is that of the process and its children, on one thread.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = "import lightning.pytorch"
COMMANDS = {
    "genlab": "",
    "genlab sample --help": "sample --help",
    "genlab sample --cont 3": "sample --cont 3",
    "genlab models VAE": "models VAE",
    "genlab fit --help": "fit --help",
    "genlab fit --confg x": "fit --confg x",
    "genlab fit --model Vae": "fit --model Vae --data Digits",
    "genlab fit, one step": "fit --config vae_digits.yaml --trainer.max_steps 1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beside", type=Path, help="another checkout, to compare with")
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    args = parser.parse_args()
    checkouts = {"here": REPOSITORY} | ({"beside": args.beside.resolve()} if args.beside else {})
    cases = {(REFERENCE, "python"): ([sys.executable, "-c", REFERENCE], REPOSITORY)}
    for name in args.only:
        for place, folder in checkouts.items():
            cases[name, place] = ([sys.executable, "-m", "genlab", *COMMANDS[name].split()], folder)
    times: dict[tuple[str, str], list[tuple[float, float]]] = {case: [] for case in cases}
    for number in range(args.rounds):
        for case in random.Random(number).sample(list(cases), len(cases)):
            times[case].append(measured(*cases[case]))
    _wall_0, cpu_0 = medians(times[REFERENCE, "python"])
    print(f"{'':26} {'':7} {'wall s':>8} {'CPU s':>8} {'CPU / import of Lightning':>26}")
    for (name, place), pairs in times.items():
        wall, cpu = medians(pairs)
        print(f"{name:26} {place:7} {wall:8.2f} {cpu:8.2f} {cpu / cpu_0:26.3f}")
    if args.beside:
        for name in args.only:
            here, beside = (medians(times[name, place]) for place in ("here", "beside"))
            print(
                f"{name}: {here[0] / beside[0]:.2f} of the wall time, {here[1] / beside[1]:.2f} of the processor time"
            )


def measured(command: list[str], checkout: Path) -> tuple[float, float]:
    """Return the seconds of wall time and processor time that a command takes, whatever its exit status."""
    place = {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        before, start = used(), time.perf_counter()
        subprocess.run(
            command, cwd=folder, env=os.environ | place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return time.perf_counter() - start, used() - before


def used() -> float:
    """Return the seconds of processor time of all children so far."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the medians of wall and processor times."""
    wall, cpu = zip(*pairs, strict=True)
    return statistics.median(wall), statistics.median(cpu)


if __name__ == "__main__":
    main()
