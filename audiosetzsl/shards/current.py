"""Current: was a shard made of the clips that its block has by now?"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.fetched import Fetched
from audiosetzsl.errors import ShardError
from audiosetzsl.files import write_table
from audiosetzsl.shards.io import LAYOUT, clips_noted, clips_of, read_shard, schema_at
from audiosetzsl.shards.schema import Kind, Status, schema_of, width_of

AGAIN = b"again"  # noted by a shard that is to be made again, though its clips are the same


def is_current(path: Path, found: Fetched) -> bool:
    """Whether a shard was made of the clips of its block that are there.

    Clips that are gone take nothing from it, and where the ledger says nothing of the block it is as good as it can
    be: features outlive their clips, and the ledger.

    Raises:
        ShardError: the shard is damaged.
    """
    if not found.is_known:
        return True
    schema = schema_at(path)
    return AGAIN not in (schema.metadata or {}) and found.there.items() <= clips_noted(schema).items()


def why_stale(path: Path, rows: pa.Table, found: Fetched) -> str:
    """What has changed since a shard of these rows was current."""
    if is_marked(path):
        return "a repair that was broken off wants it made again"
    without_clip = rows.filter(pc.equal(rows["status"], Status.NO_CLIP.value))["segment_id"].to_pylist()
    if come := len(found.there.keys() & set(without_clip)):
        return f"{come} clips have come since"
    return "its clips have changed since" if clips_of(path) else "it does not say of which clips it was made"


def mark(path: Path, kind: Kind) -> None:
    """Note in a shard that it is to be made again; its rows stay, and what it says of their clips.

    Raises:
        ShardError: the shard is damaged.
    """
    table = read_shard(path, kind)
    marked = table.replace_schema_metadata({**(table.schema.metadata or {}), AGAIN: b"yes"})
    write_table(marked, path, schema_of(kind, width_of(table.schema, kind)), error=ShardError, **LAYOUT[kind])


def is_marked(path: Path) -> bool:
    """Whether a shard notes that it is to be made again.

    Raises:
        ShardError: the shard is absent or damaged.
    """
    return AGAIN in (schema_at(path).metadata or {})
