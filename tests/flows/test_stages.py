"""Planning, sources and samples: what they promise and what they refuse."""

import shutil

import pytest

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.manifest import read_manifest
from audiosetzsl.shards import Kind
from audiosetzsl.workspace import Workspace
from extractors.features import VideoConfig
from flows.build_manifest import build_manifest
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.planning import plan_workspace, segments_of
from flows.presets import preset
from flows.sample_manifest import sample_manifest

TINY = VideoConfig(size=32, short_side=32, fps=1.0, window=9, hop=9)
NAMES = {"/m/0bt9lr": "Dog", "/m/068zj": "Pig"}
TOML = """
name = "two"
[[classes]]
name = "dog"
mid = "/m/0bt9lr"
seen = true
[[classes]]
name = "pig"
mid = "/m/068zj"
seen = false
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory, write_audioset):
    """A workspace with the manifest of a small AudioSet: 20 dogs, 20 pigs, of a second each."""
    folder = tmp_path_factory.mktemp("small")
    lists = {
        "unbalanced": [
            (f"{name}{n:08d}", float(n), n + 1.0, (mid,))
            for name, mid in (("dog", "/m/0bt9lr"), ("pig", "/m/068zj"))
            for n in range(20)
        ]
    }
    audioset = write_audioset(folder / "audioset", lists, NAMES)
    (folder / "two.toml").write_text(TOML)
    build_manifest(folder / "w", str(audioset), folder / "two.toml", any_lists=True)
    return folder / "w"


@pytest.fixture
def place(built, tmp_path):
    shutil.copytree(built, tmp_path / "w")
    return Workspace(tmp_path / "w")


def test_a_plan_holds_every_segment_once_and_is_kept(place):
    blocks = plan_workspace(place, 16)
    assert [len(block.segment_ids) for block in blocks] == [16, 16, 8]
    names = [segment.segment_id for block in blocks for segment in segments_of(place, block)]
    assert sorted(names) == read_manifest(place.manifest)["segment_id"].to_pylist()
    assert plan_workspace(place) == blocks


def test_another_block_size_is_refused_because_files_lie_by_block(place):
    plan_workspace(place, 16)
    with pytest.raises(
        SetupError, match=r"was planned as .*16.*, its manifest now gives .*8.*use a new workspace"
    ):
        plan_workspace(place, 8)


def test_another_manifest_is_refused(place):
    plan_workspace(place, 16)
    sample = Workspace(place.root / "sample")
    sample_manifest(sample.root, place.manifest, per_class=5)
    shutil.copy(sample.manifest, place.manifest)
    with pytest.raises(SetupError, match=r"its manifest now gives .*belong to the other plan"):
        plan_workspace(place)


def test_a_sample_keeps_the_proportions_of_the_splits(place):
    taken = sample_manifest(place.root / "sample", place.manifest, per_class=10).to_pandas()
    assert taken.groupby(["class_name", "split"]).size().to_dict() == {
        (name, split): n for name in ("dog", "pig") for split, n in (("train", 6), ("val", 2), ("test", 2))
    }


def test_a_sample_of_nothing_is_refused(place, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        SetupError, match=r"no segment is left of 40 .*a name that ends in <ytid>_<start in ms> or in <ytid>"
    ):
        sample_manifest(tmp_path / "other", place.manifest, having=tmp_path / "empty")


def test_a_sample_does_not_replace_another_one(place):
    sample_manifest(place.root / "sample", place.manifest, per_class=10)
    with pytest.raises(SetupError, match=r"is there and holds other segments; use a new workspace"):
        sample_manifest(place.root / "sample", place.manifest, per_class=5)


def test_an_unknown_preset_is_refused():
    with pytest.raises(SetupError, match=r"there is no preset 'papr', expected one of paper, demo"):
        preset("papr")


def test_features_of_another_configuration_are_refused(place):
    fetch_clips(place.root, block_size=40)
    extract_features(place.root, TINY)
    with pytest.raises(
        ShardError, match=r"video/part-00000.parquet was made by configuration .*delete the folder"
    ):
        extract_features(place.root, VideoConfig(size=64, short_side=64, fps=1.0, window=9, hop=9))


def test_a_block_that_is_lost_is_made_again_and_the_same(place):
    fetch_clips(place.root, block_size=20)
    extract_features(place.root, TINY)
    part = place.features(Kind.VIDEO) / "part-00001.parquet"
    before, kept = part.read_bytes(), place.features(Kind.VIDEO) / "part-00000.parquet"
    stamp = kept.stat().st_mtime_ns
    part.unlink()
    extract_features(place.root, TINY)
    assert part.read_bytes() == before
    assert kept.stat().st_mtime_ns == stamp
