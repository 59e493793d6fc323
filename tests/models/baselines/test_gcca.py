import numpy as np
import pytest
from closed_form_world import N_SEEN, TABLE, ClosedFormWorld, labelled

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.retrieval import Direction, retrieve
from audiosetzsl.evaluation.training_set import ClipFeatures
from models.baselines.correlation import canonical_axes
from models.baselines.gcca import GCCA_GRID, GccaSettings, fit_gcca, gcca_grid
from models.inputs import InputForm

RAW = {"features": InputForm.RAW, "words": InputForm.RAW}


def test_axes_are_those_of_three_views_with_the_text_repeated_for_each_clip():
    world = ClosedFormWorld(video_width=10)
    seen, actual = world.seen()
    model = fit_gcca(seen, world.class_vectors, GccaSettings(5, **RAW))
    views = [seen.clips.audio, seen.clips.video, world.class_vectors[actual]]
    whole = np.hstack(views).astype(float)
    axes, correlations = canonical_axes(np.cov(whole.T, bias=True), (12, 10, 6), ridge=0.1, components=5)
    assert np.allclose(model.correlations, correlations)
    ours = np.vstack([model.audio.axes, model.video.axes, model.text.axes])
    assert np.allclose(np.abs(ours), np.abs(axes), atol=1e-3)
    assert np.allclose(model.text.mean, world.class_vectors[actual].mean(0), atol=1e-5)


def slow_projection(rows, learnt_from, axes):
    """What the view of these rows comes to: about the mean of what was learnt from, all at length 1."""
    unit = [[row / np.linalg.norm(row) for row in each.astype(float)] for each in (rows, learnt_from)]
    mean = sum(unit[1]) / len(unit[1])
    projected = [
        [sum(x * a for x, a in zip(row - mean, axis, strict=True)) for axis in axes.T.astype(float)]
        for row in unit[0]
    ]
    return [row / np.linalg.norm(row) for row in projected]


def test_embeddings_are_about_the_mean_of_what_was_learnt_from():
    # Far from 0, so that a mean that is forgotten would make all of them alike.
    world = ClosedFormWorld(video_width=10)
    vectors = world.class_vectors + 3
    seen, actual = world.seen()
    seen = labelled(ClipFeatures(seen.clips.audio + 3, seen.clips.video + 3), actual)
    model = fit_gcca(seen, vectors)
    near = world.clips(np.arange(len(TABLE.names)))
    clips = ClipFeatures(near.audio + 3, near.video + 3)
    found = model.embed(clips, vectors)
    for ours, rows, learnt_from, view in (
        (found.audio, clips.audio, seen.clips.audio, model.audio),
        (found.video, clips.video, seen.clips.video, model.video),
        (found.text, vectors, vectors[actual], model.text),
    ):
        assert np.allclose(ours, slow_projection(rows, learnt_from, view.axes), atol=1e-4)


def test_one_clip_asked_alone_is_embedded_as_among_others():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    model = fit_gcca(seen, world.class_vectors)
    clips = world.clips(np.arange(N_SEEN))
    together, alone = (model.embed(c, world.class_vectors) for c in (clips, clips.rows(slice(3, 4))))
    assert np.allclose(together.audio[3:4], alone.audio, atol=1e-5)
    assert np.allclose(np.linalg.norm(together.video, axis=1), 1, atol=1e-5)
    assert (together.alpha == 0.5).all()


def test_every_direction_finds_more_than_chance_also_for_unseen_classes():
    world = ClosedFormWorld(video_width=10)
    seen, _ = world.seen(counts=(30,) * N_SEEN)
    actual = np.arange(len(TABLE.names)).repeat(10)
    embeddings = fit_gcca(seen, world.class_vectors).embed(world.clips(actual), world.class_vectors)
    found = retrieve(embeddings, actual, TABLE)
    for direction in Direction:
        assert found[direction].seen > 0.3  # chance is about 1 / 13
        assert found[direction].unseen > 0.15


def test_every_cell_of_the_grid_is_the_fit_of_its_settings():
    world = ClosedFormWorld()
    seen, _ = world.seen()
    grid = (*(GccaSettings(n, ridge) for ridge in (0.01, 1.0) for n in (2, None, 4)), *GCCA_GRID[-1:])
    for settings, model in gcca_grid(seen, world.class_vectors, grid):
        alone = fit_gcca(seen, world.class_vectors, settings)
        assert np.allclose(model.correlations, alone.correlations)
        assert np.allclose(np.abs(model.text.axes), np.abs(alone.text.axes), atol=1e-4)
        assert settings.components is None or model.text.axes.shape[1] <= settings.components


def test_what_cannot_be_fitted_or_embedded_is_refused():
    world = ClosedFormWorld()
    seen, actual = world.seen()
    silent = labelled(ClipFeatures(np.zeros((len(actual), 0), np.float32), seen.clips.video), actual)
    with pytest.raises(SetupError, match=r"no audio features"):
        fit_gcca(silent, world.class_vectors)
    with pytest.raises(SetupError, match=r"rows are 5 wide, expected 6 as in training"):
        fit_gcca(seen, world.class_vectors).embed(seen.clips, world.class_vectors[:, :5])
    for blank in (0.0, 0.7):
        still = labelled(ClipFeatures(np.full_like(seen.clips.audio, blank), seen.clips.video), actual)
        with pytest.raises(SetupError, match=r"audio is the same for all clips to train on, so nothing can"):
            fit_gcca(still, world.class_vectors)
    with pytest.raises(SetupError, match=r"components 0 must be 1 or more, or None for all"):
        GccaSettings(components=0)
    with pytest.raises(SetupError, match=r"ridge -0.1 must be 0 or more and finite"):
        GccaSettings(ridge=-0.1)
