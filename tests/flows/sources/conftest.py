"""One video of known pictures and sound, clips of it, and servers on the loopback interface that offer it."""

import pytest
from loopback_media import Media
from loopback_youtube import EVERY, LoopbackYouTube
from truth_media import frame_numbers, render

from audiosetzsl.manifest import Segment
from extractors.cutting import cut

FPS = 25


@pytest.fixture(scope="session")
def truth(tmp_path_factory):
    """40 s of film whose pictures tell their number."""
    return render(tmp_path_factory.mktemp("truth"), seconds=40, size=(320, 180), gop_s=2)


@pytest.fixture(scope="session")
def running(truth):
    media = Media(truth.video, truth.audio, truth.both)
    with LoopbackYouTube(media, files=truth.video.parent) as server:
        yield server


@pytest.fixture
def server(running):
    """The server, without faults, and with an empty log."""
    running.faults, running.media, running.hls = {}, {EVERY: running.media[EVERY]}, set()
    running.rate_limited, running.down, running.throttle_over = False, False, None
    running.hits.clear()
    return running


@pytest.fixture
def segment():
    """segment(start_s, end_s): one of a video."""

    def segment(start_s=30.0, end_s=40.0, ytid="-id_of_11ch", class_name="dog"):
        return Segment(f"{ytid}_{round(1000 * start_s)}", ytid, start_s, end_s, class_name)

    return segment


@pytest.fixture
def clip(truth):
    """clip(path, start_s, end_s): write a clip of the film."""

    def clip(path, start_s=30.0, end_s=40.0):
        path.parent.mkdir(parents=True, exist_ok=True)
        return cut([truth.both], path, float(start_s), float(end_s)).path

    return clip


@pytest.fixture
def numbers():
    """numbers(path): of the pictures of a clip, in order."""
    return lambda path: [number for _, number in frame_numbers(path)]


@pytest.fixture
def expected():
    """expected(start_s, end_s): numbers of the pictures that are on screen between two times."""
    return lambda start_s, end_s: list(range(int(start_s * FPS + 1e-6), int(end_s * FPS - 1e-6) + 1))
