"""A workspace small enough to be built and trained on within a test; films, and loopback YouTubes that offer them."""

import shutil
from types import SimpleNamespace

import fault_storm
import pytest
from heard_workspace import write_log_mels
from loopback_media import Media
from loopback_youtube import EVERY, LoopbackYouTube
from patient_fetch import asking
from truth_media import render

from audiosetzsl.classes import AUDIOSETZSL, ClassList
from audiosetzsl.selection.class_file import write_class_file
from audiosetzsl.workspace import Workspace
from flows.build_manifest import build_manifest

# Ten of each is the least that gives every split a query and something to find.
PER_CLASS = 10


@pytest.fixture(scope="session")
def tiny_built(tmp_path_factory, write_audioset):
    """What `tiny_workspace` is a copy of."""
    seen = [c for c in AUDIOSETZSL if c.seen][:2]
    classes = ClassList("tiny", (*seen, next(c for c in AUDIOSETZSL if not c.seen)))
    rows = [
        (f"{c.name[:3]:_<3}{number:08d}", 30.0, 33.0, [c.mid]) for c in classes for number in range(PER_CLASS)
    ]
    names = {c.mid: c.name for c in classes}
    folder = tmp_path_factory.mktemp("tiny")
    lists = write_audioset(folder / "audioset", {"unbalanced": rows}, names)
    class_file = write_class_file(classes, folder / "tiny.toml")
    build_manifest(folder / "work", str(lists), class_file, any_lists=True)
    return folder / "work"


@pytest.fixture
def tiny_workspace(tiny_built, tmp_path):
    """Two seen classes and one unseen, ten segments of three seconds each."""
    return shutil.copytree(tiny_built, tmp_path / "work")


@pytest.fixture(scope="session")
def heard_built(tiny_built, tmp_path_factory):
    """What `heard_place` is a copy of."""
    return write_log_mels(shutil.copytree(tiny_built, tmp_path_factory.mktemp("heard") / "work"))


@pytest.fixture
def heard_place(heard_built, tmp_path):
    """The tiny workspace with log-mels of tones."""
    return Workspace(shutil.copytree(heard_built.root, tmp_path / "heard"))


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """Folder of a minute of film whose pictures tell their number: what a storm fetches from."""
    return render(tmp_path_factory.mktemp("film"), seconds=fault_storm.ENDS_S).video.parent


@pytest.fixture
def youtube(film, tmp_path):
    """`server`, `asking` it, and `storm(n)`: a workspace of n segments without faults."""
    with fault_storm.serve(film) as server:
        config = fault_storm.write_config(server, tmp_path / "yt-dlp.conf")

        def storm(n, seed=0):
            return fault_storm.make_storm(tmp_path / "work", server, n, seed, share=0.0)

        yield SimpleNamespace(server=server, asking=asking(config), config=config, storm=storm)


@pytest.fixture(scope="session")
def truth(tmp_path_factory):
    """40 s of a smaller film, with a key frame every two seconds."""
    return render(tmp_path_factory.mktemp("truth"), seconds=40, size=(320, 180), gop_s=2)


@pytest.fixture(scope="session")
def running(truth):
    """A YouTube whose every video is that film, and a server of its files; `server` is the same, cleared."""
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
