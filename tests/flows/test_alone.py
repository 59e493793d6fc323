"""One run of a command at a time works in a workspace; what the disk does not let it do is said."""

import errno
import os

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from flows.alone import alone


def test_a_second_run_is_refused_and_the_first_one_gives_the_workspace_back(tmp_path):
    place = Workspace(tmp_path)
    with (
        alone(place, "train-cjme"),
        alone(place, "extract-features"),  # another command stays free
        pytest.raises(
            SetupError, match=r"another run of train-cjme is going on in .*; wait for it, or use a wo"
        ),
        alone(place, "train-cjme"),
    ):
        raise AssertionError("two at once")
    with alone(place, "train-cjme"):
        pass


def test_a_workspace_that_is_not_there_is_said_and_not_made(tmp_path):
    with (
        pytest.raises(SetupError, match=r"wrok does not exist; check --workspace"),
        alone(Workspace(tmp_path / "wrok"), "train-cjme"),
    ):
        raise AssertionError("worked where nothing is")
    assert not (tmp_path / "wrok").exists()


@pytest.mark.parametrize(
    ("number", "says"), [(errno.EROFS, "cannot be written to"), (errno.ENOSPC, "no space is left for")]
)
def test_a_disk_that_takes_nothing_is_said(tmp_path, number, says):
    with pytest.raises(SetupError, match=says), alone(Workspace(tmp_path), "train-cjme"):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize(("number", "path"), [(errno.EIO, None), (errno.EACCES, "/elsewhere/words.txt")])
def test_other_trouble_stays_what_it_is(tmp_path, number, path):
    with pytest.raises(OSError, match=os.strerror(number)), alone(Workspace(tmp_path), "train-cjme"):
        raise OSError(number, os.strerror(number), path)
