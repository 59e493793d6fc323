from dataclasses import replace

import numpy as np
import pytest
import torch

from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.evaluation.protocol import Scores, choose_beta, classify
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels, View
from models.cjme import SingleConfig, SingleTraining, SingleView, fit_single, load_single, save_single
from models.inputs import InputForm
from models.training import Optimising

N_SEEN, N_CLASSES = 10, 14
TABLE = ClassTable(tuple(f"class-{i}" for i in range(N_CLASSES)), (True,) * N_SEEN + (False,) * 4)
CONFIGS = {
    View.AUDIO: SingleConfig(View.AUDIO, 24, 8, hidden=48, width=16),
    View.VIDEO: SingleConfig(View.VIDEO, 20, 8, hidden=48, width=16),
    View.CONCAT: SingleConfig(View.CONCAT, 44, 8, hidden=48, width=16, inputs=InputForm.STANDARD),
}
BRIEF = SingleTraining(optimising=Optimising(batch_size=50, passes=12))


class World:
    """Classes whose sound and picture follow from their word vector."""

    def __init__(self):
        self.draw = np.random.default_rng(0)
        vectors = self.draw.normal(size=(N_CLASSES, 8))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        self.mixes = [self.draw.normal(size=(8, width)) for width in (24, 20)]

    def clips(self, labels):
        rows = [self.vectors[labels] @ mix for mix in self.mixes]
        noisy = [(r + 0.4 * self.draw.normal(size=r.shape)).astype(np.float32) for r in rows]
        return ClipFeatures(*noisy)

    def seen(self, labels=None):
        labels = np.arange(N_SEEN).repeat(30) if labels is None else labels
        names = tuple(TABLE.names[i] for i in labels)
        return SeenClips(self.clips(labels), SeenLabels(names, ("train",) * len(names), TABLE))


@pytest.mark.parametrize("view", list(View))
def test_each_view_knows_unseen_classes(view):
    world, passes = World(), []
    model = fit_single(
        world.seen(), world.vectors, CONFIGS[view], BRIEF, seed=0, validate=None, on_pass=passes.append
    )
    labels = np.arange(N_CLASSES).repeat(15)
    val, test = (
        Scores(model.scores(world.clips(labels), world.vectors), labels, TABLE, split)
        for split in ("val", "test")
    )
    result = classify(test, choose_beta(val))
    assert result.zero_shot > 0.4 and result.harmonic > 0.35  # chance is 1/4 of unseen, 1/14 of all
    assert passes[-1].loss < passes[0].loss / 2


def test_scores_are_minus_the_distances_of_the_embeddings_and_only_the_view_counts():
    world = World()
    torch.manual_seed(0)
    model = SingleView(CONFIGS[View.VIDEO])
    clips = world.clips(np.arange(N_CLASSES))
    deaf = ClipFeatures(np.zeros((N_CLASSES, 0), np.float32), clips.video)
    embedded = model.embed(deaf, world.vectors)
    slow = [[-np.linalg.norm(c - t) for t in embedded.text] for c in embedded.video.astype(np.float64)]
    np.testing.assert_allclose(model.scores(deaf, world.vectors), slow, rtol=1e-4, atol=1e-5)
    assert np.array_equal(model.scores(clips, world.vectors), model.scores(deaf, world.vectors))
    assert (embedded.alpha == 0.5).all()


@pytest.mark.parametrize("view", list(View))
def test_embeddings_are_of_length_1_where_that_is_asked_for_and_only_there(view):
    world, made = World(), []
    clips = world.clips(np.arange(N_CLASSES))
    for on in (False, True):
        torch.manual_seed(0)
        model = SingleView(replace(CONFIGS[view], unit_embeddings=on))
        made.append(model.embed(clips, world.vectors))
    for name in ("audio", "video", "text"):
        free, unit = (getattr(embedded, name) for embedded in made)
        lengths = np.linalg.norm(free, axis=1, keepdims=True)
        assert (np.abs(lengths - 1) > 1e-3).all()
        np.testing.assert_allclose(unit, free / lengths, rtol=1e-4, atol=1e-6)


def test_the_seed_decides_everything_and_vectors_of_unseen_classes_nothing():
    world = World()
    seen, brief = world.seen(), SingleTraining(optimising=Optimising(batch_size=50, passes=1))
    others = world.vectors.copy()
    others[N_SEEN:] = 100
    one, two, other = (
        fit_single(seen, vectors, CONFIGS[View.AUDIO], brief, seed=seed, validate=None).clip[0].weight
        for vectors, seed in ((world.vectors, 0), (others, 0), (world.vectors, 1))
    )
    assert torch.equal(one, two) and not torch.equal(one, other)


def test_the_best_pass_on_val_is_kept():
    vals, weights = iter([0.1, 0.3, 0.2]), []

    def validate(model):
        weights.append(model.text.weight.detach().clone())
        return next(vals)

    world, brief = World(), SingleTraining(optimising=Optimising(batch_size=50, passes=3))
    model = fit_single(world.seen(), world.vectors, CONFIGS[View.AUDIO], brief, seed=0, validate=validate)
    assert torch.equal(model.text.weight, weights[1])


def test_a_saved_model_scores_as_before(tmp_path):
    world, brief = World(), SingleTraining(optimising=Optimising(batch_size=50, passes=1))
    model = fit_single(world.seen(), world.vectors, CONFIGS[View.CONCAT], brief, seed=0, validate=None)
    loaded = load_single(save_single(model, tmp_path / "single.safetensors"))
    clips = world.clips(np.arange(N_CLASSES))
    assert loaded.config == CONFIGS[View.CONCAT]
    assert np.array_equal(loaded.scores(clips, world.vectors), model.scores(clips, world.vectors))
    assert loaded.scores(clips.rows(slice(0, 0)), world.vectors).shape == (0, N_CLASSES)


def test_what_does_not_fit_together_is_refused():
    world = World()
    seen = world.seen()
    with pytest.raises(ManifestError, match=r"training takes seen classes only"):
        world.seen(np.array([0, 1, N_SEEN]))
    with pytest.raises(
        SetupError, match=r"audio and class vectors are \(24, 7\) wide, but .* takes \(24, 8\)"
    ):
        fit_single(seen, world.vectors[:, :7], CONFIGS[View.AUDIO], seed=0, validate=None)
    with pytest.raises(SetupError, match="13 class vectors for 14 classes"):
        fit_single(seen, world.vectors[1:], CONFIGS[View.AUDIO], seed=0, validate=None)
    standard = replace(CONFIGS[View.AUDIO], words=InputForm.STANDARD)
    with pytest.raises(
        SetupError, match=r"class vectors are \(24, 7\) wide, but this network takes \(24, 8\)"
    ):
        fit_single(seen, world.vectors[:, :7], standard, seed=0, validate=None)
    deaf = SeenClips(ClipFeatures(seen.clips.audio[:, :0], seen.clips.video), seen.labels)
    with pytest.raises(SetupError, match="these clips have no audio features"):
        fit_single(deaf, world.vectors, CONFIGS[View.AUDIO], seed=0, validate=None)
