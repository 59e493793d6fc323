"""Closed forms: time and memory of every fit and grid at AudioSetZSL's size, against plain twins, and its growth."""

import argparse
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from build_manifest import in_turn, ratio  # noqa: E402 - a script's own folder
from plain_closed_forms import plain_axes, plain_eszsl, plain_sae  # noqa: E402

from audiosetzsl.evaluation.training_set import (  # noqa: E402
    ClassTable,
    ClipFeatures,
    SeenClips,
    SeenLabels,
    View,
)
from audiosetzsl.show import say, show_table  # noqa: E402
from models.baselines.conse import fit_conse  # noqa: E402
from models.baselines.correlation import canonical_axes  # noqa: E402
from models.baselines.eszsl import ESZSL_GRID, eszsl_grid  # noqa: E402
from models.baselines.gcca import fit_gcca  # noqa: E402
from models.baselines.pretrained import fit_pretrained  # noqa: E402
from models.baselines.sae import SAE_GRID, sae_grid  # noqa: E402

CLIPS, WIDTH, TEXT, SEEN, CLASSES = 79_795, 1024, 300, 23, 33
WIDTHS = (WIDTH, WIDTH, TEXT)
TABLE = ClassTable(tuple(map(str, range(CLASSES))), (True,) * SEEN + (False,) * (CLASSES - SEEN))
SCALES = (1 / 8, 1 / 4, 1 / 2, 1)


def main() -> None:
    """Print tables with the targets beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    vectors = np.random.default_rng(1).normal(size=(CLASSES, TEXT)).astype(np.float32)
    say(f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}; matrices are made up")
    seen = made_up(options.clips, vectors)
    growth(seen, vectors, options.runs)
    against_twins(seen, vectors, options.runs)


def made_up(n: int, vectors: np.ndarray) -> SeenClips:
    """Clips whose features follow from their class, with noise of falling variance; classes of unlike sizes."""
    rng = np.random.default_rng(0)
    sizes = np.maximum(rng.dirichlet(np.full(SEEN, 0.7)), 0.002)
    labels = rng.choice(SEEN, n, p=sizes / sizes.sum())
    spread = (1 / np.sqrt(np.arange(1, WIDTH + 1))).astype(np.float32)
    views = []
    for _ in range(2):
        rows = rng.standard_normal((n, WIDTH), dtype=np.float32) * spread
        rows += (vectors @ rng.normal(size=(TEXT, WIDTH), scale=0.01).astype(np.float32) * spread)[labels]
        mixing = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)
        views.append(np.maximum(rows @ mixing, 0))
    names = tuple(TABLE.names[label] for label in labels)
    return SeenClips(ClipFeatures(*views), SeenLabels(names, ("train",) * n, TABLE))


def part(seen: SeenClips, n: int) -> SeenClips:
    """The first clips."""
    labels = SeenLabels(seen.labels.class_names[:n], seen.labels.splits[:n], TABLE)
    return SeenClips(seen.clips.rows(slice(0, n)), labels)


def fits(seen: SeenClips, vectors: np.ndarray) -> dict[str, Callable[[], object]]:
    """Everything that is fitted, by name."""
    view = View.AUDIO
    return {
        f"ESZSL, all {len(ESZSL_GRID)} cells (5 s)": lambda: list(eszsl_grid(seen, vectors, view=view)),
        f"SAE, all {len(SAE_GRID)} cells": lambda: list(sae_grid(seen, vectors, view=view)),
        "CONSE, one softmax (10 s)": lambda: fit_conse(seen, vectors, view=view),
        "GCCA with its covariances": lambda: fit_gcca(seen, vectors),
        "pre-trained, both PCAs": lambda: fit_pretrained(seen, vectors),
    }


def growth(seen: SeenClips, vectors: np.ndarray, runs: int) -> None:
    """Seconds from an eighth to the whole, and memory beside the features at the whole."""
    n = len(seen.labels)
    medians: dict[str, list[float]] = {}
    for scale in SCALES:
        times = in_turn(fits(part(seen, round(scale * n)), vectors), runs if scale == 1 else 1)
        for name, seconds in times.items():
            medians.setdefault(name, []).append(float(np.median(seconds)))
    rows = []
    for name, fit in fits(seen, vectors).items():
        tracemalloc.start()
        fit()
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        rows.append([name, *medians[name], min(times[name]), max(times[name]), round(peak)])
    title = (
        f"seconds to fit, {n:,} clips of {WIDTH} (GCCA and pre-trained: 2 x {WIDTH}), words of {TEXT}; "
        "targets in brackets"
    )
    scales = ["1/8", "1/4", "1/2", "1"]
    show_table(title, ["", *scales, "1, min", "1, max", "MB at most beside the features"], rows)


def against_twins(seen: SeenClips, vectors: np.ndarray, runs: int) -> None:
    """How many times slower the plain twins are; a grid's twin is one cell's, times the cells."""
    features, labels, learnt = seen.clips.audio, seen.labels.indices, vectors[:SEEN].astype(np.float64)
    covariance = gram(seen, learnt)
    jobs: dict[str, Callable[[], object]] = {
        "eszsl": lambda: list(eszsl_grid(seen, vectors, view=View.AUDIO)),
        "plain eszsl": lambda: plain_eszsl(features, labels, learnt, 1.0, 1.0),
        "sae": lambda: list(sae_grid(seen, vectors, view=View.AUDIO)),
        "plain sae": lambda: plain_sae(features, labels, learnt, 1.0),
        "gcca": lambda: canonical_axes(covariance, WIDTHS, ridge=0.1, components=64),
        "plain gcca": lambda: plain_axes(covariance, WIDTHS, 0.1),
    }
    times = in_turn(jobs, runs)
    cells = {"eszsl": len(ESZSL_GRID), "sae": len({cell.lambda_ for cell in SAE_GRID})}
    names = {
        "eszsl": f"ESZSL's grid: {cells['eszsl']} x one cell",
        "sae": f"SAE's grid: {cells['sae']} x scipy.linalg.solve_sylvester",
        "gcca": "GCCA after the covariances (15 s): scipy.linalg.eigh(a, b)",
    }
    rows = []
    for name, words in names.items():
        plain = [cells.get(name, 1) * seconds for seconds in times[f"plain {name}"]]
        rows.append(
            [words, float(np.median(times[name])), float(np.median(plain)), *ratio(plain, times[name])]
        )
    show_table(
        f"ours and its plain twin, medians of {runs} runs in turn, and plain / ours",
        ["", "ours, s", "plain, s", "min", "median", "max"],
        rows,
    )


def gram(seen: SeenClips, learnt: np.ndarray) -> np.ndarray:
    """Covariance of the three views, text repeated for each clip."""
    whole = np.hstack([seen.clips.audio, seen.clips.video, learnt[seen.labels.indices].astype(np.float32)])
    whole -= whole.mean(0)
    return (whole.T @ whole).astype(np.float64) / len(whole)


if __name__ == "__main__":
    main()
