"""torchvision's networks for Kinetics behind our door: the only module that imports torchvision, and late."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from audiosetzsl.errors import SetupError
from extractors.video.precision import AT_ONCE, computing
from extractors.video.weight_files import read_tensors
from extractors.video.weights import seed_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What torchvision states of a network's weights, in words or in its transforms."""

    weights: str  # name of the enum, whose KINETICS400_V1 is meant
    classifier: str  # name of the last part
    width: int
    fps: float
    window: int
    size: int
    short_side: int
    shortest: int  # frames that it needs at least
    longest: int | None = None


NETS = {
    "s3d": Facts("S3D_Weights", "classifier", 1024, 15.0, 128, 224, 256, shortest=14),
    "r2plus1d_18": Facts("R2Plus1D_18_Weights", "fc", 512, 15.0, 16, 112, 128, shortest=1),
    "mvit_v2_s": Facts("MViT_V2_S_Weights", "head", 768, 7.5, 16, 224, 256, shortest=16, longest=16),
    "swin3d_t": Facts("Swin3D_T_Weights", "head", 768, 15.0, 32, 224, 256, shortest=1),
}


@lru_cache
def preset_of(net: str) -> Any:
    """torchvision's own transform of a network: sizes, interpolation, mean and deviation."""
    from torchvision.models import video

    return getattr(video, NETS[net].weights).KINETICS400_V1.transforms()


@dataclass(frozen=True, slots=True)
class TorchvisionScaling:
    """The part of a network's transform that makes small pictures of large ones, as torchvision does it."""

    net: str

    def __call__(self, pictures: UInt8[np.ndarray, "n height width 3"]) -> UInt8[np.ndarray, "n size size 3"]:
        """Scale without antialiasing, and cut the centre out."""
        from torchvision.transforms import functional

        preset = preset_of(self.net)
        channels_first = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
        small = functional.resize(
            channels_first, preset.resize_size, interpolation=preset.interpolation, antialias=False
        )
        cut: np.ndarray = functional.center_crop(small, preset.crop_size).permute(0, 2, 3, 1).numpy()
        return np.ascontiguousarray(cut)


class TorchvisionNet:
    """What goes into the classifier of one of torchvision's networks."""

    def __init__(self, net: str, model: nn.Module, device: str = "cpu", precision: str = "fp32") -> None:
        """Take the network without its classifier, as `open_torchvision` makes it."""
        self.width = NETS[net].width
        self.device = torch.device(device)
        self.at_once = AT_ONCE.get(self.device.type, 1)
        self.precision = precision
        self.model = model.to(self.device)
        preset = preset_of(net)
        self.mean, self.std = (
            torch.tensor(x, device=self.device).view(3, 1, 1, 1) for x in (preset.mean, preset.std)
        )

    def vectors(self, frames: UInt8[Tensor, "b t h w 3"]) -> Float32[Tensor, "b width"]:
        """Features of windows of frames, which go to the device as bytes."""
        bf16 = self.precision == "bf16"
        with (
            computing(self.precision, self.device),
            torch.autocast(self.device.type, torch.bfloat16) if bf16 else nullcontext(),
        ):
            if self.device.type == "cpu":  # several windows at a time would only need more memory
                return torch.cat([self._features(window[None]) for window in frames])
            if not frames.is_cuda:
                frames = frames.pin_memory()  # its copy does not hold up who decodes the next ones
            return self._features(frames.to(self.device, non_blocking=True))

    def _features(self, frames: UInt8[Tensor, "b t h w 3"]) -> Float32[Tensor, "b width"]:
        video = frames.permute(0, 4, 1, 2, 3).float() / 255
        vectors: Tensor = self.model((video - self.mean) / self.std)
        return vectors.float()


def open_torchvision(
    net: str, weights: str, file: Path | None, device: str = "cpu", precision: str = "fp32"
) -> TorchvisionNet:
    """Build a network with the weights of a file, or random ones where there is none.

    Raises:
        SetupError: the weights are of another network, or not finite.
    """
    from torchvision.models import get_model

    facts = NETS[net]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(weights) or 0)
        model = get_model(net, weights=None)
    setattr(model, facts.classifier, nn.Identity())
    if file is not None:
        tensors = {name.removeprefix("module."): x for name, x in read_tensors(file).items()}
        state = {name: x for name, x in tensors.items() if not name.startswith(f"{facts.classifier}.")}
        try:
            model.load_state_dict(state)
        except RuntimeError as problem:
            lines = str(problem).splitlines()
            raise SetupError(
                f"{file} does not fit {net} of torchvision: {' '.join(lines[1:2]).strip()[:200]}; "
                f"expected a state dict as in {facts.weights}.KINETICS400_V1"
            ) from problem
    return TorchvisionNet(net, model.eval().requires_grad_(False), device, precision)
