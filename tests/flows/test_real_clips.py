"""The stages on real clips and their real rows: features where there are some, a row with a reason where not."""

import shutil
import subprocess

import numpy as np
import pyarrow.parquet as pq
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from same_process import Here

from audiosetzsl.clips.ledger import LEDGER, read_ledger
from audiosetzsl.clips.reading import read_parts
from audiosetzsl.features import load_vectors, stream_log_mel
from audiosetzsl.shards import Kind, read_shard
from audiosetzsl.workspace import Workspace
from extractors.video.nets import VideoConfig
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.sample_manifest import sample_manifest

pytestmark = pytest.mark.real
SMALL = VideoConfig(weights="random:0", size=64, short_side=64, fps=4.0, window=16, hop=24)


def remux(source, target, silent=False):
    """Copy the picture as it is, and leave the sound out or make it silence."""
    silence = ["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-map", "0:v", "-map", "1:a", "-shortest"]
    extra = silence if silent else ["-an"]
    command = [get_ffmpeg_exe(), "-v", "error", "-i", source, *extra, "-c:v", "copy", target]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def folder(real_data, tmp_path_factory):
    """The real clips of six rows: three as they are, one without sound, one silent, one cut off."""
    folder = tmp_path_factory.mktemp("clips")
    clips = {path.name: path for path in (real_data / "clips").iterdir()}
    for name in ("car_--8puiAGLhs_30000.mp4", "horse_3GbIhQLCH9I_16000.mp4", "stream_--0PQM4-hqg_30000.mp4"):
        shutil.copy(clips[name], folder / name)
    remux(clips["dog_20qZLse0acs_30000.mp4"], folder / "dog_20qZLse0acs_30000.mp4")
    remux(clips["dog_3qesirWAGt4_20000.mp4"], folder / "dog_3qesirWAGt4_20000.mp4", silent=True)
    content = clips["car_22olCB3wQaA_40000.mp4"].read_bytes()
    (folder / "car_22olCB3wQaA_40000.mp4").write_bytes(content[: len(content) // 2])
    return folder


@pytest.fixture(scope="module")
def place(folder, tmp_path_factory):
    workspace = tmp_path_factory.mktemp("work")
    sample_manifest(workspace, having=folder)
    (folder / "horse_3GbIhQLCH9I_16000.mp4").unlink()  # gone between planning and fetching
    fetch_clips(workspace, f"local:{folder}")
    extract_features(workspace, SMALL, Here())
    return Workspace(workspace)


def rows(place, kind):
    table = read_shard(place.features(kind) / "part-00000.parquet", kind)
    columns = [table[name].to_pylist() for name in ("segment_id", "status", "flags", "reason")]
    return {name: (status, flags, reason) for name, status, flags, reason in zip(*columns, strict=True)}


def test_every_row_is_in_the_ledger_with_its_verdict(place):
    ledger = read_ledger(place.clips / "part-00000.parquet")
    verdicts = dict(zip(ledger["segment_id"].to_pylist(), ledger["verdict"].to_pylist(), strict=True))
    assert len(verdicts) == 6
    assert verdicts["3GbIhQLCH9I_16000"] == "not_found"
    assert verdicts["--8puiAGLhs_30000"] == "ok"


def test_missing_and_silent_sound_are_rows(place):
    found = rows(place, Kind.LOG_MEL)
    assert found["20qZLse0acs_30000"][0] == "no_audio"
    assert found["20qZLse0acs_30000"][2]
    assert found["3qesirWAGt4_20000"][:2] == ("ok", ["silent"])
    assert found["--8puiAGLhs_30000"] == ("ok", [], "")


def test_pictures_do_not_suffer_from_missing_sound(place):
    found = rows(place, Kind.VIDEO)
    assert {found[name][0] for name in ("20qZLse0acs_30000", "3qesirWAGt4_20000")} == {"ok"}


def test_a_clip_that_is_cut_off_or_gone_is_a_row_with_a_reason(place):
    for kind in (Kind.LOG_MEL, Kind.VIDEO):
        found = rows(place, kind)
        assert found["22olCB3wQaA_40000"][0] in ("unreadable", "no_clip") and found["22olCB3wQaA_40000"][2]
        assert found["3GbIhQLCH9I_16000"][0] == "no_clip"
        assert "not_found" in found["3GbIhQLCH9I_16000"][2]


def test_readers_give_only_what_is_there(place):
    splits = {"train", "val", "test"}
    heard = {name for split in splits for name, *_ in stream_log_mel(place, split=split, seen=None)}
    assert heard == {"--8puiAGLhs_30000", "3qesirWAGt4_20000", "--0PQM4-hqg_30000"}
    seen = [load_vectors(place, [Kind.VIDEO], split=split, seen=None) for split in splits]
    assert sum(map(len, seen)) == 4


def test_a_second_run_looks_only_for_what_is_missing(place, folder):
    parts = sorted(place.root.rglob("features/*/part-*.parquet"))
    stamps, rows = [path.stat().st_mtime_ns for path in parts], read_parts(place.clips, LEDGER.names)
    fetch_clips(place.root, f"local:{folder}")
    extract_features(place.root, SMALL)
    assert [path.stat().st_mtime_ns for path in parts] == stamps and len(parts) > 1
    news = read_parts(place.clips, LEDGER.names)
    again = [row for row in news.to_pylist() if row not in rows.to_pylist()]
    missing = {row["segment_id"] for row in rows.to_pylist() if row["verdict"] != "ok"}
    assert {row["segment_id"] for row in again} == missing and len(again) == len(missing)


def test_all_real_clips_can_be_told_apart(real_data, tmp_path):
    sample_manifest(tmp_path, having=real_data / "clips")
    fetch_clips(tmp_path, f"local:{real_data / 'clips'}")
    extract_features(tmp_path, SMALL, Here())
    table = pq.read_table(Workspace(tmp_path).features(Kind.VIDEO) / "part-00000.parquet")
    vectors = np.array(table["vector"].to_pylist())
    assert vectors.shape == (6, 1024)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (unit @ unit.T)[~np.eye(6, dtype=bool)].max() < 0.999
