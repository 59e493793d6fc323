from dataclasses import replace

import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import View
from models.cjme import PRESETS, CjmeConfig, CjmeTraining, SingleConfig, SingleTraining


def test_presets_say_what_differs_from_the_papers():
    paper, literal, later = PRESETS["paper"], PRESETS["literal"], PRESETS["avgzslnet"].optimising
    assert paper == CjmeTraining()
    assert literal == replace(paper, agreement="sum", sign="as_printed")
    assert (later.optimiser, later.learning_rate, later.momentum) == ("sgd", 0.3, 0.9)
    assert (later.decay_at, later.passes, later.batch_size) == ((75, 125, 175), 200, 4096)
    assert later.patience >= later.passes  # or it might end before its first step down
    assert replace(PRESETS["avgzslnet"], optimising=paper.optimising) == paper


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"margin": 0.0}, r"margin is 0.0, expected more than 0"),
        ({"margin": float("nan")}, r"margin is nan, expected more than 0"),
        ({"gamma": -1.0}, r"gamma is -1.0, expected 0 or more"),
        ({"lambda_": float("inf")}, r"lambda_ is inf, expected 0 or more"),
        ({"xi": float("nan")}, r"xi is nan, expected 0 or more"),
        ({"losses": ("AV",)}, r"losses are \('AV',\), expected TA or TV or both, with or without AV"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    with pytest.raises(SetupError, match=message):
        CjmeTraining(**change)


@pytest.mark.parametrize(
    ("name", "known"),
    [("sign", "fixed, as_printed"), ("negatives", "batch, pairs"), ("agreement", "mean, sum")],
)
def test_so_is_a_name_that_is_unknown(name, known):
    unchecked = CjmeTraining()  # made whole, as tests check types before the settings can
    object.__setattr__(unchecked, name, "other")
    with pytest.raises(SetupError, match=f"{name} is 'other', expected one of {known}"):
        unchecked.__post_init__()


def test_networks_and_trainings_of_a_single_view_are_checked_too():
    with pytest.raises(SetupError, match=r"margin is -1.0, expected more than 0"):
        SingleTraining(margin=-1.0)
    with pytest.raises(SetupError, match=r"dropout is 1.0, expected from 0 to below 1"):
        CjmeConfig(dropout=1.0)


def test_a_network_that_cannot_be_meant_is_refused():
    with pytest.raises(SetupError, match=r"audio_width is 0, expected 1 or more"):
        CjmeConfig(audio_width=0)
    with pytest.raises(SetupError, match=r"hidden is 0, expected 1 or more"):
        SingleConfig(View.AUDIO, 4, hidden=0)
    with pytest.raises(SetupError, match=r"audio is selected below 0.8 and video above 0.2"):
        CjmeConfig(video_above=0.2, audio_below=0.8)
