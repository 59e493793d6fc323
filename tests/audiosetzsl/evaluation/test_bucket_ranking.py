"""Bucket ranking: to the ninth digit what a plain ranking says of the same distances, whatever they are like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.evaluation import bucket_ranking
from audiosetzsl.evaluation.bucket_ranking import precisions_of_first, sorted_within
from audiosetzsl.evaluation.ranking import average_precision

SHAPES = {
    "smooth": lambda g, shape: g.gamma(20, size=shape),
    "rounded": lambda g, shape: g.integers(0, 5, shape),
    "some the same": lambda g, shape: np.round(g.gamma(9, size=shape), 2),
    "all the same": lambda g, shape: np.full(shape, 3.0),
    "nothing": lambda g, shape: np.zeros(shape),
    "a far item": lambda g, shape: np.where(g.random(shape) < 0.01, 1e30, g.gamma(20, size=shape)),
    "many far items": lambda g, shape: g.pareto(0.3, size=shape),
    "next floats": lambda g, shape: 1 + g.integers(0, 9, shape) * np.finfo(np.float32).eps,
    "all the same but one": lambda g, shape: np.where(np.arange(shape[1]) == 5, 250.0, np.zeros(shape)),
    "tiny": lambda g, shape: g.integers(0, 9, shape) * 1e-44,
}


@pytest.mark.parametrize("n_relevant", [1, 7, 300, 400])
@pytest.mark.parametrize("kind", SHAPES)
def test_bucket_ranking_is_plain_ranking(kind, n_relevant):
    distances = SHAPES[kind](np.random.default_rng(n_relevant), (3, 400)).astype(np.float32)
    relevant = np.arange(400) < n_relevant
    plain = [average_precision(-row, relevant) for row in distances]
    np.testing.assert_allclose(precisions_of_first(distances, n_relevant), plain, rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_small_rankings_with_many_ties_agree_with_plain_ranking(levels, data):
    distances = np.array([levels], np.float32)
    n_relevant = data.draw(st.integers(1, len(levels)))
    plain = average_precision(-distances[0], np.arange(len(levels)) < n_relevant)
    assert precisions_of_first(distances, n_relevant)[0] == pytest.approx(plain, abs=1e-12)


@pytest.mark.parametrize("kind", ["smooth", "some the same", "many far items"])
def test_long_rankings_take_the_windows_and_agree_too(kind, monkeypatch):
    seen = []
    monkeypatch.setattr(
        bucket_ranking, "sorted_within", lambda *asked: seen.append(1) or sorted_within(*asked)
    )
    distances = SHAPES[kind](np.random.default_rng(0), (2, 12_000)).astype(np.float32)
    plain = [average_precision(-row, np.arange(12_000) < 4000) for row in distances]
    np.testing.assert_allclose(precisions_of_first(distances, 4000), plain, rtol=0, atol=1e-9)
    assert len(seen) == 2


@pytest.mark.parametrize("n", [1, 128, 255, 256, 257, 385, 3001])
@pytest.mark.parametrize("bits", [0, 4, 8])  # buckets of one key, of up to 16, too large for a window
def test_windows_sort_whatever_the_size_of_buckets(n, bits):
    keys = np.random.default_rng(n).integers(0, 2**12, n, dtype=np.uint32)
    buckets = (keys >> np.uint32(bits)).astype(np.uint16)
    np.testing.assert_array_equal(sorted_within(keys, buckets), np.sort(keys))
