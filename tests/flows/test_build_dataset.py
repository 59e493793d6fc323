"""Flow build-dataset, and its command: what is asked of the video network reaches it, or is refused at once."""

import inspect
from dataclasses import replace

import pytest
from heard_workspace import write_log_mels

from audiosetzsl.errors import SetupError, ShardError
from extractors.video.nets import default_config
from flows import build_dataset, pipelines
from flows.cli import pipelines as command_line
from flows.extract_features import Machines
from flows.pipelines import make_dataset
from flows.presets import PRESETS

WISHES = {"net": "s3d", "weights": "random", "precision": "bf16", "device": "cpu", "feeders": 2}


class Asked(Exception):
    """Holds what the stages were called with."""


def ask(*arguments, **named):
    raise Asked(inspect.signature(make_dataset).bind(*arguments, **named).arguments)


@pytest.mark.parametrize("door", ["flow", "command"])
def test_network_and_machines_can_be_asked_for_by_either_door(door, tmp_path, monkeypatch):
    monkeypatch.setattr(build_dataset, "make_dataset", ask)
    monkeypatch.setattr(pipelines, "make_dataset", ask)
    with pytest.raises(Asked) as asked:
        if door == "flow":
            build_dataset.build_dataset.fn(str(tmp_path), **WISHES)
        else:
            command_line.build_dataset(tmp_path, **WISHES)
    called = asked.value.args[0]
    assert called["settings"].video == replace(default_config("s3d"), weights="random:0", precision="bf16")
    assert called["machines"] == Machines("cpu", 2)


def test_what_cannot_be_had_is_said_before_weeks_of_fetching(tmp_path):
    with pytest.raises(SetupError, match="there is no network 'i4d', expected one of i3d"):
        command_line.build_dataset(tmp_path / "w", net="i4d")
    with pytest.raises(SetupError, match="--device cuda:99: expected cpu"):
        make_dataset(tmp_path / "w", PRESETS["demo"], machines=Machines("cuda:99"))
    assert not (tmp_path / "w").exists()


def test_features_of_another_configuration_are_told_before_weeks_of_fetching(tiny_workspace):
    place = write_log_mels(tiny_workspace)
    with pytest.raises(ShardError, match=r"part-00000\.parquet was made by configuration \w+, expected \w+"):
        make_dataset(place.root, PRESETS["demo"])
    assert not place.clips.exists()
