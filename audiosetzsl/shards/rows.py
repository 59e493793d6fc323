"""Contract of a shard's rows, beyond their types: what a status promises of the other columns."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.errors import ShardError
from audiosetzsl.shards.schema import FEATURES, Kind, Status

_STATUSES = pa.array([str(status) for status in Status])
_HALF_EXPONENT = np.uint16(0x7C00)  # all ones in an infinity or NaN of 16 bits


def check_rows(table: pa.Table, kind: Kind, path: Path | str = "a shard") -> None:
    """Hold rows to their contract, as far as the columns that are there allow.

    Raises:
        ShardError: a status is none of ours, a row is ok without a feature or holds one without being ok, a reason
            is missing or too many, a count or duration is wrong, a number is not finite, or a segment comes twice.
    """
    for problem, wrong in _rules(table, kind):
        if n := pc.sum(wrong).as_py():
            raise ShardError(f"{path}: {problem} (rows: {n}{_first(table, wrong)}); make it again")
    if FEATURES[kind] in table.column_names and not _all_finite(table[FEATURES[kind]], kind):
        raise ShardError(f"{path}: features hold numbers that are not finite; make it again")
    names = table["segment_id"].to_pylist() if "segment_id" in table.column_names else []
    if len(set(names)) < len(names):
        raise ShardError(f"{path}: a segment has more than one row; make it again")


def _rules(table: pa.Table, kind: Kind) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """What may be wrong, and the rows in which it is."""
    there = {name: table[name] for name in table.column_names}
    feature = there.get(FEATURES[kind])
    ok = None
    if (status := there.get("status")) is not None:
        yield f"status is none of {', '.join(Status)}", pc.invert(pc.is_in(status, _STATUSES))
        ok = pc.equal(status, Status.OK.value)
    if ok is not None and feature is not None:
        yield (
            "a feature stands where the status is not ok, or none where it is",
            pc.not_equal(ok, pc.is_valid(feature)),
        )
    if ok is not None and (reason := there.get("reason")) is not None:
        yield (
            "a reason stands where the status is ok, or none where it is not",
            pc.not_equal(ok, pc.equal(reason, "")),
        )
    for name in ("n_frames", "n_windows"):
        if ok is not None and name in there:
            yield f"{name} is 0 where the status is ok", pc.and_(ok, pc.less(there[name], 1))
        if name in there:
            yield f"{name} is less than 0", pc.less(there[name], 0)
    if "duration_s" in there:
        fine = pc.and_(pc.is_finite(there["duration_s"]), pc.greater_equal(there["duration_s"], 0))
        yield "duration_s is less than 0, or no number", pc.invert(fine)
    if kind is Kind.LOG_MEL and feature is not None and "n_frames" in there:
        lengths = pc.fill_null(pc.list_value_length(feature), 0)
        yield "n_frames is not the number of frames", pc.not_equal(there["n_frames"], lengths)


def _first(table: pa.Table, wrong: pa.ChunkedArray) -> str:
    if "segment_id" not in table.column_names:
        return ""
    return f", first {table['segment_id'][pc.index(wrong, True).as_py()].as_py()}"


def _all_finite(column: pa.ChunkedArray, kind: Kind) -> bool:
    """Whether every number is one. Those behind a null count too: writers leave zeros there."""
    return all(_is_finite(_flat(chunk, kind)) for chunk in column.chunks)


def _flat(chunk: pa.Array, kind: Kind) -> np.ndarray:
    bands = chunk.flatten() if kind is Kind.LOG_MEL else chunk
    flat: np.ndarray = bands.flatten().to_numpy(zero_copy_only=False)
    return flat


def _is_finite(flat: np.ndarray) -> bool:
    if flat.dtype == np.float16:  # by its bits: the machine has no such numbers, and asking for each is slow
        return not (((flat.view(np.uint16) & _HALF_EXPONENT) == _HALF_EXPONENT).any())
    return bool(np.isfinite(flat).all())
