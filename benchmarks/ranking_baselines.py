"""ALE and DeViSE: time of a pass at AudioSetZSL's size, against a loop over clips and the bare products; growth."""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from build_manifest import ratio  # noqa: E402 - a script's own folder
from plain_ranking import ale_step, devise_step, pass_by_clips  # noqa: E402

from audiosetzsl.evaluation.training_set import (  # noqa: E402
    ClassTable,
    ClipFeatures,
    SeenClips,
    SeenLabels,
    View,
)
from audiosetzsl.show import say, show_table  # noqa: E402
from models.baselines.ale import AleSettings, fit_ale  # noqa: E402
from models.baselines.devise import DeviseSettings, fit_devise  # noqa: E402

CLIPS, WIDTH, TEXT, SEEN, CLASSES = 79_795, 1024, 300, 23, 33
SAMPLED = 2000  # clips of the loop, whose time is scaled
TABLE = ClassTable(tuple(map(str, range(CLASSES))), (True,) * SEEN + (False,) * (CLASSES - SEEN))
SHARES = (8, 4, 2, 1)
METHODS = {
    "ALE": (fit_ale, AleSettings(), ale_step),
    "DeViSE": (fit_devise, DeviseSettings(), devise_step),
}


def main() -> None:
    """Print tables with the target beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    say(f"one core (OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}); clips are made up")
    vectors = np.random.default_rng(1).normal(size=(CLASSES, TEXT)).astype(np.float32)
    seen = made_up(options.clips, vectors)
    passes(seen, vectors, options.runs)
    growth(seen, vectors, options.runs)


def made_up(n: int, vectors: np.ndarray) -> SeenClips:
    """Clips whose features follow from their class, under noise that no map sees through."""
    rng = np.random.default_rng(0)
    labels = rng.integers(SEEN, size=n)
    told = (vectors @ rng.normal(size=(TEXT, WIDTH)) / 50).astype(np.float32)[labels]
    views = [told + 3 * rng.standard_normal((n, WIDTH), dtype=np.float32) for _ in range(2)]
    return SeenClips(ClipFeatures(*views), SeenLabels([str(i) for i in labels], ["train"] * n, TABLE))


def one_pass(name: str, seen: SeenClips, vectors: np.ndarray, view: View) -> float:
    """Seconds of the core in the second of two passes; what is done once, before the first, is not in them."""
    fit, settings, _ = METHODS[name]
    settings = replace(settings, optimising=replace(settings.optimising, passes=2))
    ends: list[float] = []
    how = {"seed": 0, "validate": None, "on_pass": lambda done: ends.append(time.process_time())}
    fit(seen, vectors, settings, view=view, **how)
    return ends[1] - ends[0]


def bare_products(rows: np.ndarray, batch_size: int) -> None:
    """The two products of every batch of a pass, there and back, and nothing else."""
    batches = torch.from_numpy(rows).split(batch_size)
    weights, gradient = torch.ones(rows.shape[1], SEEN), torch.ones(batch_size, SEEN)
    for batch in batches:
        torch.mm(batch, weights)
        torch.mm(batch.T, gradient[: len(batch)])


def timed(job: Callable[[], object]) -> float:
    """Seconds of the core, which others may have meanwhile."""
    start = time.process_time()
    job()
    return time.process_time() - start


def passes(seen: SeenClips, vectors: np.ndarray, runs: int) -> None:
    """Both methods on both widths, in turn with the loop, on some clips, and the products."""
    table = []
    words = vectors[:SEEN] / np.linalg.norm(vectors[:SEEN], axis=1, keepdims=True)
    sampled, labels = slice(0, SAMPLED), seen.labels.indices
    for view in (View.AUDIO, View.CONCAT):
        rows = seen.clips.view(view)
        for name, (_, settings, step) in METHODS.items():
            ours, loops, bares = [], [], []
            for _ in range(runs):
                ours.append(one_pass(name, seen, vectors, view))
                loop = timed(lambda r=rows, s=step: pass_by_clips(r[sampled], labels[sampled], words, s))
                loops.append(loop * len(rows) / len(rows[sampled]))
                size = settings.optimising.batch_size
                bares.append(timed(lambda r=rows, n=size: bare_products(r, n)))
            ratios, shares = ratio(loops, ours), ratio(bares, ours)
            seconds = (min(ours), statistics.median(ours), max(ours))
            table.append([name, rows.shape[1], *map(spread, (seconds, ratios, shares))])
    show_table(
        f"One pass of {len(seen.labels):,} clips: median (min to max) of {runs}; target 2 s",
        [
            "method",
            "width",
            "seconds",
            f"times faster than clip by clip ({SAMPLED:,}, scaled)",
            "share of products",
        ],
        table,
    )


def growth(seen: SeenClips, vectors: np.ndarray, runs: int) -> None:
    """From an eighth of the clips to all, in turn."""
    parts = {}
    for share in SHARES:
        n = len(seen.labels) // share
        labels = SeenLabels(seen.labels.class_names[:n], seen.labels.splits[:n], TABLE)
        parts[n] = SeenClips(seen.clips.rows(slice(0, n)), labels)
    for name in METHODS:
        times = [
            {n: one_pass(name, part, vectors, View.AUDIO) for n, part in parts.items()} for _ in range(runs)
        ]
        rows = [[n, *(f(run[n] for run in times) for f in (min, statistics.median, max))] for n in parts]
        show_table(f"{name}: seconds a pass", ["clips", "min", "median", "max"], rows)


def spread(numbers: tuple[float, float, float]) -> str:
    """Median with its range."""
    least, median, most = numbers
    return f"{median:.2f} ({least:.2f} to {most:.2f})"


if __name__ == "__main__":
    main()
