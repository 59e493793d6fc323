"""Making way: nothing is lost by it, whatever comes in between: a full disk, another disk, another run."""

import os
import resource
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from small_shards import fill, planned

from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Kind
from audiosetzsl.shards.current import is_marked, mark
from audiosetzsl.shards.making_way import made_way
from audiosetzsl.shards.redo import Redo, Way
from flows.alone import alone


@pytest.fixture
def work(tmp_path):
    """A workspace, and what is to be made again in it: the first video shard, which can be read, and the second."""
    place, blocks = planned(tmp_path / "work")
    paths = fill(place, Kind.VIDEO, blocks[:2])
    redos = [
        Redo(Kind.VIDEO, path, "", way, True)
        for path, way in zip(paths, (Way.IN_PLACE, Way.ASIDE), strict=True)
    ]
    return place, redos


def contents(redos):
    return [redo.path.read_bytes() for redo in redos]


def test_a_full_disk_puts_no_half_copy_in_the_place_of_a_shard(work):
    """The shard is marked already: a repair before this one was killed."""
    place, [redo, _] = work
    mark(redo.path, redo.kind)
    before = contents([redo])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"), made_way(place, [redo]):
            raise AssertionError("it was not copied")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert contents([redo]) == before
    assert not (place.root / "set-aside").exists()


def test_nothing_is_touched_while_another_run_extracts(work):
    place, redos = work
    before = contents(redos)
    with (
        alone(place, "extract-features"),
        pytest.raises(
            SetupError, match=r"a run of extract-features is going on in .+; wait for it, and then rep"
        ),
        made_way(place, redos),
    ):
        raise AssertionError("made way under another run")
    assert contents(redos) == before and not (place.root / "set-aside").exists()


def test_another_run_that_has_begun_since_makes_what_is_to_be_made(work):
    """What it makes would be lost if an old shard were brought back over it."""
    place, redos = work
    before = contents(redos)
    with (
        ExitStack() as other,
        pytest.raises(SetupError, match=r"what it does not make again lies in .+set-aside"),
        made_way(place, redos) as aside,
    ):
        other.enter_context(alone(place, "extract-features"))
    assert is_marked(redos[0].path) and not redos[1].path.exists()
    assert [(aside / "video" / redo.path.name).read_bytes() for redo in redos] == before


def test_features_may_lie_on_another_disk(work):
    place, redos = work
    before = contents(redos)
    far = elsewhere(place.root)
    try:
        shutil.move(place.root / "features", far)
        (place.root / "features").symlink_to(far / "features")
        with made_way(place, redos) as aside:
            assert (aside / "video" / redos[1].path.name).read_bytes() == before[1]
            assert not redos[1].path.exists()
        assert contents(redos) == before and not aside.exists()
    finally:
        shutil.rmtree(far)


def elsewhere(root):
    """A folder on another disk than that of a workspace."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == root.stat().st_dev or not os.access(memory, os.W_OK):
        pytest.skip("there is no other disk to write to")
    return Path(tempfile.mkdtemp(dir=memory))
