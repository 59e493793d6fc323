import math

import numpy as np
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.selection import selected_weight


def test_selection_by_hand_on_and_beside_the_thresholds():
    alpha = np.array([0.0, 0.2, 0.25, 0.5, 0.75, math.nextafter(0.75, 1), 1.0])
    assert selected_weight(alpha).tolist() == [0, 0, 0.5, 0.5, 0.5, 1, 1]
    assert selected_weight(alpha, 0.5, 0.5).tolist() == [0, 0, 0, 0.5, 1, 1, 1]


def test_an_alpha_that_is_nan_selects_nothing():
    with pytest.raises(SetupError, match="1 of 2 values of alpha are NaN; check the model"):
        selected_weight(np.array([np.nan, 0.5]))


def test_thresholds_that_cross_are_refused():
    with pytest.raises(
        SetupError, match=r"audio is selected below 0.6 and video above 0.4; the first must not"
    ):
        selected_weight(np.array([0.5]), video_above=0.4, audio_below=0.6)
