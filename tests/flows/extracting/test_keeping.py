"""Keeping: what an older shard tells of clips that are gone stays; what was made of another clip gives way."""

from small_shards import feature_of, shard_of

from audiosetzsl.shards import Kind
from flows.extracting.keeping import Rows, rows_made, with_kept


def rows(statuses, of_clips):
    """Rows 0, 1, ... of these statuses; `of_clips` has a letter a row, the digest of its clip."""
    features = [
        feature_of(Kind.VIDEO, number) if status == "ok" else None for number, status in enumerate(statuses)
    ]
    reason = ["" if status == "ok" else f"told {of_clips}" for status in statuses]
    table = shard_of(Kind.VIDEO, features, width=8, status=statuses, reason=reason)
    names = table["segment_id"].to_pylist()
    return Rows(table, {name: d for name, d in zip(names, of_clips, strict=True) if d != " "})


def test_rows_of_absent_clips_stay_with_their_digests():
    old = rows(["ok", "no_video", "unreadable", "no_clip", "ok", "ok"], "abc  e")
    new = rows(["no_clip", "no_clip", "no_clip", "ok", "no_clip", "ok"], "   x z")
    kept = with_kept(new, old)
    assert kept.table["status"].to_pylist() == ["ok", "no_video", "unreadable", "ok", "ok", "ok"]
    assert list(kept.of_clips.values()) == ["x", "z", "a", "b", "c"]  # of the fifth nobody knew
    assert kept.table["segment_id"].equals(new.table["segment_id"])
    for number, of in enumerate([old, old, old, new, old, new]):
        assert kept.table.slice(number, 1).to_pylist() == of.table.slice(number, 1).to_pylist()


def test_a_feature_stays_where_its_very_clip_cannot_be_read_now_and_goes_where_it_is_another():
    kept = with_kept(rows(["failed", "failed", "ok"], "axc"), rows(["ok", "ok", "failed"], "abc"))
    assert kept.table["status"].to_pylist() == ["ok", "failed", "ok"]
    assert list(kept.of_clips.values()) == ["x", "c", "a"]


def test_new_rows_are_of_the_clips_that_were_there():
    table = rows(["ok", "no_clip", "failed"], "   ").table
    names = table["segment_id"].to_pylist()
    assert rows_made(table, dict.fromkeys(names, "a")).of_clips == {names[0]: "a", names[2]: "a"}
