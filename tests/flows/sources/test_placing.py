"""Where in a file the segment lies: the file may be the clip, or the whole video."""

import io

import av
import pytest
from truth_media import ffmpeg

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from flows.sources.placing import OFF_S, duration_s, is_clip, start_in_video
from flows.sources.source import Refusal


@pytest.mark.parametrize(
    ("lasts_s", "clip"),
    [
        (10.0, True),
        (10.0 + OFF_S, True),
        (10.0 - OFF_S, True),
        (10.8, False),
        (9.2, False),
        (300.0, False),
        (None, False),
    ],
)
def test_a_file_as_long_as_the_segment_is_its_clip(segment, lasts_s, clip):
    assert is_clip(segment(30.0, 40.0), lasts_s) is clip


def test_segments_of_other_lengths_have_clips_of_other_lengths(segment):
    assert is_clip(segment(30.0, 31.0), 1.2) and not is_clip(segment(30.0, 31.0), 10.0)


def test_a_whole_video_holds_the_segment_where_its_times_say(segment):
    assert start_in_video(segment(30.0, 40.0), 300.0) == 30.0
    assert start_in_video(segment(30.0, 40.0), 30.1) == 30.0, "a little of it"
    assert start_in_video(segment(30.0, 40.0), None) == 30.0, "who does not say how long it is, is believed"


@pytest.mark.parametrize("lasts_s", [3.0, 30.0])
def test_a_file_too_short_for_either_says_what_it_is_not(segment, lasts_s):
    with pytest.raises(Refusal) as caught:
        start_in_video(segment(30.0, 40.0), lasts_s)
    says = f"the file lasts {lasts_s} s: it is neither the clip (10.0 s) nor a video with this segment (from 30.0 s)"
    assert str(caught.value).startswith(says)
    assert caught.value.reason == Verdict.PAST_END


def test_the_length_is_what_the_container_says_and_the_file_can_be_read_again(truth):
    with truth.both.open("rb") as file:
        assert duration_s(file, "both.mp4") == pytest.approx(40, abs=0.05)
        assert file.read() == truth.both.read_bytes()


def test_a_container_that_does_not_say_gives_nothing(truth, tmp_path):
    ffmpeg("-i", truth.both, "-c:v", "copy", "-an", "-f", "h264", tmp_path / "bare.h264")
    with (tmp_path / "bare.h264").open("rb") as file:
        assert duration_s(file, "bare.h264") is None


@pytest.mark.parametrize("content", [b"", b"<html></html>" * 100])
def test_no_media_is_said_with_its_name(content):
    with pytest.raises(ClipError, match=r"^the file cannot be read: .+; get the file again$") as caught:
        duration_s(io.BytesIO(content), "the file")
    assert caught.value.reason == "unreadable"
    assert isinstance(caught.value.__cause__, av.FFmpegError)
