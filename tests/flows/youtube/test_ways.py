"""Ways to the media: the frugal one where it works, another where it does not, and a reason where none does."""

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback_faults import Fault
from loopback_media import Media as Files
from truth_media import ffmpeg, frame_numbers, heard, sound_ends_at_s, sound_starts_at_s

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from extractors.cutting import cut
from flows.sources.source import Refusal
from flows.youtube import ways
from flows.youtube.byte_ranges import NotThisWay, Persistence
from flows.youtube.options import YtDlpOptions, user_options
from flows.youtube.sections import download_sections, reader_options
from flows.youtube.segment_index import boxes, read_index
from flows.youtube.session import Format, Session
from flows.youtube.ways import Errand, Wanted, by_index, by_seeking, fetch, streamed_choice, whole

YTID = "-id_of_11ch"
FPS = 25
START_S, END_S = 12.34, 19.34
HASTY = Persistence(tries=3, first_wait_s=0.01, longest_wait_s=2.0, clip_s=20.0)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def streaming(server):
    """A session that reads HLS manifests too."""
    session = Session(YtDlpOptions({**server.ydl_params(hls=True), "socket_timeout": 0.5}))
    yield session
    session.close()


def errand(session, scratch, start_s=START_S, end_s=END_S, *, within_s=20.0, ytid=YTID):
    scratch.mkdir(exist_ok=True)
    wanted = Wanted(start_s, end_s, time.monotonic() + within_s, scratch, HASTY)
    return Errand(session, session.video(ytid), wanted)


def clip_of(media, path, start_s=START_S, end_s=END_S):
    return cut(media.sources, path, start_s - media.origin_s, end_s - media.origin_s).path


def expected_numbers(start_s, end_s):
    """Frames of the source on screen between two times: that at the start, and those that begin before the end."""
    first = int(start_s * FPS + 1e-6)
    return list(range(first, int(end_s * FPS - 1e-6) + 1))


def numbers(path):
    return [number for _, number in frame_numbers(path)]


def offer_only(server, *itags):
    server.faults[YTID] = Fault("player", "formats", itags=itags)


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


# HLS, by yt-dlp and ffmpeg in processes of their own.


def test_where_plain_files_are_refused_hls_gives_picture_and_sound(server, streaming, truth, tmp_path):
    server.hls.add(YTID)
    server.faults[YTID] = Fault("media", "status", status=403, skip=1, times=1)  # not the manifest
    media = fetch(errand(streaming, tmp_path / "scratch"))
    path = clip_of(media, tmp_path / "clip.mp4")
    assert (media.way, media.format_id, media.origin_s) == ("hls", "230+234", START_S)
    found = numbers(path)
    assert abs(found[0] - int(START_S * FPS)) <= 1 and found == list(range(found[0], found[-1] + 1))
    assert abs(len(found) - len(expected_numbers(START_S, END_S))) <= 1
    assert sound_starts_at_s(path, truth) == pytest.approx(START_S, abs=0.025)
    assert media.pulled == media.sources[0].stat().st_size


def test_where_only_hls_is_offered_it_is_taken_whatever_the_user_set(server, truth, tmp_path):
    server.hls.add(YTID)
    offer_only(server)
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t2147483647\tSID\tvalue\n")
    before = cookies.stat()
    # What yt-dlp makes of a rule for sleeping is a function, which cannot go to another process.
    line = f"--cookies {cookies} --retry-sleep http:exp=1:20 --ffmpeg-location /nowhere"
    found = user_options(None, {"AZSL_YT_DLP": line})
    assert callable(found.params["retry_sleep_functions"]["http"])
    session = Session(YtDlpOptions({**server.ydl_params(hls=True), **found.params}, found.secrets))
    media = fetch(errand(session, tmp_path / "scratch"))
    session.close()
    assert (media.way, media.format_id) == ("hls", "230+234")
    found = numbers(clip_of(media, tmp_path / "clip.mp4"))
    assert abs(len(found) - len(expected_numbers(START_S, END_S))) <= 1
    assert (cookies.stat().st_mtime_ns, cookies.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_where_hls_is_refused_too_both_reasons_are_told_without_addresses(server, streaming, tmp_path, capfd):
    server.hls.add(YTID)
    server.faults[YTID] = Fault("media", "status", status=403, skip=1)
    with pytest.raises(Refusal, match=r"^HTTP 403; sections: ffmpeg exited with code \d+$") as caught:
        fetch(errand(streaming, tmp_path / "scratch"))
    assert caught.value.reason == Verdict.MEDIA_HTTP
    assert "://" not in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert capfd.readouterr().err == "", "ffmpeg writes nothing beside"


def processes_with(mark):
    """Processes of this machine whose environment holds a word, but for multiprocessing's own book-keeper."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().decode().replace("\0", " ")[:200])
        except OSError:
            continue
    return [command for command in found if "resource_tracker" not in command]


def wait_until(condition, within_s=8.0):
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_server_that_falls_silent_is_left_in_time_with_all_processes(
    server, streaming, tmp_path, monkeypatch
):
    monkeypatch.setenv("AZSL_MARK", mark := f"mark-{os.getpid()}-{time.time()}")
    server.hls.add(YTID)
    server.faults[YTID] = [
        Fault("player", "formats", itags=()),
        Fault("media", "stall", skip=4),  # the lists come, and then nothing does
    ]
    began_s = time.monotonic()
    with pytest.raises(Refusal, match=r"^ffmpeg was not done within \d s$") as caught:
        fetch(errand(streaming, tmp_path / "scratch", within_s=4.0))
    assert caught.value.reason == Verdict.STALLED
    assert 3 < time.monotonic() - began_s < 7
    assert len(server.requests(YTID, server="media")) > 4, "it had got as far as to ffmpeg"
    assert wait_until(lambda: not processes_with(mark), 3), processes_with(mark)


def test_who_is_killed_leaves_no_process_behind(server, tmp_path):
    server.hls.add(YTID)
    server.faults[YTID] = [Fault("player", "formats", itags=()), Fault("media", "stall", skip=4)]
    code = (
        "import sys, time; from pathlib import Path; from loopback_youtube import ydl_params\n"
        "from flows.youtube.options import YtDlpOptions; from flows.youtube.session import Session\n"
        "from flows.youtube.ways import Errand, Wanted, fetch; from flows.youtube.byte_ranges import Persistence\n"
        "if __name__ == '__main__':\n"
        "    session = Session(YtDlpOptions(ydl_params(int(sys.argv[1]), hls=True)))\n"
        "    wanted = Wanted(3.0, 9.0, time.monotonic() + 60, Path(sys.argv[2]), Persistence())\n"
        f"    fetch(Errand(session, session.video({YTID!r}), wanted))\n"
    )
    (tmp_path / "program.py").write_text(code)
    mark = f"mark-{os.getpid()}-{time.time()}"
    environment = {**os.environ, "AZSL_MARK": mark, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}"}
    command = [sys.executable, tmp_path / "program.py", str(server.player_port), tmp_path]
    with subprocess.Popen(command, env=environment) as process:
        assert wait_until(lambda: len(server.requests(YTID, server="media")) > 4, 20)
        assert len(processes_with(mark)) >= 3, "itself, yt-dlp and ffmpeg"
        process.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not processes_with(mark), 5), processes_with(mark)


def test_without_any_time_left_no_process_is_started(tmp_path):
    with pytest.raises(Refusal, match="out of time before ffmpeg was started") as caught:
        download_sections({}, {}, "18", (0.0, 1.0), tmp_path, -1.0)
    assert caught.value.reason == Verdict.STALLED


def test_a_process_that_is_not_even_started_in_time_is_ended(server, streaming, tmp_path, monkeypatch):
    monkeypatch.setenv("AZSL_MARK", mark := f"mark-{os.getpid()}-{time.time()}")
    server.hls.add(YTID)
    info = streaming.video(YTID).info
    with pytest.raises(Refusal, match="ffmpeg was not done within 0 s"):
        download_sections(streaming.params, info, "230+234", (0.0, 1.0), tmp_path, 0.05)
    assert wait_until(lambda: not processes_with(mark), 2), processes_with(mark)


def test_what_an_ffmpeg_does_not_know_it_is_not_asked_for(tmp_path):
    def told(*known):
        program = tmp_path / f"ffmpeg{len(known)}"
        program.write_text(
            "#!/bin/sh\n" + "".join(f"echo '  -{name}  <int>  E.........'\n" for name in known)
        )
        program.chmod(0o755)
        reader_options.cache_clear()
        return reader_options(str(program))

    old = told()
    assert old == ["-rw_timeout", "20000000"]
    assert told("request_size", "reconnect_max_retries") == [
        *old,
        *("-request_size", str(8 << 20)),
        *("-reconnect_max_retries", "3"),
    ]
    reader_options.cache_clear()


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
