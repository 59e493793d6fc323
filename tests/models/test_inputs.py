import numpy as np
import pytest

import models.inputs as module
from models.inputs import InputForm, Inputs, unit


def test_standard_takes_mean_and_spread_of_the_rows_learnt_from_however_they_fall_into_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 3)
    rows = np.random.default_rng(0).normal(5, 3, size=(10, 4)).astype(np.float32)
    inputs = Inputs.of(InputForm.STANDARD, rows)
    other = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    expected = (other - rows.mean(0)) / rows.std(0)
    assert np.allclose(inputs(other), expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)


def test_a_dimension_that_never_changes_in_training_does_not_drown_the_others():
    rows = np.full((1000, 2), 0.1, np.float32)  # whose mean in float64 is not quite 0.1
    rows[:, 1] = np.arange(1000)
    inputs = Inputs.of(InputForm.STANDARD, rows)
    assert inputs.scale[0] == 1
    assert inputs(np.array([[0.2, 999]], np.float32))[0, 1] > 0.99


def test_raw_leaves_rows_and_unit_leaves_rows_of_zeros():
    rows = np.array([[3, 4], [0, 0]], np.float32)
    assert np.array_equal(Inputs.of(InputForm.RAW, rows)(rows), rows)
    assert Inputs.of(InputForm.UNIT, rows)(rows).tolist() == [pytest.approx([0.6, 0.8]), [0, 0]]
    assert np.array_equal(unit(rows), Inputs.of(InputForm.UNIT, rows)(rows))
