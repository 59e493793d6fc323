"""Stage extract-features: what is begun is gone on with; a killed process costs no more than its block."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from same_process import Here

from audiosetzsl.clips.ledger import LEDGER, read_ledger, write_ledger
from audiosetzsl.clips.verdicts import Verdict
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
from flows.sample_manifest import sample_manifest

ROOT = Path(__file__).parents[2]
TINY = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)
KINDS = (Kind.LOG_MEL, Kind.VIDEO)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory, tiny_built):
    """Twelve clips of three seconds in three blocks."""
    workspace = tmp_path_factory.mktemp("fetched") / "work"
    sample_manifest(workspace, Workspace(tiny_built).manifest, per_class=3)
    fetch_clips(workspace, block_size=4, runner=Here())
    return workspace


@pytest.fixture(scope="module")
def extracted(fetched, tmp_path_factory):
    """The same, and their features."""
    workspace = tmp_path_factory.mktemp("extracted") / "work"
    shutil.copytree(fetched, workspace)
    extract_features(workspace, TINY, Here())
    return workspace


@pytest.fixture
def place(fetched, tmp_path):
    """A copy of the clips, for a test to spoil."""
    return Workspace(shutil.copytree(fetched, tmp_path / "work"))


@pytest.fixture
def done(extracted, tmp_path):
    """A copy with features."""
    return Workspace(shutil.copytree(extracted, tmp_path / "work"))


def parts(place):
    return {path: path.read_bytes() for path in sorted(place.root.rglob("features/*/part-*.parquet"))}


def stamps(place):
    return {path: path.stat().st_mtime_ns for path in parts(place)}


def test_features_of_another_configuration_are_refused(done):
    with pytest.raises(ShardError, match=r"video/part-00000.parquet was made by .*delete the folder"):
        extract_features(done.root, replace(TINY, size=16), Here())


def test_a_run_without_options_goes_on_as_it_was_begun_and_makes_only_what_is_missing(done, capsys):
    whole, before, lost = parts(done), stamps(done), done.features(Kind.VIDEO) / "part-00001.parquet"
    lost.unlink()
    extract_features(done.root, runner=Here())
    assert "video features are stand-ins: random:0 (nothing was learned)" in capsys.readouterr().out
    assert {path for path, stamp in stamps(done).items() if before[path] != stamp} == {lost}
    assert parts(done) == whole


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


def test_clips_may_be_deleted_once_their_features_are_there(done):
    before = stamps(done)
    shutil.rmtree(done.media)
    counts = extract_features(done.root, runner=Here())
    assert stamps(done) == before and counts[("video", "ok")] == 12


def rows_of(place, kind):
    return read_shard(place.features(kind) / "part-00000.parquet", kind).to_pylist()


def test_a_segment_without_a_clip_has_the_reason_that_the_ledger_gives_by_now(done):
    """Fetching went on, and found that there is no clip; what is there is not decoded again: it is deleted."""
    ledger = done.clips / "part-00000.parquet"
    whole = read_ledger(ledger)
    write_ledger(whole.slice(0, 3), ledger)
    extract_features(done.root, runner=Here())
    (silent,) = whole["segment_id"].to_pylist()[3:]
    before, stamp = {kind: rows_of(done, kind) for kind in KINDS}, stamps(done)
    assert {r["segment_id"]: r["reason"] for r in before[Kind.VIDEO]}[silent] == "not asked for yet"
    shutil.rmtree(done.media)
    asked = {**whole.to_pylist()[3], "verdict": str(Verdict.PRIVATE), "message": "Private video"}
    write_ledger(pa.Table.from_pylist([*whole.slice(0, 3).to_pylist(), asked], LEDGER), ledger)
    extract_features(done.root, runner=Here())
    for kind in KINDS:
        told = [
            {**row, "reason": "private: Private video"} if row["segment_id"] == silent else row
            for row in before[kind]
        ]
        assert rows_of(done, kind) == told
    changed = {path for path, at in stamps(done).items() if stamp[path] != at}
    assert changed == {done.features(kind) / "part-00000.parquet" for kind in KINDS}
    stamp = stamps(done)
    extract_features(done.root, runner=Here())
    assert stamps(done) == stamp
    ledger.unlink()  # shards outlive the ledger, and say then what it last said
    extract_features(done.root, runner=Here())
    assert stamps(done) == stamp


def test_features_whose_clips_are_lost_are_kept_where_a_block_has_to_be_made_again(place):
    """Fetching went on, and the disk had been cleared meanwhile."""
    ledger = place.clips / "part-00000.parquet"
    whole = read_ledger(ledger)
    write_ledger(whole.slice(0, 3), ledger)
    extract_features(place.root, TINY, Here())
    old = rows_of(place, Kind.VIDEO)
    assert [row["status"] for row in old].count("ok") == 3
    (place.root / whole["path"][0].as_py()).unlink()
    write_ledger(whole, ledger)
    assert extract_features(place.root, runner=Here())[("video", "ok")] == 12
    lost = whole["segment_id"][0].as_py()
    for one, other in zip(old, rows_of(place, Kind.VIDEO), strict=True):
        assert one["segment_id"] == other["segment_id"]
        assert one["segment_id"] != lost or one == other
    before = stamps(place)
    extract_features(place.root, runner=Here())
    assert stamps(place) == before


def test_a_number_of_feeders_that_is_none_is_said(place):
    with pytest.raises(SetupError, match=r"--feeders -1: expected 0 .* or more"):
        extract_features(place.root, TINY, Here(), machines=Machines(feeders=-1))


def test_a_damaged_note_of_what_was_begun_is_said(done):
    (done.root / "features" / "extractors.json").write_text("{")
    with pytest.raises(
        SetupError, match=r"extractors.json cannot be read .*name --preset, --net and --weights"
    ):
        extract_features(done.root, runner=Here())


def test_a_device_that_is_not_here_is_said(place):
    with pytest.raises(SetupError, match=r"--device cuda:99: expected cpu"):
        extract_features(place.root, TINY, Here(), machines=Machines("cuda:99"))


def test_sound_of_more_bands(place):
    extract_features(place.root, TINY, Here(), LogMelConfig(n_mels=128))
    table = read_shard(place.features(Kind.LOG_MEL) / "part-00000.parquet", Kind.LOG_MEL)
    assert table.schema.field("log_mel").type.value_type.list_size == 128


def test_the_network_that_options_ask_for(place, extracted):
    assert choose_video(place.root) is None
    assert choose_video(place.root, "demo") == preset("demo").video
    assert choose_video(place.root, weights="random") == replace(preset("paper").video, weights="random:0")
    assert choose_video(place.root, net="s3d", weights="random").net == "s3d"
    assert choose_video(extracted, precision="bf16") == replace(TINY, precision="bf16")
    assert choose_video(extracted, "paper", precision="bf16").size == 224


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
def test_feeders_of_a_device_give_what_a_single_process_gives(place, extracted):
    extract_features(place.root, TINY, Processes(1), machines=Machines(feeders=1))
    for one, two in zip(parts(Workspace(extracted)), parts(place), strict=True):
        kind = Kind(one.parent.name)
        tables = [read_shard(path, kind) for path in (one, two)]
        heads = ["segment_id", "status", "reason", "flags", "duration_s", "n_frames"]
        assert tables[0].select(heads).equals(tables[1].select(heads))


def die_once(function, flag, root, block):
    """What a worker does whose decoder crashes at the second clip of a block, the first time."""
    if block.number == 1 and not flag.exists():
        flag.touch()
        tally_of(root, block).begin(block.segment_ids[1])
        os.kill(os.getpid(), signal.SIGKILL)
    return function(block)


class Dying(Processes):
    """A process that dies once."""

    def __init__(self, flag, root):
        super().__init__(1)
        self.flag, self.root = flag, root

    def map(self, name, function, blocks, meter=None, workers=None):
        return super().map(name, partial(die_once, function, self.flag, self.root), blocks, meter, workers)


@pytest.mark.slow
def test_a_process_that_dies_does_not_end_the_stage(place, tmp_path, capsys):
    counts = extract_features(place.root, TINY, Dying(tmp_path / "died", place.root))
    assert counts[("video", "ok")] == counts[("log_mel", "ok")] == 12
    second = plan_workspace(place)[1].segment_ids[1]
    said = capsys.readouterr().out
    assert "a process died or hung" in said and second in said
    assert list((place.root / FOLDER).glob("*.json")) == []


class Dead(Here):
    """A runner whose workers die at the second clip, also where it is decoded apart."""

    def __init__(self, root):
        self.root, self.times = root, 0

    def map(self, name, function, blocks, meter=None, workers=None):
        self.times += 1
        tally_of(self.root, blocks[0]).begin(blocks[0].segment_ids[1])
        raise BrokenProcessPool("a process was terminated abruptly")


def test_a_clip_that_no_process_survives_ends_the_stage_and_is_named(place):
    runner, second = Dead(place.root), plan_workspace(place)[0].segment_ids[1]
    with pytest.raises(SetupError, match=rf"processes die or hang at {second}, also .*; perhaps memory"):
        extract_features(place.root, TINY, runner)
    assert runner.times == 3


@pytest.mark.slow
def test_a_stage_that_is_killed_goes_on_and_ends_alike(place, extracted):
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
    assert list(parts(place).values()) == list(parts(Workspace(extracted)).values())


KILLED = """
import sys
from pathlib import Path
from same_process import Here
from extractors.video.nets import VideoConfig
from flows.extract_features import extract_features

TINY = VideoConfig(weights="random:0", size=32, short_side=32, fps=1.0, window=9, hop=9)
extract_features(Path(sys.argv[1]), TINY, Here())
"""
