import numpy as np
import pytest
import torch

from audiosetzsl.errors import ClipError, SetupError
from models.audio_cnn import AudioCnn, load_audio_cnn, save_audio_cnn
from models.checkpoint import save_checkpoint


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return AudioCnn(("dog", "cat"))


def log_mel(n_frames, seed=0):
    return np.random.default_rng(seed).normal(size=(n_frames, 64)).astype(np.float32)


def test_weights_are_named_and_shaped_as_in_the_original(model):
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    convolutions = {int(n.split(".")[0][5:]): s for n, s in shapes.items() if n.endswith(".0.weight")}
    channels = [1, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512]
    numbers = [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16]
    expected = {n: (channels[i + 1], channels[i], 3, 3) for i, n in enumerate(numbers)}
    assert convolutions == {**expected, 18: (1024, 512, 2, 2), 19: (2, 1024, 1, 1)}
    of_block_one = {n.removeprefix("layer1.") for n in shapes if n.startswith("layer1.")}
    assert of_block_one == {
        *("0.weight", "0.bias"),
        *("1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
    }
    assert {n for n in shapes if not n.startswith("layer")} == {"mel_mean", "mel_std"}


def test_a_whole_clip_has_fourteen_segments_and_one_vector(model):
    assert model.segments(torch.zeros(1, 998, 64)).shape == (1, 1024, 14)
    assert model(torch.zeros(3, 998, 64)).shape == (3, 2)
    assert model.embed(log_mel(998)).shape == (1024,)


def test_the_embedding_is_the_mean_of_block_seven(model):
    clip = log_mel(300)
    with torch.no_grad():
        segments = model.segments(torch.from_numpy(clip)[None])[0].numpy()
    np.testing.assert_allclose(model.embed(clip), segments.mean(axis=1), rtol=1e-4, atol=1e-6)


def test_a_short_clip_is_repeated_not_padded_with_silence(model):
    clip = log_mel(50)
    repeated = np.concatenate([clip, clip, clip[:28]])
    np.testing.assert_array_equal(model.embed(clip), model.embed(repeated))
    assert model.embed(log_mel(1)).shape == (1024,)


def test_half_precision_as_stored_in_shards_is_taken(model):
    clip = log_mel(200)
    np.testing.assert_allclose(model.embed(clip.astype(np.float16)), model.embed(clip), atol=0.01)


def test_a_clip_without_frames_is_an_error(model):
    with pytest.raises(
        ClipError, match="a log-mel of 0 frames has nothing to hear; leave the clip out"
    ) as error:
        model.embed(log_mel(0))
    assert error.value.reason == "no_frames"


def test_a_saved_network_embeds_as_before(model, tmp_path):
    loaded = load_audio_cnn(save_audio_cnn(model, tmp_path / "cnn.safetensors"))
    assert loaded.class_names == ("dog", "cat")
    np.testing.assert_array_equal(loaded.embed(log_mel(200)), model.embed(log_mel(200)))


def test_weights_of_another_shape_are_refused(model, tmp_path):
    path = save_checkpoint(tmp_path / "cnn", "audio_cnn", model.state_dict(), {"class_names": ["dog"]})
    with pytest.raises(
        SetupError,
        match=r"cnn: 2 weights do not fit the network, the first is layer19.0.bias: \(2,\), expected \(1,\)",
    ):
        load_audio_cnn(path)
