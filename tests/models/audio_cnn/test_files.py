import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from models.audio_cnn import AudioCnn, load_audio_cnn, load_original, open_audio_cnn, save_audio_cnn
from models.checkpoint import save_checkpoint

CLIP = np.random.default_rng(0).normal(size=(200, 64)).astype(np.float32)
LITERAL = np.random.default_rng(0).normal(size=(200, 128)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return AudioCnn(("dog", "cat"))


@pytest.fixture(scope="module")
def original():
    """State dict as the original release has it: seven classes, statistics that are not those of a fresh net."""
    torch.manual_seed(2)
    state = AudioCnn(tuple("abcdefg")).state_dict()
    state = {name: tensor for name, tensor in state.items() if not name.startswith("mel_")}
    return {
        name: tensor.uniform_(0.5, 1.5) if name.endswith("running_var") else tensor
        for name, tensor in state.items()
    }


def test_a_saved_network_embeds_as_before(model, tmp_path):
    loaded = load_audio_cnn(save_audio_cnn(model, tmp_path / "cnn.safetensors"))
    assert loaded.class_names == ("dog", "cat")
    np.testing.assert_array_equal(loaded.embed(CLIP), model.embed(CLIP))


def test_a_saved_network_knows_how_many_bands_it_hears(tmp_path):
    model = AudioCnn(("dog",), 128)
    loaded = load_audio_cnn(save_audio_cnn(model, tmp_path / "cnn.safetensors"))
    np.testing.assert_array_equal(loaded.embed(LITERAL), model.embed(LITERAL))


def test_weights_of_another_shape_are_refused(model, tmp_path):
    path = save_checkpoint(tmp_path / "cnn", "audio_cnn", model.state_dict(), {"class_names": ["dog"]})
    with pytest.raises(
        SetupError,
        match=r"2 weights do not fit the network, the first is layer19.0.bias: \(2,\), expected \(1,\); delete it",
    ):
        load_audio_cnn(path)


def saved(state, path, **how):
    torch.save(state, path, **how)
    return path


def wrapped(state):
    return {"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}


def without_counters(state):
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("form", [dict, wrapped, without_counters], ids=lambda form: form.__name__)
@pytest.mark.parametrize(("n_mels", "clip"), [(64, CLIP), (128, LITERAL)])
def test_the_original_release_is_read_in_every_form(original, tmp_path, form, zipped, n_mels, clip):
    path = saved(form(original), tmp_path / "net.pth", _use_new_zipfile_serialization=zipped)
    loaded = load_original(path, n_mels)
    assert loaded.class_names == tuple(f"output {number}" for number in range(7))
    ours = AudioCnn(tuple("abcdefg"), n_mels)
    ours.load_state_dict(original, strict=False)
    np.testing.assert_array_equal(loaded.embed(clip), ours.embed(clip))
    assert not loaded.training


def test_what_the_original_lacks_is_named(original, tmp_path):
    state = {name: tensor for name, tensor in original.items() if not name.startswith("layer7.1")}
    with pytest.raises(
        SetupError,
        match=r"4 weights do not fit .* layer7.1.bias: None, expected \(64,\); give weights of Kumar et al",
    ):
        load_original(saved(state, tmp_path / "net.pth"))


def test_another_network_is_told_by_its_names(tmp_path):
    state = {"Conv3d_1a_7x7.conv3d.weight": torch.zeros(1), "logits.bias": torch.zeros(1)}
    with pytest.raises(
        SetupError,
        match=r"has no layer19.0.weight, its weights are called Conv3d_1a_7x7.conv3d.weight, logits.bias, ...",
    ):
        load_original(saved(state, tmp_path / "i3d.pt"))


def test_what_is_no_dictionary_of_weights_is_refused(original, tmp_path):
    for other in ([torch.zeros(2)], {"a": 1}):
        with pytest.raises(
            SetupError, match=r"holds (list|dict), expected a dictionary of weights; save it fr"
        ):
            load_original(saved(other, tmp_path / "net.pth"))


class Trap:
    """A pickle of it writes a file when it is read by whoever trusts it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_file_is_not_run(tmp_path):
    trap = tmp_path / "sprung"
    (tmp_path / "net.pth").write_bytes(pickle.dumps({"state_dict": Trap(trap)}))
    torch.save({"state_dict": Trap(trap)}, tmp_path / "zip.pth")
    for name in ("net.pth", "zip.pth"):
        with pytest.raises(
            SetupError, match=f"{name} cannot be read as weights .*; fetch it again, or save its"
        ):
            load_original(tmp_path / name)
    assert not trap.exists()


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"net.pth does not exist; check the path"):
        load_original(tmp_path / "net.pth")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_whatever_is_wrong_with_a_file_is_an_error_of_ours(tmp_path_factory, zipped, data):
    """Cut anywhere, or with bytes changed: never another kind of error."""
    path = tmp_path_factory.mktemp("damaged") / "net.pth"
    saved({"layer19.0.weight": torch.zeros(2, 3, 1, 1)}, path, _use_new_zipfile_serialization=zipped)
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with pytest.raises(SetupError):
        load_original(path)


def test_the_name_tells_whose_file_it_is_and_bands_must_fit(model, original, tmp_path):
    ours = save_audio_cnn(model, tmp_path / "cnn.safetensors")
    theirs = saved(original, tmp_path / "net.pth")
    assert open_audio_cnn(ours).class_names == ("dog", "cat")
    assert open_audio_cnn(ours.rename(tmp_path / "cnn.SafeTensors")).class_names == ("dog", "cat")
    ours = tmp_path / "cnn.SafeTensors"
    assert open_audio_cnn(theirs, 128).n_mels == 128
    with pytest.raises(
        SetupError, match="hears 64 mel bands, the log-mels have 128; train a network on them"
    ):
        open_audio_cnn(ours, 128)
