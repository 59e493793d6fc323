"""Reading 60 words from a table of word vectors: speed and memory, against its bare bytes and loading it all."""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audiosetzsl.show import show_table
from audiosetzsl.word_tables.reading import read_word_table

WIDTH = 300
N_ASKED = 60
ROWS_AT_ONCE = 10_000
PIECE = 1 << 18
Ways = dict[str, Callable[[Path], object]]


def main() -> None:
    """Write a table of each form, and print speeds, memory and ratios of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=150_000, help="850,000 make a file of 1 GB")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    n_words, fewer = options.words, options.words // 3
    loaded = f"all {fewer:,} words, loaded whole"
    # Of text a third of the words fills as many bytes. All of them take gensim's way minutes, and are left out.
    forms: list[tuple[str, Callable[[Path, int], Path], int, Ways]] = [
        ("words.bin", write_binary, n_words, {"all words, gensim's way (a twin)": load_all}),
        ("words.txt", write_text, fewer, {}),
        ("words.npz", write_npz, fewer, {loaded: load_npz}),
        ("words.parquet", write_parquet, fewer, {loaded: pq.read_table}),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        for name, write, n, more in forms:
            bare: Ways = {"bare bytes": scan, f"{N_ASKED} words, ours": partial(read_some, n_words=n)}
            measure(write(Path(scratch) / name, n), options.runs, bare | more)


def measure(path: Path, runs: int, ways: Ways) -> None:
    """Time the ways in turn, each run in a process of its own, so that its peak is its own too."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    peaks: dict[str, float] = {}
    for _ in range(runs):
        for way, function in ways.items():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                seconds, peaks[way] = pool.submit(timed, function, path).result()
            times[way].append(seconds)
    n_bytes = path.stat().st_size
    bare = statistics.median(times["bare bytes"])
    show_table(
        f"{path.name}, {n_bytes / 1e6:,.0f} MB, {runs} runs in turn",
        ["", "MB/s", "time / bare bytes", "peak above the start, MB"],
        [
            [way, int(n_bytes / statistics.median(some) / 1e6), statistics.median(some) / bare, peaks[way]]
            for way, some in times.items()
        ],
    )


def timed(function: Callable[[Path], object], path: Path) -> tuple[float, float]:
    """Seconds that a call takes, and megabytes that it needs at its peak (Linux counts them)."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of the imports
    before = _megabytes("VmRSS")
    start = time.perf_counter()
    function(path)
    return time.perf_counter() - start, max(_megabytes("VmHWM") - before, 0.0)


def scan(path: Path) -> None:
    """Read the file in pieces and do nothing with them."""
    with path.open("rb", buffering=0) as file:
        while file.read(PIECE):
            pass


def read_some(path: Path, n_words: int) -> None:
    """Read words from all over the table, and some that it lacks, so that it is walked to its end."""
    asked = [f"word{number * (n_words // N_ASKED)}" for number in range(N_ASKED)]
    table = read_word_table(path, [*asked, "unicorn"])
    if len(table.vectors) != len(asked):
        sys.exit(f"{len(table.vectors)} of {len(asked)} words were found")


def load_all(path: Path) -> object:
    """The way of gensim 4: pieces of 100 kB, every word decoded, every vector copied into a matrix of all."""
    with path.open("rb") as file:
        n_words, width = map(int, file.readline().split())
        matrix, index = np.zeros((n_words, width), np.float32), dict[str, int]()
        piece = b""
        while len(index) < n_words:
            piece += file.read(100 * 1024)
            start = 0
            while (end := piece.find(b" ", start)) >= 0 and len(piece) - end - 1 >= 4 * width:
                word = piece[start:end].decode().lstrip("\n")
                matrix[len(index)] = np.frombuffer(piece, np.float32, width, end + 1).astype(np.float32)
                index[word] = len(index)
                start = end + 1 + 4 * width
            piece = piece[start:]
    return matrix, index


def load_npz(path: Path) -> object:
    """The way of NumPy."""
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["names"], arrays["vectors"]


def write_binary(path: Path, n_words: int) -> Path:
    """A table as word2vec writes it, of noise."""
    with path.open("wb") as file:
        file.write(f"{n_words} {WIDTH}\n".encode())
        for start, vectors in _noise(n_words):
            file.write(
                b"".join(
                    f"word{start + row} ".encode() + vector.tobytes() + b"\n"
                    for row, vector in enumerate(vectors)
                )
            )
    return path


def write_text(path: Path, n_words: int) -> Path:
    """A table as fastText writes it; the rows of a block repeat each other's numbers, which no reader sees."""
    with path.open("wb") as file:
        file.write(f"{n_words} {WIDTH}\n".encode())
        for start, vectors in _noise(n_words):
            told = [" ".join(f"{number:.5f}" for number in vector) for vector in vectors[:50]]
            file.write(
                "".join(f"word{start + row} {told[row % 50]}\n" for row in range(len(vectors))).encode()
            )
    return path


def write_npz(path: Path, n_words: int) -> Path:
    """A table as np.savez writes it, of noise."""
    names = np.array([f"word{row}" for row in range(n_words)])
    np.savez(path, names=names, vectors=np.concatenate([vectors for _, vectors in _noise(n_words)]))
    return path


def write_parquet(path: Path, n_words: int) -> Path:
    """A table as Parquet in a few row groups, of noise."""
    schema = pa.schema({"name": pa.string(), "vector": pa.list_(pa.float32(), WIDTH)})
    with pq.ParquetWriter(path, schema) as file:
        for start, vectors in _noise(n_words):
            names = pa.array([f"word{start + row}" for row in range(len(vectors))])
            lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), WIDTH)
            file.write_table(pa.Table.from_arrays([names, lists], schema=schema))
    return path


def _noise(n_words: int) -> Iterator[tuple[int, np.ndarray]]:
    rng = np.random.default_rng(0)
    for start in range(0, n_words, ROWS_AT_ONCE):
        yield start, rng.standard_normal((min(ROWS_AT_ONCE, n_words - start), WIDTH), np.float32)


def _megabytes(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


if __name__ == "__main__":
    main()
