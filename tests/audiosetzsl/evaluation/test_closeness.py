import math

import numpy as np
import pytest

from audiosetzsl.evaluation.closeness import closeness, distinct_rows


def test_closeness_is_minus_the_distance_and_nothing_at_home():
    near = closeness(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0, 4.0]]))
    np.testing.assert_allclose(near, [[-5.0], [0.0]], atol=1e-7)


def test_closeness_agrees_with_a_double_loop():
    generator = np.random.default_rng(0)
    left = generator.normal(size=(5, 7)).astype(np.float32)
    right = generator.normal(size=(4, 7)).astype(np.float32)
    slow = [[-math.dist(a.astype(float), b.astype(float)) for b in right] for a in left]
    np.testing.assert_allclose(closeness(left, right), slow, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clips_of_one_embedding_are_equally_close_to_the_last_bit(dtype):
    # A matrix product alone rounds the same row differently at different places.
    generator = np.random.default_rng(0)
    clips, text = (generator.normal(size=(n, 64)).astype(dtype) for n in (2000, 33))
    clips[::3] = clips[0]
    scores = closeness(clips, text)
    assert (scores[::3] == scores[0]).all()
    np.testing.assert_array_equal(
        closeness(text, clips)[:, ::3], closeness(text, clips)[:, :1].repeat(667, 1)
    )
    np.testing.assert_allclose(scores[1], [-math.dist(clips[1], t) for t in text], rtol=1e-6)


def test_distinct_rows_say_where_each_row_went():
    rows = np.array([[1.0, 2], [0.0, 1], [1, 2], [-0.0, 1]])
    distinct, place = distinct_rows(rows)
    assert len(distinct) == 2 and place[0] == place[2] and place[1] == place[3]  # minus zero is zero
    np.testing.assert_array_equal(distinct[place], rows)
    without, place = distinct_rows(rows[:2])
    assert without.tolist() == rows[:2].tolist() and place.tolist() == [0, 1]
    assert distinct_rows(rows[:0])[0].shape == (0, 2)
