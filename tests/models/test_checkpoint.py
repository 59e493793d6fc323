import pytest
import torch

from audiosetzsl.errors import SetupError
from models.checkpoint import load_checkpoint, save_checkpoint

STATE = {"b": torch.arange(6.0).reshape(2, 3).t(), "a": torch.tensor(3)}


def test_weights_and_facts_come_back(tmp_path):
    path = save_checkpoint(tmp_path / "new" / "net.safetensors", "net", STATE, {"config": {"width": 3}})
    state, facts = load_checkpoint(path, "net")
    assert facts == {"config": {"width": 3}}
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


def test_equal_models_are_equal_bytes(tmp_path):
    one = save_checkpoint(tmp_path / "1", "net", STATE, {"x": 1, "y": 2})
    two = save_checkpoint(tmp_path / "2", "net", dict(reversed(STATE.items())), {"y": 2, "x": 1})
    assert one.read_bytes() == two.read_bytes()


def test_whoever_may_read_other_files_may_read_a_checkpoint(tmp_path):
    (tmp_path / "other").touch()
    path = save_checkpoint(tmp_path / "net", "net", STATE, {})
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_save_leaves_the_old_file_whole(tmp_path):
    path = save_checkpoint(tmp_path / "net", "net", STATE, {})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(path, "net", STATE, {"not json": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"net.safetensors does not exist; train the model first"):
        load_checkpoint(tmp_path / "net.safetensors", "net")


def test_a_damaged_file_is_an_error(tmp_path):
    path = save_checkpoint(tmp_path / "net", "net", STATE, {})
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(SetupError, match=r"net is damaged .*; train the model again"):
        load_checkpoint(path, "net")


def test_another_kind_of_model_is_an_error(tmp_path):
    path = save_checkpoint(tmp_path / "net", "audio_cnn", STATE, {})
    with pytest.raises(SetupError, match=r"net holds audio_cnn, expected cjme"):
        load_checkpoint(path, "cjme")
