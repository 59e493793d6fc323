"""Keeping: rows of an older shard stay where a block is made again, and their clips are not there any more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from audiosetzsl.errors import ShardError
from audiosetzsl.shards import Kind, Status, clips_of, read_shard


@dataclass(frozen=True)
class Rows:
    """Rows of a block, and the digest of the clip that each was made of, where there is one and it is known."""

    table: pa.Table
    of_clips: dict[str, str]

    @cached_property
    def ok(self) -> set[str]:
        """Segments that have a feature."""
        return {name for name, status in _statuses(self.table).items() if status == Status.OK}


def rows_made(table: pa.Table, there: Mapping[str, str]) -> Rows:
    """New rows, made of the clips that were `there`, given by their digests; rows of absent clips were of none."""
    with_clip = [name for name, status in _statuses(table).items() if status != Status.NO_CLIP]
    return Rows(table, {name: there[name] for name in with_clip})


def as_absent(table: pa.Table, absent: pa.Table) -> pa.Table:
    """New rows; of clips that vanished before they were read, the rows `absent` that say so."""
    unread = (Status.UNREADABLE, Status.FAILED)
    statuses = _statuses(table)
    return _with_rows(table, absent, {n for n in absent["segment_id"].to_pylist() if statuses[n] in unread})


def rows_at(path: Path, kind: Kind, made_by: str) -> Rows | None:
    """Rows of the shard that is there; None where there is none.

    Raises:
        ShardError: it cannot be read: it may hold the last that there is of clips that are gone.
    """
    if not path.exists():
        return None
    try:
        return Rows(read_shard(path, kind, made_by=made_by).replace_schema_metadata(None), clips_of(path))
    except ShardError as problem:
        raise ShardError(
            f"{path} has to be made again and cannot be read, so that its rows of clips that are gone would be lost; "
            f"see what is wrong with it with `audiosetzsl shards verify {_root(path)}`; bring a copy back, or set it "
            f"aside, and make it of the clips that are left, with `audiosetzsl shards repair {_root(path)}`"
        ) from problem


def known(old: Collection[Rows | None], there: Mapping[str, str]) -> set[str]:
    """Segments that have a feature in every one of the older shards, of the very clip that is there."""
    return {
        name
        for name, digest in there.items()
        if all(rows and rows.of_clips.get(name) == digest and name in rows.ok for rows in old)
    }


def with_kept(new: Rows, old: Rows | None) -> Rows:
    """New rows; but where they tell of no clip, what the older shard tells of it, and of which clip it was."""
    if old is None:
        return new
    before, now = _statuses(old.table), _statuses(new.table)
    absent = {name for name, status in now.items() if status == Status.NO_CLIP}
    kept = {name for name in absent if before.get(name, Status.NO_CLIP) != Status.NO_CLIP}
    # A feature of this very clip stays, too, where it could not be read now: a disk was away for a moment.
    same = {name for name, digest in new.of_clips.items() if old.of_clips.get(name) == digest}
    kept |= {name for name in same if before.get(name) == Status.OK and now[name] != Status.OK}
    of_clips = {name: digest for name, digest in new.of_clips.items() if name not in kept}
    of_clips |= {name: digest for name, digest in old.of_clips.items() if name in kept}
    return Rows(_with_rows(new.table, old.table, kept), of_clips)


def _with_rows(table: pa.Table, other: pa.Table, names: Collection[str]) -> pa.Table:
    """A table in its order, but with the rows of another for some segments."""
    if not names:
        return table
    number_of = {name: number for number, name in enumerate(other["segment_id"].to_pylist())}
    rows = [
        len(table) + number_of[name] if name in names else number
        for number, name in enumerate(table["segment_id"].to_pylist())
    ]
    return pa.concat_tables([table, other]).take(rows)


def _statuses(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["segment_id"].to_pylist(), table["status"].to_pylist(), strict=True))


def _root(path: Path) -> Path:
    """The workspace of a shard."""
    return path.parents[2]
