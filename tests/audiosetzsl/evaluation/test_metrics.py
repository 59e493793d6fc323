import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import (
    class_accuracies,
    harmonic_mean,
    mean_class_accuracy,
    means_by_class,
)


def slow_mean_class_accuracy(predicted, actual, classes):
    shares = []
    for c in classes:
        of_class = [p for p, a in zip(predicted, actual, strict=True) if a == c]
        if of_class:
            shares.append(sum(p == c for p in of_class) / len(of_class))
    return sum(shares) / len(shares)


def test_mean_class_accuracy_by_hand():
    # Class 0: 2 of 3, class 1: 0 of 1, class 2: not asked for. Plain accuracy would be .5.
    predicted, actual = np.array([0, 0, 1, 0]), np.array([0, 0, 0, 1])
    assert mean_class_accuracy(predicted, actual, np.array([True, True, False])) == pytest.approx(1 / 3)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_mean_class_accuracy_agrees_with_its_twin(pairs):
    predicted, actual = np.array([p for p, _ in pairs]), np.array([a for _, a in pairs])
    expected = slow_mean_class_accuracy(predicted, actual, range(4))
    assert mean_class_accuracy(predicted, actual, np.ones(4, bool)) == pytest.approx(expected)


def test_a_class_without_clips_has_no_accuracy_and_leaves_the_mean_alone():
    accuracies = class_accuracies(np.array([0, 1]), np.array([0, 0]), 3)
    assert accuracies[0] == 0.5
    assert np.isnan(accuracies[1:]).all()


def test_means_by_class_leave_unanswered_queries_out():
    means = means_by_class(np.array([1.0, np.nan, 0.5, np.nan]), np.array([0, 0, 0, 1]), 2)
    assert means[0] == 0.75
    assert math.isnan(means[1])


def test_a_group_without_any_clip_is_an_error():
    with pytest.raises(SetupError, match=r"none of the 2 classes .* take clips of both seen and unseen"):
        mean_class_accuracy(np.array([0]), np.array([0]), np.array([False, True, True]))


def test_harmonic_mean_by_hand():
    assert harmonic_mean(0.2, 0.6) == pytest.approx(0.3)
    assert harmonic_mean(0.0, 0.0) == 0.0


@given(st.floats(0, 1), st.floats(0, 1))
def test_harmonic_mean_lies_between_the_smaller_and_twice_it_and_below_the_mean(s, u):
    h = harmonic_mean(s, u)
    assert min(s, u) - 1e-12 <= h <= min(2 * min(s, u), (s + u) / 2) + 1e-12
