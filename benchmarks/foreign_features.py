"""Features in the forms of others: time to read and write all of AudioSetZSL, against a row at a time, and memory."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from build_manifest import in_turn, ratio  # noqa: E402 - a script's own folder

from audiosetzsl.classes import AUDIOSETZSL  # noqa: E402
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures  # noqa: E402
from audiosetzsl.feature_sets import FeatureSet  # noqa: E402
from audiosetzsl.feature_sets.opening import open_set, save_set  # noqa: E402
from audiosetzsl.show import say, show_table  # noqa: E402

ROWS, WIDTH = 156_416, 1024  # of the authors' release
SMALL = 16  # the comparison with a row at a time takes one clip in so many
PEAK = """
import sys
from pathlib import Path
from audiosetzsl.feature_sets.opening import open_set
def peak_mb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
before = peak_mb()
clips = open_set(sys.argv[1])
print(peak_mb() - before, (clips.features.audio.nbytes + clips.features.video.nbytes) / 1e6)
"""


def main() -> None:
    """Print how reading and writing grow with the number of clips, and what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="clips of the largest set")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        _against_rows(Path(scratch), arguments.rows // SMALL, arguments.repeats)
        _growth(Path(scratch), arguments.rows)


def drawn(n: int) -> FeatureSet:
    """Clips of all classes and splits; ids as the workspace has them."""
    rng = np.random.default_rng(0)
    classes = ClassTable.of(AUDIOSETZSL)
    labels = np.sort(np.arange(n) % len(classes.names))
    seen = classes.seen_mask[labels]
    splits = np.where(np.arange(n) % 5 < 3, np.where(seen, "train", "test"), "test")
    rows = (rng.random((n, WIDTH), np.float32) for _ in range(2))
    ids = np.array([f"{number:011}_{1000 * (number % 300)}" for number in rng.permutation(n).tolist()])
    vectors = rng.random((len(classes.names), 300), np.float32)
    return FeatureSet(ids, labels, splits, ClipFeatures(*rows), classes, vectors).in_order()


def _against_rows(scratch: Path, n: int, repeats: int) -> None:
    place = scratch / "small"
    save_set(f"official:{place}", drawn(n))
    jobs = {"ours": lambda: open_set(f"official:{place}"), "rows": lambda: _row_by_row(place)}
    times = in_turn(jobs, repeats)
    low, median, high = ratio(times["rows"], times["ours"])
    say(
        f"Official form, {n:,} clips: open_set is {median:.1f} times ({low:.1f} to {high:.1f}) as fast as row by row."
    )
    shutil.rmtree(place)


def _row_by_row(place: Path) -> list[np.ndarray]:
    """A plain twin, as loaders of others have it: every row of every file, then one array of them."""
    matrices = []
    for kind in ("audio", "video"):
        rows: list[np.ndarray] = []
        for path in sorted((place / "features" / kind).rglob("*.h5")):
            with h5py.File(path) as file:
                ids = [str(clip, "utf-8") for clip in list(file["video_urls"])]
                rows.extend(row for row, _ in zip(file["data"], ids, strict=True))
        matrices.append(np.array(rows))
    return matrices


def _growth(scratch: Path, n: int) -> None:
    forms = ("npz:{}", "official:{}", "avca:{}", "xlsa17:{}?view=video")
    lines: list[list[str | int | float | None]] = []
    for share in (8, 1):
        clips = drawn(n // share)
        for form in forms:
            place = scratch / form.partition(":")[0]
            name = form.format(place)
            began = time.perf_counter()
            save_set(name, clips, leave_out=True)
            wrote = time.perf_counter() - began
            began, cpu = time.perf_counter(), time.process_time()
            open_set(name)
            read, cpu = time.perf_counter() - began, time.process_time() - cpu
            told = subprocess.run(
                [sys.executable, "-c", PEAK, name], capture_output=True, text=True, check=True
            )
            peak, held = map(float, told.stdout.split())
            lines.append([form, len(clips), wrote, read, 1e6 * cpu / len(clips), peak / held])
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    columns = ["form", "clips", "write s", "read s", "CPU us a clip", "peak / features"]
    show_table("Features of 1,024 + 1,024 (xlsa17: one kind), one run each", columns, lines)


if __name__ == "__main__":
    main()
