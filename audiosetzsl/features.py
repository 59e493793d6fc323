"""Features of a workspace, joined with its manifest by segment id; a reader always says which split it wants."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from audiosetzsl.errors import ShardError
from audiosetzsl.manifest import load_manifest
from audiosetzsl.shards import Kind, Status, made_by_of, read_shard, vectors_of
from audiosetzsl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ClipVectors:
    """Manifest rows whose clips gave a vector of every kind asked for, and those vectors, row by row."""

    rows: pd.DataFrame
    vectors: dict[Kind, np.ndarray]  # float32 [n_clips, 1024]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, kind: Kind) -> Float[np.ndarray, "n_clips width"]:
        return self.vectors[kind]


def load_vectors(place: Workspace, kinds: Sequence[Kind], *, split: str, seen: bool | None) -> ClipVectors:
    """Load vectors of a split into memory; `seen` True takes seen classes, False unseen ones, None both.

    Raises:
        ShardError: a kind has no shards, or one is damaged or of another configuration than the rest.
        ManifestError: the manifest is absent or wrong, or there is no such split.
    """
    rows = load_manifest(place.manifest, split=split, seen=seen)
    found = {kind: _vectors(place, kind) for kind in kinds}
    have_all = [rows.segment_id.isin(ids) for ids, _ in found.values()]
    rows = rows[np.logical_and.reduce(have_all)].reset_index(drop=True)
    vectors = {}
    for kind, (ids, matrix) in found.items():
        at = pd.Series(np.arange(len(ids)), index=ids)
        vectors[kind] = matrix[at.reindex(rows.segment_id).to_numpy()]
    return ClipVectors(rows, vectors)


def stream_log_mel(
    place: Workspace, *, split: str, seen: bool | None
) -> Iterator[tuple[str, str, Float[np.ndarray, "n_frames n_mels"]]]:
    """Yield segment id, class name and log-mel (float16) of the clips that have one, a shard in memory at a time.

    Raises:
        ShardError: there are no log-mel shards, or one is damaged or of another configuration than the rest.
    """
    rows = load_manifest(place.manifest, split=split, seen=seen)
    class_of = dict(zip(rows.segment_id, rows.class_name, strict=True))
    for table in _ok_rows(place, Kind.LOG_MEL):
        for segment_id, frames in zip(table["segment_id"].to_pylist(), frames_of(table), strict=True):
            if segment_id in class_of:
                yield segment_id, class_of[segment_id], frames


def _vectors(place: Workspace, kind: Kind) -> tuple[list[str], np.ndarray]:
    tables = list(_ok_rows(place, kind, ["segment_id", "status", "vector"]))
    ids = [name for table in tables for name in table["segment_id"].to_pylist()]
    return ids, np.concatenate([vectors_of(table) for table in tables])


def frames_of(table: pa.Table) -> Iterator[np.ndarray]:
    """Log-mel of each row of a shard [n_frames, 64], float16; a row without one has no frames."""
    for chunk in table["log_mel"].chunks:
        bands = chunk.values.values.to_numpy(zero_copy_only=False).reshape(-1, chunk.values.type.list_size)
        offsets = chunk.offsets.to_pylist()
        for start, stop in itertools.pairwise(offsets):
            yield bands[start:stop]


def _ok_rows(place: Workspace, kind: Kind, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows that hold a feature, shard by shard; all shards have to be of one configuration."""
    parts = sorted(place.features(kind).glob("part-*.parquet"))
    if not parts:
        raise ShardError(
            f"{place.features(kind)} holds no shards; run `python -m flows extract-features` (log_mel, video) "
            "or `embed-audio` (audio) first"
        )
    made_by = made_by_of(parts[0])
    for path in parts:
        yield _ok(read_shard(path, kind, made_by=made_by, columns=columns))


def _ok(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["status"], Status.OK.value))
