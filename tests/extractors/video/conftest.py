"""I3Ds of a seed: one like a trained one in its statistics, one with the stand-in weights."""

import numpy as np
import pytest
import torch
from torch import nn

from extractors.video.i3d import I3D, random_i3d


def seeded_i3d(seed, n_classes=400):
    """He's weights, and batch norms that are no identity: nothing is zero, nothing is one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = I3D(n_classes)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
                module.bias.data.normal_(0, 0.1)
                module.weight.data.uniform_(0.8, 1.2)
            elif isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def trained_like():
    return seeded_i3d(0)


@pytest.fixture(scope="session")
def stand_in():
    return random_i3d(0)


@pytest.fixture(scope="session")
def noise():
    """noise(shape, seed): bytes (*shape, 3) of frames."""

    def noise(*shape, seed=0):
        rng = np.random.default_rng(seed)
        return torch.from_numpy(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))

    return noise


@pytest.fixture(scope="session")
def as_video():
    """as_video(frames): RGB in [-1, 1], channels first, as the plain network takes it."""

    def as_video(frames, dtype=torch.float32):
        return frames.to(dtype).mul_(2 / 255).sub_(1).permute(0, 4, 1, 2, 3)

    return as_video
