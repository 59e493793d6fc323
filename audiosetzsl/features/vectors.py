"""Vectors of a workspace, loaded whole: one matrix a kind, row by row beside the manifest."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float32, Int

from audiosetzsl.errors import ShardError
from audiosetzsl.features.held import held_by, lacking, of_other_clips, refuse
from audiosetzsl.features.parts import Parts, parts_of, reading_threads
from audiosetzsl.manifest import load_manifest
from audiosetzsl.shards import Kind, Status, read_shard, vectors_of, width_of
from audiosetzsl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ClipVectors:
    """Manifest rows whose clips gave a vector of every kind asked for, and those vectors, row by row."""

    rows: pd.DataFrame
    vectors: dict[Kind, np.ndarray]  # float32 [n_clips, width]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, kind: Kind) -> Float32[np.ndarray, "n_clips width"]:
        return self.vectors[kind]


def load_vectors(
    place: Workspace,
    kinds: Sequence[Kind],
    *,
    split: str | None,
    seen: bool | None,
    classes: Collection[str] | None = None,
    unfinished: bool = False,
) -> ClipVectors:
    """Load vectors into memory: of what it takes, the matrices are nearly all, as shards are read into them.

    Args:
        place: a workspace.
        kinds: which vectors; clips that lack one of them are left out of all.
        split: train, val or test; None, which has to be said, takes all three.
        seen: True takes seen classes, False unseen ones, None both.
        classes: only these classes.
        unfinished: take what there is while shards are being made, with warnings in the log that say what is not.

    Raises:
        ShardError: a kind has no shards or none for some segment, a shard is damaged, of another recipe than the
            rest, or just being made, or kinds were made of different clips.
        ManifestError: the manifest is absent or wrong, or has no such split or class.
    """
    rows = load_manifest(place.manifest, split=split, seen=seen, classes=classes)
    parts = [parts_of(place, kind) for kind in kinds]
    with reading_threads() as pool:
        held = [held_by(of_kind, pool) for of_kind in parts]
        asked = pd.Index(rows.segment_id)
        for of_kind, by_kind in zip(parts, held, strict=True):
            refuse(lacking(place, of_kind, asked, by_kind.index), allowed=unfinished)
        refuse(of_other_clips(place, parts), allowed=unfinished)
        have_all = np.logical_and.reduce([by_kind.index[by_kind].get_indexer(asked) >= 0 for by_kind in held])
        rows = rows[have_all].reset_index(drop=True)
        vectors = {of_kind.kind: _matrix(of_kind, _index(rows), pool) for of_kind in parts}
    return ClipVectors(rows, vectors)


def _matrix(parts: Parts, index: pd.Index, pool: ThreadPoolExecutor) -> Float32[np.ndarray, "n_clips width"]:
    """Vectors of the segments of an index, each in its row."""
    matrix = np.empty((len(index), parts.width), np.float32)
    filled = np.zeros(len(index), bool)

    def fill(path: Path) -> None:
        at, table = _read(parts, index, path)
        if (width := width_of(table.schema, parts.kind)) != parts.width:
            raise ShardError(
                f"{path} is {width} wide, the first shard {parts.width}; find the wrong one with "
                "`audiosetzsl shards verify`"
            )
        matrix[at] = vectors_of(table)
        filled[at] = True

    for _ in pool.map(fill, parts.paths):
        pass
    if gone := index[~filled].tolist():
        raise ShardError(
            f"shards of {parts.folder} changed while they were read ({gone[0]} is gone); "
            "load again when extraction rests"
        )
    return matrix


def _read(parts: Parts, index: pd.Index, path: Path) -> tuple[Int[np.ndarray, " n"], pa.Table]:
    """Rows of a shard that hold a vector and are in an index, and their places there."""
    columns = ["segment_id", "status", "vector"]
    table = read_shard(path, parts.kind, made_by=parts.made_by, columns=columns)
    at = index.get_indexer(table["segment_id"].to_pandas())
    wanted = (at >= 0) & pc.equal(table["status"], Status.OK.value).to_numpy()
    # As a rule all are: then nothing is copied here.
    return (at, table) if wanted.all() else (at[wanted], table.filter(pa.array(wanted)))


def _index(rows: pd.DataFrame) -> pd.Index:
    """Segments of rows, ready to be looked up by several threads: the first look-up builds the table."""
    index: pd.Index = pd.Index(rows.segment_id)
    index.get_indexer(index[:1])
    return index
