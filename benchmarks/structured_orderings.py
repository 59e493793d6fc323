"""Orderings on the structured set: picture before sound, both before one, attention before none, with intervals.

    python benchmarks/structured_orderings.py [--scale 0.1] [--seeds 5] [--chosen-in RESULTS]

Every seed draws a set of its own. Settings are chosen on val of the first one; at the size of the paper, where that
takes as long as all the rest, those can be taken that `reproduce` has chosen in RESULTS for the set that
`structured_set.py` writes. Prints HM of each method, the differences that the paper reports as means with 95 %
intervals, seed by seed, and how well attention finds the modality that is not spoilt, which nothing but the drawing
knows.
"""

import argparse
import json
import os
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: see flows/cli/__init__.py

import numpy as np
import torch
from structured_set import StructuredSet, structured_set

from audiosetzsl.evaluation.selection import selected_weight
from audiosetzsl.evaluation.statistics import Summary, paired, summarise
from audiosetzsl.feature_sets import Protocol, stage_of
from flows.reproducing.learning import Choice, learn, try_all
from flows.reproducing.method import How, Settings
from flows.reproducing.methods import method
from flows.reproducing.outcome import measure
from flows.reproducing.rows import BASE
from flows.runner import Processes

METHODS = ("audio", "video", "concat", BASE, "cjme")
SHOWN = {
    "audio alone": ("audio", "classification"),
    "video alone": ("video", "classification"),
    "both as one vector": ("concat", "classification"),
    "CJME, both": (BASE, "classification both"),
    "CJME, eq. 7 at test": (BASE, "classification eq7"),
    "CJME with attention, both": ("cjme", "classification both"),
    "CJME with attention, selected": ("cjme", "classification selected"),
}
DIFFERENCES = (
    ("video alone", "audio alone"),
    ("both as one vector", "video alone"),
    ("CJME, both", "video alone"),
    ("CJME with attention, selected", "CJME, eq. 7 at test"),
    ("CJME with attention, selected", "CJME, both"),
    ("CJME with attention, selected", "CJME with attention, both"),
)


@dataclass(frozen=True)
class Task:
    """One method on the set of one seed; without settings they are to be chosen."""

    method: str
    seed: int
    scale: float
    settings: Settings = None
    before: Settings = None


def main() -> None:
    """Choose, fit, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--chosen-in", type=Path, help="results of `reproduce` on the set of seed 0")
    asked = parser.parse_args()
    runner = Processes()
    chosen = read_choices(asked.chosen_in) if asked.chosen_in else choices(runner, asked.scale)
    for name, settings in chosen.items():
        print(f"{name}: {settings.shape}" + (f", xi {settings.training.xi}" if name == "cjme" else ""))
    tasks = [Task(name, seed, asked.scale, chosen[name]) for seed in range(asked.seeds) for name in METHODS]
    found: dict[str, dict[int, float]] = {}
    for more in runner.map("structured set", work, tasks):
        for (what, seed), value in more.items():
            found.setdefault(what, {})[seed] = value
    _print(found, asked.scale)


def choices(runner: Processes, scale: float) -> dict[str, Settings]:
    """Settings of every method, from val of the first set."""
    first = [Task(name, 0, scale) for name in METHODS if not method(name).follows]
    chosen = dict(runner.map("settings", choose_settings, first))
    follows = [Task("cjme", 0, scale, before=chosen[BASE])]
    return chosen | dict(runner.map("settings that follow", choose_settings, follows))


def read_choices(results: Path) -> dict[str, Settings]:
    """Settings of every method, as `reproduce` has chosen them."""
    chosen: dict[str, Settings] = {}
    for name in METHODS:
        (path,) = (results / "choices").glob(f"{name}-{'?' * 12}.json")
        before = chosen.get(method(name).follows or "")
        chosen[name] = method(name).grid(before)[json.loads(path.read_text())["index"]]
    return chosen


def choose_settings(task: Task) -> tuple[str, Settings]:
    """Choose on val of the set of the seed."""
    torch.set_num_threads(1)
    stage = stage_of(structured_set(task.seed, scale=task.scale).clips, Protocol.PAPER)
    grid = method(task.method).grid(task.before)
    return task.method, grid[Choice.of(try_all(method(task.method), grid, stage, How(task.seed))).index]


def work(task: Task) -> dict[tuple[str, int], float]:
    """Fit and measure one method on one set; figures by what they are and the seed."""
    torch.set_num_threads(1)
    drawn, asked = structured_set(task.seed, scale=task.scale), method(task.method)
    stage = stage_of(drawn.clips, Protocol.PAPER)
    learnt = learn(asked, drawn.clips, stage, Protocol.PAPER, task.settings, How(task.seed))
    outcome, _ = measure(asked, learnt, drawn.clips, stage)
    by_measure = {one.measure: 100 * one.harmonic for one in outcome}
    found = {
        (what, task.seed): by_measure[measure]
        for what, (name, measure) in SHOWN.items()
        if name == task.method
    }
    if task.method == "cjme":
        found |= {(what, task.seed): value for what, value in _attention(learnt.model, drawn).items()}
    return found


def _attention(model: torch.nn.Module, drawn: StructuredSet) -> dict[str, float]:
    """How alpha, the weight of the picture, goes with what is spoilt, on test; shares in percent."""
    test = drawn.clips.splits == "test"
    alpha = model.embed(drawn.clips.features.rows(test), drawn.clips.class_vectors).alpha
    weight = selected_weight(alpha)
    sound, picture = drawn.audio_spoilt[test], drawn.video_spoilt[test]
    decided = (weight != 0.5) & (sound | picture)
    right = np.where(sound, weight == 1, weight == 0)[decided]
    return {
        "mean alpha where the sound is spoilt": float(alpha[sound].mean()),
        "mean alpha where the picture is spoilt": float(alpha[picture].mean()),
        "% of spoilt clips decided": 100 * float(decided.sum() / (sound | picture).sum()),
        "% of those decided for the clean modality": 100 * float(right.mean()) if len(right) else np.nan,
    }


def _print(found: dict[str, dict[int, float]], scale: float) -> None:
    n = len(next(iter(found.values())))
    print(f"\nHM on test in %, {n} seeds, scale {scale:g}\n\n| | mean | 95 % interval |\n|---|---|---|")
    for what in SHOWN:
        print(_line(what, summarise(np.array(list(found[what].values())))))
    for left, right in DIFFERENCES:
        print(_line(f"{left} less {right}", paired(found[left], found[right])))
    for what in sorted(found.keys() - SHOWN.keys()):
        print(_line(what, summarise(np.array(list(found[what].values())))))


def _line(what: str, one: Summary) -> str:
    interval = "" if one.low is None else f"{one.low:.2f} to {one.high:.2f}"
    return f"| {what} | {one.mean:.2f} | {interval} |"


if __name__ == "__main__":
    main()
