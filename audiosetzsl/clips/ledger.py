"""Clip ledger: one row per segment and attempt, with its verdict and what is known of the clip."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ShardError
from audiosetzsl.files import read_table, write_table

FINGERPRINT_BYTES = 32
# What tells where clips are.
CLIP_COLUMNS = ("segment_id", "verdict", "path")
LEDGER = pa.schema(
    [
        pa.field("segment_id", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),  # 1, 2, ... of this segment
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),  # of the source, without addresses and secrets
        pa.field("path", pa.string()),  # under the workspace, or absolute for a clip that stays elsewhere
        pa.field("bytes", pa.int64()),
        pa.field("sha256", pa.string()),
        pa.field("duration_s", pa.float64()),  # as shown: what an edit list hides is not counted
        pa.field("fps", pa.float64()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("video_codec", pa.string()),
        pa.field("audio_codec", pa.string()),
        pa.field("format_id", pa.string()),  # YouTube's, as 134+140
        pa.field("way", pa.string()),  # how the media came: index, seek, sections, hls, whole
        pa.field("pulled_bytes", pa.int64()),  # of media, for this attempt
        pa.field("took_s", pa.float64(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),  # silent, still, ...: seen, not dropped
        pa.field("fingerprint", pa.binary(FINGERPRINT_BYTES)),  # of the picture, to find duplicates
        pa.field("source", pa.string(), nullable=False),
        pa.field("egress", pa.string()),  # whose address asked; null where nobody is asked
        pa.field("tool", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),  # when the verdict was known
    ]
)


def write_ledger(table: pa.Table, path: Path) -> Path:
    """Write one block's attempts, whole or not at all."""
    return write_table(table, path, LEDGER)


def read_ledger(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read one block's attempts, or some columns of them.

    Raises:
        ShardError: the file is absent, damaged, of another schema, or holds an unknown verdict.
    """
    table = read_table(path, LEDGER, error=ShardError, columns=columns)
    if "verdict" not in table.schema.names:
        return table
    unknown = sorted(set(table["verdict"].unique().to_pylist()) - set(Verdict))
    if unknown:
        raise ShardError(f"{path}: unknown verdicts {unknown}, expected some of {[str(v) for v in Verdict]}")
    return table


def clip_rows(attempts: pa.Table) -> pa.Table:
    """The row of each segment's clip: the last that ended well, as a clip may be taken from elsewhere later."""
    clips = attempts.filter(pc.equal(attempts["verdict"], str(Verdict.OK)))
    codes = clips["segment_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    _, from_the_end = np.unique(codes[::-1], return_index=True)
    return clips.take(pa.array(len(codes) - 1 - from_the_end))


def last_attempts(table: pa.Table) -> list[dict[str, object]]:
    """The row that counts of each segment of a block: its clip, or else its last attempt."""
    last: dict[str, dict[str, object]] = {}
    for row in table.to_pylist():
        held = last.get(row["segment_id"])
        if held is None or held["verdict"] != Verdict.OK or row["verdict"] == Verdict.OK:
            last[row["segment_id"]] = row
    return list(last.values())
