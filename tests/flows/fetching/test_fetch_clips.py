"""Fetching, one behaviour at a time, by the real yt-dlp from a loopback YouTube."""

import dataclasses
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import fault_storm
import pytest
from loopback_faults import Fault
from same_process import Here
from typer.testing import CliRunner

from audiosetzsl.cli import app as dataset_app
from audiosetzsl.clips.ledger import LEDGER, read_ledger, write_ledger
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Kind, Status, clips_of, read_shard
from audiosetzsl.workspace import Workspace
from extractors.video.nets import VideoConfig
from flows.asking import asking_of, verdicts_named
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.fetching import block
from flows.fetching.questions import clip_path
from flows.fetching.workplace import alone

ROOT = Path(__file__).parents[3]
TINY = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)


def rows_of(place):
    return read_parts(place.clips, LEDGER.names).to_pylist()


def fetch(youtube, place, **changes):
    asking = dataclasses.replace(youtube.asking, **changes)
    return fetch_clips(place.root, "youtube", runner=Here(), asking=asking)


def test_a_row_tells_what_the_clip_is_and_how_it_came(youtube):
    place = youtube.storm(3).place
    assert fetch(youtube, place) == {"ok": 3}
    for row in rows_of(place):
        path = place.root / row["path"]
        ytid, _, start_ms = row["segment_id"].rpartition("_")
        assert path == place.media / ytid[:2] / f"{ytid}_{start_ms}.mp4"
        assert row["bytes"] == path.stat().st_size
        assert (row["fps"], row["width"], row["height"]) == (pytest.approx(25, abs=0.5), 640, 360)
        assert (row["video_codec"], row["audio_codec"], row["format_id"]) == ("h264", "aac", "134+140")
        assert (row["source"], row["egress"], row["way"], row["attempt"]) == (
            "youtube",
            "default",
            "index",
            1,
        )
        assert row["pulled_bytes"] == youtube.server.bytes_sent(ytid)
        assert "yt-dlp" in row["tool"]


def test_what_is_done_is_not_asked_for_again(youtube):
    place = youtube.storm(4).place
    fetch(youtube, place)
    before = len(youtube.server.hits)
    assert fetch(youtube, place) == {"ok": 4}
    assert len(youtube.server.hits) == before


def test_inside_a_finished_block_only_what_is_due_is_asked_for(youtube):
    storm = youtube.storm(6)
    ill = sorted(storm.right)[2]
    ytid = ill.rpartition("_")[0]
    youtube.server.faults[ytid] = [Fault("media", "status", status=404)]
    fetch(youtube, storm.place, wait=False)
    youtube.server.faults.clear()
    time.sleep(0.5)
    before = len(youtube.server.hits)
    assert fetch(youtube, storm.place) == {"ok": 6}
    asked = {hit.ytid for hit in youtube.server.hits[before:]} - set(youtube.asking.canaries)
    assert asked == {ytid}
    mine = [row for row in rows_of(storm.place) if row["segment_id"] == ill]
    assert [row["attempt"] for row in mine] == list(range(1, len(mine) + 1))
    *before, last = [row["verdict"] for row in mine]  # more than once, where the machine is slow
    assert set(before) == {"media_http"} and last == "ok"


def test_a_clip_that_outlived_its_process_is_entered_and_not_fetched_again(youtube):
    place = youtube.storm(2).place
    fetch(youtube, place)
    known = {row["segment_id"]: row for row in rows_of(place)}
    part = next(place.clips.glob("part-*.parquet"))
    part.unlink()  # as if the process had been killed before it wrote the first row
    before = len(youtube.server.requests(server="media"))
    assert fetch(youtube, place) == {"ok": 2}
    assert len(youtube.server.requests(server="media")) == before
    for row in rows_of(place):
        for name in ("sha256", "way", "format_id", "duration_s", "fingerprint"):
            assert row[name] == known[row["segment_id"]][name], name


def test_a_verdict_that_is_settled_can_be_asked_for_again(youtube):
    storm = youtube.storm(2)
    ytid = min(storm.right).rpartition("_")[0]
    youtube.server.faults[ytid] = [Fault("player", "message", message="age")]
    assert fetch(youtube, storm.place) == {"age": 1, "ok": 1}
    youtube.server.faults.clear()
    assert fetch(youtube, storm.place) == {"age": 1, "ok": 1}
    assert fetch(youtube, storm.place, again=(Verdict.AGE,)) == {"ok": 2}


def test_a_session_that_is_refused_stops_and_loses_nothing(youtube):
    storm = youtube.storm(8)
    youtube.server.rate_limited = True
    pace = dataclasses.replace(youtube.asking.pace, pause_s=0.3, longest_pause_s=0.4)
    seen = []
    original = block.Watch._ask

    def ask_and_recover(watch):
        well = original(watch)
        seen.append(well)
        if len(seen) == 3:
            youtube.server.rate_limited = False
        return well

    try:
        block.Watch._ask = ask_and_recover
        assert fetch(youtube, storm.place, pace=pace) == {"ok": 8}
    finally:
        block.Watch._ask = original
    assert seen[:3] == [False, False, False]
    players = [hit.ytid for hit in youtube.server.requests(server="player")]
    # While every canary fails, no video is asked for: two canaries a time, and nothing else.
    assert set(players[:6]) == set(youtube.asking.canaries)
    assert read_signs(storm.place.canaries)["good"].to_pylist()[:3] == [False, False, False]


def test_features_are_made_again_where_clips_have_come_since(youtube):
    storm = youtube.storm(3)
    ill = min(storm.right)
    youtube.server.faults[ill.rpartition("_")[0]] = [Fault("media", "status", status=404)]
    fetch(youtube, storm.place, wait=False)
    extract_features(storm.place.root, TINY, Here())
    shard = storm.place.features(Kind.LOG_MEL) / "part-00000.parquet"
    before, stamp = clips_of(shard), shard.stat().st_mtime_ns
    extract_features(storm.place.root, TINY, Here())
    assert shard.stat().st_mtime_ns == stamp
    youtube.server.faults.clear()
    fetch(youtube, storm.place, again=(Verdict.MEDIA_HTTP,))
    extract_features(storm.place.root, TINY, Here())
    assert clips_of(shard) != before
    assert set(read_shard(shard, Kind.LOG_MEL)["status"].to_pylist()) == {Status.OK}


def test_a_segment_that_nobody_asked_for_yet_is_a_row_without_a_clip(youtube):
    storm = youtube.storm(3)
    fetch(youtube, storm.place)
    part = storm.place.clips / "part-00000.parquet"
    write_ledger(read_ledger(part).slice(0, 1), part)
    extract_features(storm.place.root, TINY, Here())
    table = read_shard(storm.place.features(Kind.VIDEO) / "part-00000.parquet", Kind.VIDEO)
    assert sorted(zip(table["status"].to_pylist(), table["reason"].to_pylist(), strict=True)) == [
        ("no_clip", "not asked for yet"),
        ("no_clip", "not asked for yet"),
        ("ok", ""),
    ]


def test_a_full_disk_stops_the_run_and_loses_nothing(youtube):
    storm = youtube.storm(4)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); "
        "sys.path.insert(0, 'tests/support'); import runpy; "
        "runpy.run_path('tests/support/patient_fetch.py', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(storm.place.root), str(youtube.config)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0
    assert "no space is left for" in ran.stderr and "run the same command again" in ran.stderr
    # The shortest of the clips may have found room; nothing is said of those that did not.
    assert {row["verdict"] for row in rows_of(storm.place)} <= {"ok"}
    assert fault_storm.leftovers(storm) == []
    assert fetch(youtube, storm.place) == {"ok": 4}


def test_a_second_run_in_one_workspace_is_refused(youtube):
    place = youtube.storm(1).place
    with alone(place), pytest.raises(SetupError, match=r"another run is fetching into .*work; wait for it"):
        fetch(youtube, place)


def test_workers_end_when_the_run_that_started_them_is_killed(youtube):
    place = youtube.storm(6).place
    for name in {name.rpartition("_")[0] for name in youtube.storm(6).right}:
        youtube.server.faults[name] = [Fault("media", "drip", bytes_per_s=2000)]
    command = [sys.executable, "tests/support/patient_fetch.py", str(place.root), str(youtube.config)]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not youtube.server.requests(server="media"):
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    until = time.monotonic() + 20
    while _group(run.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert _group(run.pid) == []
    youtube.server.faults.clear()
    assert fetch(youtube, place) == {"ok": 6}


def _group(pgid):
    """Living processes of a group, but for multiprocessing's own that clean up and end."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            words = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        # One that is just being replaced by another program, or just ending, has no words.
        if int(fields[2]) == pgid and fields[0] != "Z" and words and b"resource_tracker" not in words:
            found.append(words)
    return found


def test_a_clip_that_takes_too_long_is_given_up_and_the_others_go_on(youtube, monkeypatch):
    storm = youtube.storm(4)
    ytid = min(storm.right).rpartition("_")[0]
    # A byte now and then, for ever: no time-out of a socket ends this.
    youtube.server.faults[ytid] = [Fault("player", "drip", bytes_per_s=2, times=1)]
    monkeypatch.setattr(block, "GRACE_S", 0.5)
    options = dataclasses.replace(youtube.asking.options, clip_s=2.0)
    assert fetch(youtube, storm.place, options=options) == {"ok": 4}
    verdicts = [row["verdict"] for row in rows_of(storm.place) if row["segment_id"] == min(storm.right)]
    assert verdicts[0] in ("timed_out", "api_error")
    assert verdicts[-1] == "ok"


def test_a_local_folder_is_asked_by_the_same_stage(youtube, tmp_path):
    storm = youtube.storm(3)
    fetch(youtube, storm.place)
    other = Workspace(tmp_path / "other")
    other.root.mkdir()
    other.manifest.write_bytes(storm.place.manifest.read_bytes())
    gone = min(storm.right)
    clip_path(storm.place, gone).unlink()
    counts = fetch_clips(other.root, f"local:{storm.place.media}", runner=Here())
    assert counts == {"not_found": 1, "ok": 2}
    row = next(row for row in rows_of(other) if row["verdict"] == "ok")
    assert Path(row["path"]).is_relative_to(storm.place.media)
    assert row["egress"] is None


def test_the_status_can_be_asked_for_while_clips_are_fetched(youtube):
    place = youtube.storm(12).place
    command = [sys.executable, "tests/support/patient_fetch.py", str(place.root), str(youtube.config)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = []
    while run.poll() is None:
        said.append(CliRunner().invoke(dataset_app, ["status", str(place.root)]))
    assert run.returncode == 0
    assert said and all(result.exit_code == 0 for result in said), [r.output for r in said if r.exit_code]
    after = CliRunner().invoke(dataset_app, ["status", str(place.root)])
    assert re.search(r"good +│ +12 │", after.output)


def test_the_words_of_the_command_line_are_checked():
    with pytest.raises(SetupError, match=r"canaries 'x' are no ids of videos, expected 11 signs each"):
        asking_of("default", 300, None, None, "jNQXAC9IVRw,x", "", False)
    with pytest.raises(SetupError, match=r"--threads is 0, expected at least 1"):
        asking_of("default", 300, 0, None, None, "", False)
    with pytest.raises(SetupError, match=r"there is no verdict dead, expected some of ok, alive"):
        verdicts_named("age, dead")
    with pytest.raises(SetupError, match=r"the rate is 0 an hour"):
        asking_of("default", 0, None, None, None, "", False)
