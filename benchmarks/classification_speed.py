"""Table 2 at full scale: time and memory from embeddings to S, U, HM and exact curves, against a loop over beta."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # one core; the libraries read this when NumPy is imported

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from build_manifest import in_turn, ratio  # noqa: E402 - a script's own folder

from audiosetzsl.evaluation.closeness import closeness  # noqa: E402
from audiosetzsl.evaluation.protocol import (  # noqa: E402
    Scores,
    choose_beta,
    choose_exact_beta,
    classify,
    curve_of,
)
from audiosetzsl.evaluation.selection import selected_weight  # noqa: E402
from audiosetzsl.evaluation.training_set import ClassTable  # noqa: E402
from audiosetzsl.show import say, show_table  # noqa: E402

CLIPS = 31_280  # of test in the authors' release; val has about as many
WIDTH = 64
CLASSES = ClassTable(tuple(f"class {n}" for n in range(33)), tuple(n < 23 for n in range(33)))
SHARES = (1 / 8, 1 / 4, 1 / 2, 1)
KINDS = ("audio", "video", "both", "selected")


@dataclass(frozen=True, slots=True)
class Split:
    """Embeddings of the clips of a split, made up: video tells classes better apart than audio."""

    name: str
    actual: np.ndarray
    audio: np.ndarray
    video: np.ndarray
    text: np.ndarray
    alpha: np.ndarray


def main() -> None:
    """Print tables with the targets beside what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS, help="clips of test, and as many of val")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        print_peak(options.clips)
        return
    growth(options.clips, options.runs)
    parts(options.clips, options.runs)
    memory(options.clips)


def made_up(name: str, n: int, seed: int) -> Split:
    """Draw a split; both have the same classes."""
    text = np.random.default_rng(0).normal(size=(len(CLASSES.names), WIDTH))
    rng = np.random.default_rng(seed)
    actual = rng.integers(0, len(text), n)
    # Models lean to what they were trained on: clips of unseen classes lie off their class.
    lean = np.where(CLASSES.seen_mask[actual], 1.0, 0.75)[:, None] * text[actual]
    audio, video = (lean + noise * rng.normal(size=lean.shape) for noise in (4.0, 2.5))
    narrow = (array.astype(np.float32) for array in (audio, video, text, rng.random(n)))
    return Split(name, actual, *narrow)


def scores_of(split: Split) -> dict[str, Scores]:
    """Scores by one modality, by the mean of both, and by the one that attention selects."""
    audio, video = (closeness(clips, split.text) for clips in (split.audio, split.video))
    weight = selected_weight(split.alpha)[:, None]
    mixed = weight * video + (1 - weight) * audio
    values = dict(zip(KINDS, (audio, video, (audio + video) / 2, mixed), strict=True))
    return {kind: Scores(one, split.actual, CLASSES, split.name) for kind, one in values.items()}


def table_2(val: Split, test: Split) -> dict[str, tuple[float, ...]]:
    """Beta of 26 points, S, U, HM and ZSL by this library; it finds the exact curves of val and of test besides."""
    on_val, on_test = scores_of(val), scores_of(test)
    rows = {}
    for kind in KINDS:
        choose_exact_beta(on_val[kind])
        found = classify(on_test[kind], choose_beta(on_val[kind]))
        rows[kind] = (found.beta, found.seen, found.unseen, found.harmonic, found.zero_shot)
    return rows


def plain_table_2(val: Split, test: Split) -> dict[str, tuple[float, ...]]:
    """The same but for the curves, said plainly: each beta is taken from all scores, and the best class sought."""
    on_val, on_test = scores_of(val), scores_of(test)
    rows = {}
    for kind in KINDS:
        values = on_val[kind].values
        gaps = values[:, CLASSES.seen_mask].max(1) - values[:, ~CLASSES.seen_mask].max(1)
        betas = np.linspace(gaps.min(), gaps.max(), 26)
        beta = max(betas, key=lambda beta: plain_s_u_hm(values, val.actual, beta)[2])
        s_u_hm = plain_s_u_hm(on_test[kind].values, test.actual, beta)
        among_unseen = np.where(CLASSES.seen_mask, -np.inf, on_test[kind].values)
        zero_shot = plain_class_mean(among_unseen.argmax(1), test.actual, ~CLASSES.seen_mask)
        rows[kind] = (float(beta), *s_u_hm, zero_shot)
    return rows


def plain_s_u_hm(values: np.ndarray, actual: np.ndarray, beta: float) -> tuple[float, float, float]:
    """Eq. 8 of the paper for one beta."""
    predicted = (values - beta * CLASSES.seen_mask).argmax(1)
    s, u = (plain_class_mean(predicted, actual, side) for side in (CLASSES.seen_mask, ~CLASSES.seen_mask))
    return s, u, 2 * s * u / (s + u) if s + u else 0.0


def plain_class_mean(predicted: np.ndarray, actual: np.ndarray, side: np.ndarray) -> float:
    """Mean over classes of the share of their clips that is right."""
    of_class = [actual == column for column in np.flatnonzero(side)]
    return float(np.mean([(predicted[mask] == actual[mask]).mean() for mask in of_class]))


def growth(n: int, runs: int) -> None:
    """All of table 2 at an eighth, a quarter, a half and all of the clips."""
    rows, apart = [], 0.0
    for share in SHARES:
        val, test = (made_up(name, int(n * share), seed) for name, seed in (("val", 1), ("test", 2)))
        ours, plain = table_2(val, test), plain_table_2(val, test)
        apart = max(apart, *(abs(a - b) for k in KINDS for a, b in zip(ours[k], plain[k], strict=True)))
        jobs: dict[str, Callable[[], object]] = {
            "ours": lambda val=val, test=test: table_2(val, test),
            "plain": lambda val=val, test=test: plain_table_2(val, test),
        }
        times = in_turn(jobs, runs)
        rows.append([len(test.actual), *sorted3(times["ours"]), *ratio(times["plain"], times["ours"])])
    columns = ["clips of val, of test", "s: min", "median", "max", "plain / ours: min", "median", "max"]
    title = (
        f"Table 2 from {WIDTH}-d embeddings on one core: audio, video, both and selected, {runs} runs in turn"
    )
    show_table(title, columns, rows)
    say("(target at 31,280 clips: 3 s at most. Ours has the exact curves of val and test besides.)")
    say(f"largest difference of a beta or of an accuracy from the plain way's: {apart:.1e}")
    if apart > 1e-9:
        sys.exit("the two ways do not come to the same table")


def parts(n: int, runs: int) -> None:
    """What the time is spent on."""
    val = made_up("val", n, 1)
    scores = scores_of(val)["both"]
    jobs: dict[str, Callable[[], object]] = {
        "scores of all four kinds, of one split": lambda: scores_of(val),
        "one kind: best classes of either side, exact curve": lambda: curve_of(scores),
        "one kind: the same, and 26 points of it": lambda: choose_beta(scores),
        "one kind: 26 points one by one, the plain way": lambda: [
            plain_s_u_hm(scores.values, val.actual, beta) for beta in np.linspace(-1, 1, 26)
        ],
    }
    times = in_turn(jobs, runs)
    rows = [[name, *(1000 * value for value in sorted3(spent))] for name, spent in times.items()]
    show_table(f"Parts, {n:,} clips", ["milliseconds", "min", "median", "max"], rows)
    _, at_26_points, one_by_one = list(times.values())[-3:]
    told = " / ".join(f"{value:.1f}" for value in ratio(one_by_one, at_26_points))
    say(f"26 points one by one / out of the exact curve: {told} (min / median / max)")


def memory(n: int) -> None:
    """Peak of a fresh process that does all of table 2."""
    command = [sys.executable, __file__, "--peak", "--clips", str(n)]
    before, peak = map(
        float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    )
    say(f"a fresh process: {before:.0f} MB with imports and embeddings, {peak:.0f} MB at most (target: 1000)")


def print_peak(n: int) -> None:
    """Megabytes before and at most."""
    val, test = made_up("val", n, 1), made_up("test", n, 2)
    before = held_mb("VmRSS")
    table_2(val, test)
    print(before, held_mb("VmHWM"))


def held_mb(what: str) -> float:
    """Memory of this process as Linux counts it; getrusage would count the parent's peak too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) * 1024 / 1e6


def sorted3(values: list[float]) -> tuple[float, float, float]:
    """Minimum, median and maximum."""
    return min(values), float(np.median(values)), max(values)


if __name__ == "__main__":
    main()
