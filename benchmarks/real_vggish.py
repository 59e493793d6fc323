"""Real sound: every method of one view on AudioSet's own VGGish vectors, five draws of the splits, with intervals.

    python benchmarks/real_vggish.py [--methods audio eszsl-audio ...] [--seeds 5] [--protocol strict] [--val]

Prints a table in Markdown. `--val` prints the HM on val instead of the figures on test: whoever looks for better
settings looks at nothing else.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: see flows/cli/__init__.py

import numpy as np
from vggish_set import vggish_set

from audiosetzsl.evaluation.statistics import paired, summarise
from audiosetzsl.feature_sets import Protocol, stage_of
from flows.reproducing.learning import Choice, learn, try_all, val_harmonic
from flows.reproducing.method import How
from flows.reproducing.methods import method
from flows.reproducing.outcome import measure

METHODS = ("audio", "eszsl-audio", "sae-audio", "ale-audio", "devise-audio", "conse-audio")
REFERENCE = "audio"
FIGURES = ("seen", "unseen", "harmonic", "zero_shot", "ausuc")


def main() -> None:
    """Fit, measure, print."""
    asked = _asked()
    found: dict[str, list[dict[str, float]]] = {}
    for name in asked.methods:
        for seed in range(asked.seeds):
            began = time.monotonic()
            one = _one(name, seed, Protocol(asked.protocol), asked.val, asked.data)
            found.setdefault(name, []).append(one)
            told = "  ".join(f"{figure} {100 * value:.2f}" for figure, value in one.items())
            print(f"{name} seed {seed}: {told}  ({time.monotonic() - began:.1f} s)", file=sys.stderr)
    _print(found)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--protocol", default="paper")
    parser.add_argument("--val", action="store_true")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("AZSL_REAL_DATA", "../shared/data")))
    return parser.parse_args()


def _one(name: str, seed: int, protocol: Protocol, val_only: bool, data: Path) -> dict[str, float]:
    """Figures of one method on one draw, from 0 to 1."""
    clips, tried = vggish_set(data, seed), method(name)
    stage = stage_of(clips, protocol, seed=seed)
    grid = tried.grid(None)
    settings = grid[Choice.of(try_all(tried, grid, stage, How(seed))).index]
    learnt = learn(tried, clips, stage, protocol, settings, How(seed))
    if val_only:
        return {"val HM": val_harmonic(stage, learnt.model)}
    found, _ = measure(tried, learnt, clips, stage)
    (of_test,) = [one for one in found if one.measure == "classification"]
    return {figure: getattr(of_test, figure) for figure in FIGURES}


def _print(found: dict[str, list[dict[str, float]]]) -> None:
    figures = list(next(iter(found.values()))[0])
    heads = ["method", *figures, f"HM of {REFERENCE} less this"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    last = "harmonic" if "harmonic" in figures else figures[0]
    by_seed = {name: {seed: 100 * one[last] for seed, one in enumerate(runs)} for name, runs in found.items()}
    for name, runs in found.items():
        cells = [_told(np.array([100 * run[figure] for run in runs])) for figure in figures]
        lead = ""
        if REFERENCE in by_seed and name != REFERENCE:
            difference = paired(by_seed[REFERENCE], by_seed[name])
            lead = f"{difference.mean:+.2f}"
            if difference.low is not None:
                lead += f" ({difference.low:+.2f} to {difference.high:+.2f})"
        print("| " + " | ".join([name, *cells, lead]) + " |")


def _told(values: np.ndarray) -> str:
    one = summarise(values)
    return f"{one.mean:.2f}" + ("" if one.high is None else f" ± {one.high - one.mean:.2f}")


if __name__ == "__main__":
    main()
