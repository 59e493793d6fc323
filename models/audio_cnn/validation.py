"""Validation of the audio CNN: clips of seen classes of the val split, and nothing else, decide when it stops."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch.nn.functional import one_hot

from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.evaluation.metrics import class_accuracies, means_by_class
from audiosetzsl.evaluation.ranking import average_precision
from audiosetzsl.evaluation.training_set import ClassTable
from models.audio_cnn.losses import Loss
from models.audio_cnn.network import AudioCnn, LogMels, batches_of_equal_length


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Clips by which a training may be judged while it goes on: of seen classes, and of the val split.

    Whoever holds this value cannot have chosen a network by test clips, nor by clips of unseen classes, of which
    the features must know nothing.
    """

    log_mels: LogMels
    class_names: Sequence[str]
    splits: Sequence[str]
    classes: ClassTable

    def __post_init__(self) -> None:
        """Refuse every other clip."""
        n_clips, n_names, n_splits = len(self.log_mels), len(self.class_names), len(self.splits)
        if not n_clips == n_names == n_splits:
            raise SetupError(
                f"{n_clips} log-mels, {n_names} class names and {n_splits} splits; give one each a clip"
            )
        seen = self.classes.seen_mask[self.classes.indices_of(self.class_names)]
        unseen = Counter(name for name, is_seen in zip(self.class_names, seen, strict=True) if not is_seen)
        elsewhere = Counter(str(split) for split in self.splits if split != "val")
        for others, what in ((unseen, "of unseen classes"), (elsewhere, "not of the val split")):
            if others:
                counted = ", ".join(f"{name}: {n}" for name, n in sorted(others.items()))
                raise ManifestError(
                    f"{others.total()} of {n_clips} clips to judge a training by are {what} ({counted}); "
                    "it is judged by val clips of seen classes only, so drop these rows"
                )

    def __len__(self) -> int:
        return len(self.class_names)

    def known_to(self, class_names: Sequence[str]) -> "HeldOut":
        """Those of the classes that a network tells apart: the others have no answer that could be right.

        Raises:
            SetupError: there are none.
        """
        known = [clip for clip, name in enumerate(self.class_names) if name in set(class_names)]
        if not known:
            raise SetupError(
                f"none of the {len(self)} held-out clips is of one of the {len(class_names)} classes trained on; "
                "give some of these classes, or held_out=None, which keeps the last pass"
            )
        names, splits = ([of[clip] for clip in known] for of in (self.class_names, self.splits))
        return HeldOut(_Some(self.log_mels, known), names, splits, self.classes)


@dataclass(frozen=True, slots=True)
class Found:
    """What a network came to on held-out clips; every figure is a mean over classes."""

    loss: float
    accuracy: float
    mean_average_precision: float


def validate(model: AudioCnn, held_out: HeldOut, loss: Loss) -> Found:
    """Judge a network by held-out clips, whole; all are of classes that it tells apart.

    Every figure is NaN where the loss of any clip is no finite number.
    """
    column = {name: number for number, name in enumerate(model.class_names)}
    actual = np.array([column[name] for name in held_out.class_names])
    losses, probabilities = _answers(model, held_out.log_mels, actual, loss)
    n_classes = len(column)
    if not np.isfinite(losses).all():  # means over classes would leave such clips out
        return Found(math.nan, math.nan, math.nan)
    return Found(
        loss=float(np.nanmean(means_by_class(losses.astype(np.float64), actual, n_classes))),
        accuracy=float(np.nanmean(class_accuracies(probabilities.argmax(1), actual, n_classes))),
        mean_average_precision=float(
            np.nanmean([average_precision(probabilities[:, c], actual == c) for c in range(n_classes)])
        ),
    )


@dataclass(frozen=True, slots=True)
class _Some:
    """Some of the clips, without a copy."""

    log_mels: LogMels
    chosen: Sequence[int]

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, clip: int) -> np.ndarray:
        return self.log_mels[self.chosen[clip]]


@torch.inference_mode()
def _answers(
    model: AudioCnn, log_mels: LogMels, actual: Int[np.ndarray, " n"], loss: Loss
) -> tuple[Float32[np.ndarray, " n"], Float32[np.ndarray, "n n_classes"]]:
    """Loss and class probabilities of each clip."""
    n_classes, device = len(model.class_names), model.mel_mean.device
    losses = np.zeros(len(actual), np.float32)
    probabilities = np.zeros((len(actual), n_classes), np.float32)
    for clips, batch in batches_of_equal_length(log_mels, device):
        logits = model.segment_logits(batch)
        targets = one_hot(torch.from_numpy(actual[clips]), n_classes).float().to(device)
        losses[clips] = loss.of_clips(logits, targets).cpu().numpy()
        probabilities[clips] = loss.probabilities(logits).cpu().numpy()
    return losses, probabilities
