"""Stages train-audio-cnn and embed-audio: on what they train, what they leave, how they go on."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from heard_workspace import tone_of, write_log_mels
from same_process import Here

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.features import load_vectors
from audiosetzsl.manifest import class_list_of, load_manifest, read_manifest
from audiosetzsl.shards import Kind, Recipe, read_shard, recipe_of
from audiosetzsl.workspace import Workspace
from flows.embed_audio import embed_audio
from flows.train_audio_cnn import train_audio_cnn
from models.audio_cnn import AudioCnn, AudioCnnTraining, load_audio_cnn, save_audio_cnn

ROOT = Path(__file__).parents[2]
QUICK = AudioCnnTraining(crop_frames=128, batch_size=4, passes=2, settling_batches=1)


def segments(place, split, seen):
    return load_manifest(place.manifest, split=split, seen=seen).segment_id.tolist()


def log_of(path):
    return list(csv.DictReader(path.with_suffix(".csv").read_text().splitlines()))


@pytest.fixture
def place(tiny_workspace):
    return write_log_mels(tiny_workspace)


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


def test_clips_of_unseen_classes_and_of_test_leave_no_trace(tiny_workspace, tmp_path):
    """Everything that must not be learnt from is another sound, and the network is the same to the byte."""
    shutil.copytree(tiny_workspace, tmp_path / "other")
    place, other = write_log_mels(tiny_workspace), Workspace(tmp_path / "other")
    allowed = {*segments(other, "train", True), *segments(other, "val", True)}

    def noise_elsewhere(segment_id, class_name, split):
        heard = tone_of(segment_id, class_name, split)
        return heard if segment_id in allowed else heard * -7 + 20

    write_log_mels(other.root, noise_elsewhere)
    one, same = train_audio_cnn(place.root, QUICK), train_audio_cnn(other.root, QUICK)
    assert one.name == same.name
    assert one.read_bytes() == same.read_bytes()


def test_val_clips_choose_among_passes_and_teach_nothing(tiny_workspace, tmp_path):
    shutil.copytree(tiny_workspace, tmp_path / "other")
    place, other = write_log_mels(tiny_workspace), Workspace(tmp_path / "other")

    def noisy_val(segment_id, class_name, split):
        heard = tone_of(segment_id, class_name, split)
        return heard if split == "train" else heard * -7 + 20

    write_log_mels(other.root, noisy_val)
    ours, theirs = (log_of(train_audio_cnn(one.root, QUICK)) for one in (place, other))
    assert [row["loss"] for row in ours] == [row["loss"] for row in theirs]
    assert [row["val_loss"] for row in ours] != [row["val_loss"] for row in theirs]


def test_another_training_is_another_network(place):
    paths = {train_audio_cnn(place.root, QUICK), train_audio_cnn(place.root, QUICK, seed=1)}
    paths.add(train_audio_cnn(place.root, replace(QUICK, passes=1)))
    write_log_mels(place.root, recipe=Recipe("LogMelConfig", {"floor": 0.02}))
    paths.add(train_audio_cnn(place.root, QUICK))
    write_log_mels(place.root, without=segments(place, "train", True)[:1])
    paths.add(train_audio_cnn(place.root, QUICK))
    assert len(paths) == 5


def test_log_mels_that_a_broken_run_laid_out_are_not_taken_for_others(place):
    """It leaves its files; then the same clips are extracted in another way."""
    wild = replace(QUICK, learning_rate=1e30)
    with pytest.raises(SetupError, match="diverged"):
        train_audio_cnn(place.root, wild)
    left = sorted(path.name for path in place.models.glob("*.arrow"))
    assert [name.rpartition("-")[0] for name in left] == ["log_mels"] * 2

    def louder(*clip):
        return tone_of(*clip) + 1

    write_log_mels(place.root, louder, recipe=Recipe("LogMelConfig", {"floor": 0.02}))
    net = load_audio_cnn(train_audio_cnn(place.root, QUICK))
    rows = load_manifest(place.manifest, split="train", seen=True)
    heard = np.concatenate([louder(r.segment_id, r.class_name, r.split) for r in rows.itertuples()])
    np.testing.assert_allclose(net.mel_mean.numpy(), heard.mean(0), atol=0.01)


def test_without_val_clips_all_passes_are_made(place):
    write_log_mels(place.root, without=segments(place, "val", True))
    rows = log_of(train_audio_cnn(place.root, QUICK))
    assert [(row["number"], row["val_map"]) for row in rows] == [("1", ""), ("2", "")]


def test_a_workspace_without_clips_to_learn_from_says_so(place):
    write_log_mels(place.root, without=segments(place, "train", True))
    with pytest.raises(
        SetupError, match="there is no log-mel to lay out; extract the features of some clips"
    ):
        train_audio_cnn(place.root, QUICK)
    with pytest.raises(SetupError, match="--device cuda:7: expected cpu, cuda"):
        train_audio_cnn(place.root, QUICK, device="cuda:7")


@pytest.mark.slow
def test_a_training_that_is_killed_ends_in_the_same_bytes(place, tmp_path):
    shutil.copytree(place.root, tmp_path / "whole")
    settings = ["crop_frames=128", "batch_size=4", "passes=4", "patience=4", "mixup=0.3", "time_masks=1"]
    training = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "-m", "flows", "train-audio-cnn", *training, "--workspace"]
    subprocess.run([*command, str(tmp_path / "whole")], cwd=ROOT, check=True, capture_output=True)
    run = subprocess.Popen([*command, str(place.root)], cwd=ROOT, stderr=subprocess.DEVNULL)
    while run.poll() is None and not list(place.models.glob("*.progress")):
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    progress = next(place.models.glob("*.progress"))
    assert not progress.with_suffix(".safetensors").exists()
    subprocess.run([*command, str(place.root)], cwd=ROOT, check=True, capture_output=True, env=os.environ)
    ours = next(place.models.glob("*.safetensors"))
    theirs = Workspace(tmp_path / "whole").models / ours.name
    assert ours.read_bytes() == theirs.read_bytes()
    columns = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in log_of(p)] for p in (ours, theirs)
    ]
    assert columns[0] == columns[1] and len(columns[0]) == 4


@pytest.fixture
def checkpoint(place):
    return train_audio_cnn(place.root, replace(QUICK, passes=1))


def audio_rows(place):
    paths = sorted(place.features(Kind.AUDIO).glob("part-*.parquet"))
    return {row["segment_id"]: row for path in paths for row in read_shard(path, Kind.AUDIO).to_pylist()}


def test_every_clip_gets_the_vector_of_its_log_mel_and_keeps_what_is_known_of_it(place, checkpoint):
    lost = segments(place, "test", False)[:2]
    write_log_mels(place.root, without=lost)
    embed_audio(place.root, checkpoint, Here())
    rows, net = audio_rows(place), load_audio_cnn(checkpoint)
    assert len(rows) == 30
    for name in lost:
        assert (rows[name]["status"], rows[name]["reason"], rows[name]["vector"]) == (
            "unreadable",
            "broken",
            None,
        )
        assert rows[name]["duration_s"] == 0
    clips = load_vectors(place, [Kind.AUDIO], split="test", seen=None)
    assert len(clips) == 4
    for row, vector in zip(clips.rows.itertuples(), clips[Kind.AUDIO], strict=True):
        heard = np.round(tone_of(row.segment_id, row.class_name, row.split) * 256) / 256
        np.testing.assert_allclose(vector, net.embed(heard.astype(np.float16)), rtol=1e-5, atol=1e-6)
        assert rows[row.segment_id]["duration_s"] == 1.5


def test_shards_say_which_network_and_which_log_mels_made_them(place, checkpoint):
    embed_audio(place.root, checkpoint, Here())
    path = next(place.features(Kind.AUDIO).glob("part-*.parquet"))
    recipe = recipe_of(path)
    assert recipe.name == "AudioCnn"
    assert len(str(recipe.facts["checkpoint"])) == 64


def stamps(place):
    return {path.name: path.stat().st_mtime_ns for path in place.features(Kind.AUDIO).iterdir()}


def test_only_what_is_stale_is_embedded_anew(place, checkpoint):
    lost = segments(place, "test", True)[:1]
    write_log_mels(place.root, without=lost)
    embed_audio(place.root, checkpoint, Here())
    before = stamps(place)
    embed_audio(place.root, checkpoint, Here())
    assert stamps(place) == before
    write_log_mels(place.root)  # the same clips, and the one that failed is good by now
    embed_audio(place.root, checkpoint, Here())
    assert sum(before[name] != stamp for name, stamp in stamps(place).items()) == 1
    assert audio_rows(place)[lost[0]]["vector"] is not None
    before, other = stamps(place), train_audio_cnn(place.root, replace(QUICK, passes=1), seed=1)
    embed_audio(place.root, other, Here())
    assert not before.items() & stamps(place).items()


def test_weights_of_the_original_release_embed_too(place, tmp_path):
    torch.manual_seed(1)
    net = AudioCnn(("a", "b", "c"))
    state = {f"module.{name}": t for name, t in net.state_dict().items() if not name.startswith("mel_")}
    torch.save({"state_dict": state}, tmp_path / "original.pth")
    embed_audio(place.root, tmp_path / "original.pth", Here())
    row = load_vectors(place, [Kind.AUDIO], split="test", seen=True)
    name = row.rows.segment_id[0]
    heard = np.round(tone_of(name, row.rows.class_name[0], "test") * 256) / 256
    np.testing.assert_allclose(row[Kind.AUDIO][0], net.embed(heard.astype(np.float32)), rtol=1e-5, atol=1e-6)


def test_a_network_that_has_learnt_an_unseen_class_is_refused(place, tmp_path):
    unseen = next(c.name for c in class_list_of(read_manifest(place.manifest)) if not c.seen)
    net = save_audio_cnn(AudioCnn((unseen, "other")), tmp_path / "net.safetensors")
    with pytest.raises(
        SetupError, match=rf"has learnt {unseen}, which are unseen classes .*not be zero-shot"
    ):
        embed_audio(place.root, net, Here())


def test_what_cannot_be_embedded_says_why(place, checkpoint, tmp_path):
    part = sorted(place.features(Kind.LOG_MEL).iterdir())[1]
    part.rename(tmp_path / part.name)
    with pytest.raises(
        ShardError, match=r"1 of 3 blocks have no log-mels, the first is part-00001.parquet; run `python"
    ):
        embed_audio(place.root, checkpoint, Here())
    write_log_mels(place.root, lambda *clip: tone_of(*clip, n_mels=128), n_mels=128)
    with pytest.raises(
        SetupError, match=r"hears 64 mel bands, the log-mels have 128; train a network on them"
    ):
        embed_audio(place.root, checkpoint, Here())
