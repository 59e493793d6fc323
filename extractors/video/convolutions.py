"""Convolutions on maps whose channels are last in memory, each with its weights in place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


@runtime_checkable
class Spatial(Protocol):
    """ReLU, then a 3x3x3 convolution of stride 1 with zeros around."""

    @property
    def width(self) -> int:
        """Channels out."""

    def __call__(self, x: Float[Tensor, "b t h w c"]) -> Iterator[tuple[slice, Float[Tensor, "b n h w c2"]]]:
        """Yield the result in pieces, each with the frames that it is."""


def convolve_frames(
    x: Float[Tensor, "b t h w c"],
    weight: Float[Tensor, "c2 c k k"],
    bias: Float[Tensor, " c2"] | None = None,
    padding: int = 0,
) -> Float[Tensor, "b t h w c2"]:
    """Convolve each frame on its own."""
    # Not F.linear for 1x1 kernels: oneDNN's convolutions are nowhere slower, and on AMD up to twice as fast.
    frames = functional.conv2d(x.flatten(0, 1).permute(0, 3, 1, 2), weight, bias, padding=padding)
    return frames.permute(0, 2, 3, 1).reshape(*x.shape[:2], *frames.shape[2:], -1)


def convolve(
    x: Float[Tensor, "b t h w c"],
    weight: Float[Tensor, "c2 c kt kh kw"],
    bias: Float[Tensor, " c2"],
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "b t2 h2 w2 c2"]:
    """Convolve through time and place."""
    maps = functional.conv3d(x.permute(0, 4, 1, 2, 3), weight, bias, stride, padding)
    return maps.permute(0, 2, 3, 4, 1)


@dataclass(frozen=True, slots=True)
class Pointwise:
    """A 1x1x1 convolution."""

    weight: Float[Tensor, "c2 c 1 1"]
    bias: Float[Tensor, " c2"]

    def __call__(self, x: Float[Tensor, "b t h w c"]) -> Float[Tensor, "b t h w c2"]:
        """The result, before any ReLU."""
        return convolve_frames(x, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Direct:
    """A `Spatial` convolution as PyTorch has it, in one piece."""

    weight: Float[Tensor, "c2 c 3 3 3"]
    bias: Float[Tensor, " c2"]

    @property
    def width(self) -> int:
        """Channels out."""
        return len(self.bias)

    def __call__(self, x: Float[Tensor, "b t h w c"]) -> Iterator[tuple[slice, Float[Tensor, "b n h w c2"]]]:
        """Yield the result."""
        yield slice(None), convolve(torch.relu(x), self.weight, self.bias, padding=1)
