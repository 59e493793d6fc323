"""Fetching weights over loopback by the real command, up to a network that computes with them."""

import io
from dataclasses import replace

import pytest
import torch
from loopback_file import serving
from typer.testing import CliRunner

from audiosetzsl.downloads import DigestKind, Pin, git_blob_id_of
from audiosetzsl.errors import SetupError
from extractors.video.i3d import I3D
from extractors.video.nets import VideoConfig, open_net, weights_name
from extractors.video.weights import KINETICS
from flows.__main__ import app
from flows.fetch_weights import fetch_weights


@pytest.fixture(scope="module")
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return I3D().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def content(net):
    """A file as it was published in 2018."""
    file = io.BytesIO()
    torch.save(net.state_dict(), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.fixture
def server(content, tmp_path, monkeypatch):
    """Serves it in place of the published one, under the id that git gives it."""
    monkeypatch.setenv("AZSL_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "published").write_bytes(content)
    pin = Pin(git_blob_id_of(tmp_path / "published"), DigestKind.GIT_BLOB)
    with serving(content, "rgb_imagenet.pt") as running:
        monkeypatch.setitem(KINETICS, "i3d", replace(KINETICS["i3d"], url=running.url, pin=pin))
        yield running


def run(*arguments):
    return CliRunner().invoke(app, ["fetch-weights", *arguments], env={"COLUMNS": "200"})


def test_what_broke_off_is_fetched_by_the_next_run_and_computes(server, net, tmp_path):
    server.cut_at = 30_000_000
    first = run()
    assert isinstance(first.exception, SetupError)
    assert "broke off after 30,000,000 bytes" in str(first.exception)
    assert [path.name for path in (tmp_path / "weights").glob("rgb*")] == ["rgb_imagenet.pt.part"]
    with pytest.raises(SetupError, match=r"fetch-weights i3d"):
        open_net(VideoConfig())
    server.cut_at = None
    done = run("i3d")
    assert done.exit_code == 0, done.output
    for told in (
        server.url,
        "licence: Apache-2.0",
        "cite: Carreira & Zisserman",
        "git blob id (SHA-1)",
        "there: ",
    ):
        assert told in done.output
    assert server.requests == [None, "bytes=30000000-"]
    assert weights_name(VideoConfig()).startswith("rgb_imagenet.pt sha256:")
    frames = torch.randint(0, 256, (1, 9, 32, 32, 3), dtype=torch.uint8)
    with torch.inference_mode():
        expected = net.vectors(frames.float().mul_(2 / 255).sub_(1).permute(0, 4, 1, 2, 3))
    torch.testing.assert_close(open_net(VideoConfig()).vectors(frames), expected, rtol=1e-4, atol=1e-9)


def test_a_file_that_is_not_the_published_one_is_not_kept(server, tmp_path):
    server.content = server.content[:-1] + b"!"
    with pytest.raises(
        SetupError, match=r"gave a file with git blob id \(SHA-1\) .*pytorch-i3d may have changed it"
    ):
        fetch_weights()
    assert [path.name for path in (tmp_path / "weights").iterdir()] == [".rgb_imagenet.pt.lock"]


def test_there_are_no_weights_of_other_networks():
    with pytest.raises(SetupError, match=r"no weights of 'c3d', expected one of i3d, s3d, r2plus1d_18"):
        fetch_weights("c3d")
