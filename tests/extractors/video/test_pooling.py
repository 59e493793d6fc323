import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from extractors.video.pooling import _by_axis, _in_one, max_pool, same_padding


def slow_same_convolution(x, weight, stride):
    """One axis, from TensorFlow's definition: zeros on both sides, the odd one at the end."""
    k = len(weight)
    n_out = int(np.ceil(len(x) / stride))
    missing = max((n_out - 1) * stride + k - len(x), 0)
    padded = np.concatenate([np.zeros(missing // 2), x, np.zeros(missing - missing // 2)])
    return np.array([padded[i * stride : i * stride + k] @ weight for i in range(n_out)])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [1, 2, 5, 8, 9])
def test_same_padding_against_its_definition(n, kernel, stride):
    rng = np.random.default_rng(n)
    x, weight = rng.standard_normal(n), rng.standard_normal(kernel)
    padded = functional.pad(torch.from_numpy(x)[None, None], same_padding((n,), (kernel,), (stride,)))
    found = functional.conv1d(padded, torch.from_numpy(weight)[None, None], stride=stride)[0, 0]
    np.testing.assert_allclose(found.numpy(), slow_same_convolution(x, weight, stride), atol=1e-12)


def test_same_padding_lists_the_axes_as_torch_does():
    """224 by 7 / 2 needs 5: 2 before and 3 after. Width first, then height, then time."""
    assert same_padding((8, 224, 225), (1, 7, 7), (1, 2, 2)) == (3, 3, 2, 3, 0, 0)


POOLS = [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))]


def slow_max_pool(x, kernel, stride):
    """Each output pixel: the largest of the input's pixels in its window, as far as they are there."""
    sides = np.array(x.shape[1:4])
    shape = -(-sides // stride)
    before = np.maximum((shape - 1) * stride + kernel - sides, 0) // 2
    out = np.empty((len(x), *shape, x.shape[-1]), x.dtype)
    for index in np.ndindex(*shape):
        low = np.array(index) * stride - before
        window = tuple(slice(max(a, 0), a + k) for a, k in zip(low, kernel, strict=True))
        out[:, *index] = x[:, *window].max(axis=(1, 2, 3))
    return out


@settings(max_examples=40)
@given(st.sampled_from(POOLS), st.tuples(*[st.integers(1, 9)] * 3), st.integers(1, 2))
def test_both_ways_of_max_pooling_are_the_definition(pool, sides, n_clips):
    x = np.random.default_rng(sum(sides)).standard_normal((n_clips, *sides, 3)).astype(np.float32)
    expected = slow_max_pool(x, *map(np.array, pool))
    for way in (_by_axis, _in_one, max_pool):
        np.testing.assert_array_equal(way(torch.from_numpy(x), *pool).numpy(), expected)
    assert _in_one(torch.from_numpy(x), *pool).is_contiguous()  # the channels stay last
