"""Keeping: rows of an older shard whose clips are lost stay, where a block has to be made again for other clips."""

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from audiosetzsl.errors import ShardError
from audiosetzsl.shards import Kind, Status, read_shard


def with_kept(table: pa.Table, path: Path, kind: Kind, made_by: str, lost: Collection[str]) -> pa.Table:
    """A block's new rows, but for clips that are lost the rows that the shard at `path` has of them."""
    old = _old(path, kind, made_by) if lost else None
    if old is None:
        return table
    place_of = {
        name: len(table) + number
        for number, (name, status) in enumerate(_pairs(old))
        if name in lost and status == Status.OK
    }
    rows = [place_of.get(name, number) for number, (name, _) in enumerate(_pairs(table))]
    return pa.concat_tables([table, old]).take(rows) if place_of else table


def kept(table: pa.Table, lost: Collection[str]) -> set[str]:
    """Segments whose clip is lost, and whose row holds a feature all the same."""
    return {name for name, status in _pairs(table) if name in lost and status == Status.OK}


def _pairs(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(table["segment_id"].to_pylist(), table["status"].to_pylist(), strict=True))


def _old(path: Path, kind: Kind, made_by: str) -> pa.Table | None:
    try:
        return read_shard(path, kind, made_by=made_by).replace_schema_metadata(None)
    except ShardError:
        return None  # absent or damaged: there is nothing to keep
