import math

import pytest
from torch import nn

from audiosetzsl.errors import SetupError
from models.training import Optimising


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimiser": "lion"}, "optimiser is 'lion', expected one of adam, adamw, sgd"),
        ({"precision": "fp8"}, "precision is 'fp8', expected one of fp32, tf32, bf16"),
        ({"batch_size": 1}, "batch_size is 1, expected a whole number from 2 to 1,000,000"),
        ({"passes": 0}, "passes is 0, expected a whole number from 1 to"),
        ({"patience": 0}, "patience is 0, expected a whole number from 1 to"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected more than 0 and at most"),
        ({"learning_rate": math.nan}, "learning_rate is nan, expected more than 0"),
        (
            {"learning_rate": 1e39},
            r"learning_rate is 1e\+39, expected more than 0 and at most 1e\+30, such as 0.001",
        ),
        ({"optimiser": "sgd", "momentum": 1.0}, "momentum is 1.0, expected from 0 to below 1, such as 0.9"),
        (
            {"momentum": 0.9},
            "momentum is 0.9, but adam has its own; take optimiser sgd, or leave momentum at 0",
        ),
        ({"weight_decay": -0.1}, "weight_decay is -0.1, expected from 0 to 1"),
        ({"decay_factor": 0.0}, "decay_factor is 0.0, expected more than 0 and at most 1"),
        ({"decay_at": (30, 30)}, r"decay_at is \(30, 30\), expected passes from 1 on, each after the last"),
        ({"decay_at": (0,)}, r"decay_at is \(0,\), expected passes from 1 on"),
    ],
)
def test_a_training_that_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(SetupError, match=message):
        Optimising(**settings)


def test_the_rate_steps_down_after_the_passes_named():
    optimising = Optimising(learning_rate=0.3, decay_at=(75, 125, 175), decay_factor=0.1)
    rates = [optimising.rate_in(number) for number in (1, 75, 76, 125, 126, 176)]
    assert rates == pytest.approx([0.3, 0.3, 0.03, 0.03, 0.003, 0.0003])


def test_every_optimiser_gets_its_settings():
    weights = nn.Linear(2, 2)
    found = {
        name: Optimising(name, 0.5, momentum, 0.25).optimiser_of(weights)
        for name, momentum in (("adam", 0.0), ("adamw", 0.0), ("sgd", 0.75))
    }
    assert {name: type(one).__name__.lower() for name, one in found.items()} == {name: name for name in found}
    assert {(one.defaults["lr"], one.defaults["weight_decay"]) for one in found.values()} == {(0.5, 0.25)}
    assert found["sgd"].defaults["momentum"] == 0.75
