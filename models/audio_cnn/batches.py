"""Batches for the audio CNN: random crops of clips of seen classes, every class equally often."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor
from torch.nn.functional import one_hot

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import SeenLabels
from models.audio_cnn.augmentation import masked, mixed
from models.audio_cnn.network import AudioCnn, LogMels, at_least
from models.audio_cnn.training import AudioCnnTraining
from models.sampling import ClassBalanced, class_balanced

SMALLEST_STD = 1e-3  # of a mel band that never changes


@dataclass(frozen=True, slots=True)
class SeenSounds:
    """The clips that the network learns from; made of `SeenLabels`, so that no other clip can be among them."""

    log_mels: LogMels
    class_names: tuple[str, ...]  # seen classes that have clips: what the head tells apart
    targets: Int[Tensor, " n_clips"]
    sampler: ClassBalanced

    @staticmethod
    def of(log_mels: LogMels, labels: SeenLabels) -> "SeenSounds":
        """Pair log-mels with their labels.

        Raises:
            SetupError: they differ in number, or fewer than two classes have clips.
        """
        if len(log_mels) != len(labels):
            raise SetupError(f"{len(log_mels)} log-mels but {len(labels)} labels; give one each")
        present, among_present = np.unique(labels.indices, return_inverse=True)
        targets = torch.from_numpy(among_present)
        sampler = class_balanced(targets)
        return SeenSounds(log_mels, tuple(labels.classes.names[i] for i in present), targets, sampler)

    def __len__(self) -> int:
        return len(self.targets)

    def draw(
        self, n: int, n_frames: int, generator: torch.Generator
    ) -> tuple[Float[Tensor, "n n_frames n_mels"], Float32[Tensor, "n n_classes"]]:
        """Draw clips, every class equally often, and a stretch of each; and their targets, one a row."""
        clips = self.sampler.draw(n, generator)
        crops = crops_of(self.log_mels, clips.tolist(), n_frames, generator)
        return crops, one_hot(self.targets[clips], len(self.class_names)).float()

    def mel_statistics(self) -> tuple[Float32[Tensor, " n_mels"], Float32[Tensor, " n_mels"]]:
        """Mean and deviation of each mel band over all frames.

        Raises:
            ClipError: a clip has no frame.
        """
        total, squares, n_frames = 0.0, 0.0, 0
        for clip in range(len(self)):
            rows = at_least(self.log_mels[clip], 1).astype(np.float32)  # refuses a clip without a frame
            total = total + rows.sum(0, dtype=np.float64)
            squares = squares + np.square(rows).sum(0, dtype=np.float64)
            n_frames += len(rows)
        mean = np.asarray(total) / n_frames
        std = np.sqrt(np.maximum(np.asarray(squares) / n_frames - np.square(mean), SMALLEST_STD**2))
        return torch.from_numpy(mean).float(), torch.from_numpy(std).float()


def crops_of(
    log_mels: LogMels, clips: Sequence[int], n_frames: int, generator: torch.Generator
) -> Float[Tensor, "n n_frames n_mels"]:
    """Cut a stretch from a random place of each of these clips; a short clip is repeated."""
    crops = []
    for clip in clips:
        long_enough = at_least(log_mels[clip], n_frames)
        start = int(torch.randint(len(long_enough) - n_frames + 1, (1,), generator=generator))
        crops.append(long_enough[start : start + n_frames])
    return torch.from_numpy(np.stack(crops))


def augmented(
    model: AudioCnn,
    log_mels: Float32[Tensor, "n n_frames n_mels"],
    targets: Float32[Tensor, "n n_classes"],
    training: AudioCnnTraining,
    generator: torch.Generator,
) -> tuple[Float32[Tensor, "n n_frames n_mels"], Float32[Tensor, "n n_classes"]]:
    """Mask, then mix, as far as the training asks for it."""
    if training.freq_masks or training.time_masks:
        freq, time = (
            (training.freq_masks, training.freq_width),
            (training.time_masks, training.time_width),
        )
        log_mels = masked(log_mels, model.mel_mean, freq=freq, time=time, generator=generator)
    if training.mixup:
        log_mels, targets = mixed(log_mels, targets, training.mixup, generator)
    return log_mels, targets
