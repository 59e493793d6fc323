import numpy as np
import pytest
from closed_form_world import N_SEEN, TABLE, ClosedFormWorld, labelled

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures, View
from models.baselines.eszsl import ESZSL_GRID, EszslSettings, eszsl_grid, fit_eszsl
from models.inputs import InputForm

RAW = {"features": InputForm.RAW, "words": InputForm.RAW}


def slow_eszsl(features, labels, class_vectors, gamma, lambda_):
    """The closed form of the source, letter by letter, with inverses."""
    x, s = features.T.astype(float), class_vectors.T.astype(float)
    y = np.array([[1.0 if label == c else -1.0 for c in range(len(class_vectors))] for label in labels])
    left = np.linalg.inv(x @ x.T + gamma * np.eye(len(x)))
    right = np.linalg.inv(s @ s.T + lambda_ * np.eye(len(s)))
    return left @ x @ y @ s.T @ right


@pytest.mark.parametrize(("gamma", "lambda_"), [(1e-3, 1e-3), (1e3, 1e-3), (1.0, 10.0), (1e3, 1e3)])
def test_weights_are_those_of_the_source(gamma, lambda_):
    world = ClosedFormWorld()
    seen, actual = world.seen()
    model = fit_eszsl(seen, world.class_vectors, EszslSettings(gamma, lambda_, **RAW), view=View.AUDIO)
    slow = slow_eszsl(seen.clips.audio, actual, world.class_vectors[:N_SEEN], gamma, lambda_)
    assert np.allclose(model.weights, slow, rtol=1e-3, atol=1e-5 * np.abs(slow).max())


def test_a_case_small_enough_to_do_by_hand():
    # Two clips along two axes, two classes along one axis each: X = S = I, Y = [[1, -1], [-1, 1]], so W = Y / 4.
    clips = ClipFeatures(np.eye(2, dtype=np.float32), np.zeros((2, 0), np.float32))
    vectors = np.zeros((len(TABLE.names), 2), np.float32)
    vectors[:2] = np.eye(2)
    model = fit_eszsl(labelled(clips, [0, 1]), vectors, EszslSettings(1.0, 1.0, **RAW), view=View.AUDIO)
    assert np.allclose(model.weights, [[0.25, -0.25], [-0.25, 0.25]])


def test_every_cell_of_the_grid_is_the_fit_of_its_settings():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    cells = list(eszsl_grid(seen, world.class_vectors, view=View.CONCAT))
    assert [settings for settings, _ in cells] == list(ESZSL_GRID)
    assert len(cells) == 49
    for settings, model in cells[::12]:
        alone = fit_eszsl(seen, world.class_vectors, settings, view=View.CONCAT)
        assert np.array_equal(model.weights, alone.weights)


def test_it_knows_unseen_classes_and_never_looked_at_their_vectors():
    world = ClosedFormWorld()
    seen, _ = world.seen(counts=(20,) * N_SEEN)
    model = fit_eszsl(seen, world.class_vectors, view=View.AUDIO)
    others = world.class_vectors.copy()
    others[N_SEEN:] = np.nan
    assert np.array_equal(fit_eszsl(seen, others, view=View.AUDIO).weights, model.weights)
    actual = np.arange(N_SEEN, len(TABLE.names)).repeat(20)
    found = model.scores(world.clips(actual), world.class_vectors)[:, N_SEEN:].argmax(1) + N_SEEN
    assert (found == actual).mean() > 0.6  # chance is 1 / 4


def test_the_order_of_clips_is_of_no_account():
    world = ClosedFormWorld()
    seen, actual = world.seen()
    turned = labelled(seen.clips.rows(slice(None, None, -1)), actual[::-1])
    models = [fit_eszsl(clips, world.class_vectors, view=View.VIDEO) for clips in (seen, turned)]
    assert np.allclose(models[0].weights, models[1].weights, rtol=1e-4, atol=1e-6)


def test_features_and_class_vectors_of_another_width_are_refused():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    model = fit_eszsl(seen, world.class_vectors, view=View.AUDIO)
    with pytest.raises(
        SetupError,
        match=r"audio features and class vectors are \(12, 4\) wide, expected \(12, 6\) as in training",
    ):
        model.scores(seen.clips, world.class_vectors[:, :4])
    short = ClipFeatures(seen.clips.audio[:, :9], seen.clips.video)
    with pytest.raises(SetupError, match=r"are \(9, 6\) wide, expected \(12, 6\) as in training"):
        model.scores(short, world.class_vectors)


def test_weights_must_be_above_0():
    with pytest.raises(SetupError, match=r"gamma 0.0 and lambda 1.0 must both be above 0"):
        EszslSettings(0.0, 1.0)
