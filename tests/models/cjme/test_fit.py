import numpy as np
import pytest
import torch

from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.evaluation.protocol import Scores, choose_beta, classify
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels
from models.cjme import CjmeConfig, CjmeTraining, fit_cjme

N_SEEN, N_UNSEEN, WIDTH, TEXT_WIDTH = 12, 4, 32, 8
TABLE = ClassTable(
    tuple(f"class-{i}" for i in range(N_SEEN + N_UNSEEN)), (True,) * N_SEEN + (False,) * N_UNSEEN
)
CONFIG = CjmeConfig(WIDTH, WIDTH, TEXT_WIDTH, hidden=64, width=16, attention_hidden=16)
TRAINING = CjmeTraining(batch_size=64, passes=30)


class World:
    """Classes whose sound and picture follow from their word vector, so that unseen ones can be guessed."""

    def __init__(self, seed=0):
        self.generator = np.random.default_rng(seed)
        self.class_vectors = self.generator.normal(size=(len(TABLE.names), TEXT_WIDTH)).astype(np.float32)
        self.to_audio, self.to_video = self.generator.normal(size=(2, TEXT_WIDTH, WIDTH))

    def clips(self, actual, bad_audio=None, bad_video=None, noise=0.4):
        directions = self.class_vectors / np.linalg.norm(self.class_vectors, axis=1, keepdims=True)
        audio, video = (directions[actual] @ to for to in (self.to_audio, self.to_video))
        for rows, bad in ((audio, bad_audio), (video, bad_video)):
            if bad is not None:
                rows[bad] = self.generator.normal(size=(int(bad.sum()), WIDTH))
            rows += noise * self.generator.normal(size=rows.shape)
        return ClipFeatures(audio.astype(np.float32), video.astype(np.float32))

    def seen(self, n_per_class=40, **bad):
        actual = np.arange(N_SEEN).repeat(n_per_class)
        return labelled(self.clips(actual, **bad), actual)

    def scores(self, model, split):
        actual = np.arange(len(TABLE.names)).repeat(20)
        return Scores(model.scores(self.clips(actual), self.class_vectors), actual, TABLE, split)


def labelled(clips, actual):
    names = tuple(TABLE.names[i] for i in actual)
    return SeenClips(clips, SeenLabels(names, ("train",) * len(names), TABLE))


def test_a_model_fitted_on_seen_classes_knows_the_unseen_ones():
    world = World()
    passes = []
    model = fit_cjme(
        world.seen(),
        world.class_vectors,
        CONFIG,
        TRAINING,
        seed=0,
        validate=lambda m: choose_beta(world.scores(m, "val")).harmonic,
        on_pass=passes.append,
    )
    result = classify(world.scores(model, "test"), choose_beta(world.scores(model, "val")))
    assert result.seen > 0.6  # chance is 1/16
    assert result.zero_shot > 0.5  # chance is 1/4
    assert result.harmonic > 0.45
    assert passes[-1].loss < passes[0].loss
    assert passes[-1].text_spread > 0.5  # the space has not collapsed


def bad_halves(n):
    bad_audio = np.random.default_rng(7).random(n) < 0.5
    return {"bad_audio": bad_audio, "bad_video": ~bad_audio}


@pytest.mark.parametrize(("sign", "right_way"), [("fixed", True), ("as_printed", False)])
def test_alpha_turns_to_the_modality_that_is_not_noise(sign, right_way):
    world = World()
    actual = np.arange(N_SEEN).repeat(40)
    bad = bad_halves(len(actual))
    training = CjmeTraining(batch_size=64, passes=30, sign=sign)
    model = fit_cjme(world.seen(**bad), world.class_vectors, CONFIG, training, seed=0, validate=None)
    alpha = model.embed(world.clips(actual, **bad), world.class_vectors).alpha
    lead_of_video = alpha[bad["bad_audio"]].mean() - alpha[bad["bad_video"]].mean()
    assert (lead_of_video > 0.2) if right_way else (lead_of_video < 0)


def test_training_on_unseen_classes_is_refused_before_it_starts():
    world = World()
    actual = np.array([0, 1, N_SEEN, N_SEEN, N_SEEN + 1])
    with pytest.raises(
        ManifestError,
        match=r"3 of 5 clips .* unseen classes \(class-12: 2, class-13: 1\); training takes seen",
    ):
        fit_cjme(labelled(world.clips(actual), actual), world.class_vectors, CONFIG, seed=0, validate=None)


def test_vectors_of_unseen_classes_play_no_part_in_training():
    world = World()
    other = world.class_vectors.copy()
    other[N_SEEN:] = 100.0
    seen, short = world.seen(), CjmeTraining(batch_size=64, passes=1)
    one, two = (
        fit_cjme(seen, vectors, CONFIG, short, seed=0, validate=None)
        for vectors in (world.class_vectors, other)
    )
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_the_seed_decides_everything_and_the_global_generator_is_left_alone():
    world = World()
    seen, short = world.seen(), CjmeTraining(batch_size=64, passes=2)

    def first_weights(seed):
        return fit_cjme(seen, world.class_vectors, CONFIG, short, seed=seed, validate=None).audio[0].weight

    torch.manual_seed(123)
    expected = torch.rand(1)
    torch.manual_seed(123)
    once = first_weights(1)
    assert torch.equal(torch.rand(1), expected)
    assert torch.equal(first_weights(1), once)
    assert not torch.equal(first_weights(2), once)


def test_the_best_pass_on_val_is_kept_and_training_stops_after_patience():
    world = World()
    vals = iter([0.0, 0.3, 0.2, 0.3, 0.1, 0.9, 0.9])
    weights, passes = [], []

    def validate(model):
        weights.append(model.audio[0].weight.detach().clone())
        assert not model.training
        return next(vals)

    training = CjmeTraining(batch_size=64, passes=7, patience=3)
    model = fit_cjme(
        world.seen(5), world.class_vectors, CONFIG, training, seed=0, validate=validate, on_pass=passes.append
    )
    assert [p.val for p in passes] == [0.0, 0.3, 0.2, 0.3, 0.1]  # three without a better one
    assert torch.equal(model.audio[0].weight, weights[1])


def test_without_validation_the_last_pass_is_kept():
    world, passes = World(), []
    training = CjmeTraining(batch_size=64, passes=4, patience=1)
    fit_cjme(
        world.seen(5), world.class_vectors, CONFIG, training, seed=0, validate=None, on_pass=passes.append
    )
    assert [(p.number, p.val) for p in passes] == [(1, None), (2, None), (3, None), (4, None)]


def test_fewer_clips_than_a_batch_are_enough():
    world = World()
    model = fit_cjme(
        world.seen(1), world.class_vectors, CONFIG, CjmeTraining(passes=1), seed=0, validate=None
    )
    assert not model.training


def test_divergence_is_an_error_that_says_what_to_lower():
    world = World()
    wild = CjmeTraining(batch_size=64, passes=3, learning_rate=1e30)
    with pytest.raises(
        SetupError, match=r"diverged in pass \d \(loss is (nan|inf)\); lower learning_rate, now 1e\+30"
    ):
        fit_cjme(world.seen(), world.class_vectors, CONFIG, wild, seed=0, validate=None)


def test_what_does_not_fit_together_is_refused():
    world = World()
    with pytest.raises(SetupError, match="15 class vectors for 16 classes"):
        fit_cjme(world.seen(1), world.class_vectors[1:], CONFIG, seed=0, validate=None)
    with pytest.raises(
        SetupError, match=r"are \(32, 32, 8\) wide, but this network takes \(1024, 1024, 300\)"
    ):
        fit_cjme(world.seen(1), world.class_vectors, seed=0, validate=None)
    actual = np.zeros(3, dtype=int)
    with pytest.raises(SetupError, match="at least two seen classes, got 1"):
        fit_cjme(labelled(world.clips(actual), actual), world.class_vectors, CONFIG, seed=0, validate=None)
