"""Planning, sources and samples: what they promise and what they refuse."""

import shutil

import numpy as np
import pytest

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.manifest import Segment, read_manifest
from audiosetzsl.shards import Kind
from audiosetzsl.workspace import Workspace
from extractors.class_vectors import load_ontology_vectors
from extractors.features import VideoConfig
from flows.build_manifest import build_manifest
from flows.clip_sources import find_clips, open_source, style_of
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.planning import due, plan_workspace, segments_of
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


def test_a_block_is_due_until_all_its_files_are_there(place):
    blocks = plan_workspace(place, 16)
    one, two = place.root / "one", place.root / "two"
    for folder in (one, two):
        folder.mkdir()
    (one / blocks[0].file_name).touch()
    (one / blocks[1].file_name).touch()
    (two / blocks[1].file_name).touch()
    assert [block.number for block in due(blocks, one, two)] == [0, 2]


def test_clips_are_found_by_the_end_of_their_names(tmp_path):
    for name in (
        "-aaaaaaaaaa_0.mp4",
        "dog__bbbbbbbbbb_30000.webm",
        "cats/cat_ccccccccccc_1500.mkv",
        "full_ddddddddddd.mp4",
        "eeeeeeeeeee_30000_other_cut.mp4",
        "fffffffffff_0.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    find_clips.cache_clear()
    assert set(find_clips(tmp_path)) == {"-aaaaaaaaaa_0", "_bbbbbbbbbb_30000", "ccccccccccc_1500"}


def test_two_clips_of_one_segment_are_refused(tmp_path):
    (tmp_path / "aaaaaaaaaaa_0.mp4").touch()
    (tmp_path / "dog_aaaaaaaaaaa_0.mp4").touch()
    find_clips.cache_clear()
    with pytest.raises(SetupError, match=r"are both a clip of aaaaaaaaaaa_0; leave one"):
        find_clips(tmp_path)


@pytest.mark.parametrize("source", ["youtub", "synthetic:x", "local:", "local"])
def test_a_source_that_does_not_exist_is_refused(source, tmp_path):
    with pytest.raises(SetupError, match=r"there is no source .*expected 'synthetic' or 'local:FOLDER'"):
        open_source(source, tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(SetupError, match=r"absent is no folder, expected one that holds clips"):
        open_source(f"local:{tmp_path / 'absent'}", tmp_path)


def test_stand_ins_of_like_words_are_alike():
    vectors = load_ontology_vectors()
    words = np.stack([vectors[c.mid] for c in AUDIOSETZSL])
    styles = np.stack([style_of(c.mid) for c in AUDIOSETZSL])
    pairs = np.triu_indices(len(words), 1)
    apart = np.linalg.norm(styles[:, None] - styles, axis=2)[pairs]
    assert np.corrcoef((words @ words.T)[pairs], apart)[0, 1] < -0.4
    assert np.abs(styles).max() <= 2


def test_a_stand_in_is_as_long_as_its_segment_and_rendered_once(tmp_path):
    get = open_source("synthetic", tmp_path)
    segment = Segment("-aaaaaaaaaa_0", "-aaaaaaaaaa", 0.0, 3.0, "dog")
    path = get(segment, "/m/0bt9lr")
    made = path.stat().st_mtime_ns
    assert get(segment, "/m/0bt9lr").stat().st_mtime_ns == made


def test_a_sample_keeps_the_proportions_of_the_splits(place):
    taken = sample_manifest(place.root / "sample", place.manifest, per_class=10).to_pandas()
    assert taken.groupby(["class_name", "split"]).size().to_dict() == {
        (name, split): n for name in ("dog", "pig") for split, n in (("train", 6), ("val", 2), ("test", 2))
    }


def test_a_sample_of_nothing_is_refused(place, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        SetupError, match=r"no segment is left of 40 .*a name that ends in <ytid>_<start in ms>"
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
