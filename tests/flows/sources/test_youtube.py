"""Source youtube: the segment and nothing else, whatever its place, its length and the sign its id begins with."""

import threading
import time

import pytest
from loopback_faults import Fault
from loopback_media import Media
from truth_media import expected_numbers, ffmpeg, numbers, render, sound_starts_at_s

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from extractors.media.inspection import inspect
from flows.sources import youtube
from flows.sources.notes import read_note
from flows.sources.source import Refusal
from flows.sources.youtube import YouTube
from flows.youtube.byte_ranges import Persistence
from flows.youtube.options import YtDlpOptions

MID = "/m/0bt9lr"
YTID = "-id_of_11ch"
DASH = "delay_moov+default_base_moof+global_sidx+frag_keyframe"
HASTY = Persistence(tries=3, first_wait_s=0.01, longest_wait_s=1.0, clip_s=15.0)


@pytest.fixture
def source(server, tmp_path):
    params = {**server.ydl_params(hls=True), "socket_timeout": 0.5, "extractor_retries": 0}
    return YouTube(YtDlpOptions(params), tmp_path / "scratch", persistence=HASTY)


@pytest.fixture
def get(source, tmp_path):
    """get(segment): to `clip.mp4`."""
    return lambda segment: source.get(segment, MID, tmp_path / "media" / "clip.mp4")


@pytest.fixture
def left(tmp_path):
    """left(): files that lie anywhere where clips are made."""
    return lambda: [path for folder in ("scratch", "media") for path in (tmp_path / folder).rglob("*")]


@pytest.mark.parametrize("ytid", ["-id_of_11ch", "--8puiAGLhs", "_id_of_11ch", "___________", "-----------"])
def test_ids_may_begin_with_any_sign(server, get, segment, ytid):
    got = get(segment(12.0, 15.0, ytid))
    assert numbers(got.path) == expected_numbers(12, 15)
    assert {hit.ytid for hit in server.requests()} == {ytid}


@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(0.0, 10.0), (30.0, 40.0), (12.0, 13.0), (12.34, 13.34), (21.5, 30.5), (39.0, 40.0)],
)
def test_segments_of_any_length_come_to_the_frame(server, get, truth, segment, start_s, end_s, left):
    got = get(segment(start_s, end_s))
    assert (got.way, got.format_id) == ("index", "134+140")
    assert got.pulled_bytes == server.bytes_sent(YTID)
    assert numbers(got.path) == expected_numbers(start_s, end_s)
    assert sound_starts_at_s(got.path, truth) == pytest.approx(start_s, abs=0.025)
    facts = inspect(got.path, end_s - start_s)
    assert facts.duration_s == pytest.approx(end_s - start_s, abs=0.04) and facts.flags == ()
    assert read_note(facts.note) == {
        "source": "youtube",
        "way": "index",
        "format_id": "134+140",
        "pulled_bytes": got.pulled_bytes,
    }
    assert left() == [got.path]


def test_a_segment_that_reaches_beyond_the_end_is_short_and_not_truncated(get, segment):
    got = get(segment(35.0, 45.0))
    assert numbers(got.path) == expected_numbers(35, 40)
    assert inspect(got.path, 10.0).flags == ("short",)


@pytest.mark.parametrize(
    ("start_s", "says"),
    [
        (41.0, r"^the video ends after 40 s, before 41\.0 s$"),
        (400.0, r"^the video ends after 40 s, before 400\.0 s$"),
        # The player states whole seconds: what is so near is looked up in the media.
        (40.5, r"^it ends after 40\.0 s, before 40\.5 s$"),
    ],
)
def test_a_segment_that_starts_past_the_end_is_told_by_the_least_that_tells(
    server, get, segment, start_s, says, left
):
    with pytest.raises(Refusal, match=says) as caught:
        get(segment(start_s, start_s + 10))
    assert caught.value.reason == Verdict.PAST_END
    assert len(server.requests(YTID, server="media")) == (1 if start_s < 41 else 0)
    assert left() == []


def test_what_the_player_rounds_down_is_still_had(server, get, segment, tmp_path):
    longer = render(tmp_path / "longer", seconds=8.4, size=(320, 180), gop_s=2)
    server.media[YTID] = Media(longer.video, longer.audio, longer.both)
    got = get(segment(8.0, 10.0))
    assert numbers(got.path) == list(range(200, 210))


@pytest.mark.parametrize("itags", [(134, 140), (18,)])
def test_media_that_are_cut_short_are_no_clip(server, get, segment, left, itags):
    size = {134: 300_000, 140: 200_000, 18: 500_000}
    offered = [Fault("player", "formats", itags=itags)]
    server.faults[YTID] = offered + [
        Fault("media", "cut", itag=itag, after_bytes=size[itag]) for itag in itags
    ]
    with pytest.raises(ClipError) as caught:
        get(segment(30.0, 40.0))
    assert caught.value.reason in (Verdict.TRUNCATED, Verdict.UNREADABLE)
    assert left() == []


def test_media_that_end_before_the_player_says_are_truncated(server, get, segment, truth, tmp_path, left):
    # A file that is whole in itself, of a video that is longer.
    copy = ["-c", "copy", "-t", 20, "-movflags", DASH]
    for name, whole in (("picture.mp4", truth.video), ("sound.m4a", truth.audio)):
        ffmpeg("-i", whole, *copy, tmp_path / name)
    server.media[YTID] = Media(tmp_path / "picture.mp4", tmp_path / "sound.m4a", truth.both)
    with pytest.raises(Refusal, match=r"^the media end after 20\.\d s, the player states 40\.0 s$") as caught:
        get(segment(15.0, 25.0))
    assert caught.value.reason == Verdict.TRUNCATED
    assert left() == [], "not even for a moment it has the name of a clip"


@pytest.mark.parametrize("itags", [(134, 140), (18,)])
def test_a_picture_that_ends_before_the_sound_is_the_videos_own(server, get, segment, truth, tmp_path, itags):
    picture, both = tmp_path / "picture.mp4", tmp_path / "both.mp4"
    ffmpeg("-i", truth.video, "-c", "copy", "-t", 20, "-movflags", DASH, picture)
    ffmpeg("-i", picture, "-i", truth.audio, "-c", "copy", "-movflags", "faststart", both)
    server.media[YTID] = Media(picture, truth.audio, both)
    server.faults[YTID] = Fault("player", "formats", itags=itags)
    got = get(segment(15.0, 25.0))
    found = numbers(got.path)
    # ffmpeg copies in order of decoding, so one or two more may come.
    assert found[:125] == expected_numbers(15, 20) and len(found) < 128
    assert inspect(got.path, 10.0).flags == ("short",)
    with pytest.raises(Refusal, match=r", and the player states 40\.0 s$") as caught:
        get(segment(25.0, 35.0))
    assert caught.value.reason == Verdict.TRUNCATED, "past the end of all is another thing"


def test_a_stream_that_yt_dlp_calls_damaged_has_to_come_to_the_end(server, get, segment, truth, tmp_path):
    def half(answer):
        answer["streamingData"]["formats"] = []
        answer["streamingData"]["adaptiveFormats"][0]["approxDurationMs"] = "15000"

    ffmpeg("-i", truth.video, "-c", "copy", "-t", 20, "-movflags", DASH, tmp_path / "half.mp4")
    server.media[YTID] = Media(tmp_path / "half.mp4", truth.audio, truth.both)
    server.faults[YTID] = Fault("player", "edited", edit=half)
    with pytest.raises(Refusal, match=r"^the media end after 20\.\d s, the player states 40\.0 s$"):
        get(segment(15.0, 25.0))


def test_media_are_asked_for_when_the_advertisement_is_over(server, get, segment):
    def advertised(answer):
        placement = {
            "config": {"adPlacementConfig": {"kind": "AD_PLACEMENT_KIND_START"}},
            "renderer": {"instreamVideoAdRenderer": {"playerVars": "length_seconds=2"}},
        }
        answer["adPlacements"] = [{"adPlacementRenderer": placement}]

    server.faults[YTID] = Fault("player", "edited", edit=advertised)
    began_s = time.time()
    get(segment(12.0, 13.0))
    first = min(hit.monotonic_s for hit in server.requests(server="media"))
    answered = max(hit.monotonic_s for hit in server.requests(server="player"))
    assert first - answered > 0.8 and time.time() - began_s < 10, "yt-dlp counts in whole seconds"


@pytest.mark.parametrize("itags", [(134, 140), (18,)])
def test_files_without_packets_are_empty(server, get, segment, left, itags):
    server.faults[YTID] = [Fault("player", "formats", itags=itags), Fault("media", "empty")]
    with pytest.raises(ClipError) as caught:
        get(segment())
    assert caught.value.reason == Verdict.EMPTY
    assert left() == []


def test_picture_alone_is_a_clip_without_sound(server, get, segment):
    server.faults[YTID] = Fault("player", "formats", itags=(134,))
    got = get(segment(12.0, 15.0))
    assert got.format_id == "134" and numbers(got.path) == expected_numbers(12, 15)
    assert inspect(got.path, 3.0).flags == ("no_audio",)


def test_a_server_that_stops_sending_ranges_midway_gives_the_file_whole(server, get, segment, truth):
    # The header came by ranges; what the demuxer asks for later does not.
    server.faults[YTID] = [Fault("player", "formats", itags=(18,)), Fault("media", "ignore_range", skip=4)]
    got = get(segment(30.0, 33.0))
    assert got.way == "whole" and numbers(got.path) == expected_numbers(30, 33)
    assert got.pulled_bytes > truth.both.stat().st_size, "what was pulled before is counted"


@pytest.mark.parametrize(
    ("fault", "verdict", "says"),
    [
        (Fault("media", "status", status=403, skip=4), Verdict.MEDIA_HTTP, "HTTP 403"),
        (Fault("media", "status", status=500, skip=4), Verdict.MEDIA_HTTP, "HTTP 500, 3 times in a row"),
        (
            Fault("media", "status", status=429, retry_after_s=5, skip=4),
            Verdict.RATE_LIMITED,
            "HTTP 429 for media",
        ),
        (
            Fault("media", "stall", skip=4),
            Verdict.STALLED,
            r"the connection broke \(ReadTimeout\), 3 times .*",
        ),
    ],
    ids=lambda value: getattr(value, "status", None),
)
def test_what_goes_wrong_while_the_demuxer_reads_is_told(
    server, get, segment, left, capfd, fault, verdict, says
):
    server.faults[YTID] = [Fault("player", "formats", itags=(18,)), fault]
    with pytest.raises(Refusal, match=rf"^{says}$") as caught:
        get(segment(30.0, 40.0))
    assert caught.value.reason == verdict
    assert left() == []
    assert capfd.readouterr().err == "", "PyAV prints what it hears of twice"


def test_neither_ranges_nor_small_enough_says_both(server, get, segment, monkeypatch):
    server.faults[YTID] = [Fault("player", "formats", itags=(18,)), Fault("media", "ignore_range", skip=4)]
    monkeypatch.setattr("flows.youtube.ways.LARGEST_WHOLE", 1000)
    with pytest.raises(
        Refusal, match=r"^the server sends no ranges; the whole file has \d+ bytes$"
    ) as caught:
        get(segment(30.0, 33.0))
    assert caught.value.reason == Verdict.MEDIA_HTTP


@pytest.mark.parametrize(("start_s", "end_s", "shown"), [(12.0, 15.0, 75), (37.0, 47.0, 75), (0.0, 1.0, 25)])
def test_by_hls_a_segment_is_what_it_is_by_other_ways(server, get, segment, left, start_s, end_s, shown):
    server.hls.add(YTID)
    server.faults[YTID] = Fault("player", "formats", itags=())
    got = get(segment(start_s, end_s))
    found = numbers(got.path)
    assert (got.way, got.format_id) == ("hls", "230+234")
    assert found[0] == pytest.approx(25 * start_s, abs=1) and len(found) == pytest.approx(shown, abs=1)
    assert left() == [got.path]


def test_by_hls_a_server_that_falls_silent_is_left_in_time_and_leaves_nothing(
    server, source, segment, left, tmp_path
):
    server.hls.add(YTID)
    server.faults[YTID] = [Fault("player", "formats", itags=()), Fault("media", "stall", skip=4)]
    source.persistence = Persistence(clip_s=3.0)
    began_s = time.monotonic()
    with pytest.raises(Refusal, match=r"^ffmpeg was not done within 3 s$") as caught:
        source.get(segment(), MID, tmp_path / "media" / "clip.mp4")
    assert caught.value.reason == Verdict.STALLED and time.monotonic() - began_s < 6
    assert left() == []


def test_a_section_without_pictures_is_empty(source, segment, tmp_path, monkeypatch):
    def without_pictures(errand):
        path = errand.wanted.scratch / "section.mp4"
        ffmpeg("-f", "lavfi", "-i", "sine", "-t", 1, path)
        return youtube.Media([path], "hls", "230", errand.streams, origin_s=30.0)

    monkeypatch.setattr(youtube, "fetch", without_pictures)
    with pytest.raises(ClipError) as caught:
        source.get(segment(), MID, tmp_path / "clip.mp4")
    assert caught.value.reason == Verdict.EMPTY


def test_a_dead_video_is_not_asked_for_media(server, source, segment, tmp_path):
    server.faults[YTID] = Fault("player", "message", message="private")
    for ask in (lambda: source.get(segment(), MID, tmp_path / "clip.mp4"), lambda: source.look(YTID)):
        with pytest.raises(Refusal, match=r"^Private video") as caught:
            ask()
        assert caught.value.reason == Verdict.PRIVATE
    assert server.requests(YTID, server="media") == []
    source.look("alive______")


def test_threads_ask_at_once_and_none_takes_the_clip_of_another(server, source, segment, tmp_path):
    got, problems = {}, []

    def work(number):
        try:
            wanted = segment(float(3 * number), float(3 * number + 2), f"video_{number:05d}")
            got[number] = source.get(wanted, MID, tmp_path / f"{number}.mp4")
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    for number, clip in got.items():
        assert numbers(clip.path) == expected_numbers(3 * number, 3 * number + 2)
        assert clip.pulled_bytes == server.bytes_sent(f"video_{number:05d}")
