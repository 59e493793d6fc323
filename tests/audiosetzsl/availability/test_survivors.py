"""Survivors: every segment of the manifest is counted once, as alive, closed, gone or unknown."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.availability.survivors import Left, summed, survivors_of, thin
from audiosetzsl.clips.standing import Life
from audiosetzsl.manifest import read_manifest

A, B, C, D, E = "-aaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc", "ddddddddddd", "eeeeeeeeeee"


def left(class_name, split, segments, alive=0, closed=0, gone=0, unknown=0):
    return Left(class_name, class_name != "bus", split, segments, alive, closed, gone, unknown)


def test_classes_and_splits_to_check_by_eye(workspace):
    known = {A: Life.ALIVE, B: Life.GONE, D: Life.CLOSED, E: Life.UNKNOWN, "zzzzzzzzzzz": Life.GONE}
    parts = survivors_of(read_manifest(workspace.manifest), known)
    assert parts == [
        left("bus", "val", 1, closed=1),
        left("bus", "test", 1, unknown=1),
        left("dog", "train", 2, alive=1, gone=1),
        left("dog", "test", 1, unknown=1),
    ]
    assert [part.left for part in parts] == [1, 1, 1, 1]
    assert [part.marked for part in parts] == ["bus*", "bus*", "dog", "dog"]
    assert summed(parts[2:], "dog") == left("dog", "all", 3, alive=1, gone=1, unknown=1)
    everything = summed(parts, "all")
    assert everything == Left("all", False, "all", 5, 1, 1, 1, 2) and everything.left == 4


def test_thin_is_under_the_limit():
    parts = [left("dog", "train", 60, gone=10), left("dog", "val", 60, gone=11), left("dog", "test", 49)]
    assert thin(parts) == parts[1:]
    assert thin(parts, 51) == parts
    assert thin(parts, 0) == []


@given(st.dictionaries(st.sampled_from([A, B, C, D, E, "zzzzzzzzzzz"]), st.sampled_from(list(Life))))
@settings(deadline=None)
def test_the_parts_add_up(manifest_of_five, known):
    parts = survivors_of(manifest_of_five, known)
    lives = Counter(known.get(ytid, Life.UNKNOWN) for ytid in (A, B, C, D, E))
    for part in parts:
        assert part.segments == part.alive + part.closed + part.gone + part.unknown
    total = summed(parts, "all")
    assert {life: getattr(total, life) for life in Life} == {life: lives[life] for life in Life}
