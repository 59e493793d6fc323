"""What is read out of weight files, and what is refused: code, damage, other formats."""

import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from audiosetzsl.errors import SetupError
from extractors.video.weight_files import read_tensors

TENSORS = {"a.weight": torch.arange(3.0)}


class Wicked:
    """Runs a command where a pickle is loaded the careless way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path, zipped):
    ran, path = tmp_path / "ran", tmp_path / "w.pt"
    torch.save({"state_dict": TENSORS, "hook": Wicked(ran)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        SetupError, match=r"wants to call (posix|nt).system.*not loaded.*torch.save\(net.state_dict"
    ):
        read_tensors(path)
    assert not ran.exists()


def test_a_bare_pickle_is_no_weight_file(tmp_path):
    ran, path = tmp_path / "ran", tmp_path / "w.pt"
    path.write_bytes(pickle.dumps(Wicked(ran)))
    with pytest.raises(SetupError, match=r"wants to call|damaged or no weight file"):
        read_tensors(path)
    assert not ran.exists()


def test_a_whole_module_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(SetupError, match=r"wants to call torch.nn.modules.linear.Linear"):
        read_tensors(tmp_path / "module.pt")


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model", "net"])
def test_wrappers_are_opened(tmp_path, wrapper):
    torch.save({"epoch": 1, wrapper: TENSORS}, tmp_path / "w.pt")
    assert torch.equal(read_tensors(tmp_path / "w.pt")["a.weight"], TENSORS["a.weight"])


def test_a_torch_file_may_be_called_ckpt(tmp_path):
    torch.save(TENSORS, tmp_path / "w.ckpt")
    assert set(read_tensors(tmp_path / "w.ckpt")) == {"a.weight"}


@pytest.mark.parametrize(
    "name",
    ["checkpoint", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "model.ckpt.meta", "saved.pb"],
)
def test_tensorflow_is_recognised(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x00\x00\x01\x08\x01")
    with pytest.raises(SetupError, match=r"seems to be a TensorFlow checkpoint; expected .*convert it first"):
        read_tensors(tmp_path / name)


def test_a_folder_is_taken_for_tensorflows(tmp_path):
    with pytest.raises(SetupError, match=r"seems to be a TensorFlow checkpoint"):
        read_tensors(tmp_path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SetupError, match=r"none.pt does not exist; expected a state dict of PyTorch"):
        read_tensors(tmp_path / "none.pt")


def a_zip(path):
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def cut(path):
    torch.save({"a": torch.zeros(10_000)}, path)
    path.write_bytes(path.read_bytes()[:20_000])


def cut_old(path):
    torch.save({"a": torch.zeros(10_000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:20_000])


RUBBISH = {
    "empty": lambda path: path.write_bytes(b""),
    "a page": lambda path: path.write_text("<!DOCTYPE html><html><body>Sign in</body></html>"),
    "a pointer": lambda path: path.write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    ),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
    "a list of users": lambda path: path.write_text("root:x:0:0:root:/root:/bin/bash\n"),
    "two letters": lambda path: path.write_bytes(b"tt\n"),
    "a zip": a_zip,
    "cut": cut,
    "cut, 2018": cut_old,
}


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_damage_and_other_files_are_told_with_how_they_begin(tmp_path, rubbish):
    path = tmp_path / "w.pt"
    RUBBISH[rubbish](path)
    begins = re.escape(repr(path.read_bytes()[:16]))
    with pytest.raises(SetupError, match=rf"damaged or no weight file \(it begins with {begins}\); expected"):
        read_tensors(path)


@given(content=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_bytes_raise_anything_else(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(content)
    with pytest.raises(SetupError):
        read_tensors(path)


def test_a_file_that_nobody_can_read():
    with pytest.raises(
        SetupError, match=r"damaged or no weight file \(it cannot be read: Input/output error"
    ):
        read_tensors(Path("/proc/self/mem"))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_numbers_have_to_be_finite(tmp_path, wrong):
    broken = {"counted": torch.tensor(3), "b": torch.tensor([0.0, wrong]), "c": torch.tensor([wrong])}
    torch.save(TENSORS | broken, tmp_path / "w.pt")
    says = r"w\.pt does not fit: b holds numbers that are not finite \(so do 1 more.*; fetch it again"
    with pytest.raises(SetupError, match=says):
        read_tensors(tmp_path / "w.pt")


def test_damaged_safetensors(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SetupError, match=r"cannot be read as safetensors .*fetch it again"):
        read_tensors(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.zeros(1)], torch.zeros(2), {1: torch.zeros(1)}])
def test_a_file_without_named_tensors(tmp_path, content):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(SetupError, match=r"holds no tensors by name; expected a state dict"):
        read_tensors(tmp_path / "w.pt")
