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
import pyarrow.parquet as pq
import pytest
from same_process import Here

from audiosetzsl.clips.ledger import LEDGER, read_ledger, write_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.shards import Kind, clips_of, read_shard, recipe_of
from audiosetzsl.shards.current import is_marked, mark
from audiosetzsl.shards.io import CLIPS
from audiosetzsl.workspace import Workspace
from extractors.extraction.block import extract_block
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig
from flows.extract_features import Machines, extract_features
from flows.extracting import shards
from flows.extracting.begun import as_begun
from flows.extracting.choosing import choose_video, with_weights
from flows.extracting.clips import LOST
from flows.extracting.due import is_due
from flows.extracting.tally import FOLDER, Tally, tally_of
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


def test_a_segment_without_a_clip_has_the_reason_that_the_ledger_gives_by_now(place):
    """Fetching went on, and found that there is no clip; what is there is not decoded again: it is deleted."""
    ledger = place.clips / "part-00000.parquet"
    whole = read_ledger(ledger)
    write_ledger(whole.slice(0, 3), ledger)
    extract_features(place.root, TINY, Here())
    (silent,) = whole["segment_id"].to_pylist()[3:]
    before, stamp = {kind: rows_of(place, kind) for kind in KINDS}, stamps(place)
    assert {r["segment_id"]: r["reason"] for r in before[Kind.VIDEO]}[silent] == "not asked for yet"
    shutil.rmtree(place.media)
    asked = {**whole.to_pylist()[3], "verdict": str(Verdict.PRIVATE), "message": "Private video"}
    write_ledger(pa.Table.from_pylist([*whole.slice(0, 3).to_pylist(), asked], LEDGER), ledger)
    extract_features(place.root, runner=Here())
    for kind in KINDS:
        told = [
            {**row, "reason": "private: Private video"} if row["segment_id"] == silent else row
            for row in before[kind]
        ]
        assert rows_of(place, kind) == told
    changed = {path for path, at in stamps(place).items() if stamp[path] != at}
    assert changed == {place.features(kind) / "part-00000.parquet" for kind in KINDS}
    stamp = stamps(place)
    extract_features(place.root, runner=Here())
    assert stamps(place) == stamp
    ledger.unlink()  # shards outlive the ledger, and say then what it last said
    extract_features(place.root, runner=Here())
    assert stamps(place) == stamp


def test_a_ledger_that_is_begun_anew_takes_no_feature(done):
    """Ids of two videos are asked for again, and are private by now; of the others it says nothing yet."""
    before = {kind: rows_of(done, kind) for kind in KINDS}
    ledger = done.clips / "part-00000.parquet"
    anew = [
        {**row, "verdict": str(Verdict.PRIVATE), "message": "Private video", "path": None, "sha256": None}
        for row in read_ledger(ledger).to_pylist()[:2]
    ]
    write_ledger(pa.Table.from_pylist(anew, LEDGER), ledger)
    again = done.features(Kind.VIDEO) / "part-00000.parquet"
    mark(again, Kind.VIDEO)  # a repair that was broken off
    assert extract_features(done.root, runner=Here())[("video", "ok")] == 12
    assert not is_marked(again)
    assert {kind: rows_of(done, kind) for kind in KINDS} == before


def test_features_stay_where_clips_are_gone_when_their_block_is_made_again(place, capsys, monkeypatch):
    """Fetching went on, and the disk was cleared: of one clip before, of others while the block is made.

    The last clip has no row yet: it is told apart from one that cannot be read, and asked for again.
    """
    ledger = place.clips / "part-00000.parquet"
    whole = read_ledger(ledger)
    write_ledger(whole.slice(0, 3), ledger)
    extract_features(place.root, TINY, Here())
    old, begin = rows_of(place, Kind.VIDEO), Tally.begin
    write_ledger(whole, ledger)
    shutil.rmtree((place.root / whole["path"][0].as_py()).parent)

    def begin_and_lose(tally, segment_id):
        begin(tally, segment_id)
        for path in whole["path"].to_pylist():
            (place.root / path).unlink(missing_ok=True)

    monkeypatch.setattr(Tally, "begin", begin_and_lose)
    assert extract_features(place.root, runner=Here())[("video", "ok")] == 11
    now = rows_of(place, Kind.VIDEO)
    assert [row for row in now if row["status"] == "ok"] == [row for row in old if row["status"] == "ok"]
    assert {row["reason"] for row in now if row["status"] != "ok"} == {LOST}
    assert (
        "1 segments have no features, as their clips, which the ledger has, are not there"
        in capsys.readouterr().out
    )
    assert not any(is_due(place, block) for block in plan_workspace(place))


def test_only_clips_that_have_come_since_are_decoded(done, extracted, monkeypatch):
    """Of a block that was made of three clips; what comes out is what all together give."""
    ledger = done.clips / "part-00000.parquet"
    whole, decoded = read_ledger(ledger), []
    shutil.rmtree(done.root / "features")
    write_ledger(whole.slice(0, 3), ledger)
    extract_features(done.root, TINY, Here())
    write_ledger(whole, ledger)

    def extract_and_tell(clips, *more, **named):
        decoded.extend(clip.segment_id for clip in clips if clip.path)
        return extract_block(clips, *more, **named)

    monkeypatch.setattr(shards, "extract_block", extract_and_tell)
    extract_features(done.root, runner=Here())
    assert sorted(decoded) == sorted(whole["segment_id"].to_pylist()[3:])
    for kind in (Kind.LOG_MEL, Kind.VIDEO):
        part = done.features(kind) / "part-00000.parquet"
        assert part.read_bytes() == (Workspace(extracted).features(kind) / part.name).read_bytes()


def test_a_damaged_shard_of_clips_that_are_gone_is_not_written_over(done):
    shard, ledger = done.features(Kind.VIDEO) / "part-00000.parquet", done.clips / "part-00000.parquet"
    rows = read_ledger(ledger).to_pylist()
    (done.root / rows[0]["path"]).unlink()
    write_ledger(
        pa.Table.from_pylist([rows[0], *({**row, "sha256": "f" * 64} for row in rows[1:])], LEDGER), ledger
    )
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(
        ShardError, match=r"video/part-00000.parquet has to be made again and .*shards repair"
    ):
        extract_features(done.root, runner=Here())
    assert shard.read_bytes() == content


def test_clips_that_are_all_away_are_no_dataset_without_features(place):
    shutil.rmtree(place.media)
    with pytest.raises(
        SetupError, match=r"the ledger has 12 clips, such as .*none of them is there; bring their disk"
    ):
        extract_features(place.root, TINY, Here())
    assert not parts(place)


def test_shards_that_do_not_say_which_clips_they_are_of_are_made_again_of_those_that_are_there(done):
    """Shards of earlier versions; features whose clips are gone stay."""
    for kind in KINDS:
        path = done.features(kind) / "part-00000.parquet"
        table, recipe = read_shard(path, kind), recipe_of(path)
        metadata = {**table.schema.metadata, CLIPS: b"e3b0c44298fc"}
        pq.write_table(table.replace_schema_metadata(metadata), path)
        assert clips_of(path) == {} and recipe_of(path) == recipe
    (gone, *_), before = read_ledger(done.clips / "part-00000.parquet").to_pylist(), rows_of(done, Kind.VIDEO)
    (done.root / gone["path"]).unlink()
    assert extract_features(done.root, runner=Here())[("video", "ok")] == 12
    assert rows_of(done, Kind.VIDEO) == before
    noted = clips_of(done.features(Kind.VIDEO) / "part-00000.parquet")
    assert len(noted) == 3 and gone["segment_id"] not in noted


def test_weights_may_be_gone_once_everything_is_extracted(done):
    note, before = done.extractors, stamps(done)
    note.write_text(note.read_text().replace("random:0", "/nowhere/i3d.pt"))
    assert extract_features(done.root, runner=Here())[("video", "ok")] == 12
    assert stamps(done) == before


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
    """A runner whose workers die each time at another clip, as where memory is short; at last at the second."""

    def __init__(self, root):
        self.root, self.times = root, 0

    def map(self, name, function, blocks, meter=None, workers=None):
        self.times += 1
        at = {5: blocks[0].segment_ids[1]}.get(self.times, f"clip {self.times}")
        tally_of(self.root, blocks[0]).begin(at)
        raise BrokenProcessPool("a process was terminated abruptly")


def test_processes_that_die_again_and_again_end_the_stage_and_the_last_clip_is_named(place):
    runner, second = Dead(place.root), plan_workspace(place)[0].segment_ids[1]
    with pytest.raises(
        SetupError, match=rf"died or hung 5 times, .* the last did at {second}; perhaps memory"
    ):
        extract_features(place.root, TINY, runner)
    assert runner.times == 5


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
