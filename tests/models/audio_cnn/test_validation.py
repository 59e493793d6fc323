import numpy as np
import pytest
import torch
from tones import QUICK, TABLE, held_out, seen, tones

from audiosetzsl.errors import ManifestError, SetupError
from models.audio_cnn import AudioCnn, HeldOut, fit_audio_cnn
from models.audio_cnn.losses import LOSSES
from models.audio_cnn.validation import validate


def test_clips_that_must_not_decide_anything_are_refused():
    names = ("low", "roar", "roar", "high")
    with pytest.raises(
        ManifestError,
        match=r"2 of 4 clips to judge a training by are of unseen classes \(roar: 2\); it is judged by val .* seen",
    ):
        HeldOut(tones(names), names, ("val",) * 4, TABLE)
    names = ("low", "high", "high")
    with pytest.raises(
        ManifestError, match=r"2 of 3 clips .* are not of the val split \(test: 1, train: 1\)"
    ):
        HeldOut(tones(names), names, ("val", "test", "train"), TABLE)
    with pytest.raises(SetupError, match="3 log-mels, 2 class names and 3 splits; give one each a clip"):
        HeldOut(tones(names), ("low", "high"), ("val",) * 3, TABLE)


def slow_average_precision(scores, relevant):
    """Walk down the ranking and note the precision at each hit."""
    hits, precisions = 0, []
    for rank, i in enumerate(sorted(range(len(scores)), key=lambda i: -scores[i]), start=1):
        if relevant[i]:
            hits += 1
            precisions.append(hits / rank)
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_every_figure_is_a_mean_over_the_classes_that_have_clips(loss):
    """Clip by clip, whole, as the network answers when asked; classes count alike however many clips they have."""
    torch.manual_seed(3)
    model = AudioCnn(("low", "middle", "high"))
    model.get_submodule("layer19.0").weight.data.mul_(30)  # answers that differ
    names = ("low",) * 7 + ("high",) * 2
    found = validate(model, held_out(names), LOSSES[loss])
    classes, losses, probabilities = ("low", "high"), [], []
    for name, clip in zip(names, tones(names, 7), strict=True):
        clip = np.resize(clip, (max(128, len(clip)), 64))
        with torch.no_grad():
            logits = model.segment_logits(torch.from_numpy(clip)[None].float())
        target = torch.tensor([[float(name == c) for c in model.class_names]])
        losses.append(float(LOSSES[loss].of_clips(logits, target)))
        probabilities.append(LOSSES[loss].probabilities(logits)[0].tolist())
    answers = [model.class_names[int(np.argmax(p))] for p in probabilities]

    def mean_over_classes(value_of):
        return np.mean([value_of(c, [i for i, n in enumerate(names) if n == c]) for c in classes])

    assert found.loss == pytest.approx(
        mean_over_classes(lambda c, own: np.mean([losses[i] for i in own])), rel=1e-4
    )
    assert found.accuracy == pytest.approx(
        mean_over_classes(lambda c, own: np.mean([answers[i] == c for i in own]))
    )
    column = {c: [p[model.class_names.index(c)] for p in probabilities] for c in classes}
    assert found.mean_average_precision == pytest.approx(
        mean_over_classes(lambda c, own: slow_average_precision(column[c], [n == c for n in names]))
    )


def test_a_class_without_train_clips_has_no_say():
    names, model = ("hum", "low", "high"), ("low", "high")
    clips = HeldOut(tones(names), names, ("val",) * 3, TABLE)
    known = clips.known_to(model)
    assert (len(known), list(known.class_names)) == (2, ["low", "high"])
    assert np.array_equal(known.log_mels[0], clips.log_mels[1])
    torch.manual_seed(3)
    assert 0 < validate(AudioCnn(model), known, LOSSES["softmax"]).loss < 2


def test_held_out_clips_of_no_class_that_is_trained_are_refused_before_the_first_step():
    names = ("low", "high")
    told = (
        r"none of the 2 held-out clips is of one of the 2 classes trained on; give some .*, or held_out=None"
    )
    with pytest.raises(SetupError, match=told):
        fit_audio_cnn(
            tones(names),
            seen(names),
            QUICK,
            seed=0,
            held_out=held_out(("hum", "hum")),
            on_pass=lambda one: pytest.fail("it was trained"),
        )


def test_held_out_clips_leave_no_trace_in_the_weights():
    """The same passes with other held-out clips, or none, come to the same weights: only the choice is theirs."""
    names = ("low", "high") * 4
    weights = [
        fit_audio_cnn(tones(names), seen(names), QUICK, seed=0, held_out=clips).state_dict()
        for clips in (None, held_out(("low", "high"), 5), held_out(("high",) * 9, 6))
    ]
    assert all(torch.equal(weights[0][name], other[name]) for other in weights[1:] for name in other)
