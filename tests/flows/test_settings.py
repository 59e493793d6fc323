"""Settings changed by words of the command line."""

from dataclasses import dataclass

import pytest

from audiosetzsl.errors import SetupError
from flows.settings import with_settings
from models.audio_cnn import AudioCnnTraining


def test_numbers_and_names_are_changed_and_the_rest_is_left():
    changed = with_settings(
        AudioCnnTraining(batch_size=8), ["passes=3", "loss=sigmoid", "learning_rate=1e-4"]
    )
    assert changed == AudioCnnTraining(batch_size=8, passes=3, loss="sigmoid", learning_rate=1e-4)
    assert with_settings(AudioCnnTraining(), []) == AudioCnnTraining()


@dataclass(frozen=True)
class Share:
    share: float = 0  # a whole number, where others may be meant


def test_a_value_is_of_the_kind_that_its_field_declares():
    assert with_settings(Share(), ["share=0.2"]) == Share(0.2)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("passes", r"--set passes: expected name=value; by now loss=softmax, crop_frames=250"),
        ("epochs=3", r"--set epochs=3: expected name=value; by now loss=softmax"),
        ("passes=many", r"--set passes=many: expected a value like passes=20 \(int\)"),
        ("passes=0", "passes is 0, expected a whole number from 1 to"),
        ("mixup=nan", "mixup is nan, expected 0, or 0.01 to 100"),
    ],
)
def test_a_word_that_says_nothing_is_refused(word, message):
    with pytest.raises(SetupError, match=message):
        with_settings(AudioCnnTraining(), [word])
