"""Outages: what fails for every video says nothing of any, and nothing is settled by it."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_faults import Fault
from loopback_youtube import EVERY
from same_process import Here

from audiosetzsl.clips.ledger import LEDGER
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.verdicts import Verdict
from flows.fetch_clips import fetch_clips
from flows.fetching import block

ROOT = Path(__file__).parents[3]


def fetch(youtube, place, **changes):
    asking = dataclasses.replace(youtube.asking, **changes)
    return fetch_clips(place.root, "youtube", runner=Here(), asking=asking)


def rows_of(place):
    return read_parts(place.clips, LEDGER.names).to_pylist()


@pytest.mark.parametrize("fault", [Fault("media", "status", status=403), Fault("media", "stall")])
def test_media_that_nobody_gets_pause_everybody_and_no_video_is_given_up(youtube, monkeypatch, fault):
    """More rounds than a verdict needs to stand; and when the media come again, so do the clips."""
    place = youtube.storm(3).place
    youtube.server.faults[EVERY] = fault
    pace = dataclasses.replace(youtube.asking.pace, pause_s=0.2, longest_pause_s=0.2)
    options = dataclasses.replace(youtube.asking.options, clip_s=1.0)
    asked, original = [], block.Watch._ask

    def ask(watch):
        if len(asked) == youtube.asking.patience.attempts + 2:
            youtube.server.faults.clear()
        asked.append(original(watch))
        return asked[-1]

    monkeypatch.setattr(block.Watch, "_ask", ask)
    assert fetch(youtube, place, pace=pace, options=options) == {"ok": 3}
    assert not any(asked[:-2]) and asked[-1]
    assert False in read_signs(place.canaries)["good"].to_pylist()


def test_media_that_one_video_alone_does_not_give_are_its_own(youtube):
    storm = youtube.storm(4)
    ill = min(storm.right)
    youtube.server.faults[ill.rpartition("_")[0]] = Fault("media", "status", status=403)
    assert fetch(youtube, storm.place) == {"ok": 3, "media_http": 1}
    tries = [row["verdict"] for row in rows_of(storm.place) if row["segment_id"] == ill]
    assert tries == ["media_http"] * youtube.asking.patience.attempts
    assert all(read_signs(storm.place.canaries)["good"].to_pylist())


def test_a_canary_whose_media_do_not_come_is_a_failed_one(youtube):
    place = youtube.storm(1).place
    for ytid in youtube.asking.canaries:
        youtube.server.faults[ytid] = Fault("media", "status", status=403, times=9)
    pace = dataclasses.replace(youtube.asking.pace, pause_s=0.2, longest_pause_s=0.2)
    assert fetch(youtube, place, pace=pace) == {"ok": 1}
    signs = read_signs(place.canaries).to_pylist()
    assert not signs[0]["good"] and signs[-1]["good"]
    assert re.fullmatch(r"canary_one_: media_http; canary_two_: media_http", signs[0]["message"])


def test_a_clip_that_hangs_is_vouched_for_like_the_others(youtube, monkeypatch):
    """Its thread is given up from outside; a canary is asked for it all the same."""
    storm = youtube.storm(1)
    youtube.server.faults[min(storm.right).rpartition("_")[0]] = Fault("player", "drip", bytes_per_s=1)
    monkeypatch.setattr(block, "GRACE_S", 0.5)
    options = dataclasses.replace(youtube.asking.options, clip_s=0.5)
    counts = fetch(youtube, storm.place, options=options, wait=False)
    assert counts == {"timed_out": 1}
    assert read_signs(storm.place.canaries)["good"].to_pylist() == [True, True]
    (row,) = rows_of(storm.place)
    assert (row["verdict"], row["message"]) == (Verdict.TIMED_OUT, "given up after 1 s")


def test_a_full_disk_is_told_also_where_only_answers_are_written(youtube):
    storm = youtube.storm(3)
    code = (
        "import sys, runpy; sys.path.insert(0, 'tests/support'); sys.argv[0] = 'x'\n"
        "import resource; from pathlib import Path\n"
        "import patient_fetch; from flows.check_availability import check_availability\n"
        "from same_process import Here\n"
        "import os; os.environ['AZSL_STATE'] = sys.argv[1] + '-state'\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "asking = patient_fetch.asking(Path(sys.argv[2]))\n"
        "check_availability(Path(sys.argv[1]), runner=Here(), asking=asking)\n"
    )
    command = [sys.executable, "-c", code, str(storm.place.root), str(youtube.config)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0
    assert "no space is left for" in ran.stderr and "run the same command again" in ran.stderr
