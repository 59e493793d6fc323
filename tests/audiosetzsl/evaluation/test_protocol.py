from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.metrics import harmonic_mean, mean_class_accuracy
from audiosetzsl.evaluation.protocol import Beta, Scores, choose_beta, choose_exact_beta, classify
from audiosetzsl.evaluation.training_set import ClassTable

CLASSES = ClassTable(("dog", "pig", "cat", "bus"), (True, False, True, False))
SEEN = CLASSES.seen_mask


def fixed(value):
    return Beta(value, "val", 0.0)


def slow_predictions(values, seen, beta):
    """Eq. 8 word for word, with d = -score: argmin of d + beta I(seen); a tie is not called seen."""
    predicted = []
    for row in values:
        distances = [-v + beta * s for v, s in zip(row, seen, strict=True)]
        predicted.append(min(range(len(row)), key=lambda c: (distances[c], seen[c], c)))
    return np.array(predicted)


@st.composite
def scored(draw, split="val", without_ties=False):
    """Small matrices of whole numbers, so that ties are common and shifts are exact; every class has a clip.

    Without ties, no clip has one score twice; the gaps of clips are tied all the same.
    """
    n_more = draw(st.integers(0, 8))
    actual = [0, 1, 2, 3, *draw(st.lists(st.integers(0, 3), min_size=n_more, max_size=n_more))]
    cells = st.integers(-4, 4)
    row = st.lists(cells, min_size=4, max_size=4, unique=without_ties)
    values = draw(st.lists(row, min_size=len(actual), max_size=len(actual)))
    return Scores(np.array(values, dtype=float), np.array(actual), CLASSES, split)


def one_clip_a_class():
    """Each clip is nearest to its own class, but for the pig, which looks like a dog by 1."""
    values = np.array([[3.0, 0, 0, 0], [2, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 3]])
    return Scores(values, np.arange(4), CLASSES, "val")


def test_classification_by_hand():
    result = classify(one_clip_a_class(), fixed(0.0))
    assert (result.seen, result.unseen, result.zero_shot) == (1.0, 0.5, 1.0)
    assert result.harmonic == pytest.approx(2 / 3)
    assert result.by_class == {"dog": 1.0, "pig": 0.0, "cat": 1.0, "bus": 1.0}


def test_beta_by_hand():
    # Gaps are 3, 1, 3, -3; from beta 1 on the pig is no longer a dog, and below 3 dog and cat stay seen.
    # Of the 26 points -3, -2.76, ... the first at 1 or above is -3 + 17 * 0.24.
    beta = choose_beta(one_clip_a_class())
    assert beta.value == pytest.approx(-3 + 17 * 0.24)
    assert beta.harmonic == 1.0
    assert beta.chosen_on == "val"


def test_equally_good_betas_give_the_smallest():
    # Nothing is ever right: HM is 0 at all 26 points.
    values = np.array([[0.0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]])
    scores = Scores(values, np.arange(4), CLASSES, "val")
    assert choose_beta(scores).value == -1.0


@pytest.mark.parametrize("choose", [choose_beta, choose_exact_beta])
def test_beta_is_never_chosen_on_test(choose):
    val = one_clip_a_class()
    with pytest.raises(SetupError, match="beta is chosen on val, but these are scores of test"):
        choose(Scores(val.values, val.actual, CLASSES, "test"))


def test_exact_beta_lies_in_the_middle_of_the_best():
    # HM is 1 from 1 on and below 3.
    assert choose_exact_beta(one_clip_a_class()) == Beta(2.0, "val", 1.0)


def test_what_the_test_could_have_come_to_is_told_but_does_not_choose():
    # With beta 0 the pig is a dog; U over S is a square of area 1, since one beta has all right.
    result = classify(one_clip_a_class(), fixed(0.0))
    assert (result.beta, result.harmonic) == (0.0, pytest.approx(2 / 3))
    assert (result.best_beta_on_test, result.best_harmonic_on_test, result.ausuc) == (2.0, 1.0, 1.0)


@settings(max_examples=40)
@given(scored(), st.integers(-9, 9))
def test_no_beta_beats_the_exact_one(scores, beta):
    exact = choose_exact_beta(scores)
    result = classify(scores, exact)
    assert result.harmonic == pytest.approx(exact.harmonic, abs=1e-12)
    assert (result.best_harmonic_on_test, result.best_beta_on_test) == (exact.harmonic, exact.value)
    for other in (choose_beta(scores).harmonic, classify(scores, fixed(float(beta))).harmonic):
        assert exact.harmonic >= other - 1e-12


def test_narrow_scores_choose_as_wide_ones_do():
    wide = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    actual = np.arange(200) % 4
    narrow = Scores(wide, actual, CLASSES, "val")
    assert choose_beta(narrow) == choose_beta(Scores(wide.astype(np.float64), actual, CLASSES, "val"))


@settings(max_examples=40)
@given(scored(), st.integers(-9, 9))
def test_stacking_agrees_with_its_twin(scores, beta):
    predicted = slow_predictions(scores.values, SEEN, beta)
    result = classify(scores, fixed(float(beta)))
    assert result.seen == mean_class_accuracy(predicted, scores.actual, SEEN)
    assert result.unseen == mean_class_accuracy(predicted, scores.actual, ~SEEN)


@settings(max_examples=40)
@given(scored())
def test_chosen_beta_agrees_with_trying_all_26_points(scores):
    values = scores.values
    gaps = values[:, SEEN].max(1) - values[:, ~SEEN].max(1)
    best = (-1.0, 0.0)
    for step in range(26):
        value = gaps.min() + step * (gaps.max() - gaps.min()) / 25
        predicted = [
            (r[SEEN].argmax() * 2) if gap > value + 1e-9 else (r[~SEEN].argmax() * 2 + 1)
            for r, gap in zip(values, gaps, strict=True)
        ]
        s, u = (mean_class_accuracy(np.array(predicted), scores.actual, g) for g in (SEEN, ~SEEN))
        if harmonic_mean(s, u) > best[0]:
            best = (harmonic_mean(s, u), value)
    beta = choose_beta(scores)
    assert (beta.harmonic, beta.value) == pytest.approx(best)


@settings(max_examples=40)
@given(scored(), st.randoms(use_true_random=False))
def test_the_order_of_clips_changes_nothing(scores, random):
    order = list(range(len(scores.actual)))
    random.shuffle(order)
    shuffled = Scores(scores.values[order], scores.actual[order], CLASSES, "val")
    assert choose_beta(shuffled) == choose_beta(scores)
    assert classify(shuffled, choose_beta(scores)) == classify(scores, choose_beta(scores))


@pytest.mark.parametrize("choose", [choose_beta, choose_exact_beta])
@settings(max_examples=40)
@given(scored(without_ties=True), st.permutations(range(4)))
def test_the_order_of_classes_changes_nothing(choose, scores, order):
    """But where a clip has one score twice: the class that stands first is taken then."""
    table = ClassTable(tuple(CLASSES.names[n] for n in order), tuple(CLASSES.seen[n] for n in order))
    turned = Scores(scores.values[:, order], np.argsort(order)[scores.actual], table, "val")
    beta, of_turned = choose(scores), choose(turned)
    assert of_turned.value == beta.value
    found, expected = (asdict(classify(*both)) for both in ((turned, of_turned), (scores, beta)))
    assert found.pop("by_class") == expected.pop("by_class")
    found["chosen"], expected["chosen"] = of_turned.harmonic, beta.harmonic
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


@settings(max_examples=40)
@given(scored(), st.integers(-1000, 1000))
def test_a_constant_added_to_all_scores_changes_nothing(scores, constant):
    shifted = Scores(scores.values + constant, scores.actual, CLASSES, "val")
    assert choose_beta(shifted) == choose_beta(scores)
    assert classify(shifted, choose_beta(shifted)) == classify(scores, choose_beta(scores))


@settings(max_examples=40)
@given(scored())
def test_at_the_ends_of_beta_only_one_side_is_left(scores):
    gaps = scores.values[:, SEEN].max(1) - scores.values[:, ~SEEN].max(1)
    none_seen = classify(scores, fixed(float(gaps.max())))
    assert (none_seen.seen, none_seen.unseen) == (0.0, none_seen.zero_shot)
    all_seen = classify(scores, fixed(float(gaps.min()) - 1))
    best_seen = np.flatnonzero(SEEN)[scores.values[:, SEEN].argmax(1)]
    assert all_seen.unseen == 0.0
    assert all_seen.seen == mean_class_accuracy(best_seen, scores.actual, SEEN)


@settings(max_examples=40)
@given(scored())
def test_harmonic_mean_and_zero_shot_bound_the_rest(scores):
    result = classify(scores, choose_beta(scores))
    assert 0 <= result.harmonic <= 2 * min(result.seen, result.unseen) + 1e-12
    assert result.unseen <= result.zero_shot
    assert result.harmonic == pytest.approx(choose_beta(scores).harmonic)


def test_scores_of_another_shape_or_with_nan_are_refused():
    with pytest.raises(SetupError, match=r"scores are \(4, 3\), expected \(4, 4\): clips x classes"):
        Scores(np.zeros((4, 3)), np.arange(4), CLASSES, "val")
    with pytest.raises(SetupError, match="16 scores are not finite"):
        Scores(np.full((4, 4), np.nan), np.arange(4), CLASSES, "val")
    with pytest.raises(SetupError, match="labels run from 1 to 4, expected columns of a table of 4 classes"):
        Scores(np.zeros((4, 4)), np.arange(1, 5), CLASSES, "val")


def test_one_sided_class_tables_have_no_generalised_protocol():
    only_seen = ClassTable(("dog", "cat"), (True, True))
    with pytest.raises(SetupError, match=r"2 clips, 2 seen classes, 0 unseen: .* needs some of each"):
        choose_beta(Scores(np.zeros((2, 2)), np.arange(2), only_seen, "val"))


def test_a_split_without_unseen_clips_says_so():
    with pytest.raises(SetupError, match="none of the 2 classes to average over has a clip"):
        classify(Scores(np.zeros((2, 4)), np.array([0, 2]), CLASSES, "test"), fixed(0.0))
