"""Real clips through everything: what each gave, and which clip its features find nearest.

python benchmarks/real_clips.py [--folder ../shared/data/clips]
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from audiosetzsl.shards import Kind, frames_of
from audiosetzsl.show import show_table
from extractors.extraction.block import Extractors, extract_block
from extractors.extraction.rows import ClipRow
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig

DATA = Path(os.environ.get("AZSL_REAL_DATA", "../shared/data"))
EXTRACTORS = Extractors(LogMelConfig(), VideoConfig(weights="random:0"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATA / "clips")
    clips = sorted(parser.parse_args().folder.glob("*.mp4"))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        found = list(pool.map(extract, clips))
    tables = {kind: pa.concat_tables([tables[kind] for tables in found]) for kind in found[0]}
    heard = [summary(frames) for frames in frames_of(tables[Kind.LOG_MEL])]
    seen = [vector.as_py() for vector in tables[Kind.VIDEO]["vector"]]
    near = {Kind.LOG_MEL: nearest(clips, heard), Kind.VIDEO: nearest(clips, seen)}
    lines = []
    for number, clip in enumerate(clips):
        line: list[str | float] = [clip.stem[:34]]
        for kind, table in tables.items():
            row = table.slice(number, 1).to_pylist()[0]
            words = " ".join([row["status"], *row["flags"]])
            line += [words, row["duration_s"], near[kind][number]]
        lines.append(line)
    columns = ["clip", "sound", "s", "nearest by mean log-mel", "picture", "s", "nearest by video"]
    show_table("Real clips, expected to last 10 s; the video network has random weights", columns, lines)


def extract(clip: Path) -> dict[Kind, pa.Table]:
    """Features of one clip."""
    torch.set_num_threads(1)
    return extract_block([ClipRow(clip.stem, clip, "", 10.0)], EXTRACTORS)


def summary(frames: np.ndarray) -> np.ndarray | None:
    """Mean and deviation of each band over time."""
    if not len(frames):
        return None
    frames = frames.astype(np.float32)
    return np.concatenate([frames.mean(0), frames.std(0)])


def nearest(clips: list[Path], vectors: list[np.ndarray | list[float] | None]) -> list[str]:
    """The most similar other clip of each, by cosine of what is left without the mean of all."""
    there = [number for number, vector in enumerate(vectors) if vector is not None]
    matrix = np.array([vectors[number] for number in there], np.float64)
    matrix -= matrix.mean(0)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    alike = matrix @ matrix.T
    np.fill_diagonal(alike, -np.inf)
    names = [""] * len(clips)
    for row, number in enumerate(there):
        other = int(alike[row].argmax())
        names[number] = f"{clips[there[other]].stem[:24]} {alike[row, other]:.2f}"
    return names


if __name__ == "__main__":
    main()
