"""Stage extract-features: what is begun is gone on with; a killed process costs no more than its block."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from same_process import Here

from audiosetzsl.clips.ledger import read_ledger, write_ledger
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.shards import Kind, read_shard
from audiosetzsl.workspace import Workspace
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig
from flows.extract_features import Machines, extract_features
from flows.extracting.begun import as_begun
from flows.extracting.choosing import choose_video, with_weights
from flows.extracting.tally import FOLDER, tally_of
from flows.fetch_clips import fetch_clips
from flows.planning import plan_workspace
from flows.presets import preset
from flows.runner import Processes

ROOT = Path(__file__).parents[2]
TINY = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)
KINDS = (Kind.LOG_MEL, Kind.VIDEO)


@pytest.fixture
def place(tiny_workspace):
    """Thirty clips of three seconds in three blocks."""
    fetch_clips(tiny_workspace, block_size=10, runner=Here())
    return Workspace(tiny_workspace)


def parts(place):
    return {path: path.read_bytes() for path in sorted(place.root.rglob("features/*/part-*.parquet"))}


def stamps(place):
    return {path: path.stat().st_mtime_ns for path in parts(place)}


def test_features_of_another_configuration_are_refused(place):
    extract_features(place.root, TINY, Here())
    with pytest.raises(ShardError, match=r"video/part-00000.parquet was made by .*delete the folder"):
        extract_features(place.root, replace(TINY, size=16), Here())


def test_a_run_without_options_goes_on_as_it_was_begun(place):
    extract_features(place.root, TINY, Here())
    before, lost = parts(place), place.features(Kind.VIDEO) / "part-00001.parquet"
    lost.unlink()
    extract_features(place.root, runner=Here())
    assert parts(place) == before


def test_only_what_is_missing_is_made_again(place, capsys):
    extract_features(place.root, TINY, Here())
    assert "video features are stand-ins: random:0 (nothing was learned)" in capsys.readouterr().out
    before, lost = stamps(place), place.features(Kind.LOG_MEL) / "part-00002.parquet"
    lost.unlink()
    extract_features(place.root, TINY, Here())
    assert {path for path, stamp in stamps(place).items() if before[path] != stamp} == {lost}


def test_weights_that_are_not_there_are_said_before_anything_is_done(place, monkeypatch, tmp_path):
    monkeypatch.setenv("AZSL_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(SetupError, match=r"fetch-weights"):
        extract_features(place.root, runner=Here())
    assert not parts(place) and as_begun(place) is None


def test_weights_that_are_none_are_said_and_not_noted(place, tmp_path):
    (tmp_path / "i3d.pt").write_bytes(b"<html>not found</html>")
    with pytest.raises(SetupError, match=r"i3d\.pt"):
        extract_features(place.root, replace(TINY, weights=str(tmp_path / "i3d.pt")), Here())
    assert not parts(place) and as_begun(place) is None


def test_clips_may_be_deleted_once_their_features_are_there(place):
    extract_features(place.root, TINY, Here())
    before = stamps(place)
    shutil.rmtree(place.media)
    counts = extract_features(place.root, runner=Here())
    assert stamps(place) == before and counts[("video", "ok")] == 30


def test_features_whose_clips_are_lost_are_kept_where_a_block_has_to_be_made_again(place):
    """Fetching went on, and the disk had been cleared meanwhile."""
    ledger = place.clips / "part-00000.parquet"
    whole = read_ledger(ledger)
    write_ledger(whole.slice(0, 7), ledger)
    extract_features(place.root, TINY, Here())
    old = read_shard(place.features(Kind.VIDEO) / "part-00000.parquet", Kind.VIDEO)
    assert old["status"].to_pylist().count("ok") == 7
    for path in whole["path"].to_pylist()[:4]:
        (place.root / path).unlink()
    write_ledger(whole, ledger)
    assert extract_features(place.root, runner=Here())[("video", "ok")] == 30
    new = read_shard(place.features(Kind.VIDEO) / "part-00000.parquet", Kind.VIDEO)
    assert new["segment_id"].equals(old["segment_id"])
    lost = set(whole["segment_id"].to_pylist()[:4])
    for one, other in zip(old.to_pylist(), new.to_pylist(), strict=True):
        assert one["segment_id"] not in lost or one == other
    before = stamps(place)
    extract_features(place.root, runner=Here())
    assert stamps(place) == before


def test_a_number_of_feeders_that_is_none_is_said(place):
    with pytest.raises(SetupError, match=r"--feeders -1: expected 0 .* or more"):
        extract_features(place.root, TINY, Here(), machines=Machines(feeders=-1))


def test_a_damaged_note_of_what_was_begun_is_said(place):
    extract_features(place.root, TINY, Here())
    (place.root / "features" / "extractors.json").write_text("{")
    with pytest.raises(
        SetupError, match=r"extractors.json cannot be read .*name --preset, --net and --weights"
    ):
        extract_features(place.root, runner=Here())


def test_a_device_that_is_not_here_is_said(place):
    with pytest.raises(SetupError, match=r"--device cuda:99: expected cpu"):
        extract_features(place.root, TINY, Here(), machines=Machines("cuda:99"))


def test_sound_of_more_bands(place):
    extract_features(place.root, TINY, Here(), LogMelConfig(n_mels=128))
    table = read_shard(place.features(Kind.LOG_MEL) / "part-00000.parquet", Kind.LOG_MEL)
    assert table.schema.field("log_mel").type.value_type.list_size == 128


def test_the_network_that_options_ask_for(place, tmp_path):
    assert choose_video(place.root) is None
    assert choose_video(place.root, "demo") == preset("demo").video
    assert choose_video(place.root, weights="random") == replace(preset("paper").video, weights="random:0")
    assert choose_video(place.root, net="s3d", weights="random").net == "s3d"
    extract_features(place.root, TINY, Here())
    assert choose_video(place.root, precision="bf16") == replace(TINY, precision="bf16")
    assert choose_video(place.root, "paper", precision="bf16").size == 224


def test_a_file_of_weights_is_known_from_every_folder(tmp_path, monkeypatch):
    (tmp_path / "i3d.pt").touch()
    monkeypatch.chdir(tmp_path)
    assert with_weights("i3d.pt") == str((tmp_path / "i3d.pt").resolve())
    assert (with_weights("random"), with_weights("kinetics400"), with_weights(None)) == (
        "random:0",
        "kinetics400",
        None,
    )


@pytest.mark.slow
def test_feeders_of_a_device_give_what_a_single_process_gives(place):
    extract_features(place.root, TINY, Here())
    other = Workspace(place.root.parent / "other")
    shutil.copytree(place.root, other.root, ignore=shutil.ignore_patterns("features"))
    extract_features(other.root, TINY, machines=Machines(feeders=1))
    for one, two in zip(parts(place), parts(other), strict=True):
        kind = Kind(one.parent.name)
        tables = [read_shard(path, kind) for path in (one, two)]
        heads = ["segment_id", "status", "reason", "flags", "duration_s", "n_frames"]
        assert tables[0].select(heads).equals(tables[1].select(heads))


def die_once(function, flag, root, block):
    """What a worker does whose decoder crashes at the fourth clip of a block, the first time."""
    if block.number == 1 and not flag.exists():
        flag.touch()
        tally_of(root, block).begin(block.segment_ids[3])
        os.kill(os.getpid(), signal.SIGKILL)
    return function(block)


class Dying(Processes):
    """Two processes, one of which dies once."""

    def __init__(self, flag, root):
        super().__init__(2)
        self.flag, self.root = flag, root

    def map(self, name, function, blocks, meter=None, workers=None):
        return super().map(name, partial(die_once, function, self.flag, self.root), blocks, meter, workers)


@pytest.mark.slow
def test_a_process_that_dies_does_not_end_the_stage(place, tmp_path, capsys):
    counts = extract_features(place.root, TINY, Dying(tmp_path / "died", place.root))
    assert counts[("video", "ok")] == counts[("log_mel", "ok")] == 30
    fourth = plan_workspace(place)[1].segment_ids[3]
    said = capsys.readouterr().out
    assert "a process died" in said and fourth in said
    assert list((place.root / FOLDER).glob("*.json")) == []


def die_always(function, root, block):
    """What a worker does whose network dies at a clip, also where it is decoded apart."""
    tally_of(root, block).begin(block.segment_ids[3])
    os.kill(os.getpid(), signal.SIGKILL)


class Dead(Processes):
    def map(self, name, function, blocks, meter=None, workers=None):
        return super().map(name, partial(die_always, function, self.root), blocks[:1], meter, workers)


@pytest.mark.slow
def test_a_clip_that_no_process_survives_ends_the_stage_and_is_named(place):
    runner = Dead(1)
    runner.root = place.root
    with pytest.raises(
        SetupError, match=r"processes die at .*also with that clip decoded apart; perhaps memory"
    ):
        extract_features(place.root, TINY, runner)


@pytest.mark.slow
def test_a_stage_that_is_killed_goes_on_and_ends_alike(place):
    whole = Workspace(place.root.parent / "whole")
    shutil.copytree(place.root, whole.root)
    extract_features(whole.root, TINY, Here())
    command = [sys.executable, "-c", KILLED, str(place.root)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])}
    run = subprocess.Popen(command, start_new_session=True, env=environment, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list(place.features(Kind.VIDEO).glob("part-*.parquet")) and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    kept = stamps(place)
    assert 0 < len(kept) < 6
    extract_features(place.root, runner=Here())
    assert {path: stamps(place)[path] for path in kept} == kept
    assert list(parts(place).values()) == list(parts(whole).values())


KILLED = """
import sys
from pathlib import Path
from same_process import Here
from extractors.video.nets import VideoConfig
from flows.extract_features import extract_features

TINY = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)
extract_features(Path(sys.argv[1]), TINY, Here())
"""
