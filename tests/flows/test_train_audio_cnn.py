"""Stage train-audio-cnn: on what it trains, what it leaves, how it goes on."""

import csv
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from heard_workspace import tone_of, write_log_mels

from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import load_manifest
from audiosetzsl.workspace import Workspace
from flows.presets import preset
from flows.settings import with_settings
from flows.train_audio_cnn import train_audio_cnn
from models.audio_cnn import AudioCnnTraining, load_audio_cnn

ROOT = Path(__file__).parents[2]
QUICK = AudioCnnTraining(crop_frames=128, batch_size=6, passes=2, settling_batches=1)
ONCE = replace(QUICK, passes=1)


def segments(place, split, seen):
    return load_manifest(place.manifest, split=split, seen=seen).segment_id.tolist()


def log_of(path):
    return list(csv.DictReader(path.with_suffix(".csv").read_text().splitlines()))


@pytest.fixture
def place(heard_place):
    return heard_place


def test_a_training_leaves_its_network_and_its_log_and_is_not_done_twice(place, capsys):
    path = train_audio_cnn(place.root, QUICK)
    assert sorted(file.name for file in place.models.iterdir()) == [f"{path.stem}.csv", path.name]
    seen = load_manifest(place.manifest, seen=True).class_name.unique()
    assert set(load_audio_cnn(path).class_names) == set(seen)
    rows = log_of(path)
    assert [row["number"] for row in rows] == ["1", "2"]
    assert all(0 <= float(row["val_map"]) <= 1 and float(row["seconds"]) > 0 for row in rows)
    assert "trained on 12 clips of seen classes" in capsys.readouterr().out
    stamp = path.stat().st_mtime_ns
    assert train_audio_cnn(place.root, QUICK) == path
    assert path.stat().st_mtime_ns == stamp
    assert "is trained already" in capsys.readouterr().out
    assert train_audio_cnn(place.root, ONCE) != path
    assert train_audio_cnn(place.root, ONCE, seed=1) != train_audio_cnn(place.root, ONCE)


def test_clips_of_unseen_classes_and_of_test_leave_no_trace(place, tmp_path):
    """Everything that must not be learnt from is another sound, and the network is the same to the byte."""
    other = Workspace(shutil.copytree(place.root, tmp_path / "other"))
    allowed = {*segments(other, "train", True), *segments(other, "val", True)}

    def noise_elsewhere(segment_id, class_name, split):
        heard = tone_of(segment_id, class_name, split)
        return heard if segment_id in allowed else heard * -7 + 20

    write_log_mels(other.root, noise_elsewhere, of_clips="others in every block")
    one, same = train_audio_cnn(place.root, ONCE), train_audio_cnn(other.root, ONCE)
    assert one.name == same.name
    assert one.read_bytes() == same.read_bytes()


def test_log_mels_that_were_replaced_are_learnt_anew_and_val_clips_teach_nothing(place):
    """The same segments with other sounds, and no word of it: in val only, so the figures say what each is for."""

    def noisy_val(segment_id, class_name, split):
        heard = tone_of(segment_id, class_name, split)
        return heard if split == "train" else heard * -7 + 20

    first = train_audio_cnn(place.root, ONCE)
    write_log_mels(place.root, noisy_val)
    anew = train_audio_cnn(place.root, ONCE)
    assert anew != first
    ours, theirs = log_of(first)[0], log_of(anew)[0]
    assert ours["loss"] == theirs["loss"] and ours["val_loss"] != theirs["val_loss"]


def test_without_val_clips_all_passes_are_made_and_that_is_said(place, capsys):
    write_log_mels(place.root, without=segments(place, "val", True))
    rows = log_of(train_audio_cnn(place.root, replace(QUICK, patience=1)))
    assert [(row["number"], row["val_map"]) for row in rows] == [("1", ""), ("2", "")]
    assert "no val clip is of a class trained on: all passes are made" in capsys.readouterr().out


def test_a_workspace_without_clips_to_learn_from_says_so(place):
    write_log_mels(place.root, without=segments(place, "train", True))
    with pytest.raises(
        SetupError, match="there is no log-mel to lay out; extract the features of some clips"
    ):
        train_audio_cnn(place.root, QUICK)
    with pytest.raises(SetupError, match="--device cuda:7: expected cpu, cuda"):
        train_audio_cnn(place.root, QUICK, device="cuda:7")


def test_a_training_that_diverges_leaves_no_network_and_nothing_to_go_on_from(place):
    wild = replace(ONCE, learning_rate=1e30, schedule="constant", batch_size=12)  # in the only step there is
    with pytest.raises(
        SetupError, match=r"diverged in pass 1 \(val_loss is nan\); lower learning_rate, now 1e"
    ):
        train_audio_cnn(place.root, wild)
    assert list(place.models.iterdir()) == []


@pytest.mark.slow
def test_a_training_that_is_killed_ends_in_the_same_bytes(place, tmp_path):
    whole = shutil.copytree(place.root, tmp_path / "whole")
    settings = ["crop_frames=128", "batch_size=6", "passes=4", "patience=4", "mixup=0.3", "time_masks=1"]
    words = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "flows", "train-audio-cnn", *words, "--workspace", str(place.root)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None and not list(place.models.glob("*.training/progress")):
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    assert not list(place.models.glob("*.safetensors"))
    training = with_settings(preset("paper").audio, settings)
    ours, theirs = (train_audio_cnn(root, training) for root in (place.root, whole))
    assert ours.read_bytes() == theirs.read_bytes()
    logs = [[{k: v for k, v in row.items() if k != "seconds"} for row in log_of(p)] for p in (ours, theirs)]
    assert logs[0] == logs[1] and len(logs[0]) == 4
    assert sorted(path.suffix for path in place.models.iterdir()) == [".csv", ".safetensors"]
