"""Workspaces as feature sets: their clips by id, and what made them, which no form forgets."""

import numpy as np
import pandas as pd
import pytest
from feature_set_files import assert_same
from small_shards import CLASSES, OTHER, RECIPE
from vector_workspace import draw_class_vectors, with_vectors

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.feature_sets.opening import open_set, save_set
from audiosetzsl.features import load_vectors
from audiosetzsl.shards import Kind, Recipe
from audiosetzsl.word_tables.named import NamedVectors, read_class_vectors, write_class_vectors


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return with_vectors(tmp_path_factory.mktemp("work"))


def test_all_clips_of_a_workspace_by_class_and_id(place):
    clips = open_set(str(place.root))
    loaded = load_vectors(place, (Kind.AUDIO, Kind.VIDEO), split=None, seen=None)
    names = [name for name, _ in CLASSES]
    expected = loaded.rows.assign(label=loaded.rows.class_name.map(names.index)).sort_values(
        ["label", "segment_id"]
    )
    assert clips.clip_ids.tolist() == expected.segment_id.tolist()
    assert clips.splits.tolist() == expected.split.tolist()
    assert clips.labels.tolist() == expected.label.tolist()
    for kind, found in ((Kind.AUDIO, clips.features.audio), (Kind.VIDEO, clips.features.video)):
        np.testing.assert_array_equal(found, loaded[kind][expected.index])
    vectors = pd.Series(dict(zip(*[list(part) for part in read_class_vectors(place.text)], strict=True)))
    np.testing.assert_array_equal(clips.class_vectors, np.stack(vectors[names].tolist()))
    assert clips.classes.seen == tuple(seen for _, seen in CLASSES)


@pytest.mark.parametrize("form", ["npz", "official", "avca", "xlsa17"])
def test_what_made_them_goes_along_into_every_form(place, tmp_path, form):
    clips = open_set(str(place.root))
    made_by = {"audio": OTHER, "video": RECIPE}
    assert clips.made_of["features"] == {
        kind: {"name": recipe.name, "facts": dict(recipe.facts)} for kind, recipe in made_by.items()
    }
    assert clips.made_of["class_vectors"]["facts"]["source"] == "drawn"
    name = f"{form}:{tmp_path / 'there'}" + ("?view=audio" if form == "xlsa17" else "")
    written = save_set(name, clips, leave_out=True)
    assert_same(open_set(name), written)
    assert written.made_of == clips.made_of


@pytest.mark.parametrize("form", ["workspace", "npz", "avca"])
def test_sound_of_a_network_that_was_taught_an_unseen_class_is_refused(tmp_path, form):
    taught = Recipe("Net", {"taught": ["dog", "pig"]})
    place = with_vectors(tmp_path / "work", audio=taught)
    name = str(place.root)
    if form != "workspace":
        # As it would come from elsewhere: we would not write it.
        clean = open_set(str(with_vectors(tmp_path / "clean").root))
        recipes = {**clean.made_of["features"], "audio": {"name": "Net", "facts": dict(taught.facts)}}
        name = f"{form}:{tmp_path / 'there'}"
        from dataclasses import replace

        save_set(name, replace(clean, made_of={**clean.made_of, "features": recipes}), leave_out=True)
    with pytest.raises(
        SetupError, match=r"has learnt pig, which are unseen classes .*would not be zero-shot"
    ):
        open_set(name)


def test_class_vectors_that_are_absent_or_change_meanwhile(tmp_path, monkeypatch):
    place = with_vectors(tmp_path)

    def load(*arguments, **options):
        draw_class_vectors(place, seed=1, source="drawn again")
        return load_vectors(*arguments, **options)

    monkeypatch.setattr("audiosetzsl.feature_sets.of_workspace.load_vectors", load)
    with pytest.raises(ShardError, match="were made again while they were read; wait until that has ended"):
        open_set(str(tmp_path))
    place.text.unlink()
    with pytest.raises(ShardError, match="does not exist; run `python -m flows make-class-vectors`"):
        open_set(str(tmp_path))


def test_a_class_without_a_vector_is_named(tmp_path):
    place = with_vectors(tmp_path)
    some = tuple(name for name, _ in CLASSES[:2])
    write_class_vectors(
        NamedVectors(some, np.ones((2, 5), np.float32), some, {"source": "drawn"}), place.text
    )
    with pytest.raises(
        ShardError, match=f"has no vector of {CLASSES[2][0]}; run `python -m flows make-class-vectors`"
    ):
        open_set(str(tmp_path))
