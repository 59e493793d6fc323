import numpy as np
import pytest
import torch

from audiosetzsl.errors import ClipError, ManifestError, SetupError
from audiosetzsl.evaluation.training_set import ClassTable, SeenLabels
from models.fit_audio_cnn import AudioCnnTraining, fit_audio_cnn

# Seen and unseen are mixed, and "hum" has no clip: columns of the table are not those of the head.
TABLE = ClassTable(("low", "roar", "hum", "middle", "high"), (True, False, True, True, True))
BAND = {"low": 8, "middle": 30, "high": 55}
QUICK = AudioCnnTraining(crop_frames=128, batch_size=16, passes=1)


def tone(name, n_frames, generator):
    """Noise at -8 with one loud mel band, as natural log of power."""
    log_mel = generator.normal(-8, 1, size=(n_frames, 64))
    log_mel[:, BAND[name]] += 6
    return log_mel.astype(np.float16)


def tones(names, seed=0):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(60, 200, len(names))  # some shorter than the crop
    return [tone(name, int(n), generator) for name, n in zip(names, lengths, strict=True)]


def seen(names):
    return SeenLabels(names, ("train",) * len(names), TABLE)


def test_three_tones_are_told_apart_though_one_is_rare():
    names = ("low",) * 24 + ("middle",) * 12 + ("high",) * 3
    passes = []
    training = AudioCnnTraining(crop_frames=128, batch_size=13, passes=5)
    model = fit_audio_cnn(tones(names), seen(names), training, seed=0, on_pass=passes.append)
    assert model.class_names == ("low", "middle", "high")
    assert [p.number for p in passes] == list(range(1, 6))
    assert passes[-1].loss < passes[0].loss
    new = ("high", "low", "middle") * 4
    with torch.no_grad():
        logits = [model(torch.from_numpy(np.resize(t, (200, 64)))[None].float()) for t in tones(new, seed=1)]
    assert [model.class_names[int(x.argmax())] for x in logits] == list(new)
    embeddings = np.stack([model.embed(t) for t in tones(new, seed=2)])
    own, other = (np.linalg.norm(embeddings[0] - embeddings[i]) for i in (3, 1))  # high, high and low
    assert own < other


def test_mel_statistics_are_those_of_all_training_frames():
    clips = tones(("low", "high") * 3)
    clips = [np.concatenate([c[:, :63], np.full((len(c), 1), -3, np.float16)], axis=1) for c in clips]
    model = fit_audio_cnn(clips, seen(("low", "high") * 3), QUICK, seed=0)
    frames = np.concatenate(clips).astype(np.float64)
    np.testing.assert_allclose(model.mel_mean.numpy(), frames.mean(0), rtol=1e-5)
    np.testing.assert_allclose(model.mel_std.numpy()[:63], frames.std(0)[:63], rtol=1e-4)
    assert model.mel_std[63] == pytest.approx(1e-3)  # a band that never changes is not divided by nothing


def test_the_seed_decides_and_the_global_generator_is_left_alone():
    names = ("low", "high") * 4
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, again, other = (fit_audio_cnn(tones(names), seen(names), QUICK, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    weights = [m.get_submodule("layer18.0").weight for m in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_batch_normalisation_is_measured_anew_only_where_asked():
    names = ("low", "high") * 4
    running = AudioCnnTraining(crop_frames=128, batch_size=4, passes=2, settling_batches=0)
    anew = AudioCnnTraining(crop_frames=128, batch_size=4, passes=2, settling_batches=3)
    norms = [
        fit_audio_cnn(tones(names), seen(names), training, seed=0).get_submodule("layer1.1")
        for training in (running, anew)
    ]
    assert [int(norm.num_batches_tracked) for norm in norms] == [4, 3]  # 2 passes of 2 batches, then 3
    assert [norm.momentum for norm in norms] == [0.1, 0.1]
    assert not norms[0].training


def test_training_on_unseen_classes_is_refused():
    with pytest.raises(ManifestError, match=r"1 of 2 clips to train on are of unseen classes \(roar: 1\)"):
        fit_audio_cnn(tones(("low", "high")), seen(("low", "roar")), QUICK, seed=0)


def test_what_does_not_fit_together_is_refused():
    names = ("low", "high")
    with pytest.raises(SetupError, match="2 log-mels but 1 labels"):
        fit_audio_cnn(tones(names), seen(("low",)), QUICK, seed=0)
    with pytest.raises(SetupError, match="crop_frames is 100, the network needs 128 or more"):
        fit_audio_cnn(tones(names), seen(names), AudioCnnTraining(crop_frames=100), seed=0)
    with pytest.raises(SetupError, match="at least two seen classes, got 1"):
        fit_audio_cnn(tones(names), seen(("low", "low")), QUICK, seed=0)
    with pytest.raises(ClipError, match="0 frames"):
        fit_audio_cnn([np.zeros((0, 64), np.float16)] * 2, seen(names), QUICK, seed=0)


def test_divergence_is_an_error_that_says_what_to_lower():
    names = ("low", "high") * 8
    wild = AudioCnnTraining(crop_frames=128, batch_size=4, passes=2, learning_rate=1e30)
    with pytest.raises(SetupError, match=r"diverged in pass \d \(loss is (nan|inf)\); lower learning_rate"):
        fit_audio_cnn(tones(names), seen(names), wild, seed=0)
