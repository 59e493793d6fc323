from dataclasses import replace

import numpy as np
import pytest
import torch
from tones import QUICK, TABLE, held_out, seen, tones

from audiosetzsl.errors import ClipError, ManifestError, SetupError
from audiosetzsl.evaluation.training_set import SeenLabels
from models.audio_cnn import AudioCnnTraining, best_of, fit_audio_cnn
from models.audio_cnn import fit as fitting

AUGMENTED = replace(QUICK, freq_masks=1, time_masks=1, mixup=0.3, loss="sigmoid")


def same(model, other):
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_three_tones_are_told_apart_though_one_is_rare(loss):
    names = ("low",) * 12 + ("middle",) * 8 + ("high",) * 2
    passes = []
    training = AudioCnnTraining(loss=loss, crop_frames=128, batch_size=11, passes=4, settling_batches=2)
    model = fit_audio_cnn(tones(names), seen(names), training, seed=0, on_pass=passes.append)
    assert model.class_names == ("low", "middle", "high")
    assert [p.number for p in passes] == list(range(1, 5))
    assert passes[-1].loss < passes[0].loss
    assert passes[0].learning_rate > passes[-1].learning_rate > 0
    assert all(p.val_map is None for p in passes)
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
    one, again, other = (fit_audio_cnn(tones(names), seen(names), AUGMENTED, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert same(one, again)
    assert not same(one, other)


def test_batch_normalisation_is_measured_anew_only_where_asked():
    names = ("low", "high") * 4
    running = AudioCnnTraining(crop_frames=128, batch_size=4, passes=2, settling_batches=0)
    norms = [
        fit_audio_cnn(tones(names), seen(names), training, seed=0).get_submodule("layer1.1")
        for training in (running, replace(running, settling_batches=3))
    ]
    assert [int(norm.num_batches_tracked) for norm in norms] == [4, 3]  # 2 passes of 2 batches, then 3
    assert [norm.momentum for norm in norms] == [0.1, 0.1]
    assert not norms[0].training


def test_the_literal_network_is_trained_on_128_bands():
    names = ("low", "high") * 2
    clips = [np.repeat(clip, 2, axis=1) for clip in tones(names)]
    assert fit_audio_cnn(clips, seen(names), QUICK, seed=0).n_mels == 128


def test_bfloat16_is_taken_and_weights_stay_in_full_precision():
    names = ("low", "high") * 2
    model = fit_audio_cnn(tones(names), seen(names), replace(QUICK, precision="bf16"), seed=0)
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}
    assert not same(model, fit_audio_cnn(tones(names), seen(names), QUICK, seed=0))


def with_maps(monkeypatch, maps):
    """Have held-out clips say of each pass what is wanted; the rest is as it is."""
    told = iter(maps)
    real = fitting.validate
    monkeypatch.setattr(
        fitting, "validate", lambda *asked: replace(real(*asked), mean_average_precision=next(told), loss=1.0)
    )


def test_the_state_of_the_best_pass_is_kept_and_training_stops_after_patience(monkeypatch):
    names, training = ("low", "high") * 4, replace(QUICK, passes=9, patience=2, schedule="constant")
    data = (tones(names), seen(names))
    states, passes = [], []

    def note(model, *rest):
        states.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return real(model, *rest)

    with_maps(monkeypatch, [0.3, 0.8, 0.5, 0.6, 0.99])
    real = fitting.validate
    monkeypatch.setattr(fitting, "validate", note)
    model = fit_audio_cnn(*data, training, seed=0, held_out=held_out(("low", "high")), on_pass=passes.append)
    assert [p.val_map for p in passes] == [0.3, 0.8, 0.5, 0.6]
    assert best_of(passes).number == 2
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in model.state_dict().items())
    assert not all(torch.equal(tensor, states[3][name]) for name, tensor in model.state_dict().items())
    assert not model.training


class KilledError(Exception):
    """Stands for a process that ends between two passes."""


def fit_three_passes(on_pass, resume_at=None):
    names, training = ("low", "high", "middle") * 4, replace(AUGMENTED, passes=3, batch_size=5)
    judges = held_out(("low", "high", "middle"))
    return fit_audio_cnn(
        tones(names), seen(names), training, seed=3, held_out=judges, resume_at=resume_at, on_pass=on_pass
    )


@pytest.fixture(scope="module")
def whole():
    """A training that nothing broke off, and its passes."""
    passes = []
    return fit_three_passes(passes.append), passes


@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_training_that_was_broken_off_ends_as_one_that_was_not(whole, tmp_path, killed_after):
    def until_killed(one):
        if one.number == killed_after:
            raise KilledError

    passes = []
    with pytest.raises(KilledError):
        fit_three_passes(until_killed, tmp_path / "progress")
    torch.rand(3)  # another process: its global generator stands elsewhere
    assert same(fit_three_passes(passes.append, tmp_path / "progress"), whole[0])
    untimed = [[replace(one, seconds=0.0) for one in log] for log in (whole[1], passes)]
    assert untimed[0] == untimed[1]


def test_progress_of_another_training_is_not_gone_on_with(tmp_path):
    names, path = ("low", "high") * 2, tmp_path / "progress"
    fit_audio_cnn(tones(names), seen(names), QUICK, seed=0, resume_at=path)
    with pytest.raises(
        SetupError, match=r"progress is of a training with other seed, training; delete it to begin"
    ):
        fit_audio_cnn(tones(names), seen(names), replace(QUICK, passes=2), seed=1, resume_at=path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SetupError, match=r"progress is damaged"):
        fit_audio_cnn(tones(names), seen(names), QUICK, seed=0, resume_at=path)


class Watched:
    """Clips that note which of them were looked at."""

    def __init__(self, clips):
        self.clips, self.looked_at = clips, set()

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, clip):
        self.looked_at.add(clip)
        return self.clips[clip]


def test_clips_are_read_one_by_one_from_whatever_holds_them():
    names = ("low", "high") * 3
    watched = Watched(tones(names))
    model = fit_audio_cnn(watched, seen(names), QUICK, seed=0)
    assert watched.looked_at == set(range(6))
    assert same(model, fit_audio_cnn(tones(names), seen(names), QUICK, seed=0))


@pytest.mark.parametrize("split", ["val", "test"])
def test_no_other_clip_can_be_trained_on(split):
    """Labels are the only way in, and they cannot be made of unseen classes or of another split."""
    watched = Watched(tones(("low", "high")))
    with pytest.raises(ManifestError, match=r"1 of 2 clips to train on are of unseen classes \(roar: 1\)"):
        fit_audio_cnn(watched, SeenLabels(("low", "roar"), ("train",) * 2, TABLE), QUICK, seed=0)
    with pytest.raises(ManifestError, match=rf"are not of the train split \({split}: 1\)"):
        fit_audio_cnn(watched, SeenLabels(("low", "high"), ("train", split), TABLE), QUICK, seed=0)
    with pytest.raises(AttributeError):  # frozen
        seen(("low", "high")).splits = ("train", split)
    assert not watched.looked_at


def test_what_does_not_fit_together_is_refused():
    names = ("low", "high")
    with pytest.raises(SetupError, match="2 log-mels but 1 labels"):
        fit_audio_cnn(tones(names), seen(("low",)), QUICK, seed=0)
    with pytest.raises(SetupError, match="at least two seen classes, got 1"):
        fit_audio_cnn(tones(names), seen(("low", "low")), QUICK, seed=0)
    with pytest.raises(SetupError, match="have 40 bands, the audio CNN takes 64"):
        fit_audio_cnn([clip[:, :40] for clip in tones(names)], seen(names), QUICK, seed=0)
    with pytest.raises(ClipError, match="0 frames"):
        fit_audio_cnn([np.zeros((0, 64), np.float16)] * 2, seen(names), QUICK, seed=0)


def test_masks_that_may_hide_every_band_are_refused():
    names, wide = ("low", "high"), replace(QUICK, freq_masks=1, freq_width=64)
    with pytest.raises(SetupError, match="freq_width is 64, expected fewer than the 64 mel bands"):
        fit_audio_cnn(tones(names), seen(names), wide, seed=0)


@pytest.mark.parametrize(
    ("of_training", "judges", "told"),
    [
        ({"batch_size": 4}, None, r"loss is (nan|inf)"),
        ({}, ("low", "high"), "val_loss is nan"),  # these diverge in their last step
        ({}, None, r"layer\d+.1.running_\w+ is not finite"),
        ({"settling_batches": 0}, None, "vectors are not finite"),
    ],
)
def test_divergence_is_an_error_that_says_what_to_lower(of_training, judges, told):
    names = ("low", "high") * 8
    wild = replace(QUICK, learning_rate=1e30, schedule="constant", **of_training)
    with pytest.raises(SetupError, match=rf"diverged in pass 1 \({told}\); lower learning_rate, now 1e"):
        fit_audio_cnn(tones(names), seen(names), wild, seed=0, held_out=judges and held_out(judges))


def test_one_val_clip_without_a_finite_loss_ends_a_training_and_its_progress(tmp_path):
    """The clip breaks after the first pass, and others of its class go on giving numbers."""
    names, path, passes = ("low", "high") * 2, tmp_path / "progress", []
    judges = held_out(("low", "low", "high"))

    def break_a_clip(done):
        passes.append(done.number)
        assert path.is_file()
        judges.log_mels[0][:] = np.nan

    with pytest.raises(SetupError, match=r"diverged in pass 2 \(val_loss is nan\)"):
        fit_audio_cnn(
            tones(names),
            seen(names),
            replace(QUICK, passes=2),
            seed=0,
            held_out=judges,
            resume_at=path,
            on_pass=break_a_clip,
        )
    assert passes == [1]
    assert not path.exists()  # it could only end here again
