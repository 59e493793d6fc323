"""Stages: what is trained and chosen on, and that no clip of an unseen class is looked at where none may be."""

from dataclasses import replace

import numpy as np
import pytest
from feature_set_files import drawn, without
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.feature_sets import Protocol, held_out_classes, last_stage, stage_of


def ids_of(clips, rows):
    """Which clips some features are of: no two are alike."""
    found = [np.flatnonzero((clips.features.video == row).all(axis=1)) for row in rows.video]
    return set(clips.clip_ids[np.concatenate(found)].tolist()) if found else set()


def test_the_papers_stage_trains_on_seen_train_clips_and_chooses_on_all_val_clips():
    clips = drawn()
    stage = stage_of(clips, Protocol.PAPER)
    assert ids_of(clips, stage.train.clips) == set(clips.clip_ids[clips.seen & (clips.splits == "train")])
    assert ids_of(clips, stage.val) == set(clips.clip_ids[clips.splits == "val"])
    assert stage.classes == clips.classes
    np.testing.assert_array_equal(stage.class_vectors, clips.class_vectors)
    np.testing.assert_array_equal(stage.val_labels, clips.labels[clips.splits == "val"])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 50), own=st.booleans(), with_val=st.booleans())
def test_the_strict_stage_never_sees_an_unseen_class_a_test_clip_or_a_clip_twice(seed, own, with_val):
    clips = drawn(90, seed=seed, held_out=("cat",) if own else ())
    clips = clips if with_val else without(clips, val=True)
    stage = stage_of(clips, Protocol.STRICT, seed=seed)
    held = held_out_classes(clips, seed=seed)
    names = np.array(clips.classes.names)[clips.labels]
    allowed = set(clips.clip_ids[clips.seen & (clips.splits != "test")])
    train, val = ids_of(clips, stage.train.clips), ids_of(clips, stage.val)
    assert train | val <= allowed
    assert not train & val
    assert not train & set(clips.clip_ids[np.isin(names, held)])
    assert set(stage.classes.names) == {"dog", "cat", "bus"}
    assert {
        name for name, seen in zip(stage.classes.names, stage.classes.seen, strict=True) if not seen
    } == set(held)
    # Labels and vectors still mean the same classes.
    of_val = np.array(stage.classes.names)[stage.val_labels]
    where = {name: row for row, name in enumerate(clips.clip_ids)}
    assert sorted(of_val) == sorted(names[where[one]] for one in val)
    for name, vector in zip(stage.classes.names, stage.class_vectors, strict=True):
        np.testing.assert_array_equal(vector, clips.class_vectors[clips.classes.names.index(name)])


def test_train_clips_of_held_out_classes_are_learnt_from_in_the_last_stage_alone():
    clips = drawn(held_out=("cat",))
    of_cat = set(clips.clip_ids[(clips.labels == 1) & (clips.splits == "train")])
    assert of_cat
    assert not of_cat & ids_of(clips, stage_of(clips, Protocol.STRICT).train.clips)
    last = last_stage(clips)
    assert of_cat <= ids_of(clips, last.clips)
    assert ids_of(clips, last.clips) == set(clips.clip_ids[clips.seen & (clips.splits == "train")])


def test_held_out_classes_without_val_clips_are_judged_by_their_train_clips():
    clips = without(drawn(held_out=("cat",)), val_of=("cat",))
    stage = stage_of(clips, Protocol.STRICT)
    of_cat = np.array(stage.classes.names)[stage.val_labels] == "cat"
    assert of_cat.sum() == ((clips.labels == 1) & (clips.splits == "train")).sum()
    # The others have val clips, so none of their train clips is taken away.
    assert len(stage.train.clips) == ((clips.labels % 2 == 0) & clips.seen & (clips.splits == "train")).sum()


def test_a_set_without_val_clips_gives_a_fifth_of_its_train_clips_by_digest():
    clips = without(drawn(900), val=True)
    stage = stage_of(clips, Protocol.STRICT)
    held = held_out_classes(clips)
    n_kept = (
        clips.seen & (clips.splits == "train") & ~np.isin(np.array(clips.classes.names)[clips.labels], held)
    ).sum()
    n_drawn = n_kept - len(stage.train.clips)
    assert 0.1 * n_kept < n_drawn < 0.3 * n_kept
    # A clip more moves no other one.
    fewer = clips.rows(np.arange(len(clips)) != np.flatnonzero(clips.splits == "train")[0])
    assert ids_of(fewer, stage_of(fewer, Protocol.STRICT).val) >= ids_of(clips, stage.val) - {
        clips.clip_ids[0]
    }


def test_classes_are_drawn_by_name_and_seed():
    clips = drawn()
    drawn_by = {held_out_classes(clips, seed=seed) for seed in range(20)}
    assert drawn_by == {("dog",), ("cat",), ("bus",)}
    assert held_out_classes(clips, seed=3) == held_out_classes(clips.rows(np.arange(7)), seed=3)
    assert held_out_classes(drawn(held_out=("bus", "cat"))) == ("bus", "cat")


def test_ten_in_33_classes_are_held_out():
    names = tuple(f"c{number}" for number in range(33))
    table = ClassTable(names, tuple(number < 23 for number in range(33)))
    clips = drawn(66)
    many = replace(
        clips, labels=np.arange(66) % 33, classes=table, class_vectors=np.ones((33, 2), np.float32)
    )
    assert len(held_out_classes(many)) == 7


def test_too_few_seen_classes_to_hold_some_out():
    clips = drawn()
    two = replace(clips, classes=ClassTable(clips.classes.names, (True, True, False, False, False)))
    with pytest.raises(
        SetupError, match=r"2 seen classes are too few .* expected 3 or more; take --protocol paper"
    ):
        stage_of(two, Protocol.STRICT)
    assert stage_of(two, Protocol.PAPER)


@pytest.mark.parametrize(
    ("gone", "counts"),
    [
        (lambda clips: clips.splits == "val", "0 val clips of seen classes and 0 of unseen"),
        (lambda clips: (clips.splits == "val") & clips.seen, "0 val clips of seen classes and 8 of unseen"),
        (lambda clips: (clips.splits == "val") & ~clips.seen, "12 val clips of seen classes and 0 of unseen"),
    ],
)
def test_the_papers_stage_needs_val_clips_of_both(gone, counts):
    clips = drawn()
    with pytest.raises(SetupError, match=counts + r".*or let `reproduce --protocol strict`"):
        stage_of(clips.rows(~gone(clips)), Protocol.PAPER)


def test_held_out_classes_without_any_clip_cannot_be_chosen_on():
    clips = drawn(held_out=("cat",))
    with pytest.raises(
        SetupError, match=r"0 of unseen ones: some of each are needed .*give clips of cat, which are"
    ):
        stage_of(clips.rows(clips.labels != 1), Protocol.STRICT)


@pytest.mark.parametrize("protocol", Protocol)
def test_there_has_to_be_something_to_learn_from(protocol):
    clips = drawn()
    with pytest.raises(SetupError, match="no train clips of seen classes are there to learn from; give "):
        stage_of(clips.rows(clips.splits != "train"), protocol)


def test_of_few_train_clips_one_is_chosen_on():
    clips = without(drawn(18, held_out=("cat",)), val=True)
    for seed in range(10):
        stage = stage_of(clips, Protocol.STRICT, seed=seed)
        assert stage.classes.seen_mask[stage.val_labels].any()
