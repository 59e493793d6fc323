"""Differences between releases, against a slow twin on random pairs of manifests."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import SCHEMA, read_manifest, segment_ids, write_manifest
from audiosetzsl.release.diff import CHANGES, Change, diff, manifest_at, tally, totals

SEEN = {"dog": True, "cat": True, "bus": False}
segments = st.tuples(
    st.sampled_from(sorted(SEEN)), st.sampled_from(["train", "val", "test"]), st.integers(4, 6)
)
worlds = st.dictionaries(st.integers(0, 12), segments, max_size=12)


def manifest_of(world):
    """A manifest of `number -> (class, split, line)`."""
    rows = []
    for number in sorted(world):
        name, split, line = world[number]
        ytid = f"video{number:06d}"
        (segment_id,) = segment_ids([ytid], np.array([30.0]))
        rows.append(
            [segment_id, ytid, 30.0, 40.0, name, SEEN[name], split, "unbalanced", line, [f"/m/{name}"]]
        )
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def slow_diff(before, after):
    for number in sorted(before.keys() | after.keys()):
        old, new = before.get(number, (None,) * 3), after.get(number, (None,) * 3)
        if old == new:
            continue
        if number not in before:
            change = "added"
        elif number not in after:
            change = "removed"
        elif old[0] != new[0]:
            change = "relabelled"
        elif old[1] != new[1]:
            change = "moved"
        else:
            change = "edited"
        yield (f"video{number:06d}_30000", change, *old[:2], *new[:2])


@given(before=worlds, after=worlds)
def test_every_difference_is_found_and_named(before, after):
    changes = diff(manifest_of(before), manifest_of(after))
    assert changes.schema == CHANGES
    assert [tuple(row.values()) for row in changes.to_pylist()] == list(slow_diff(before, after))


@given(before=worlds, after=worlds)
def test_the_counts_of_each_class_and_split_add_up(before, after):
    old, new = manifest_of(before), manifest_of(after)
    changes = diff(old, new)
    rows = tally(changes, old, new)
    for row in rows:
        come = row.added + row.moved_in + row.relabelled_in
        gone = row.removed + row.moved_out + row.relabelled_out
        assert row.before + come - gone == row.after
    assert sum(row.before for row in rows) == len(old) and sum(row.after for row in rows) == len(new)
    assert sum(row.moved_in for row in rows) == sum(row.moved_out for row in rows)
    counted = totals(changes)
    assert list(counted) == list(Change) and sum(counted.values()) == len(changes)
    assert sum(row.added for row in rows) == counted["added"]
    assert sum(row.edited for row in rows) == counted["edited"]


def test_a_manifest_does_not_differ_from_itself_whatever_its_provenance(tmp_path, published):
    manifest = read_manifest(published / "audiosetzsl.parquet")
    path = write_manifest(manifest, tmp_path / "other.parquet", {"seed": 1})
    assert len(diff(manifest_at(published), manifest_at(path))) == 0


@pytest.mark.parametrize("column", [name for name in SCHEMA.names if name not in ("segment_id", "ytid")])
def test_a_change_in_any_column_is_a_difference(column):
    before = manifest_of({1: ("dog", "train", 4)})
    other = {
        "start_s": 30.0001,
        "end_s": 39.0,
        "class_name": "cat",
        "seen": False,
        "split": "val",
        "source": "eval",
        "line": 5,
        "mids": ["/m/dog", "/m/cat"],
    }
    at = SCHEMA.get_field_index(column)
    after = before.set_column(at, SCHEMA.field(column), pa.array([other[column]], SCHEMA.field(column).type))
    expected = {"class_name": "relabelled", "split": "moved"}.get(column, "edited")
    assert diff(before, after)["change"].to_pylist() == [expected]


def test_a_folder_that_holds_no_release_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"audiosetzsl\.parquet does not exist"):
        manifest_at(tmp_path)
