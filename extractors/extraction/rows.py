"""Rows: a clip to be worked on, and what was found in it, or the status that says why nothing was."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Shaped

from audiosetzsl.shards import Status


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A segment and its clip, or why it has none."""

    segment_id: str
    path: Path | None
    reason: str  # "" where there is a path
    expected_s: float  # end_s - start_s of the manifest


@dataclass(frozen=True, slots=True)
class Found:
    """One row to be: the feature of one clip, or the status that says why there is none."""

    status: Status
    reason: str = ""
    flags: tuple[str, ...] = ()
    duration_s: float = 0.0  # of the sound or the picture that was found
    n_frames: int = 0
    n_windows: int = 0
    feature: Shaped[np.ndarray, "..."] | None = None


def failure(problem: Exception) -> Found:
    """The row of a clip at which our own code, and not the clip, went wrong."""
    return Found(
        Status.FAILED, f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
    )


def head_of(clips: list[ClipRow], found: list[Found], schema: pa.Schema) -> list[pa.Array]:
    """The columns that shards of all kinds begin with."""
    values: dict[str, list[object]] = {
        "segment_id": [clip.segment_id for clip in clips],
        "status": [str(row.status) for row in found],
        "reason": [row.reason for row in found],
        "flags": [list(row.flags) for row in found],
        "duration_s": [row.duration_s for row in found],
    }
    return [pa.array(column, schema.field(name).type) for name, column in values.items()]
