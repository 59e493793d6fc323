"""Clip ledger: one row per segment and attempt, with its verdict."""

from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from audiosetzsl.errors import ShardError
from audiosetzsl.files import read_table, write_table


class Verdict(StrEnum):
    """How one attempt to get a clip ended."""

    OK = "ok"
    NOT_FOUND = "not_found"
    UNREADABLE = "unreadable"


LEDGER = pa.schema(
    [
        pa.field("segment_id", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("path", pa.string()),  # under the workspace, or absolute for a clip that stays elsewhere
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("duration_s", pa.float64()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("tool", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
    ]
)


def write_ledger(table: pa.Table, path: Path) -> Path:
    """Write one block's attempts, whole or not at all."""
    return write_table(table, path, LEDGER)


def read_ledger(path: Path) -> pa.Table:
    """Read one block's attempts.

    Raises:
        ShardError: the file is absent, damaged, of another schema, or holds an unknown verdict.
    """
    table = read_table(path, LEDGER, error=ShardError)
    unknown = sorted(set(table["verdict"].to_pylist()) - set(Verdict))
    if unknown:
        raise ShardError(f"{path}: unknown verdicts {unknown}, expected some of {[str(v) for v in Verdict]}")
    return table
