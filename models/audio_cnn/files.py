"""Files of audio CNNs: our checkpoints, and weights of the original release."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from audiosetzsl.errors import SetupError
from models.audio_cnn.network import HEAD, N_MELS, AudioCnn
from models.checkpoint import fill, load_checkpoint, save_checkpoint

KIND = "audio_cnn"
SUFFIX = ".safetensors"
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
PREFIX = "module."  # of a network that several GPUs shared


def save_audio_cnn(model: AudioCnn, path: Path) -> Path:
    """Write a fitted network with the names of the classes it was fitted on."""
    facts = {"class_names": model.class_names, "n_mels": model.n_mels}
    return save_checkpoint(path, KIND, model.state_dict(), facts)


def load_audio_cnn(path: Path) -> AudioCnn:
    """Read a fitted network.

    Raises:
        SetupError: the file is absent, damaged, of another version, or no audio CNN.
    """
    state, facts = load_checkpoint(path, KIND)
    model = AudioCnn(tuple(facts["class_names"]), facts.get("n_mels", N_MELS))
    fill(model, state, path)
    return model


def load_original(path: Path, n_mels: int = N_MELS) -> AudioCnn:
    """Read weights of the original release (weak_feature_extractor), or any that are named like them.

    Taken with any number of classes, from an old or a new format of torch, inside a wrapping dictionary or not,
    with or without the prefix `module.` and the counters of batch normalisation. What the file holds is data:
    code in it is never executed.

    The network computes what the original computes of the same numbers. Those it was trained on are 128 bands of
    44.1 kHz sound in dB, so on log-mels of this project its vectors are worth less than the original's on its own.

    Raises:
        SetupError: the file is absent, damaged, no dictionary of weights, or of another network.
    """
    state = _weights(path)
    head = state.get(f"{HEAD}.0.weight")
    if head is None:
        first = ", ".join(list(state)[:3])
        raise SetupError(
            f"{path}: it has no {HEAD}.0.weight, its weights are called {first}, ...; "
            "expected layer1.0.weight to layer19.0.bias, as in weak_feature_extractor"
        )
    model = AudioCnn(tuple(f"output {number}" for number in range(len(head))), n_mels)
    own = {name: t for name, t in model.state_dict().items() if name.startswith("mel_") or _counts(name)}
    fill(model, own | state, path, "give weights of Kumar et al.'s network, as in weak_feature_extractor")
    return model


def open_audio_cnn(path: Path, n_mels: int = N_MELS) -> AudioCnn:
    """Read a network of ours (.safetensors) or of the original release (any other name) for so many bands.

    Raises:
        SetupError: as `load_audio_cnn` and `load_original`, or the network hears another number of bands.
    """
    if path.suffix.lower() != SUFFIX:
        return load_original(path, n_mels)
    model = load_audio_cnn(path)
    if model.n_mels != n_mels:
        raise SetupError(
            f"{path} hears {model.n_mels} mel bands, the log-mels have {n_mels}; "
            "train a network on them, or extract the log-mels again"
        )
    return model


def _counts(name: str) -> bool:
    return name.endswith(".num_batches_tracked")


def _weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a file by their plain names."""
    if not path.is_file():
        raise SetupError(f"{path} does not exist; check the path")
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickles of another age
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # damage ends in errors of a dozen kinds, struct.error among them
        first = str(problem).partition("\n")[0]
        raise SetupError(
            f"{path} cannot be read as weights ({first}); fetch it again, or save its state_dict() alone"
        ) from problem
    for wrapper in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping) or not all(isinstance(t, Tensor) for t in found.values()):
        raise SetupError(
            f"{path} holds {type(found).__name__}, expected a dictionary of weights; save it from state_dict()"
        )
    return {str(name).removeprefix(PREFIX): tensor for name, tensor in found.items()}
