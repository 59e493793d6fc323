"""Inception-v1 I3D: 1024 numbers for what moves in a few seconds of pictures."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from extractors.video.pooling import same_padding

WIDTH = 1024
N_KINETICS_CLASSES = 400
# Carreira & Zisserman's networks were trained with Sonnet, whose batch norm adds 1e-3 and not torch's 1e-5.
BATCH_NORM_EPS = 1e-3
# Endpoint, channels in, and the channels of b0 / b1a, b1b / b2a, b2b / b3b.
MIXED = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}


def _max_pool(
    x: Float[Tensor, "b c t h w"], kernel: tuple[int, int, int], stride: tuple[int, int, int]
) -> Float[Tensor, "b c t2 h2 w2"]:
    # Every pooled map has been through a ReLU, so zeros never win over what is there. With the channels
    # last in memory PyTorch pools several times faster.
    x = x.contiguous(memory_format=torch.channels_last_3d)
    return functional.max_pool3d(functional.pad(x, same_padding(x.shape[2:], kernel, stride)), kernel, stride)


class Unit(nn.Module):
    """Convolution with SAME padding, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, channels_out, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(channels_out, eps=BATCH_NORM_EPS)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        """Apply the three in turn."""
        padded = functional.pad(x, same_padding(x.shape[2:], self.conv3d.kernel_size, self.conv3d.stride))
        out: Tensor = functional.relu(self.bn(self.conv3d(padded)))
        return out


class Mixed(nn.Module):
    """Inception block: four branches side by side, joined along the channels."""

    def __init__(self, channels_in: int, channels_out: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        b0, b1a, b1b, b2a, b2b, b3b = channels_out
        self.b0 = Unit(channels_in, b0)
        self.b1a, self.b1b = Unit(channels_in, b1a), Unit(b1a, b1b, kernel=3)
        self.b2a, self.b2b = Unit(channels_in, b2a), Unit(b2a, b2b, kernel=3)
        self.b3b = Unit(channels_in, b3b)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t h w"]:
        """Join the branches in the order b0, b1, b2, b3."""
        pooled = _max_pool(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], dim=1)


class I3D(nn.Module):
    """The RGB network of Carreira & Zisserman (CVPR 2017); its keys are those of `rgb_imagenet.pt`."""

    def __init__(self, n_classes: int = N_KINETICS_CLASSES) -> None:
        super().__init__()
        self.logits = nn.ModuleDict({"conv3d": nn.Conv3d(WIDTH, n_classes, 1)})
        self.Conv3d_1a_7x7 = Unit(3, 64, kernel=7, stride=2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, kernel=3)
        for name, (channels_in, channels_out) in MIXED.items():
            self.add_module(name, Mixed(channels_in, channels_out))

    def endpoints(
        self, video: Float[Tensor, "b 3 t h w"]
    ) -> Iterator[tuple[str, Float[Tensor, "b c t2 h2 w2"]]]:
        """Name and map after each step, for RGB in [-1, 1]."""
        within, halve = (1, 3, 3), (1, 2, 2)  # a max pool within each picture
        steps: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
            ("Conv3d_1a_7x7", self.Conv3d_1a_7x7),
            ("MaxPool3d_2a_3x3", partial(_max_pool, kernel=within, stride=halve)),
            ("Conv3d_2b_1x1", self.Conv3d_2b_1x1),
            ("Conv3d_2c_3x3", self.Conv3d_2c_3x3),
            ("MaxPool3d_3a_3x3", partial(_max_pool, kernel=within, stride=halve)),
            *self._mixed("Mixed_3b", "Mixed_3c"),
            ("MaxPool3d_4a_3x3", partial(_max_pool, kernel=(3, 3, 3), stride=(2, 2, 2))),
            *self._mixed("Mixed_4b", "Mixed_4c", "Mixed_4d", "Mixed_4e", "Mixed_4f"),
            ("MaxPool3d_5a_2x2", partial(_max_pool, kernel=(2, 2, 2), stride=(2, 2, 2))),
            *self._mixed("Mixed_5b", "Mixed_5c"),
        )
        x = video
        for name, step in steps:
            x = step(x)
            yield name, x

    def vectors(self, video: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 1024"]:
        """The features: the average pool before the classifier, averaged over time and place."""
        return self._pooled(video).mean(dim=(2, 3, 4))

    def forward(self, video: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b n_classes"]:
        """Logits of the Kinetics classes, averaged over time and place."""
        logits: Tensor = self.logits["conv3d"](self._pooled(video)).mean(dim=(2, 3, 4))
        return logits

    def _mixed(self, *names: str) -> tuple[tuple[str, nn.Module], ...]:
        return tuple((name, self.get_submodule(name)) for name in names)

    def _pooled(self, video: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 1024 t2 h2 w2"]:
        for _, x in self.endpoints(video):
            last = x
        # 2x7x7 is the whole map of a 224 pixel picture; smaller pictures have smaller maps.
        kernel = [min(most, n) for most, n in zip((2, 7, 7), last.shape[2:], strict=True)]
        return functional.avg_pool3d(last, kernel, stride=1)


def random_i3d(seed: int) -> I3D:
    """An I3D with STAND-IN weights: nothing in them was learned.

    Weights are drawn after He et al. (ICCV 2015); batch norm takes its statistics from seeded clips of
    smooth noise, so that no layer dies and different clips keep different features. Good for trying the
    pipeline out and for tests; numbers for a paper need trained weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = I3D()
        for module in net.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm3d):
                # Keeps most of a map on the straight side of the ReLU. With 0, this many random layers
                # make of a little grain nearly as much difference as of another clip (0.85 of it; so 0.55).
                nn.init.ones_(module.bias)
        clips = _smooth_noise(n_clips=8, n_frames=16, size=64)
    _calibrate(net, clips)
    return net.eval().requires_grad_(False)


def _smooth_noise(n_clips: int, n_frames: int, size: int) -> Float32[Tensor, "n_clips 3 n_frames size size"]:
    """Coloured clouds that drift: three scales of noise, blown up and added."""
    scales = [(2, 2), (4, 8), (8, 24)]
    layers = [torch.randn(n_clips, 3, t, side, side) for t, side in scales]
    blown_up = [functional.interpolate(layer, (n_frames, size, size), mode="trilinear") for layer in layers]
    return torch.stack(blown_up).sum(dim=0).tanh()


@torch.no_grad()
def _calibrate(net: I3D, clips: Float32[Tensor, "n 3 t h w"]) -> None:
    """Set the statistics of every batch norm to what it sees in `clips`."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm3d)]
    momentum = norms[0].momentum
    for norm in norms:
        norm.momentum = None  # take the statistics as they are, instead of moving towards them
    net.train()
    net.vectors(clips)
    for norm in norms:
        norm.momentum = momentum
