"""3x3x3 convolutions in two thirds of the multiplications: two moments of time at once, after Winograd."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from extractors.video.convolutions import convolve_frames

# Positions of maps worked on at once, all frames counted: what lies between the steps stays in the cache, and
# in memory that is used again.
CHUNK = 4 * 56 * 56


class TimeWinograd:
    """A `Spatial` convolution for float32.

    F(2, 3) of Lavin & Gray (CVPR 2016), in time alone: the outputs of two neighbouring frames need four
    products with transformed kernels in place of six, and each product is an ordinary 3x3 convolution of
    frames. The transforms only add and halve, so rounding stays of the order of the plain sum's.
    """

    def __init__(self, weight: Float64[Tensor, "c2 c 3 3 3"], bias: Float64[Tensor, " c2"]) -> None:
        before, now, after = weight.unbind(2)
        kernels = (before, (before + now + after) / 2, (before - now + after) / 2, after)
        self.kernels = [k.float().contiguous(memory_format=torch.channels_last) for k in kernels]
        self.bias = bias.float()
        self.width = len(bias)

    def __call__(self, x: Float[Tensor, "b t h w c"]) -> Iterator[tuple[slice, Float[Tensor, "b n h w c2"]]]:
        """Yield the result; a piece is every second frame of a few."""
        _, n_frames, height, width, _ = x.shape
        chunk = 2 * max(CHUNK // (2 * height * width), 1)
        for first in range(0, n_frames, chunk):
            end = min(first + chunk, n_frames)
            even, odd = self._pairs(_activated(x, first - 1, end + 1 + (end - first) % 2))
            yield slice(first, end, 2), even
            if n_odd := (end - first) // 2:
                yield slice(first + 1, end, 2), odd[:, :n_odd]

    def _pairs(
        self, x: Float[Tensor, "b t h w c"]
    ) -> tuple[Float[Tensor, "b n h w c2"], Float[Tensor, "b n h w c2"]]:
        """Outputs at frames 1, 3, 5, ... of `x` and at frames 2, 4, 6, ..."""
        n = x.shape[1] // 2 - 1
        d0, d1, d2, d3 = (x[:, k : k + 2 * n : 2] for k in range(4))
        k0, k1, k2, k3 = self.kernels
        m0 = convolve_frames(d0 - d2, k0, padding=1)
        m1 = convolve_frames(d1 + d2, k1, self.bias, padding=1)
        m2 = convolve_frames(d2 - d1, k2, padding=1)
        m3 = convolve_frames(d1 - d3, k3, padding=1)
        even = m0.add_(m1).add_(m2)
        odd = m1.sub_(m2).sub_(m3)
        return even, odd


def _activated(x: Float[Tensor, "b t h w c"], start: int, end: int) -> Float[Tensor, "b n h w c"]:
    """ReLU of the frames from `start` to `end`; those before the first and after the last are zeros."""
    frames = x.new_zeros(x.shape[0], end - start, *x.shape[2:])
    low, high = max(start, 0), min(end, x.shape[1])
    torch.clamp_min(x[:, low:high], 0, out=frames[:, low - start : high - start])
    return frames
