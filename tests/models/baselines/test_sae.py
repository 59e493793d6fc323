import numpy as np
import pytest
from closed_form_world import N_SEEN, TABLE, ClosedFormWorld, labelled
from scipy.linalg import solve_sylvester

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import ClipFeatures, View
from models.baselines.sae import SAE_GRID, SaeSettings, Space, fit_sae, sae_grid
from models.inputs import InputForm

RAW = {"features": InputForm.RAW, "words": InputForm.RAW}


def slow_sae(features, labels, class_vectors, lambda_):
    """The Sylvester equation of the source, letter by letter."""
    x, s = features.T.astype(float), class_vectors[labels].T.astype(float)
    return solve_sylvester(s @ s.T, lambda_ * x @ x.T, (1 + lambda_) * s @ x.T)


@pytest.mark.parametrize("lambda_", [1e-3, 1.0, 1e3])
def test_the_encoder_is_that_of_the_source(lambda_):
    world = ClosedFormWorld()
    seen, actual = world.seen()
    model = fit_sae(seen, world.class_vectors, SaeSettings(lambda_, **RAW), view=View.AUDIO)
    slow = slow_sae(seen.clips.audio, actual, world.class_vectors, lambda_)
    assert np.allclose(model.encoder, slow, rtol=1e-3, atol=1e-5 * np.abs(slow).max())


def test_more_words_than_classes_and_more_features_than_clips_solve_the_equation_too():
    world = ClosedFormWorld(width=70, text_width=30)
    seen, actual = world.seen()
    model = fit_sae(seen, world.class_vectors, SaeSettings(0.5, **RAW), view=View.VIDEO)
    x, s, w = seen.clips.video.T.astype(float), world.class_vectors[actual].T.astype(float), model.encoder
    assert np.allclose(s @ s.T @ w + 0.5 * w @ x @ x.T, 1.5 * s @ x.T, atol=1e-3)


@pytest.mark.parametrize("space", Space)
def test_scores_are_cosines_in_the_space_that_was_asked_for(space):
    world = ClosedFormWorld()
    seen, actual = world.seen()
    model = fit_sae(seen, world.class_vectors, SaeSettings(1.0, space, **RAW), view=View.AUDIO)
    clips = world.clips(np.array([0, 5, 11]))
    found = model.scores(clips, world.class_vectors)
    w = slow_sae(seen.clips.audio, actual, world.class_vectors, 1.0)
    for i, x in enumerate(clips.audio):
        for j, s in enumerate(world.class_vectors):
            a, b = (w @ x, s) if space is Space.WORDS else (x, w.T @ s)
            assert found[i, j] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-4)


def test_a_case_small_enough_to_do_by_hand():
    # A clip a class, along one axis each, twice as long as its class vector: 1 w + 1 w 4 = 2 x 2, so w = 4 / 5.
    clips = ClipFeatures(2 * np.eye(2, dtype=np.float32), np.zeros((2, 0), np.float32))
    vectors = np.zeros((len(TABLE.names), 2), np.float32)
    vectors[:2] = np.eye(2)
    model = fit_sae(labelled(clips, [0, 1]), vectors, SaeSettings(1.0, **RAW), view=View.AUDIO)
    assert np.allclose(model.encoder, 0.8 * np.eye(2))


def test_every_cell_of_the_grid_is_the_fit_of_its_settings():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    cells = list(sae_grid(seen, world.class_vectors, view=View.AUDIO))
    assert [settings for settings, _ in cells] == list(SAE_GRID)
    for settings, model in cells[::11]:
        alone = fit_sae(seen, world.class_vectors, settings, view=View.AUDIO)
        assert np.array_equal(model.encoder, alone.encoder)
        assert model.space is settings.space


def test_it_knows_unseen_classes():
    world = ClosedFormWorld()
    seen, _ = world.seen(counts=(20,) * N_SEEN)
    actual = np.arange(N_SEEN, len(TABLE.names)).repeat(20)
    for space in Space:
        model = fit_sae(seen, world.class_vectors, SaeSettings(space=space), view=View.AUDIO)
        scores = model.scores(world.clips(actual), world.class_vectors)
        assert (scores[:, N_SEEN:].argmax(1) + N_SEEN == actual).mean() > 0.6  # chance is 1 / 4


def test_wrong_widths_and_weights_are_refused():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    model = fit_sae(seen, world.class_vectors, view=View.AUDIO)
    with pytest.raises(
        SetupError, match=r"class vectors and audio features are \(4, 12\) wide, expected \(6, 12\)"
    ):
        model.scores(seen.clips, world.class_vectors[:, :4])
    with pytest.raises(SetupError, match=r"lambda -1.0 must be above 0"):
        SaeSettings(-1.0)
