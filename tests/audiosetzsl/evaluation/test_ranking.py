import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.evaluation.ranking import average_precision, left_out_average_precision


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


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_only_the_order_of_scores_counts(seed, n_levels):
    generator = np.random.default_rng(seed)
    scores, relevant = generator.integers(0, n_levels, 40).astype(float), generator.random(40) < 0.3
    relevant[0] = True
    expected = average_precision(scores, relevant)
    order = generator.permutation(40)
    assert average_precision(scores[order], relevant[order]) == pytest.approx(expected, abs=1e-12)
    for same in (scores + 7, 2.5 * scores, np.exp(scores), scores.astype(np.float32)):
        assert average_precision(same, relevant) == pytest.approx(expected, abs=1e-12)


def test_a_perfect_ranking_is_exactly_one_and_a_random_one_is_what_chance_gives():
    relevant = np.arange(500) < 60
    assert average_precision(-np.arange(500.0), relevant) == 1.0
    assert left_out_average_precision(-np.arange(500.0), relevant) == 1.0
    # Expected AP of a random order: ((R - 1)/(n - 1) (n - H) + H) / n, with H the n-th harmonic number.
    harmonic = sum(1 / i for i in range(1, 501))
    chance = (59 / 499 * (500 - harmonic) + harmonic) / 500
    assert average_precision(np.zeros(500), relevant) == pytest.approx(chance, abs=1e-12)
    generator = np.random.default_rng(0)
    drawn = [average_precision(generator.random(500), relevant) for _ in range(400)]
    assert np.mean(drawn) == pytest.approx(chance, abs=4 * np.std(drawn) / 20)


def test_leaving_each_item_out_by_hand():
    # Ranking: hit, miss, hit. Without the first hit: miss, hit, 1/2; without the second: hit, miss, 1.
    scores, relevant = np.array([3.0, 2.0, 1.0]), np.array([True, False, True])
    assert left_out_average_precision(scores, relevant) == pytest.approx((1 / 2 + 1) / 2)
    assert math.isnan(left_out_average_precision(scores, np.array([True, False, False])))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_leaving_out_in_one_ranking_agrees_with_a_ranking_for_each(items):
    scores, relevant = np.array([s for s, _ in items], dtype=float), np.array([r for _, r in items])
    if relevant.sum() > 1:
        slow = [
            average_precision(np.delete(scores, i), np.delete(relevant, i)) for i in np.flatnonzero(relevant)
        ]
        assert left_out_average_precision(scores, relevant) == pytest.approx(np.mean(slow), abs=1e-12)
