"""torchvision's networks through our door, against torchvision's own transforms and forward passes."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import get_model, video

from audiosetzsl.errors import SetupError
from extractors.video.nets import VideoConfig, default_config, open_net
from extractors.video.torchvision_nets import NETS, TorchvisionNet, TorchvisionScaling, open_torchvision

# Frames and side of the smallest windows that each network takes.
TINY = {"s3d": (14, 224), "r2plus1d_18": (2, 16), "mvit_v2_s": (16, 224), "swin3d_t": (2, 32)}


def published(net):
    return getattr(video, NETS[net].weights).KINETICS400_V1


@pytest.mark.parametrize("net", NETS)
def test_our_facts_are_torchvision_s(net):
    facts, weights = NETS[net], published(net)
    said = dict(re.findall(r"`(frame_rate|clip_len)=([\d.]+)`", weights.meta["_docs"]))
    assert (facts.fps, facts.window) == (float(said["frame_rate"]), int(said["clip_len"]))
    preset = weights.transforms()
    assert [facts.size] * 2 == preset.crop_size and facts.short_side == min(preset.resize_size)
    assert facts.shortest == weights.meta.get("min_temporal_size", 1)


class Kept(nn.Module):
    """Keeps what goes into a classifier."""

    def forward(self, x):
        self.found = x
        return x.mean(dim=(2, 3, 4))


@pytest.mark.parametrize("size", [(90, 160), (240, 135), (257, 301), (360, 640)])
@pytest.mark.parametrize("net", NETS)
def test_our_two_halves_are_torchvision_s_transform(net, size):
    """Scaling where pictures are decoded, normalising on the device: bit for bit the whole transform."""
    pictures = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    expected = published(net).transforms()(torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous())
    frames = TorchvisionScaling(net)(pictures)
    assert frames.shape == (3, NETS[net].size, NETS[net].size, 3) and frames.flags.c_contiguous
    seen = Kept()
    seen_by = TorchvisionNet(net, seen)
    seen_by.vectors(torch.from_numpy(frames)[None])
    assert torch.equal(seen.found[0], expected)
    alone = np.concatenate([TorchvisionScaling(net)(picture[None]) for picture in pictures])
    np.testing.assert_array_equal(alone, frames)


def slow_features(net, model, frames):
    """What torchvision's forward pass gives to the classifier, caught on the way."""
    preset = published(net).transforms()
    clip = frames.permute(0, 4, 1, 2, 3) / 255
    mean, std = (torch.tensor(x).view(3, 1, 1, 1) for x in (preset.mean, preset.std))
    caught = []
    classifier = model.get_submodule(NETS[net].classifier)
    handle = classifier.register_forward_pre_hook(lambda module, inputs: caught.append(inputs[0]))
    model((clip - mean) / std)
    handle.remove()
    return caught[0].flatten(2).mean(dim=2) if caught[0].ndim == 5 else caught[0]


@pytest.mark.parametrize(
    "net",
    ["r2plus1d_18", "swin3d_t", *(pytest.param(net, marks=pytest.mark.slow) for net in ("s3d", "mvit_v2_s"))],
)
def test_features_are_what_goes_into_the_classifier(net, noise, tmp_path):
    t, side = TINY[net]
    frames = noise(1, t, side, side)
    model = get_model(net, weights=None).eval()
    torch.save({"model": {f"module.{name}": x for name, x in model.state_dict().items()}}, tmp_path / "w.pth")
    config = default_config(net)
    ours = open_net(
        VideoConfig(net, str(tmp_path / "w.pth"), config.fps, config.size, config.short_side, config.window)
    )
    found = ours.vectors(frames)
    assert found.shape == (1, ours.width) and ours.width == NETS[net].width and found.dtype == torch.float32
    with torch.inference_mode():
        torch.testing.assert_close(found, slow_features(net, model, frames), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("net", ["r2plus1d_18", "swin3d_t"])
def test_bf16_is_near(net, noise):
    t, side = TINY[net]
    frames = noise(2, t, side, side)
    exact, half = (
        open_torchvision(net, "random:0", None, precision=p).vectors(frames) for p in ("fp32", "bf16")
    )
    assert torch.cosine_similarity(exact, half).min() > 0.999
    assert half.dtype == torch.float32 and not torch.equal(exact, half)


def test_random_weights_follow_the_seed_and_leave_the_caller_s_dice_alone(noise):
    frames = noise(1, 2, 16, 16)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, same, other = (
        open_torchvision("r2plus1d_18", weights, None).vectors(frames)
        for weights in ("random:1", "random:1", "random:2")
    )
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(get_model("r3d_18", weights=None).state_dict(), tmp_path / "r3d.pth")
    with pytest.raises(
        SetupError,
        match=r"r3d.pth does not fit r2plus1d_18 of torchvision: .*expected a state dict as in R2Plus1D",
    ):
        open_torchvision("r2plus1d_18", "r3d.pth", tmp_path / "r3d.pth")


def test_weights_have_to_be_finite(tmp_path):
    state = get_model("r2plus1d_18", weights=None).state_dict()
    state["stem.0.weight"][0, 0] = torch.nan
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(
        SetupError, match=r"stem\.0\.weight holds numbers that are not finite; fetch it again"
    ):
        open_torchvision("r2plus1d_18", "w.pth", tmp_path / "w.pth")
