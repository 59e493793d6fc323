"""The extractor of yt-dlp against the loopback server: what each fault becomes, and that the log is true."""

import http.client
import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import av
import loopback_youtube
import pytest
from loopback_faults import MESSAGES, Fault
from loopback_media import Media, fragments
from loopback_youtube import ydl_params
from truth_media import render
from yt_dlp import YoutubeDL
from yt_dlp.networking import Request
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, TransportError
from yt_dlp.utils import DownloadError

YTID = "-id_of_11ch"
LOGIN = " Use --cookies-from-browser or --cookies for the authentication."
# How the extractor's error begins where that is not the message itself.
BEGINNINGS = {
    "geo": "The uploader has not made this video available in your country",
    "age": "Sign in to confirm your age. This video may be inappropriate for some users." + LOGIN,
    "private": "Private video. Sign in if you've been granted access to this video." + LOGIN,
    "bot_check": "Sign in to confirm you’re not a bot." + LOGIN,
    "captcha": "Video unavailable. YouTube is requiring a captcha challenge before playback",
    "rate_limited": "Video unavailable. This content isn't available, try again later. The current session has "
    "been rate-limited by YouTube for up to an hour.",
}


class Listener:
    """A logger of yt-dlp that keeps warnings."""

    def __init__(self):
        self.warnings = []

    def warning(self, message):
        self.warnings.append(message)

    def debug(self, message):
        pass

    error = debug


@pytest.fixture
def ydl(server):
    params = {"quiet": True, "socket_timeout": 0.3, "logger": Listener(), "format": "bv[height<=360]+ba/b/bv"}
    with YoutubeDL({**params, **server.ydl_params()}) as ydl:
        yield ydl


def extract(ydl, ytid=YTID):
    return ydl.extract_info(f"https://www.youtube.com/watch?v={ytid}", download=False)


def error_of(ydl):
    with pytest.raises(DownloadError) as caught:
        extract(ydl)
    return caught.value.exc_info[1]


def get(ydl, server, itag=134, **headers):
    url = f"{server.media_url}/videoplayback?id={YTID}&itag={itag}"
    return ydl.urlopen(Request(url, headers={name.title(): value for name, value in headers.items()}))


def test_the_offer_of_a_video_is_read_in_one_request(ydl, server, truth):
    info = extract(ydl)
    assert {f["format_id"]: f["filesize"] for f in info["formats"]} == {
        "134": truth.video.stat().st_size,
        "140": truth.audio.stat().st_size,
        "18": truth.both.stat().st_size,
    }
    assert [f["format_id"] for f in info["requested_formats"]] == ["134", "140"]
    assert info["duration"] == 40 and info["requested_formats"][0]["height"] == 180
    assert [(h.server, h.ytid, h.status) for h in server.requests()] == [("player", YTID, 200)]
    assert ydl.params["logger"].warnings == []


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_arrives_word_for_word(ydl, server, name):
    server.faults[YTID] = Fault("player", "message", message=name)
    error = error_of(ydl)
    _, *words = MESSAGES[name].split(" | ")
    assert error.orig_msg.startswith(BEGINNINGS.get(name, ". ".join(words)))
    assert type(error).__name__ == ("GeoRestrictedError" if name == "geo" else "ExtractorError")
    assert getattr(error, "countries", None) == (["DE", "FR"] if name == "geo" else None)
    assert error.expected and ydl.params["logger"].warnings == []
    assert len(server.requests(YTID)) == (2 if name == "age" else 1)


@pytest.mark.parametrize(("status", "requests"), [(403, 1), (404, 4), (429, 1), (500, 4), (503, 4)])
def test_a_status_of_the_player_is_told_in_a_warning_alone(ydl, server, status, requests):
    server.faults[YTID] = Fault("player", "status", status=status, retry_after_s=7)
    error = error_of(ydl)
    assert (error.orig_msg, error.cause) == ("Failed to extract any player response", None)
    told = f"{YTID}: Unable to download API page: HTTP Error {status}: {http.client.responses[status]}"
    assert told in ydl.params["logger"].warnings[-1]
    assert [h.status for h in server.requests(YTID)] == [status] * requests


def test_a_status_given_once_is_got_over(ydl, server):
    server.faults[YTID] = Fault("player", "status", status=503, times=1)
    assert extract(ydl)["id"] == YTID
    assert [h.status for h in server.requests(YTID)] == [503, 200]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("player", "stall"), "Unable to download API page: HTTPSConnectionPool"),
        (Fault("player", "stall", after_bytes=9), "Error reading response: HTTPSConnectionPool"),
        (Fault("player", "drip"), "Error reading response: HTTPSConnectionPool"),
        (Fault("player", "reset"), "Unable to download API page: ('Connection aborted.'"),
        (Fault("player", "truncated", after_bytes=9), "Error reading response: 9 bytes read"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_broken_answer_of_the_player_is_told_in_a_warning_alone(ydl, server, fault, words):
    server.faults[YTID] = fault
    ydl.params["extractor_retries"] = 0
    assert error_of(ydl).orig_msg == "Failed to extract any player response"
    assert words in ydl.params["logger"].warnings[-1]


def test_an_answer_for_another_video_looks_like_a_block(ydl, server):
    server.faults[YTID] = Fault("player", "other_video")
    assert "Your IP is likely being blocked" in error_of(ydl).orig_msg
    assert "got player responses for video" in ydl.params["logger"].warnings[-1]


def test_a_video_can_come_without_sound_or_without_anything(ydl, server):
    server.faults[YTID] = Fault("player", "formats", itags=(134,))
    assert [f["format_id"] for f in extract(ydl)["formats"]] == ["134"]
    server.faults[YTID] = Fault("player", "formats", itags=())
    assert error_of(ydl).orig_msg == "No video formats found!"


def test_the_whole_server_limits_goes_down_and_comes_back(ydl, server):
    server.rate_limited = True
    assert "rate-limited by YouTube" in error_of(ydl).orig_msg
    server.rate_limited, server.down = False, True
    assert error_of(ydl).orig_msg == "Failed to extract any player response"
    with pytest.raises(TransportError):
        get(ydl, server)
    server.down = False
    assert extract(ydl)["id"] == YTID


def test_ranges_are_answered_by_the_byte_and_logged(ydl, server, truth):
    data, size = truth.video.read_bytes(), truth.video.stat().st_size
    for header, expected in [
        ("bytes=0-8191", data[:8192]),
        ("bytes=100-", data[100:]),
        ("bytes=-7", data[-7:]),
        (f"bytes=100-{size + 99}", data[100:]),
    ]:
        with get(ydl, server, range=header) as response:
            assert (response.status, response.read()) == (206, expected)
            start = data.index(expected)
            assert response.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"
    with get(ydl, server) as response:
        assert (response.status, response.read()) == (200, data)
    with pytest.raises(HTTPError) as caught:
        get(ydl, server, range=f"bytes={size}-")
    assert caught.value.status == 416
    caught.value.close()
    assert server.bytes_sent(YTID) == 8192 + size + 7 + 2 * (size - 100)
    assert [h.status for h in server.requests(YTID, server="media")] == [206, 206, 206, 206, 200, 416]
    assert server.requests(YTID)[0].range == "bytes=0-8191" and server.requests(YTID)[0].itag == 134


def test_a_connection_serves_many_requests(server):
    server.faults["audio.m4a"] = Fault("media", "status", status=503, times=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.media_port)
    for method, path, status in [
        ("HEAD", "/files/both.mp4", 200),
        ("GET", "/files/nothing.mp4", 404),
        ("GET", "/files/audio.m4a", 503),
        ("GET", "/files/audio.m4a", 200),
        ("GET", "/files/..%2F..%2Fetc%2Fpasswd", 404),
        ("GET", "/files/both.mp4", 200),
    ]:
        connection.request(method, path)
        socket = connection.sock
        response = connection.getresponse()
        body = response.read()
        assert response.status == status and connection.sock is socket
    assert len(body) == server.bytes_sent("both.mp4") == int(response.headers["Content-Length"])
    connection.close()


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_a_status_of_the_media_is_an_error_with_a_number(ydl, server, status):
    server.faults[YTID] = Fault("media", "status", status=status, retry_after_s=7, itag=134, times=1)
    with get(ydl, server, 140) as response:
        assert response.status == 200
    with pytest.raises(HTTPError) as caught:
        get(ydl, server)
    assert (caught.value.status, caught.value.response.headers["Retry-After"]) == (status, "7")
    caught.value.close()
    with get(ydl, server) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("fault", "error", "sent"),
    [
        (Fault("media", "stall"), TransportError, 0),
        (Fault("media", "stall", after_bytes=5000), TransportError, 5000),
        (Fault("media", "drip"), TransportError, 1),
        (Fault("media", "reset"), TransportError, 0),
        (Fault("media", "reset", after_bytes=5000), TransportError, 5000),
        (Fault("media", "truncated", after_bytes=5000), IncompleteRead, 5000),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_media_that_break_off_are_errors(ydl, server, fault, error, sent):
    server.faults[YTID] = fault
    with pytest.raises(error), get(ydl, server, range="bytes=0-8191") as response:
        response.read()
    assert server.bytes_sent(YTID) == sent


def test_files_cut_short_or_without_packets_are_answered_as_if_whole(ydl, server, truth, tmp_path):
    server.faults[YTID] = [Fault("media", "cut", itag=18, times=1), Fault("media", "empty")]
    with get(ydl, server, 18) as response:
        assert response.read() == truth.both.read_bytes()[: truth.both.stat().st_size // 2]
    for itag in (134, 140, 18):
        (tmp_path / "empty.mp4").write_bytes(get(ydl, server, itag).read())
        with av.open(str(tmp_path / "empty.mp4")) as container:
            assert len(container.streams) == 1
            assert [p for p in container.demux() if p.size] == []


def test_a_server_can_ignore_ranges(ydl, server, truth):
    server.faults[YTID] = Fault("media", "ignore_range", skip=1)
    assert get(ydl, server, range="bytes=0-9").read() == truth.video.read_bytes()[:10]
    with get(ydl, server, range="bytes=0-9") as response:
        assert (response.status, response.read()) == (200, truth.video.read_bytes())


def test_large_and_open_requests_are_throttled(ydl, server, truth):
    server.throttle_over = 20_000
    started = time.monotonic()
    get(ydl, server, range="bytes=0-19999").read()
    unhindered = time.monotonic() - started
    get(ydl, server, range="bytes=0-20000").read()
    assert time.monotonic() - started > 0.5 > unhindered
    with suppress(TransportError), get(ydl, server, range="bytes=0-") as response:
        response.read(1)
    assert server.requests(YTID)[-1].sent < truth.video.stat().st_size / 2


def test_a_video_can_have_files_of_its_own(ydl, server, tmp_path):
    short = render(tmp_path, seconds=2, size=(320, 180))
    server.media[YTID] = Media(short.video, short.audio, short.both)
    assert extract(ydl)["duration"] == 2
    assert extract(ydl, "other_video")["duration"] == 40
    assert len(get(ydl, server).read()) == short.video.stat().st_size


def test_hls_gives_the_same_pictures(server, truth, tmp_path):
    server.hls.add(YTID)
    server.faults[YTID] = Fault("player", "formats", itags=())
    params = {"quiet": True, "noprogress": True, "format": "bv", "outtmpl": str(tmp_path / "got.mp4")}
    with YoutubeDL({**params, **server.ydl_params(hls=True), "fixup": "never"}) as ydl:
        assert {f["format_id"] for f in extract(ydl)["formats"]} == {"230", "234"}
        ydl.download([f"https://www.youtube.com/watch?v={YTID}"])
    head, listed = fragments(truth.video)
    segments = [h for h in server.requests(YTID) if h.itag == 134 and h.path.endswith(".mp4")]
    assert [h.sent for h in segments] == [head, *(size for _, size, _ in listed)]
    with av.open(str(tmp_path / "got.mp4")) as got, av.open(str(truth.video)) as source:
        assert sum(1 for _ in got.decode(video=0)) == sum(1 for _ in source.decode(video=0))


def test_faults_and_messages_are_checked():
    with pytest.raises(ValueError, match="no fault 'empty' at 'player'"):
        Fault("player", "empty")
    with pytest.raises(ValueError, match="no message 'gone'"):
        Fault("player", "message", message="gone")


def test_as_a_process_it_writes_its_ports_and_its_log(truth, tmp_path):
    ports, log = tmp_path / "ports.json", tmp_path / "log.jsonl"
    faults = json.dumps({YTID: [{"where": "player", "kind": "message", "message": "private"}]})
    command = [sys.executable, Path(loopback_youtube.__file__), "--media", truth.video.parent]
    command += ["--port-file", ports, "--log", log, "--faults", faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert json.loads(process.stdout.readline()) == json.loads(ports.read_text())
        params = ydl_params(json.loads(ports.read_text())["player"])
        with YoutubeDL({"quiet": True, "logger": Listener(), **params}) as ydl:
            assert error_of(ydl).orig_msg.startswith("Private video")
            url = extract(ydl, "other_video")["url"]
            ydl.urlopen(Request(url, headers={"Range": "bytes=0-99"})).read()
        deadline = time.monotonic() + 10
        while log.read_text().count("\n") < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.terminate()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["server"], line["ytid"], line["status"]) for line in lines] == [
        ("player", YTID, 200),
        ("player", "other_video", 200),
        ("media", "other_video", 206),
    ]
    assert lines[-1]["sent"] == 100 and urlsplit(url).path == lines[-1]["path"].partition("?")[0]
