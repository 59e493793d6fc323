"""Byte ranges from an odd server: what is not the range that was asked for is not taken for it."""

import threading
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest
from loopback_http import Server

from flows.youtube.byte_ranges import NotThisWay

DATA = bytes(range(200)) * 2


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
