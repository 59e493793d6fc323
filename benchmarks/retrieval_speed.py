"""Retrieval at the size of AudioSetZSL's test split: time on one core, against scikit-learn and NumPy, and memory."""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy comes

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from audiosetzsl.evaluation.neighbours import neighbour_precisions
from audiosetzsl.evaluation.retrieval import Direction, Embeddings, retrieve
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.show import say, show_table
from audiosetzsl.tables.paper import COUNTS

WIDTH = 64
SAMPLE = 64  # queries of the two loops; all cost the same


def main() -> None:
    """Print tables with the targets beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the clips of the paper's test split"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peak", action="store_true", help="only print MB after imports and at most")
    options = parser.parse_args()
    if options.peak:
        before = peak_mb()
        embeddings, actual = drawn(options.scale)
        neighbour_precisions(embeddings.audio, embeddings.video, actual)
        say(f"{before:.0f} {peak_mb():.0f}")
        return
    against_loops(options.scale, options.runs)
    growth(options.scale, options.runs)
    all_directions(options.scale)
    memory(options.scale)


def drawn(scale: float) -> tuple[Embeddings, np.ndarray]:
    """Embeddings around class centres, with the class sizes of the paper's table 10; every 50th clip is silent."""
    rng = np.random.default_rng(0)
    counts = [max(2, round(scale * test)) for _, _, test in COUNTS.values()]
    actual = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = rng.normal(0, 0.5, (len(counts), WIDTH))
    audio, video = (
        (centres[actual] + rng.normal(size=(len(actual), WIDTH))).astype(np.float32) for _ in "av"
    )
    audio[::50] = audio[0]
    alpha = rng.random(len(actual), np.float32)
    return Embeddings(audio, video, centres.astype(np.float32), alpha), actual


def against_loops(scale: float, runs: int) -> None:
    """One direction against both loops, in turn, and what they find."""
    embeddings, actual = drawn(scale)
    sides = embeddings.audio, embeddings.video
    n, squares = len(actual), np.square(sides[1]).sum(1)
    asked = np.random.default_rng(1).choice(n, min(SAMPLE, n), replace=False)
    all_distances = [
        np.linalg.norm(sides[1].astype(float) - sides[0][i].astype(float), axis=1) for i in asked
    ]
    rankings = [
        (np.delete(actual == actual[i], i), -np.delete(distances, i))
        for i, distances in zip(asked, all_distances, strict=True)
    ]
    jobs: dict[str, Callable[[], list[float] | np.ndarray]] = {
        "ours": lambda: neighbour_precisions(*sides, actual),
        "scikit-learn": lambda: [average_precision_score(*ranking) for ranking in rankings],
        "plain": lambda: [plain_precision(*sides, squares, actual, i) for i in asked],
    }
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    found = {}
    for _ in range(runs):
        for name, job in jobs.items():
            share = 1 if name == "ours" else n / len(asked)
            start = time.process_time()
            found[name] = job()
            spent[name].append((time.process_time() - start) * share)
    rows = [
        ["one direction, s (target at full scale: 15 at most)", *spread(spent["ours"])],
        ["average_precision_score alone, distances given, s", *spread(spent["scikit-learn"])],
        ["plain NumPy, an argsort a query, s", *spread(spent["plain"])],
        ["scikit-learn / ours (target: 15 at least)", *ratios(spent["scikit-learn"], spent["ours"])],
        ["plain / ours", *ratios(spent["plain"], spent["ours"])],
    ]
    title = f"A->V, {n:,} x {n:,}, {WIDTH} wide, CPU seconds of one thread, {runs} runs in turn"
    show_table(title, ["", "min", "median", "max"], rows)
    apart = np.abs(np.array(found["ours"])[asked] - np.array(found["scikit-learn"])).max()
    say(f"loops ran on {len(asked)} of {n:,} queries and are scaled up")
    say(f"largest difference to scikit-learn on float64 distances: {apart:.1e} (target: 1e-5 at most)")
    if apart > 1e-5:
        sys.exit("retrieval differs from scikit-learn")


def plain_precision(
    queries: np.ndarray, gallery: np.ndarray, squares: np.ndarray, actual: np.ndarray, i: int
) -> float:
    """One search said plainly, by |y|^2 - 2 x y; ties fall as they may."""
    distances = squares - gallery @ (2 * queries[i])
    order = np.argsort(distances)
    order = order[order != i]
    hits = actual[order] == actual[i]
    precisions = np.cumsum(hits) / np.arange(1, len(order) + 1)
    return float(precisions[hits].mean())


def growth(scale: float, runs: int) -> None:
    """Time from an eighth of the clips to all: twice the clips are four times the pairs."""
    rows = []
    for share in (1 / 8, 1 / 4, 1 / 2, 1):
        embeddings, actual = drawn(scale * share)
        spent = []
        for _ in range(runs if share < 1 else 1):
            start = time.process_time()
            neighbour_precisions(embeddings.audio, embeddings.video, actual)
            spent.append(time.process_time() - start)
        rows.append([f"{len(actual):,}", *spread(spent), 1e9 * statistics.median(spent) / len(actual) ** 2])
    show_table("Growth of one direction", ["clips", "min", "median", "max", "ns a pair"], rows)


def all_directions(scale: float) -> None:
    """Tables 3 and 4 for one model."""
    embeddings, actual = drawn(scale)
    classes = ClassTable(tuple(COUNTS), tuple(i % 3 > 0 for i in range(len(COUNTS))))
    rows, total = [], 0.0
    for direction in Direction:
        start = time.process_time()
        retrieve(embeddings, actual, classes, (direction,))
        rows.append([str(direction), time.process_time() - start])
        total += rows[-1][1]
    rows.append(["all (target at full scale: 120 at most)", total])
    show_table(f"Directions, {len(actual):,} clips, CPU seconds of one thread", ["", "s"], rows)


def memory(scale: float) -> None:
    """Peak of a fresh process that measures one direction."""
    command = [sys.executable, __file__, "--scale", str(scale), "--peak"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak = map(float, ran.stdout.split()[-2:])
    say(
        f"one direction in a fresh process: {before:.0f} MB after imports, {peak:.0f} MB at most (target: 1000)"
    )


def peak_mb() -> float:
    """Most memory that this process held; getrusage would count the parent's peak too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


def spread(values: list[float]) -> tuple[float, float, float]:
    """Minimum, median and maximum."""
    return min(values), statistics.median(values), max(values)


def ratios(slow: list[float], fast: list[float]) -> tuple[float, float, float]:
    """Spread of the ratios of the same runs."""
    return spread([a / b for a, b in zip(slow, fast, strict=True)])


if __name__ == "__main__":
    main()
