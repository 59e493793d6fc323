"""Byte ranges against a real server: exact bytes, bounded requests, and an end in time whatever it does."""

import re
import socket
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback_faults import Fault
from yt_dlp.networking.exceptions import TransportError

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal
from flows.youtube import byte_ranges
from flows.youtube.byte_ranges import (
    LARGEST_REQUEST,
    BeyondEnd,
    ByteRanges,
    NotThisWay,
    Persistence,
    retry_after_s,
)
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session

NAME = "both.mp4"


class CurlError(OSError):
    """As those of curl_cffi: a number says what it is."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


@pytest.fixture
def file(ranges):
    return ranges(NAME)


@pytest.fixture
def unused_port():
    """A port of this machine at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_bytes_are_exact_and_counted(file, content):
    size = len(content)
    for start, stop in [(0, 1), (0, 100), (5000, 90_000), (size - 10, size), (size - 10, size + 5000)]:
        assert file.stream.get(start, stop) == content[start:stop]
    assert file.stream.size == size
    assert file.stream.get(size, size + 10) == b"", "the size is known by now"
    assert file.stream.pulled_bytes == file.sent()


def test_the_beginning_is_pulled_once(file, content):
    assert file.stream.get(0, 1000) == content[:1000]
    assert file.stream.get(0, 3000) == content[:3000]
    assert file.stream.get(500, 2000) == content[500:2000]
    assert file.stream.get(2500, 4000) == content[2500:4000]
    assert [hit.range for hit in file.log()] == ["bytes=0-999", "bytes=1000-2999", "bytes=3000-3999"]


def test_no_request_is_large_or_without_an_end(file, content, monkeypatch):
    monkeypatch.setattr(byte_ranges, "LARGEST_REQUEST", 50_000)
    assert file.stream.get(10, 220_010) == content[10:220_010]
    asked = [list(map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", hit.range).groups())) for hit in file.log()]
    assert [last + 1 - first for first, last in asked] == [50_000] * 4 + [20_000]


def test_the_largest_request_is_below_what_youtube_slows_down():
    assert LARGEST_REQUEST < 10 << 20


def test_one_503_is_got_over(server, file, content):
    server.faults[NAME] = Fault("media", "status", status=503, times=1)
    assert file.stream.get(0, 1000) == content[:1000]
    assert [hit.status for hit in file.log()] == [503, 206]


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_that_stays_down_is_given_up_after_so_many_tries(server, file, status):
    server.faults[NAME] = Fault("media", "status", status=status)
    with pytest.raises(Refusal, match=rf"^HTTP {status}, 3 times in a row$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.reason == Verdict.MEDIA_HTTP and len(file.log()) == 3


def test_a_short_retry_after_is_waited_for(server, file, content):
    server.faults[NAME] = Fault("media", "status", status=503, retry_after_s=1, times=1)
    began_s = time.monotonic()
    assert file.stream.get(0, 1000) == content[:1000]
    assert time.monotonic() - began_s >= 1


def test_a_long_retry_after_is_for_another_day(server, file):
    server.faults[NAME] = Fault("media", "status", status=503, retry_after_s=600)
    with pytest.raises(Refusal, match=r"^HTTP 503; asks for 600 s of rest$") as caught:
        file.stream.get(0, 1000)
    assert (caught.value.reason, caught.value.retry_after_s) == (Verdict.MEDIA_HTTP, 600)
    assert len(file.log()) == 1


def test_no_wait_goes_beyond_the_deadline(server, ranges):
    server.faults[NAME] = Fault("media", "status", status=503, retry_after_s=2)
    file = ranges(NAME, within_s=1.0)
    began_s = time.monotonic()
    with pytest.raises(Refusal, match=r"^HTTP 503; out of time$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.reason == Verdict.MEDIA_HTTP and time.monotonic() - began_s < 0.9


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_that_will_stay_is_not_repeated(server, file, status):
    server.faults[NAME] = Fault("media", "status", status=status)
    with pytest.raises(NotThisWay, match=rf"^HTTP {status}$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.status == status and len(file.log()) == 1


def test_429_is_about_us_and_says_how_long(server, file):
    server.faults[NAME] = Fault("media", "status", status=429, retry_after_s=90)
    with pytest.raises(Refusal, match=r"^HTTP 429 for media$") as caught:
        file.stream.get(0, 1000)
    assert (caught.value.reason, caught.value.retry_after_s) == (Verdict.RATE_LIMITED, 90)
    assert len(file.log()) == 1


def test_a_range_behind_the_file_is_beyond_its_end(file, content):
    with pytest.raises(BeyondEnd, match=r"^HTTP 416$"):
        file.stream.get(len(content) + 10, len(content) + 20)


def test_an_empty_file_is_beyond_its_end(server, file):
    server.faults[NAME] = Fault("media", "cut", after_bytes=0)
    with pytest.raises(BeyondEnd):
        file.stream.get(0, 10)


def test_a_server_that_ignores_ranges_is_told_by_its_answer(server, file):
    server.faults[NAME] = Fault("media", "ignore_range")
    with pytest.raises(NotThisWay, match=r"^the server sends no ranges$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.status is None


def test_a_reset_in_the_middle_resumes_from_where_it_was(server, file, content):
    server.faults[NAME] = Fault("media", "reset", after_bytes=70_000, times=2)
    assert file.stream.get(0, 300_000) == content[:300_000]
    firsts = [int(re.match(r"bytes=(\d+)", hit.range)[1]) for hit in file.log()]
    # What was on its way when the connection broke may be lost.
    assert firsts[0] == 0 and firsts == sorted(firsts) and len(firsts) == 3
    assert firsts[-1] <= 140_000
    assert 300_000 <= file.stream.pulled_bytes <= file.sent()


def test_whoever_sends_something_each_time_is_not_given_up(server, file, content):
    server.faults[NAME] = Fault("media", "truncated", after_bytes=10_000)
    assert file.stream.get(0, 90_000) == content[:90_000]
    assert [hit.sent for hit in file.log()] == [10_000] * 9
    assert file.stream.pulled_bytes == file.sent() == 90_000


@pytest.mark.parametrize("kind", ["reset", "truncated"])
def test_whoever_sends_nothing_new_is_given_up(server, file, kind):
    server.faults[NAME] = Fault("media", kind, after_bytes=0)
    with pytest.raises(Refusal, match=r"^the connection broke \(\w+\), 3 times in a row$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.reason == Verdict.TRUNCATED and len(file.log()) == 3


def test_whoever_does_not_answer_at_all_sends_no_media(server, file):
    server.faults[NAME] = Fault("media", "reset")
    with pytest.raises(Refusal, match=r"^no answer \(\w+\), 3 times in a row$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.reason == Verdict.MEDIA_HTTP and len(file.log()) == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_refuses_the_connection_sends_no_media(ranges, unused_port, scheme):
    file = ranges(NAME, url=f"{scheme}://127.0.0.1:{unused_port}/{NAME}")
    for ask in (lambda: file.stream.get(0, 1000), lambda: file.stream.whole(1 << 30)):
        with pytest.raises(Refusal, match=r"^no answer \(NewConnectionError\), 3 times in a row$") as caught:
            ask()
        assert caught.value.reason == Verdict.MEDIA_HTTP


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_is_not_there_sends_no_media(server, unused_port, scheme):
    session = Session(YtDlpOptions({"proxy": f"{scheme}://user:s3cret@127.0.0.1:{unused_port}"}))
    url = f"{server.media_url}/files/{NAME}"
    stream = ByteRanges(session.open, url, {}, time.monotonic() + 10, Persistence(tries=2, first_wait_s=0.01))
    with pytest.raises(Refusal, match=r"^no answer \(\w+\), 2 times in a row$") as caught:
        stream.get(0, 1000)
    assert caught.value.reason == Verdict.MEDIA_HTTP
    session.close()


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (CurlError("(28) took too long", code=28), Verdict.STALLED),
        (CurlError("(7) refused", code=7), Verdict.MEDIA_HTTP),
        ("in words alone", Verdict.MEDIA_HTTP),
    ],
)
def test_errors_of_whatever_sends_the_requests_are_told_apart(cause, verdict):
    def broken(url, headers):
        raise TransportError(cause=cause)

    stream = ByteRanges(broken, "http://host/", {}, time.monotonic() + 10, Persistence(tries=1))
    with pytest.raises(Refusal, match=r"1 times in a row$") as caught:
        stream.get(0, 1000)
    assert caught.value.reason == verdict


@pytest.mark.parametrize("after_bytes", [None, 0])
def test_a_stall_is_a_stall(server, file, after_bytes):
    server.faults[NAME] = Fault("media", "stall", after_bytes=after_bytes)
    began_s = time.monotonic()
    with pytest.raises(Refusal, match=r"^the connection broke \(\w*Time\w*\)") as caught:
        file.stream.get(0, 1000)
    assert caught.value.reason == Verdict.STALLED
    assert time.monotonic() - began_s < 4, "three times the time-out of the socket"


def test_a_drip_is_given_up_at_the_deadline_and_not_when_it_is_done(server, ranges):
    server.faults[NAME] = Fault("media", "drip", bytes_per_s=20)
    file = ranges(NAME, within_s=1.0, persistence=Persistence(clip_s=1.0))
    began_s = time.monotonic()
    with pytest.raises(Refusal, match=r"^\d+ bytes within 1 s, and not whole$") as caught:
        file.stream.get(0, 1000)
    assert caught.value.reason == Verdict.STALLED
    assert 0.9 < time.monotonic() - began_s < 2
    assert 5 < file.stream.pulled_bytes < 60


def test_a_whole_file_needs_no_ranges(server, file, content):
    server.faults[NAME] = Fault("media", "ignore_range")
    assert file.stream.whole(len(content)) == content
    assert [hit.range for hit in file.log()] == [None]
    assert file.stream.pulled_bytes == file.sent() == len(content)


def test_a_whole_file_that_is_too_large_is_not_begun(file, content):
    with pytest.raises(NotThisWay, match=rf"^the whole file has {len(content)} bytes$"):
        file.stream.whole(len(content) - 1)
    assert file.stream.pulled_bytes == 0


def test_a_whole_file_is_begun_anew_where_the_connection_broke(server, file, content):
    broken = Fault("media", "truncated", after_bytes=30_000, times=1)
    server.faults[NAME] = [broken, Fault("media", "status", status=503, times=1)]
    assert file.stream.whole(1 << 30) == content
    assert [hit.sent for hit in file.log() if hit.status == 200] == [30_000, len(content)]
    assert file.stream.pulled_bytes == len(content) + 30_000


def test_a_whole_file_that_never_comes_whole_is_given_up(server, file):
    server.faults[NAME] = Fault("media", "truncated", after_bytes=30_000)
    with pytest.raises(Refusal, match=r"3 times in a row$") as caught:
        file.stream.whole(1 << 30)
    assert caught.value.reason == Verdict.TRUNCATED


def test_a_whole_file_is_refused_as_its_ranges_are(server, file):
    server.faults[NAME] = Fault("media", "status", status=403)
    with pytest.raises(NotThisWay, match=r"^HTTP 403$") as caught:
        file.stream.whole(1 << 30)
    assert caught.value.status == 403


def test_retry_after_is_a_number_of_seconds_or_a_date():
    assert retry_after_s("7") == 7 and retry_after_s(" 120 ") == 120
    assert retry_after_s(formatdate(time.time() + 60, usegmt=True)) == pytest.approx(60, abs=2)
    assert retry_after_s(formatdate(time.time() + 60).removesuffix(" -0000")) == pytest.approx(60, abs=2)
    assert retry_after_s("Sun, 06 Nov 1994 08:49:37 GMT") == 0, "long ago"
    assert retry_after_s("9" * 400) < 1e10
    assert [retry_after_s(text) for text in (None, "", "-5", "1.5", "soon", "Fri, 99 Jan")] == [None] * 6


@given(st.text())
def test_whatever_the_header_says_it_is_seconds_or_nothing(text):
    seconds = retry_after_s(text)
    assert seconds is None or 0 <= seconds < float("inf")
