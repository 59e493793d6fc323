"""Ways to the media: the frugal one where it works, another where it does not, and a reason where none does."""

import struct
import time

import pytest
from errands import END_S, START_S, YTID, clip_of, errand, offer_only
from loopback_faults import Fault
from loopback_media import Media as Files
from truth_media import expected_numbers, ffmpeg, heard, numbers, sound_ends_at_s, sound_starts_at_s

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from extractors.media.cutting import cut
from flows.sources.source import Refusal
from flows.youtube import ways
from flows.youtube.byte_ranges import NotThisWay
from flows.youtube.segment_index import boxes, read_index
from flows.youtube.session import Format
from flows.youtube.ways import by_index, by_seeking, fetch, streamed_choice, whole


def test_by_its_index_a_segment_comes_exactly_and_in_few_requests(server, session, truth, tmp_path):
    media = fetch(errand(session, tmp_path / "scratch"))
    path = clip_of(media, tmp_path / "clip.mp4")
    assert (media.way, media.format_id, media.origin_s) == ("index", "134+140", 0.0)
    assert numbers(path) == expected_numbers(START_S, END_S)
    assert sound_starts_at_s(path, truth) == pytest.approx(START_S, abs=0.025)
    assert sound_ends_at_s(path, truth) == pytest.approx(END_S, abs=0.025)
    assert media.pulled == server.bytes_sent(YTID)
    hits = server.requests(YTID, server="media")
    assert len(hits) <= 6 and all(hit.range and not hit.range.endswith("-") for hit in hits)
    own = (truth.video.stat().st_size + truth.audio.stat().st_size) * (END_S - START_S) / truth.seconds
    assert media.pulled < 1.8 * own, "of two seconds a key frame and seven a fragment of sound"
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(0, 1), (0, 10), (4, 8), (5.99, 6.01), (38.5, 40), (39.9, 49.9)]
)
def test_by_its_index_at_any_place(session, tmp_path, start_s, end_s):
    media = by_index(errand(session, tmp_path / "scratch", start_s, end_s))
    path = clip_of(media, tmp_path / "clip.mp4", start_s, end_s)
    assert numbers(path) == expected_numbers(start_s, min(end_s, 40))


@pytest.mark.parametrize("late_s", [-0.01, 0.001, 0.01, 0.03, 0.06])
def test_sound_that_starts_with_a_fragment_sounds_as_if_it_did_not(session, truth, tmp_path, late_s):
    begins_s = read_index(truth.audio.read_bytes()[:8192]).fragments[2].start_s
    start_s = begins_s + late_s
    media = by_index(errand(session, tmp_path / "scratch", start_s, start_s + 1))
    _, ours = heard(clip_of(media, tmp_path / "ours.mp4", start_s, start_s + 1))
    _, right = heard(cut([truth.both], tmp_path / "right.mp4", start_s, start_s + 1).path)
    assert len(ours) == len(right) and abs(ours - right).max() < 1e-4


def test_an_index_behind_a_long_header_is_found(server, session, truth, tmp_path):
    data = truth.video.read_bytes()
    at = len(read_index(data[:8192]).header)
    padding = struct.pack(">I4s", 30_000, b"free") + bytes(30_000 - 8)
    (tmp_path / "padded.mp4").write_bytes(data[:at] + padding + data[at:])
    server.media[YTID] = Files(tmp_path / "padded.mp4", truth.audio, truth.both)
    media = fetch(errand(session, tmp_path / "scratch"))
    assert media.way == "index"
    assert numbers(clip_of(media, tmp_path / "clip.mp4")) == expected_numbers(START_S, END_S)


def test_a_sound_that_ends_before_the_segment_leaves_a_clip_without_sound(server, session, truth, tmp_path):
    dash = ["-movflags", "delay_moov+default_base_moof+global_sidx", "-frag_duration", 2_000_000]
    ffmpeg("-i", truth.audio, "-c", "copy", "-t", 8, *dash, tmp_path / "short.m4a")
    server.media[YTID] = Files(truth.video, tmp_path / "short.m4a", truth.both)
    media = fetch(errand(session, tmp_path / "scratch"))
    assert media.way == "index" and len(media.sources) == 1
    assert numbers(clip_of(media, tmp_path / "clip.mp4")) == expected_numbers(START_S, END_S)


def test_a_picture_that_ends_before_the_segment_is_past_its_end(session, tmp_path):
    with pytest.raises(Refusal, match=r"^it ends after 40\.0 s, before 40\.0 s$") as caught:
        fetch(errand(session, tmp_path / "scratch", 40.0, 45.0))
    assert caught.value.reason == Verdict.PAST_END


def test_a_picture_that_begins_after_the_segment_is_empty_and_not_past_its_end(
    server, session, truth, tmp_path
):
    data = bytearray(truth.video.read_bytes())
    sidx = next(box for box in boxes(bytes(data)) if box.kind == b"sidx")
    scale = struct.unpack_from(">I", data, sidx.body + 8)[0]
    struct.pack_into(">I" if data[sidx.body] == 0 else ">Q", data, sidx.body + 12, 30 * scale)
    (tmp_path / "late.mp4").write_bytes(data)
    server.media[YTID] = Files(tmp_path / "late.mp4", truth.audio, truth.both)
    with pytest.raises(Refusal, match=r"^it begins after 30\.0 s, and the segment ends before$") as caught:
        fetch(errand(session, tmp_path / "scratch"))
    assert caught.value.reason == Verdict.EMPTY


def test_sound_without_any_picture_is_empty(server, session, tmp_path):
    offer_only(server, 140)
    with pytest.raises(Refusal, match="no picture is offered") as caught:
        fetch(errand(session, tmp_path / "scratch", 50.0, 60.0))
    assert caught.value.reason == Verdict.EMPTY
    media = fetch(errand(session, tmp_path / "scratch"))
    with pytest.raises(ClipError, match="has no picture"):
        clip_of(media, tmp_path / "clip.mp4")


@pytest.mark.parametrize(
    ("after_bytes", "says"),
    [
        (0, "the file ends before its index"),
        (400, "the file ends before its index"),
        (1000, "the file ends before its index"),
        (100_000, "the file ends within a fragment"),
        (300_000, "the file ends within a fragment"),
    ],
)
def test_a_file_that_ends_early_is_truncated(server, session, tmp_path, after_bytes, says):
    server.faults[YTID] = Fault("media", "cut", after_bytes=after_bytes, itag=134)
    with pytest.raises(Refusal, match=f"^{says}$") as caught:
        fetch(errand(session, tmp_path / "scratch"))
    assert caught.value.reason == Verdict.TRUNCATED


def test_with_picture_and_sound_in_one_file_the_demuxer_seeks(server, session, truth, tmp_path):
    offer_only(server, 18)
    media = fetch(errand(session, tmp_path / "scratch"))
    path = clip_of(media, tmp_path / "clip.mp4")
    assert (media.way, media.format_id) == ("seek", "18")
    assert numbers(path) == expected_numbers(START_S, END_S)
    assert sound_starts_at_s(path, truth) == pytest.approx(START_S, abs=0.025)
    assert media.pulled == server.bytes_sent(YTID), (
        "the header that was read in vain is counted, and read once"
    )
    starts = [int(hit.range[6:].partition("-")[0]) for hit in server.requests(YTID, server="media")]
    assert len(set(starts)) == len(starts), "nothing is pulled twice"
    assert media.pulled < 0.6 * truth.both.stat().st_size


def test_a_fragmented_file_without_an_index_is_sought_in(server, session, truth, tmp_path):
    files = {"video": tmp_path / "video.mp4", "audio": tmp_path / "audio.m4a"}
    # An index in front of every fragment, as some servers have it: the first one covers two seconds.
    ffmpeg("-i", truth.video, "-c", "copy", "-movflags", "dash+delay_moov+frag_keyframe", files["video"])
    ffmpeg("-i", truth.audio, "-c", "copy", "-movflags", "empty_moov+default_base_moof", files["audio"])
    server.media[YTID] = Files(files["video"], files["audio"], truth.both)
    with pytest.raises(NotThisWay, match=r"^the index covers [\d,]+ of [\d,]+ bytes$"):
        by_index(errand(session, tmp_path / "scratch"))
    media = fetch(errand(session, tmp_path / "scratch"))
    path = clip_of(media, tmp_path / "clip.mp4")
    assert media.way == "seek"
    assert numbers(path) == expected_numbers(START_S, END_S)
    assert sound_starts_at_s(path, truth) == pytest.approx(START_S, abs=0.025)


def test_a_file_without_packets_is_no_segment(server, session, tmp_path):
    server.faults[YTID] = Fault("media", "empty")
    with pytest.raises(ClipError, match="not one picture"):
        clip_of(fetch(errand(session, tmp_path / "scratch")), tmp_path / "clip.mp4")


def test_an_empty_file_is_empty_by_seeking(server, session, tmp_path):
    server.faults[YTID] = Fault("media", "cut", after_bytes=0)
    with pytest.raises(Refusal, match=r"^the file is empty$") as caught:
        by_seeking(errand(session, tmp_path / "scratch"))
    assert caught.value.reason == Verdict.EMPTY


def test_a_server_without_ranges_gives_a_small_file_whole(server, session, truth, tmp_path):
    server.faults[YTID] = Fault("media", "ignore_range")
    media = fetch(errand(session, tmp_path / "scratch"))
    path = clip_of(media, tmp_path / "clip.mp4")
    assert (media.way, media.format_id) == ("whole", "134+140")
    assert numbers(path) == expected_numbers(START_S, END_S)
    assert media.pulled == truth.video.stat().st_size + truth.audio.stat().st_size
    asked = [hit.range for hit in server.requests(YTID, server="media")]
    assert asked == ["bytes=0-8191", None, None], "it is asked for a range once"


def test_a_large_file_is_not_taken_whole(server, session, truth, tmp_path, monkeypatch):
    server.faults[YTID] = Fault("media", "ignore_range")
    monkeypatch.setattr(ways, "LARGEST_WHOLE", 100_000)
    with pytest.raises(Refusal) as caught:
        fetch(errand(session, tmp_path / "scratch"))
    size = truth.video.stat().st_size
    assert str(caught.value) == f"the server sends no ranges; the whole file has {size} bytes"
    assert caught.value.reason == Verdict.MEDIA_HTTP


@pytest.mark.parametrize("status", [403, 404])
def test_addresses_that_refuse_are_asked_once(server, session, tmp_path, status):
    server.faults[YTID] = Fault("media", "status", status=status)
    with pytest.raises(Refusal, match=rf"^HTTP {status}$") as caught:
        fetch(errand(session, tmp_path / "scratch"))
    assert caught.value.reason == Verdict.MEDIA_HTTP
    assert len(server.requests(YTID, server="media")) == 1


def test_a_limit_for_media_ends_all_ways(server, session, tmp_path):
    server.faults[YTID] = Fault("media", "status", status=429, retry_after_s=30)
    with pytest.raises(Refusal) as caught:
        fetch(errand(session, tmp_path / "scratch"))
    assert (caught.value.reason, caught.value.retry_after_s) == (Verdict.RATE_LIMITED, 30)


def test_large_requests_are_slowed_down_and_ours_are_not(server, session, tmp_path):
    server.throttle_over = 400_000  # for 32 KiB/s
    began_s = time.monotonic()
    media = fetch(errand(session, tmp_path / "scratch"))
    clip_of(media, tmp_path / "clip.mp4")
    assert media.way == "index" and time.monotonic() - began_s < media.pulled / (32 << 10) / 4


def streamed(name, height=None, *, picture=True, sound=False):
    return Format(name, "", {}, "m3u8_native", picture, sound, height)


def test_of_hls_the_best_picture_of_few_enough_lines_is_chosen():
    sounds = [streamed("233", picture=False, sound=True), streamed("234", picture=False, sound=True)]
    pictures = [streamed("229", 240), streamed("230", 360), streamed("231", 480), streamed("270", 1080)]

    def chosen(*formats):
        return [format.format_id for format in streamed_choice(formats)]

    assert chosen(*sounds, *pictures) == ["230", "234"]
    assert chosen(*sounds, *pictures[2:]) == ["231", "234"], "rather more lines than none"
    assert chosen(*pictures[:1]) == ["229"]
    assert chosen(streamed("92", 240, sound=True), *sounds) == ["92"]
    assert chosen(streamed("?"), streamed("230", 360)) == ["230"]
    with pytest.raises(NotThisWay, match="HLS offers no picture"):
        chosen(*sounds)


def test_the_whole_file_is_no_way_for_what_comes_in_pieces(server, streaming, tmp_path, monkeypatch):
    server.hls.add(YTID)
    offer_only(server)
    monkeypatch.setattr(ways, "download_sections", _not_this_way)
    with pytest.raises(Refusal, match=r"^sections: nothing at <address> works$"):
        fetch(errand(streaming, tmp_path / "scratch"))


def _not_this_way(*_):
    raise NotThisWay("sections: nothing at https://host/x?signature=1 works")


def test_what_the_whole_way_brings_is_what_is_there(session, truth, tmp_path):
    media = whole(errand(session, tmp_path / "scratch"))
    assert [source.getvalue() for source in media.sources] == [
        truth.video.read_bytes(),
        truth.audio.read_bytes(),
    ]
