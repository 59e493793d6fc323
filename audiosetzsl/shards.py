"""Feature shards: what an extractor found in each segment of a block, or why it found nothing."""

import hashlib
import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from audiosetzsl.errors import ShardError
from audiosetzsl.files import read_table, write_table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

N_MELS = 64
VECTOR_WIDTH = 1024


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


def _vector(width: int) -> pa.DataType:
    return pa.list_(pa.float32(), width)


_HEAD = [
    pa.field("segment_id", pa.string(), nullable=False),
    pa.field("status", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),  # "" where the status is ok
    pa.field("flags", pa.list_(pa.string()), nullable=False),  # silent, short, ...: seen, not dropped
]
SCHEMAS = {
    Kind.LOG_MEL: pa.schema(
        [
            *_HEAD,
            pa.field("n_frames", pa.int32(), nullable=False),
            pa.field("log_mel", pa.list_(pa.list_(pa.float16(), N_MELS))),
        ]
    ),
    Kind.VIDEO: pa.schema([*_HEAD, pa.field("vector", _vector(VECTOR_WIDTH))]),
    Kind.AUDIO: pa.schema([*_HEAD, pa.field("vector", _vector(VECTOR_WIDTH))]),
}
TEXT_WIDTH = 300
TEXT_SCHEMA = pa.schema(
    [
        pa.field("class_name", pa.string(), nullable=False),
        pa.field("vector", _vector(TEXT_WIDTH), nullable=False),
    ]
)
FINGERPRINT = b"fingerprint"
CLIPS = b"clips"


def fingerprint(config: "DataclassInstance", **more: str) -> str:
    """Twelve hex digits that change whenever a field of `config`, or one of `more`, does."""
    facts = {"config": type(config).__name__, **asdict(config), **more}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def write_shard(table: pa.Table, path: Path, kind: Kind, made_by: str, of_clips: str = "") -> Path:
    """Write one block's features.

    `made_by` is the fingerprint of the configuration that made them, `of_clips` the digest of the clips that
    they were made of: a block whose clips have changed since is made again.
    """
    table = table.replace_schema_metadata({FINGERPRINT: made_by.encode(), CLIPS: of_clips.encode()})
    # Dictionaries only where values repeat: on floats they double the time and save nothing.
    plain = {"use_dictionary": ["status", "reason"], "compression_level": 1}
    return write_table(table, path, SCHEMAS[kind], **plain)


def read_shard(
    path: Path, kind: Kind, *, made_by: str | None = None, columns: list[str] | None = None
) -> pa.Table:
    """Read one block's features, or some columns of them, page checksums verified.

    Raises:
        ShardError: the file is absent, damaged, of another schema, or made by another configuration than
            `made_by` (None takes any).
    """
    table = read_table(path, SCHEMAS[kind], error=ShardError, columns=columns)
    if made_by is not None:
        _refuse_other(path, _made_by(table.schema), made_by)
    return table


def made_by_of(path: Path) -> str:
    """Fingerprint of the configuration that made a shard; only the end of the file is read."""
    return _made_by(_schema_of(path))


def clips_of(path: Path) -> str:
    """Digest of the clips that a shard was made of; only the end of the file is read."""
    noted: bytes = (_schema_of(path).metadata or {}).get(CLIPS, b"")
    return noted.decode(errors="replace")


def _schema_of(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as problem:
        raise ShardError(f"{path} is damaged ({problem}); delete it and make it again") from problem


def check_made_by(folder: Path, made_by: str) -> None:
    """Hold the shards of a folder, which may be empty, to one configuration.

    Raises:
        ShardError: one of them is of another.
    """
    for path in sorted(folder.glob("part-*.parquet")):
        _refuse_other(path, made_by_of(path), made_by)


def _made_by(schema: pa.Schema) -> str:
    noted: bytes = (schema.metadata or {}).get(FINGERPRINT, b"")
    return noted.decode(errors="replace")  # a damaged one is another one


def _refuse_other(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise ShardError(
            f"{path} was made by configuration {found or 'unknown'}, expected {expected}; "
            "delete the folder to extract again, or ask for the configuration that made it"
        )


def vectors_of(table: pa.Table) -> Float[np.ndarray, "n width"]:
    """Rows of the column `vector` as one float32 matrix; every row must hold one."""
    column = table["vector"].combine_chunks()
    if column.null_count:
        raise ShardError(f"{column.null_count} rows hold no vector; take the rows whose status is ok first")
    flat: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), column.type.list_size)
