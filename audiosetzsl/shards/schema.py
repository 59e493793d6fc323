"""Schema of the shards: the columns of each kind, and the words that say why a row holds a feature or none."""

from enum import StrEnum

import pyarrow as pa

N_MELS = 64
VECTOR_WIDTH = 1024
TEXT_WIDTH = 300


class Kind(StrEnum):
    """What a shard holds: one folder of the workspace each."""

    LOG_MEL = "log_mel"
    VIDEO = "video"
    AUDIO = "audio"


class Status(StrEnum):
    """Why a row holds a feature, or holds none."""

    OK = "ok"
    NO_CLIP = "no_clip"
    NO_AUDIO = "no_audio"
    NO_VIDEO = "no_video"
    UNREADABLE = "unreadable"
    FAILED = "failed"  # an error of ours, named in the reason; the clip may be sound


FEATURES = {Kind.LOG_MEL: "log_mel", Kind.VIDEO: "vector", Kind.AUDIO: "vector"}
_HEAD = [
    pa.field("segment_id", pa.string(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),  # "" where the status is ok
    pa.field("flags", pa.list_(pa.string()), nullable=False),  # silent, short, ...: seen, not dropped
    pa.field(
        "duration_s", pa.float32(), nullable=False
    ),  # of the sound or picture found; 0 where there is none
]


def _count(name: str) -> pa.Field:
    return pa.field(name, pa.int32(), nullable=False)


def schema_of(kind: Kind, width: int | None = None) -> pa.Schema:
    """Columns of a kind; `width` is that of one frame or vector, None the usual 64 bands or 1024 numbers."""
    if kind is Kind.LOG_MEL:
        frames = pa.list_(pa.list_(pa.float16(), width or N_MELS))
        return pa.schema([*_HEAD, _count("n_frames"), pa.field("log_mel", frames)])
    vector = pa.field("vector", pa.list_(pa.float32(), width or VECTOR_WIDTH))
    counts = [_count("n_frames"), _count("n_windows")] if kind is Kind.VIDEO else []
    return pa.schema([*_HEAD, *counts, vector])


def text_schema(width: int = TEXT_WIDTH) -> pa.Schema:
    """Columns of class vectors."""
    return pa.schema(
        [
            pa.field("class_name", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), width), nullable=False),
        ]
    )


def width_of(schema: pa.Schema, kind: Kind) -> int | None:
    """Width of the frames or vectors of a schema; None where it has no such column, or of another type."""
    name = FEATURES[kind]
    if schema.get_field_index(name) < 0:
        return None
    found = schema.field(name).type
    if kind is Kind.LOG_MEL:
        found = found.value_type if pa.types.is_list(found) else None
    return found.list_size if found is not None and pa.types.is_fixed_size_list(found) else None
