import math

import numpy as np
import pytest
from closed_form_world import N_SEEN, TABLE, ClosedFormWorld
from hypothesis import given, settings
from hypothesis import strategies as st

import models.baselines.softmax as softmax_module
from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import View
from models.baselines.conse import CONSE_GRID, ConseSettings, conse_grid, fit_conse, likeliest
from models.baselines.softmax import fit_softmax
from models.inputs import InputForm

RAW = {"features": InputForm.RAW, "words": InputForm.RAW}


def slow_gradient(softmax, features, labels, ridge, balanced):
    """The slope of the loss at a place, clip by clip and class by class; 0 at the one minimum."""
    n, n_seen = len(labels), int(max(labels)) + 1
    counts = [sum(label == c for label in labels) for c in range(n_seen)]
    slope = ridge * softmax.weights.astype(float)
    slope_of_bias = np.zeros(n_seen)
    for x, label in zip(features.astype(float), labels, strict=True):
        logits = [x @ softmax.weights[:, c] + softmax.bias[c] for c in range(n_seen)]
        total = sum(math.exp(logit) for logit in logits)
        weight = 1 / (n_seen * counts[label]) if balanced else 1 / n
        for c in range(n_seen):
            error = weight * (math.exp(logits[c]) / total - (c == label))
            slope[:, c] += error * x
            slope_of_bias[c] += error
    return slope, slope_of_bias


@pytest.mark.parametrize("balanced", [True, False])
def test_the_softmax_is_at_the_minimum_of_its_loss(balanced):
    world = ClosedFormWorld()
    seen, actual = world.seen(noise=1.5)
    model = fit_conse(seen, world.class_vectors, ConseSettings(3, 0.01, balanced, **RAW), view=View.AUDIO)
    slope, slope_of_bias = slow_gradient(model.softmax, seen.clips.audio, actual, 0.01, balanced)
    assert np.abs(slope).max() < 2e-4
    assert np.abs(slope_of_bias).max() < 2e-4
    at_start = type(model.softmax)(0 * model.softmax.weights, 0 * model.softmax.bias)
    assert np.abs(slow_gradient(at_start, seen.clips.audio, actual, 0.01, balanced)[0]).max() > 0.1


def test_a_weighting_of_classes_is_that_of_repeated_clips():
    world = ClosedFormWorld()
    seen, actual = world.seen(counts=(2, 4, 2, 2, 2, 2, 2, 2, 2), noise=1.5)
    twice = np.r_[np.arange(len(actual)), np.flatnonzero(actual != 1)]
    repeated = type(seen)(
        seen.clips.rows(twice),
        type(seen.labels)(
            tuple(seen.labels.class_names[i] for i in twice), ("train",) * len(twice), seen.labels.classes
        ),
    )
    one = fit_conse(seen, world.class_vectors, ConseSettings(3, 0.01, True, **RAW), view=View.AUDIO)
    other = fit_conse(repeated, world.class_vectors, ConseSettings(3, 0.01, False, **RAW), view=View.AUDIO)
    assert np.allclose(one.softmax.weights, other.softmax.weights, atol=0.02)


def test_two_classes_have_a_column_each_as_more_have():
    world = ClosedFormWorld()
    actual = np.array([0, 1] * 8 + [0] * 5)
    clips = world.clips(actual, noise=1.5)
    softmax = fit_softmax(clips.audio, actual, ridge=0.05, balanced=True)
    assert softmax.weights.shape == (12, 2)
    slope, slope_of_bias = slow_gradient(softmax, clips.audio, actual, 0.05, True)
    assert max(np.abs(slope).max(), np.abs(slope_of_bias).max()) < 2e-4
    assert np.allclose(softmax.probabilities(clips.audio).sum(1), 1)


def test_scores_are_the_cosine_of_the_mix_with_any_class():
    world = ClosedFormWorld()
    seen, _ = world.seen(noise=1.5)
    model = fit_conse(seen, world.class_vectors, ConseSettings(3, 0.01, **RAW), view=View.VIDEO)
    clips = world.clips(np.array([1, 8, 12]), noise=1.5)
    found = model.scores(clips, world.class_vectors)
    for i, p in enumerate(model.softmax.probabilities(clips.video)):
        best = sorted(range(N_SEEN), key=lambda c: -p[c])[:3]
        mix = sum(p[c] * world.class_vectors[c] for c in best) / sum(p[c] for c in best)
        for j, s in enumerate(world.class_vectors):
            assert found[i, j] == pytest.approx(mix @ s / np.linalg.norm(mix) / np.linalg.norm(s), abs=1e-5)


def slow_standard(row, learnt_from):
    """One row, standardised dimension by dimension by the rows learnt from, then at length 1."""
    found = []
    for x, column in zip(row.astype(float), learnt_from.T.astype(float), strict=True):
        mean = sum(column) / len(column)
        found.append((x - mean) / math.sqrt(sum((c - mean) ** 2 for c in column) / len(column)))
    return np.array(found) / math.sqrt(sum(x * x for x in found))


def test_words_are_mixed_and_met_in_the_form_in_which_they_come_by_default():
    # Far from 0 and of many scales, so that no form can stand in for another.
    world = ClosedFormWorld()
    vectors = (world.class_vectors * 2.0 ** np.arange(6) + 3).astype(np.float32)
    seen, _ = world.seen(noise=1.5)
    model = fit_conse(seen, vectors, view=View.AUDIO)
    clips = world.clips(np.array([1, 8, 12]), noise=1.5)
    found = model.scores(clips, vectors)
    words = [slow_standard(s, vectors[:N_SEEN]) for s in vectors]
    rows = np.array([slow_standard(x, seen.clips.audio) for x in clips.audio])
    for i, p in enumerate(model.softmax.probabilities(rows.astype(np.float32))):
        best = sorted(range(N_SEEN), key=lambda c: -p[c])[:5]
        mix = sum(p[c] * words[c] for c in best) / sum(p[c] for c in best)
        for j, s in enumerate(words):
            assert found[i, j] == pytest.approx(mix @ s / np.linalg.norm(mix), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4), st.integers(1, 6))
def test_the_likeliest_classes_share_all_there_is(weights, top):
    probabilities = np.array([weights]) / sum(weights)
    shares = likeliest(probabilities, top)
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).sum() == min(top, 4)
    assert shares[0, np.argmax(weights)] == shares.max()
    if top >= 4:
        assert np.allclose(shares, probabilities)


def test_cells_that_differ_in_what_is_mixed_share_a_softmax_and_all_are_fits_of_their_settings():
    world = ClosedFormWorld()
    seen, _ = world.seen(noise=1.5)
    cells = list(conse_grid(seen, world.class_vectors, view=View.AUDIO))
    assert [cell for cell, _ in cells] == list(CONSE_GRID)
    assert len({id(model.softmax) for _, model in cells}) == len({cell.ridge for cell in CONSE_GRID})
    clips = world.clips(np.arange(len(TABLE.names)))
    cell, model = cells[20]
    alone = fit_conse(seen, world.class_vectors, cell, view=View.AUDIO)
    assert np.array_equal(model.scores(clips, world.class_vectors), alone.scores(clips, world.class_vectors))


def test_it_knows_unseen_classes():
    world = ClosedFormWorld()
    seen, _ = world.seen(counts=(20,) * N_SEEN)
    actual = np.arange(N_SEEN, len(TABLE.names)).repeat(20)
    model = fit_conse(seen, world.class_vectors, view=View.AUDIO)
    scores = model.scores(world.clips(actual), world.class_vectors)
    assert (scores[:, N_SEEN:].argmax(1) + N_SEEN == actual).mean() > 0.5  # chance is 1 / 4


def test_a_softmax_that_does_not_come_to_rest_says_so(monkeypatch):
    monkeypatch.setattr(softmax_module, "MAX_STEPS", 2)
    world = ClosedFormWorld()
    seen, _ = world.seen()
    with pytest.raises(SetupError, match=r"did not come to rest in 2 steps with ridge 1e-06; raise ridge"):
        fit_conse(seen, world.class_vectors, ConseSettings(ridge=1e-6), view=View.AUDIO)


def test_wrong_widths_and_settings_are_refused():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    model = fit_conse(seen, world.class_vectors, view=View.AUDIO)
    with pytest.raises(
        SetupError, match=r"audio features and class vectors are \(12, 4\) wide, expected \(12, 6\)"
    ):
        model.scores(seen.clips, world.class_vectors[:, :4])
    with pytest.raises(SetupError, match=r"top 0 must be 1 or more"):
        ConseSettings(top=0)
    with pytest.raises(SetupError, match=r"ridge 0.0 must be above 0"):
        ConseSettings(ridge=0.0)
