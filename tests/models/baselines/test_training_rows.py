import numpy as np
import pytest
from closed_form_world import N_SEEN, ClosedFormWorld, labelled

import models.baselines.training_rows as module
from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import View
from models.baselines.training_rows import TrainingRows
from models.inputs import InputForm


def rows_of(world, seen, features=InputForm.RAW, words=InputForm.RAW):
    return TrainingRows.of(seen, world.class_vectors, View.AUDIO, features, words)


def test_moments_are_those_of_plain_loops_however_clips_fall_into_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)
    world = ClosedFormWorld()
    seen, actual = world.seen()
    moments = rows_of(world, seen).moments()
    clips = seen.clips.audio.astype(float)
    for c in range(N_SEEN):
        members = [row for row, label in zip(clips, actual, strict=True) if label == c]
        assert moments.counts[c] == len(members)
        assert np.allclose(moments.sums[c], sum(members))
    assert np.allclose(moments.gram, sum(np.outer(row, row) for row in clips))
    assert np.allclose(moments.mean, clips.mean(0))
    assert np.allclose(moments.covariance, np.cov(clips.T, bias=True))


def test_a_seen_class_without_clips_is_left_out():
    world = ClosedFormWorld()
    rows = rows_of(world, labelled(world.clips([7, 2, 7]), [7, 2, 7]))
    assert rows.labels.tolist() == [1, 0, 1]
    assert np.array_equal(rows.class_vectors, world.class_vectors[[2, 7]])


def test_forms_are_taken_from_seen_clips_and_seen_classes():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    rows = rows_of(world, seen, InputForm.STANDARD, InputForm.STANDARD)
    assert np.allclose(rows.words.mean, world.class_vectors[:N_SEEN].mean(0), atol=1e-6)
    assert np.allclose(rows.features.mean, seen.clips.audio.mean(0), atol=1e-6)
    assert np.allclose(np.linalg.norm(rows.class_vectors, axis=1), 1)


def test_class_vectors_are_one_a_class():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    world.class_vectors = world.class_vectors[:-1]
    with pytest.raises(SetupError, match=r"12 class vectors for 13 classes; give one row a class"):
        rows_of(world, seen)


def test_vectors_of_seen_classes_are_numbers():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    world.class_vectors[[1, N_SEEN]] = np.nan  # of an unseen class nothing is looked at
    name = seen.labels.classes.names[1]
    with pytest.raises(
        SetupError, match=rf"class vectors of {name} are not finite; make them again or leave"
    ):
        rows_of(world, seen)


def test_one_class_is_not_enough():
    world = ClosedFormWorld()
    with pytest.raises(SetupError, match=r"1 seen classes have clips to train on, expected 2 or more"):
        rows_of(world, labelled(world.clips([3, 3]), [3, 3]))
