import numpy as np
import pytest
import torch

from extractors.video.i3d import I3D, Unit, random_i3d


@pytest.fixture
def net(stand_in):
    return stand_in


def test_size_and_names_are_those_of_the_published_port():
    """12,697,264 counts convolutions, the classifier of 400 classes, and both scale and shift of batch norm."""
    state = I3D().state_dict()
    assert sum(p.numel() for p in I3D().parameters()) == 12_697_264
    assert len(state) == 344
    unit = ["conv3d.weight", *(f"bn.{n}" for n in ("weight", "bias", "running_mean", "running_var"))]
    unit.append("bn.num_batches_tracked")
    endpoints = ["Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3"]
    blocks = ["3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"]
    endpoints += [f"Mixed_{b}.{c}" for b in blocks for c in ("b0", "b1a", "b1b", "b2a", "b2b", "b3b")]
    expected = {f"{e}.{u}" for e in endpoints for u in unit}
    assert set(state) == expected | {"logits.conv3d.weight", "logits.conv3d.bias"}


def test_batch_norm_adds_a_thousandth_as_the_original_does():
    norms = [m for m in I3D().modules() if isinstance(m, torch.nn.BatchNorm3d)]
    assert len(norms) == 57 and {norm.eps for norm in norms} == {1e-3}


@pytest.mark.parametrize("t, side", [(9, 32), (16, 49), (11, 40)])
def test_every_endpoint_halves_upwards(net, t, side):
    """SAME padding: an axis of n comes out of a stride of s at ceil(n / s), odd sizes included."""
    steps = {
        "Conv3d_1a_7x7": (64, 2, 2), "MaxPool3d_2a_3x3": (64, 1, 2), "Conv3d_2b_1x1": (64, 1, 1),
        "Conv3d_2c_3x3": (192, 1, 1), "MaxPool3d_3a_3x3": (192, 1, 2), "Mixed_3b": (256, 1, 1),
        "Mixed_3c": (480, 1, 1), "MaxPool3d_4a_3x3": (480, 2, 2), "Mixed_4b": (512, 1, 1),
        "Mixed_4c": (512, 1, 1), "Mixed_4d": (512, 1, 1), "Mixed_4e": (528, 1, 1), "Mixed_4f": (832, 1, 1),
        "MaxPool3d_5a_2x2": (832, 2, 2), "Mixed_5b": (832, 1, 1), "Mixed_5c": (1024, 1, 1),
    }  # fmt: skip
    with torch.inference_mode():
        found = [(name, tuple(x.shape[1:])) for name, x in net.endpoints(torch.zeros(1, 3, t, side, side))]
    expected = []
    for name, (channels, s_time, s_side) in steps.items():
        t, side = -(-t // s_time), -(-side // s_side)
        expected.append((name, (channels, t, side, side)))
    assert found == expected


def test_a_unit_pads_each_axis_by_its_own_length():
    unit = Unit(1, 1, kernel=3, stride=2).eval()
    weight = np.random.default_rng(0).standard_normal((3, 3, 3))
    unit.conv3d.weight.data = torch.from_numpy(weight)[None, None].float()
    x = np.random.default_rng(1).standard_normal((4, 5, 6))
    padded = np.pad(x, ((0, 1), (1, 1), (0, 1)))
    expected = np.zeros((2, 3, 3))
    for t, h, w in np.ndindex(expected.shape):
        expected[t, h, w] = (padded[2 * t : 2 * t + 3, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3] * weight).sum()
    with torch.inference_mode():
        found = unit(torch.from_numpy(x)[None, None].float())[0, 0].numpy()
    np.testing.assert_allclose(found, np.maximum(expected / np.sqrt(1.001), 0), atol=1e-5)


def test_features_are_the_mean_of_the_pooled_map(net, noise, as_video):
    """From 224 up the pool is 2x7x7 as published; on smaller pictures it is the map there is."""
    video = as_video(noise(1, 17, 96, 96))
    with torch.inference_mode():
        *_, (_, last) = net.endpoints(video)
        assert last.shape == (1, 1024, 3, 3, 3)
        pairs = (last[:, :, :-1] + last[:, :, 1:]) / 2
        expected = pairs.mean(dim=(2, 3, 4))
        torch.testing.assert_close(net.vectors(video), expected, rtol=1e-4, atol=1e-5)
        logits = torch.einsum("bc,kc->bk", expected, net.logits["conv3d"].weight[:, :, 0, 0, 0])
        found = net(video)
    torch.testing.assert_close(found, logits + net.logits["conv3d"].bias, rtol=1e-3, atol=1e-3)


def test_random_weights_follow_the_seed_and_leave_the_caller_s_dice_alone(net, noise, as_video):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    again = random_i3d(0)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    video = as_video(noise(1, 9, 48, 48))
    with torch.inference_mode():
        torch.testing.assert_close(net.vectors(video), again.vectors(video), rtol=1e-5, atol=1e-5)
    assert not again.training and not any(p.requires_grad for p in again.parameters())
    assert not torch.equal(net.Mixed_5c.b0.conv3d.weight, random_i3d(1).Mixed_5c.b0.conv3d.weight)


def test_random_features_tell_clips_apart(net, as_video):
    """Two halves of a clip are nearer to each other than to any other clip; no feature is dead everywhere."""
    rng = np.random.default_rng(0)
    halves = []
    for _ in range(6):
        colours, side = rng.integers(0, 256, (2, 3)), rng.integers(2, 12)
        pattern = np.indices((18, 48, 48)).sum(axis=0) // side % 2
        clip = np.clip(colours[pattern] + rng.normal(0, 8, (18, 48, 48, 3)), 0, 255).astype(np.uint8)
        halves.append(net.vectors(as_video(torch.from_numpy(clip.reshape(2, 9, 48, 48, 3)))).numpy())
    first, second = np.array(halves).transpose(1, 0, 2)
    distances = np.linalg.norm(first[:, None] - second[None], axis=2)
    assert (distances.argmin(axis=1) == np.arange(6)).all()
    assert (first.max(axis=0) > 0).mean() > 0.9
