"""Due: which shards of a block have to be made, and which only to be told anew why segments have no clip."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiosetzsl.blocks import Block
from audiosetzsl.clips.fetched import Fetched, fetched
from audiosetzsl.shards import Kind, Status, clips_of, read_shard, recipe_of, write_shard
from audiosetzsl.shards.current import is_current
from audiosetzsl.workspace import Workspace
from flows.extracting.clips import why_no_clip

KINDS = (Kind.LOG_MEL, Kind.VIDEO)


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do for a block."""

    found: Fetched
    to_make: tuple[Kind, ...]  # their shard is missing, or older than clips that have come since
    to_retell: tuple[
        Kind, ...
    ]  # their clips are the same, and the ledger gives other reasons for the missing ones

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.to_make or self.to_retell)


def is_due(place: Workspace, block: Block) -> bool:
    """Whether there is anything to do; where a shard is missing there is, without a look at the ledger.

    Raises:
        ShardError: a shard or the ledger of the block is damaged.
    """
    return not all((place.features(kind) / block.file_name).is_file() for kind in KINDS) or bool(
        due(place, block)
    )


def due(place: Workspace, block: Block) -> Due:
    """Look what there is to do for a block: fetching goes on for weeks.

    Raises:
        ShardError: a shard or the ledger of the block is damaged.
    """
    found = fetched(place, block.file_name)
    shards = {kind: place.features(kind) / block.file_name for kind in KINDS}
    current = [k for k, path in shards.items() if path.is_file() and is_current(path, found)]
    behind = [kind for kind in current if _is_behind(shards[kind], kind, found)]
    return Due(found, tuple(kind for kind in KINDS if kind not in current), tuple(behind))


def retell(path: Path, kind: Kind, found: Fetched) -> Path:
    """Write a shard with the same features and the reasons of the ledger; nothing is decoded.

    Raises:
        ShardError: the shard is damaged.
    """
    table = read_shard(path, kind)
    number = table.schema.get_field_index("reason")
    told = table.set_column(number, table.schema.field(number), pa.array(_reasons(table, found), pa.string()))
    return write_shard(told, path, kind, recipe_of(path), clips_of(path))


def _is_behind(path: Path, kind: Kind, found: Fetched) -> bool:
    if not found.is_known:  # shards outlive the ledger
        return False
    rows = read_shard(path, kind, columns=["segment_id", "status", "reason"])
    told: list[str] = rows["reason"].to_pylist()
    return told != _reasons(rows, found)


def _reasons(rows: pa.Table, found: Fetched) -> list[str]:
    """Reasons of all rows: of those without a clip what the ledger says, of the others what they say themselves."""
    told = zip(*(rows[name].to_pylist() for name in ("segment_id", "status", "reason")), strict=True)
    return [
        (why_no_clip(name, found) or reason) if status == Status.NO_CLIP else reason
        for name, status, reason in told
    ]
