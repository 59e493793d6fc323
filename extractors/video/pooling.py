"""TensorFlow's SAME padding, and max pools that need no copy for it."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def same_padding(shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, ...]:
    """TensorFlow's SAME padding of (T, H, W), in the order that `functional.pad` takes: W first.

    Each axis comes out at ceil(n / stride); an odd pixel of padding goes to the end.
    """
    padding: list[int] = []
    for n, k, s in zip(reversed(shape), reversed(kernel), reversed(stride), strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        padding += [total // 2, total - total // 2]
    return tuple(padding)


def max_pool(
    x: Float[Tensor, "b t h w c"], kernel: tuple[int, int, int], stride: tuple[int, int, int]
) -> Float[Tensor, "b t2 h2 w2 c"]:
    """Max pool with SAME padding that never wins; the channels are and stay last in memory."""
    return _in_one(x, kernel, stride) if x.is_cuda else _by_axis(x, kernel, stride)


def _in_one(
    x: Float[Tensor, "b t h w c"], kernel: tuple[int, int, int], stride: tuple[int, int, int]
) -> Float[Tensor, "b t2 h2 w2 c"]:
    """PyTorch's own: it pads both ends alike, and the odd pixel at the end is what `ceil_mode` is for."""
    width, _, height, _, time, _ = same_padding(x.shape[1:4], kernel, stride)
    channels_first = x.permute(0, 4, 1, 2, 3)
    pooled = functional.max_pool3d(channels_first, kernel, stride, (time, height, width), ceil_mode=True)
    return pooled.permute(0, 2, 3, 4, 1).contiguous()


def _by_axis(
    x: Float[Tensor, "b t h w c"], kernel: tuple[int, int, int], stride: tuple[int, int, int]
) -> Float[Tensor, "b t2 h2 w2 c"]:
    """One axis after the other: a few times faster on a CPU, where PyTorch's also writes where each maximum was."""
    pooled = []
    for frames in x.chunk(-(-x.shape[1] // 2), dim=1):  # two of them stay in the cache between the axes
        for axis in (3, 2):
            frames = _max_along(frames, axis, kernel[axis - 1], stride[axis - 1])
        pooled.append(frames)
    return _max_along(torch.cat(pooled, dim=1), 1, kernel[0], stride[0])


def _max_along(x: Float[Tensor, "b t h w c"], axis: int, k: int, s: int) -> Float[Tensor, "b t2 h2 w2 c"]:
    if k == 1:
        return x
    n = x.shape[axis]
    before = same_padding((n,), (k,), (s,))[0]

    def every(start: int, end: int, step: int, of: Tensor) -> Tensor:
        return of[(slice(None),) * axis + (slice(start, end, step),)]

    best = every(0, n, s, x).clone()
    for offset in range(-before, k - before):
        # Windows whose pixel at this offset lies inside; the others see padding there.
        low = -(offset // s) if offset < 0 else 0
        high = min(best.shape[axis], (n - 1 - offset) // s + 1)
        if offset and low < high:
            mine = every(low, high, 1, best)
            torch.maximum(mine, every(low * s + offset, (high - 1) * s + offset + 1, s, x), out=mine)
    return best
