"""Planning, sources and samples: what they promise and what they refuse."""

import shutil

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import read_manifest
from audiosetzsl.workspace import Workspace
from flows.build_manifest import build_manifest
from flows.planning import plan_workspace, segments_of
from flows.presets import preset
from flows.sample_manifest import sample_manifest

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
