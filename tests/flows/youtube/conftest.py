"""One video of known pictures and sound, and a YouTube on the loopback interface that offers it."""

import time
from types import SimpleNamespace

import pytest
from loopback_media import Media
from loopback_youtube import EVERY, LoopbackYouTube
from truth_media import render

from flows.youtube.byte_ranges import ByteRanges, Persistence
from flows.youtube.options import YtDlpOptions
from flows.youtube.session import Session

YTID = "-id_of_11ch"
# Everything that is waited for is waited for briefly.
HASTY = Persistence(tries=3, first_wait_s=0.01, longest_wait_s=2.0, clip_s=10.0)


@pytest.fixture(scope="session")
def truth(tmp_path_factory):
    return render(tmp_path_factory.mktemp("truth"), seconds=40, size=(320, 180), gop_s=2)


@pytest.fixture(scope="session")
def running(truth):
    media = Media(truth.video, truth.audio, truth.both)
    with LoopbackYouTube(media, files=truth.video.parent) as server:
        yield server


@pytest.fixture
def server(running):
    running.faults, running.media, running.hls = {}, {EVERY: running.media[EVERY]}, set()
    running.rate_limited, running.down, running.throttle_over = False, False, None
    running.hits.clear()
    return running


@pytest.fixture
def session(server):
    session = Session(YtDlpOptions({**server.ydl_params(), "socket_timeout": 0.5, "extractor_retries": 0}))
    yield session
    session.close()


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
