"""The network of Kumar et al. that turns the log-mel of a clip into 1024 numbers."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from audiosetzsl.errors import ClipError, SetupError

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
# Block seven needs two rows. Five halvings leave two of 64 bands already, and four of 128.
LAST_POOL = {64: (2, 1), 128: (2, 2)}
# Measured on one core: clips side by side are no faster than one after the other, 16 of them are slower. And a
# clip that is alone has the same vector to the bit whatever else is in its block.
CLIPS_AT_ONCE = {"cpu": 1, "cuda": 64}


@runtime_checkable  # the tests look at arguments
class LogMels(Protocol):
    """Log-mels of clips [n_frames, n_mels] by number: a list of arrays, or a file that is mapped."""

    def __len__(self) -> int:
        """How many clips."""
        ...

    def __getitem__(self, clip: int, /) -> np.ndarray:
        """The log-mel of one."""
        ...


class AudioCnn(nn.Module):
    """Kumar, Khadkevich and Fuegen, ICASSP 2018: seven convolution blocks, then a class head; 12 + 1 layers.

    Weights are named as in the original (`layer1.0.weight`, ...). The original sees 128 mel bands, the paper
    does not say how many; VGGish's front-end, which we take, has 64. With those the last pool halves time only,
    which leaves block seven its two rows and every weight its shape; `n_mels=128` is the network to the letter.

    Each band is first brought to mean 0 and deviation 1 by the statistics of the training clips, which are kept
    beside the weights. The original has none, which is mean 0 and deviation 1.
    """

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, class_names: tuple[str, ...], n_mels: int = N_MELS) -> None:
        super().__init__()
        if n_mels not in LAST_POOL:
            raise SetupError(
                f"the log-mels have {n_mels} bands, the audio CNN takes 64 or, to the letter of the original, "
                "128; extract log-mels of so many"
            )
        self.class_names = class_names
        for name, layer in _layers(len(class_names), LAST_POOL[n_mels]):
            self.add_module(name, layer)
        self.register_buffer("mel_mean", torch.zeros(n_mels))
        self.register_buffer("mel_std", torch.ones(n_mels))
        self.to(memory_format=torch.channels_last)  # a quarter faster
        self.eval()  # asked more often than taught

    @property
    def n_mels(self) -> int:
        """Mel bands that the network hears."""
        return len(self.mel_mean)

    def normalise(self, mean: Float[Tensor, " n_mels"], std: Float[Tensor, " n_mels"]) -> None:
        """Take the mean and deviation that each band has in what is learnt from."""
        self.mel_mean.copy_(mean)
        self.mel_std.copy_(std)

    def segments(self, log_mels: Float[Tensor, "n n_frames n_mels"]) -> Float[Tensor, "n 1024 n_segments"]:
        """Output of block seven: n_frames // 64 - 1 vectors, each of 1.28 s of sound and some margin."""
        x = ((log_mels - self.mel_mean) / self.mel_std).unsqueeze(1)
        for name, layer in self.named_children():
            if name != HEAD:
                x = layer(x)
        return x.squeeze(3)

    def segment_logits(
        self, log_mels: Float[Tensor, "n n_frames n_mels"]
    ) -> Float[Tensor, "n n_classes n_segments"]:
        """Class logits of each segment."""
        logits: Tensor = self.get_submodule(HEAD)(self.segments(log_mels).unsqueeze(3))
        return logits.squeeze(3)

    def forward(self, log_mels: Float[Tensor, "n n_frames n_mels"]) -> Float[Tensor, "n n_classes"]:
        """Class logits of each clip, averaged over time."""
        return self.segment_logits(log_mels).mean(dim=2)

    @torch.inference_mode()
    def embed(self, log_mel: Float[np.ndarray, "n_frames n_mels"]) -> Float32[np.ndarray, " 1024"]:
        """Embed one clip: block seven averaged over time (the paper, section 5, implementation details).

        Raises:
            ClipError: the clip has no frame.
        """
        vector: np.ndarray = self.embed_all([log_mel])[0]
        return vector

    @torch.inference_mode()
    def embed_all(self, log_mels: LogMels) -> Float32[np.ndarray, "n 1024"]:
        """Embed clips of any lengths; on a GPU those of equal length go together.

        Raises:
            ClipError: a clip has no frame.
        """
        vectors = np.zeros((len(log_mels), WIDTH), np.float32)
        for clips, batch in batches_of_equal_length(log_mels, self.mel_mean.device):
            vectors[clips] = self.segments(batch).mean(dim=2).cpu().numpy()
        return vectors


def at_least(log_mel: Float[np.ndarray, "n_frames n_mels"], n_frames: int) -> np.ndarray:
    """The clip itself, or a short one repeated to `n_frames`: silence would be another sound."""
    if not len(log_mel):
        raise ClipError("no_frames", "a log-mel of 0 frames has nothing to hear; leave the clip out")
    times = -(-n_frames // len(log_mel))
    return np.tile(log_mel, (times, 1))[:n_frames] if times > 1 else log_mel


def batches_of_equal_length(
    log_mels: LogMels, device: torch.device
) -> Iterator[tuple[Int[np.ndarray, " n"], Float32[Tensor, "n n_frames n_mels"]]]:
    """Yield numbers of clips and the clips whole, on the device, as many at once as is fast there."""
    at_once = CLIPS_AT_ONCE.get(device.type, 1)
    lengths = np.array([max(len(log_mels[clip]), SHORTEST_FRAMES) for clip in range(len(log_mels))], np.int64)
    for length in np.unique(lengths):
        clips = np.flatnonzero(lengths == length)
        for start in range(0, len(clips), at_once):
            some = clips[start : start + at_once]
            batch = np.stack([at_least(log_mels[int(clip)], SHORTEST_FRAMES) for clip in some])
            yield some, torch.from_numpy(batch).to(device).float()


def _layers(n_classes: int, last_pool: tuple[int, int]) -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers under the names, and in the order, of the original."""
    channels_in = 1
    for numbers, channels, pool in BLOCKS:
        for number in numbers:
            yield f"layer{number}", _block(channels_in, channels, kernel=3, padding=1)
            channels_in = channels
        yield f"layer{pool}", nn.MaxPool2d(last_pool if pool == BLOCKS[-1][2] else 2)
    yield "layer18", _block(channels_in, WIDTH, kernel=2, padding=0)
    yield HEAD, nn.Sequential(nn.Conv2d(WIDTH, n_classes, 1))


def _block(channels_in: int, channels: int, *, kernel: int, padding: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, padding=padding), nn.BatchNorm2d(channels), nn.ReLU()
    )
