import pytest
import torch
from torch.nn import functional

from extractors.video.convolutions import Direct
from extractors.video.winograd import TimeWinograd


def gathered(convolution, x):
    """All pieces in one map; every frame has to come exactly once."""
    out = torch.full((*x.shape[:-1], convolution.width), torch.nan)
    for times, maps in convolution(x):
        assert out[:, times].isnan().all()
        out[:, times] = maps
    assert not out.isnan().any()
    return out


def exact(x, weight, bias):
    """Channels first, float64, from the definition's own operations."""
    out = functional.conv3d(x.double().relu().permute(0, 4, 1, 2, 3), weight, bias, padding=1)
    return out.permute(0, 2, 3, 4, 1)


def drawn(channels, channels_out, *shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(channels_out, channels, 3, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(channels_out, generator=generator, dtype=torch.float64)
    return torch.randn(*shape, channels, generator=generator), weight, bias


def as_direct(weight, bias):
    return Direct(weight.float().contiguous(memory_format=torch.channels_last_3d), bias.float())


@pytest.mark.parametrize("n_frames", range(1, 10))
@pytest.mark.parametrize("chunk", [1, 4 * 5 * 6, 10**9])
def test_it_is_relu_and_convolution_for_any_length_and_chunk(n_frames, chunk, monkeypatch):
    monkeypatch.setattr("extractors.video.winograd.CHUNK", chunk)
    x, weight, bias = drawn(3, 4, 2, n_frames, 5, 6)
    expected = exact(x, weight, bias).float()
    for convolution in (TimeWinograd(weight, bias), as_direct(weight, bias)):
        assert convolution.width == 4
        torch.testing.assert_close(gathered(convolution, x), expected, rtol=1e-5, atol=2e-5)


def test_a_part_of_the_channels_of_a_map_will_do():
    """As in a Mixed block, whose branches enter as slices of one map."""
    x, weight, bias = drawn(3, 4, 1, 4, 5, 6)
    wide = torch.cat([x - 1, x, x + 1], dim=-1)
    for convolution in (TimeWinograd(weight, bias), as_direct(weight, bias)):
        torch.testing.assert_close(gathered(convolution, wide[..., 3:6]), gathered(convolution, x))
    assert torch.equal(wide[..., 3:6], x)


def test_its_rounding_is_of_the_plain_sums_order():
    x, weight, bias = drawn(128, 64, 1, 8, 14, 14)
    expected = exact(x, weight, bias)
    off = [
        (gathered(way, x) - expected).norm() for way in (TimeWinograd(weight, bias), as_direct(weight, bias))
    ]
    assert off[0] <= 5 * off[1]
    assert off[0] / expected.norm() < 1e-6
