"""Neighbours: the search of every clip against a float64 twin that sorts each gallery."""

import numpy as np
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation import neighbours
from audiosetzsl.evaluation.neighbours import Partner, neighbour_precisions
from audiosetzsl.evaluation.ranking import average_precision


def slow_precisions(queries, gallery, actual, partner=Partner.EXCLUDE):
    """Every gallery built and ranked by itself, in float64, by sums of squared differences."""
    found = []
    for i, query in enumerate(queries.astype(np.float64)):
        rest = np.arange(len(gallery)) != i if partner is Partner.EXCLUDE else np.ones(len(gallery), bool)
        distances = np.sqrt(((gallery[rest].astype(np.float64) - query) ** 2).sum(1))
        found.append(average_precision(-distances, actual[rest] == actual[i]))
    return np.array(found)


def drawn(seed=0, n=600, width=16, spread=1.0, dtype=np.float32):
    generator = np.random.default_rng(seed)
    actual = generator.choice(5, n, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    centres = spread * generator.normal(size=(5, width))
    sides = (centres[actual] + generator.normal(size=(n, width)) for _ in range(2))
    return *(side.astype(dtype) for side in sides), actual


def assert_near(found, expected):
    """Float32 may exchange two clips of nearly one distance, which in a gallery this small one query can notice."""
    differences = np.abs(found - expected)
    assert differences.max() < 1e-4 and differences.mean() < 1e-6


@pytest.mark.parametrize("partner", Partner)
@pytest.mark.parametrize("seed", range(3))
def test_neighbours_agree_with_the_twin(seed, partner, monkeypatch):
    monkeypatch.setattr(neighbours, "QUERIES_AT_ONCE", 100)  # several blocks
    queries, gallery, actual = drawn(seed)
    found = neighbour_precisions(queries, gallery, actual, partner)
    assert_near(found, slow_precisions(queries, gallery, actual, partner))


@pytest.mark.parametrize(
    "move",
    [
        lambda q, g: (q + 1000, g + 1000),  # far from the origin
        lambda q, g: (q, g + 300),  # the modalities apart
        lambda q, g: (q * 1e25, g * 1e25),  # squares that float32 cannot hold
        lambda q, g: (q * 1e-25, g * 1e-25),
    ],
)
def test_float32_loses_nothing_that_counts(move):
    queries, gallery, actual = drawn(2)
    queries, gallery = (side.astype(np.float32) for side in move(queries, gallery))
    found = neighbour_precisions(queries, gallery, actual)
    assert_near(found, slow_precisions(queries, gallery, actual))


def test_classes_far_apart_lose_nothing_either():
    queries, gallery, actual = drawn(3, spread=1000)
    found = neighbour_precisions(queries, gallery, actual)
    assert_near(found, slow_precisions(queries, gallery, actual))


@pytest.mark.parametrize("far", [1e4, 1e8])
def test_a_clip_that_lies_far_off_takes_no_digit_from_the_others(far):
    queries, gallery, actual = drawn(5)
    gallery[5] = far
    found = neighbour_precisions(queries, gallery, actual)
    assert_near(found, slow_precisions(queries, gallery, actual))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_of_whole_numbers_are_exact(dtype):
    generator = np.random.default_rng(0)
    queries, gallery = (generator.integers(-3, 4, (300, 3)).astype(dtype) for _ in range(2))
    actual = generator.integers(0, 4, 300)
    found = neighbour_precisions(queries, gallery, actual)
    np.testing.assert_allclose(found, slow_precisions(queries, gallery, actual), rtol=0, atol=1e-9)


def test_silent_clips_of_one_embedding_are_tied_exactly():
    queries, gallery, actual = drawn(4, n=400, width=64)
    gallery[::2] = gallery[0]
    found = neighbour_precisions(queries, gallery, actual)
    assert_near(found, slow_precisions(queries, gallery, actual))
    order = np.random.default_rng(0).permutation(400)
    again = neighbour_precisions(queries[order], gallery[order], actual[order])
    assert_near(again, found[order])


def test_a_clip_never_finds_itself_within_one_modality_unless_told_to():
    # Clips of a class lie far apart, each beside a stranger: only oneself is near.
    line = np.array([0.0, 0.1, 10, 10.1, 20, 20.1])[:, None]
    actual = np.array([0, 1, 1, 2, 2, 0])
    assert neighbour_precisions(line, line, actual).max() < 1
    assert neighbour_precisions(line, line, actual)[0] == pytest.approx(1 / 5)
    kept = neighbour_precisions(line, line, actual, Partner.KEEP)
    assert kept[0] == pytest.approx((1 + 2 / 6) / 2)


def test_a_class_of_one_clip_has_nothing_to_find():
    rows = np.array([[0.0], [1.0], [3.0]])
    found = neighbour_precisions(rows, rows, np.array([0, 0, 7]))
    assert found[:2].tolist() == [1.0, 1.0] and np.isnan(found[2])
    assert neighbour_precisions(rows, rows, np.array([0, 0, 7]), Partner.KEEP)[2] == 1.0
    assert len(neighbour_precisions(rows[:0], rows[:0], np.array([], int))) == 0


@pytest.mark.parametrize(("shape", "n_labels"), [((4, 2), 3), ((3, 1), 3), ((3, 2), 4)])
def test_sides_that_do_not_pair_up(shape, n_labels):
    with pytest.raises(
        SetupError, match=r"queries are \(3, 2\), the gallery .*expected row i of all to be clip i"
    ):
        neighbour_precisions(np.zeros((3, 2)), np.zeros(shape), np.zeros(n_labels, int))


def test_embeddings_that_are_not_finite_are_named():
    rows = np.array([[0.0], [np.nan], [np.inf]])
    with pytest.raises(
        SetupError, match=r"2 of 3 embeddings are not finite, the first in row 1; check the model"
    ):
        neighbour_precisions(rows, rows, np.array([0, 0, 0]))
