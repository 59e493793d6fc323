"""All segments of a workspace and what became of each."""

import pytest
from small_shards import class_of, fill, number_of, planned, split_of

from audiosetzsl.errors import ShardError
from audiosetzsl.features import feature_rows
from audiosetzsl.shards import Kind

COUNTS = {Kind.LOG_MEL: ["n_frames"], Kind.VIDEO: ["n_frames", "n_windows"], Kind.AUDIO: []}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_segment_has_a_row(tmp_path, kind):
    """Of those whose block is not made yet nothing is said, which is something else than a failure."""
    place, blocks = planned(tmp_path, 36, 9)
    lost = [number_of(name) for name in blocks[1].segment_ids[:2]]
    fill(place, kind, blocks[:2], without=lost)
    made = {number_of(name) for block in blocks[:2] for name in block.segment_ids}
    with pytest.raises(
        ShardError, match=f"2 of 4 blocks have no {kind} shard, the first is part-00002.parquet"
    ):
        feature_rows(place, kind)
    rows = feature_rows(place, kind, unfinished=True)
    assert rows.columns.tolist() == [
        *("segment_id", "class_name", "seen", "split", "status", "reason", "flags", "duration_s"),
        *COUNTS[kind],
    ]
    assert [number_of(name) for name in rows.segment_id] == list(range(36))
    for n, row in enumerate(rows.itertuples()):
        assert (row.class_name, row.seen, row.split) == (*class_of(n), split_of(n))
        if n not in made:
            assert rows.loc[n, "status":].isna().all()
        elif n in lost:
            assert (row.status, row.reason, row.duration_s) == ("no_clip", "video is private", 0)
        else:
            assert (row.status, row.reason) == ("ok", "")
            assert row.duration_s > 0


def test_a_segment_in_two_shards_is_refused(tmp_path):
    place, blocks = planned(tmp_path, 18, 9)
    fill(place, Kind.VIDEO, blocks)
    folder = place.features(Kind.VIDEO)
    (folder / "part-00099.parquet").write_bytes((folder / "part-00000.parquet").read_bytes())
    with pytest.raises(ShardError, match=r"stands in two shards of .*audiosetzsl shards verify"):
        feature_rows(place, Kind.VIDEO)


def test_features_that_were_not_extracted_yet_are_asked_for(tmp_path):
    place, _ = planned(tmp_path, 9)
    with pytest.raises(ShardError, match="video holds no shards; run `python -m flows extract-features`"):
        feature_rows(place, Kind.VIDEO)
