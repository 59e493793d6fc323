from dataclasses import replace

import numpy as np
import pytest
import torch
from cjme_world import CONFIG, N_SEEN, World, bad_halves, labelled, trained_for

from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.evaluation.protocol import choose_beta, classify
from models.cjme import CjmeTraining, Inference, fit_cjme, score_by
from models.cjme.losses import attention_target, class_distances
from models.training import Optimising, Progress

TRAINING = trained_for(30)


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
    assert passes[-1].told["text_spread"] > 0.5  # the space has not collapsed
    assert 0 <= passes[-1].told["decided"] <= 1 and 0 < passes[-1].told["alpha"] < 1
    parts = {"agreement": 1, "attention": 1, "audio_triplets": 0, "video_triplets": 0}
    assert passes[-1].loss > sum(weight * passes[-1].told[name] for name, weight in parts.items())


@pytest.mark.parametrize(("sign", "right_way"), [("fixed", True), ("as_printed", False)])
def test_alpha_turns_to_the_modality_that_is_not_noise(sign, right_way):
    world = World()
    actual = np.arange(N_SEEN).repeat(40)
    bad = bad_halves(len(actual))
    training = trained_for(20, sign=sign)
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
    seen, short = world.seen(), trained_for(1)
    one, two = (
        fit_cjme(seen, vectors, CONFIG, short, seed=0, validate=None)
        for vectors in (world.class_vectors, other)
    )
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_the_seed_decides_everything_and_the_global_generator_is_left_alone():
    world = World()
    seen, short = world.seen(), trained_for(2)

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

    training = trained_for(7, patience=3)
    model = fit_cjme(
        world.seen(5), world.class_vectors, CONFIG, training, seed=0, validate=validate, on_pass=passes.append
    )
    assert [p.val for p in passes] == [0.0, 0.3, 0.2, 0.3, 0.1]  # three without a better one
    assert torch.equal(model.audio[0].weight, weights[1])


def test_without_validation_the_last_pass_is_kept():
    world, passes = World(), []
    training = trained_for(4, patience=1)
    fit_cjme(
        world.seen(5), world.class_vectors, CONFIG, training, seed=0, validate=None, on_pass=passes.append
    )
    assert [(p.number, p.val) for p in passes] == [(1, None), (2, None), (3, None), (4, None)]


def test_fewer_clips_than_a_batch_are_enough():
    world = World()
    model = fit_cjme(
        world.seen(1),
        world.class_vectors,
        CONFIG,
        CjmeTraining(optimising=Optimising(passes=1)),
        seed=0,
        validate=None,
    )
    assert not model.training


def test_divergence_is_an_error_that_says_what_to_lower():
    world = World()
    wild = trained_for(3, learning_rate=1e30)
    with pytest.raises(SetupError, match=r"diverged in pass \d \(.*\); lower learning_rate, now 1e\+30"):
        fit_cjme(world.seen(), world.class_vectors, CONFIG, wild, seed=0, validate=None)


def test_what_does_not_fit_together_is_refused():
    world = World()
    with pytest.raises(SetupError, match="15 class vectors for 16 classes"):
        fit_cjme(world.seen(1), world.class_vectors[1:], CONFIG, seed=0, validate=None)
    with pytest.raises(
        SetupError, match=r"are \(32, 32, 8\) wide, but this network takes \(1024, 1024, 300\)"
    ):
        fit_cjme(world.seen(1), world.class_vectors, seed=0, validate=None)
    blank = world.class_vectors.copy()
    blank[[2, 5, N_SEEN]] = np.nan  # of an unseen class nothing is looked at
    with pytest.raises(SetupError, match="class vectors of class-2, class-5 are not finite; make them again"):
        fit_cjme(world.seen(1), blank, CONFIG, seed=0, validate=None)
    actual = np.zeros(3, dtype=int)
    with pytest.raises(SetupError, match="at least two seen classes, got 1"):
        fit_cjme(labelled(world.clips(actual), actual), world.class_vectors, CONFIG, seed=0, validate=None)


def test_pairs_drawn_one_by_one_teach_the_same():
    world, passes = World(), []
    for negatives in ("pairs", "batch"):
        training = trained_for(12, negatives=negatives, agreement_of="p and q")
        fit_cjme(
            world.seen(), world.class_vectors, CONFIG, training, seed=0, validate=None, on_pass=passes.append
        )
    of_pairs, of_batch = passes[11], passes[23]
    # Before anything is learnt both estimate one sum; afterwards both have learnt.
    assert passes[0].told["audio_triplets"] == pytest.approx(passes[12].told["audio_triplets"], abs=0.03)
    assert max(of_pairs.told["audio_triplets"], of_batch.told["audio_triplets"]) < 0.5


@pytest.mark.parametrize(
    ("losses", "still"),
    [
        (("TA",), ["video.0.weight"]),
        (("TV",), ["audio.0.weight"]),
        (("AV", "TA"), []),
        (("TA", "TV"), []),
    ],
)
def test_a_loss_that_is_off_teaches_nothing(losses, still):
    world = World()
    config = replace(CONFIG, attention=False)
    make = {"seed": 0, "validate": None}
    first = fit_cjme(world.seen(), world.class_vectors, config, trained_for(1, learning_rate=1e-30), **make)
    found = fit_cjme(world.seen(), world.class_vectors, config, trained_for(1, losses=losses), **make)
    names = ("audio.0.weight", "video.0.weight")
    same = [
        n for n in names if torch.allclose(first.state_dict()[n], found.state_dict()[n], rtol=0, atol=1e-20)
    ]
    assert same == still


def test_with_one_triplet_loss_attention_has_nothing_to_weigh():
    # Else alpha would fall, as that makes a lone alpha x L_TV small; of undecided clips it stays one half.
    world, passes = World(), []
    fit_cjme(
        world.seen(),
        world.class_vectors,
        CONFIG,
        trained_for(3, losses=("TV",), xi=100.0),
        seed=0,
        validate=None,
        on_pass=passes.append,
    )
    assert passes[-1].told["decided"] == 0
    assert passes[-1].told["alpha"] == pytest.approx(0.5, abs=0.01)


def test_without_attention_alpha_is_one_half_and_both_modalities_decide():
    world = World()
    model = fit_cjme(
        world.seen(),
        world.class_vectors,
        replace(CONFIG, attention=False),
        trained_for(1),
        seed=0,
        validate=None,
    )
    clips = world.clips(np.arange(N_SEEN))
    embedded = model.embed(clips, world.class_vectors)
    assert (embedded.alpha == 0.5).all()
    both = score_by(embedded, Inference.BOTH)
    np.testing.assert_array_equal(model.scores(clips, world.class_vectors), both)


@pytest.mark.parametrize("kind", ["bce", "mse"])
@pytest.mark.parametrize("sign", ["fixed", "as_printed"])
def test_alpha_comes_to_its_target_where_nothing_else_teaches_it(kind, sign):
    world = World()
    seen = world.seen()
    # Without the other losses embeddings, and so targets, stay as they began.
    training = trained_for(40, attention_loss=kind, sign=sign, gamma=0.0, lambda_=0.0, xi=0.0)
    model = fit_cjme(seen, world.class_vectors, CONFIG, training, seed=0, validate=None)
    embedded = model.embed(seen.clips, world.class_vectors)
    classes = torch.from_numpy(embedded.text[:N_SEEN])
    by_audio, by_video = (
        class_distances(torch.from_numpy(side), classes) for side in (embedded.audio, embedded.video)
    )
    target = attention_target(by_audio, by_video, xi=0.0, sign=sign).numpy()
    assert np.abs(embedded.alpha - target).mean() < 0.2


def test_eq3_as_it_is_printed_draws_the_space_together_and_unseen_classes_are_lost_in_it():
    world, found = World(), {}
    seen = world.seen()
    for over in ("mean", "sum"):
        passes, training = [], trained_for(15, agreement=over)
        model = fit_cjme(
            seen, world.class_vectors, CONFIG, training, seed=0, validate=None, on_pass=passes.append
        )
        result = classify(world.scores(model, "test"), choose_beta(world.scores(model, "val")))
        found[over] = passes[-1].told["text_spread"], result.harmonic
    assert found["sum"][0] < 0.9 * found["mean"][0]
    assert found["sum"][1] < found["mean"][1] - 0.1


def test_a_space_that_has_collapsed_is_said_in_the_log(caplog):
    world = World()
    seen, vectors = world.seen(), world.class_vectors
    fit_cjme(seen, vectors, CONFIG, trained_for(1), seed=0, validate=None)
    assert not caplog.records
    fit_cjme(seen, np.ones_like(vectors), CONFIG, trained_for(1), seed=0, validate=None)
    assert "the space has collapsed" in caplog.text and "look at the class vectors" in caplog.text


def test_a_training_that_broke_off_goes_on_and_ends_as_if_it_had_not(tmp_path):
    world = World()
    seen, vectors = world.seen(), world.class_vectors
    whole = fit_cjme(seen, vectors, CONFIG, trained_for(3), seed=0, validate=None)
    progress = Progress(tmp_path / "p.safetensors", "these clips", every_s=0.0)

    def stop(done):
        if done.number == 2:
            raise KeyboardInterrupt

    how = {"seed": 0, "validate": None, "progress": progress}
    with pytest.raises(KeyboardInterrupt):
        fit_cjme(seen, vectors, CONFIG, trained_for(3), on_pass=stop, **how)
    rest = fit_cjme(seen, vectors, CONFIG, trained_for(3), **how)
    assert all(torch.equal(a, b) for a, b in zip(rest.parameters(), whole.parameters(), strict=True))
