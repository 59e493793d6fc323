"""Nets: the one door to the video networks: a configuration in, a network that makes vectors out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import Float32, UInt8
from torch import Tensor

from audiosetzsl.errors import SetupError
from audiosetzsl.files import sha256_of
from extractors.media.pictures import PictureConfig
from extractors.media.scaling import CentreCrop
from extractors.video.fast_i3d import FastI3D
from extractors.video.i3d import random_i3d
from extractors.video.i3d_weights import read_i3d
from extractors.video.precision import PRECISIONS
from extractors.video.torchvision_nets import NETS as TORCHVISION
from extractors.video.torchvision_nets import Facts, TorchvisionScaling, open_torchvision
from extractors.video.weights import PUBLISHED, seed_of, weights_file

NETS = ("i3d", *TORCHVISION)
SHORTEST_I3D = 9  # frames: below, nothing is left for the last pool over two moments


@runtime_checkable
class VideoNet(Protocol):
    """A network that makes vectors of windows of frames."""

    width: int
    at_once: int  # windows that are worth giving to it together

    def vectors(self, frames: UInt8[Tensor, "b t h w 3"]) -> Float32[Tensor, "b width"]:
        """One vector a window; the bytes move to the network's device and are normalised there."""
        ...


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """Network, weights, pictures and windows of the video features; the defaults are those of I3D.

    Attributes:
        net: one of NETS.
        weights: `kinetics400` (the published file, fetched before), a path, or `random:<seed>`.
        fps: frames a second.
        size: side of the square that the network sees, in pixels.
        short_side: of the whole picture, from whose centre the square is cut.
        window: frames that go through the network together.
        hop: frames from one window to the next.
        precision: `fp32`, `tf32` (the same on a CPU) or `bf16`.
    """

    net: str = "i3d"
    weights: str = PUBLISHED
    fps: float = 25.0
    size: int = 224
    short_side: int = 256
    window: int = 64
    hop: int = 64
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.net not in NETS:
            raise SetupError(f"there is no network {self.net!r}, expected one of {', '.join(NETS)}")
        if self.precision not in PRECISIONS:
            raise SetupError(f"precision is {self.precision!r}, expected one of {', '.join(PRECISIONS)}")
        if not self.fps > 0:
            raise SetupError(f"fps is {self.fps}, expected more than 0")
        if self.hop < 1:
            raise SetupError(f"hop is {self.hop}, expected at least 1 frame")
        if not 0 < self.size <= self.short_side:
            raise SetupError(f"size is {self.size}, expected 1 to short_side, which is {self.short_side}")
        if not self.weights:
            raise SetupError(f"weights are '', expected {PUBLISHED}, a path or random:<seed>")
        seed_of(self.weights)
        facts = TORCHVISION.get(self.net)
        shortest, longest = (facts.shortest, facts.longest) if facts else (SHORTEST_I3D, None)
        if self.window < shortest or (longest and self.window > longest):
            wanted = f"exactly {shortest}" if longest else f"at least {shortest}"
            raise SetupError(f"window is {self.window}, expected {wanted} frames for {self.net}")
        if facts and (self.size, self.short_side) != (facts.size, facts.short_side):
            raise SetupError(
                f"size is {self.size} and short_side {self.short_side}, expected {facts.size} and "
                f"{facts.short_side}: torchvision's own transform makes the pictures of {self.net}"
            )

    @property
    def pictures(self) -> PictureConfig:
        """The part that decoding needs."""
        own = self.net in TORCHVISION
        scaling = TorchvisionScaling(self.net) if own else CentreCrop(self.size, self.short_side)
        return PictureConfig(self.fps, scaling)


def default_config(net: str) -> VideoConfig:
    """The configuration that a network's weights were trained or measured with; windows do not overlap.

    Raises:
        SetupError: there is no such network.
    """
    facts: Facts | None = TORCHVISION.get(net)
    if facts is None:
        return VideoConfig(net)
    return VideoConfig(
        net,
        fps=facts.fps,
        size=facts.size,
        short_side=facts.short_side,
        window=facts.window,
        hop=facts.window,
    )


def open_net(config: VideoConfig, device: str = "cpu") -> VideoNet:
    """Open the network of a configuration on a device: "cpu", "cuda:0".

    Raises:
        SetupError: the weights are not there, or are not this network's.
    """
    file, seed = _file_of(config), seed_of(config.weights)
    if config.net in TORCHVISION:
        return open_torchvision(config.net, config.weights, file, device, config.precision)
    net = random_i3d(seed or 0) if file is None else read_i3d(file)
    return FastI3D(net, device, config.precision)


def weights_name(config: VideoConfig) -> str:
    """Weights as the metadata of features name them: by the file's name and SHA-256, or as random.

    Raises:
        SetupError: the weights are not there.
    """
    file = _file_of(config)
    if file is None:
        return f"{config.weights} (nothing was learned)"
    return f"{file.name} sha256:{sha256_of(file)}"


def _file_of(config: VideoConfig) -> Path | None:
    """The file of weights; None where they are random."""
    return None if seed_of(config.weights) is not None else weights_file(config.net, config.weights)
