import math

import pytest

from audiosetzsl.errors import SetupError
from models.audio_cnn import AudioCnnTraining
from models.audio_cnn.training import learning_rate_at


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("loss", "hinge", "loss is 'hinge', expected one of softmax, sigmoid"),
        ("schedule", "step", "schedule is 'step', expected one of cosine, constant"),
        ("precision", "fp8", "precision is 'fp8', expected one of fp32, bf16"),
        ("crop_frames", 100, "crop_frames is 100, expected a whole number from 128 to 30,000"),
        ("batch_size", 1, "batch_size is 1, expected a whole number from 2 to"),
        ("passes", 0, "passes is 0, expected a whole number from 1 to"),
        ("patience", 0, "patience is 0, expected a whole number from 1 to"),
        ("freq_masks", -1, "freq_masks is -1, expected a whole number from 0 to 100"),
        ("freq_width", 999, "freq_width is 999, expected a whole number from 1 to 127"),
        ("freq_width", 0, "freq_width is 0, expected a whole number from 1 to 127"),
        (
            "freq_width",
            20,
            "freq_width is 20, but freq_masks is 0, so nothing is masked; set freq_masks too, or",
        ),
        ("time_width", 99, "time_width is 99, but time_masks is 0, so .*, or leave time_width at 64"),
        ("time_width", 250, "time_width is 250, expected fewer frames than those of a crop, 250"),
        ("mixup", -0.1, "mixup is -0.1, expected 0, or 0.01 to 100"),
        ("mixup", 1e-300, "mixup is 1e-300, expected 0, or 0.01 to 100"),
        ("mixup", math.nan, "mixup is nan, expected 0, or 0.01 to 100"),
        ("learning_rate", 0.0, "learning_rate is 0.0, expected more than 0"),
        ("learning_rate", math.nan, "learning_rate is nan, expected more than 0"),
        ("learning_rate", 1e39, r"learning_rate is 1e\+39, expected more than 0 and at most 1e\+30"),
    ],
)
def test_what_cannot_be_meant_is_refused(field, value, message):
    with pytest.raises(SetupError, match=message):
        AudioCnnTraining(**{field: value})


def test_the_learning_rate_falls_by_half_a_cosine():
    training = AudioCnnTraining(learning_rate=0.2)
    rates = [learning_rate_at(training, done) for done in (0.0, 0.25, 0.5, 1.0)]
    assert rates == pytest.approx([0.2, 0.1 * (1 + math.sqrt(0.5)), 0.1, 0])
    assert learning_rate_at(AudioCnnTraining(learning_rate=0.2, schedule="constant"), 0.9) == 0.2
