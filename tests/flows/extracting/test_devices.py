"""Devices: named, refused where they are not here, and shared out among processes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from audiosetzsl.errors import SetupError
from flows.extracting import devices
from flows.extracting.devices import claim, devices_of, feeders_for

ROOT = Path(__file__).parents[3]


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def test_devices_by_name(two_gpus):
    assert devices_of("cpu") == ("cpu",)
    assert devices_of("cuda") == ("cuda:0", "cuda:1")
    assert devices_of("cuda:1") == ("cuda:1",)


def test_a_device_that_is_not_here_is_said(two_gpus):
    with pytest.raises(
        SetupError, match=r"--device cuda:0,cuda:7: expected cpu, cuda, or some of cuda:0, cuda:1"
    ):
        devices_of("cuda:0,cuda:7")


def test_no_gpu_at_all_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    for words in ("cuda", "cuda:0"):
        with pytest.raises(SetupError, match=r"some of no GPU, as PyTorch sees none"):
            devices_of(words)


def test_a_gpu_has_feeders_and_a_cpu_takes_turns(monkeypatch):
    monkeypatch.setattr(devices, "usable_cores", lambda: 16)
    assert feeders_for(("cpu",)) == 0
    assert feeders_for(("cuda:0",)) == 15
    assert feeders_for(("cuda:0", "cuda:1")) == 7


def test_each_process_gets_the_device_that_fewest_use(tmp_path):
    """A process that ends gives its device back, however it ends."""
    code = (
        "import sys, types; sys.modules['torch'] = types.ModuleType('torch'); "  # it takes seconds, and is not asked
        "from pathlib import Path; from flows.extracting.devices import claim; "
        f"print(claim(('cuda:0', 'cuda:1'), Path({str(tmp_path)!r})), flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, **pipes)
    try:
        assert first.stdout.readline().strip() == "cuda:0"
        assert [claim(("cuda:0", "cuda:1"), tmp_path) for _ in range(3)] == ["cuda:1"] * 3
        third = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, input="", capture_output=True, text=True
        )
        assert third.stdout.strip() == "cuda:0", "in its second turn"
    finally:
        first.kill()
        first.communicate()
    again = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input="", capture_output=True, text=True)
    assert again.stdout.strip() == "cuda:0"
    for lock in devices._held:
        lock.close()
    devices._held.clear()
    claim.cache_clear()


def test_one_device_needs_no_claim(tmp_path):
    assert claim(("cpu",), tmp_path / "none") == "cpu"
    assert not (tmp_path / "none").exists()
