import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from audiosetzsl.errors import ClipError, SetupError
from models.audio_cnn import AudioCnn, network

CHANNELS = {1: 16, 2: 16, 4: 32, 5: 32, 7: 64, 8: 64, 10: 128, 11: 128, 13: 256, 14: 256, 16: 512}
# The layers in their order; letters are pools.
ORDER = (1, 2, "a", 4, 5, "b", 7, 8, "c", 10, 11, "d", 13, 14, "e", 16, "f", 18)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return lively(AudioCnn(("dog", "cat")))


def lively(model):
    """Statistics and scales as after a training: fresh ones would hide whatever is done to them."""
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith(("running_mean", ".1.bias", "mel_mean")):
                tensor.normal_(0, 0.3)
            if name.endswith(("running_var", ".1.weight", "mel_std")):
                tensor.uniform_(0.5, 2)
    return model


def log_mel(n_frames, seed=0, n_mels=64):
    return np.random.default_rng(seed).normal(size=(n_frames, n_mels)).astype(np.float32)


def slow_segments(state, clip, last_pool):
    """Block seven of one clip [n_frames, n_mels], layer by layer from the weights, in double precision."""
    state = {name: tensor.double() for name, tensor in state.items()}
    x = torch.from_numpy(clip).double()
    x = ((x - state["mel_mean"]) / state["mel_std"])[None, None]
    for layer in ORDER:
        if layer == "f":
            x = functional.max_pool2d(x, last_pool)
        elif isinstance(layer, str):
            x = functional.max_pool2d(x, (2, 2))
        else:
            own = {
                n.removeprefix(f"layer{layer}."): t
                for n, t in state.items()
                if n.startswith(f"layer{layer}.")
            }
            x = functional.conv2d(x, own["0.weight"], own["0.bias"], padding=0 if layer == 18 else 1)
            deviation = (own["1.running_var"] + 1e-5).sqrt()[:, None, None]
            x = (x - own["1.running_mean"][:, None, None]) / deviation
            x = (x * own["1.weight"][:, None, None] + own["1.bias"][:, None, None]).clamp(min=0)
    return x[0, :, :, 0]


@pytest.mark.parametrize(("n_mels", "last_pool"), [(64, (2, 1)), (128, (2, 2))])
def test_the_network_is_that_of_the_paper_layer_by_layer(n_mels, last_pool):
    torch.manual_seed(1)
    model, clip = lively(AudioCnn(("dog", "cat", "pig"), n_mels)), log_mel(333, n_mels=n_mels)
    expected = slow_segments(model.state_dict(), clip, last_pool)
    with torch.no_grad():
        torch.testing.assert_close(
            model.segments(torch.from_numpy(clip)[None])[0].double(), expected, rtol=1e-4, atol=1e-5
        )
        head = {n: t.double() for n, t in model.state_dict().items() if n.startswith("layer19")}
        logits = head["layer19.0.weight"][:, :, 0, 0] @ expected + head["layer19.0.bias"][:, None]
        torch.testing.assert_close(
            model(torch.from_numpy(clip)[None])[0].double(), logits.mean(1), rtol=1e-4, atol=1e-5
        )
    np.testing.assert_allclose(model.embed(clip), expected.mean(1).numpy(), rtol=1e-4, atol=1e-5)


def test_weights_are_named_and_shaped_as_in_the_original(model):
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    convolutions = {int(n.split(".")[0][5:]): s for n, s in shapes.items() if n.endswith(".0.weight")}
    channels_in = dict(zip(CHANNELS, (1, *CHANNELS.values()), strict=False))
    expected = {n: (CHANNELS[n], channels_in[n], 3, 3) for n in CHANNELS}
    assert convolutions == {**expected, 18: (1024, 512, 2, 2), 19: (2, 1024, 1, 1)}
    of_block_one = {n.removeprefix("layer1.") for n in shapes if n.startswith("layer1.")}
    assert of_block_one == {
        *("0.weight", "0.bias"),
        *("1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
    }
    assert {n for n in shapes if not n.startswith("layer")} == {"mel_mean", "mel_std"}


@pytest.mark.parametrize(("n_classes", "millions"), [(33, 4.5), (527, 5.0)])
def test_there_are_as_many_parameters_as_in_the_original(n_classes, millions):
    """A convolution has a weight for each pair of channels and place, and a bias; its norm a scale and a shift."""
    widths = [1, *CHANNELS.values()]
    blocks = sum(9 * a * b + 3 * b for a, b in itertools.pairwise(widths)) + 4 * 512 * 1024 + 3 * 1024
    model = AudioCnn(tuple(map(str, range(n_classes))))
    n = sum(weight.numel() for weight in model.parameters())
    assert n == blocks + 1025 * n_classes
    assert round(n / 1e6, 1) == millions


@settings(max_examples=15, deadline=None)
@given(n_frames=st.integers(128, 700), n_mels=st.sampled_from([64, 128]))
def test_there_is_a_segment_for_every_64_frames_but_one(n_frames, n_mels):
    segments = AudioCnn(("dog",), n_mels).segments(torch.zeros(1, n_frames, n_mels))
    assert segments.shape == (1, 1024, n_frames // 64 - 1)


def test_a_whole_clip_has_fourteen_segments_and_one_vector(model):
    assert model.segments(torch.zeros(1, 998, 64)).shape == (1, 1024, 14)
    assert model.segment_logits(torch.zeros(3, 998, 64)).shape == (3, 2, 14)
    assert model(torch.zeros(3, 998, 64)).shape == (3, 2)
    assert model.embed(log_mel(998)).shape == (1024,)


def test_a_segment_hears_two_rows_of_64_frames_and_the_margins_of_its_convolutions(model):
    """Receptive field: block seven sees rows s and s + 1; each pool before it halves what the layers add."""
    clip = torch.from_numpy(log_mel(998))[None].requires_grad_()
    model.segments(clip)[0, :, 5].sum().backward()
    heard = torch.nonzero(clip.grad[0].abs().sum(1)).flatten()
    # Margins: a frame a convolution at its own scale, 2 (1 + 2 + 4 + 8 + 16) + 32.
    assert heard.min() >= 5 * 64 - 94 and heard.max() < 7 * 64 + 94
    assert heard.max() - heard.min() >= 128


def test_a_short_clip_is_repeated_not_padded_with_silence(model):
    clip = log_mel(50)
    repeated = np.concatenate([clip, clip, clip[:28]])
    np.testing.assert_array_equal(model.embed(clip), model.embed(repeated))
    assert model.embed(log_mel(1)).shape == (1024,)


def test_half_precision_as_stored_in_shards_is_taken(model):
    clip = log_mel(200)
    np.testing.assert_allclose(model.embed(clip.astype(np.float16)), model.embed(clip), atol=0.01)


def test_clips_of_any_length_are_embedded_together_as_alone(model, monkeypatch):
    clips = [log_mel(n, seed) for seed, n in enumerate((200, 50, 128, 200, 300, 1, 200))]
    alone = np.stack([model.embed(clip) for clip in clips])
    np.testing.assert_array_equal(model.embed_all(clips), alone)
    monkeypatch.setitem(network.CLIPS_AT_ONCE, "cpu", 2)  # as on a GPU
    np.testing.assert_allclose(model.embed_all(clips), alone, rtol=1e-4, atol=1e-5)
    assert model.embed_all([]).shape == (0, 1024)


def test_a_clip_without_frames_is_an_error(model):
    with pytest.raises(
        ClipError, match="a log-mel of 0 frames has nothing to hear; leave the clip out"
    ) as error:
        model.embed(log_mel(0))
    assert error.value.reason == "no_frames"


def test_another_number_of_bands_is_refused():
    with pytest.raises(SetupError, match=r"have 80 bands, the audio CNN takes 64 or, to .* 128; extract"):
        AudioCnn(("dog",), 80)
