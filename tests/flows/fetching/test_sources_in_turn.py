"""Sources in turn: what one has not, another may have; what is there already, nobody is asked for."""

import dataclasses
import shutil

import pytest
from same_process import Here

from audiosetzsl.clips.ledger import LEDGER, clip_rows
from audiosetzsl.clips.reading import read_parts
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Kind, read_shard
from audiosetzsl.workspace import Workspace
from extractors.video.nets import VideoConfig
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.fetching import questions
from flows.fetching.questions import clip_path

TINY = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)


def fetch(youtube, place, source="youtube", **changes):
    asking = dataclasses.replace(youtube.asking, **changes)
    return fetch_clips(place.root, source, runner=Here(), asking=asking)


def rows_of(place):
    return read_parts(place.clips, LEDGER.names).to_pylist()


@pytest.fixture
def elsewhere(youtube, tmp_path):
    """A folder that holds the clips of a storm of four but for one, and a fresh workspace for the same segments."""
    storm = youtube.storm(4)
    fetch(youtube, storm.place)
    held = tmp_path / "held"
    held.mkdir()
    lacking, *others = sorted(storm.right)
    for name in others:
        shutil.copy(clip_path(storm.place, name), held / f"{name}.mp4")
    place = Workspace(tmp_path / "other")
    place.root.mkdir()
    shutil.copy(storm.place.manifest, place.manifest)
    return place, held, lacking


def test_what_a_folder_lacks_is_asked_of_youtube_at_once(youtube, elsewhere, capsys):
    place, held, lacking = elsewhere
    assert fetch(youtube, place, f"local:{held}", wait=False) == {"not_found": 1, "ok": 3}
    assert (
        "1 segments have no clip here: run the same command when there are more, or"
        in capsys.readouterr().out
    )
    assert fetch(youtube, place) == {"ok": 4}
    rows = [(row["source"], row["verdict"]) for row in rows_of(place) if row["segment_id"] == lacking]
    assert rows == [("local", "not_found"), ("youtube", "ok")]


def test_a_folder_that_was_filled_is_looked_at_by_the_next_run(youtube, elsewhere):
    place, held, lacking = elsewhere
    (held / f"{lacking}.mp4").write_bytes(b"no clip")
    assert fetch(youtube, place, f"local:{held}", wait=False) == {"unreadable": 1, "ok": 3}
    shutil.copy(next(held.glob("*.mp4")), held / "x.mp4")
    good = clip_path(Workspace(place.root.parent / "work"), lacking)
    shutil.copy(good, held / f"{lacking}.mp4")
    assert fetch(youtube, place, f"local:{held}", wait=False) == {"ok": 4}


def test_clips_without_a_ledger_are_entered_and_nobody_is_asked(youtube):
    storm = youtube.storm(3)
    fetch(youtube, storm.place)
    known = {row["segment_id"]: row for row in rows_of(storm.place)}
    shutil.rmtree(storm.place.clips)
    youtube.server.hits.clear()
    assert fetch(youtube, storm.place) == {"ok": 3}
    assert youtube.server.requests() == []
    for row in rows_of(storm.place):
        assert (row["source"], row["egress"]) == ("youtube", None), "it gives no sign of life today"
        assert row["sha256"] == known[row["segment_id"]]["sha256"]


def test_a_leftover_that_is_no_clip_is_a_row_and_is_fetched_anew(youtube):
    storm = youtube.storm(2)
    path = clip_path(storm.place, min(storm.right))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no clip")
    assert fetch(youtube, storm.place) == {"ok": 2}
    found = [row["verdict"] for row in rows_of(storm.place) if row["segment_id"] == min(storm.right)]
    assert found == ["unreadable", "ok"]


def test_an_error_of_ours_over_a_leftover_does_not_go_round_in_circles(youtube, monkeypatch):
    storm = youtube.storm(1)
    fetch(youtube, storm.place)
    shutil.rmtree(storm.place.clips)

    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(questions, "inspect", fail)
    patience = dataclasses.replace(youtube.asking.patience, broken_s=3600.0)
    assert fetch(youtube, storm.place, wait=False, patience=patience) == {"internal_error": 1}
    assert len(rows_of(storm.place)) == 1 and clip_path(storm.place, min(storm.right)).is_file()


def test_stand_ins_and_clips_are_not_mixed(youtube):
    storm = youtube.storm(2)
    assert fetch(youtube, storm.place, "synthetic") == {"ok": 2}
    expected = (
        r"clips in .* \(2\) are rendered stand-ins, and youtube gives real ones; use another workspace, or"
    )
    with pytest.raises(SetupError, match=expected):
        fetch(youtube, storm.place)
    shutil.rmtree(storm.place.clips)
    fetch(youtube, storm.place, "synthetic")
    assert {row["source"] for row in rows_of(storm.place)} == {"synthetic"}, "the files themselves say so"
    shutil.rmtree(storm.place.clips)
    shutil.rmtree(storm.place.media)
    fetch(youtube, storm.place)
    with pytest.raises(SetupError, match=r"are real ones, and synthetic gives rendered stand-ins"):
        fetch(youtube, storm.place, "synthetic")


def test_clips_that_are_lost_can_be_asked_for_again_and_no_others(youtube):
    storm = youtube.storm(3)
    fetch(youtube, storm.place)
    lost = min(storm.right)
    clip_path(storm.place, lost).unlink()
    youtube.server.hits.clear()
    assert fetch(youtube, storm.place) == {"ok": 3}
    assert youtube.server.requests() == [], "nobody looks after them by himself"
    assert fetch(youtube, storm.place, again=(Verdict.OK,)) == {"ok": 3}
    assert {hit.ytid for hit in youtube.server.requests()} == {lost.rpartition("_")[0]}
    assert clip_path(storm.place, lost).is_file()


def test_clips_that_were_moved_are_found_again(youtube, elsewhere):
    place, held, _ = elsewhere
    fetch(youtube, place, f"local:{held}", wait=False)
    moved = held.rename(held.parent / "moved")
    with pytest.raises(
        SetupError, match=r"3 clips, such as .*/held/.*\.mp4, and none of them is there; bring"
    ):
        extract_features(place.root, TINY, Here())
    assert not place.features(Kind.LOG_MEL).exists()
    fetch(youtube, place, f"local:{moved}", wait=False, again=(Verdict.OK,))
    clips = clip_rows(read_parts(place.clips, LEDGER.names))
    assert all(path.startswith(str(moved)) for path in clips["path"].to_pylist())
    extract_features(place.root, TINY, Here())
    status = read_shard(place.features(Kind.LOG_MEL) / "part-00000.parquet", Kind.LOG_MEL)["status"]
    assert sorted(status.to_pylist()) == ["no_clip", "ok", "ok", "ok"]


def test_features_of_a_clip_that_was_lost_are_made_when_it_is_back(youtube):
    storm = youtube.storm(2)
    fetch(youtube, storm.place)
    path = clip_path(storm.place, min(storm.right))
    aside = path.rename(path.with_suffix(".aside"))

    def features():
        extract_features(storm.place.root, TINY, Here())
        table = read_shard(storm.place.features(Kind.LOG_MEL) / "part-00000.parquet", Kind.LOG_MEL)
        return sorted(zip(table["status"].to_pylist(), table["reason"].to_pylist(), strict=True))

    assert features() == [
        ("no_clip", "not_found: its clip is lost; fetch-clips --again ok asks for it"),
        ("ok", ""),
    ]
    aside.rename(path)
    assert features() == [("ok", "")] * 2


def test_features_are_made_while_clips_are_still_to_come(youtube):
    storm = youtube.storm(4)
    fetch_clips(storm.place.root, "youtube", block_size=2, runner=Here(), asking=youtube.asking)
    (storm.place.clips / "part-00001.parquet").unlink()  # as if fetching had not come so far
    counts = extract_features(storm.place.root, TINY, Here())
    assert counts["video", "no_clip"] == 2 and counts["video", "ok"] == 2
