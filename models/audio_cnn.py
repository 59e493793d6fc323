"""Audio CNN: the network of Kumar et al. that turns a log-mel picture of a clip into 1024 numbers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiosetzsl.errors import ClipError
from models.checkpoint import fill, load_checkpoint, save_checkpoint

KIND = "audio_cnn"
N_MELS = 64
SHORTEST_FRAMES = 128  # six halvings must leave the two frames that block seven looks at
WIDTH = 1024
HEAD = "layer19"
# Blocks one to six: numbers of the layers that are convolutions, their channels, the number of the pool.
BLOCKS = (
    ((1, 2), 16, 3),
    ((4, 5), 32, 6),
    ((7, 8), 64, 9),
    ((10, 11), 128, 12),
    ((13, 14), 256, 15),
    ((16,), 512, 17),
)


class AudioCnn(nn.Module):
    """Kumar, Khadkevich and Fuegen, ICASSP 2018: seven convolution blocks, then a class head.

    Weights are named as in the original (`layer1.0.weight`, ...). The original sees 128 mel bands, the paper
    feeds 64: the last pool therefore halves time only, which leaves the two rows that block seven needs and
    every weight as it was.
    """

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, class_names: tuple[str, ...]) -> None:
        super().__init__()
        self.class_names = class_names
        for name, layer in _layers(len(class_names)):
            self.add_module(name, layer)
        self.register_buffer("mel_mean", torch.zeros(N_MELS))
        self.register_buffer("mel_std", torch.ones(N_MELS))
        self.eval()  # asked more often than taught

    def segments(self, log_mels: Float[Tensor, "n n_frames 64"]) -> Float[Tensor, "n 1024 n_segments"]:
        """Output of block seven: a vector for every 0.64 s of sound."""
        x = ((log_mels - self.mel_mean) / self.mel_std).unsqueeze(1)
        for name, layer in self.named_children():
            if name != HEAD:
                x = layer(x)
        return x.squeeze(3)

    def forward(self, log_mels: Float[Tensor, "n n_frames 64"]) -> Float[Tensor, "n n_classes"]:
        """Class logits of each clip, averaged over time."""
        logits: Tensor = self.get_submodule(HEAD)(self.segments(log_mels).unsqueeze(3))
        return logits.mean(dim=(2, 3))

    @torch.inference_mode()
    def embed(self, log_mel: Float[np.ndarray, "n_frames 64"]) -> Float[np.ndarray, " 1024"]:
        """Embed one clip: block seven averaged over time (the paper, section 5, implementation details).

        Raises:
            ClipError: the clip has no frame.
        """
        long_enough = at_least(log_mel, SHORTEST_FRAMES)
        batch = torch.as_tensor(long_enough, dtype=torch.float32, device=self.mel_mean.device)[None]
        return self.segments(batch).mean(dim=2)[0].cpu().numpy()


def at_least(log_mel: Float[np.ndarray, "n_frames 64"], n_frames: int) -> Float[np.ndarray, "n_long 64"]:
    """The clip itself, or a short one repeated to `n_frames`: silence would be another sound."""
    if not len(log_mel):
        raise ClipError("no_frames", "a log-mel of 0 frames has nothing to hear; leave the clip out")
    times = -(-n_frames // len(log_mel))
    return np.tile(log_mel, (times, 1))[:n_frames] if times > 1 else log_mel


def _layers(n_classes: int) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers under the names, and in the order, of the original."""
    channels_in = 1
    for numbers, channels, pool in BLOCKS:
        for number in numbers:
            yield f"layer{number}", _block(channels_in, channels, kernel=3, padding=1)
            channels_in = channels
        # With 64 bands two are left at the last pool; see the class docstring.
        yield f"layer{pool}", nn.MaxPool2d((2, 1) if pool == BLOCKS[-1][2] else 2)
    yield "layer18", _block(channels_in, WIDTH, kernel=2, padding=0)
    yield HEAD, nn.Sequential(nn.Conv2d(WIDTH, n_classes, 1))


def _block(channels_in: int, channels: int, *, kernel: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, padding=padding), nn.BatchNorm2d(channels), nn.ReLU()
    )


def save_audio_cnn(model: AudioCnn, path: Path) -> Path:
    """Write a fitted network with the names of the classes it was fitted on."""
    return save_checkpoint(path, KIND, model.state_dict(), {"class_names": model.class_names})


def load_audio_cnn(path: Path) -> AudioCnn:
    """Read a fitted network.

    Raises:
        SetupError: the file is absent, damaged, of another version, or no audio CNN.
    """
    state, facts = load_checkpoint(path, KIND)
    model = AudioCnn(tuple(facts["class_names"]))
    fill(model, state, path)
    return model
