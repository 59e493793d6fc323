"""Pictures of any size to squares of one size, each picture on its own."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import UInt8
from numpy import ndarray


@runtime_checkable
class Scaling(Protocol):
    """What is done to decoded pictures; each of them is worked on as if it were alone."""

    def __call__(self, pictures: UInt8[ndarray, "n height width 3"]) -> UInt8[ndarray, "n size size 3"]:
        """Pictures of one size to squares; the memory of `pictures` is used again afterwards."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A scaling of pictures of one size that looks at no more than a part of them."""

    rows: slice
    columns: slice
    scale_part: Scaling


def plan_of(scaling: Scaling, height: int, width: int) -> Plan:
    """How to scale pictures of one size; what a scaling does not look at need not be copied."""
    if isinstance(scaling, CentreCrop):
        return scaling.plan(height, width)
    return Plan(slice(None), slice(None), scaling)


@dataclass(frozen=True, slots=True)
class CentreCrop:
    """The short side is scaled, antialiased, and the centre is cut out; the defaults are those of I3D.

    As in PIL's bilinear resizing, within one level (of noise of odd sizes, single pixels within two). The long
    side is truncated to whole pixels; the centre begins at floor((side - size) / 2). Pixels are taken as square,
    whatever the container says of them.
    """

    size: int = 224
    short_side: int = 256

    def __post_init__(self) -> None:
        if not 0 < self.size <= self.short_side:
            raise ValueError(f"size is {self.size}, expected 1 to short_side, which is {self.short_side}")

    def __call__(self, pictures: UInt8[ndarray, "n height width 3"]) -> UInt8[ndarray, "n size size 3"]:
        """Scale whole pictures."""
        plan = self.plan(*pictures.shape[1:3])
        return plan.scale_part(pictures[:, plan.rows, plan.columns])

    def scaled(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture after scaling, before the centre is cut out."""
        short = min(height, width)
        return height * self.short_side // short, width * self.short_side // short

    def plan(self, height: int, width: int) -> Plan:
        """The part of pictures that the centre is made of, and how it is scaled."""
        to_height, to_width = self.scaled(height, width)
        down, across = _side(height, to_height, self.size), _side(width, to_width, self.size)
        factors = (to_height / height, to_width / width)
        return Plan(
            slice(down.first, down.last),
            slice(across.first, across.last),
            _Centre(self.size, down, across, factors),
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """What is scaled of one side of a picture."""

    first: int  # line of the picture
    last: int  # the line after the last one
    n_scaled: int  # lines that are made of these
    skipped: int  # of them, before the centre


@dataclass(frozen=True, slots=True)
class _Centre:
    """Scales a part of pictures by the factors of the whole, and cuts the centre out."""

    size: int
    down: _Side
    across: _Side
    factors: tuple[float, float]

    def __call__(self, pictures: UInt8[ndarray, "n height width 3"]) -> UInt8[ndarray, "n size size 3"]:
        # A view: the channels stay last in memory, which is twice as fast as copying them first.
        part = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        to = [self.down.n_scaled, self.across.n_scaled]
        # The size and the factors are both given; the public `interpolate` takes only one of them.
        scaled = torch.ops.aten._upsample_bilinear2d_aa(part, to, False, *self.factors)
        top, left = self.down.skipped, self.across.skipped
        centre = scaled[:, :, top : top + self.size, left : left + self.size]
        pixels: ndarray = centre.permute(0, 2, 3, 1).numpy()
        return pixels


def _side(n: int, scaled: int, size: int) -> _Side:
    """The lines that the centre is made of; before them, a whole number of periods is left out.

    Scaled line i lies at (i + 1/2) n / scaled. Every n / gcd lines, the lines of both fall together, so that
    leaving out that many changes nothing else.
    """
    step, reach = n / scaled, max(1.0, n / scaled)  # the filter is a triangle of half-width `reach`
    start = (scaled - size) // 2
    common = math.gcd(n, scaled)
    n_periods = max(math.floor(((start + 0.5) * step - reach - 1) * common / n), 0)
    first, last = n_periods * n // common, min(math.ceil((start + size) * step + reach), n)
    skipped = start - n_periods * scaled // common
    n_scaled = skipped + size
    if n_scaled == last - first and n != scaled:
        n_scaled += 1  # torch takes equal sizes for a sign that nothing is to be done, whatever the factor
    return _Side(first, last, n_scaled, skipped)
