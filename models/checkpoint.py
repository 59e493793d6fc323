"""Checkpoints: the weights of a model and what it was made with, in one safetensors file."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_bytes

# One key, because safetensors writes several in no fixed order, and equal models shall be equal bytes.
FACTS = "facts"
DIGEST = "sha256"  # among the facts: of all else that the file holds


def save_checkpoint(
    path: Path, kind: str, state: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
) -> Path:
    """Write weights and facts (JSON) into one file, whole or not at all, so that they cannot be parted."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    told = json.loads(json.dumps({"kind": kind, **facts}))  # as they will come back from the file
    text = json.dumps({**told, DIGEST: _digest_of(told, tensors)}, sort_keys=True)
    # Not safetensors' save_file: it writes files that nobody but their owner can read, whatever the umask.
    return write_bytes(path, save(tensors, metadata={FACTS: text}))


def load_checkpoint(path: Path, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read weights and facts of a model of this kind; nothing in the file is ever executed.

    Raises:
        SetupError: the file is absent, damaged, of another version, or holds another kind of model.
    """
    if not path.is_file():
        raise SetupError(f"{path} does not exist; train the model first or check the path")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(FACTS, "{}"))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as problem:
        raise SetupError(f"{path} is damaged ({problem}); delete it and train the model again") from problem
    digest = facts.pop(DIGEST, None)
    if digest is not None and digest != _digest_of(facts, state):
        raise SetupError(
            f"{path} is damaged (its bytes are not those written); delete it and train the model again"
        )
    found = facts.pop("kind", "no model of this project")
    if found != kind:
        raise SetupError(f"{path} holds {found}, expected {kind}")
    if digest is None:
        raise SetupError(
            f"{path} is of another version (it has no {DIGEST}); delete it and train the model again"
        )
    return state, facts


def fill(
    model: nn.Module,
    state: Mapping[str, torch.Tensor],
    path: Path,
    advice: str = "delete it and train the model again",
) -> None:
    """Put the weights read from `path` into a network of the same shape; `advice` is what to do if they do not fit.

    Raises:
        SetupError: a weight is missing, unknown, or of another shape.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if wrong:
        first = wrong[0]
        raise SetupError(
            f"{path}: {len(wrong)} weights do not fit the network, the first is {first}: "
            f"{found.get(first)}, expected {expected.get(first)}; {advice}"
        )
    model.load_state_dict(state)


def _digest_of(facts: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> str:
    """What tells a file as it was written from one of which a bit was turned."""
    digest = sha256(json.dumps(facts, sort_keys=True).encode())
    for name, tensor in sorted(state.items()):
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)  # bytes, as NumPy has no bfloat16
    return digest.hexdigest()
