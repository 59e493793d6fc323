"""Means over seeds: Student's t against SciPy, and the numbers of a small sample worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.statistics import Summary, paired, student_t, summarise


def test_summary_by_hand():
    # Deviations -1, 0, 1: variance 2 / 2, and t is 4.303 for two degrees of freedom.
    found = summarise(np.array([33.0, 34.0, 35.0]))
    assert (found.mean, found.sd, found.n) == (34, 1, 3)
    assert found.high - 34 == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert 34 - found.low == pytest.approx(found.high - 34)


@pytest.mark.parametrize("freedom", [*range(1, 31), 99, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_students_t_agrees_with_scipy(freedom, confidence):
    assert student_t(freedom, confidence) == pytest.approx(stdtrit(freedom, (1 + confidence) / 2), rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=10))
def test_interval_agrees_with_its_twin(values):
    n, mean = len(values), sum(values) / len(values)
    sd = (sum((value - mean) ** 2 for value in values) / (n - 1)) ** 0.5
    reach = stdtrit(n - 1, 0.975) * sd / n**0.5
    found = summarise(np.array(values))
    assert (found.low, found.high, found.sd) == pytest.approx((mean - reach, mean + reach, sd), abs=1e-9)


def test_the_interval_holds_the_truth_95_times_in_100():
    draws = np.random.default_rng(0).normal(3, 2, (1000, 5))
    held = [found.low < 3 < found.high for found in map(summarise, draws)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_one_seed_has_no_interval():
    assert summarise(np.array([0.3])) == Summary(0.3, None, None, 1, None)


def test_what_seeds_do_to_both_cancels():
    left = {0: 30.0, 1: 20.0, 2: 40.0}
    found = paired(left, {2: 38.0, 0: 29.0, 1: 19.0})  # 1, 1, 2 more; the order of seeds does not matter
    assert found.mean == pytest.approx(4 / 3)
    assert found.low == pytest.approx(4 / 3 - 4.302653 / 3, rel=1e-5)
    assert found.high - found.low < summarise(np.array([30.0, 20, 40])).sd


def test_other_seeds_cannot_be_paired():
    with pytest.raises(SetupError, match=r"seeds \[0, 1\] cannot be compared with seeds \[0, 2\] one by one"):
        paired({0: 1.0, 1: 2.0}, {2: 1.0, 0: 2.0})


def test_nothing_and_nan_have_no_mean():
    with pytest.raises(SetupError, match="nothing to take the mean of; expected a number of each seed"):
        summarise(np.array([]))
    with pytest.raises(
        SetupError, match="1 of 2 numbers to take the mean of are not finite; leave the seeds"
    ):
        summarise(np.array([1.0, np.nan]))
