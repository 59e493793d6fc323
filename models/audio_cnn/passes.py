"""Passes: what each pass over the training clips came to, which was best, and when to stop."""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from models.audio_cnn.training import AudioCnnTraining
from models.audio_cnn.validation import Found


@dataclass(frozen=True, slots=True)
class AudioCnnPass:
    """One pass: a row of the log. Figures of val are None where nothing was held out."""

    number: int
    loss: float  # mean over the crops, while training on them
    accuracy: float  # the same
    val_loss: float | None  # of val: whole clips, means over classes
    val_accuracy: float | None
    val_map: float | None
    learning_rate: float  # of the last step
    seconds: float

    @staticmethod
    def of(
        number: int, loss: float, accuracy: float, found: Found | None, learning_rate: float, seconds: float
    ) -> "AudioCnnPass":
        """A pass and what was found on val after it."""
        if found is None:
            return AudioCnnPass(number, loss, accuracy, None, None, None, learning_rate, seconds)
        of_val = (found.loss, found.accuracy, found.mean_average_precision)
        return AudioCnnPass(number, loss, accuracy, *of_val, learning_rate, seconds)


def best_of(passes: Sequence[AudioCnnPass]) -> AudioCnnPass:
    """The pass to keep: best mAP on val, of equal ones least loss, of these the first; without val the last."""
    return max(passes, key=_rank)


def _rank(one: AudioCnnPass) -> tuple[float, float]:
    if one.val_map is None or one.val_loss is None:
        return float(one.number), 0.0
    return one.val_map, -one.val_loss


def is_over(passes: Sequence[AudioCnnPass], training: AudioCnnTraining) -> bool:
    """Whether all passes are done, or `patience` of them brought nothing."""
    if not passes:
        return False
    number = passes[-1].number
    return number >= training.passes or number - best_of(passes).number >= training.patience


def as_csv(passes: Sequence[AudioCnnPass]) -> str:
    """The log: a row a pass, an empty cell for what was not measured."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(AudioCnnPass))
    writer.writerows(astuple(one) for one in passes)
    return text.getvalue()
