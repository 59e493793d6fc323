"""ESC-10: sounds that nobody made for this test."""

from dataclasses import replace

import pytest
import torch
from esc10 import TRAINING, accuracy, fit_fold, read_esc10, split_fold

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def sounds(real_data):
    read = read_esc10(real_data / "audio")
    if not len(read):
        pytest.skip(f"no sounds of ESC-10 in {real_data / 'audio'}")
    return read


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_no_recording_is_on_two_sides_and_no_clip_is_lost(sounds, fold):
    sides = split_fold(sounds, fold)
    assert sum(map(len, sides)) == len(sounds) == 120
    train, val, test = (set(side.recordings) for side in sides)
    assert not train & val and not (train | val) & test
    assert all(set(side.class_names) == set(sounds.table.names) for side in sides)
    assert set(sides[2].folds) == {fold}


def test_real_sounds_are_told_apart_far_better_than_by_chance(sounds):
    """A few passes on 53 clips. Guessing among six classes gets 22 of these 48 once in 400,000 times."""
    model, _ = fit_fold(sounds, 2, replace(TRAINING, passes=6, settling_batches=8))
    _, _, test = split_fold(sounds, 2)
    with torch.inference_mode():
        heard = [int(model(torch.from_numpy(x).float()[None]).argmax()) for x in test.log_mels]
    assert accuracy([model.class_names[i] for i in heard], test.class_names) >= 22 / 48
