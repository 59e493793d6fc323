"""Columns of features: arrays into Arrow and back, without a Python number in between."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float16, Float32

from audiosetzsl.errors import ShardError
from audiosetzsl.shards.schema import N_MELS, VECTOR_WIDTH, Kind, schema_of

STEPS = np.float32(256)  # of a log-mel in shards, from one number to the next


def log_mel_column(frames: Sequence[Float[np.ndarray, "_ _"] | None], width: int = N_MELS) -> pa.ListArray:
    """Log-mels [n_frames, width] of all clips, float16 in steps of 1/256, laid end to end; None is null.

    No number is off by more than 0.002, as many are in plain float16 (between 4 and 8 its own step is 1/256), and a
    clip takes 86 kB instead of 97: finer steps near 0 would be noise that nothing makes small.
    """
    kind = schema_of(Kind.LOG_MEL, width).field("log_mel").type
    laid = [np.zeros((0, width), np.float16), *(_stepped(x) for x in frames if x is not None)]
    _same_width(laid, width)
    bands = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(laid).ravel()), type=kind.value_type)
    n_frames = [0 if x is None else len(x) for x in frames]
    offsets = np.concatenate([[0], np.cumsum(n_frames)]).astype(np.int32)
    missing = pa.array([x is None for x in frames], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(offsets), bands, type=kind, mask=missing)


def vector_column(
    vectors: Sequence[Float[np.ndarray, " _"] | None], width: int = VECTOR_WIDTH
) -> pa.FixedSizeListArray:
    """Vectors [width] of all clips, float32; None is null."""
    _same_width([x for x in vectors if x is not None], width)
    matrix = np.zeros((len(vectors), width), np.float32)
    for row, vector in enumerate(vectors):
        if vector is not None:
            matrix[row] = vector
    missing = pa.array([x is None for x in vectors], pa.bool_())
    kind = schema_of(Kind.VIDEO, width).field("vector").type
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), type=kind, mask=missing)


def vectors_of(table: pa.Table) -> Float32[np.ndarray, "n width"]:
    """Rows of the column `vector` as one matrix; every row must hold one.

    Raises:
        ShardError: some row holds none.
    """
    column = table["vector"].combine_chunks()
    if column.null_count:
        raise ShardError(f"{column.null_count} rows hold no vector; take the rows whose status is ok first")
    flat: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), column.type.list_size)


def frames_of(table: pa.Table) -> Iterator[Float16[np.ndarray, "n_frames n_mels"]]:
    """Log-mel of each row of a shard; a row without one has no frames."""
    for chunk in table["log_mel"].chunks:
        bands = chunk.values.values.to_numpy(zero_copy_only=False).reshape(-1, chunk.values.type.list_size)
        offsets = chunk.offsets.to_pylist()
        for start, stop in itertools.pairwise(offsets):
            yield bands[start:stop]


def _stepped(frames: Float[np.ndarray, "n_frames n_mels"]) -> Float16[np.ndarray, "n_frames n_mels"]:
    return (np.rint(frames * STEPS) / STEPS).astype(np.float16)


def _same_width(features: Sequence[np.ndarray], width: int) -> None:
    other = {x.shape[-1] for x in features} - {width}
    if other:
        raise ShardError(
            f"features are {sorted(other)} wide, expected {width}; give the width of the network"
        )
