from dataclasses import replace

import numpy as np
import pytest
import torch

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.protocol import Scores, choose_beta, classify
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels, View
from models.baselines.ale import ALE_GRID, AleSettings, fit_ale
from models.baselines.devise import DEVISE_GRID, DeviseSettings, fit_devise
from models.inputs import InputForm
from models.training import Optimising, Progress

N_SEEN, N_UNSEEN, WIDTH, TEXT_WIDTH = 10, 4, 24, 6
TABLE = ClassTable(
    tuple(f"class-{i}" for i in range(N_SEEN + N_UNSEEN)), (True,) * N_SEEN + (False,) * N_UNSEEN
)
QUICK = Optimising("sgd", 0.1, 0.9, batch_size=64, passes=6)
METHODS = pytest.mark.parametrize(
    ("fit", "kind"), [(fit_ale, AleSettings), (fit_devise, DeviseSettings)], ids=["ale", "devise"]
)


@pytest.fixture(scope="module")
def world():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(len(TABLE.names), TEXT_WIDTH)).astype(np.float32)
    to_audio = generator.normal(size=(TEXT_WIDTH, WIDTH))

    def clips(actual):
        audio = vectors[actual] @ to_audio + generator.normal(size=(len(actual), WIDTH))
        return ClipFeatures(audio.astype(np.float32), np.zeros((len(actual), 0), np.float32))

    actual = np.arange(N_SEEN).repeat(30)
    labels = SeenLabels(tuple(TABLE.names[i] for i in actual), ("train",) * len(actual), TABLE)
    return vectors, SeenClips(clips(actual), labels), clips


def fitted(fit, world, settings, *, seed=0, vectors=None, **how):
    how = {"validate": None, **how}
    return fit(
        world[1], world[0] if vectors is None else vectors, settings, view=View.AUDIO, seed=seed, **how
    )


@METHODS
def test_fitted_on_seen_classes_it_knows_the_unseen_ones(fit, kind, world):
    vectors, _, clips = world
    actual = np.arange(len(TABLE.names)).repeat(25)
    val, test = clips(actual), clips(actual)

    def scores(model, clips, split):
        return Scores(model.scores(clips, vectors), actual, TABLE, split)

    passes = []
    model = fitted(
        fit,
        world,
        kind(optimising=QUICK),
        validate=lambda found: choose_beta(scores(found, val, "val")).harmonic,
        on_pass=passes.append,
    )
    result = classify(scores(model, test, "test"), choose_beta(scores(model, val, "val")))
    assert result.zero_shot > 0.6  # chance is 1/4
    assert result.harmonic > 0.5
    assert choose_beta(scores(model, val, "val")).harmonic == max(one.val for one in passes)
    assert passes[-1].loss < passes[0].loss
    assert passes[-1].told["accuracy"] > 0.6


@METHODS
def test_it_is_scored_by_what_it_is_trained_on(fit, kind, world):
    model = fitted(fit, world, kind(optimising=QUICK, features=InputForm.UNIT))
    clips = world[2](np.arange(5))
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (clips.audio, world[0])]
    np.testing.assert_allclose(
        model.scores(clips, world[0]), units[0] @ model.weights @ units[1].T, rtol=1e-4, atol=1e-5
    )


@METHODS
def test_unseen_words_are_never_looked_at(fit, kind, world):
    blind = np.where(TABLE.seen_mask[:, None], world[0], np.float32(np.nan))
    with_them, without = (fitted(fit, world, kind(optimising=QUICK), vectors=v) for v in (world[0], blind))
    np.testing.assert_array_equal(with_them.weights, without.weights)


@METHODS
def test_a_word_that_shares_nothing_with_seen_ones_has_no_say(fit, kind, world):
    # Two dimensions that no seen word has; a map from a random start would score them by what it started with.
    wide = np.hstack([world[0], np.zeros((len(world[0]), 2), np.float32)])
    wide[~TABLE.seen_mask, -2:] = 1
    weights = fitted(fit, world, kind(optimising=QUICK), vectors=wide).weights
    assert np.abs(weights[:, :-2]).max() > 0
    assert not weights[:, -2:].any()


@METHODS
def test_the_seed_decides_all(fit, kind, world):
    one, again, other = (fitted(fit, world, kind(optimising=QUICK), seed=s).weights for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@METHODS
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_another_margin_is_another_rate(fit, kind, optimiser, world):
    """Which is why the grids have rates only."""
    momentum = 0.9 if optimiser == "sgd" else 0.0
    optimising = replace(QUICK, optimiser=optimiser, momentum=momentum, learning_rate=0.125, passes=2)
    twice = replace(optimising, learning_rate=0.25)
    one, other = (
        fitted(fit, world, kind(margin=margin, optimising=how)).weights
        for margin, how in ((0.5, optimising), (1.0, twice))
    )
    np.testing.assert_allclose(2 * one, other, rtol=1e-5, atol=1e-7)


@METHODS
def test_a_training_that_is_broken_off_goes_on(fit, kind, world, tmp_path):
    class Stopped(Exception):
        pass

    def stop(one):
        if one.number == 3:
            raise Stopped

    progress, settings = Progress(tmp_path / "run", "clips of a world", every_s=0.0), kind(optimising=QUICK)
    with pytest.raises(Stopped):
        fitted(fit, world, settings, on_pass=stop, progress=progress)
    passes = []
    model = fitted(fit, world, settings, on_pass=passes.append, progress=progress)
    np.testing.assert_array_equal(model.weights, fitted(fit, world, settings).weights)
    assert [one.number for one in passes] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("kind", [AleSettings, DeviseSettings])
@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_that_is_none_is_refused(kind, margin):
    with pytest.raises(SetupError, match=f"margin is {margin}, expected more than 0, such as 0.1 or 1"):
        kind(margin=margin)


@METHODS
def test_features_that_are_mapped_for_reading_are_enough(fit, kind, world):
    vectors, seen, clips = world
    audio = seen.clips.audio[::-1].copy()[::-1]
    audio.flags.writeable = False
    mapped = vectors, SeenClips(ClipFeatures(audio, seen.clips.video), seen.labels), clips
    settings = kind(optimising=QUICK, features=InputForm.RAW)
    torch.set_warn_always(True)
    try:
        found = fitted(fit, mapped, settings)
    finally:
        torch.set_warn_always(False)
    np.testing.assert_array_equal(found.weights, fitted(fit, world, settings).weights)


@METHODS
def test_class_vectors_of_other_classes_are_refused(fit, kind, world):
    with pytest.raises(SetupError, match="3 class vectors for 14 classes; give one row a class"):
        fitted(fit, world, kind(), vectors=world[0][:3])


@pytest.mark.parametrize("grid", [ALE_GRID, DEVISE_GRID])
def test_every_cell_of_a_grid_is_another_and_the_default_is_one(grid):
    assert len(set(grid)) == len(grid)
    assert type(grid[0])() in grid
