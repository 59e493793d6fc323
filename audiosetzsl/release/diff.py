"""Difference between two releases: what was added, removed, moved, relabelled, per class and split."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.manifest import read_manifest
from audiosetzsl.release.contents import MANIFEST, joined


class Change(StrEnum):
    """What became of a segment; the first that applies is given."""

    ADDED = "added"
    REMOVED = "removed"
    RELABELLED = "relabelled"  # another class, whatever else changed
    MOVED = "moved"  # another split
    EDITED = "edited"  # another time, label, list or line


CHANGES = pa.schema(
    [
        pa.field("segment_id", pa.string(), nullable=False),
        pa.field("change", pa.string(), nullable=False),
        pa.field("class_before", pa.string()),
        pa.field("split_before", pa.string()),
        pa.field("class_after", pa.string()),
        pa.field("split_after", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Tally:
    """One class in one split: before + added - removed + moved_in - moved_out + ... = after."""

    class_name: str
    split: str
    before: int
    added: int
    removed: int
    moved_in: int
    moved_out: int
    relabelled_in: int
    relabelled_out: int
    edited: int
    after: int


def manifest_at(path: Path) -> pa.Table:
    """Read the manifest of a release, given its folder or the manifest's file.

    Raises:
        ManifestError: it is absent, damaged, or breaks a rule.
    """
    return read_manifest(path / MANIFEST if path.is_dir() else path)


def common(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The segments that both tables hold, row beside row."""
    place = pc.index_in(before["segment_id"], value_set=after["segment_id"].combine_chunks())
    both = pc.is_valid(place)
    return before.filter(both), after.take(place.filter(both))


def only_in(table: pa.Table, other: pa.Table) -> pa.Table:
    """The segments that `other` lacks."""
    known = pc.is_in(table["segment_id"], value_set=other["segment_id"].combine_chunks())
    return table.filter(pc.invert(known))


def differs(before: pa.Table, after: pa.Table, column: str) -> np.ndarray:
    """For each row of two tables that hold the same segments, whether a column differs."""
    ours, theirs = (_comparable(table, column) for table in (before, after))
    unequal: np.ndarray = pc.not_equal(ours, theirs).to_numpy(zero_copy_only=False)
    return unequal


def diff(before: pa.Table, after: pa.Table) -> pa.Table:
    """Every segment that is not the same in both manifests (schema `CHANGES`), by segment id."""
    ours, theirs = common(before, after)
    relabelled, moved = differs(ours, theirs, "class_name"), differs(ours, theirs, "split")
    others = [name for name in before.schema.names if name not in ("segment_id", "class_name", "split")]
    edited = np.logical_or.reduce([differs(ours, theirs, name) for name in others])
    change = np.select(
        [relabelled, moved, edited], [str(c) for c in (Change.RELABELLED, Change.MOVED, Change.EDITED)], ""
    )
    changed = np.flatnonzero(change)
    parts = [
        _rows(Change.ADDED, None, only_in(after, before)),
        _rows(Change.REMOVED, only_in(before, after), None),
        _rows(change[changed], ours.take(changed), theirs.take(changed)),
    ]
    return pa.concat_tables(parts).sort_by("segment_id")


def tally(changes: pa.Table, before: pa.Table, after: pa.Table) -> list[Tally]:
    """Count changes per class and split, in the order of the names; a split that nothing touches is there too."""
    sizes_before, sizes_after = (
        Counter(zip(table["class_name"].to_pylist(), table["split"].to_pylist(), strict=True))
        for table in (before, after)
    )
    come: Counter[tuple[str, str, str]] = Counter()
    gone: Counter[tuple[str, str, str]] = Counter()
    for row in changes.to_pylist():
        gone[row["change"], row["class_before"], row["split_before"]] += 1
        come[row["change"], row["class_after"], row["split_after"]] += 1
    return [
        Tally(
            *place,
            sizes_before[place],
            come[Change.ADDED, *place],
            gone[Change.REMOVED, *place],
            come[Change.MOVED, *place],
            gone[Change.MOVED, *place],
            come[Change.RELABELLED, *place],
            gone[Change.RELABELLED, *place],
            come[Change.EDITED, *place],
            sizes_after[place],
        )
        for place in sorted(sizes_before.keys() | sizes_after.keys())
    ]


def totals(changes: pa.Table) -> dict[str, int]:
    """How many segments of each change."""
    counted = Counter(changes["change"].to_pylist())
    return {str(change): counted[change] for change in Change}


def _comparable(table: pa.Table, column: str) -> pa.Array:
    if pa.types.is_list(table.schema.field(column).type):
        return joined(table, column, ";")
    return table[column].combine_chunks()


def _rows(change: str | np.ndarray, before: pa.Table | None, after: pa.Table | None) -> pa.Table:
    table = after if before is None else before
    assert table is not None
    nothing = pa.nulls(len(table), pa.string())
    columns = [
        table["segment_id"],
        pa.array([change] * len(table) if isinstance(change, str) else change.tolist(), pa.string()),
        *([nothing] * 2 if before is None else [before["class_name"], before["split"]]),
        *([nothing] * 2 if after is None else [after["class_name"], after["split"]]),
    ]
    return pa.table(columns, schema=CHANGES)
