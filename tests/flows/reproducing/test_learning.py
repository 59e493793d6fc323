"""Learning: what is judged, by which figure on val, and what the last model of protocol strict is made with."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from small_sets import small_set

from audiosetzsl.errors import DivergedError
from audiosetzsl.evaluation.training_set import View
from audiosetzsl.feature_sets import Protocol, stage_of
from flows.reproducing.learning import learn, try_all, val_harmonic
from flows.reproducing.method import BOTH, How, Method, with_passes
from flows.reproducing.methods import method
from models.baselines.eszsl import fit_eszsl
from models.training import Optimising, Pass, Progress, progress


def plain_harmonic(stage, scores):
    """HM at the best of 26 points of beta, which is taken from all scores of seen classes each time."""
    seen = stage.classes.seen_mask
    gaps = scores[:, seen].max(1) - scores[:, ~seen].max(1)
    found = []
    for beta in np.linspace(gaps.min(), gaps.max(), 26):
        called = (scores - beta * seen).argmax(1)
        s, u = (
            np.mean([(called[stage.val_labels == c] == c).mean() for c in np.flatnonzero(side)])
            for side in (seen, ~seen)
        )
        found.append(2 * s * u / (s + u) if s + u else 0.0)
    return max(found)


def test_settings_are_judged_by_the_best_hm_on_val():
    stage, asked = stage_of(small_set(noise=2.0), Protocol.PAPER), method("eszsl-audio")
    grid = asked.grid(None)
    expected = []
    for cell in grid:
        model = fit_eszsl(stage.train, stage.class_vectors, cell, view=View.AUDIO)
        expected.append(plain_harmonic(stage, model.scores(stage.val, stage.class_vectors)))
    np.testing.assert_allclose(try_all(asked, grid, stage, How(0)), expected, atol=0.02)
    assert np.ptp(expected) > 0.1


def test_passes_are_judged_by_the_same_and_the_best_is_kept():
    clips, asked = small_set(noise=2.0), method("audio")
    stage = stage_of(clips, Protocol.PAPER)
    learnt = learn(asked, clips, stage, Protocol.PAPER, with_passes(asked.grid(None)[0], 4), How(0))
    kept = plain_harmonic(stage, learnt.model.scores(stage.val, stage.class_vectors))
    vals = [one.val for one in learnt.passes]
    assert max(vals) == pytest.approx(kept) and len(set(vals)) > 1
    (of_grid,) = try_all(asked, (with_passes(asked.grid(None)[0], 4),), stage, How(0))
    assert of_grid == pytest.approx(kept)


@dataclass(frozen=True)
class MadeUp:
    """Settings of a method that learns nothing."""

    optimising: Optimising


def test_under_strict_beta_is_of_the_first_model_and_the_last_takes_its_best_number_of_passes():
    clips, fits, scored = small_set(held_out=("class-4", "class-5")), [], []
    settings = MadeUp(Optimising(passes=50))

    def fit(seen, vectors, settings, how):
        fits.append((set(seen.labels.class_names), settings.optimising.passes, how.validate))
        for number, val in enumerate((0.1, 0.9, 0.2), 1):
            if how.on_pass:
                how.on_pass(Pass(number, 1.0, {}, val, 0.1, 0.0))
        return f"model {len(fits)}"

    def scores(model, rows, vectors):
        scored.append((model, len(vectors)))
        return {"": np.zeros((len(rows), len(vectors)))}

    asked = Method("made up", BOTH, fit, lambda before: (settings,), scores, with_passes=with_passes)
    stage = stage_of(clips, Protocol.STRICT)
    learnt = learn(asked, clips, stage, Protocol.STRICT, settings, How(0))
    seen = {f"class-{number}" for number in range(6)}
    (first, passes, judged), (last, of_last, judged_last) = fits
    assert (first, passes) == (seen - {"class-4", "class-5"}, 50) and judged is not None
    assert (last, of_last, judged_last) == (seen, 2, None)
    assert scored == [("model 1", 6)] and learnt.model == "model 2"


class NoNumbers:
    """A model whose weights are finite, and whose scores are not."""

    def scores(self, clips, vectors):
        return np.full((len(clips), len(vectors)), np.inf)


def test_a_model_without_numbers_counts_as_0_and_ends_its_training(tmp_path):
    stage = stage_of(small_set(), Protocol.PAPER)
    assert math.isnan(val_harmonic(stage, NoNumbers()))
    cells = (NoNumbers(), fit_eszsl(stage.train, stage.class_vectors, view=View.AUDIO))
    asked = replace(method("eszsl-audio"), candidates=lambda stage, grid: iter(cells))
    none, some = try_all(asked, (None, None), stage, How(0))
    assert none == 0 < some
    # One step so long that weights stay finite and distances do not.
    audio = method("audio")
    wild = Optimising("sgd", 1e25, passes=1, least_steps=1)
    cell = replace(audio.grid(None)[0], training=replace(audio.grid(None)[0].training, optimising=wild))
    how = How(0, progress=Progress(tmp_path / "p.safetensors", "wild", every_s=0.0))
    with pytest.raises(DivergedError, match=r"training diverged in pass 1 .*lower learning_rate"):
        try_all(audio, (cell,), stage, how)
    assert not list(tmp_path.iterdir())


class Killed(BaseException):
    """Nobody catches it, as nobody catches kill -9."""


@pytest.mark.parametrize("protocol", Protocol)
def test_a_training_that_is_broken_off_in_any_stage_goes_on_in_the_middle(protocol, tmp_path, monkeypatch):
    clips, asked, looks, deaths = small_set(), method("audio"), [], []
    stage, settings = stage_of(clips, protocol), with_passes(asked.grid(None)[1], 6)
    look = progress.Keeper.look

    def deadly(keeper, run):
        look(keeper, run)
        looks.append(len(run.passes))
        if len(looks) in deaths:
            raise Killed

    def learnt():
        kept = Progress(tmp_path / "p.safetensors", "audio", every_s=0.0)
        return learn(asked, clips, stage, protocol, settings, How(0, progress=kept))

    monkeypatch.setattr(progress.Keeper, "look", deadly)
    whole, n = learnt(), len(looks)
    of_first = next((i for i in range(1, n) if looks[i] < looks[i - 1]), n)
    looks.clear()
    deaths += [4, n - 1]
    for _ in deaths:
        with pytest.raises(Killed):
            learnt()
    broken = learnt()
    # Nothing is done twice but for the first of two stages, of which nothing is left when it is over.
    assert len(looks) == n + (of_first if protocol is Protocol.STRICT else 0)
    assert not list(tmp_path.iterdir())
    scores = [one.model.scores(clips.features, clips.class_vectors) for one in (whole, broken)]
    np.testing.assert_array_equal(*scores)
    passes = [[(one.number, one.loss, one.val) for one in learnt.passes] for learnt in (whole, broken)]
    assert passes[0] == passes[1]
