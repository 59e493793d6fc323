"""Weight files: tensors by name, out of a file that is read and never run."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audiosetzsl.errors import SetupError

# Where training scripts put the state dict among other things.
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
TENSORFLOW = re.compile(r"^checkpoint$|\.ckpt$|\.(index|meta|pb|h5|tflite)$|\.data-\d+-of-\d+$")
EXPECTED = "expected a state dict of PyTorch (.pt, .pth) or safetensors"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a file: safetensors, or PyTorch's own format, zipped or from before 2020.

    A state dict inside a wrapper ({"state_dict": ...}) is taken out of it.

    Raises:
        SetupError: the file is not there, is something else, is damaged, wants to run code, or holds numbers
            that are not finite.
    """
    if not path.exists():
        raise SetupError(f"{path} does not exist; {EXPECTED}")
    if path.is_dir() or (TENSORFLOW.search(path.name) and not _is_torch(path)):
        raise SetupError(f"{path} seems to be a TensorFlow checkpoint; {EXPECTED}: convert it first")
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch(path)
    while isinstance(content, dict) and not any(isinstance(x, Tensor) for x in content.values()):
        inner = next((content[name] for name in WRAPPERS if isinstance(content.get(name), dict)), None)
        if inner is None:
            break
        content = inner
    tensors = content.items() if isinstance(content, dict) else ()
    state = {name: x for name, x in tensors if isinstance(name, str) and isinstance(x, Tensor)}
    if not state:
        raise SetupError(f"{path} holds no tensors by name; {EXPECTED}")
    if faulty := [name for name, x in state.items() if not x.isfinite().all()]:
        more = f" (so do {len(faulty) - 1} more of its tensors)" if len(faulty) > 1 else ""
        raise SetupError(
            f"{path} does not fit: {faulty[0]} holds numbers that are not finite{more}; "
            "fetch it again, or name a file from before its training went wrong"
        )
    return state


def _is_torch(path: Path) -> bool:
    """Whether a file begins as a zip archive or a pickle does; PyTorch files are sometimes called .ckpt."""
    with path.open("rb") as file:
        return file.read(2) in (b"PK", b"\x80\x02")


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise SetupError(f"{path} cannot be read as safetensors ({problem}); fetch it again") from problem


def _torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():  # what it cannot read is an error of ours
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # its unpickler takes any file for a pickle, and fails at it in any way
        wants = re.search(r"GLOBAL ([\w.]+)", str(problem))
        if isinstance(problem, pickle.UnpicklingError) and wants:
            raise SetupError(
                f"{path} is a pickle that wants to call {wants[1]}, which may run anything; it was not loaded. "
                "Save its state dict alone, with torch.save(net.state_dict(), ...), and name that file"
            ) from problem
        raise SetupError(f"{path} is damaged or no weight file ({_beginning(path)}); {EXPECTED}") from problem


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return f"it begins with {file.read(16)!r}"
    except OSError as problem:
        return f"it cannot be read: {problem.strerror}"
