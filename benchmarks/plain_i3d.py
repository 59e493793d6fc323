"""Plain I3D: the network one operation after another, as its ports run it; yardstick of the fast one.

Channels come first in memory, zeros are put around by copying before every convolution and pool, and batch norm
is a step of its own.
"""

import torch
from torch import Tensor
from torch.nn import functional

from extractors.video.i3d import I3D, MIXED, Mixed, Unit


def plain_vectors(net: I3D, video: Tensor) -> Tensor:
    """Features (b, 1024) of RGB in [-1, 1], (b, 3, t, h, w)."""
    x = pool(unit(net.Conv3d_1a_7x7, video), (1, 3, 3), (1, 2, 2))
    x = unit(net.Conv3d_2c_3x3, unit(net.Conv3d_2b_1x1, x))
    x = pool(x, (1, 3, 3), (1, 2, 2))
    for name in MIXED:
        if name == "Mixed_4b":
            x = pool(x, (3, 3, 3), (2, 2, 2))
        elif name == "Mixed_5b":
            x = pool(x, (2, 2, 2), (2, 2, 2))
        x = mixed(net.get_submodule(name), x)
    return functional.avg_pool3d(x, (2, 7, 7), stride=1).mean(dim=(2, 3, 4))


def mixed(block: Mixed, x: Tensor) -> Tensor:
    """An inception block."""
    pooled = pool(x, (3, 3, 3), (1, 1, 1))
    branches = [
        unit(block.b0, x),
        unit(block.b1b, unit(block.b1a, x)),
        unit(block.b2b, unit(block.b2a, x)),
        unit(block.b3b, pooled),
    ]
    return torch.cat(branches, dim=1)


def unit(unit: Unit, x: Tensor) -> Tensor:
    """Zeros around, convolution, batch norm, ReLU."""
    convolution = unit.conv3d
    return functional.relu(unit.bn(convolution(padded(x, convolution.kernel_size, convolution.stride))))


def pool(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Zeros around, max pool."""
    return functional.max_pool3d(padded(x, kernel, stride), kernel, stride)


def padded(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """TensorFlow's SAME padding, by its definition."""
    sides: list[int] = []
    for n, k, s in zip(x.shape[2:], kernel, stride, strict=True):
        missing = max(k - s, 0) if n % s == 0 else max(k - n % s, 0)
        sides = [missing // 2, missing - missing // 2, *sides]
    return functional.pad(x, sides)
