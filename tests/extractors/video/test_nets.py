import hashlib
import pickle

import pytest
import torch

from audiosetzsl.errors import SetupError
from extractors.media.scaling import CentreCrop
from extractors.video.nets import NETS, VideoConfig, VideoNet, default_config, open_net, weights_name
from extractors.video.torchvision_nets import TorchvisionScaling


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("AZSL_WEIGHTS", str(tmp_path))
    return tmp_path


def test_the_defaults_are_i3d_s():
    config = VideoConfig()
    assert config == default_config("i3d")
    assert (config.fps, config.size, config.window, config.hop) == (25.0, 224, 64, 64)
    assert config.pictures.scaling == CentreCrop(224, 256) and config.pictures.fps == 25.0


@pytest.mark.parametrize("net", NETS)
def test_every_network_has_defaults_that_hold_and_travel_to_workers(net):
    config = default_config(net)
    assert config.net == net and config.hop == config.window
    assert pickle.loads(pickle.dumps(config)) == config
    assert pickle.loads(pickle.dumps(config.pictures)) == config.pictures
    assert config.pictures.scaling == (CentreCrop() if net == "i3d" else TorchvisionScaling(net))


WRONG = {
    "there is no network 'i3e', expected one of i3d, s3d, r2plus1d_18, mvit_v2_s, swin3d_t": {"net": "i3e"},
    "precision is 'fp16', expected one of fp32, tf32, bf16": {"precision": "fp16"},
    "fps is 0.0, expected more than 0": {"fps": 0.0},
    "fps is nan, expected more than 0": {"fps": float("nan")},
    "hop is 0, expected at least 1 frame": {"hop": 0},
    "size is 300, expected 1 to short_side, which is 256": {"size": 300},
    "size is 0, expected 1 to short_side": {"size": 0},
    "weights are '', expected kinetics400, a path or random:<seed>": {"weights": ""},
    "weights are 'random:x', expected random:<seed>": {"weights": "random:x"},
    "window is 8, expected at least 9 frames for i3d": {"window": 8},
    "window is 64, expected exactly 16 frames for mvit_v2_s": {"net": "mvit_v2_s"},
    "window is 13, expected at least 14 frames for s3d": {"net": "s3d", "window": 13},
    "size is 112 and short_side 128, expected 224 and 256: torchvision's own transform": {
        "net": "s3d", "size": 112, "short_side": 128,
    },
}  # fmt: skip


@pytest.mark.parametrize("says", WRONG)
def test_what_cannot_be_is_refused(says):
    with pytest.raises(SetupError) as refused:
        VideoConfig(**WRONG[says])
    assert says in str(refused.value)


def test_an_unknown_network_has_no_defaults():
    with pytest.raises(SetupError, match=r"there is no network 'c3d'"):
        default_config("c3d")


def test_random_weights_are_said_aloud(empty_cache):
    config = VideoConfig(weights="random:3")
    assert weights_name(config) == "random:3 (nothing was learned)"
    net = open_net(config)
    assert isinstance(net, VideoNet) and net.width == 1024


@pytest.mark.parametrize("ask", [open_net, weights_name])
def test_absent_weights_are_an_error_that_says_what_to_do(empty_cache, ask):
    with pytest.raises(SetupError, match=r"not at .*rgb_imagenet.pt: fetch .*fetch-weights i3d`"):
        ask(VideoConfig())


def test_a_file_is_named_by_its_digest_and_gives_its_features(trained_like, noise, as_video, empty_cache):
    path = empty_cache / "rgb_imagenet.pt"
    torch.save(trained_like.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    frames = noise(1, 9, 32, 32)
    with torch.inference_mode():
        expected = trained_like.vectors(as_video(frames))
    for weights in ("kinetics400", str(path)):
        config = VideoConfig(weights=weights)
        assert weights_name(config) == f"rgb_imagenet.pt sha256:{digest}"
        torch.testing.assert_close(open_net(config).vectors(frames), expected, rtol=1e-4, atol=1e-5)
