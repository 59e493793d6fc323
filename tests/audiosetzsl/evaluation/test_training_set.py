import numpy as np
import pytest

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels, View

CLASSES = ClassTable(("dog", "cat", "pig", "bus"), (True, True, False, False))


def test_seen_train_clips_are_taken_and_labelled_by_column():
    labels = SeenLabels(("cat", "dog", "cat"), ("train",) * 3, CLASSES)
    assert labels.indices.tolist() == [1, 0, 1]
    assert len(labels) == 3


def test_training_on_unseen_classes_is_refused_with_how_many_and_which():
    with pytest.raises(
        ManifestError,
        match=r"3 of 4 clips to train on are of unseen classes \(bus: 1, pig: 2\).*drop these rows",
    ):
        SeenLabels(("dog", "pig", "bus", "pig"), ("train",) * 4, CLASSES)


def test_training_on_other_splits_is_refused_with_how_many_and_which():
    with pytest.raises(
        ManifestError, match=r"3 of 4 clips to train on are not of the train split \(test: 1, val: 2\)"
    ):
        SeenLabels(("dog", "cat", "dog", "cat"), ("val", "train", "test", "val"), CLASSES)


def test_a_foreign_class_is_named():
    with pytest.raises(SetupError, match=r"classes \['owl'\] are not in the table of 4 classes"):
        SeenLabels(("dog", "owl"), ("train", "train"), CLASSES)


def test_a_split_is_needed_for_every_clip():
    with pytest.raises(SetupError, match="2 class names but 1 splits"):
        SeenLabels(("dog", "cat"), ("train",), CLASSES)


def test_features_pair_up_and_are_numbers():
    with pytest.raises(SetupError, match="2 rows of audio but 3 of video"):
        ClipFeatures(np.zeros((2, 4)), np.zeros((3, 4)))
    video = np.zeros((3, 4))
    video[1, 2] = np.nan
    with pytest.raises(SetupError, match=r"1 of 3 video features are not finite, the first in row 1"):
        ClipFeatures(np.zeros((3, 4)), video)


def test_features_and_labels_pair_up():
    labels = SeenLabels(("dog",), ("train",), CLASSES)
    with pytest.raises(SetupError, match="2 clips but 1 labels"):
        SeenClips(ClipFeatures(np.zeros((2, 4)), np.zeros((2, 4))), labels)


def test_a_class_table_says_one_thing_of_each_class():
    with pytest.raises(SetupError, match="2 class names but 1 seen flags"):
        ClassTable(("a", "b"), (True,))
    with pytest.raises(SetupError, match=r"\['a'\] stand more than once"):
        ClassTable(("a", "b", "a"), (True, True, False))


def test_the_table_of_the_dataset_keeps_its_order_and_its_23_seen_classes():
    table = ClassTable.of(AUDIOSETZSL)
    assert list(table.names) == AUDIOSETZSL.names
    assert (int(table.seen_mask.sum()), len(table.names)) == (23, 33)


def test_features_so_large_that_distances_overflow_are_refused():
    rows = np.ones((3, 2), np.float32)
    rows[1, 0] = -1e20
    with pytest.raises(SetupError, match=r"1 of 3 video features are beyond 1e\+15, the first in row 1"):
        ClipFeatures(np.ones((3, 2), np.float32), rows)


@pytest.mark.parametrize("view", [View.AUDIO, View.CONCAT])
def test_a_view_that_needs_what_is_not_there_is_refused(view):
    clips = ClipFeatures(np.ones((3, 0), np.float32), np.ones((3, 2), np.float32))
    with pytest.raises(
        SetupError, match=f"these clips have no {view} features; take a method of what they have"
    ):
        clips.view(view)
    assert clips.view(View.VIDEO).shape == (3, 2)


def test_both_views_stand_side_by_side():
    clips = ClipFeatures(np.zeros((2, 1), np.float32), np.ones((2, 2), np.float32))
    assert clips.view(View.CONCAT).tolist() == [[0, 1, 1], [0, 1, 1]]


@pytest.mark.parametrize(
    "mask", [[0, 0, 1, 1, 0], [1, 0, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
)
def test_rows_of_a_mask_are_its_rows_and_a_view_where_they_stand_in_a_row(mask):
    clips, mask = ClipFeatures(np.arange(10.0).reshape(5, 2), np.arange(5.0)[:, None]), np.array(mask, bool)
    found = clips.rows(mask)
    np.testing.assert_array_equal(found.audio, clips.audio[np.flatnonzero(mask)])
    np.testing.assert_array_equal(found.video, clips.video[np.flatnonzero(mask)])
    in_a_row = mask.any() and np.ptp(np.flatnonzero(mask)) + 1 == mask.sum()
    assert np.shares_memory(found.audio, clips.audio) == in_a_row
