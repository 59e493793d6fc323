"""The curve of calibrated stacking, against trying betas one by one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.curve import Curve, curve_of_gaps, first_best
from audiosetzsl.evaluation.protocol import Scores, curve_of
from audiosetzsl.evaluation.training_set import ClassTable

CLASSES = ClassTable(("dog", "pig", "cat", "bus", "owl"), (True, False, True, False, True))
SEEN = list(CLASSES.seen)
WHOLE = st.integers(-4, 4)
quick = settings(max_examples=40, deadline=None)


def slow_s_and_u(values, actual, seen, beta):
    """Eq. 8 word for word, with d = -score, then the share of each class, then the mean of either side."""
    hits = {c: [] for c in range(len(seen))}
    for row, truth in zip(values, actual, strict=True):
        distances = [-v + beta * s for v, s in zip(row, seen, strict=True)]
        predicted = min(
            range(len(seen)), key=lambda c: (distances[c], seen[c], c)
        )  # a tie is not called seen
        hits[truth].append(predicted == truth)
    shares = {c: sum(found) / len(found) for c, found in hits.items() if found}
    of_seen = [share for c, share in shares.items() if seen[c]]
    of_unseen = [share for c, share in shares.items() if not seen[c]]
    return sum(of_seen) / len(of_seen), sum(of_unseen) / len(of_unseen)


def slow_area(points):
    """Trapezoids under S over U."""
    return sum((u2 - u1) * (s1 + s2) / 2 for (s1, u1), (s2, u2) in itertools.pairwise(points))


@st.composite
def scored(draw, cells=WHOLE):
    """Scores of clips of two classes of each side at least; whole numbers make equal gaps common."""
    actual = [0, 1, 2, 3, *draw(st.lists(st.integers(0, 4), max_size=10))]
    row = st.lists(cells, min_size=5, max_size=5)
    values = draw(st.lists(row, min_size=len(actual), max_size=len(actual)))
    return Scores(np.array(values, dtype=float), np.array(actual), CLASSES, "val")


def betas_to_try(scores):
    """Every gap there is, a beta between each two, and one beyond either end."""
    seen = np.array(SEEN)
    gaps = sorted(set((scores.values[:, seen].max(1) - scores.values[:, ~seen].max(1)).tolist()))
    between = [(a + b) / 2 for a, b in itertools.pairwise(gaps)]
    return [gaps[0] - 1, *gaps, *between, gaps[-1] + 1]


def test_curve_by_hand():
    # A dog leads by 3, another by 1, a pig is taken for a dog by 2; all are right on their own side.
    values = np.array([[3.0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [4, 2, 0, 0, 0]])
    curve = curve_of(Scores(values, np.array([0, 0, 1]), CLASSES, "val"))
    assert curve.betas.tolist() == [-np.inf, 1, 2, 3]
    assert curve.seen.tolist() == [1, 0.5, 0.5, 0]
    assert curve.unseen.tolist() == [0, 0, 1, 1]
    assert curve.harmonic.tolist() == [0, 0, pytest.approx(2 / 3), 0]
    assert (curve.optimum.beta, curve.optimum.harmonic) == (2.5, pytest.approx(2 / 3))
    assert curve.ausuc == 0.5
    assert (curve.seen_alone, curve.unseen_alone) == (1, 1)


def test_equal_gaps_of_both_sides_turn_at_once_and_make_a_slope():
    # A dog and a pig lead by 1: no beta has both right, and the area is that of the triangle.
    curve = curve_of(Scores(np.array([[1.0, 0, 0, 0, 0], [2, 1, 0, 0, 0]]), np.array([0, 1]), CLASSES, "val"))
    assert list(zip(curve.seen, curve.unseen, strict=True)) == [(1, 0), (0, 1)]
    assert curve.ausuc == 0.5
    assert curve.optimum.harmonic == 0


@quick
@given(scored())
def test_curve_agrees_with_its_twin_at_every_gap_and_between(scores):
    curve = curve_of(scores)
    betas = betas_to_try(scores)
    steps = curve.steps_at(np.array(betas))
    for beta, step in zip(betas, steps, strict=True):
        s, u = slow_s_and_u(scores.values, scores.actual, SEEN, beta)
        assert (curve.seen[step], curve.unseen[step]) == pytest.approx((s, u), abs=1e-14)
    points = [slow_s_and_u(scores.values, scores.actual, SEEN, beta) for beta in sorted(betas)]
    assert curve.ausuc == pytest.approx(slow_area(points), abs=1e-14)
    best = max(2 * s * u / (s + u) if s + u else 0 for s, u in points)
    assert curve.optimum.harmonic == pytest.approx(best, abs=1e-14)


@quick
@given(scored(st.floats(-3, 3, width=32)))
def test_the_beta_of_the_optimum_reaches_it(scores):
    best = curve_of(scores).optimum
    s, u = slow_s_and_u(scores.values, scores.actual, SEEN, 0.0)
    if best.harmonic:
        curve = curve_of(scores)
        assert curve.harmonic[curve.steps_at(np.array([best.beta]))[0]] == best.harmonic
    assert best.harmonic >= (2 * s * u / (s + u) if s + u else 0) - 1e-12


@quick
@given(scored())
def test_s_falls_u_rises_and_the_ends_know_one_side_only(scores):
    curve = curve_of(scores)
    assert (np.diff(curve.betas[1:]) > 0).all()
    assert (np.diff(curve.seen) <= 1e-12).all()
    assert (np.diff(curve.unseen) >= -1e-12).all()
    assert (curve.unseen[0], curve.seen[-1]) == (0, 0)
    seen = np.array(SEEN)
    alone = [np.where(side, scores.values, -100.0) for side in (seen, ~seen)]
    assert curve.seen_alone == pytest.approx(slow_s_and_u(alone[0], scores.actual, SEEN, 0.0)[0])
    assert curve.unseen_alone == pytest.approx(slow_s_and_u(alone[1], scores.actual, SEEN, 0.0)[1])
    smaller = np.minimum(curve.seen, curve.unseen)
    mean = (curve.seen + curve.unseen) / 2
    assert (curve.harmonic >= smaller - 1e-12).all()
    assert (curve.harmonic <= np.minimum(2 * smaller, mean) + 1e-12).all()
    assert -1e-12 <= curve.ausuc <= curve.seen_alone * curve.unseen_alone + 1e-12


@quick
@given(scored(), st.permutations(range(5)), st.randoms(use_true_random=False), st.integers(-1000, 1000))
def test_order_of_clips_and_classes_and_a_constant_change_nothing(scores, order, random, constant):
    clips = list(range(len(scores.actual)))
    random.shuffle(clips)
    classes = ClassTable(tuple(CLASSES.names[c] for c in order), tuple(SEEN[c] for c in order))
    # Equal scores within a side go to the first class, which another order of classes changes: so there are none.
    values = scores.values + np.linspace(0, 0.5, 5)
    moved = Scores(
        values[clips][:, list(order)] + constant,
        np.array([order.index(c) for c in scores.actual[clips]]),
        classes,
        "val",
    )
    one, other = curve_of(Scores(values, scores.actual, CLASSES, "val")), curve_of(moved)
    np.testing.assert_allclose(other.betas, one.betas, atol=1e-9)
    np.testing.assert_allclose(other.seen, one.seen, atol=1e-14)
    np.testing.assert_allclose(other.unseen, one.unseen, atol=1e-14)
    assert other.optimum.beta == pytest.approx(one.optimum.beta, abs=1e-9)


def test_a_model_that_is_never_right_has_a_curve_too():
    curve = curve_of_gaps(np.array([1.0, 2.0]), np.zeros(2, bool), np.array([0, 1]), np.array(SEEN))
    assert (curve.betas.tolist(), curve.seen.tolist(), curve.unseen.tolist()) == ([-np.inf], [0], [0])
    assert (curve.optimum.beta, curve.optimum.harmonic, curve.ausuc) == (0, 0, 0)


def test_between_neighbours_among_the_floats_the_optimum_still_lies_in_its_step():
    # The middle of these two is rounded to the second, at which the seen clip is lost.
    start = np.nextafter(1.0, 2.0)
    end = np.nextafter(start, 2.0)
    curve = Curve(np.array([-np.inf, start, end]), np.array([1.0, 1, 0]), np.array([0.0, 1, 1]))
    assert start + (end - start) / 2 == end
    assert (curve.optimum.beta, curve.optimum.harmonic) == (start, 1)


def test_harmonic_means_that_differ_by_rounding_alone_are_equal():
    assert first_best(np.array([0.1, 0.3, 0.1 + 0.2, 0.2])) == 1


def test_a_side_without_clips_is_an_error():
    with pytest.raises(SetupError, match="none of the 2 classes to average over has a clip"):
        curve_of(Scores(np.zeros((2, 5)), np.array([0, 2]), CLASSES, "val"))
