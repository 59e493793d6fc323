"""Byte ranges against a real server: exact bytes, bounded requests, and an end in time whatever it does."""

import re
import threading
import time
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback_faults import Fault
from loopback_http import Server

from audiosetzsl.clips.verdicts import Verdict
from flows.sources.source import Refusal
from flows.youtube import byte_ranges
from flows.youtube.byte_ranges import LARGEST_REQUEST, BeyondEnd, NotThisWay, Persistence, retry_after_s
from flows.youtube.range_file import RangeFile

NAME = "both.mp4"


@pytest.fixture(scope="module")
def content(truth):
    return truth.both.read_bytes()


@pytest.fixture
def file(ranges):
    return ranges(NAME)


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


class Odd(BaseHTTPRequestHandler):
    """Answers with what a test puts into `answer`: status, headers, body."""

    protocol_version = "HTTP/1.1"

    def __init__(self, answer, *args):
        self.answer = answer
        super().__init__(*args)

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        status, headers, body = (
            self.answer["plan"].pop(0) if len(self.answer["plan"]) > 1 else self.answer["plan"][0]
        )
        self.answer["accepts"] = self.headers["Accept-Encoding"]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = "Content-Length" not in headers
        self.wfile.write(body)


@pytest.fixture
def odd(ranges):
    """odd(answer, ...): a file of a server that answers so, in turn and then like the last."""
    answer = {"plan": []}
    server = Server(("127.0.0.1", 0), partial(Odd, answer))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def odd(*plan):
        answer["plan"][:] = plan
        return ranges("odd", url=f"http://127.0.0.1:{server.server_port}/file")

    odd.answer = answer
    yield odd
    server.shutdown()
    server.server_close()


def answer(body, content_range=None, *, status=206, length=True, **headers):
    stated = {"Content-Length": len(body)} if length else {}
    ranged = {"Content-Range": content_range} if content_range else {}
    return status, {name: str(v) for name, v in {**stated, **ranged, **headers}.items()}, body


DATA = bytes(range(200)) * 2


def test_an_honest_server_of_this_kind_is_believed(odd):
    assert odd(answer(DATA[:100], "bytes 0-99/400")).stream.get(0, 100) == DATA[:100]
    assert odd.answer["accepts"] == "identity"
    assert odd(answer(DATA[:100], "bytes 0-99/400", length=False)).stream.get(0, 100) == DATA[:100]


def test_a_shorter_range_than_asked_for_is_taken_and_the_rest_asked_for(odd):
    plan = [answer(DATA[:60], "bytes 0-59/400"), answer(DATA[60:100], "bytes 60-99/400")]
    stream = odd(*plan).stream
    assert stream.get(0, 100) == DATA[:100] and stream.pulled_bytes == 100


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (answer(DATA[:200], "bytes 0-199/400"), "other ranges than it is asked for"),  # more
        (answer(DATA[10:110], "bytes 10-109/400"), "other ranges than it is asked for"),  # another
        (answer(DATA[:100], "bytes 300-399/400"), "other ranges than it is asked for"),
        (answer(b"", "bytes 0--1/400"), "sends no ranges"),
        (answer(DATA[:100], "bytes 0-99/50"), "other ranges than it is asked for"),  # behind its own end
        (answer(DATA[:150], "bytes 0-99/400"), "states a range and another length"),
        (answer(DATA[:50], "bytes 0-99/400"), "states a range and another length"),
        (answer(DATA[:150], "bytes 0-99/400", length=False), "sends more than the range that it states"),
        (answer(DATA[:100], "bytes 0-99/*"), "sends no ranges"),  # how large the file is has to be known
        (answer(DATA[:100], "bytes */400"), "sends no ranges"),
        (answer(DATA[:100], "items 0-99/400"), "sends no ranges"),
        (answer(DATA[:100]), "sends no ranges"),
        (answer(DATA[:100], "bytes 0-99/400", status=200), "sends no ranges"),
        (
            answer(DATA[:100], "bytes 0-99/400", **{"Content-Encoding": "gzip"}),
            "compresses, though it is asked not to",
        ),
    ],
)
def test_an_answer_that_is_not_the_range_asked_for_is_not_taken(odd, wrong, says):
    with pytest.raises(NotThisWay, match=says) as caught:
        odd(wrong).stream.get(0, 100)
    assert caught.value.status is None, "another way may do"


def test_a_file_that_changes_meanwhile_is_not_put_together(odd):
    stream = odd(answer(DATA[:100], "bytes 0-99/400"), answer(DATA[100:200], "bytes 100-199/401")).stream
    with pytest.raises(NotThisWay, match="the file changed while it was read"):
        stream.get(0, 200) if stream.get(0, 100) else None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (answer(DATA, status=200, length=False), "the whole file has an unknown number of bytes"),
        (answer(DATA, status=200, **{"Content-Encoding": "gzip"}), "compresses, though it is asked not to"),
    ],
)
def test_a_whole_file_of_no_known_size_is_not_taken(odd, wrong, says):
    with pytest.raises(NotThisWay, match=says):
        odd(wrong).stream.whole(1 << 20)


MOVES = st.lists(
    st.tuples(st.sampled_from(["set", "end", "cur"]), st.integers(-3000, 3000), st.integers(0, 9000)),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, chunk=st.sampled_from([1000, 4096, 1 << 16]), held=st.integers(2, 4))
def test_a_range_file_reads_as_the_file_itself_does(ranges, content, moves, chunk, held):
    file = ranges(NAME)
    reader = RangeFile(file.stream, chunk, held)
    size, at = len(content), 0
    for whence, offset, length in moves:
        origin = {"set": size // 2, "end": size, "cur": at}[whence]
        at = max(origin + offset, 0)
        how = {"set": (at, 0), "end": (at - size, 2), "cur": (at - reader.tell(), 1)}[whence]
        assert reader.seek(*how) == at == reader.tell()
        got = b"".join(iter(partial(reader.read, 0), b"")) if not length else _read(reader, length)
        assert got == content[at : at + length]
        at = reader.tell()
    assert len(reader._held) <= held
    assert file.stream.pulled_bytes <= chunk * (1 + sum(2 + length // chunk for *_, length in moves))


def _read(reader, length):
    pieces = []
    while length and (piece := reader.read(length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def test_a_range_file_holds_so_many_chunks_and_always_the_first(ranges, content):
    file = ranges(NAME)
    reader = RangeFile(file.stream, 1000, 3)
    for number in (5, 7, 9, 11, 7, 0, 5):
        reader.seek(1000 * number)
        assert reader.read(10) == content[1000 * number :][:10]
        assert len(reader._held) <= 3 and 0 in reader._held
    assert file.stream.pulled_bytes == 7000, "of these, 7 and 5 were no longer held"


def test_a_range_file_is_no_place_before_itself(ranges):
    reader = RangeFile(ranges(NAME).stream)
    with pytest.raises(ValueError, match="byte -1 comes before the file"):
        reader.seek(-1)
    assert reader.readable() and reader.seekable() and not reader.writable()
    assert reader.seek(10, 2) and reader.read(5) == b"", "beyond the end there is nothing"


def test_a_range_file_breaks_once(server, ranges):
    reader = RangeFile(ranges(NAME).stream, 1000)
    server.faults[NAME] = Fault("media", "status", status=403)
    reader.seek(5000)
    with pytest.raises(NotThisWay, match="HTTP 403"):
        reader.read(10)
    assert reader.read(10) == b"", "a demuxer reads on, and must not wait for the same again"
    assert len(server.requests(NAME)) == 2


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
