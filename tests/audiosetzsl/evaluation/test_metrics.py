import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import (
    average_precision,
    class_accuracies,
    closeness,
    harmonic_mean,
    mean_class_accuracy,
    means_by_class,
)


def slow_average_precision(scores, relevant):
    """Straight from the definition, for one strict order: walk down, note the precision at each hit."""
    hits, precisions = 0, []
    for rank, i in enumerate(sorted(range(len(scores)), key=lambda i: -scores[i]), start=1):
        if relevant[i]:
            hits += 1
            precisions.append(hits / rank)
    return sum(precisions) / len(precisions)


def slow_tied_average_precision(scores, relevant):
    """Mean over every order in which equal scores may come, each built by hand."""
    orders = [
        order
        for order in itertools.permutations(range(len(scores)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    strict = list(range(len(scores), 0, -1))
    return sum(slow_average_precision(strict, [relevant[i] for i in o]) for o in orders) / len(orders)


def slow_mean_class_accuracy(predicted, actual, classes):
    shares = []
    for c in classes:
        of_class = [p for p, a in zip(predicted, actual, strict=True) if a == c]
        if of_class:
            shares.append(sum(p == c for p in of_class) / len(of_class))
    return sum(shares) / len(shares)


def test_average_precision_by_hand():
    # Ranking: hit, miss, hit, miss -> (1/1 + 2/3) / 2
    scores, relevant = np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False])
    assert average_precision(scores, relevant) == pytest.approx((1 + 2 / 3) / 2)


def test_a_tie_counts_as_the_mean_of_its_orders():
    # Two orders of hit and miss: precision 1 or 1/2.
    assert average_precision(np.array([1.0, 1.0]), np.array([True, False])) == pytest.approx(0.75)


def test_all_tied_is_the_same_for_any_place_of_the_hits():
    first = average_precision(np.zeros(6), np.array([True, True, False, False, False, False]))
    last = average_precision(np.zeros(6), np.array([False, False, False, False, True, True]))
    assert first == last
    assert first == pytest.approx(slow_tied_average_precision([0] * 6, [True, True] + [False] * 4))


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6))
def test_average_precision_agrees_with_its_twin_under_ties(items):
    scores, relevant = np.array([s for s, _ in items], dtype=float), np.array([r for _, r in items])
    if relevant.any():
        expected = slow_tied_average_precision(scores.tolist(), relevant.tolist())
        assert average_precision(scores, relevant) == pytest.approx(expected)


@given(st.integers(0, 10_000), st.integers(2, 60))
def test_average_precision_agrees_with_its_twin_on_long_rankings(seed, n):
    generator = np.random.default_rng(seed)
    scores, relevant = generator.permutation(n).astype(np.float32), generator.random(n) < 0.3
    relevant[0] = True
    assert average_precision(scores, relevant) == pytest.approx(slow_average_precision(scores, relevant))


def test_average_precision_of_nothing_to_find_is_nan():
    assert math.isnan(average_precision(np.array([1.0, 2.0]), np.array([False, False])))
    assert math.isnan(average_precision(np.array([]), np.array([], dtype=bool)))


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


def test_closeness_is_minus_the_distance_and_nothing_at_home():
    near = closeness(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0, 4.0]]))
    np.testing.assert_allclose(near, [[-5.0], [0.0]], atol=1e-7)


def test_closeness_agrees_with_a_double_loop():
    generator = np.random.default_rng(0)
    left = generator.normal(size=(5, 7)).astype(np.float32)
    right = generator.normal(size=(4, 7)).astype(np.float32)
    slow = [[-math.dist(a.astype(float), b.astype(float)) for b in right] for a in left]
    np.testing.assert_allclose(closeness(left, right), slow, rtol=1e-12)
