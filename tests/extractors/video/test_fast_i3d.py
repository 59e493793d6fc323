"""The fast build against the plain network, and both against a slow twin in float64."""

import copy

import pytest
import torch
from torch.nn import functional

from extractors.video.fast_i3d import FastI3D, _pooled, folded
from extractors.video.i3d import I3D, MIXED

EPS = 1e-3


@pytest.fixture(scope="module")
def fast(trained_like):
    return FastI3D(trained_like)


def relative(found, expected):
    """Relative L2 over all clips."""
    return float((found.double() - expected.double()).norm() / expected.double().norm())


def surrounded(x, kernel, stride):
    """TensorFlow's SAME: ceil(n / s) outputs, what is missing put around, the odd pixel at the end."""
    for axis, (k, s) in enumerate(zip(kernel, stride, strict=True), start=2):
        n = x.shape[axis]
        missing = max((-(-n // s) - 1) * s + k - n, 0)
        for place, width in enumerate((missing // 2, missing - missing // 2)):
            shape = list(x.shape)
            shape[axis] = width
            zeros = torch.zeros(shape, dtype=x.dtype)
            x = torch.cat([x, zeros] if place else [zeros, x], dim=axis)
    return x


def slow_features(state, video):
    """The network written down from its table, in float64; `state` has the names of `rgb_imagenet.pt`."""

    def unit(x, name, stride=1):
        w = state[f"{name}.conv3d.weight"].double()
        x = functional.conv3d(surrounded(x, w.shape[2:], [stride] * 3), w, stride=stride)
        mean, var, scale, shift = (
            state[f"{name}.bn.{n}"].double().view(-1, 1, 1, 1)
            for n in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (var + EPS) ** 0.5 * scale + shift).relu()

    def pool(x, kernel, stride):
        return functional.max_pool3d(surrounded(x, kernel, stride), kernel, stride)

    x = pool(unit(video.double(), "Conv3d_1a_7x7", 2), (1, 3, 3), (1, 2, 2))
    x = pool(unit(unit(x, "Conv3d_2b_1x1"), "Conv3d_2c_3x3"), (1, 3, 3), (1, 2, 2))
    for name in ("3b", "3c", None, "4b", "4c", "4d", "4e", "4f", "5", "5b", "5c"):
        if name is None:
            x = pool(x, (3, 3, 3), (2, 2, 2))
        elif name == "5":
            x = pool(x, (2, 2, 2), (2, 2, 2))
        else:
            at = f"Mixed_{name}"
            one, two = unit(x, f"{at}.b1a"), unit(x, f"{at}.b2a")
            last = unit(pool(x, (3, 3, 3), (1, 1, 1)), f"{at}.b3b")
            x = torch.cat([unit(x, f"{at}.b0"), unit(one, f"{at}.b1b"), unit(two, f"{at}.b2b"), last], dim=1)
    pairs = (x[:, :, :-1] + x[:, :, 1:]) / 2 if x.shape[2] > 1 else x
    return functional.avg_pool3d(pairs, (1, *(min(7, n) for n in x.shape[3:])), 1).mean(dim=(2, 3, 4))


@pytest.mark.parametrize("n_frames", [*range(9, 21), 63, 64, 65, 250])
def test_any_length_and_side_is_padded_as_tensorflow_does(trained_like, fast, noise, as_video, n_frames):
    """Sides that take every residue of the strides, smaller for long clips; lengths as a clip may have them."""
    least = 29 if n_frames < 60 else 11
    sides = least + n_frames % 12, least + (5 * n_frames) % 12
    frames = noise(1, n_frames, *sides, seed=n_frames)
    with torch.inference_mode():
        expected = slow_features(trained_like.state_dict(), as_video(frames, torch.float64))
        assert relative(trained_like.vectors(as_video(frames)), expected) < 3e-6
    assert relative(fast.vectors(frames), expected) < 3e-6


@pytest.mark.parametrize("shape", [(1, 9, 32, 32), (2, 17, 66, 70), (1, 16, 112, 96)])
def test_it_gives_the_plain_network_s_numbers(trained_like, fast, noise, as_video, shape):
    frames = noise(*shape)
    with torch.inference_mode():
        plain = trained_like.vectors(as_video(frames))
    found = fast.vectors(frames)
    assert found.shape == (shape[0], 1024) and found.dtype == torch.float32
    assert relative(found, plain) <= 1e-6


@pytest.mark.slow
def test_it_gives_the_plain_network_s_numbers_at_full_size(trained_like, fast, noise, as_video):
    frames = noise(1, 64, 224, 224)
    with torch.inference_mode():
        plain = trained_like.vectors(as_video(frames))
    assert relative(fast.vectors(frames), plain) <= 1e-6


def test_it_is_as_near_the_exact_numbers_as_the_plain_network(stand_in, noise, as_video):
    """The stand-in's layers take small differences of large sums, which makes rounding weigh more."""
    frames = noise(1, 17, 66, 70)
    with torch.inference_mode():
        exact = copy.deepcopy(stand_in).double().vectors(as_video(frames, torch.float64))
        plain = relative(stand_in.vectors(as_video(frames)), exact)
    assert relative(FastI3D(stand_in).vectors(frames), exact) < 2 * plain < 1e-5


def test_windows_together_are_windows_alone(fast, noise):
    """On a GPU they go through together; so they do here, one layer down."""
    frames = noise(2, 9, 24, 20)
    with torch.inference_mode():
        together = fast._features(frames)
    alone = fast.vectors(frames)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert torch.equal(fast.vectors(frames[1:]), alone[1:])


def test_small_clips_work(fast, noise):
    for n_frames, side in ((1, 16), (2, 24), (8, 64)):
        assert fast.vectors(noise(1, n_frames, side, side)).isfinite().all()


def test_bf16_and_tf32_on_a_cpu(stand_in, noise):
    frames = noise(2, 16, 64, 64)
    exact = FastI3D(stand_in).vectors(frames)
    half = FastI3D(stand_in, precision="bf16").vectors(frames)
    assert half.dtype == torch.float32
    assert torch.cosine_similarity(half, exact).min() >= 0.999
    assert relative(half, exact) > 1e-4  # it was bf16
    torch.testing.assert_close(FastI3D(stand_in, precision="tf32").vectors(frames), exact, rtol=0, atol=0)


def test_neither_the_network_nor_the_frames_are_changed(noise):
    net = I3D().train()
    state, frames = copy.deepcopy(net.state_dict()), noise(1, 9, 32, 32)
    before = frames.clone()
    FastI3D(net).vectors(frames)
    assert torch.equal(frames, before)
    assert net.training and all(torch.equal(x, state[name]) for name, x in net.state_dict().items())


def test_a_folded_unit_is_convolution_and_batch_norm(trained_like):
    unit = copy.deepcopy(trained_like.Mixed_4b.b1b).double()
    weight, bias = folded(unit)
    x = torch.randn(1, 96, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = functional.conv3d(x, weight, bias, padding=1).relu()
    torch.testing.assert_close(found, unit(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 7, 7), (2, 7, 7), (1, 2, 7), (3, 8, 9), (5, 20, 13)])
def test_the_last_mean_is_that_of_the_average_pool(shape):
    x = torch.randn(2, *shape, 6, generator=torch.Generator().manual_seed(0))
    kernel = [min(most, n) for most, n in zip((2, 7, 7), shape, strict=True)]
    expected = functional.avg_pool3d(x.permute(0, 4, 1, 2, 3), kernel, stride=1).mean(dim=(2, 3, 4))
    torch.testing.assert_close(_pooled(x), expected, rtol=1e-5, atol=1e-6)


def test_every_mixed_block_is_there(fast):
    assert list(fast.blocks) == list(MIXED)
