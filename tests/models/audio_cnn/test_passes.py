import csv

from models.audio_cnn import AudioCnnPass, AudioCnnTraining, as_csv, best_of
from models.audio_cnn.passes import is_over


def row(number, val_map=None, val_loss=1.0):
    val = (val_loss, 0.5, val_map) if val_map is not None else (None, None, None)
    return AudioCnnPass(number, 2.0, 0.25, *val, 1e-3, 1.5)


def history(*maps):
    return [row(number, val_map) for number, val_map in enumerate(maps, start=1)]


def test_the_best_pass_has_the_best_map_and_of_equal_ones_the_least_loss():
    assert best_of(history(0.2, 0.9, 0.4)).number == 2
    assert best_of([row(1, 1.0, 0.8), row(2, 1.0, 0.3), row(3, 0.9, 0.1)]).number == 2
    assert best_of(history(0.5, 0.5)).number == 1


def test_without_val_the_last_pass_is_the_best():
    assert best_of([row(1), row(2), row(3)]).number == 3


def test_a_training_is_over_when_patience_or_passes_run_out():
    training = AudioCnnTraining(passes=5, patience=2)
    assert not is_over([], training)
    assert not is_over(history(0.5), training)
    assert not is_over(history(0.5, 0.4), training)
    assert is_over(history(0.5, 0.4, 0.3), training)
    assert not is_over(history(0.5, 0.4, 0.6), training)
    assert is_over(history(0.1, 0.2, 0.3, 0.4, 0.5), training)
    assert not is_over([row(1), row(2), row(3), row(4)], training)


def test_the_log_has_a_row_a_pass_and_nothing_where_nothing_was_measured():
    first, second = csv.DictReader(as_csv([row(1, 0.75), row(2)]).splitlines())
    assert first == {
        **{"number": "1", "loss": "2.0", "accuracy": "0.25", "learning_rate": "0.001", "seconds": "1.5"},
        **{"val_loss": "1.0", "val_accuracy": "0.5", "val_map": "0.75"},
    }
    assert second["val_map"] == second["val_loss"] == ""
