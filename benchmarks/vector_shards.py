"""Vectors and log-mels on disk: time to write and read all of AudioSetZSL, against NumPy and pandas, and memory."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from build_manifest import in_turn, ratio  # noqa: E402 - a script's own folder

from audiosetzsl.blocks import Block, plan_blocks  # noqa: E402
from audiosetzsl.features import load_vectors  # noqa: E402
from audiosetzsl.files import write_table  # noqa: E402
from audiosetzsl.manifest import load_manifest_table, write_manifest  # noqa: E402
from audiosetzsl.shards import (  # noqa: E402
    Kind,
    Recipe,
    log_mel_column,
    read_shard,
    schema_of,
    vector_column,
    vectors_of,
    write_shard,
)
from audiosetzsl.shards.io import LAYOUT  # noqa: E402
from audiosetzsl.show import say, show_table  # noqa: E402
from audiosetzsl.workspace import Workspace  # noqa: E402

ROWS = 156_416  # of the authors' release
RECIPE = Recipe("Made up", {"code": 1})
CORES = len(os.sched_getaffinity(0))
SMALL = 32  # blocks of the comparison of layouts
BATCH = 256
PEAK = """
import sys
from pathlib import Path
from audiosetzsl.features import load_vectors, stream_log_mel
from audiosetzsl.shards import Kind
from audiosetzsl.workspace import Workspace
def peak_mb():
    lines = Path("/proc/self/status").read_text().splitlines()  # getrusage would count the parent's peak too
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
place, before = Workspace(Path(sys.argv[1])), peak_mb()
if sys.argv[2] == "load":
    load_vectors(place, [Kind.VIDEO], split=None, seen=None)
else:
    for clip in stream_log_mel(place, split=None, seen=None):
        pass
print(before, peak_mb())
"""


def main() -> None:
    """Print tables with the targets beside what was measured; everything is written to a folder that goes again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="vectors, 1024 numbers each")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place, blocks = workspace(Path(scratch) / "work", options.rows)
        matrix = np.random.default_rng(0).standard_exponential((options.rows, 1024), np.float32)
        whole_set(place, blocks, matrix, options.runs)
        layouts(place, blocks[:SMALL], matrix, options.runs)
        del matrix
        shutil.rmtree(place.features(Kind.VIDEO))
        log_mels(Path(scratch))


def workspace(root: Path, n: int) -> tuple[Workspace, list[Block]]:
    """The first rows of the published manifest, and their blocks of 256."""
    place = Workspace(root)
    manifest = load_manifest_table().slice(0, n)
    write_manifest(manifest, place.manifest, {})
    return place, plan_blocks(manifest["segment_id"].to_pylist())


def table_of(block: Block, kind: Kind, feature: pa.Array, n_frames: int) -> pa.Table:
    """Rows of a block in which every clip is there."""
    n = len(block.segment_ids)
    columns = {
        "segment_id": block.segment_ids,
        "status": ["ok"] * n,
        "reason": [""] * n,
        "flags": [[]] * n,
        "duration_s": [10.0] * n,
        "n_frames": [n_frames] * n,
        "n_windows": [4] * n,
    }
    schema = schema_of(kind)
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else feature for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def vectors_table(block: Block, matrix: np.ndarray) -> pa.Table:
    """Rows of a block with its part of the matrix."""
    start = block.number * BATCH
    rows = matrix[start : start + len(block.segment_ids)]
    return table_of(block, Kind.VIDEO, vector_column(list(rows)), 250)


def whole_set(place: Workspace, blocks: Sequence[Block], matrix: np.ndarray, runs: int) -> None:
    """Everything written and read, beside one .npy file; with the page cache warm, as nothing is read from disk."""
    plain = place.root / "matrix.npy"

    def write_block(block: Block) -> None:
        table, path = vectors_table(block, matrix), place.features(Kind.VIDEO) / block.file_name
        write_shard(table, path, Kind.VIDEO, RECIPE)

    def write() -> None:
        with ThreadPoolExecutor(CORES) as pool:  # the stages have a process for each core
            list(pool.map(write_block, blocks))

    def save() -> None:
        with plain.open("wb") as file:
            np.save(file, matrix, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())

    written = in_turn({"shards": write, "np.save": save}, runs)
    jobs = {
        "shards": lambda: load_vectors(place, [Kind.VIDEO], split=None, seen=None),
        "np.load": lambda: np.load(plain, allow_pickle=False),
    }
    read = in_turn(jobs, runs)
    start = time.process_time()
    clips = load_vectors(place, [Kind.VIDEO], split=None, seen=None)
    cpu_s = time.process_time() - start
    at = {name: i for i, name in enumerate(clips.rows.segment_id)}
    order = [at[name] for block in blocks for name in block.segment_ids]
    same = bool((clips[Kind.VIDEO][order] == matrix).all())
    size = sum(path.stat().st_size for path in place.features(Kind.VIDEO).iterdir())
    rows = [
        ["written, synced to disk, s (target at the release's size: 6 at most)", *spread(written["shards"])],
        ["read into one matrix, s (target: 4 at most)", *spread(read["shards"])],
        [f"a random batch of {BATCH} rows, ms (target: 1 at most)", *spread(batches(clips[Kind.VIDEO]))],
        ["written / np.save, which keeps no ids", *ratio(written["shards"], written["np.save"])],
        ["read / np.load", *ratio(read["shards"], read["np.load"])],
    ]
    title = f"{len(matrix):,} x {matrix.shape[1]} float32 in {len(blocks)} shards, {runs} runs in turn, {CORES} cores"
    show_table(title, ["", "min", "median", "max"], rows)
    say(
        f"{size / 1e6:,.0f} MB on disk for {matrix.nbytes / 1e6:,.0f} MB of numbers; read back the same: {same}"
    )
    say(f"reading takes {cpu_s:.2f} s of CPU, the manifest included, on all cores together")
    before, peak = peak_of(place, "load")
    say(
        f"a fresh process that loads them: {before:.0f} MB after imports, {peak:.0f} MB at most; "
        f"(peak - imports) / matrix = {(peak - before) * 1e6 / matrix.nbytes:.2f} (target: about 1.3 at most)"
    )
    plain.unlink()
    if not same:
        sys.exit("what was read is not what was written")


def batches(matrix: np.ndarray) -> list[float]:
    """Milliseconds of random batches, each of other rows."""
    rng, times = np.random.default_rng(1), []
    for _ in range(300):
        rows = rng.integers(0, len(matrix), BATCH)
        start = time.perf_counter()
        matrix[rows]
        times.append(1000 * (time.perf_counter() - start))
    return times


def layouts(place: Workspace, blocks: Sequence[Block], matrix: np.ndarray, runs: int) -> None:
    """Ours against two other ways to lay vectors out, on some blocks: bytes apart and zstd, and pandas objects."""
    folder, schema = place.root / "layouts", schema_of(Kind.VIDEO)
    tables = [vectors_table(block, matrix) for block in blocks]
    frames = [
        pd.DataFrame({"segment_id": t["segment_id"].to_pylist(), "vector": list(vectors_of(t))})
        for t in tables
    ]
    leaf = "vector.list.element"
    split = {"use_byte_stream_split": [leaf], "compression": "zstd", "compression_level": 1}
    apart = {**LAYOUT[Kind.VIDEO], **split}

    def paths(way: str) -> list[Path]:
        (folder / way).mkdir(parents=True, exist_ok=True)
        return [folder / way / block.file_name for block in blocks]

    writers: dict[str, Callable[[pa.Table, pd.DataFrame, Path], object]] = {
        "ours": lambda table, frame, path: write_table(table, path, schema, **LAYOUT[Kind.VIDEO]),
        "BYTE_STREAM_SPLIT, zstd 1": lambda table, frame, path: write_table(table, path, schema, **apart),
        "pandas object column": lambda table, frame, path: frame.to_parquet(path),
    }
    readers: dict[str, Callable[[Path], np.ndarray]] = {
        "ours": lambda path: vectors_of(read_shard(path, Kind.VIDEO)),
        "BYTE_STREAM_SPLIT, zstd 1": lambda path: vectors_of(read_shard(path, Kind.VIDEO)),
        "pandas object column": lambda path: np.stack(pd.read_parquet(path)["vector"].tolist()),
    }

    def write_by(way: str) -> Callable[[], object]:
        return lambda: [writers[way](t, f, p) for t, f, p in zip(tables, frames, paths(way), strict=True)]

    def read_by(way: str) -> Callable[[], object]:
        return lambda: [readers[way](path) for path in paths(way)]

    written = cpu_in_turn({way: write_by(way) for way in writers}, runs)
    read = cpu_in_turn({way: read_by(way) for way in readers}, runs)
    n = len(blocks) * BATCH
    rows = []
    for way in writers:
        size = sum(path.stat().st_size for path in paths(way))
        medians = [statistics.median(times[way]) / n * ROWS for times in (written, read)]
        relative = [ratio(times[way], times["ours"])[1] for times in (written, read)]
        rows.append([way, *medians, *relative, size / (n * 4096)])
    columns = ["", "write all, CPU s", "read all", "write / ours", "read / ours", "size / numbers"]
    show_table(f"Ways to lay out vectors, by {n:,} of them, median of {runs} runs", columns, rows)
    shutil.rmtree(folder)


def cpu_in_turn(jobs: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    """CPU seconds of every job, one warm-up, then A B C A B C ...: waiting for the disk does not count."""
    spent: dict[str, list[float]] = {name: [] for name in jobs}
    for run in range(runs + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if run:
                spent[name].append(time.process_time() - start)
    return spent


def log_mels(scratch: Path) -> None:
    """Size of a clip, and the memory of streams of few and of many shards."""
    rng = np.random.default_rng(0)
    noise = rng.normal(-1.2, 0.7, (BATCH, 998, 64)).astype(np.float32)
    column, rows = log_mel_column(list(noise)), []
    for n_blocks in (4, 16):
        place, blocks = workspace(scratch / f"log_mels_{n_blocks}", n_blocks * BATCH)
        start = time.perf_counter()
        for block in blocks:
            table = table_of(block, Kind.LOG_MEL, column, 998)
            write_shard(table, place.features(Kind.LOG_MEL) / block.file_name, Kind.LOG_MEL, RECIPE)
        middle = time.perf_counter()
        before, peak = peak_of(place, "stream")
        size = sum(path.stat().st_size for path in place.features(Kind.LOG_MEL).iterdir())
        n = n_blocks * BATCH
        rows.append(
            [n_blocks, n * 998 * 128 / 1e6, size / n / 1e3, 1000 * (middle - start) / n, peak - before]
        )
    columns = [
        "shards",
        "MB of numbers",
        "kB a clip (target: 90 at most)",
        "ms to write a clip",
        "MB to stream all",
    ]
    show_table(
        "Log-mels of 10 s, in a stream: its memory does not depend on how many there are", columns, rows
    )


def peak_of(place: Workspace, what: str) -> tuple[float, float]:
    """MB that a fresh process held after its imports, and at most."""
    command = [sys.executable, "-c", PEAK, str(place.root), what]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    before, peak = ran.stdout.split()
    return float(before), float(peak)


def spread(values: list[float]) -> tuple[float, float, float]:
    """Minimum, median and maximum."""
    return min(values), statistics.median(values), max(values)


if __name__ == "__main__":
    main()
