"""Speed of build-manifest: against reading the bytes, against a row loop, and from 1/8 to all of the rows."""

import argparse
import gzip
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from rows import build_by_rows  # noqa: E402 - a script's own folder

from audiosetzsl.audioset.ontology import read_ontology  # noqa: E402
from audiosetzsl.audioset.remotes import LISTS, Source  # noqa: E402
from audiosetzsl.building.build import build  # noqa: E402
from audiosetzsl.building.candidates import find_candidates  # noqa: E402
from audiosetzsl.building.splits import by_hash  # noqa: E402
from audiosetzsl.classes import AUDIOSETZSL  # noqa: E402
from audiosetzsl.files import write_table  # noqa: E402
from audiosetzsl.manifest import DROPS_SCHEMA, write_manifest  # noqa: E402
from audiosetzsl.show import say, show_table  # noqa: E402

SHARES = (8, 4, 2, 1)


def main() -> None:
    """Print two tables: times with their spread, and ratios within one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audioset", type=Path, default=ROOT.parent / "shared" / "data" / "audioset")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    if not options.audioset.is_dir():
        sys.exit(f"{options.audioset} holds no lists of AudioSet; pass --audioset FOLDER")
    with tempfile.TemporaryDirectory() as scratch:
        whole_build(options.audioset, Path(scratch), options.runs)
        shares_of_rows(options.audioset, options.runs)


def whole_build(directory: Path, scratch: Path, runs: int) -> None:
    """The build with its files, the bare reading of the bytes, and the row loop, in turn."""

    def ours() -> None:
        built = build(directory, read_ontology(directory), AUDIOSETZSL, by_hash())
        write_table(built.drops, scratch / "drops.parquet", DROPS_SCHEMA)
        write_manifest(built.manifest, scratch / "manifest.parquet", {})

    peak_before = _peak_mb()
    ours()
    peak = _peak_mb()
    built = build(directory, read_ontology(directory), AUDIOSETZSL, by_hash())
    manifest, drops = build_by_rows(directory, AUDIOSETZSL)
    same = built.manifest.equals(manifest) and built.drops.equals(drops)
    times = in_turn(
        {
            "reading: unpack and scan the bytes": lambda: scan(directory),
            "build-manifest, files written": ours,
            "row loop, nothing written": lambda: build_by_rows(directory, AUDIOSETZSL),
        },
        runs,
    )
    show_times(f"build-manifest on AudioSet's lists, {runs} runs in turn", times)
    reading, fast, slow = times.values()
    show_table(
        "Ratios, pair by pair",
        ["", "min", "median", "max"],
        [
            ["build-manifest / reading (target: 4 at most)", *ratio(fast, reading)],
            ["row loop / build-manifest (target: 2 at least)", *ratio(slow, fast)],
        ],
    )
    say(f"row loop and build-manifest give the same tables: {same}")
    say(f"peak memory of the process after one build: {peak:.0f} MB, {peak_before:.0f} MB of it imports")
    if not same:
        sys.exit("the row loop and build-manifest differ")


def shares_of_rows(directory: Path, runs: int) -> None:
    """Candidates and splits of 1/8, 1/4, 1/2 and all rows, from bytes in memory."""
    from audiosetzsl.audioset.remotes import content_of, path_of
    from audiosetzsl.audioset.segments import read_segments
    from audiosetzsl.building.build import assemble

    path = path_of(directory, LISTS[Source.UNBALANCED])
    content = content_of(path)
    header, rows = content.split(b"\n")[:3], content.split(b"\n")[3:-1]
    jobs: dict[str, Callable[[], object]] = {}
    sizes = []
    for share in SHARES:
        part = rows[::share]
        text = b"\n".join([header[0], b"# num_segs=%d" % len(part), header[2], *part]) + b"\n"
        packed = gzip.compress(text, 6)
        sizes.append(len(part))

        def job(packed: bytes = packed) -> object:
            segments = read_segments(gzip.decompress(packed), Source.UNBALANCED, "", path)
            return assemble(
                find_candidates({Source.UNBALANCED: segments}, AUDIOSETZSL), AUDIOSETZSL, by_hash()
            )

        jobs[f"1/{share} of the rows"] = job
    times = in_turn(jobs, runs)
    medians = [statistics.median(t) for t in times.values()]
    show_table(
        f"Cost by rows, {runs} runs in turn",
        ["", "rows", "median s", "s a million rows"],
        [[name, n, median, median / n * 1e6] for name, n, median in zip(times, sizes, medians, strict=True)],
    )


def scan(directory: Path) -> int:
    """The floor: unpack every list and count its lines."""
    from audiosetzsl.audioset.remotes import content_of, path_of

    return sum(content_of(path_of(directory, remote)).count(b"\n") for remote in LISTS.values())


def in_turn(jobs: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """Seconds of every job, one warm-up, then A B C A B C ..., so that a drift of the machine hits all."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for run in range(runs + 1):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            if run:
                times[name].append(time.perf_counter() - start)
    return times


def show_times(title: str, times: dict[str, list[float]]) -> None:
    """Minimum, median and maximum in seconds."""
    rows = [[name, min(t), statistics.median(t), max(t)] for name, t in times.items()]
    show_table(title, ["seconds", "min", "median", "max"], rows)


def ratio(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Minimum, median and maximum of the ratio, run by run."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return min(ratios), statistics.median(ratios), max(ratios)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
