"""Scratch of trainings: one run holds a folder, and nothing is left of it but what can be gone on from."""

import os
import time

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from flows.training_scratch import scratch_of


class BrokenOffError(Exception):
    """Stands for whatever ends a training early."""


@pytest.fixture
def place(tmp_path):
    return Workspace(tmp_path)


def break_off(place, name, *files):
    """A training that leaves its scratch; its folder."""
    with pytest.raises(BrokenOffError), scratch_of(place, place.models / f"{name}.safetensors") as folder:
        for file in files:
            (folder / file).write_text("of a run that broke off")
        raise BrokenOffError
    return folder


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def test_a_training_that_ends_leaves_nothing_and_one_that_breaks_off_its_progress(place):
    folder = break_off(place, "net", "progress", "train.arrow", ".val.arrow.7.0a")
    with scratch_of(place, place.models / "net.safetensors") as again:
        assert again == folder and left_in(again) == ["progress"]
    assert list(place.models.iterdir()) == []


def test_one_run_holds_a_training_and_others_go_on_beside_it(place):
    with scratch_of(place, place.models / "a.safetensors") as a:
        (a / "train.arrow").write_text("in use")
        with (
            pytest.raises(
                SetupError, match=r"a.safetensors is being trained by another run; wait for it, then"
            ),
            scratch_of(place, place.models / "a.safetensors"),
        ):
            pytest.fail("two runs held it")
        with scratch_of(place, place.models / "b.safetensors"):
            assert left_in(a) == ["train.arrow"]
        assert left_in(a) == ["train.arrow"]


def test_what_no_run_holds_is_swept_but_progress_of_the_last_thirty_days(place, capsys):
    young, old = (break_off(place, name, "progress", "train.arrow") for name in ("young", "old"))
    break_off(place, "never_began", "train.arrow")
    long_ago = time.time() - 31 * 86_400
    os.utime(old / "progress", (long_ago, long_ago))
    capsys.readouterr()
    with scratch_of(place, place.models / "net.safetensors") as own:
        assert {path for path in place.models.iterdir()} == {young, own}
        assert left_in(young) == ["progress"]
    told = capsys.readouterr().out
    assert f"{young} is of a training that was broken off: repeat its command within 30 days to go on" in told
    assert told.count("broken off") == 1


def test_its_own_progress_is_never_too_old(place):
    folder = break_off(place, "net", "progress")
    os.utime(folder / "progress", (0, 0))
    with scratch_of(place, place.models / "net.safetensors") as again:
        assert left_in(again) == ["progress"]
