import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

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
    with pytest.raises(SetupError, match=r"net is damaged .*; delete it and train the model again"):
        load_checkpoint(path, "net")


def test_a_file_of_which_a_bit_was_turned_never_gives_other_weights_or_facts(tmp_path):
    states = {**STATE, "half": torch.ones(3, dtype=torch.bfloat16), "none": torch.zeros(0, 2)}
    path = save_checkpoint(tmp_path / "net", "net", states, {"config": {"width": 3}})
    whole, (sound, facts) = path.read_bytes(), load_checkpoint(path, "net")
    n_refused = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 7]) + whole[place + 1 :])
        try:
            found, told = load_checkpoint(path, "net")
        except SetupError as problem:
            assert str(path) in str(problem)
            n_refused += 1
        else:
            assert told == facts and found.keys() == sound.keys()
            for name, tensor in sound.items():
                assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor)
    assert n_refused > 0.99 * len(whole)  # but blanks that fill up the header


def test_other_weights_or_facts_under_the_old_checksum_are_an_error(tmp_path):
    path = save_checkpoint(tmp_path / "net", "net", STATE, {"width": 3})
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["facts"])
    path.write_bytes(save(written(STATE), metadata={"facts": json.dumps(facts)}))
    load_checkpoint(path, "net")
    b = STATE["b"]
    others = [STATE | {"a": torch.tensor(2)}, {"b": b}]
    others += [
        STATE | {"b": same_bytes} for same_bytes in (b.reshape(2, 3), b.contiguous().view(torch.int32))
    ]
    for state, told in [*((state, {}) for state in others), (STATE, {"width": 4}), (STATE, {"more": 1})]:
        path.write_bytes(save(written(state), metadata={"facts": json.dumps(facts | told)}))
        with pytest.raises(
            SetupError, match=r"net is damaged \(its bytes are not those written\); delete it and train the"
        ):
            load_checkpoint(path, "net")


def written(state):
    return {name: tensor.contiguous() for name, tensor in state.items()}


def test_a_file_without_checksum_is_of_another_version(tmp_path):
    path = tmp_path / "net"
    path.write_bytes(save(written(STATE), metadata={"facts": json.dumps({"kind": "net"})}))
    with pytest.raises(
        SetupError, match=r"net is of another version \(it has no sha256\); delete it and train the model"
    ):
        load_checkpoint(path, "net")


def test_weights_of_others_are_no_model_of_this_project(tmp_path):
    path = tmp_path / "net"
    path.write_bytes(save(written(STATE)))
    with pytest.raises(SetupError, match=r"net holds no model of this project, expected net"):
        load_checkpoint(path, "net")


def test_another_kind_of_model_is_an_error(tmp_path):
    path = save_checkpoint(tmp_path / "net", "audio_cnn", STATE, {})
    with pytest.raises(SetupError, match=r"net holds audio_cnn, expected cjme"):
        load_checkpoint(path, "cjme")
