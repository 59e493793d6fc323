"""Sessions of yt-dlp that ask the YouTube on the loopback interface, and byte ranges of its files."""

import time
from types import SimpleNamespace

import pytest

from flows.youtube.byte_ranges import ByteRanges, Persistence
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session

# Everything that is waited for is waited for briefly.
HASTY = Persistence(tries=3, first_wait_s=0.01, longest_wait_s=2.0, clip_s=10.0)


@pytest.fixture
def session(server):
    session = Session(YtDlpOptions({**server.ydl_params(), "socket_timeout": 0.5, "extractor_retries": 0}))
    yield session
    session.close()


@pytest.fixture
def streaming(server):
    """A session that reads HLS manifests too."""
    session = Session(YtDlpOptions({**server.ydl_params(hls=True), "socket_timeout": 0.5}))
    yield session
    session.close()


@pytest.fixture(scope="session")
def content(truth):
    """Bytes of both.mp4."""
    return truth.both.read_bytes()


@pytest.fixture
def ranges(server, session):
    """ranges("both.mp4"): a file of the server, and the server's log of it."""

    def ranges(name="both.mp4", *, within_s=10.0, persistence=HASTY, url=None):
        stream = ByteRanges(
            session.open,
            url or f"{server.media_url}/files/{name}",
            {},
            time.monotonic() + within_s,
            persistence,
        )
        return SimpleNamespace(
            stream=stream, log=lambda: server.requests(name), sent=lambda: server.bytes_sent(name)
        )

    return ranges
