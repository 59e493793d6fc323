"""Files in every layout that I3D is published in, written for real from seeded networks, and files of strangers."""

import re
import warnings

import pytest
import torch
from safetensors.torch import save_file

from audiosetzsl.errors import SetupError
from extractors.video.i3d import I3D
from extractors.video.i3d_weights import read_i3d


@pytest.fixture(scope="module")
def state(trained_like):
    return trained_like.state_dict()


def as_hassony(state):
    """Names of hassony2/kinetics_i3d_pytorch, spelt out from its own table and not by our rules."""
    branches = {
        "b0": "branch_0", "b1a": "branch_1.0", "b1b": "branch_1.1",
        "b2a": "branch_2.0", "b2b": "branch_2.1", "b3b": "branch_3.1",
    }  # fmt: skip
    named = {}
    for name, x in state.items():
        first, *middle, kind, last = name.split(".")
        if first == "logits":
            named[f"conv3d_0c_1x1.conv3d.{last}"] = x
        else:
            kind = {"bn": "batch3d", "conv3d": "conv3d"}[kind]
            named[".".join([first.lower(), *(branches[m] for m in middle), kind, last])] = x
    return named


def untracked(state):
    return {name: x for name, x in state.items() if not name.endswith("num_batches_tracked")}


def of_classes(state, n):
    heads = {
        "logits.conv3d.weight": torch.full((n, 1024, 1, 1, 1), 0.5),
        "logits.conv3d.bias": torch.arange(float(n)),
    }
    return state | heads


def prefixed(state, prefix="module."):
    return {prefix + name: x for name, x in state.items()}


LAYOUTS = {
    "piergiaj": lambda state: state,
    "hassony": as_hassony,
    "DataParallel": prefixed,
    "hassony, DataParallel": lambda state: prefixed(as_hassony(state)),
    "Lightning": lambda state: {"state_dict": prefixed(state, "model."), "epoch": 3, "lr": [0.1]},
    "model": lambda state: {"model": as_hassony(state), "optimizer": {"param_groups": []}},
    "net in state_dict": lambda state: {"state_dict": {"net": state}},
    "before num_batches_tracked": untracked,
    "half precision": lambda state: {n: x.half() if x.is_floating_point() else x for n, x in state.items()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_network(layout, state, trained_like, tmp_path, noise, as_video):
    path = tmp_path / "weights.pt"
    torch.save(LAYOUTS[layout](state), path)
    net = read_i3d(path)
    video = as_video(noise(1, 9, 32, 32))
    tolerance = 1e-2 if layout == "half precision" else 0
    with torch.inference_mode():
        torch.testing.assert_close(
            net.vectors(video), trained_like.vectors(video), rtol=tolerance, atol=tolerance
        )
        torch.testing.assert_close(net(video), trained_like(video), rtol=tolerance, atol=tolerance)
    assert not net.training and not any(p.requires_grad for p in net.parameters())


def test_a_file_of_2018_is_read(state, trained_like, tmp_path):
    """Not a zip archive, and without the counts: 287 names."""
    path = tmp_path / "rgb_imagenet.pt"
    old = untracked(state)
    assert len(old) == 287
    torch.save(old, path, _use_new_zipfile_serialization=False)
    assert path.read_bytes()[:2] != b"PK"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = read_i3d(path)
    assert all(torch.equal(x, state[name]) for name, x in net.state_dict().items())


def test_safetensors_are_read(state, tmp_path):
    path = tmp_path / "i3d.safetensors"
    save_file({name: x.contiguous() for name, x in as_hassony(state).items()}, path)
    assert all(torch.equal(x, state[name]) for name, x in read_i3d(path).state_dict().items())


@pytest.mark.parametrize("n_classes", [1, 157, 600])
def test_any_number_of_classes_is_kept(state, tmp_path, n_classes):
    torch.save(of_classes(state, n_classes), tmp_path / "other.pt")
    net = read_i3d(tmp_path / "other.pt")
    assert net.logits["conv3d"].bias.tolist() == list(range(n_classes))


def test_without_a_classifier_there_is_one_of_zeros(state, trained_like, tmp_path, noise, as_video):
    torch.save({n: x for n, x in state.items() if not n.startswith("logits")}, tmp_path / "headless.pt")
    net = read_i3d(tmp_path / "headless.pt")
    video = as_video(noise(1, 9, 32, 32))
    with torch.inference_mode():
        assert torch.equal(net.vectors(video), trained_like.vectors(video))
        assert not net(video).any()


STRANGERS = {
    "flow": (
        {"Conv3d_1a_7x7.conv3d.weight": torch.zeros(64, 2, 7, 7, 7)},
        "seems to hold I3D for optical flow: its first convolution takes 2 channels, not 3",
    ),
    "flow, hassony": (
        {"module.conv3d_1a_7x7.conv3d.weight": torch.zeros(64, 2, 7, 7, 7)},
        "seems to hold I3D for optical flow",
    ),
    "one channel": (
        {"Conv3d_1a_7x7.conv3d.weight": torch.zeros(64, 1, 7, 7, 7)},
        "seems to hold an I3D of another make: its first convolution takes 1 channels",
    ),
    "mmaction2": (
        {"state_dict": {"backbone.conv1.conv.weight": torch.zeros(64, 3, 5, 7, 7)}},
        "seems to hold a ResNet-I3D of MMAction2",
    ),
    "pytorchvideo": (
        {"model_state": 1, "model": {"blocks.0.conv.weight": torch.zeros(64, 3, 5, 7, 7)}},
        "seems to hold a ResNet-I3D (or a relative of it) of PyTorchVideo",
    ),
    "resnet": ({"layer1.0.conv1.weight": torch.zeros(64, 64, 3, 3)}, "seems to hold a ResNet "),
    "s3d": ({"features.0.0.0.weight": torch.zeros(64, 3, 1, 7, 7)}, "seems to hold S3D of torchvision"),
    "tensorflow names": (
        {"RGB/inception_i3d/Conv3d_1a_7x7/conv_3d/w": torch.zeros(7, 7, 7, 3, 64)},
        "seems to hold a TensorFlow I3D whose variables were saved by name",
    ),
    "anything": (
        {"a.weight": torch.zeros(1), "b.weight": torch.zeros(1)},
        "seems to hold another network (it has a.weight, b.weight, ...)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_recognised(stranger, tmp_path):
    content, says = STRANGERS[stranger]
    torch.save(content, tmp_path / "w.pt")
    expected = re.escape(says) + r".*expected Inception-v1 I3D for RGB, as in rgb_imagenet.pt of piergiaj"
    with pytest.raises(SetupError, match=expected):
        read_i3d(tmp_path / "w.pt")


def test_what_does_not_fit_is_named(state, tmp_path):
    broken = dict(state)
    del broken["Mixed_4b.b0.bn.bias"]
    broken["extra"] = torch.zeros(1)
    broken["Mixed_5c.b0.conv3d.weight"] = torch.zeros(2, 2)
    torch.save(broken, tmp_path / "w.pt")
    with pytest.raises(SetupError) as refused:
        read_i3d(tmp_path / "w.pt")
    assert (
        "does not fit: Mixed_4b.b0.bn.bias is missing; extra is not part of the network; "
        "Mixed_5c.b0.conv3d.weight is (2, 2), not (384, 832, 1, 1, 1); expected"
    ) in str(refused.value)


def test_many_faults_are_counted(tmp_path):
    torch.save({"Conv3d_1a_7x7.conv3d.weight": torch.zeros(64, 3, 7, 7, 7)}, tmp_path / "w.pt")
    with pytest.raises(SetupError, match=r"does not fit: .* is missing; .* and \d+ more; expected"):
        read_i3d(tmp_path / "w.pt")


def test_numbers_have_to_be_finite(state, tmp_path):
    weight = state["Mixed_3b.b0.conv3d.weight"].clone()
    weight[0, 0] = torch.nan
    torch.save(state | {"Mixed_3b.b0.conv3d.weight": weight}, tmp_path / "w.pt")
    with pytest.raises(SetupError, match=r"Mixed_3b.b0.conv3d.weight holds numbers that are not finite"):
        read_i3d(tmp_path / "w.pt")


def test_our_own_state_dict_comes_back(tmp_path):
    net = I3D(5)
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    back = read_i3d(tmp_path / "mine.pt").state_dict()
    assert all(torch.equal(x, back[name]) for name, x in net.state_dict().items())
