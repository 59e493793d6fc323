"""Sections: HLS by yt-dlp and ffmpeg, in processes of their own that are ended in time."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from errands import END_S, START_S, YTID, clip_of, errand, offer_only
from loopback_faults import Fault
from truth_media import expected_numbers, numbers, sound_starts_at_s

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal
from flows.youtube.options import YtDlpOptions, user_options
from flows.youtube.sections import download_sections, reader_options
from flows.youtube.session import Session
from flows.youtube.ways import fetch

ROOT = Path(__file__).parents[3]


def test_where_plain_files_are_refused_hls_gives_picture_and_sound(server, streaming, truth, tmp_path):
    server.hls.add(YTID)
    server.faults[YTID] = Fault("media", "status", status=403, skip=1, times=1)  # not the manifest
    media = fetch(errand(streaming, tmp_path / "scratch"))
    path = clip_of(media, tmp_path / "clip.mp4")
    assert (media.way, media.format_id, media.origin_s) == ("hls", "230+234", START_S)
    found = numbers(path)
    assert abs(found[0] - int(START_S * truth.fps)) <= 1 and found == list(range(found[0], found[-1] + 1))
    assert abs(len(found) - len(expected_numbers(START_S, END_S))) <= 1
    assert sound_starts_at_s(path, truth) == pytest.approx(START_S, abs=0.025)
    assert media.pulled == media.sources[0].stat().st_size


def test_where_only_hls_is_offered_it_is_taken_whatever_the_user_set(server, tmp_path):
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


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ({("230", 7)}, r"^sections: the first 1\.\d s of the video are missing$"),
        ({("230", 10)}, r"^sections: picture and sound end 1\.\d s apart$"),
        ({("234", 2)}, r"^sections: the first 1\.\d s of the audio are missing$"),
        ({("234", 3)}, r"^sections: picture and sound end 5\.\d s apart$"),
        ({("230", 8)}, r"^sections: 2\.\d s within the video are missing$"),
        ({("234", 4)}, r"^sections: 7\.\d s within the audio are missing$"),
        ({("230", n) for n in range(7, 12)}, r"^sections: nothing of the video came$"),
        ({("234", n) for n in range(2, 9)}, r"^sections: nothing of the audio came$"),
    ],
    ids=[
        "first picture",
        "last picture",
        "first sound",
        "last sound",
        "picture",
        "sound",
        "all pictures",
        "all sound",
    ],
)
def test_what_ffmpeg_passes_over_is_missed(server, streaming, tmp_path, monkeypatch, lost, says):
    server.hls.add(YTID)
    offer_only(server)
    asked = server.arrived

    def arrived(hit):
        fault = asked(hit)
        found = re.search(r"/itag/(\d+)/(\d+)\.mp4", hit.path)
        return Fault("media", "status", status=404) if found and (found[1], int(found[2])) in lost else fault

    monkeypatch.setattr(server, "arrived", arrived)
    end_s = 29.0 if "within" in says else END_S
    with pytest.raises(Refusal, match=says) as caught:
        fetch(errand(streaming, tmp_path / "scratch", end_s=end_s))
    assert caught.value.reason == Verdict.MEDIA_HTTP


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
