"""Encoding anew: where an MP4 cannot hold the packets, or a copy does not show the segment."""

from pathlib import Path

import av
import pytest
import truth_media as truth
from held_cuts import cut, hold

from audiosetzsl.errors import ClipError
from extractors.media import cutting, recoding
from extractors.media.edit_list import show_only
from extractors.media.inspection import inspect
from extractors.media.recoding import mux, recode
from extractors.media.tracks import read_tracks

PART = ["-t", "15"]


def test_what_mp4_cannot_hold_is_encoded_anew(made, source, tmp_path):
    path = made(
        "old.webm", *PART, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "900k"
    )
    done = cut([path], tmp_path / "clip.mp4", 6.54, 12.54, note="from a test")
    assert done.how == "encode"
    hold(done.path, source, 6.54, 12.54)
    facts = inspect(done.path, 6.0)
    assert (facts.video_codec, facts.audio_codec, facts.note) == ("h264", "aac", "from a test")
    again = cut([path], tmp_path / "again.mp4", 6.54, 12.54, note="from a test")
    assert again.path.read_bytes() == done.path.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_windows_media_goes_through_as_well(made, source, tmp_path):
    path = made("old.wmv", *PART, "-c:v", "wmv2", "-b:v", "1M", "-g", "125", "-c:a", "wmav2")
    done = cut([path], tmp_path / "clip.mp4", 6.54, 12.54)
    assert done.how == "encode"
    # The encoder of Windows Media delays the sound by 46 ms, which ASF cannot say.
    assert inspect(done.path, 6.0).flags == ()
    assert truth.sound_starts_at_s(done.path, source) == pytest.approx(6.54, abs=0.06)


def test_a_copy_that_does_not_show_the_segment_is_encoded_instead(source, tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "show_only", lambda path, durations_s: show_only(path, [1.0, 1.0]))
    done = cut([source.both], tmp_path / "clip.mp4", 6.54, 12.54)
    assert done.how == "encode"
    hold(done.path, source, 6.54, 12.54)


def test_where_neither_way_gives_a_clip_the_reason_is_told(source, tmp_path, monkeypatch):
    monkeypatch.setattr(cutting, "show_only", lambda path, durations_s: show_only(path, []))
    monkeypatch.setitem(recoding.H264, "c:v", "nonsense")
    says = (
        r"both\.mp4 cannot be encoded anew \(Unknown encoder 'nonsense'\); choose another format of the video"
    )
    with pytest.raises(ClipError, match=says) as caught:
        cut([source.both], tmp_path / "clip.mp4", 1, 3)
    assert caught.value.reason == "unreadable"
    monkeypatch.setattr(recoding, "HOLDERS", ["webm"])
    with pytest.raises(
        ClipError, match=r"no container holds the packets of both\.mp4; choose another format"
    ):
        cut([source.both], tmp_path / "clip.mp4", 1, 3)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_not_the_fault_of_the_clip(source):
    with av.open(source.both) as container:
        picture, sound = read_tracks([container], 1.0, 9.0)
        with pytest.raises(OSError, match="No space left on device") as caught:
            mux([picture, sound], Path("/dev/full"), "matroska", {})
        assert not isinstance(caught.value, av.FFmpegError)


def test_encoding_that_takes_too_long_is_given_up(source, tmp_path):
    with av.open(source.both) as container:
        picture, sound = read_tracks([container], 1.0, 9.0)
        with pytest.raises(
            ClipError, match=r"both\.mp4 cannot be encoded anew \(it takes longer than 0\.01 s\); ch"
        ):
            recode([picture, sound], tmp_path / "clip.mp4", 8.0, "", timeout_s=0.01)
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".raw"]
