"""One run at a time extracts in a workspace; what the disk does not let it do is said."""

import errno
import os

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from flows.extracting.alone import extracting


def test_a_second_run_is_refused_and_the_first_one_gives_the_workspace_back(tmp_path):
    place = Workspace(tmp_path)
    with (
        extracting(place),
        pytest.raises(SetupError, match=r"another run is extracting in .*wait for it, or use"),
        extracting(place),
    ):
        raise AssertionError("two at once")
    with extracting(place):
        pass


@pytest.mark.parametrize(
    ("number", "says"), [(errno.EROFS, "cannot be written to"), (errno.ENOSPC, "no space is left for")]
)
def test_a_disk_that_takes_nothing_is_said(tmp_path, number, says):
    with pytest.raises(SetupError, match=says), extracting(Workspace(tmp_path)):
        raise OSError(number, os.strerror(number))


def test_other_trouble_stays_what_it_is(tmp_path):
    with pytest.raises(OSError, match="Input/output error"), extracting(Workspace(tmp_path)):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
