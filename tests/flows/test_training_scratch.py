"""Scratch of trainings: one run holds a folder, and nothing is left of it but what can be gone on from."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.files import locked
from audiosetzsl.workspace import Workspace
from flows.training_scratch import scratch_of


class BrokenOffError(Exception):
    """Stands for whatever ends a training early."""


@pytest.fixture
def place(tmp_path):
    return Workspace(tmp_path)


def network(place, name):
    return place.models / f"{name}.safetensors"


def break_off(place, name, *files):
    """A training that ends in an error; its folder."""
    with pytest.raises(BrokenOffError), scratch_of(place, network(place, name)) as folder:
        for file in files:
            (folder / file).write_text("of a run that broke off")
        raise BrokenOffError
    return folder


def killed(place, name, *files):
    """What a training leaves that had no time to end; its folder."""
    folder = network(place, name).with_suffix(".training")
    folder.mkdir(parents=True)
    for file in ("lock", *files):
        (folder / file).write_text("of a run that was killed")
    return folder


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "lock")


def test_a_training_leaves_its_network_or_its_progress_and_never_the_log_mels(place):
    folder = break_off(place, "net", "progress", "train.arrow", ".val.arrow.7.0a")
    assert left_in(folder) == ["progress"]
    with scratch_of(place, network(place, "net")) as again:
        assert again == folder and left_in(again) == ["progress"]
        network(place, "net").write_text("trained")
    assert list(place.models.iterdir()) == [network(place, "net")]
    assert not break_off(place, "diverged", "train.arrow").exists()  # no progress: nothing to go on from


def test_one_run_holds_a_training_and_others_go_on_beside_it(place):
    with scratch_of(place, network(place, "a")) as a:
        (a / "train.arrow").write_text("in use")
        with (
            pytest.raises(
                SetupError, match=r"a.safetensors is being trained by another run; wait for it, then"
            ),
            scratch_of(place, network(place, "a")),
        ):
            pytest.fail("two runs held it")
        with scratch_of(place, network(place, "b")):
            assert left_in(a) == ["train.arrow"]
        assert left_in(a) == ["train.arrow"]


def test_a_network_that_is_there_is_taken_though_its_run_still_clears_up(place):
    def ask():
        with scratch_of(place, network(place, "net")) as scratch:
            return scratch

    with ThreadPoolExecutor(1) as other_run, scratch_of(place, network(place, "net")) as folder:
        with locked(place.root / ".training"):
            asked = other_run.submit(ask)  # it finds no network, and waits for its turn
            time.sleep(0.05)
            network(place, "net").write_text("trained")
        assert asked.result() is None
        assert ask() is None
        assert folder.is_dir()
    assert list(place.models.iterdir()) == [network(place, "net")]


def test_what_no_run_holds_is_swept_but_progress_of_the_last_thirty_days(place, capsys):
    young, old = (killed(place, name, "progress", "train.arrow") for name in ("young", "old"))
    killed(place, "never_began", "train.arrow")
    killed(place, "trained", "progress")
    network(place, "trained").write_text("trained")
    long_ago = time.time() - 31 * 86_400
    os.utime(old / "progress", (long_ago, long_ago))
    with scratch_of(place, network(place, "net")) as own:
        assert set(place.models.iterdir()) == {young, own, network(place, "trained")}
        assert left_in(young) == ["progress"]
    told = capsys.readouterr().out
    assert f"{young} is of a training that was broken off: repeat its command within 30 days to go on" in told
    assert told.count("broken off") == 1


def test_halves_of_files_are_swept_but_those_that_a_run_may_be_writing(place):
    with scratch_of(place, network(place, "audio_cnn-a")):
        names = [".audio_cnn-a.csv.7.0a", ".audio_cnn-b.csv.7.0a", ".audio_cnn-c.safetensors.7.0a"]
        for name in [*names, ".cjme-a.safetensors.7.0a"]:
            (place.models / name).write_text("half")
        with scratch_of(place, network(place, "audio_cnn-b")):
            halves = sorted(path.name for path in place.models.glob(".*"))
            assert halves == [".audio_cnn-a.csv.7.0a", ".cjme-a.safetensors.7.0a"]


def test_its_own_progress_is_never_too_old(place):
    folder = killed(place, "net", "progress")
    os.utime(folder / "progress", (0, 0))
    with scratch_of(place, network(place, "net")) as again:
        assert left_in(again) == ["progress"]
