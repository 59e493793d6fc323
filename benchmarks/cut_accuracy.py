"""Accuracy of cuts: pictures and sound at both ends, over random starts in a video that tells its time."""

import argparse
import random
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import truth_media as truth  # noqa: E402 - a tool of the tests

from audiosetzsl.show import say, show_table  # noqa: E402
from extractors.media.cutting import cut  # noqa: E402
from extractors.media.inspection import inspect  # noqa: E402

RATES = (Fraction(15), Fraction(25), Fraction(30_000, 1001), Fraction(60))
SOURCE_S, SEGMENT_S = 60.0, 10.0
MEASURES = (
    "picture on screen at the start: its time - start",
    "pictures after it: time in the clip - time in the source",
    "end of the last picture - end",
    "first sound - start",
    "last sound - end",
)


def main() -> None:
    """Print the errors of each frame rate, and what a cut and a look at it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=200, help="random starts, over all frame rates")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    found: dict[str, dict[str, list[float]]] = {}
    spent: dict[str, list[float]] = {"cut": [], "inspect": []}
    with tempfile.TemporaryDirectory() as scratch:
        for fps in RATES:
            folder = Path(scratch) / f"{float(fps):.2f}"
            made = truth.render(folder, seconds=SOURCE_S, fps=fps, size=(640, 360))
            errors = found[f"{float(fps):.2f}"] = {measure: [] for measure in MEASURES}
            for number in range(options.starts // len(RATES)):
                start_s = round(rng.uniform(0, SOURCE_S - SEGMENT_S), 3)
                sources = [made.both] if number % 2 else [made.video, made.audio]
                path = timed_cut(sources, folder / "clip.mp4", start_s, spent)
                for measure, error_s in zip(MEASURES, errors_s(path, made, start_s), strict=True):
                    errors[measure].append(abs(1e3 * error_s))
    rows = [
        [fps, measure, statistics.median(ms), percentile_95(ms), max(ms)]
        for fps, errors in found.items()
        for measure, ms in errors.items()
    ]
    title = f"{options.starts} cuts of {SEGMENT_S:g} s at random starts, errors in ms (without sign)"
    show_table(title, ["frames/s", "", "median", "95 %", "max"], rows)
    for what, seconds in spent.items():
        say(f"{what}: {1e3 * statistics.median(seconds):.0f} ms of CPU a clip (median)")


def timed_cut(sources: list[Path], path: Path, start_s: float, spent: dict[str, list[float]]) -> Path:
    """Cut and look at a segment; the CPU time of both is noted."""
    before_s = time.process_time()
    cut(sources, path, start_s, start_s + SEGMENT_S)
    between_s = time.process_time()
    inspect(path, SEGMENT_S)
    spent["cut"].append(between_s - before_s)
    spent["inspect"].append(time.process_time() - between_s)
    return path


def errors_s(path: Path, made: truth.Truth, start_s: float) -> list[float]:
    """The measures of one clip, in their order."""
    pictures = truth.frame_numbers(path)
    (_, first), *others, (_, last) = pictures
    times_s = [time_s - (number / made.fps - start_s) for time_s, number in others]
    end_s = start_s + SEGMENT_S
    return [
        first / made.fps - start_s,
        max(times_s, key=abs),
        (last + 1) / made.fps - end_s,
        truth.sound_starts_at_s(path, made) - start_s,
        truth.sound_ends_at_s(path, made) - end_s,
    ]


def percentile_95(values: list[float]) -> float:
    """The value that one in twenty exceeds."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


if __name__ == "__main__":
    main()
