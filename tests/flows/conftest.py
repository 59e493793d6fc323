"""A workspace small enough to be built and trained on within a test, and a loopback YouTube to fetch from."""

from types import SimpleNamespace

import fault_storm
import pytest
from patient_fetch import asking
from truth_media import render

from audiosetzsl.classes import AUDIOSETZSL, ClassList
from audiosetzsl.selection.class_file import write_class_file
from flows.build_manifest import build_manifest

# Ten of each is the least that gives every split a query and something to find.
PER_CLASS = 10


@pytest.fixture
def tiny_workspace(tmp_path, write_audioset):
    """Two seen classes and one unseen, ten segments of three seconds each."""
    seen = [c for c in AUDIOSETZSL if c.seen][:2]
    classes = ClassList("tiny", (*seen, next(c for c in AUDIOSETZSL if not c.seen)))
    rows = [
        (f"{c.name[:3]:_<3}{number:08d}", 30.0, 33.0, [c.mid]) for c in classes for number in range(PER_CLASS)
    ]
    names = {c.mid: c.name for c in classes}
    lists = write_audioset(tmp_path / "audioset", {"unbalanced": rows}, names)
    workspace = tmp_path / "work"
    build_manifest(workspace, str(lists), write_class_file(classes, tmp_path / "tiny.toml"), any_lists=True)
    return workspace


@pytest.fixture(scope="session")
def film(tmp_path_factory):
    """60 s of film whose pictures tell their number."""
    return render(tmp_path_factory.mktemp("film"), seconds=60).video.parent


@pytest.fixture
def youtube(film, tmp_path):
    """`server`, `asking` it, and `storm(n)`: a workspace of n segments without faults."""
    with fault_storm.serve(film) as server:
        config = fault_storm.write_config(server, tmp_path / "yt-dlp.conf")

        def storm(n, seed=0):
            return fault_storm.make_storm(tmp_path / "work", server, n, seed, share=0.0)

        yield SimpleNamespace(server=server, asking=asking(config), config=config, storm=storm)
