"""Progress: what `status` tells of a workspace, from no clips at all to the end."""

import json
from datetime import timedelta

import pytest

from audiosetzsl.clips.funnel import Agenda, Funnel
from audiosetzsl.clips.progress import Pace, progress_of
from audiosetzsl.egresses import allowance_path, egress_folder
from audiosetzsl.errors import ManifestError, ShardError
from audiosetzsl.workspace import Workspace

HALF, WHOLE = b"\x0f" * 32, b"\xff" * 32


def test_a_manifest_without_clips_is_all_due(workspace, now):
    told = progress_of(workspace, now)
    assert told.funnel == Funnel(40, 0, 0, 0, 0, 0, 0, 0)
    assert told.agenda == Agenda(40, 0, 0, None)
    assert (told.verdicts, told.attempts, told.flags) == ({}, {}, {})
    assert told.pace == Pace(0, 0, 0.0) and told.pace.hours_for(40) is None
    assert (told.bytes_here, told.bytes_elsewhere, told.pulled_bytes, told.n_strangers) == (0, 0, 0, 0)
    assert told.last_good is told.last_failed is None


def test_a_folder_without_a_manifest_is_named(tmp_path, now):
    expected = (
        r"w/manifest\.parquet does not exist, so there is no telling .*`python -m flows build-manifest`"
    )
    with pytest.raises(ManifestError, match=expected):
        progress_of(Workspace(tmp_path / "w"), now)


def test_a_damaged_part_is_named(workspace, now, note, attempt):
    note(workspace, attempt(0, "ok", 10))
    (workspace.clips / "part-00000.parquet").write_bytes(b"damaged")
    with pytest.raises(ShardError, match=r"part-00000\.parquet is damaged"):
        progress_of(workspace, now)


def test_a_workspace_to_check_by_eye(workspace, now, note, attempt, canary):
    """Two parts, all kinds of ends, a canary that failed a while ago."""
    clip = {"path": "media/x.mp4", "bytes": 1000, "pulled_bytes": 1500}
    note(
        workspace,
        attempt(0, "ok", 7000, fingerprint=HALF, **clip),
        attempt(1, "ok", 600, fingerprint=HALF, **clip),  # the same picture, fetched later
        attempt(2, "ok", 500, flags=["silent", "long"], fingerprint=WHOLE, **clip),
        attempt(3, "ok", 400, **clip | {"path": "/elsewhere/x.mp4", "bytes": 70}),
        attempt(4, "ok", 300, **clip | {"path": "s3://elsewhere/x.mp4", "bytes": 7}),
    )
    note(
        workspace,
        attempt(5, "private", 350),
        attempt(6, "age", 340),
        attempt(7, "unavailable", 330),
        attempt(8, "stalled", 320, pulled_bytes=99),
        attempt(9, "past_end", 310),
        attempt(10, "private", 6000),  # before the canary failed: void
        attempt("zzzzzzzzzzz_0", "stalled", 300, pulled_bytes=5000),
    )
    canary(workspace, True, 650)
    canary(workspace, False, 5000)
    told = progress_of(workspace, now)
    assert told.funnel == Funnel(
        candidates=40, asked=11, alive=7, closed=1, gone=1, unknown=2, fetched=5, good=3
    )
    day_later = now + timedelta(seconds=24 * 3600 - 330)
    assert told.agenda == Agenda(now=30, later=2, settled=8, next_at=now + timedelta(seconds=600 - 320))
    assert told.agenda.next_at < day_later
    assert told.verdicts == {
        "ok": 5, "private": 1, "age": 1, "unavailable": 1, "stalled": 1, "past_end": 1, "undecided": 1
    }  # fmt: skip
    assert told.attempts == {"ok": 5, "private": 2, "age": 1, "unavailable": 1, "stalled": 1, "past_end": 1}
    assert told.flags == {"duplicate": 1, "silent": 1, "long": 1}
    assert told.pace == Pace(fetched=4, settled=7, window_s=3600.0)
    assert told.pace.hours_for(told.agenda.open) == pytest.approx(32 / 7)
    assert (told.bytes_here, told.bytes_elsewhere, told.pulled_bytes) == (3000, 77, 5 * 1500 + 99)
    assert told.n_strangers == 1
    assert told.last_good == now - timedelta(seconds=650)
    assert told.last_failed == now - timedelta(seconds=5000)


def test_a_run_that_began_a_moment_ago_has_the_pace_of_its_own_time(workspace, now, note, attempt):
    note(workspace, attempt(0, "ok", 600), attempt(1, "ok", 300))
    pace = progress_of(workspace, now).pace
    assert pace == Pace(2, 2, 600.0)
    assert pace.hours_for(38) == pytest.approx(38 / 12)
    assert Pace(2, 2, 59.0).hours_for(38) is None, "too short to tell"
    assert Pace(0, 0, 3600.0).hours_for(38) is None, "nothing was settled"


def test_a_run_that_stands_still_has_no_pace(workspace, now, note, attempt):
    note(workspace, attempt(0, "ok", 7200))
    assert progress_of(workspace, now).pace == Pace(0, 0, 3600.0)


def test_attempts_of_a_machine_whose_clock_is_ahead_do_no_harm(workspace, now, note, attempt):
    note(workspace, attempt(0, "ok", -5))
    assert progress_of(workspace, now).pace == Pace(1, 1, 0.0)


def test_a_run_that_begins_again_after_a_day_has_the_pace_of_its_own_time(workspace, now, note, attempt):
    note(workspace, attempt(0, "ok", 86_400), attempt(1, "ok", 600), attempt(2, "ok", 300))
    assert progress_of(workspace, now).pace == Pace(2, 2, 600.0)


def test_of_two_clips_of_a_segment_the_last_counts(workspace, now, note, attempt):
    note(
        workspace,
        attempt(0, "ok", 9, bytes=1, path="a"),
        attempt(0, "ok", 8, bytes=2, path="b", flags=["still"]),
    )
    told = progress_of(workspace, now)
    assert (told.funnel.fetched, told.funnel.good, told.bytes_here, told.flags) == (1, 0, 2, {"still": 1})


def test_egresses_that_are_left_alone_just_now_are_named(workspace, now, note, attempt, canary):
    note(
        workspace,
        attempt(0, "ok", 60),
        attempt(1, "ok", 60, egress="other"),
        attempt(2, "ok", 60, egress=None),
    )
    canary(workspace, True, 60, "third")
    ends = {
        "here": now + timedelta(hours=1),
        "other": now - timedelta(hours=1),
        "stranger": now + timedelta(1),
    }
    egress_folder().mkdir(parents=True)
    for name, at in ends.items():
        allowance_path(egress_folder(), name).write_text(json.dumps({"paused_until_s": at.timestamp()}))
    assert progress_of(workspace, now).paused == {"here": ends["here"]}
